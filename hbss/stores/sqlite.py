"""The default store: state in an SQLite file, as a rule in the key file itself.

Why it is safe: a reservation is one transaction that moves `next` forward, and its indices are used only after COMMIT
has returned, with the rollback journal flushed and removed (`synchronous=EXTRA`; see `sqlitefile`).
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from hbss.errors import StateError, StateUnsafe
from hbss.stores import (
    NOTHING,
    ChildSignature,
    Lease,
    NoState,
    Spent,
    StoreState,
    Vouched,
    check_count,
    check_limit,
    check_successor,
    guards,
    refusal,
)  # fmt: skip
from hbss.stores.sqlitefile import TIMEOUT, SqliteFile, ensure_file

SCHEME = "sqlite:"

_STATE = "SELECT key_id, epoch, first, next, lim, used, successor FROM state WHERE key_id = ?"


class SqliteStore(SqliteFile):
    """One state of a file (hbss.stores.StateStore)."""

    def __init__(self, path: str | os.PathLike[str], key_id: bytes, signer: str = "", timeout: float = TIMEOUT) -> None:
        super().__init__(path, timeout)
        self.key_id = key_id
        self._signer = signer
        try:
            self._epoch = self.describe().epoch
        except BaseException:
            self.close()
            raise

    def describe(self) -> StoreState:
        """The state as it is now."""
        with self.locked():
            return self._read_state()

    def reserve(self, count: int, spent: Spent = NOTHING) -> range:
        """Take `count` indices, durably."""
        check_count(count)
        with self.transaction():
            start = self._claim(count, self._end_leases(spent))
            lease = (self.key_id, start, start + count, self._epoch, self._signer, time.time())
            self.execute("INSERT INTO lease VALUES (?, ?, ?, ?, ?, ?)", *lease)
        return range(start, start + count)

    def settle(self, spent: Spent) -> None:
        """Say what became of earlier reservations."""
        with self.transaction():
            if used := self._end_leases(spent):
                self.execute("UPDATE state SET used = used + ? WHERE key_id = ?", used, self.key_id)

    def leases(self) -> list[Lease]:
        """The leases that have not been settled."""
        with self.locked():
            rows = self.execute(
                "SELECT start, stop, epoch, signer, at FROM lease WHERE key_id = ? ORDER BY start", self.key_id
            )
            return [Lease(*row) for row in rows]

    def advance(self, epoch: int, next: int) -> StoreState:
        """Raise epoch and next to at least these, durably."""
        with self.transaction():
            before = self._read_state()
            check_limit(before, next)
            self.execute(
                "UPDATE state SET epoch = max(epoch, ?), next = max(next, ?) WHERE key_id = ?", epoch, next, self.key_id
            )
        if epoch >= before.epoch:  # else somebody else has raised it, and this handle stays fenced
            self._epoch = epoch
        return before

    def retire(self, successor: bytes) -> range:
        """Hand on what is left."""
        with self.transaction():
            state = self._read_state()
            check_successor(self.path, state, successor)
            if state.successor is None:
                self.execute(
                    "UPDATE state SET successor = ?, handed = next, next = lim WHERE key_id = ?", successor, self.key_id
                )
            (start,) = self.execute("SELECT handed FROM state WHERE key_id = ?", self.key_id).fetchone()
        return range(start, state.limit)

    def child(self, layer: int, tree: int, leaf: int) -> ChildSignature | None:
        """What the one-time key at this place signed."""
        with self.locked():
            return self._find_child(layer, tree, leaf)

    def record_child(self, layer: int, tree: int, leaf: int, made: ChildSignature) -> ChildSignature:
        """Record what a one-time key signs, unless that has been done; return what is recorded."""
        with self.transaction():
            found = self._find_child(layer, tree, leaf)
            if found is None:
                row = (self.key_id, layer, tree, leaf, made.public, made.signature)
                self.execute("INSERT INTO child VALUES (?, ?, ?, ?, ?, ?)", *row)
        return found or made

    # ---- the parts of a reservation

    def _claim(self, count: int, used: int) -> int:
        """Raise `next` by `count`, and `used` on the way."""
        row = self.execute(
            "SELECT next FROM state WHERE key_id = ? AND epoch = ? AND next <= lim - ?", self.key_id, self._epoch, count
        ).fetchone()
        if row is None:
            raise refusal(self.path, self._read_state(), self._epoch, count)
        start = int(row[0])
        changed = self.execute(
            "UPDATE state SET next = next + ?, used = used + ? WHERE key_id = ? AND epoch = ? AND next = ?",
            count, used, self.key_id, self._epoch, start,
        ).rowcount  # fmt: skip
        if changed != 1:
            raise StateError(f"{self.path}: the reservation changed {changed} rows instead of one; nothing was signed")
        return start

    def _end_leases(self, spent: Spent) -> int:
        """Remove leases; how many signatures they made. One that is unknown, or too short for that, stays as it is."""
        return sum(
            used
            for start, used in spent.items()
            if self.execute(
                "DELETE FROM lease WHERE key_id = ? AND start = ? AND stop - start >= ?",
                self.key_id, start, used,
            ).rowcount
        )  # fmt: skip

    # ---- reading

    def _read_state(self) -> StoreState:
        row = self.execute(_STATE, self.key_id).fetchone()
        if row is None:
            raise NoState(
                f"{self.path} holds no state of this key: it is another key's store, or damaged; nothing was signed"
            )
        state = StoreState(*row)
        numbers = all(type(value) is int for value in state[1:6])
        if not numbers or not 0 <= state.first <= state.next <= state.limit:
            raise StateUnsafe(f"{self.path} is damaged: its state is not one of its key; it must not sign any more")
        return state

    def _find_child(self, layer: int, tree: int, leaf: int) -> ChildSignature | None:
        row = self.execute(
            "SELECT public, signature FROM child WHERE key_id = ? AND layer = ? AND tree = ? AND leaf = ?",
            self.key_id, layer, tree, leaf,
        ).fetchone()  # fmt: skip
        return None if row is None else ChildSignature(*row)


def add_state(file: SqliteFile, key_id: bytes, indices: range, epoch: int) -> None:
    """Make a new state in a file, unless there is one of this name."""
    with file.transaction():
        if file.execute(_STATE, key_id).fetchone() is None:
            insert_state(file._connection, key_id, indices, epoch)


def insert_state(connection: sqlite3.Connection, key_id: bytes, indices: range, epoch: int) -> None:
    """The first row of a state."""
    connection.execute(
        "INSERT INTO state VALUES (?, ?, ?, ?, ?, 0, NULL, NULL)",
        (key_id, epoch, indices.start, indices.start, indices.stop),
    )


def insert_children(connection: sqlite3.Connection, key_id: bytes, rows: Iterable[Vouched]) -> None:
    """Signatures of inner trees that were made elsewhere."""
    for layer, tree, leaf, made in rows:
        connection.execute("INSERT INTO child VALUES (?, ?, ?, ?, ?, ?)", (key_id, layer, tree, leaf, *made))


class SqliteEngine:
    """States in SQLite files (hbss.stores.StoreEngine): `sqlite:` and an absolute path."""

    def normal(self, url: str) -> str:
        """The URL with the path made absolute; ValueError if there is none, or no such folder."""
        path = url.removeprefix(SCHEME)
        if not path:
            raise ValueError("sqlite: needs the path of a file")
        try:
            return SCHEME + str(guards.resolve(path))
        except FileNotFoundError as error:
            raise ValueError(f"{error.filename}: there is no such folder to keep state in") from None

    def create(self, url: str, key_id: bytes, indices: range, epoch: int) -> None:
        """Make a new state, and the file if there is none."""
        path = Path(url.removeprefix(SCHEME))
        guards.check_place(path)
        ensure_file(path)
        with closing(SqliteFile(path)) as file:
            add_state(file, key_id, indices, epoch)

    def open(self, url: str, key_id: bytes, signer: str) -> SqliteStore:
        """Open a state."""
        return SqliteStore(url.removeprefix(SCHEME), key_id, signer)


ENGINE = SqliteEngine()
