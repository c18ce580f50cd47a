"""The proxy that cuts, delays and duplicates: it does so where it was told, and nowhere else."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import psycopg
import pytest

from hbss.testing.proxy import (
    CUT,
    CUT_CLIENT,
    CUT_SERVER,
    DELAY,
    DUPLICATE,
    TO_CLIENT,
    TO_SERVER,
    Fault,
    PostgresMessages,
    Proxy,
)
from tests.postgres_kit import Server

pytest_plugins = ["tests.postgres_fixtures"]


class Echo(socketserver.ThreadingTCPServer):
    """Sends back what it gets, and remembers it."""

    daemon_threads = True

    def __init__(self) -> None:
        self.heard = bytearray()
        self.ended = threading.Event()

        class Handler(socketserver.BaseRequestHandler):
            def handle(handler) -> None:
                with suppress(ConnectionError):  # of one that was cut while we answered
                    while part := handler.request.recv(1 << 16):
                        self.heard += part
                        handler.request.sendall(part)
                self.ended.set()

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


@pytest.fixture
def echo() -> Iterator[Echo]:
    with Echo() as server:
        yield server
        server.shutdown()


def answer(port: int, data: bytes, expected: int, patience: float = 0.3) -> bytes:
    """What comes back, until so many bytes, the end, or a while of silence."""
    with socket.create_connection(("127.0.0.1", port), timeout=patience) as client:
        client.sendall(data)
        got = b""
        try:
            while len(got) < expected and (part := client.recv(1 << 16)):
                got += part
        except TimeoutError:
            got += b"..."
        except ConnectionError:
            pass
        return got


@pytest.mark.parametrize(
    ("fault", "heard", "got"),
    [
        (None, b"abcdef", b"abcdef"),
        (Fault(TO_SERVER, 3, CUT), b"ab", None),
        (Fault(TO_SERVER, 3, CUT, after=True), b"abc", None),
        (Fault(TO_CLIENT, 3, CUT), b"abcdef", b"ab"),
        (Fault(TO_CLIENT, 3, CUT, after=True), b"abcdef", b"abc"),
        (Fault(TO_SERVER, 3, CUT_CLIENT), b"ab", None),
        (Fault(TO_CLIENT, 3, CUT_SERVER), b"abcdef", b"ab..."),
        (Fault(TO_SERVER, 3, DUPLICATE), b"abccdef", b"abccdef"),
        (Fault(TO_CLIENT, 6, DUPLICATE), b"abcdef", b"abcdeff"),
        (Fault(TO_SERVER, 1, DELAY, seconds=0.15), b"abcdef", b"abcdef"),
    ],
)
def test_bytes(echo: Echo, fault: Fault | None, heard: bytes, got: bytes | None) -> None:
    """The unit is the byte unless another splitter is given; the fault happens once."""
    with Proxy(*echo.server_address) as proxy:
        proxy.arm(fault)
        begun = time.monotonic()
        found = answer(proxy.port, b"abcdef", 7 if fault and fault.what == DUPLICATE else 6)
        assert got is None or found == got
        assert proxy.fired
        if fault and fault.what == DELAY:
            assert time.monotonic() - begun >= 0.15
        if not fault or fault.what != CUT_CLIENT:
            assert echo.ended.wait(2)  # its side ended too
        deadline = time.monotonic() + 5  # else what is on its way may still have to arrive
        while bytes(echo.heard) != heard and time.monotonic() < deadline:
            time.sleep(0.01)
        assert bytes(echo.heard) == heard
        assert answer(proxy.port, b"again", 5) == b"again"


def test_one_side_only(echo: Echo) -> None:
    """A server that has lost its client so does not notice, until the proxy ends."""
    with Proxy(*echo.server_address) as proxy:
        proxy.arm(Fault(TO_SERVER, 2, CUT_CLIENT))
        answer(proxy.port, b"abc", 3)
        assert not echo.ended.wait(0.1)
    assert echo.ended.wait(2)


def test_much_passes_unchanged(echo: Echo) -> None:
    """In order, whatever the pieces."""
    data = bytes(range(256)) * 200
    with Proxy(*echo.server_address) as proxy:
        assert answer(proxy.port, data, len(data), patience=10) == data
        assert proxy.counts == {TO_SERVER: len(data), TO_CLIENT: len(data)}


def test_without_a_server() -> None:
    """Whoever comes is sent away."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with Proxy("127.0.0.1", port) as proxy:
        assert answer(proxy.port, b"", 1) == b""


def test_messages_are_split_where_they_end(postgres: Server) -> None:
    """Of a whole session, with the questions for encryption before it; in whatever pieces it comes."""
    with Proxy("127.0.0.1", postgres.port, PostgresMessages) as proxy:
        url = postgres.url(port=proxy.port).replace("disable", "prefer")
        with psycopg.connect(url, autocommit=True) as connection:
            before = dict(proxy.counts)
            connection.execute("SELECT 1")
            assert proxy.counts[TO_SERVER] - before[TO_SERVER] == 1  # Query
            assert proxy.counts[TO_CLIENT] - before[TO_CLIENT] == 4  # RowDescription, DataRow, CommandComplete, Ready
    split = PostgresMessages()
    startup = struct.pack(">II", 12, 196608) + b"abcd"
    stream = struct.pack(">II", 8, 80877103) + startup + b"Q" + struct.pack(">I", 6) + b"x\0" + b"S\0\0\0\4"
    sizes, at = [], 0
    for end in range(1, len(stream) + 1):
        while size := split.length(TO_SERVER, memoryview(stream)[at:end]):
            sizes.append(size)
            at += size
    assert sizes == [8, 12, 7, 5]
    assert [split.length(TO_CLIENT, memoryview(b"N")), split.length(TO_CLIENT, memoryview(b"Z\0\0\0\5"))] == [1, 0]
