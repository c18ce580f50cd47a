"""Stores of key state: which indices of a stateful key have been handed out, and the signatures of its inner trees.

A store is the only authority over its key. It hands out reservations that are durable before they are returned, and it
never takes one back: an index whose fate is unknown counts as used. Losing indices is allowed, repeating one is not.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol


class StoreState(NamedTuple):
    """What a store knows of its key: indices next .. limit-1 are free."""

    key_id: bytes
    epoch: int
    next: int
    limit: int

    @property
    def remaining(self) -> int:
        """How many indices have not been handed out."""
        return self.limit - self.next


class ChildSignature(NamedTuple):
    """The public value of an inner tree (its root, or its LMS public key) and its parent's only signature of it."""

    public: bytes
    signature: bytes


class StateStore(Protocol):
    """What a signer needs of a store. Every method may be called from any thread."""

    def describe(self) -> StoreState:
        """The state as it is now; others may change it at any time."""

    def reserve(self, count: int) -> range:
        """Take `count` >= 1 indices. They are durably used when this returns; after any exception they may be used.

        KeyExhausted if fewer are left (none is taken then), StateFenced if the epoch has moved on, StoreBusy if
        another signer holds the store, HandleDead after close or in a forked child, StateError for anything else.
        """

    def child(self, layer: int, tree: int, leaf: int) -> ChildSignature | None:
        """What the one-time key at this place signed, if it has been recorded."""

    def record_child(self, layer: int, tree: int, leaf: int, made: ChildSignature) -> ChildSignature:
        """Record durably what a one-time key signs, once and for ever; return what the store holds.

        If another signer was first, that is its record, which is then the only one to use.
        """

    def close(self) -> None:
        """Let go of the store; further calls raise HandleDead."""
