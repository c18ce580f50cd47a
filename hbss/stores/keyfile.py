"""The key file: which key this is, its secret seeds, and which store keeps its state.

The first never changes. The seeds may be sealed by a password, which can. The last is a log of terms, of which the last
one is in force: a move adds two terms, one that ends signing here (`ready` false) and one that lets it go on there.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from hbss.encoding import sealed
from hbss.errors import BadKey, StateError, StateUnsafe, UnknownParameterSet
from hbss.params import ParameterSet, parameter_set
from hbss.stores import KEY_ID_LEN, Vouched, sqlite, sqlitefile
from hbss.stores.sqlitefile import SqliteFile

MAX_HEIGHT = 60  # an index has to fit a signed integer of 64 bits, with room for its sums

HERE = sqlite.SCHEME  # the authority of a key whose state is in its own file, whatever that is called


@dataclass(frozen=True)
class KeyRow:
    """The unchanging part of a stateful key. `public_key` is as its standard writes it, the LMS family in HSS form.

    `secret` is SEED (LMS, HSS: the top tree's) or SK_SEED || SK_PRF (XMSS, XMSS^MT), or nothing while it is sealed; the
    public seed and the root are read from the public key.
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
    """An open key file: `key`, and its `terms`, of which there is at least one.

    sealed: whether its secret is under a password.
    """

    def __init__(
        self, path: str | Path, timeout: float = sqlitefile.TIMEOUT, *,
        password: bytes | None = None, look: bool = False,
    ) -> None:  # fmt: skip
        """password: of a sealed secret. look: leave it sealed if none is given; then no checksum can be checked."""
        super().__init__(path, timeout)
        try:
            with self.locked():
                name, public_key, checksum, self.sealed, value = self._read_key()
                terms = self.execute(_TERMS).fetchall()
            if not terms:
                raise StateUnsafe(f"{self.path} is damaged: it does not say where its state is kept")
            self._first_id: bytes = terms[0][1]
            self.key = KeyRow(name, public_key, b"")
            self.set = check_row(self.key, self.path)
            self.key = replace(self.key, secret=self._open_secret(value, password, look))
            self._check_key(checksum)
            self.terms = [self._check_term(place, row) for place, row in enumerate(terms, 1)]
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

    def reseal(self, password: bytes | None) -> None:
        """Put the secret under another password, or none, durably; what SQLite frees in the file is overwritten."""
        value = _closed(self.key, self._first_id, password)
        with self.locked():
            self.execute("PRAGMA secure_delete = ON")
        with self.transaction():
            self.execute("UPDATE secret SET sealed = ?, value = ?", password is not None, value)
        self.sealed = password is not None

    # ---- reading

    def _read_key(self) -> tuple[str, bytes, bytes, bool, bytes]:
        rows = self.execute(_KEY).fetchall()
        if not rows:
            raise BadKey(f"{self.path} holds state, but no key; open the key file that names it")
        name, public_key, checksum, sealed, value = rows[0]
        return name, public_key, checksum, bool(sealed), value

    def _open_secret(self, value: bytes, password: bytes | None, look: bool) -> bytes:
        if not self.sealed:
            if password is not None:
                raise ValueError(f"{self.path} is under no password: leave the password out")
            return value
        if password is not None:
            try:
                return sealed.unseal(value, password, *_owner(self.key, self._first_id))
            except BadKey as error:
                raise BadKey(f"{self.path}: {error}") from None
        if look:
            return b""
        raise BadKey(f"{self.path} is under a password: give it")

    def _check_key(self, checksum: bytes) -> None:
        if not self.key.secret:
            return
        want = secret_len(self.set, self.key.public_key)
        if len(self.key.secret) != want:
            raise BadKey(f"{self.path}: its secret has {len(self.key.secret)} bytes; {self.set.name} has {want}")
        if not hmac.compare_digest(self.key.checksum(), checksum):
            raise StateUnsafe(f"{self.path} is damaged: its checksum does not fit its key; it must not sign any more")

    def _check_term(self, place: int, row: tuple[int, bytes, str, str, int, bytes]) -> Term:
        number, key_id, authority, witness, ready, checksum = row
        term = Term(number, key_id, authority, witness, bool(ready))
        fits = not self.key.secret or hmac.compare_digest(term.checksum(self.key), checksum)
        if number != place or not fits:
            raise StateUnsafe(f"{self.path} is damaged: what it says of its store does not fit its key")
        return term


_KEY = "SELECT set_name, public_key, checksum, sealed, value FROM key, secret"
_TERMS = "SELECT number, key_id, authority, witness, ready, checksum FROM term ORDER BY number"


def _owner(key: KeyRow, first_id: bytes) -> tuple[bytes, ...]:
    """What a sealed secret belongs to; the first name of the state never changes, and is this file's alone."""
    return b"hbss key file", key.set_name.encode(), key.public_key, first_id


def _closed(key: KeyRow, first_id: bytes, password: bytes | None) -> bytes:
    return key.secret if password is None else sealed.seal(key.secret, password, *_owner(key, first_id))


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
    password: bytes | None = None,
) -> None:
    """Write a new key file with its state in it; see `sqlitefile.create_file` for the name.

    indices: those it may sign with. By default all but the last, which is set aside. children: signatures of
    inner trees that exist already. password: what the secret is sealed with.
    """
    found = check_row(key, path)
    term = Term(1, key_id or os.urandom(KEY_ID_LEN), HERE)
    value = _closed(key, term.key_id, password)

    def fill(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO key VALUES (1, ?, ?, ?)", (key.set_name, key.public_key, key.checksum()))
        connection.execute("INSERT INTO secret VALUES (1, ?, ?)", (password is not None, value))
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
    if len(row.public_key) != found.public_key_size:
        raise BadKey(
            f"{where}: its public key has {len(row.public_key)} bytes; {found.name} has {found.public_key_size}"
        )
    return found


def secret_len(found: ParameterSet, public_key: bytes) -> int:
    """Bytes of the secret."""
    return found.private_key_size - len(public_seed(found, public_key))


def public_seed(found: ParameterSet, public_key: bytes) -> bytes:
    """I (LMS: between the type codes and the root) or SEED (XMSS: after OID and root) of an encoded public key."""
    return public_key[12:28] if found.levels else public_key[4 + found.n :]


def public_root(found: ParameterSet, public_key: bytes) -> bytes:
    """The root of the top tree, out of an encoded public key."""
    return public_key[28:] if found.levels else public_key[4 : 4 + found.n]
