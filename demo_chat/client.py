"""The terminal client: one connection after another, each with a listener's ears and the same speaker."""

from __future__ import annotations

import asyncio
import random

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from demo_chat import terminal, wire
from demo_chat.errors import ChatError
from demo_chat.identity import Names
from demo_chat.listener import Listener
from demo_chat.speaker import NOT_YET, Answer, Speaker

MOST = 64 << 20  # bytes of one frame from the server: its welcome has everybody's certificates
FIRST_TRIES, TRIES = 5, 12  # before giving up: on a server that never answered; on one that did, without a terminal
LONGEST_PAUSE = 15.0  # seconds between two tries


class Client:
    """One user of one server. patient: go on trying for ever once it has answered, as somebody at a terminal wants."""

    def __init__(self, origin: str, names: Names, speaker: Speaker, *, patient: bool) -> None:
        self._origin, self._names, self._speaker, self._patient = origin, names, speaker, patient
        self._listener: Listener | None = None
        self._tries = 0

    async def run(self) -> None:
        """Until all lines are sent and answered; ChatError if that cannot be."""
        url = f"ws{self._origin.removeprefix('http')}/ws"
        while True:
            try:
                async with connect(url, compression=None, max_size=MOST, proxy=None) as socket:
                    listener = await self._enter(socket)
                    self._tries = 0
                    await self._stay(socket, listener)
                    return
            except (OSError, WebSocketException) as error:
                self._tries += 1
                self._judge(error)
            await asyncio.sleep(random.uniform(0.5, 1) * min(LONGEST_PAUSE, 0.1 * 2**self._tries))

    def _judge(self, error: Exception) -> None:
        """Whether there is sense in trying again: ChatError if not."""
        if isinstance(error, ConnectionClosed) and error.rcvd is not None and error.rcvd.code == 1008:
            raise ChatError(f"the server has closed the connection: {error.rcvd.reason}") from None
        if self._listener is None and self._tries >= FIRST_TRIES:
            raise ChatError(f"no chat answers at {self._origin} ({error}); is hbss-chat running there?") from None
        if not self._patient and self._tries >= TRIES:
            raise ChatError(f"{self._origin} does not answer any more; the last line may not have arrived") from None
        if self._listener is not None and self._tries == 1:
            terminal.tell("the connection is lost; trying again")

    async def _enter(self, socket: ClientConnection) -> Listener:
        """From the challenge to the welcome."""
        challenge = await self._receive(socket)
        if not isinstance(challenge, wire.Challenge) or challenge.protocol != wire.PROTOCOL:
            raise ChatError(f"what answers at {self._origin} does not speak {wire.PROTOCOL}")
        if challenge.origin != self._origin:
            raise ChatError(
                f"the server says that it is {challenge.origin}, and you asked for {self._origin}; a signature is for "
                f"one of them only. If you meant that server: --url {challenge.origin}"
            )
        if self._listener is None or self._listener.room != challenge.room:
            if self._listener is not None:
                raise ChatError(f"the room was {self._listener.room}, and is {challenge.room} now; start again")
            self._listener = Listener(self._origin, challenge.room, self._names, self._speaker.key)
        hello = await self._speaker.hello(self._listener, challenge.challenge)
        await socket.send(hello.model_dump_json())
        answer = await self._receive(socket)
        if isinstance(answer, wire.Refused):
            if answer.code in NOT_YET:
                raise ConnectionError(answer.detail)
            raise ChatError(f"the server does not let you in: {answer.detail}")
        if not isinstance(answer, wire.Welcome):
            raise ChatError(f"the server answers a hello with {answer.type!r}")
        self._listener.welcome(answer)
        return self._listener

    async def _stay(self, socket: ClientConnection, listener: Listener) -> None:
        """Send and receive until the lines end, or the connection does."""
        speaking = asyncio.create_task(self._speaker.speak(socket, listener))
        listening = asyncio.create_task(self._listen(socket, listener))
        try:
            done, _ = await asyncio.wait((speaking, listening), return_when=asyncio.FIRST_COMPLETED)
        finally:
            speaking.cancel()
            listening.cancel()
            await asyncio.gather(speaking, listening, return_exceptions=True)
        for task in done:
            task.result()

    async def _listen(self, socket: ClientConnection, listener: Listener) -> None:
        while True:
            frame = await self._receive(socket)
            if isinstance(frame, Answer):
                self._speaker.answered(frame, listener)
            else:
                listener.take(frame)

    async def _receive(self, socket: ClientConnection) -> wire.FromServer:
        try:
            return wire.from_server(await socket.recv(decode=True))
        except wire.Malformed as error:
            raise ChatError(f"the server sends what is not {wire.PROTOCOL}: {error}") from None
