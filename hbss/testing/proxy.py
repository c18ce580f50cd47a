"""A TCP proxy between a signer and its server, which cuts, delays or duplicates what passes, at a step that is chosen.

What passes is counted in units, each way by itself: bytes, or the messages of a protocol that a `Splitter` knows. So
every step of a transaction can be hit in turn: count the units of one that goes well, then run it again with a fault at
the first unit, at the second, and so on.

    with Proxy("127.0.0.1", 5432, PostgresMessages) as proxy:
        proxy.arm()                                    # count from here
        store.reserve(1)                               # a store whose URL names proxy.port
        for at in range(1, proxy.counts[TO_SERVER] + 1):
            proxy.arm(Fault(TO_SERVER, at, CUT))
            ...
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from typing_extensions import Self

TO_SERVER, TO_CLIENT = WAYS = ("to server", "to client")

CUT = "cut"  # both sides are disconnected
CUT_CLIENT = "cut client"  # the client is; the server hears nothing more, on a connection that stays open
CUT_SERVER = "cut server"  # the server is; the client hears nothing more
DELAY = "delay"  # the unit, and what follows it, waits
DUPLICATE = "duplicate"  # the unit passes twice


@dataclass(frozen=True)
class Fault:
    """What happens to the `at`-th unit that passes one way after `Proxy.arm`; 1 is the first. It happens once.

    after: cut when the unit has passed, rather than instead of passing it. seconds: of a delay.
    """

    way: str
    at: int
    what: str
    after: bool = False
    seconds: float = 0.1


class Splitter(Protocol):
    """Where units end, on one connection."""

    def length(self, way: str, data: memoryview) -> int:
        """How many bytes at the beginning of `data` are one unit; 0 if more of it has to come first."""


class Bytes:
    """Every byte is a unit."""

    def length(self, way: str, data: memoryview) -> int:
        """One."""
        return min(1, len(data))


class PostgresMessages:
    """A unit is a message of PostgreSQL's protocol 3, or the one byte that answers a request for encryption.

    What is encrypted cannot be split: connect with sslmode=disable.
    """

    _ASKS = frozenset((80877103, 80877104))  # for TLS, for GSSAPI

    def __init__(self) -> None:
        self._started = False
        self._asked = 0

    def length(self, way: str, data: memoryview) -> int:
        """By the length that a message itself gives."""
        if way == TO_CLIENT and self._asked and len(data):
            self._asked -= 1
            return 1
        first = way == TO_SERVER and not self._started  # only a connection's first messages have no letter
        need = 8 if first else 5
        if len(data) < need:
            return 0
        size = int(struct.unpack_from(">I", data, 0 if first else 1)[0]) + (not first)
        if len(data) < size:
            return 0
        if first:
            asks = struct.unpack_from(">I", data, 4)[0] in self._ASKS
            self._asked += asks
            self._started = not asks
        return size


class Proxy:
    """Listens on 127.0.0.1:`port`, and connects everybody who comes to one server. Use it in a `with` block."""

    def __init__(self, host: str, port: int, splitter: Callable[[], Splitter] = Bytes) -> None:
        self._server = host, port
        self._splitter = splitter
        self._lock = threading.Lock()
        self._fault: Fault | None = None
        self._ended = threading.Event()
        self._sockets: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.counts = dict.fromkeys(WAYS, 0)
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, fault: Fault | None = None) -> None:
        """Count from here, and let one fault happen; none cancels one that has not happened."""
        with self._lock:
            self.counts = dict.fromkeys(WAYS, 0)
            self._fault = fault

    @property
    def fired(self) -> bool:
        """Whether the fault has happened."""
        return self._fault is None

    def cut_all(self) -> None:
        """Cut every connection there is; new ones are served."""
        with self._lock:
            sockets = list(self._sockets)
        for each in sockets:
            self._close(each)

    def close(self) -> None:
        """Cut everything, and serve nobody any more."""
        self._ended.set()
        self._close(self._listener)
        self.cut_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ---- inside

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._server, timeout=10)
                for each in client, server:
                    each.settimeout(None)
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError:  # the server is down: so are we, for this one
                client.close()
                continue
            with self._lock:
                self._sockets |= {client, server}
            if self._ended.is_set():  # while this one came
                self.cut_all()
            split, struck = self._splitter(), threading.Event()
            for way, source, target in (TO_SERVER, client, server), (TO_CLIENT, server, client):
                arguments = split, struck, way, source, target
                threading.Thread(target=self._pump, args=arguments, daemon=True).start()

    def _pump(
        self, split: Splitter, struck: threading.Event, way: str, source: socket.socket, target: socket.socket
    ) -> None:
        """One way of one connection, until it ends. struck: whether a fault has cut it, so that nothing more passes."""
        rest = b""
        with suppress(OSError):
            while (part := source.recv(1 << 16)) and not struck.is_set():
                data = memoryview(rest + part)
                at = passed = 0
                while length := split.length(way, data[at:]):
                    if fault := self._count(way):
                        target.sendall(data[passed:at])
                        passed = at + length
                        if not self._strike(fault, bytes(data[at:passed]), struck, source, target):
                            return
                    at += length
                target.sendall(data[passed:at])
                rest = bytes(data[at:])
        if not struck.is_set():  # one side ended by itself: so does the other
            self._close(source)
            self._close(target)

    def _count(self, way: str) -> Fault | None:
        with self._lock:
            self.counts[way] += 1
            fault = self._fault
            if fault is None or fault.way != way or fault.at != self.counts[way]:
                return None
            self._fault = None
            return fault

    def _strike(
        self, fault: Fault, unit: bytes, struck: threading.Event, source: socket.socket, target: socket.socket
    ) -> bool:
        """Do it. Returns whether the connection goes on."""
        if fault.what == DELAY:
            self._ended.wait(fault.seconds)
        if fault.what in (DELAY, DUPLICATE):
            target.sendall(unit * (2 if fault.what == DUPLICATE else 1))
            return True
        if fault.after:
            target.sendall(unit)
        struck.set()
        client, server = (source, target) if fault.way == TO_SERVER else (target, source)
        if fault.what in (CUT, CUT_CLIENT):
            self._close(client)
        if fault.what in (CUT, CUT_SERVER):
            self._close(server)
        return False

    def _close(self, each: socket.socket) -> None:
        with self._lock:
            self._sockets.discard(each)
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads from it
        each.close()
