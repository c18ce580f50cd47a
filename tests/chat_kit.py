"""What the tests of the chat share: a server that runs, people who talk to it, and a key that was copied."""

from __future__ import annotations

import copy
import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

import hbss
from demo_chat import protocol, server, wire
from demo_chat.checker import now
from demo_chat.history import History
from demo_chat.room import Limits
from demo_chat.session import Session

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 20  # seconds: for a busy machine
ROOMY = Limits(burst=10_000, per_second=10_000, hello_pause=0, per_address=1000)
CLIENT = [sys.executable, "-c", "from demo_chat.cli import talk; talk()"]
HOUR = 60 * 60 * 1000

_F = TypeVar("_F", bound=wire.FromServer)


class Service:
    """A server in a thread of this process, on a real port."""

    def __init__(
        self, listener_port: int, origin: str, db: Path, room: str, allowed: Collection[str], limits: Limits
    ) -> None:
        self._listener = server.listen("127.0.0.1", listener_port)
        self.port = self._listener.getsockname()[1]
        self.origin = origin or f"http://localhost:{self.port}"
        self.room, self.db = room, db
        app = server.build(self.origin, History(db, self.origin, room), room, allowed, limits)
        self._runner = server.runner(app)
        self._thread = threading.Thread(target=self._runner.run, args=([self._listener],))

    def start(self) -> None:
        """Return when it answers."""
        self._thread.start()
        wait_for(lambda: self._runner.started or not self._thread.is_alive())
        assert self._runner.started

    def stop(self) -> None:
        """End it as Ctrl-C does."""
        self._runner.should_exit = True
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()


@contextmanager
def serving(
    db: Path,
    *,
    port: int = 0,
    origin: str = "",
    room: str = "main",
    allowed: Collection[str] = (),
    limits: Limits = ROOMY,
) -> Iterator[Service]:
    """A running server."""
    service = Service(port, origin, db, room, allowed, limits)
    service.start()
    try:
        yield service
    finally:
        service.stop()


def wait_for(true: object, seconds: float = PATIENCE) -> None:
    """Until the call gives something true."""
    assert callable(true)
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.01)


class Process:
    """A server as users start it, in a process of its own, which can be killed."""

    def __init__(self, db: Path, port: int = 0, *options: str) -> None:
        command = [sys.executable, "-m", "demo_chat", "--db", str(db), "--port", str(port), *options]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.said = self.process.stdout.readline()
        found = re.search(r"https?://[^/ ]+:(\d+)", self.said)
        assert found, self.process.communicate(timeout=PATIENCE)
        self.origin, self.port, self.room = found[0], int(found[1]), "main"
        wait_for(self._answers)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.origin}/health", verify=False).status_code == 200
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        """As a power cut would."""
        self.end(signal.SIGKILL)

    def end(self, number: int = signal.SIGTERM) -> str:
        """Send a signal, wait, and return what it has said on standard error."""
        self.process.send_signal(number)
        return self.process.communicate(timeout=PATIENCE)[1]


@contextmanager
def process(db: Path, port: int = 0, *options: str) -> Iterator[Process]:
    """A server in a process of its own, ended if the test has not."""
    running = Process(db, port, *options)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.kill()


class Socket:
    """A connection that knows only frames. headers: Origin and the like."""

    def __init__(self, port: int, **options: Any) -> None:
        host = options.pop("host", f"localhost:{port}")  # as the client calls the server
        if "sock" not in options:
            options["sock"] = socket.create_connection(("127.0.0.1", port))
        self._stack = ExitStack()
        self.raw: ClientConnection = self._stack.enter_context(
            connect(f"ws://{host}/ws", compression=None, max_size=None, proxy=None, **options)
        )

    def send(self, frame: wire.FromClient | str | bytes) -> None:
        """A frame, or anything."""
        self.raw.send(frame if isinstance(frame, (str, bytes)) else frame.model_dump_json())

    def receive(self, timeout: float = PATIENCE) -> wire.FromServer:
        """The next frame, which must be one of the protocol."""
        text = self.raw.recv(timeout)
        assert isinstance(text, str)
        return wire.from_server(text)

    def expect(self, kind: type[_F]) -> _F:
        """The next frame of this kind; others before it are passed over."""
        while True:
            frame = self.receive()
            if isinstance(frame, kind):
                return frame
            assert not isinstance(frame, wire.Refused), frame

    def refusal(self) -> wire.Refused:
        """The next refusal; others before it are passed over."""
        while not isinstance(frame := self.receive(), wire.Refused):
            pass
        return frame

    def closed(self) -> tuple[int, str]:
        """Code and reason of the close, after whatever comes before it."""
        with pytest.raises(ConnectionClosed) as end:
            all(self.raw.recv(PATIENCE) for _ in itertools.count())
        assert end.value.rcvd is not None
        return end.value.rcvd.code, end.value.rcvd.reason

    def leave(self) -> None:
        """Close the connection."""
        self._stack.close()

    def quiet(self) -> bool:
        """Whether nothing comes for a while."""
        try:
            self.raw.recv(0.3)
        except TimeoutError:
            return True
        return False


class Person(Socket):
    """Somebody with an identity and a session, who has been let in."""

    def __init__(
        self, service: Service | Process, name: str, where: Path, *, identity: hbss.PrivateKey | None = None,
        session: Session | None = None, **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(service.port, **options)
        self.name, self.service, self._where = name, service, where
        self.challenge = self.expect(wire.Challenge).challenge
        self.identity = identity or hbss.generate(protocol.IDENTITY_SET)
        self.session = session or self.new_session()
        self.hello = self.session.hello(self.challenge)
        self.send(self.hello)
        self.welcome = self.expect(wire.Welcome)

    @property
    def key(self) -> bytes:
        """Of the identity."""
        return self.identity.public_key().public_bytes_raw()

    def new_session(self) -> Session:
        """One more session key of this identity."""
        return Session(self.identity, self.service.origin, self.service.room, self.name, self._where, now())

    def say(self, text: str) -> tuple[wire.Post, wire.Accepted]:
        """Send a message, and have it accepted."""
        message = self.session.message(text, now())
        self.send(message)
        accepted = self.expect(wire.Accepted)
        assert accepted.id == message.id
        self.session.accepted(message)
        return message, accepted

    def hears(self) -> str:
        """The text of the next message."""
        return self.expect(wire.Relayed).message.text


def pipe(where: Path, name: str, url: str, typed: bytes, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """echo ... | hbss-chat-client"""
    command = [*CLIENT, "--name", name, "--url", url, "--identity", str(where / f"{name}.pem")]
    return subprocess.run(
        command, cwd=ROOT, input=typed, capture_output=True, timeout=PATIENCE, env={**os.environ, **environment}
    )


Join = Callable[..., Person]
"""Lets somebody in by name; the fixture `join`."""


def copied(session: Session) -> Session:
    """The same session from a copy of its key file: the mistake that makes leaves be used twice."""
    path = session._key._opened.path
    twin = path.with_name(f"{path.name}-copy")
    shutil.copy(path, twin)
    shutil.copytree(f"{path}.tree", f"{twin}.tree")
    other = copy.copy(session)
    other._key = hbss.open_key(twin)
    return other


def changed(frame: wire.FromClient, *path: str, value: object) -> str:
    """The JSON of a frame with one value changed."""
    whole = json.loads(frame.model_dump_json())
    place = whole
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    return json.dumps(whole)
