"""The default store: the key file itself, one SQLite database.

Why it is safe: a reservation is one transaction that moves `next` forward, and its indices are used only after COMMIT
has returned, with the rollback journal flushed and removed (`synchronous=EXTRA`). Never WAL: a copy of the main file
alone would then hold an old index. Nothing in hbss opens a key file except through SQLite (see `guards`).
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hbss.errors import BadKey, HandleDead, KeyExhausted, StateError, StateFenced, StateUnsafe
from hbss.stores import ChildSignature, StoreState, database, forks, guards, schema
from hbss.stores.keyfile import KeyRow, check_row
from hbss.stores.lock import FileLock

AUTHORITY = "sqlite"  # what a key row says when its state is kept beside it
TIMEOUT = 10.0  # seconds to wait for other signers


class SqliteStore:
    """A key file: its unchanging row in `.key`, and its state (hbss.stores.StateStore)."""

    pragmas = database.PRAGMAS

    def __init__(self, path: str | os.PathLike[str], timeout: float = TIMEOUT) -> None:
        """Open an existing key file; FileNotFoundError, BadKey or StateUnsafe if it cannot be used."""
        self.path = guards.resolve(path)
        self._identity = guards.check_file(self.path)
        guards.check_place(self.path)
        database.refuse_wal_files(self.path)
        self._file_lock = FileLock(self.path.with_name(self.path.name + ".lock"), timeout)
        self._mutex = threading.RLock()
        self._pid = os.getpid()
        self._dead = ""
        self._connection = database.connect(self.path, timeout)
        try:
            with self._file_lock.held(), database.translated(self.path):
                self._check_kind()
                self._check_journal()  # before a pragma could turn a WAL file back
                database.set_pragmas(self._connection, self.pragmas)
                self.key, self._ceiling = self._load_key()
                self._epoch = self._read_state().epoch
            guards.check_same_file(self.path, self._identity)
        except BaseException:
            self._connection.close()
            raise
        forks.register(self)

    # ---- what hbss.stores.StateStore asks for

    def describe(self) -> StoreState:
        """The state as it is now."""
        with self._locked():
            return self._read_state()

    def reserve(self, count: int) -> range:
        """Take `count` indices, durably."""
        if count < 1:
            raise ValueError(f"a reservation takes at least one index, not {count}")
        with self._transaction():
            start = self._claim(count)
        return range(start, start + count)

    def child(self, layer: int, tree: int, leaf: int) -> ChildSignature | None:
        """What the one-time key at this place signed."""
        with self._locked():
            return self._find_child(layer, tree, leaf)

    def record_child(self, layer: int, tree: int, leaf: int, made: ChildSignature) -> ChildSignature:
        """Record what a one-time key signs, unless that has been done; return what is recorded."""
        with self._transaction():
            found = self._find_child(layer, tree, leaf)
            if found is None:
                self._connection.execute(
                    "INSERT INTO child (key_id, layer, tree, leaf, public, signature) VALUES (?, ?, ?, ?, ?, ?)",
                    (self.key.key_id, layer, tree, leaf, made.public, made.signature),
                )
        return found or made

    def close(self) -> None:
        """Close the file."""
        if self._dead:
            return
        with self._mutex:
            self._dead = "it was closed"
            self._connection.close()

    # ---- the parts of a reservation

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Alone with the file. Readers queue as well: SQLite has no queue, only pauses of growing length."""
        self._check_alive()  # before any lock: in a forked child nobody may be left to release it
        with self._file_lock.held(), self._mutex, database.translated(self.path):
            self._check_alive()
            yield

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """A write that is durable when the block has ended; after any exception it may or may not have happened."""
        with self._locked():
            guards.check_same_file(self.path, self._identity)
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                self._check_journal()
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise

    def _claim(self, count: int) -> int:
        names = {"k": self.key.key_id, "e": self._epoch, "n": count}
        row = self._connection.execute(
            "SELECT next FROM state WHERE key_id = :k AND epoch = :e AND next <= lim - :n", names
        ).fetchone()
        if row is None:
            raise self._refusal(count)
        start = int(row[0])
        if start < 0 or start + count > self._ceiling:
            raise StateUnsafe(f"{self.path} is damaged: index {start} lies outside the key; it must not sign any more")
        changed = self._connection.execute(
            "UPDATE state SET next = next + :n WHERE key_id = :k AND epoch = :e AND next = :start",
            {**names, "start": start},
        ).rowcount
        if changed != 1:
            raise StateError(f"{self.path}: the reservation changed {changed} rows instead of one; nothing was signed")
        return start

    def _refusal(self, count: int) -> StateError | KeyExhausted:
        state = self._read_state()
        if state.epoch != self._epoch:
            return StateFenced(
                f"the key is at epoch {state.epoch}, this signer at {self._epoch}: a recovery replaced it"
            )
        if state.remaining == 0:
            return KeyExhausted(f"{self.path} has made all of its {state.limit} signatures; make a new key")
        return KeyExhausted(f"{count} signatures were asked for, {state.remaining} are left; none was used")

    def _roll_back(self) -> None:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            self._dead = f"a transaction could not be rolled back ({error})"
            self._connection.close()

    # ---- reading

    def _read_state(self) -> StoreState:
        rows = self._connection.execute("SELECT key_id, epoch, next, lim FROM state").fetchall()
        if len(rows) != 1:
            raise StateUnsafe(f"{self.path} is damaged: it has {len(rows)} state rows; it must not sign any more")
        state = StoreState(*rows[0])
        numbers = all(type(value) is int for value in state[1:])
        if state.key_id != self.key.key_id or not numbers or not 0 <= state.next <= state.limit <= self._ceiling:
            raise StateUnsafe(f"{self.path} is damaged: its state is not one of its key; it must not sign any more")
        return state

    def _find_child(self, layer: int, tree: int, leaf: int) -> ChildSignature | None:
        row = self._connection.execute(
            "SELECT public, signature FROM child WHERE key_id = ? AND layer = ? AND tree = ? AND leaf = ?",
            (self.key.key_id, layer, tree, leaf),
        ).fetchone()
        return None if row is None else ChildSignature(*row)

    def _load_key(self) -> tuple[KeyRow, int]:
        rows = self._connection.execute(
            "SELECT key_id, set_name, authority, public_key, secret, checksum FROM key"
        ).fetchall()
        if len(rows) != 1:
            raise StateUnsafe(f"{self.path} is damaged: it has {len(rows)} key rows")
        *fields, checksum = rows[0]
        key = KeyRow(*fields)
        found = check_row(key, checksum, self.path)
        if key.authority != AUTHORITY:
            raise StateUnsafe(f"the state of {self.path} is kept by {key.authority}, not in the file")
        return key, found.capacity - 1

    # ---- settings

    def _check_kind(self) -> None:
        if database.pragma(self._connection, "page_count") == 0:
            raise BadKey(f"{self.path} is empty; it is not a key of hbss")
        if database.pragma(self._connection, "application_id") != schema.APPLICATION:
            raise BadKey(f"{self.path} is an SQLite file, but not a key of hbss")
        version = database.pragma(self._connection, "user_version")
        if version != schema.FORMAT:
            raise BadKey(f"{self.path} has format {version}; this version of hbss reads format {schema.FORMAT}")
        found = self._connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
        if sorted(row[0] for row in found) != sorted(schema.STATEMENTS):
            raise StateUnsafe(f"{self.path} was altered: its tables or the triggers that guard them are not as created")

    def _check_journal(self) -> None:
        if database.pragma(self._connection, "journal_mode") == "wal":
            raise StateUnsafe(
                f"{self.path} is in WAL mode, in which a copy of the file holds an old index; it must not sign any more"
            )

    # ---- forks

    def _check_alive(self) -> None:
        if self._dead:
            raise HandleDead(f"this handle of {self.path} is dead: {self._dead}; open the key again")
        if os.getpid() != self._pid:  # a fork that Python did not see
            raise HandleDead(f"this handle of {self.path} is dead: another process opened it; open the key again")

    def before_fork(self) -> None:
        """No transaction may be under way while the process is copied."""
        self._mutex.acquire()

    def after_fork_in_parent(self) -> None:
        """Go on."""
        self._mutex.release()

    def after_fork_in_child(self) -> None:
        """Die, without touching the parent's connection or lock."""
        self._dead = "the process forked, and its parent goes on using it"
        forks.leak(self._connection)
        self._file_lock.abandon()
        self._mutex.release()


def create_file(path: Path, key: KeyRow) -> None:
    """Write a new key file, readable by its owner only, whose last leaf is set aside; FileExistsError if there is one.

    `path` is a name that nobody else knows yet: the caller gives the finished file its own.
    """
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    capacity = check_row(key, key.checksum(), path).capacity
    connection = database.connect(path, TIMEOUT)
    try:
        with database.translated(path):
            database.set_pragmas(connection, database.PRAGMAS)
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute(f"PRAGMA application_id = {schema.APPLICATION}")
            connection.execute(f"PRAGMA user_version = {schema.FORMAT}")
            for statement in schema.STATEMENTS:
                connection.execute(statement)
            connection.execute(
                "INSERT INTO key VALUES (1, ?, ?, ?, ?, ?, ?)",
                (key.key_id, key.set_name, key.authority, key.public_key, key.secret, key.checksum()),
            )
            connection.execute("INSERT INTO state VALUES (?, 0, 0, ?)", (key.key_id, capacity - 1))
            connection.execute("COMMIT")
    finally:
        connection.close()
