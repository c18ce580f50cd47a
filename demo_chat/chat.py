"""Connections: frames from clients to the room, its decisions to the checker and back to clients.

Every client has one queue of what waits to be sent and one task that sends it. Nothing here ever waits for a client
while others do: who does not read fills a queue of its own, and is then disconnected.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

from fastapi import WebSocket, WebSocketDisconnect

from demo_chat import room, wire
from demo_chat.checker import Checker, Settled, VerifyEach, now
from demo_chat.claim import Claim
from demo_chat.history import History
from demo_chat.room import Act, Close, Room, Send


class Connection:
    """One client's socket, and what waits to be sent to it."""

    def __init__(self, websocket: WebSocket, outgoing: int) -> None:
        self._websocket = websocket
        self._queue: asyncio.Queue[str | Close] = asyncio.Queue(outgoing)
        self.settled = asyncio.Event()  # its claim is
        self.ending = False

    def send(self, text: str) -> bool:
        """Put a frame in the queue, without waiting; False if it is full."""
        if self.ending:
            return True
        try:
            self._queue.put_nowait(text)
        except asyncio.QueueFull:
            return False
        return True

    def end(self, close: Close) -> None:
        """Close it after what is in the queue; a full queue goes, so that nothing is missing but at the end."""
        if self.ending:
            return
        self.ending = True
        self.settled.set()
        if self._queue.full():
            while not self._queue.empty():
                self._queue.get_nowait()
        self._queue.put_nowait(close)

    async def write(self) -> None:
        """Send what is in the queue until the end; each frame waits until the client has read most of the last ones."""
        with suppress(WebSocketDisconnect, RuntimeError):  # it has gone meanwhile, or broken the protocol
            while isinstance(item := await self._queue.get(), str):
                await self._websocket.send_text(item)
                if not self._queue.empty():
                    await asyncio.sleep(0)  # the others' turn; and the loop may have to say that the client has gone
            reason = item.reason.encode()[:120].decode(errors="ignore")  # a close frame has no room for more
            await self._websocket.close(item.code, reason)

    async def read(self) -> tuple[bool, str | None]:
        """Whether a frame came before the end, and its text; None if it is binary."""
        message = await self._websocket.receive()
        return message["type"] == "websocket.receive", message.get("text")


class Chat:
    """One room, its clients and its checker."""

    def __init__(self, place: Room, history: History, verify_each: VerifyEach) -> None:
        self.room, self._history = place, history
        self.checker = Checker(history, place.limits.checks, verify_each, self._deliver)
        self.counts: Counter[str] = Counter()
        self._connections: dict[int, Connection] = {}
        self._numbers = itertools.count(1)
        self._loop: asyncio.AbstractEventLoop

    def start(self) -> None:
        """Begin, in the event loop that will run it."""
        self._loop = asyncio.get_running_loop()
        self.checker.start()

    def stop(self) -> None:
        """End, after what was taken to be verified has been kept."""
        self.checker.stop()
        self._history.close()

    async def serve(self, websocket: WebSocket) -> None:
        """One client whose socket is open, from its challenge to its end."""
        who, connection = next(self._numbers), Connection(websocket, self.room.limits.outgoing)
        self._connections[who] = connection
        address = websocket.client.host if websocket.client else ""
        self._perform(self.room.enter(who, address, secrets.token_bytes(32), now()))
        late = self._loop.call_later(self.room.limits.hello_seconds, lambda: self._perform(self.room.late(who)))
        tasks = [asyncio.create_task(connection.write()), asyncio.create_task(self._read(who, connection))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            late.cancel()
            del self._connections[who]
            self._perform(self.room.leave(who))
            for task in tasks:
                task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended

    async def _read(self, who: int, connection: Connection) -> None:
        """Frames one after another: the next one is looked at when what the last one claimed has been settled."""
        while True:
            came, text = await connection.read()
            if not came:
                return
            if connection.ending:
                continue
            heard = self.room.hear(who, text, now())
            if not isinstance(heard, Claim):
                self._perform(heard)
            elif self.checker.submit(who, heard):
                await connection.settled.wait()
                connection.settled.clear()
            else:
                self._perform(self.room.busy(who))

    def _deliver(self, settled: Settled) -> None:
        """Called by the checker's thread."""
        self._loop.call_soon_threadsafe(self._apply, settled)

    def _apply(self, settled: Settled) -> None:
        """In the order in which they were kept, so that nobody misses or doubles a message while coming in."""
        for who, claim, verdict in settled:
            self._perform(self.room.settle(who, claim, verdict, now()))
            if who in self._connections:
                self._connections[who].settled.set()

    def _perform(self, acts: Sequence[Act]) -> None:
        for act in acts:
            if isinstance(act, Send):
                self._send(act)
            elif act.who in self._connections:
                self._connections[act.who].end(act)

    def _send(self, act: Send) -> None:
        """The text is made once. Whoever's queue is full reads too slowly."""
        frame = act.frame
        self.counts[f"{frame.type} {frame.code}" if isinstance(frame, wire.Refused) else frame.type] += 1
        text = frame.model_dump_json()
        for who in act.to:
            connection = self._connections.get(who)
            if connection is not None and not connection.send(text):
                self.counts["slow"] += 1
                connection.end(Close(who, room.SLOW, "you read too slowly"))

    def stats(self) -> dict[str, object]:
        """Numbers for whoever runs it."""
        return {
            "connections": len(self._connections),
            "online": len(self.room.online()),
            "waiting": self.checker.waiting(),
            "verified": self.checker.verified,
            "frames": dict(self.counts),
        }
