"""The SQLite store: what it hands out, and to whom."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from hbss import HandleDead, KeyExhausted, StateError, StateFenced, StateUnsafe, StoreBusy
from hbss.stores import ChildSignature
from hbss.stores.database import is_database
from hbss.stores.sqlite import SqliteStore
from tests.state_kit import sqlite_store

# ---- reservations --------------------------------------------------------------------------------------------------


def test_reservations_follow_one_another(store: SqliteStore) -> None:
    """Half-open, adjoining, and the state moves with them."""
    assert [store.reserve(1), store.reserve(7), store.reserve(2)] == [range(1), range(1, 8), range(8, 10)]
    assert store.describe()[1:] == (0, 0, 10, 31, 0, None)
    assert store.describe().remaining == 21


def test_a_reservation_is_in_the_file_when_it_is_returned(key: Path, store: SqliteStore) -> None:
    """Another connection sees it."""
    store.reserve(3)
    with contextlib.closing(sqlite3.connect(key)) as other:
        assert other.execute("SELECT next FROM state").fetchone() == (3,)


@pytest.mark.parametrize("count", [0, -1, -100])
def test_a_reservation_takes_at_least_one(store: SqliteStore, count: int) -> None:
    """Nothing, or less, cannot be reserved."""
    with pytest.raises(ValueError, match="at least one"):
        store.reserve(count)
    assert store.describe().next == 0


def test_more_than_is_left_takes_nothing(store: SqliteStore) -> None:
    """The limit is the last leaf, which is set aside."""
    with pytest.raises(KeyExhausted, match="32 signatures were asked for, 31 are left"):
        store.reserve(32)
    assert store.reserve(31) == range(31)
    with pytest.raises(KeyExhausted, match="all of its 31 signatures"):
        store.reserve(1)


def test_an_older_epoch_is_fenced(key: Path, store: SqliteStore) -> None:
    """A recovery that bumps the epoch ends all signers that were open."""
    with contextlib.closing(sqlite3.connect(key, isolation_level=None)) as other:
        other.execute("UPDATE state SET epoch = epoch + 1, next = next + 5")
    with pytest.raises(StateFenced, match="epoch 1, this signer at 0"):
        store.reserve(1)
    with contextlib.closing(sqlite_store(key)) as later:
        assert later.reserve(1) == range(5, 6)


def test_two_handles_share_one_state(key: Path, store: SqliteStore) -> None:
    """Two connections of one process, and threads of one handle, never get the same index."""
    with contextlib.closing(sqlite_store(key)) as other:
        assert [store.reserve(1).start, other.reserve(1).start, store.reserve(1).start] == [0, 1, 2]
    taken: list[int] = []
    threads = [threading.Thread(target=lambda: taken.append(store.reserve(1).start)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(3, 23))


def test_flock_held_elsewhere_is_busy(key: Path, store: SqliteStore) -> None:
    """Whoever holds KEY.lock keeps others out, for as long as they are willing to wait."""
    other = sqlite_store(key)
    with other._file_lock.held(), pytest.raises(StoreBusy, match="another signer"):
        store.reserve(1)
    other.close()
    assert store.reserve(1) == range(1)


def test_a_lock_that_becomes_free_is_taken(key: Path) -> None:
    """Whoever waits gets it; and a wait that was given up does not take it later."""
    patient, other = sqlite_store(key, timeout=20), sqlite_store(key)
    taken: list[range] = []
    waiting = threading.Thread(target=lambda: taken.append(patient.reserve(1)))
    with other._file_lock.held():
        waiting.start()
        time.sleep(0.1)
        assert taken == []
    waiting.join()
    assert taken == [range(1)]
    impatient = sqlite_store(key, timeout=0.01)
    for start in (1, 2):
        with other._file_lock.held(), pytest.raises(StoreBusy):
            impatient.reserve(1)
        assert other.reserve(1).start == start
    for store in (patient, other, impatient):
        store.close()


def test_a_lock_in_sqlite_is_busy(key: Path, store: SqliteStore) -> None:
    """So does a program that knows only SQLite's lock."""
    with contextlib.closing(sqlite3.connect(key, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy, match="another program"):
            store.reserve(1)
    assert store.reserve(1) == range(1)


def test_a_replaced_lock_file_is_locked_anew(key: Path, store: SqliteStore) -> None:
    """A lock on a file that has lost its name would exclude nobody."""
    store.reserve(1)
    os.unlink(f"{key}.lock")
    assert store.reserve(1) == range(1, 2)
    os.unlink(f"{key}.lock")
    os.symlink("/dev/null", f"{key}.lock")
    with pytest.raises(StateUnsafe, match="lock file"):
        store.reserve(1)


def test_an_interrupt_leaves_no_lock_behind(key: Path, store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the moment in which the lock is let go of: others get it all the same."""
    release, calls = store._file_lock._release, []

    def interrupted() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise KeyboardInterrupt
        release()

    monkeypatch.setattr(store._file_lock, "_release", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.reserve(1)
    with contextlib.closing(sqlite_store(key)) as other:
        assert other.reserve(1) == range(1, 2)
    assert store.reserve(1) == range(2, 3)


def test_the_lock_does_not_wait_for_itself(store: SqliteStore) -> None:
    """A signal handler that asks the store while its thread holds it gets an error, not a deadlock."""
    with store.transaction(), pytest.raises(StateError, match="by a signal handler"):
        store.describe()
    assert store.reserve(1) == range(1)


def test_roots_lock_file_is_the_owners(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root looks at somebody's key first, and its owner still gets in."""
    Path(f"{key}.lock").unlink(missing_ok=True)
    if os.geteuid() == 0:
        os.chown(key, 65534, 65534)
        sqlite_store(key).close()
        assert Path(f"{key}.lock").stat().st_uid == 65534
    else:  # who cannot give a file away: then that it would be given is seen
        given: list[tuple[int, int]] = []
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        monkeypatch.setattr(os, "fchown", lambda _, user, group: given.append((user, group)))
        sqlite_store(key).close()
        assert given == [(key.stat().st_uid, key.stat().st_gid)]


def test_a_full_disk_burns_nothing_silently(key: Path, store: SqliteStore) -> None:
    """A failed write is an error that says so, and the store goes on afterwards."""
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StateError, match=r"full.*counts as used"):
        store.record_child(1, 0, 0, ChildSignature(b"root", bytes(100_000)))
    assert store.child(1, 0, 0) is None
    assert store.reserve(1) == range(1)


@pytest.mark.parametrize("failing", ["COMMIT", "UPDATE"])
def test_an_error_in_a_transaction_returns_no_range(store: SqliteStore, failing: str) -> None:
    """Whatever fails between BEGIN and COMMIT: no range, no open transaction, and the next one works."""
    connection = store._connection

    class Failing:
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            if sql.startswith(failing):
                raise sqlite3.OperationalError("disk I/O error")
            return connection.execute(sql, *values)

        def __getattr__(self, name: str) -> object:
            return getattr(connection, name)

    store._connection = Failing()  # type: ignore[assignment]
    with pytest.raises(StateError, match="disk I/O error"):
        store.reserve(1)
    store._connection = connection
    assert not connection.in_transaction
    assert store.reserve(1).start in (0, 1)


def test_a_closed_store_is_dead(store: SqliteStore) -> None:
    """Every call says so."""
    store.close()
    store.close()
    for call in (store.describe, lambda: store.reserve(1), lambda: store.child(1, 0, 0)):
        with pytest.raises(HandleDead, match="closed"):
            call()


# ---- signatures of inner trees -------------------------------------------------------------------------------------


def test_a_child_is_recorded_once(key: Path, store: SqliteStore) -> None:
    """The first record stays, whoever comes later with another."""
    first, second = ChildSignature(b"root", b"signature"), ChildSignature(b"other", b"later")
    assert store.child(1, 2, 3) is None
    assert store.record_child(1, 2, 3, first) == first
    with contextlib.closing(sqlite_store(key)) as other:
        assert other.record_child(1, 2, 3, second) == first
    assert store.child(1, 2, 3) == first
    assert store.record_child(1, 2, 4, second) == second


# ---- which kind of file --------------------------------------------------------------------------------------------


def test_sqlite_says_what_is_a_database(key: Path, tmp_path: Path) -> None:
    """Keys and empty files are; PEM, of any length, is not."""
    assert is_database(key)
    (tmp_path / "short").write_bytes(b"-----BEGIN")
    (tmp_path / "long").write_bytes(b"-----BEGIN PRIVATE KEY-----\n" * 1000)
    (tmp_path / "empty").touch()
    assert [is_database(tmp_path / name) for name in ("short", "long", "empty")] == [False, False, True]
    with pytest.raises(FileNotFoundError):
        is_database(tmp_path / "missing")


def test_asking_changes_nothing(key: Path) -> None:
    """Not even of a file in WAL mode, which SQLite likes to give a log."""
    with contextlib.closing(sqlite3.connect(key)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    before = key.read_bytes(), sorted(os.listdir(key.parent))
    assert is_database(key)
    assert (key.read_bytes(), sorted(os.listdir(key.parent))) == before
