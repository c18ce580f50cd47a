"""The key file: which key this is, its secret seeds, and which store keeps its state.

The first two never change. The last is a log of terms, of which the last one is in force: a move adds two terms, one
that ends signing here (`ready` false) and one that lets it go on there.
"""

from __future__ import annotations

import hashlib
import hmac
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from hbss._native import random_bytes
from hbss.errors import BadKey, StateError, StateUnsafe, UnknownParameterSet
from hbss.params import ParameterSet, parameter_set
from hbss.stores import KEY_ID_LEN, Vouched, sqlite, sqlitefile
from hbss.stores.sqlitefile import SqliteFile

MAX_HEIGHT = 60  # an index has to fit a signed integer of 64 bits, with room for its sums

HERE = sqlite.SCHEME  # the authority of a key whose state is in its own file, whatever that is called


@dataclass(frozen=True)
class KeyRow:
    """The unchanging part of a stateful key. `public_key` is as its standard writes it, the LMS family in HSS form.

    `secret` is SEED (LMS, HSS: the top tree's) or SK_SEED || SK_PRF (XMSS, XMSS^MT); the public seed and the root are
    read from the public key.
    """

    set_name: str
    public_key: bytes
    secret: bytes = field(repr=False)

    def checksum(self, *parts: bytes) -> bytes:
        """HMAC-SHA-256 keyed from the seed, over the key and further parts.

        It finds accidents and mixed-up rows, not whoever can write the file.
        """
        key = hashlib.sha256(b"hbss key file" + self.secret).digest()
        total = hmac.new(key, digestmod="sha256")
        for part in (self.set_name.encode(), self.public_key, self.secret, *parts):
            total.update(len(part).to_bytes(8, "big") + part)
        return total.digest()


@dataclass(frozen=True)
class Term:
    """Which store keeps the state (`authority`, a URL), by what name (`key_id`), and who watches (`witness`, or "").

    Until it is `ready`, the state is on its way there, and nobody may sign.
    """

    number: int
    key_id: bytes
    authority: str
    witness: str = ""
    ready: bool = True

    def checksum(self, key: KeyRow) -> bytes:
        """Keyed from the seed of its key."""
        ready = b"ready" if self.ready else b"moving"
        return key.checksum(
            self.number.to_bytes(8, "big"), self.key_id, self.authority.encode(), self.witness.encode(), ready
        )

    def store_url(self, path: Path) -> str:
        """Where the store is, for the key file at `path`."""
        return f"{sqlite.SCHEME}{path}" if self.authority == HERE else self.authority


class KeyFile(SqliteFile):
    """An open key file: `key`, and its `terms`, of which there is at least one."""

    def __init__(self, path: str | Path, timeout: float = sqlitefile.TIMEOUT) -> None:
        super().__init__(path, timeout)
        try:
            with self.locked():
                self.key = self._read_key()
                self.set = check_row(self.key, self.path)
                self.terms = self._read_terms()
        except BaseException:
            self.close()
            raise

    @property
    def term(self) -> Term:
        """The term in force."""
        return self.terms[-1]

    def append(self, term: Term) -> None:
        """Put the next term in force, durably; StateError if another program was first."""
        with self.transaction():
            (last,) = self.execute("SELECT max(number) FROM term").fetchone()
            if last != term.number - 1:
                raise StateError(
                    f"another program has changed who keeps the state of {self.path}; nothing was changed here. Look "
                    "at it with hbss state status, then try again"
                )
            insert_term(self._connection, self.key, term)
        self.terms.append(term)

    def add_state(self, key_id: bytes, indices: range, epoch: int) -> None:
        """Make a new state in this file, unless there is one of this name."""
        sqlite.add_state(self, key_id, indices, epoch)

    def _read_key(self) -> KeyRow:
        rows = self.execute("SELECT set_name, public_key, secret, checksum FROM key").fetchall()
        if not rows:
            raise BadKey(f"{self.path} holds state, but no key; open the key file that names it")
        key, checksum = KeyRow(*rows[0][:3]), rows[0][3]
        if not hmac.compare_digest(key.checksum(), checksum):
            raise StateUnsafe(f"{self.path} is damaged: its checksum does not fit its key; it must not sign any more")
        return key

    def _read_terms(self) -> list[Term]:
        terms = []
        rows = self.execute("SELECT number, key_id, authority, witness, ready, checksum FROM term ORDER BY number")
        for place, (number, key_id, authority, witness, ready, checksum) in enumerate(rows, 1):
            term = Term(number, key_id, authority, witness, bool(ready))
            if term.number != place or not hmac.compare_digest(term.checksum(self.key), checksum):
                raise StateUnsafe(f"{self.path} is damaged: what it says of its store does not fit its key")
            terms.append(term)
        if not terms:
            raise StateUnsafe(f"{self.path} is damaged: it does not say where its state is kept")
        return terms


def insert_term(connection: sqlite3.Connection, key: KeyRow, term: Term) -> None:
    """A row of the log."""
    connection.execute(
        "INSERT INTO term VALUES (?, ?, ?, ?, ?, ?)",
        (term.number, term.key_id, term.authority, term.witness, int(term.ready), term.checksum(key)),
    )


def create_file(
    path: Path,
    key: KeyRow,
    indices: range | None = None,
    key_id: bytes | None = None,
    children: Iterable[Vouched] = (),
) -> None:
    """Write a new key file with its state in it; see `sqlitefile.create_file` for the name.

    indices: those it may sign with. By default all but the last, which is set aside. children: signatures of
    inner trees that exist already.
    """
    found = check_row(key, path)
    term = Term(1, key_id or random_bytes(KEY_ID_LEN), HERE)

    def fill(connection: sqlite3.Connection) -> None:
        connection.execute(
            "INSERT INTO key VALUES (1, ?, ?, ?, ?)", (key.set_name, key.public_key, key.secret, key.checksum())
        )
        insert_term(connection, key, term)
        sqlite.insert_state(connection, term.key_id, indices or range(found.capacity - 1), 0)
        sqlite.insert_children(connection, term.key_id, children)

    sqlitefile.create_file(path, fill)


def stateful_set(name: str | ParameterSet) -> ParameterSet:
    """The parameter set of a key that can be made here; ValueError if it is stateless or too high to sign."""
    found = parameter_set(name)
    if not found.stateful:
        raise ValueError(f"{found.name} needs no state: make such a key with hbss.generate({found.name!r})")
    if found.height > MAX_HEIGHT:
        raise ValueError(
            f"{found.name} has a total height of {found.height}; a signing key has at most {MAX_HEIGHT} "
            "(signatures of higher ones can be verified)"
        )
    return found


def check_row(row: KeyRow, where: object) -> ParameterSet:
    """Everything that can be known of a row without hashing a tree; BadKey says what is wrong."""
    try:
        found = stateful_set(row.set_name)
    except UnknownParameterSet:
        raise BadKey(f"{where} names the parameter set {row.set_name!r}, which this version does not know") from None
    except ValueError as error:
        raise BadKey(f"{where}: {error}") from None
    secret_len = found.private_key_size - len(public_seed(found, row.public_key))
    for what, length, want in (
        ("public key", len(row.public_key), found.public_key_size),
        ("secret", len(row.secret), secret_len),
    ):
        if length != want:
            raise BadKey(f"{where}: its {what} has {length} bytes; {found.name} has {want}")
    return found


def public_seed(found: ParameterSet, public_key: bytes) -> bytes:
    """I (LMS: between the type codes and the root) or SEED (XMSS: after OID and root) of an encoded public key."""
    return public_key[12:28] if found.levels else public_key[4 + found.n :]


def public_root(found: ParameterSet, public_key: bytes) -> bytes:
    """The root of the top tree, out of an encoded public key."""
    return public_key[28:] if found.levels else public_key[4 : 4 + found.n]
