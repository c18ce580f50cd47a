"""What the tests of state share: opening a key with a store of one's own, a signer to be killed, and checks.

The same check runs on the real store, where it must pass, and on stores with a planted bug, where it must fail.
"""

from __future__ import annotations

import os
import select
import signal
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from hbss import StatefulPrivateKey, parameter_set
from hbss._native import Key, Way
from hbss.params import index_len, rows_of
from hbss.stores.keyfile import KeyFile
from hbss.stores.opening import OpenState
from hbss.stores.sqlite import SqliteStore
from hbss.treecache import Spot, Tree, build

LMS = "LMS_SHA256_M32_H5_W4"
HSS = "LMS_SHA256_M32_H5_W4+LMS_SHA256_M32_H5_W4"
WIDE = "LMS_SHA256_M32_H5_W4+LMS_SHA256_M32_H10_W4"  # for many signatures
XMSS = "XMSS-SHA2_10_256"
XMSSMT = "XMSSMT-SHA2_20/4_256"


def index_of(name: str, signature: bytes) -> int:
    """The global index that a signature used."""
    found = parameter_set(name)
    if not found.levels:
        return int.from_bytes(signature[: index_len(rows_of(found)[0])], "big")
    index, at = 0, 4
    for i, (level, height) in enumerate(zip(found.levels, found.heights, strict=True)):
        at += parameter_set(level).public_key_size - 4 if i else 0  # the signed public key of this level
        index = index << height | int.from_bytes(signature[at : at + 4], "big")
        at += parameter_set(level).signature_size - 4
    return index


def damaged_tree(spot: Spot, cache_bytes: int) -> Tree:
    """A tree whose root was hit by a bit flip in memory, in place of `hbss.treecache.build`."""
    tree = build(spot, cache_bytes=cache_bytes)
    return Tree(spot, bytes(tree.nodes[:-1]) + bytes([tree.nodes[-1] ^ 1]))


# ---- opening a key with a store of the test's own -------------------------------------------------------------------


def opened(key: str | Path, kind: type[SqliteStore] = SqliteStore, timeout: float = 10) -> OpenState:
    """A key whose state is in its own file, and that state in a store of some kind."""
    with closing(KeyFile(key)) as file:
        store = kind(file.path, file.term.key_id, "test", timeout)
        return OpenState(file.path, file.key, file.set, file.term, store, None)


def sqlite_store(key: str | Path, kind: type[SqliteStore] = SqliteStore, timeout: float = 10) -> SqliteStore:
    """The store alone."""
    store = opened(key, kind, timeout).store
    assert isinstance(store, SqliteStore)
    return store


def signer(key: str | Path, kind: type[SqliteStore] = SqliteStore, timeout: float = 10) -> StatefulPrivateKey:
    """A signer with such a store."""
    return StatefulPrivateKey(opened(key, kind, timeout))


def put_back(key: Path) -> None:
    """Let an old copy, `old` beside the key, take its place."""
    os.replace(key.with_name("old"), key)
    key.chmod(0o600)


def alter(key: Path, *statements: str) -> None:
    """Change a key file as an accident might: past its triggers, which are put back."""
    with closing(sqlite3.connect(key, isolation_level=None)) as connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        connection.execute("BEGIN")
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        for _, sql in triggers:
            connection.execute(sql)
        connection.execute("COMMIT")


# ---- signers that are killed ---------------------------------------------------------------------------------------


class Signer:
    """A child process that opens a key and signs until it is killed."""

    def __init__(self, key: Path) -> None:
        self._pipe, write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._pipe)
            _sign_for_ever(key, write)
        os.close(write)

    def wait_for_one(self) -> None:
        """Until something was released."""
        assert select.select([self._pipe], [], [], 20)[0], "nothing was signed in 20 s"

    def kill(self) -> None:
        """SIGKILL."""
        os.kill(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        os.close(self._pipe)
        assert os.WIFSIGNALED(status), f"the signer ended by itself, with status {status}"


def _sign_for_ever(key: Path, pipe: int) -> None:
    try:
        with signer(key, timeout=60) as handle:
            while True:
                handle.sign(os.urandom(16))
                os.write(pipe, b".")
    except BaseException as error:
        os.write(2, f"signer: {error!r}\n".encode())
    finally:
        os._exit(3)


# ---- one-time keys -------------------------------------------------------------------------------------------------

Leaf = tuple[bytes, int, int, int]


@contextmanager
def one_time_keys(patch: pytest.MonkeyPatch) -> Iterator[dict[Leaf, set[bytes]]]:
    """Which values every one-time key signs, released or not, on every layer."""
    signed: dict[Leaf, set[bytes]] = defaultdict(set)
    sign_leaf, sign_message = Key.sign_leaf, Key.sign_message

    def leaf_watched(self: Key, layer: int, tree: int, leaf: int, r: bytes, digest: bytes, path: bytes) -> bytes:
        signed[self.randomizer(0), layer, tree, leaf].add(bytes(digest))  # the randomiser names the seeds
        return sign_leaf(self, layer, tree, leaf, r, digest, path)

    def message_watched(self: Key, index: int, parts: Iterable[bytes], way: Way) -> bytes:
        tree, leaf = divmod(index, 1 << self.set.h // self.set.d)
        digest = self.digest(index, self.randomizer(index), whole := list(parts))
        signed[self.randomizer(0), 0, tree, leaf].add(digest)
        return sign_message(self, index, (b"".join(whole),), way)

    with patch.context() as inner:
        inner.setattr(Key, "sign_leaf", leaf_watched)
        inner.setattr(Key, "sign_message", message_watched)
        yield signed


def used_twice(signed: dict[Leaf, set[bytes]]) -> list[Leaf]:
    """The one-time keys that signed more than one value."""
    return [leaf for leaf, values in signed.items() if len(values) > 1]


# ---- stores --------------------------------------------------------------------------------------------------------


def settings_hold(store: SqliteStore) -> bool:
    """Whether a commit of this store's connection is durable when it returns, in the one file."""
    read: Callable[[str], object] = lambda name: store._connection.execute(f"PRAGMA {name}").fetchone()[0]  # noqa: E731
    return read("synchronous") == 3 and read("journal_mode") == "delete"


BACKWARDS = {
    "next lowered": "UPDATE state SET next = next - 1",
    "next lowered, or replace": "UPDATE OR REPLACE state SET next = 0",
    "next lowered, or ignore": "UPDATE OR IGNORE state SET next = 0",
    "epoch lowered": "UPDATE state SET epoch = epoch - 1",
    "limit raised": "UPDATE state SET lim = lim + 1",
    "begin moved": "UPDATE state SET first = first + 1",
    "use forgotten": "UPDATE state SET used = used - 1",
    "key changed": "UPDATE state SET key_id = zeroblob(16)",
    "next beyond the limit": "UPDATE state SET next = lim + 1",
    "next a text": "UPDATE state SET next = 'many'",
    "next a fraction": "UPDATE state SET next = next + 0.5",
    "next nothing": "UPDATE state SET next = NULL",
    "limit nothing": "UPDATE OR REPLACE state SET lim = NULL",
    "handed on, but not all": "UPDATE state SET successor = zeroblob(16), handed = next",
    "handed to nobody": "UPDATE state SET handed = next, next = lim",
    "state deleted": "DELETE FROM state",
    "state replaced": "INSERT OR REPLACE INTO state SELECT key_id, epoch, 0, 0, lim, 0, NULL, NULL FROM state",
    "state added under a text": "INSERT INTO state SELECT 'sixteen letters.', 0, 0, 0, lim, 0, NULL, NULL FROM state",
    "state upserted": "INSERT INTO state SELECT key_id, epoch, 0, 0, lim, 0, NULL, NULL FROM state WHERE true "
    "ON CONFLICT (key_id) DO UPDATE SET next = 0",
    "key row changed": "UPDATE key SET set_name = 'LMS_SHA256_M32_H10_W4'",
    "key row deleted": "DELETE FROM key",
    "secret deleted": "DELETE FROM secret",
    "secret replaced": "INSERT OR REPLACE INTO secret SELECT * FROM secret",
    "key row replaced": "INSERT OR REPLACE INTO key SELECT * FROM key",
    "term changed": "UPDATE term SET authority = 'memory:'",
    "term deleted": "DELETE FROM term",
    "term replaced": "INSERT OR REPLACE INTO term SELECT * FROM term",
    "term put in front": "INSERT INTO term SELECT 0, key_id, authority, witness, ready, checksum FROM term",
    "term left out": "INSERT INTO term SELECT number + 2, key_id, authority, witness, ready, checksum FROM term",
    "child changed": "UPDATE child SET signature = x'00'",
    "child moved": "UPDATE OR REPLACE child SET leaf = leaf + 1",
    "child deleted": "DELETE FROM child",
    "child replaced": "INSERT OR REPLACE INTO child SELECT key_id, layer, tree, leaf, x'00', x'00' FROM child",
    "child replaced by a text": "INSERT OR REPLACE INTO child "
    "SELECT key_id, layer, tree, CAST(leaf AS TEXT), x'00', x'00' FROM child",
}


def accepted_backwards(key: Path) -> list[str]:
    """Which of the statements that would bring something back are not refused by the file itself."""
    connection = sqlite3.connect(key, isolation_level=None)
    dump = [f"SELECT * FROM {table}" for table in ("key", "term", "state", "child")]
    accepted = []
    try:
        for what, statement in BACKWARDS.items():
            connection.execute("BEGIN")
            before = [connection.execute(query).fetchall() for query in dump]
            with suppress(sqlite3.IntegrityError):
                connection.execute(statement)
            if [connection.execute(query).fetchall() for query in dump] != before:
                accepted.append(what)
            if connection.in_transaction:
                connection.execute("ROLLBACK")
    finally:
        connection.close()
    return accepted
