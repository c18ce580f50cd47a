"""The terminal client's voice: what was typed, signed once and sent until it is answered.

One message is on its way at a time, so each follows one that is in the room. After a lost connection the identical
bytes are sent again; the server answers a message that it has with the acknowledgement that it gave.
"""

from __future__ import annotations

import asyncio

from websockets.asyncio.client import ClientConnection

import hbss
from demo_chat import terminal, wire
from demo_chat.checker import now
from demo_chat.listener import Listener
from demo_chat.protocol import Refusal
from demo_chat.session import RENEW_AT, Session

PAUSE = 1.0  # seconds before what was refused as too much is sent again
NOT_YET = {"rate", "full"}

Answer = wire.Accepted | wire.Renewed | wire.Refused


class Speaker:
    """One user's lines and the sessions that sign them.

    where: a folder for session keys. typed: lines of standard input; None is their end. commands: a line that begins
    with "/" is one.
    """

    def __init__(
        self, identity: hbss.PrivateKey, name: str, where: str, typed: asyncio.Queue[bytes | None],
        *, commands: bool, renew_at: int = RENEW_AT,
    ) -> None:  # fmt: skip
        self._identity, self._name, self._where = identity, name, where
        self._typed, self._commands, self._renew_at = typed, commands, renew_at
        self._session: Session | None = None
        self._challenge = b""
        self._line: bytes | None = None  # typed, not yet signed
        self._pending: wire.Post | None = None  # signed, not yet answered
        self._answer: asyncio.Future[Answer] | None = None
        self.failed = False  # a line could not be sent

    @property
    def key(self) -> bytes:
        """The identity key."""
        return self._identity.public_key().public_bytes_raw()

    async def hello(self, listener: Listener, challenge: bytes) -> wire.Hello:
        """To be let in by: with the session that there is, unless its time or its leaves come to their end."""
        self._challenge = challenge
        session = self._session
        if session is None or session.certificate.expires <= now() or (not self._pending and session.is_due(now())):
            self._session = await self._new_session(listener)
            if session is not None:
                session.close()
        return self._current().hello(challenge)

    def answered(self, frame: Answer, listener: Listener) -> None:
        """The server's answer to what was sent. What it accepts is shown at once, in its order among others'."""
        if isinstance(frame, wire.Accepted) and self._pending is not None and frame.id == self._pending.id:
            self._current().accepted(self._pending)
            listener.show(self._pending)
            self._pending = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(frame)

    async def speak(self, socket: ClientConnection, listener: Listener) -> None:
        """Send lines until their end, and wait for the answers. A cancelled call loses none of them."""
        while True:
            if self._pending is None:
                if self._line is None:
                    self._line = await self._typed.get()
                if self._line is None or (self._commands and self._line.strip() == b"/quit"):
                    return
                await self._renew_if_due(socket, listener)
                self._pending, self._line = self._signed(self._line, listener), None
            if self._pending is not None:
                answer = await self._exchange(socket, self._pending)
                self._pending = None
                if isinstance(answer, wire.Refused):
                    self._fail(f"a message was refused ({answer.code}): {answer.detail}")

    def _signed(self, line: bytes, listener: Listener) -> wire.Post | None:
        """A line as a message; None if it is none."""
        try:
            text = line.decode("utf-8").rstrip("\r")
        except UnicodeDecodeError:
            self._fail("a line is not UTF-8, and was not sent")
            return None
        if self._commands and text.startswith("/"):
            listener.command(text)
            return None
        if not text.strip():
            return None
        try:
            return self._current().message(text, now())
        except Refusal as refusal:
            self._fail(f"a line was not sent: {refusal.detail}")
            return None

    async def _renew_if_due(self, socket: ClientConnection, listener: Listener) -> None:
        """The next session takes over; the old one is kept until the server has said that it did."""
        if not self._current().is_due(now()):
            return
        old, new = self._current(), await self._new_session(listener)
        try:
            answer = await self._exchange(socket, new.hello(self._challenge))
            if isinstance(answer, wire.Renewed):
                self._session = new
            elif isinstance(answer, wire.Refused):
                self._fail(f"the next session was refused ({answer.code}): {answer.detail}")
        finally:
            (old if self._session is new else new).close()

    async def _exchange(self, socket: ClientConnection, frame: wire.Hello | wire.Post) -> Answer:
        """Send a frame, and once more a little later when it was too much."""
        while True:
            self._answer = asyncio.get_running_loop().create_future()
            await socket.send(frame.model_dump_json())
            answer = await self._answer
            if not (isinstance(answer, wire.Refused) and answer.code in NOT_YET):
                return answer
            await asyncio.sleep(PAUSE)

    async def _new_session(self, listener: Listener) -> Session:
        return await asyncio.to_thread(
            Session, self._identity, listener.origin, listener.room, self._name, self._where, now(), self._renew_at
        )

    def _current(self) -> Session:
        if self._session is None:
            raise RuntimeError("speak comes after hello")
        return self._session

    def _fail(self, why: str) -> None:
        self.failed = True
        terminal.tell(why)
