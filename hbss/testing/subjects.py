"""What is tested: a store of any engine, by its URL (thousands of small signatures a second), or whole keys.

A subject is described by a few values, so that it can be sent to a process that starts afresh. All that it needs to
find its state again lies in a folder, which the kit may copy, cut short, and put back.
"""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import hbss
from hbss import state
from hbss.stores import ChildSignature, StateStore, StoreEngine, engines
from hbss.testing.checks import Account, Use, uses_in

HSS = "LMS_SHA256_M32_H5_W4+LMS_SHA256_M32_H5_W4"
WIDE = "LMS_SHA256_M32_H5_W4+LMS_SHA256_M32_H10_W4"
XMSSMT = "XMSSMT-SHA2_20/4_256"

_LIMIT = 1 << 40
TREE = 3  # a thin signer's trees have 2^3 leaves, so that inner signatures are recorded often
SIGNER = "crash kit"

Release = Callable[[Iterable[Use]], None]


class Session(Protocol):
    """A signer that has a key open."""

    def sign(self, release: Release) -> None:
        """Make a signature or a few, and hand what each of them shows to `release` as soon as it is made."""

    def account(self) -> Account:
        """What the store says of its indices."""

    def close(self) -> None:
        """Let go of the key."""


class Subject(Protocol):
    """Something that signs with indices out of a store."""

    @property
    def name(self) -> str:
        """What reports call it."""

    @property
    def is_local(self) -> bool:
        """Whether all of its state lies in the folder, so that a copy of that is a copy of everything."""

    def create(self, folder: Path) -> None:
        """Make a fresh key or state, durably; `folder` is empty, and whatever `open` needs goes there."""

    def open(self, folder: Path) -> Session:
        """Open what `create` has made."""


# ---- a store, with signers that are as thin as can be --------------------------------------------------------------


@dataclass(frozen=True)
class StoreSubject:
    """The store of an engine. url: as for `hbss state move`; {folder} in it stands for a folder that the kit chooses.

    Its signers do what a key does, in the same order, and put random bytes where a key puts its signatures: whatever is
    handed out twice then shows.
    """

    url: str

    @property
    def name(self) -> str:
        """Its scheme."""
        return self.url.partition(":")[0]

    @property
    def is_local(self) -> bool:
        """Whether the URL leads into the folder."""
        return bool(self.file)

    @property
    def file(self) -> str:
        """What a backup would copy: the name in the folder of the file that keeps the state, or ""."""
        return self.url.partition("{folder}/")[2]

    def create(self, folder: Path) -> None:
        """Make a state, whose name is kept in the folder."""
        key_id = os.urandom(16)
        self.make(folder, key_id, range(_LIMIT))
        _write(folder / "key_id", key_id)

    def open(self, folder: Path) -> Session:
        """Open it."""
        return StoreSession(self.store(folder))

    def session(self, folder: Path, key_id: bytes) -> StoreSession:
        """A signer of another state at the same URL."""
        return StoreSession(self.named(folder, key_id))

    def store(self, folder: Path) -> StateStore:
        """The bare store."""
        return self.named(folder, (folder / "key_id").read_bytes())

    def named(self, folder: Path, key_id: bytes) -> StateStore:
        """The store of another state at the same URL."""
        return self.engine.open(self._url_in(folder), key_id, SIGNER)

    def make(self, folder: Path, key_id: bytes, indices: range, epoch: int = 0) -> None:
        """Another state at the same URL."""
        self.engine.create(self._url_in(folder), key_id, indices, epoch)

    @property
    def engine(self) -> StoreEngine:
        """What the URL's scheme stands for."""
        return engines.engine(self.url)

    def _url_in(self, folder: Path) -> str:
        return self.engine.normal(self.url.replace("{folder}", str(folder)))


class StoreSession:
    """Reserves, has an inner tree signed if it is a new one, and signs: with random bytes."""

    def __init__(self, store: StateStore) -> None:
        self.store = store
        self._spent: dict[int, int] = {}
        self._counts = itertools.cycle((2, 1, 3, 1))

    def sign(self, release: Release) -> None:
        """Two signatures by one reservation, then one, then three, and so on."""
        indices = self.store.reserve(next(self._counts), self._spent)
        self._spent = {}
        for index in indices:
            uses = [self._inner(index >> TREE), Use(0, index, os.urandom(32))]
            release(uses)
        self._spent = {indices.start: len(indices)}

    def _inner(self, tree: int) -> Use:
        found = self.store.child(1, 0, tree)
        if found is None:
            found = self.store.record_child(1, 0, tree, ChildSignature(os.urandom(32), os.urandom(1000)))
        return Use(1, tree, hashlib.sha256(found.public + found.signature).digest())

    def account(self) -> Account:
        """What the store says."""
        found = self.store.describe()
        leased = sum(lease.stop - lease.start for lease in self.store.leases())
        return Account(found.first, found.next, found.limit, leased, found.used)

    def close(self) -> None:
        """Close the store."""
        self.store.close()


# ---- a key, whole --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class KeySubject:
    """A stateful key of a set. authority: a URL its state is moved to; witness: a URL or path; {folder} as above."""

    set: str = HSS
    authority: str = ""
    witness: str = ""

    @property
    def name(self) -> str:
        """Key, store and witness in a few words."""
        parts = [f"{hbss.parameter_set(self.set).scheme} key"]
        parts += [f"in {self.authority.partition(':')[0]}"] if self.authority else []
        where = "" if "{folder}" in self.witness else f" in {self.witness.partition(':')[0]}"
        return " ".join([*parts, f"with a witness{where}"] if self.witness else parts)

    @property
    def is_local(self) -> bool:
        """Whether store and witness are in the folder."""
        return all("{folder}" in place for place in (self.authority, self.witness) if place)

    def create(self, folder: Path) -> None:
        """Make the key, and give it its store and its witness."""
        path = folder / "key"
        hbss.create_key(path, self.set)
        if self.authority:
            state.move(path, self.authority.replace("{folder}", str(folder)))
        if self.witness:
            state.witness(path, self.witness.replace("{folder}", str(folder)))

    def open(self, folder: Path) -> Session:
        """Open it."""
        return KeySession(folder / "key")


class KeySession:
    """Signs random messages."""

    def __init__(self, path: Path) -> None:
        self.key = hbss.open_key(path, signer=SIGNER)
        self._set = self.key.parameter_set.name

    def sign(self, release: Release) -> None:
        """One signature."""
        signature = self.key.sign(os.urandom(16))
        release(uses_in(self._set, signature))

    def account(self) -> Account:
        """What the key says."""
        found = self.key.status()
        leased = sum(lease.stop - lease.start for lease in found.leases)
        return Account(found.first, found.next, found.limit, leased, found.used)

    def close(self) -> None:
        """Close the key."""
        self.key.close()


def _write(path: Path, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
