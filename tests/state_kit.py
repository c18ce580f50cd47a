"""What the tests of state share: signers in processes of their own, and the checks that must find every repeated index.

The checks are functions of what was released, so that the same check runs on the real store, where it must pass, and on
stores with a planted bug, where it must fail.
"""

from __future__ import annotations

import hashlib
import os
import random
import select
import signal
import sqlite3
import struct
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from hbss import StatefulPrivateKey, parameter_set
from hbss._native import Key
from hbss.stores.keyfile import KeyFile
from hbss.stores.opening import OpenState
from hbss.stores.sqlite import SqliteStore

LMS = "LMS_SHA256_M32_H5_W4"
HSS = "LMS_SHA256_M32_H5_W4+LMS_SHA256_M32_H5_W4"
WIDE = "LMS_SHA256_M32_H5_W4+LMS_SHA256_M32_H10_W4"  # for many signatures
WIDEST = "LMS_SHA256_M32_H10_W4+LMS_SHA256_M32_H10_W4"  # for more than 2^15
XMSS = "XMSS-SHA2_10_256"
XMSSMT = "XMSSMT-SHA2_20/4_256"

_RECORD = struct.Struct(">Q32s")


def index_of(name: str, signature: bytes) -> int:
    """The global index that a signature used."""
    found = parameter_set(name)
    if not found.levels:
        return int.from_bytes(signature[: 4 if found.layers == 1 else (found.height + 7) // 8], "big")
    index, at = 0, 4
    for i, (level, height) in enumerate(zip(found.levels, found.heights, strict=True)):
        at += parameter_set(level).public_key_size - 4 if i else 0  # the signed public key of this level
        index = index << height | int.from_bytes(signature[at : at + 4], "big")
        at += parameter_set(level).signature_size - 4
    return index


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


# ---- signers that are killed ---------------------------------------------------------------------------------------


class Released(NamedTuple):
    """One signature that left a signer: the index it used, and its SHA-256."""

    leaf: int
    digest: bytes


class Signer:
    """A child process that opens a key and signs until it is killed; what it releases arrives through a pipe."""

    def __init__(self, key: Path, name: str, store: type[SqliteStore]) -> None:
        self._pipe, write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._pipe)
            _sign_for_ever(key, name, store, write)
        os.close(write)

    def kill(self) -> list[Released]:
        """SIGKILL, and everything that was released before."""
        os.kill(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        assert os.WIFSIGNALED(status), f"the signer ended by itself, with status {status}"
        data = bytearray()
        while part := os.read(self._pipe, 1 << 16):
            data += part
        os.close(self._pipe)
        whole = len(data) - len(data) % _RECORD.size
        return [Released(*fields) for fields in _RECORD.iter_unpack(data[:whole])]

    def wait_for_one(self) -> None:
        """Until something was released."""
        assert select.select([self._pipe], [], [], 20)[0], "nothing was signed in 20 s"


def _sign_for_ever(key: Path, name: str, store: type[SqliteStore], pipe: int) -> None:
    status = 3
    try:
        random.seed(os.getpid())
        with signer(key, store, timeout=60) as handle:
            while True:
                signature = handle.sign(os.urandom(16))
                os.write(pipe, _RECORD.pack(index_of(name, signature), hashlib.sha256(signature).digest()))
    except BaseException as error:
        os.write(2, f"signer: {error!r}\n".encode())
    finally:
        os._exit(status)


def campaign(
    key: Path, name: str, kills: int, store: type[SqliteStore] = SqliteStore, longest: float = 0.03
) -> list[Released]:
    """Two processes sign all the time; one of them, drawn by lot, is killed at a random moment and replaced."""
    draw = random.Random(kills)
    signers = [Signer(key, name, store) for _ in range(2)]
    released: list[Released] = []
    for _ in range(kills):
        which = draw.randrange(2)
        if draw.randrange(2):  # else it may not even have opened the key
            signers[which].wait_for_one()
        time.sleep(draw.uniform(0, longest))
        released += signers[which].kill()
        signers[which] = Signer(key, name, store)
    for signer in signers:
        signer.wait_for_one()
        released += signer.kill()
    return released


def repeated(released: list[Released]) -> list[int]:
    """The indices that were released more than once."""
    return sorted(index for index, count in Counter(each.leaf for each in released).items() if count > 1)


# ---- one-time keys -------------------------------------------------------------------------------------------------

Leaf = tuple[bytes, int, int, int]


@contextmanager
def one_time_keys(patch: pytest.MonkeyPatch) -> Iterator[dict[Leaf, set[bytes]]]:
    """Which values every one-time key signs, released or not, on every layer."""
    signed: dict[Leaf, set[bytes]] = defaultdict(set)
    sign_leaf = Key.sign_leaf

    def watched(self: Key, layer: int, tree: int, leaf: int, r: bytes, digest: bytes, path: bytes) -> bytes:
        signed[self.randomizer(0), layer, tree, leaf].add(bytes(digest))  # the randomiser names the seeds
        return sign_leaf(self, layer, tree, leaf, r, digest, path)

    with patch.context() as inner:
        inner.setattr(Key, "sign_leaf", watched)
        yield signed


def used_twice(signed: dict[Leaf, set[bytes]]) -> list[Leaf]:
    """The one-time keys that signed more than one value."""
    return [leaf for leaf, values in signed.items() if len(values) > 1]


# ---- stores --------------------------------------------------------------------------------------------------------


def accepts_nothing(store: SqliteStore) -> bool:
    """Whether a reservation can be had that takes no index."""
    for count in (0, -1):
        before = store.describe().next
        try:
            taken = store.reserve(count)
        except ValueError:
            continue
        if not taken or store.describe().next < max(before + 1, taken.stop):
            return True
    return False


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
