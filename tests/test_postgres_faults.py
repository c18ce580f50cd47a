"""The way to a PostgreSQL server, and the server itself, failing at every step: no index comes twice."""

from __future__ import annotations

import os
import random
import signal
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import psycopg
import pytest

import hbss
from hbss import StateError, StoreBusy
from hbss import state as states
from hbss.stores import ChildSignature
from hbss.stores.postgres import PostgresStore
from hbss.stores.postgres_link import Link
from hbss.testing.proxy import (
    CUT,
    CUT_CLIENT,
    CUT_SERVER,
    DELAY,
    DUPLICATE,
    TO_CLIENT,
    TO_SERVER,
    WAYS,
    Fault,
    PostgresMessages,
    Proxy,
)
from tests.postgres_kit import Server, State, new_state
from tests.state_kit import index_of

pytest_plugins = ["tests.postgres_fixtures"]

PLENTY = 1 << 20
TALL = "LMS_SHA256_M32_H10_W4"
T = TypeVar("T")
FAULTS = {
    "cut before": Fault("", 0, CUT), "cut after": Fault("", 0, CUT, after=True),
    "delay": Fault("", 0, DELAY, seconds=0.01), "duplicate": Fault("", 0, DUPLICATE),
}  # fmt: skip
ONE_SIDED = {"client lost": Fault("", 0, CUT_CLIENT, after=True), "server lost": Fault("", 0, CUT_SERVER)}

each_fault = pytest.mark.parametrize(
    ("fault", "way"),
    [
        *(pytest.param(fault, way, id=f"{name}, {way}") for name, fault in FAULTS.items() for way in WAYS),
        *(
            pytest.param(fault, way, id=f"{name}, {way}", marks=pytest.mark.long)
            for name, fault in ONE_SIDED.items()
            for way in WAYS
        ),
    ],
)


@pytest.fixture
def proxy(postgres: Server) -> Iterator[Proxy]:
    """A proxy before the server, which knows its messages."""
    with Proxy("127.0.0.1", postgres.port, PostgresMessages) as opened:
        yield opened


def patiently(call: Callable[[], T], proxy: Proxy) -> T:
    """What a call returns once whatever was left of an earlier one is over.

    A transaction whose client is gone ends by itself, unless the client went in the middle of a statement: then the
    server waits for the rest until its operating system says that nobody is there.
    """
    begun = time.monotonic()
    while True:
        try:
            return call()
        except StoreBusy:
            if time.monotonic() - begun > 3:
                proxy.cut_all()
            assert time.monotonic() - begun < 10


# ---- at every message of a transaction -----------------------------------------------------------------------------


class Hits:
    """What became of reservations that were hit, each followed by one that was not."""

    def __init__(self, postgres: Server, proxy: Proxy, fault: Fault, way: str) -> None:
        state = new_state(postgres.url(), PLENTY)
        self._query = f"SELECT next FROM hbss.hbss_state WHERE key_id = '\\x{state.key_id.hex()}'"
        self._postgres = postgres
        self.failed = 0
        self.taken: list[int] = []
        self.not_kept: list[range] = []
        timeout = 0.2 if fault.what in (CUT_CLIENT, CUT_SERVER) else 10  # some will wait for it
        with State(postgres.url(port=proxy.port), state.key_id).opened(timeout) as store:
            last = store.reserve(1)
            proxy.arm()
            last = self._take(store.reserve(2, {last.start: 1}))
            self.messages = proxy.counts[way]
            for at in range(1, self.messages + 1):
                proxy.arm(replace(fault, way=way, at=at))
                try:
                    last = self._take(store.reserve(2, {last.start: 1}))
                except StateError:
                    self.failed += 1
                assert proxy.fired
                proxy.arm()
                last = self._take(patiently(lambda: store.reserve(1), proxy))

    def _take(self, got: range) -> range:
        self.taken += got
        if self._postgres.sql(self._query)[0][0] < got.stop:
            self.not_kept.append(got)
        return got

    @property
    def repeated(self) -> bool:
        return len(self.taken) != len(set(self.taken))


@each_fault
def test_a_reservation(postgres: Server, proxy: Proxy, fault: Fault, way: str) -> None:
    """Ranges never meet, each is on the server when it is returned, and the handle goes on by itself."""
    hits = Hits(postgres, proxy, fault, way)
    assert hits.messages > 10
    assert (hits.repeated, hits.not_kept) == (False, [])
    assert hits.failed == 0 if fault.what == DELAY else hits.failed > 0


def test_a_planted_bug_is_found(postgres: Server, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that takes a COMMIT for granted, because every statement before it went well."""
    commit = Link.commit

    def careless(self: Link) -> None:
        with suppress(psycopg.Error):
            commit(self)

    monkeypatch.setattr(Link, "commit", careless)
    forgetful = property(lambda self: 0, lambda self, seen: None)  # else the handle itself would notice
    monkeypatch.setattr(PostgresStore, "_seen", forgetful, raising=False)
    hits = Hits(postgres, proxy, FAULTS["cut before"], TO_SERVER)
    assert hits.repeated
    assert hits.not_kept


@each_fault
def test_a_signature_of_a_tree(postgres: Server, proxy: Proxy, fault: Fault, way: str) -> None:
    """What has been returned stays; what has failed is there or not, and the next one gets what is there."""
    state = new_state(postgres.url(), PLENTY)
    timeout = 0.2 if fault.what in (CUT_CLIENT, CUT_SERVER) else 10
    through = State(postgres.url(port=proxy.port), state.key_id)
    with through.opened(timeout) as store, state.opened(timeout) as direct:
        proxy.arm()
        store.record_child(1, 0, 0, ChildSignature(b"count", b"messages"))
        messages = proxy.counts[way]
        assert messages > 10
        for at in range(1, messages + 1):
            mine, later = ChildSignature(b"%d" % at, b"mine"), ChildSignature(b"%d" % at, b"later")
            proxy.arm(replace(fault, way=way, at=at))
            got = None
            with suppress(StateError):
                got = store.record_child(1, 0, at, mine)
            assert proxy.fired
            proxy.arm()
            there = direct.child(1, 0, at)
            assert got in (None, mine)
            assert got is None or there == mine
            record = partial(direct.record_child, 1, 0, at, later)
            kept = patiently(record, proxy)
            assert kept == (there or kept)
            assert patiently(partial(store.record_child, 1, 0, at, later), proxy) == kept


def test_a_server_that_falls_silent(postgres: Server, proxy: Proxy) -> None:
    """Nothing hangs for ever: the reservation counts as used, and the next one is made on a new connection."""
    state = new_state(postgres.url())
    with State(postgres.url(port=proxy.port), state.key_id).opened(timeout=0.1) as store:
        store.reserve(1)
        proxy.arm()
        store.reserve(1)
        proxy.arm(Fault(TO_CLIENT, proxy.counts[TO_CLIENT], DELAY, seconds=60))  # the last word of COMMIT
        begun = time.monotonic()
        with pytest.raises(StateError, match="counts as used"):
            store.reserve(1)
        assert time.monotonic() - begun < 5
        assert store.reserve(1) == range(3, 4)


def test_no_way_to_the_server(postgres: Server, proxy: Proxy, state: State) -> None:
    """While there is none each call says so; afterwards the same handle signs."""
    with State(postgres.url(port=proxy.port), state.key_id).opened() as store:
        proxy.cut_all()
        assert store.reserve(1) == range(1)
        proxy.close()
        for _ in range(2):
            with pytest.raises(StateError, match=r"cannot be reached.*no index was used"):
                store.reserve(1)


# ---- the server is killed ------------------------------------------------------------------------------------------


def test_a_killed_server(postgres: Server, pg_store: PostgresStore) -> None:
    """What was returned is there when it is back, and the handle that was open goes on."""
    pg_store.reserve(5)
    pg_store.record_child(1, 0, 0, ChildSignature(b"a", b"b"))
    postgres.kill()
    try:
        with pytest.raises(StateError, match="cannot be reached"):
            pg_store.reserve(1)
    finally:
        postgres.start()
    assert pg_store.child(1, 0, 0) == (b"a", b"b")
    assert pg_store.reserve(1) == range(5, 6)


class Signer:
    """A process of its own that signs with a key, or reserves from a store, and writes the indices into a pipe."""

    def __init__(self, what: State | Path) -> None:
        self._pipe, write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.close(self._pipe)
                _sign_for_ever(what, write)
            except BaseException as error:
                os.write(2, f"signer: {error!r}\n".encode())
            finally:
                os._exit(3)
        os.close(write)

    def kill(self) -> list[int]:
        """SIGKILL, and the indices that it had released."""
        os.kill(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        data = bytearray()
        while part := os.read(self._pipe, 1 << 16):
            data += part
        os.close(self._pipe)
        assert os.WIFSIGNALED(status), f"the signer ended by itself, with status {status}"
        return [index for (index,) in struct.iter_unpack(">Q", data[: len(data) // 8 * 8])]


def _sign_for_ever(what: State | Path, pipe: int) -> None:
    def one() -> int:
        if isinstance(handle, PostgresStore):
            return handle.reserve(1).start
        return index_of(TALL, handle.sign(b"message"))

    handle = PostgresStore(what.url, what.key_id) if isinstance(what, State) else hbss.open_key(what)
    while True:
        try:
            os.write(pipe, struct.pack(">Q", one()))
        except StateError:  # the server is down
            time.sleep(0.02)
        except hbss.KeyExhausted:
            time.sleep(60)


def kill_the_server(postgres: Server, what: State | Path, kills: int, signers: int = 2) -> list[int]:
    """Processes sign all the time; the server dies and comes back, and now and then so does a signer."""
    draw = random.Random(kills)
    running = [Signer(what) for _ in range(signers)]
    released: list[int] = []
    try:
        for turn in range(kills):
            time.sleep(draw.uniform(0.2, 0.6))
            postgres.kill()
            if turn % 2:
                released += running.pop(0).kill()
            time.sleep(draw.uniform(0, 0.1))
            postgres.start()
            if turn % 2:
                running.append(Signer(what))
        time.sleep(0.3)
    finally:
        for signer in running:
            released += signer.kill()
    return released


def test_signers_and_a_server_that_is_killed(postgres: Server) -> None:
    """Two processes: no index twice, and all that were released are below `next` of the server that came back."""
    state = new_state(postgres.url(), PLENTY)
    released = kill_the_server(postgres, state, kills=2)
    assert len(released) > 50
    assert len(set(released)) == len(released)
    with state.opened() as store:
        assert store.reserve(1).start > max(released)


def test_a_key_and_a_server_that_is_killed(postgres: Server, tmp_path: Path) -> None:
    """Two processes that sign with one key."""
    key = tmp_path / "key"
    hbss.create_key(key, TALL)
    states.move(key, postgres.url())
    released = kill_the_server(postgres, key, kills=1)
    assert len(released) > 10
    assert len(set(released)) == len(released)


@pytest.mark.long
def test_keys_and_a_server_that_is_killed_often(postgres: Server, tmp_path: Path) -> None:
    """The same with a real key, to its end, and with a store for as many kills again."""
    key = tmp_path / "key"
    hbss.create_key(key, TALL)
    states.move(key, postgres.url())
    released = kill_the_server(postgres, key, kills=20)
    assert len(released) > 500
    assert len(set(released)) == len(released)
    with suppress(hbss.KeyExhausted), hbss.open_key(key) as handle:
        assert index_of(TALL, handle.sign(b"x")) > max(released)
    state = new_state(postgres.url(), PLENTY)
    released = kill_the_server(postgres, state, kills=40, signers=4)
    assert len(released) > 2000
    assert len(set(released)) == len(released)
