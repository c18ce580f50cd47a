"""An SQLite file of hbss, opened with every guard: a key file, a file of state, or a witness.

Never WAL: a copy of the main file alone would then hold an old index. Nothing in hbss opens such a file except through
SQLite (see `guards`), and whoever works with it also holds flock on the file beside it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from hbss import files
from hbss.errors import BadKey, StateUnsafe
from hbss.stores import database, forks, guards, schema
from hbss.stores.lock import FileLock

TIMEOUT = 10.0  # seconds to wait for other signers

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL


class SqliteFile(forks.Handle):
    """An open file. Every method may be called from any thread; after a fork the child's handle is dead."""

    pragmas = database.PRAGMAS

    def __init__(self, path: str | os.PathLike[str], timeout: float = TIMEOUT) -> None:
        """Open an existing file; FileNotFoundError, BadKey or StateUnsafe if it cannot be used."""
        self.path = guards.resolve(path)
        super().__init__(self.path)
        self._identity = self._check_file()
        guards.check_place(self.path)
        database.refuse_wal_files(self.path)
        self._file_lock = FileLock(self.path.with_name(self.path.name + ".lock"), timeout, self.path)
        self._connection = database.connect(self.path, timeout)
        try:
            with self._file_lock.held(), database.translated(self.path):
                seen = self._before_recovery()
                self._check_kind()
                self._check_journal()  # before a pragma could turn a WAL file back
                database.set_pragmas(self._connection, self.pragmas)
            guards.check_same_file(self.path, self._identity)
            if seen:
                self._keep_above(seen)
        except BaseException:
            self._connection.close()
            self._file_lock.close()
            raise
        forks.register(self)

    def execute(self, statement: str, *values: object) -> sqlite3.Cursor:
        """One statement, inside `locked` or `transaction`."""
        return self._connection.execute(statement, values)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Alone with the file. Readers queue as well: SQLite has no queue, only pauses of growing length."""
        self._check_alive()  # before any lock: in a forked child nobody may be left to release it
        with self._file_lock.held(), self._mutex, database.translated(self.path):
            self._check_alive()
            yield

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A write that is durable when the block has ended; after any exception it may or may not have happened."""
        with self.locked():
            guards.check_same_file(self.path, self._identity)
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                self._check_log()
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise

    def close(self) -> None:
        """Close the file; further use raises HandleDead."""
        if self._dead:
            return
        with self._mutex:
            self._dead = "it was closed"
            self._connection.close()
            self._file_lock.close()

    def _roll_back(self) -> None:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            self._dead = f"a transaction could not be rolled back ({error})"
            self._connection.close()

    def _check_file(self) -> tuple[int, int]:
        try:
            return guards.check_file(self.path)
        except StateUnsafe:
            if self.path.is_file() and not database.is_database(self.path):  # then its mode is not what is wrong
                raise BadKey(database.no_key(self.path)) from None
            raise

    # ---- a journal that was left behind

    def _before_recovery(self) -> list[tuple[bytes, int]]:
        """What the states of a file with a journal say before SQLite puts the journal back.

        The journal of a signer that died is found by its name. A file that was renamed without it, signed, and has its
        old name again would go back to what was before; of one that was not, this is the reservation that was lost.
        """
        if not os.path.exists(f"{self.path}-journal"):
            return []
        with suppress(sqlite3.Error), closing(database.immutable(self.path)) as connection:
            if connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",):  # not half-written by a loss of power
                return connection.execute("SELECT key_id, next FROM state").fetchall()
        return []

    def _keep_above(self, seen: list[tuple[bytes, int]]) -> None:
        """Let no state stand below what it was seen at."""
        with self.transaction():
            for key_id, next in seen:
                self.execute(
                    "UPDATE state SET next = min(?, lim) WHERE key_id = ? AND next < min(?, lim)", next, key_id, next
                )

    # ---- settings

    def _check_log(self) -> None:
        """Inside a transaction: in WAL mode there is a log by now. To ask SQLite would take ten times as long."""
        database.refuse_wal_files(self.path)

    def _check_kind(self) -> None:
        if database.pragma(self._connection, "page_count") == 0:
            raise BadKey(f"{self.path} is empty; it is not a key of hbss")
        if database.pragma(self._connection, "application_id") != schema.APPLICATION:
            raise BadKey(f"{self.path} is an SQLite file, but not a key of hbss")
        version = database.pragma(self._connection, "user_version")
        if version != schema.FORMAT:
            raise BadKey(
                f"{self.path} has format {version}; this version of hbss reads and writes format {schema.FORMAT}. "
                "Nothing was changed; use the version of hbss that made the file"
            )
        found = self._connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
        if sorted(row[0] for row in found) != sorted(schema.STATEMENTS):
            raise StateUnsafe(f"{self.path} was altered: its tables or the triggers that guard them are not as created")

    def _check_journal(self) -> None:
        if database.pragma(self._connection, "journal_mode") == "wal":
            raise StateUnsafe(
                f"{self.path} is in WAL mode, in which a copy of the file holds an old index; it must not sign any more"
            )

    def _abandon(self) -> None:
        forks.leak(self._connection)
        self._file_lock.close()


def create_file(path: Path, fill: Callable[[sqlite3.Connection], None]) -> None:
    """Write a new file, readable by its owner only; FileExistsError if there is one.

    fill: writes the first rows, in the same transaction as the tables. `path` is a name that nobody else knows yet: the
    caller gives the finished file its own.
    """
    os.close(os.open(path, _NEW, 0o600))
    _write_tables(path, fill)


def ensure_file(path: Path) -> None:
    """Have a file without a key: there is one already, or it is made, also where that was cut short before."""
    with suppress(FileExistsError):
        os.close(os.open(path, _NEW, 0o600))
    guards.check_file(path)
    database.refuse_wal_files(path)
    _write_tables(path, lambda connection: None)
    files.sync_folder(path.parent)


def _write_tables(path: Path, fill: Callable[[sqlite3.Connection], None]) -> None:
    """Unless the file has some already: then whoever opens it looks at them."""
    with closing(database.connect(path, TIMEOUT)) as connection, database.translated(path):
        if _has_tables(connection):
            return
        database.set_pragmas(connection, database.PRAGMAS)
        connection.execute("BEGIN EXCLUSIVE")
        if not _has_tables(connection):  # else another process was faster
            connection.execute(f"PRAGMA application_id = {schema.APPLICATION}")
            connection.execute(f"PRAGMA user_version = {schema.FORMAT}")
            for statement in schema.STATEMENTS:
                connection.execute(statement)
            fill(connection)
        connection.execute("COMMIT")


def _has_tables(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master").fetchone() is not None
