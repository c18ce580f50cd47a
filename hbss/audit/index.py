"""The index of an audit: which one-time key signed which values, in an SQLite file, so that memory stays constant.

It is no key file and decides about no signature. A temporary index needs no journal; a file that is kept is written in
transactions, so that an audit that dies leaves an index which is behind, and never wrong.
"""

from __future__ import annotations

import errno
import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from hbss.audit.report import Finding, Use
from hbss.signature import OneTime

_APPLICATION = 0x48424155  # "HBAU", SQLite's application_id
_FORMAT = 1  # user_version
_BATCH = 20_000  # rows of one transaction
_CACHE_KIB = 32 * 1024
_TREES = 1 << 16  # whose numbers in the index are remembered
_USES = 10  # shown of one finding
_LEAF_BITS = 25  # of the highest tree of any set

# The primary key of `used` puts the values of a one-time key side by side: a reuse is two neighbours, whatever came
# first. place: tree.id << 25 | leaf. number: in decimal, as an HSS may have more trees than SQLite's integers reach.
_SCHEMA = f"""
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_FORMAT};
CREATE TABLE audit (public_key BLOB NOT NULL, highest TEXT);
CREATE TABLE counted (what TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE tree (
    id INTEGER PRIMARY KEY, layer INTEGER NOT NULL, name BLOB NOT NULL, number TEXT NOT NULL, UNIQUE (layer, name)
);
CREATE TABLE used (
    place INTEGER NOT NULL, value BLOB NOT NULL, ordinal INTEGER NOT NULL, name TEXT, verified INTEGER NOT NULL,
    PRIMARY KEY (place, value)
) WITHOUT ROWID;
CREATE TABLE refused (ordinal INTEGER NOT NULL, name TEXT, reason TEXT NOT NULL);
"""
_PUT = """
INSERT INTO used VALUES (?, ?, ?, ?, ?)
ON CONFLICT (place, value) DO UPDATE SET verified = 1 WHERE excluded.verified > verified
"""
_REUSED = "SELECT place, count(*) FROM used GROUP BY place HAVING count(*) > 1"
_VALUES_OF_LAYER_0 = """
SELECT coalesce(sum((SELECT count(*) FROM used WHERE place BETWEEN id << 25 AND (id << 25) + (1 << 25) - 1)), 0)
FROM tree WHERE layer = 0
"""
_COUNTS = ("given", "signatures", "unverified", "malformed", "invalid")


class Index:
    """What an audit remembers. Rows are written in batches; whoever reads sees all."""

    def __init__(self, path: Path | None, public_key: bytes) -> None:
        """public_key: whose index it is."""
        self.counts = dict.fromkeys(_COUNTS, 0)
        self.highest: int | None = None
        self._rows: list[tuple[int, bytes, int, str | None, bool]] = []
        self._refused: list[tuple[int, str | None, str]] = []
        self._trees: dict[tuple[int, bytes], int] = {}
        self._path, self._closed = path, False
        with self._translated():
            self._connection = _connect(path)
            try:
                self._begin(public_key)
            except BaseException:
                self._connection.close()
                raise

    def _begin(self, public_key: bytes) -> None:
        """Make the tables, or go on where the last audit of this key ended. Leaves a transaction open, as `write`."""
        execute = self._connection.execute
        execute("BEGIN EXCLUSIVE")
        if not execute("PRAGMA application_id").fetchone()[0]:
            for statement in _SCHEMA.split(";\n"):
                execute(statement)
            execute("INSERT INTO audit VALUES (?, NULL)", (public_key,))
        kept, highest = execute("SELECT public_key, highest FROM audit").fetchone()
        if kept != public_key:
            raise ValueError(
                f"{self._path} is the index of another key (fingerprint {hashlib.sha256(kept).hexdigest()}); "
                "choose another name for this key's"
            )
        self.highest = None if highest is None else int(highest)
        self.counts.update(execute("SELECT what, number FROM counted"))

    # ---- writing

    def count(self) -> int:
        """The number of the next signature, from 1. ValueError after close."""
        if self._closed:
            raise ValueError("this audit is closed and takes no more signatures")
        self.counts["given"] += 1
        return self.counts["given"]

    def refuse(self, what: str, ordinal: int, name: str | None, reason: str) -> None:
        """A signature is not compared; what: the count that it belongs to."""
        self.counts[what] += 1
        self._refused.append((ordinal, name, reason))
        if len(self._refused) >= _BATCH:
            self.write()

    def see(self, index: int, verified: bool) -> None:
        """A signature of this index is compared."""
        self.counts["signatures"] += 1
        if not verified:
            self.counts["unverified"] += 1
        if self.highest is None or index > self.highest:
            self.highest = index

    def put(self, use: OneTime, ordinal: int, name: str | None, verified: bool) -> None:
        """Keep a value. One that was seen before changes nothing, but that it may have been verified now."""
        tree = self._trees.get((use.layer, use.tree)) or self._tree(use)
        self._rows.append((tree << _LEAF_BITS | use.leaf, use.value, ordinal, name, verified))
        if len(self._rows) >= _BATCH:
            self.write()

    def _tree(self, use: OneTime) -> int:
        """The id of a tree, from 1; a new tree gets the next."""
        with self._writing():
            values = use.layer, use.tree, str(use.number)
            self._connection.execute("INSERT OR IGNORE INTO tree (layer, name, number) VALUES (?, ?, ?)", values)
            query = "SELECT id FROM tree WHERE (layer, name) = (?, ?)"
            found = int(self._connection.execute(query, values[:2]).fetchone()[0])
        if len(self._trees) >= _TREES:
            self._trees.clear()
        self._trees[use.layer, use.tree] = found
        return found

    def write(self) -> None:
        """Make everything so far durable (if the index is a file)."""
        with self._writing():
            execute, executemany = self._connection.execute, self._connection.executemany
            executemany(_PUT, sorted(self._rows))  # neighbours at once: fewer pages are touched
            executemany("INSERT INTO refused VALUES (?, ?, ?)", self._refused)
            executemany("INSERT OR REPLACE INTO counted VALUES (?, ?)", self.counts.items())
            execute("UPDATE audit SET highest = ?", (None if self.highest is None else str(self.highest),))
            execute("COMMIT")
            execute("BEGIN")
        self._rows.clear()
        self._refused.clear()

    def close(self, save: bool = True) -> None:
        """Let go of the file. Closing again does nothing."""
        try:
            if save and not self._closed:
                self.write()
        finally:
            self._closed = True
            self._connection.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """After a failure nobody knows what SQLite has rolled back, so that is the end of this audit."""
        try:
            with self._translated():
                yield
        except BaseException:
            self.close(save=False)
            raise

    # ---- reading

    def findings(self) -> Iterator[Finding]:
        """The one-time keys with several values, tree by tree. Nothing may be written meanwhile."""
        self.write()
        with self._translated():
            for place, values in self._connection.execute(_REUSED):
                query = "SELECT layer, number FROM tree WHERE id = ?"
                layer, number = self._connection.execute(query, (place >> _LEAF_BITS,)).fetchone()
                leaf = place & ((1 << _LEAF_BITS) - 1)
                yield Finding(layer, int(number), leaf, values, tuple(self._uses(place)))

    def _uses(self, place: int) -> Iterator[Use]:
        query = "SELECT ordinal, name, value, verified FROM used WHERE place = ? ORDER BY ordinal LIMIT ?"
        for ordinal, name, value, verified in self._connection.execute(query, (place, _USES)):
            yield Use(_named(ordinal, name), value.hex(), bool(verified))

    def values_of_layer_0(self) -> int:
        """How many different values the lowest layer's one-time keys signed."""
        self.write()
        with self._translated():
            return int(self._connection.execute(_VALUES_OF_LAYER_0).fetchone()[0])

    def refused(self, limit: int) -> Iterator[tuple[str, str]]:
        """Names and reasons of the first signatures that were not compared."""
        self.write()
        with self._translated():
            query = "SELECT ordinal, name, reason FROM refused ORDER BY ordinal LIMIT ?"
            for ordinal, name, reason in self._connection.execute(query, (limit,)):
                yield _named(ordinal, name), reason

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """What SQLite's exceptions mean for an audit."""
        try:
            yield
        except sqlite3.ProgrammingError:
            raise  # another thread, or after close: a mistake in the program, which SQLite names well
        except sqlite3.Error as error:
            text, name = str(error), "the temporary index" if self._path is None else str(self._path)
            if "locked" in text:
                raise OSError(f"{name} is in use by another audit; wait for its end or choose another name") from None
            if "full" in text:
                raise OSError(errno.ENOSPC, "no space left for the index of the audit", name) from None
            if isinstance(error, sqlite3.OperationalError):
                raise OSError(f"{name} cannot be read or written ({text}); choose another place") from None
            raise ValueError(
                f"{name} is no index of an audit, or it is damaged ({text}); choose another name, or remove it and "
                "give all signatures again"
            ) from None


def _named(ordinal: int, name: str | None) -> str:
    return f"#{ordinal}" if name is None else name


def _connect(path: Path | None) -> sqlite3.Connection:
    if path is None:
        connection = sqlite3.connect("", isolation_level=None)  # a temporary file, which SQLite removes
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
    else:
        _refuse_foreign(path)
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rwc", uri=True, isolation_level=None, timeout=1)
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")  # two audits would count past each other
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    return connection


def _refuse_foreign(path: Path) -> None:
    """ValueError unless a file is empty, missing, or an index. It is opened as immutable: nothing of it changes."""
    if not path.exists() or path.stat().st_size == 0:
        return
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        if connection.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION:
            raise ValueError(f"{path} is another program's SQLite file, no index of an audit; choose another name")
        if connection.execute("PRAGMA user_version").fetchone()[0] != _FORMAT:
            raise ValueError(f"{path} is an index of another version of hbss; choose another name")
