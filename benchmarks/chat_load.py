"""Clients that cost little: messages are signed before, and frames that come are counted, not parsed.

A session key may say hello on many connections, so a few of them serve any number of clients.
"""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import hbss
from demo_chat import protocol, wire
from demo_chat.checker import now
from demo_chat.session import Session

RELAYED, ACCEPTED = b'{"sequence"', b'{"type":"accepted"'
HANDSHAKE = (
    "GET /ws HTTP/1.1\r\nHost: HOST\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
TEXT = b'"text":"'
NUMBER = 8  # digits at the beginning of every text
PATIENCE = 60.0


class Material:
    """Sessions for one server, and messages that they have signed; their other leaves say hello."""

    def __init__(self, origin: str, sessions: int, messages: int, where: Path) -> None:
        self.origin = origin
        self.sessions = [
            Session(hbss.generate(protocol.IDENTITY_SET), origin, "main", f"load {number}", where, now())
            for number in range(sessions)
        ]
        self.messages = [_signed(session, number, messages) for number, session in enumerate(self.sessions)]

    @property
    def left(self) -> int:
        """Messages that are still to be sent, of the session that has least."""
        return min(map(len, self.messages))


def _signed(session: Session, number: int, count: int) -> list[bytes]:
    """Frames, the last to be sent first. Their texts are numbers, unlike those of other sessions."""
    with session._key.reserve(count) as batch:
        posts = [
            wire.Post(
                certificate=session.hash, leaf=leaf, id=(number * count + at).to_bytes(16, "big"),
                previous=protocol.NO_MESSAGE, time=session.certificate.issued,
                text=f"{number * count + at:0{NUMBER}} is said by a client of a benchmark", signature=bytes(2512),
            )
            for at, leaf in enumerate(batch.indices)
        ]  # fmt: skip
        signatures = batch.sign_many([session.signed_bytes(post) for post in posts])
    session.leaf += count
    frames = [
        post.model_copy(update={"signature": signature}) for post, signature in zip(posts, signatures, strict=True)
    ]
    return [masked(frame.model_dump_json().encode()) for frame in reversed(frames)]


def masked(payload: bytes, opcode: int = 1) -> bytes:
    """A client's WebSocket frame, masked with zeros so that the payload stays what it is."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return bytes([0x80 | opcode]) + length + bytes(4) + payload


class Tally:
    """What all clients of a server have got. arrived: times by number of message, if somebody asked for them."""

    def __init__(self) -> None:
        self.relayed = self.accepted = 0
        self.arrived: list[tuple[int, float]] | None = None


class Peer(asyncio.Protocol):
    """One client. probe: notes when each message arrives."""

    def __init__(self, session: Session, messages: list[bytes], tally: Tally, *, probe: bool = False) -> None:
        self._session, self._messages, self._tally, self._probe = session, messages, tally, probe
        self._buffer = bytearray()
        self._loop = asyncio.get_running_loop()
        self.welcomed: asyncio.Future[None] = self._loop.create_future()
        self.lost: asyncio.Future[int] = self._loop.create_future()  # with the close code
        self._code = 1006
        self.rushing = False  # send the next message as soon as one is accepted

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        host = urlsplit(self._session.certificate.origin).netloc
        transport.write(HANDSHAKE.replace("HOST", host).encode())
        self._take = self._handshake

    def connection_lost(self, error: Exception | None) -> None:
        if not self.lost.done():
            self.lost.set_result(self._code)
        if not self.welcomed.done():
            self.welcomed.set_exception(ConnectionError(f"not let in: {self._code}"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._take()

    def send(self) -> None:
        """The next message."""
        self.transport.write(self._messages.pop())

    def _handshake(self) -> None:
        end = self._buffer.find(b"\r\n\r\n")
        if end >= 0:
            del self._buffer[: end + 4]
            self._take = self._frames
            self._frames()

    def _frames(self) -> None:
        """Of every whole frame in the buffer only the beginning is looked at."""
        buffer, at = self._buffer, 0
        while len(buffer) - at >= 2:
            size, start = buffer[at + 1], at + 2
            if size >= 126:
                start += 2 if size == 126 else 8
                size = int.from_bytes(buffer[at + 2 : start], "big")
            if len(buffer) < start + size:
                break
            self._frame(buffer[at] & 15, start, start + size)
            at = start + size
        del buffer[:at]

    def _frame(self, opcode: int, start: int, end: int) -> None:
        buffer = self._buffer
        if opcode == 1 and buffer.startswith(RELAYED, start):
            self._tally.relayed += 1
            if self._probe and self._tally.arrived is not None:
                text = buffer.find(TEXT, start, end) + len(TEXT)
                self._tally.arrived.append((int(buffer[text : text + NUMBER]), self._loop.time()))
        elif opcode == 1 and buffer.startswith(ACCEPTED, start):
            self._tally.accepted += 1
            if self.rushing:
                self.send()
        elif opcode == 1 and not self.welcomed.done():
            self._come_in(json.loads(buffer[start:end]))
        elif opcode == 8:
            self._code = int.from_bytes(buffer[start : start + 2], "big")
            self.transport.close()
        elif opcode == 9:
            self.transport.write(masked(bytes(buffer[start:end]), 10))

    def _come_in(self, frame: dict[str, str]) -> None:
        if frame["type"] == "challenge":
            hello = self._session.hello(b64decode(frame["challenge"]))
            self.transport.write(masked(hello.model_dump_json().encode()))
        elif frame["type"] == "welcome":
            self.welcomed.set_result(None)
        else:
            self.welcomed.set_exception(ConnectionError(str(frame)))


async def connect(material: Material, count: int, tally: Tally, *, at_once: int = 20) -> list[Peer]:
    """So many clients, all let in. Every tenth is a probe."""
    peers: list[Peer] = []
    port = urlsplit(material.origin).port or 80
    loop = asyncio.get_running_loop()
    for first in range(0, count, at_once):
        group = []
        for number in range(first, min(first + at_once, count)):
            which = number % len(material.sessions)
            peer = Peer(material.sessions[which], material.messages[which], tally, probe=number % 10 == 0)
            await loop.create_connection(lambda peer=peer: peer, "127.0.0.1", port)  # type: ignore[misc]
            group.append(peer)
        await asyncio.wait_for(asyncio.gather(*(peer.welcomed for peer in group)), PATIENCE)
        peers += group
    return peers


def senders(peers: Sequence[Peer], material: Material) -> Sequence[Peer]:
    """One client of each session."""
    return peers[: len(material.sessions)]


async def disconnect(peers: Sequence[Peer]) -> None:
    """All go."""
    for peer in peers:
        peer.transport.close()
    await asyncio.gather(*(peer.lost for peer in peers))


async def rush(peers: Sequence[Peer], material: Material, tally: Tally, seconds: float) -> float:
    """Deliveries per second when each sender sends the next message as soon as the last one is accepted."""
    loop = asyncio.get_running_loop()
    for peer in senders(peers, material):
        peer.rushing = True
        peer.send()
    await asyncio.sleep(seconds / 10)  # until all are at work
    start, relayed = loop.time(), tally.relayed
    while loop.time() - start < seconds and material.left > 2:
        await asyncio.sleep(0.01)
    rate = (tally.relayed - relayed) / (loop.time() - start)
    for peer in senders(peers, material):
        peer.rushing = False
    await quiet(tally)
    return rate


async def quiet(tally: Tally) -> None:
    """Until nothing comes any more."""
    seen = -1
    while seen != tally.relayed:
        seen = tally.relayed
        await asyncio.sleep(0.3)


async def steady(
    peers: Sequence[Peer], material: Material, tally: Tally, per_second: float, seconds: float
) -> list[float]:
    """Seconds from when each message was to be sent until a probe had it, at a fixed rate, whatever comes back."""
    loop = asyncio.get_running_loop()
    due: dict[int, float] = {}
    tally.arrived = []
    start = loop.time()
    for number in range(int(per_second * seconds)):
        peer = senders(peers, material)[number % len(material.sessions)]
        if not peer._messages:
            break
        when = start + number / per_second
        await asyncio.sleep(max(0.0, when - loop.time()))
        frame = peer._messages[-1]
        text = frame.find(TEXT) + len(TEXT)
        due[int(frame[text : text + NUMBER])] = when
        peer.send()
    await quiet(tally)
    arrived, tally.arrived = tally.arrived, None
    return [time - due[number] for number, time in arrived]
