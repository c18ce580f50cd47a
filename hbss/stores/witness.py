"""The witness of a key: a second high-water mark elsewhere, by which a store that went back is noticed.

It is a state in any other store, of which only `describe` and `advance` are used. It is raised after a reservation is
durable and before a signature is released, so it is never ahead of what the store has handed out, unless the store is
an old copy.
"""

from __future__ import annotations

import hashlib

from hbss.errors import StateRolledBack
from hbss.stores import KEY_ID_LEN, StateStore, StoreState


def witness_id(key_id: bytes) -> bytes:
    """The name of the witness of a state; another than the state's own, as both may lie in one database."""
    return hashlib.sha256(b"hbss witness" + key_id).digest()[:KEY_ID_LEN]


class Witness:
    """An open witness. store: of its state; url: for messages."""

    def __init__(self, store: StateStore, url: str) -> None:
        self._store = store
        self._url = url

    def mark(self) -> StoreState:
        """What has been seen."""
        return self._store.describe()

    def check(self, seen: StoreState, epoch: int, next: int, where: object) -> None:
        """StateRolledBack if the store of the key at `where`, by which it stood at (epoch, next), is an old copy.

        seen: what had been seen before the store was asked; what others sign in between is then no accusation.
        """
        if next < seen.next or epoch < seen.epoch:
            raise self._gone_back(epoch, next, seen, where)

    def raise_to(self, epoch: int, next: int) -> StoreState:
        """Record, durably, that indices below `next` may have been released. Returns what had been seen before."""
        return self._store.advance(epoch, next)

    def record(self, epoch: int, indices: range, store: StateStore, where: object) -> None:
        """Record, durably, that these indices of a store may have been released, which no other store may say too.

        StateRolledBack if one has: a copy of the store, by which somebody signs at this very moment. Marks are ends of
        reservations, which do not overlap in one store: one that ends within these indices, or with them, is of another
        store, and so is one beyond what this store has handed out.
        """
        seen = self.raise_to(epoch, indices.stop)
        if indices.start < seen.next <= indices.stop or indices.stop < seen.next > store.describe().next:
            raise self._gone_back(epoch, indices.stop, seen, where)

    def _gone_back(self, epoch: int, next: int, seen: StoreState, where: object) -> StateRolledBack:
        return StateRolledBack(
            f"the state of {where} has gone back: its store says epoch {epoch}, next index {next}; its witness "
            f"{self._url} has seen epoch {seen.epoch}, next index {seen.next}. It is an old copy, or there is another "
            "one that signs; nothing was signed. Put the newest state back; or, if there is none, stop every signer of "
            f"this key and run: hbss state recover {where}"
        )

    def close(self) -> None:
        """Let go of it."""
        self._store.close()
