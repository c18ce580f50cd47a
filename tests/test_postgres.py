"""State on a PostgreSQL server: what it hands out, and to whom. The server is a real one."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

import hbss
from hbss import HandleDead, KeyExhausted, StateError, StateFenced, StoreBusy
from hbss import state as states
from hbss.stores import ChildSignature, engines
from hbss.stores.postgres import ENGINE, PostgresStore
from hbss.testing.postgres_server import SUPERUSER, ServerMissing
from tests import postgres_kit
from tests.postgres_kit import Server, State, new_state
from tests.state_kit import LMS

pytest_plugins = ["tests.postgres_fixtures"]

# ---- reservations --------------------------------------------------------------------------------------------------


def test_reservations_follow_one_another(pg_store: PostgresStore) -> None:
    """Half-open, adjoining, and the state moves with them."""
    assert [pg_store.reserve(1), pg_store.reserve(7), pg_store.reserve(2)] == [range(1), range(1, 8), range(8, 10)]
    assert pg_store.describe()[1:] == (0, 0, 10, 31, 0, None)
    assert pg_store.describe().remaining == 21


def test_a_state_begins_where_it_is_told(postgres: Server) -> None:
    """With the indices and the epoch that it was given."""
    url, key_id = postgres.url(), b"a state of five."
    ENGINE.create(url, key_id, range(5, 10), 3)
    with closing(ENGINE.open(url, key_id, "somebody")) as store:
        assert store.describe() == (key_id, 3, 5, 5, 10, 0, None)
        assert store.reserve(5) == range(5, 10)
        with pytest.raises(KeyExhausted, match="all of its 5 signatures"):
            store.reserve(1)


def test_a_state_is_made_once(state: State, pg_store: PostgresStore) -> None:
    """Whatever has become of it."""
    pg_store.reserve(4)
    ENGINE.create(state.url, state.key_id, range(100), 7)
    assert pg_store.describe()[1:5] == (0, 0, 4, 31)


@pytest.mark.parametrize(("key_id", "indices"), [(b"short", range(3)), (bytes(16), range(0, 9, 2))])
def test_a_state_that_cannot_be(postgres: Server, key_id: bytes, indices: range) -> None:
    """Refused before anything is written."""
    with pytest.raises(ValueError, match="named by 16 bytes"):
        ENGINE.create(postgres.url(), key_id, indices, 0)


def test_states_made_at_once(postgres: Server, database: str) -> None:
    """Several that prepare an empty database together do not collide."""
    names = [bytes([i]) * 16 for i in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: ENGINE.create(postgres.url(database), name, range(9), 0), names))
    assert postgres.sql("SELECT key_id FROM hbss.hbss_state ORDER BY key_id", database=database) == [
        (n,) for n in names
    ]


def test_a_reservation_is_on_the_server_when_it_is_returned(
    postgres: Server, state: State, pg_store: PostgresStore
) -> None:
    """Another connection sees it."""
    pg_store.reserve(3)
    query = f"SELECT next FROM hbss.hbss_state WHERE key_id = '\\x{state.key_id.hex()}'"
    assert postgres.sql(query) == [(3,)]


@pytest.mark.parametrize("count", [0, -1, -100])
def test_a_reservation_takes_at_least_one(pg_store: PostgresStore, count: int) -> None:
    """Nothing, or less, cannot be reserved."""
    with pytest.raises(ValueError, match="at least one"):
        pg_store.reserve(count)
    assert pg_store.describe().next == 0


def test_more_than_is_left_takes_nothing(pg_store: PostgresStore) -> None:
    """The limit is hard, and whoever asks for too much has still what is left."""
    for count in (32, 2**62, 2**70):
        with pytest.raises(KeyExhausted, match=f"{count} signatures were asked for, 31 are left; none"):
            pg_store.reserve(count)
    assert pg_store.reserve(31) == range(31)
    with pytest.raises(KeyExhausted, match="all of its 31 signatures"):
        pg_store.reserve(1)


def test_two_handles_and_many_threads(state: State, pg_store: PostgresStore) -> None:
    """Two connections, and threads of one handle, never get the same index."""
    with state.opened() as other, ThreadPoolExecutor(8) as pool:
        assert [pg_store.reserve(1).start, other.reserve(1).start, pg_store.reserve(1).start] == [0, 1, 2]
        taken = list(pool.map(lambda i: (pg_store, other)[i % 2].reserve(1).start, range(20)))
    assert sorted(taken) == list(range(3, 23))


def test_a_lock_held_elsewhere_is_busy(postgres: Server, state: State) -> None:
    """Whoever holds the row keeps others out, for as long as they are willing to wait; nothing happens then."""
    with state.opened(timeout=0.2) as store, psycopg.connect(postgres.url()) as other:
        other.execute("SELECT 1 FROM hbss.hbss_state WHERE key_id = %s FOR UPDATE", [state.key_id])
        for call in (lambda: store.reserve(1), lambda: store.advance(1, 5), lambda: store.retire(bytes(16))):
            with pytest.raises(StoreBusy, match=r"another signer.*no index was used"):
                call()
        assert store.describe().next == 0
        other.rollback()
        assert store.reserve(1) == range(1)


def test_a_handle_is_not_entered_twice_by_one_thread(pg_store: PostgresStore) -> None:
    """A signal handler that signs finds a transaction half done, and leaves it alone."""
    with pg_store.transaction(), pytest.raises(StateError, match="called from within itself"):
        pg_store.reserve(1)
    assert pg_store.reserve(1) == range(1)


def test_a_closed_store_is_dead(pg_store: PostgresStore) -> None:
    """Every call says so."""
    pg_store.close()
    pg_store.close()
    for call in (pg_store.describe, lambda: pg_store.reserve(1), pg_store.leases, lambda: pg_store.child(1, 0, 0)):
        with pytest.raises(HandleDead, match="closed"):
            call()


FORKING = """
import os, sys
from hbss import HandleDead
from hbss.stores.postgres import PostgresStore

def session(store):
    with store.transaction() as link:
        return link.run("SELECT pg_backend_pid()")

store = PostgresStore(sys.argv[1], bytes.fromhex(sys.argv[2]))
before = session(store)
if os.fork() == 0:
    for call in (store.describe, lambda: store.reserve(1)):
        try:
            call()
        except HandleDead as error:
            print(error, flush=True)
    store.close()
    del store
    sys.exit()  # the interpreter ends in an orderly way, and finalises what it has
os.wait()
print(store.reserve(1), session(store) == before)
store.close()
"""


def test_a_fork_leaves_the_child_dead_and_the_parent_well(state: State) -> None:
    """The child's end says nothing to the server: the parent goes on in the same session."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", FORKING, state.url, state.key_id.hex()], capture_output=True, text=True
    )
    assert done.stdout.splitlines()[2:] == ["range(0, 1) True"], done.stderr
    assert done.stdout.count("dead: the process forked") == 2
    assert done.stderr == ""


def test_the_signer_is_named_to_the_server(postgres: Server, state: State) -> None:
    """So that an operator sees who is connected."""
    with state.opened(signer="press 7"):
        assert ("hbss press 7",) in postgres.sql("SELECT application_name FROM pg_stat_activity")


# ---- leases --------------------------------------------------------------------------------------------------------


def test_leases_say_who_has_what(state: State, pg_store: PostgresStore) -> None:
    """Until they are settled, by the next reservation or by themselves; twice, or too much, counts for nothing."""
    before = time.time()
    pg_store.reserve(4)
    with state.opened(signer="other") as other:
        other.reserve(2)
        first, second = pg_store.leases()
        assert (first[:4], second[:4]) == ((0, 4, 0, "test"), (4, 6, 0, "other"))
        assert before - 1 < first.at <= second.at < time.time() + 1
        assert pg_store.reserve(3, {0: 3}) == range(6, 9)
        assert [lease.start for lease in other.leases()] == [4, 6]
        for _ in range(2):
            other.settle({4: 2, 6: 4, 77: 1})
    assert [lease.start for lease in pg_store.leases()] == [6]
    assert pg_store.describe().used == 5
    pg_store.settle({6: 0})
    assert (pg_store.leases(), pg_store.describe().used) == ([], 5)


def test_a_refused_reservation_settles_nothing(pg_store: PostgresStore) -> None:
    """All of a transaction, or nothing."""
    pg_store.reserve(30)
    with pytest.raises(KeyExhausted):
        pg_store.reserve(2, {0: 30})
    assert (len(pg_store.leases()), pg_store.describe().used) == (1, 0)


# ---- epochs --------------------------------------------------------------------------------------------------------


def test_an_older_epoch_is_fenced(state: State, pg_store: PostgresStore) -> None:
    """A raised epoch ends all signers that were open but the one that raised it."""
    with state.opened() as other:
        assert other.advance(1, 5)[1:4] == (0, 0, 0)
        assert other.describe()[1:4] == (1, 0, 5)
        with pytest.raises(StateFenced, match="epoch 1, this signer at 0"):
            pg_store.reserve(1)
        assert other.reserve(1) == range(5, 6)
    with state.opened() as later:
        assert later.reserve(1) == range(6, 7)


def test_advancing_never_lowers(pg_store: PostgresStore) -> None:
    """Each of the two is raised by itself; beyond the limit nothing is."""
    assert pg_store.advance(0, 7)[1:4] == (0, 0, 0)
    assert pg_store.advance(2, 3)[1:4] == (0, 0, 7)
    assert pg_store.advance(1, 0)[1:4] == (2, 0, 7)
    with pytest.raises(ValueError, match="index 32 lies beyond the limit of the key, 31"):
        pg_store.advance(9, 32)
    assert pg_store.describe()[1:4] == (2, 0, 7)
    assert pg_store.advance(2, 31).remaining == 24
    assert pg_store.describe().remaining == 0


def test_a_fenced_handle_does_not_unfence_itself(state: State, pg_store: PostgresStore) -> None:
    """By raising `next` in the epoch that it knows."""
    with state.opened() as other:
        other.advance(4, 0)
    assert pg_store.advance(0, 9).epoch == 4
    with pytest.raises(StateFenced):
        pg_store.reserve(1)


# ---- handing on ----------------------------------------------------------------------------------------------------


def test_a_state_is_handed_on_once(state: State, pg_store: PostgresStore) -> None:
    """To one successor, which gets all that was left; then it refuses for good."""
    pg_store.reserve(3)
    with state.opened() as other:
        assert [pg_store.retire(b"s" * 16), other.retire(b"s" * 16)] == [range(3, 31)] * 2
        for store in (pg_store, other):
            with pytest.raises(StateError, match="handed on before"):
                store.retire(b"t" * 16)
            with pytest.raises(StateFenced, match="moved to another store"):
                store.reserve(1)
    assert pg_store.describe()[3:] == (31, 31, 0, b"s" * 16)
    pg_store.settle({0: 2})  # what was signed before is still counted
    assert (pg_store.describe().used, pg_store.leases()) == (2, [])


# ---- signatures of inner trees -------------------------------------------------------------------------------------


def test_a_child_is_recorded_once(state: State, pg_store: PostgresStore) -> None:
    """The first record stays, whoever comes later with another."""
    first, second = ChildSignature(b"root", b"\0signature"), ChildSignature(b"other", b"later")
    assert pg_store.child(1, 2, 3) is None
    assert pg_store.record_child(1, 2, 3, first) == first
    with state.opened() as other:
        assert other.record_child(1, 2, 3, second) == first
    assert pg_store.child(1, 2, 3) == first
    assert pg_store.record_child(1, 2, 4, second) == second


def test_a_child_of_two_at_once(postgres: Server, state: State, pg_store: PostgresStore) -> None:
    """Whoever comes second waits for the first, and gets its record."""
    with psycopg.connect(postgres.url()) as first, ThreadPoolExecutor(1) as pool:
        row = state.key_id, b"first", b"signature"
        first.execute("INSERT INTO hbss.hbss_child VALUES (%s, 1, 0, 0, %s, %s)", row)
        second = pool.submit(pg_store.record_child, 1, 0, 0, ChildSignature(b"second", b"x"))
        time.sleep(0.1)
        assert not second.done()
        first.commit()
        assert second.result() == (b"first", b"signature")


# ---- a connection that ends ----------------------------------------------------------------------------------------


def test_an_idle_connection_may_be_lost(postgres: Server, pg_store: PostgresStore) -> None:
    """Nothing had been asked on it, so the next call does not even notice."""
    pg_store.reserve(1)
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hbss test'"
    assert postgres.sql(ended) == [(True,)]
    assert pg_store.reserve(1) == range(1, 2)


def test_a_connection_lost_in_a_reservation(postgres: Server, state: State, pg_store: PostgresStore) -> None:
    """The reservation counts as used, and the next call connects again."""
    with psycopg.connect(postgres.url()) as other, ThreadPoolExecutor(1) as pool:
        other.execute("SELECT 1 FROM hbss.hbss_state WHERE key_id = %s FOR UPDATE", [state.key_id])
        waiting = pool.submit(pg_store.reserve, 1)
        who = "FROM pg_stat_activity WHERE application_name = 'hbss test' AND wait_event_type = 'Lock'"
        while not postgres.sql(f"SELECT pg_terminate_backend(pid) {who}"):
            time.sleep(0.01)
        with pytest.raises(StateError, match=r"counts as used. The next call connects again"):
            waiting.result()
    assert pg_store.reserve(1) == range(1)


def test_an_interrupt_leaves_no_transaction(pg_store: PostgresStore) -> None:
    """Ctrl-C between two statements: what had begun is rolled back."""

    def interrupted() -> None:
        with pg_store.transaction() as link:
            link.run("UPDATE hbss.hbss_state SET next = next + 1 WHERE key_id = %s", [pg_store.key_id])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert pg_store.reserve(1) == range(1)


# ---- keys ----------------------------------------------------------------------------------------------------------


def test_a_key_moves_to_the_server_and_back(postgres: Server, tmp_path: Path) -> None:
    """It signs there, counts there, and takes up where it left."""
    key = tmp_path / "key"
    hbss.create_key(key, LMS)
    with hbss.open_key(key) as handle:
        handle.sign(b"before")
    url = states.move(key, f"postgres://{SUPERUSER}@127.0.0.1:{postgres.port}/postgres?sslmode=disable")
    assert url == postgres.url()
    with hbss.open_key(key, signer="one") as one, hbss.open_key(key, signer="two") as two:
        signatures = [handle.sign(b"message") for handle in (one, two, one)]
        assert [int.from_bytes(signature[4:8], "big") for signature in signatures] == [1, 2, 3]
        for signature in signatures:
            one.public_key().verify(signature, b"message")
        with one.reserve(5) as batch:
            batch.sign(b"a fourth")
    status = states.status(key)
    assert (status.authority, status.used, status.burned, status.remaining) == (url, 4, 4, 22)
    states.move(key, "sqlite:")
    with hbss.open_key(key) as handle:
        assert handle.remaining == 22


def test_a_move_to_nobody_changes_nothing(tmp_path: Path) -> None:
    """A wrong address is noticed before the old store refuses."""
    key = tmp_path / "key"
    hbss.create_key(key, LMS)
    with pytest.raises(StateError, match="cannot be reached"):
        states.move(key, "postgresql://nobody@127.0.0.1:1/none")
    with hbss.open_key(key) as handle:
        handle.sign(b"still here")


def test_a_server_as_a_witness(postgres: Server, tmp_path: Path) -> None:
    """An old copy of a key file is refused by the key's mark on the server; recovering raises both."""
    key, copy = tmp_path / "key", tmp_path / "copy"
    hbss.create_key(key, LMS)
    states.witness(key, postgres.url())
    copy.write_bytes(key.read_bytes())
    with hbss.open_key(key) as handle:
        handle.sign(b"after the copy")
    key.write_bytes(copy.read_bytes())
    with pytest.raises(hbss.StateRolledBack, match="its witness postgresql://"):
        hbss.open_key(key)
    assert states.recover(key).next == 1
    with hbss.open_key(key) as handle:
        handle.sign(b"again")
    assert states.status(key).seen == 2


def test_the_engine_has_its_schemes() -> None:
    """Both spellings lead here."""
    assert engines.engine("postgresql://u@h/d") is engines.engine("postgres://u@h/d") is ENGINE


def test_without_psycopg() -> None:
    """One line says what to install."""
    script = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from hbss import StateError\nfrom hbss.stores import engines\n"
        "try: engines.normal('postgresql://u@h/d')\nexcept StateError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "pip install 'hbss[postgres]'" in done.stdout, done.stderr


def test_opening_two_states_at_once(postgres: Server) -> None:
    """States of one database do not meet."""
    one, other = new_state(postgres.url()), new_state(postgres.url())
    with one.opened() as a, other.opened() as b:
        threads = [threading.Thread(target=store.reserve, args=[5]) for store in (a, b)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert a.describe().next == b.describe().next == 5


@pytest.mark.parametrize(("ci", "outcome"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)])
def test_without_a_server_to_test(monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[BaseException]) -> None:
    """These tests are skipped where PostgreSQL is not installed, but never in CI."""

    def missing() -> Path:
        raise ServerMissing("not installed")

    monkeypatch.setattr(postgres_kit, "programs", missing)
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="not installed"), postgres_kit.running_server():
        pass
