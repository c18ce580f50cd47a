"""State that dies with the process: for tests of what stands on a store, and for nothing else.

It forgets every index it has handed out, so a key that was moved here is lost when the process ends; and the warning
that it gives on opening is meant to be heard.
"""

from __future__ import annotations

import os
import threading
import time
import warnings
from dataclasses import dataclass, field

from hbss.errors import HandleDead
from hbss.stores import (
    NOTHING,
    ChildSignature,
    Lease,
    NoState,
    Spent,
    StoreState,
    check_count,
    check_limit,
    check_successor,
    refusal,
)  # fmt: skip


@dataclass
class _Row:
    key_id: bytes
    epoch: int
    first: int
    next: int
    limit: int
    used: int = 0
    successor: bytes | None = None
    pid: int = field(default_factory=os.getpid)  # a forked child must not go on with its parent's indices
    handed: range = range(0)
    leases: dict[int, tuple[int, int, int, str, float]] = field(default_factory=dict)  # by start: what Lease has
    children: dict[tuple[int, int, int], ChildSignature] = field(default_factory=dict)

    @property
    def state(self) -> StoreState:
        """As it is now."""
        return StoreState(self.key_id, self.epoch, self.first, self.next, self.limit, self.used, self.successor)

    def settle(self, spent: Spent) -> None:
        """End the leases of these reservations, and count the signatures that they made."""
        for start, used in spent.items():
            if self.leases.pop(start, None):
                self.used += used


_rows: dict[bytes, _Row] = {}
_mutex = threading.RLock()


class MemoryStore:
    """One state of this process (hbss.stores.StateStore)."""

    def __init__(self, key_id: bytes, signer: str) -> None:
        with _mutex:
            row = _rows.get(key_id)
            if row is None or row.pid != os.getpid():
                raise NoState(
                    "memory: holds no state of this key: it was lost with the process that made it; the key must not "
                    "sign any more"
                )
            self._row: _Row | None = row
            self._epoch = row.epoch
        self._signer = signer

    def describe(self) -> StoreState:
        """The state as it is now."""
        with _mutex:
            return self._alive().state

    def reserve(self, count: int, spent: Spent = NOTHING) -> range:
        """Take `count` indices."""
        check_count(count)
        with _mutex:
            row = self._alive()
            start, stop = row.next, row.next + count
            if stop > row.limit or row.epoch != self._epoch:  # of what was handed on nothing is left
                raise refusal("memory:", row.state, self._epoch, count)
            row.next = stop
            row.settle(spent)
            row.leases[start] = (start, stop, self._epoch, self._signer, time.time())
        return range(start, stop)

    def settle(self, spent: Spent) -> None:
        """Say what became of earlier reservations."""
        with _mutex:
            self._alive().settle(spent)

    def leases(self) -> list[Lease]:
        """The leases that have not been settled."""
        with _mutex:
            return sorted(Lease(*each) for each in self._alive().leases.values())

    def advance(self, epoch: int, next: int) -> StoreState:
        """Raise epoch and next to at least these."""
        with _mutex:
            row = self._alive()
            before = row.state
            check_limit(before, next)
            self._epoch = row.epoch = max(epoch, row.epoch)
            row.next = max(next, row.next)
            return before

    def retire(self, successor: bytes) -> range:
        """Hand on what is left."""
        with _mutex:
            row = self._alive()
            check_successor("memory:", row.state, successor)
            if row.successor is None:
                row.handed = range(row.next, row.limit)
                row.successor, row.next = successor, row.limit
            return row.handed

    def child(self, layer: int, tree: int, leaf: int) -> ChildSignature | None:
        """What the one-time key at this place signed."""
        with _mutex:
            return self._alive().children.get((layer, tree, leaf))

    def record_child(self, layer: int, tree: int, leaf: int, made: ChildSignature) -> ChildSignature:
        """Record what a one-time key signs, unless that has been done; return what is recorded."""
        with _mutex:
            return self._alive().children.setdefault((layer, tree, leaf), made)

    def close(self) -> None:
        """Let go of the state, which stays in the process."""
        self._row = None

    def _alive(self) -> _Row:
        if self._row is None or self._row.pid != os.getpid():
            raise HandleDead("this handle of a state in memory is dead: it was closed, or the process forked")
        return self._row


class MemoryEngine:
    """States of this process (hbss.stores.StoreEngine): the URL is `memory:`."""

    def normal(self, url: str) -> str:
        """The URL as it is."""
        if url != "memory:":
            raise ValueError(f"the store in memory has no address: it is memory:, not {url}")
        return url

    def create(self, url: str, key_id: bytes, indices: range, epoch: int) -> None:
        """Make a new state."""
        with _mutex:
            _rows.setdefault(key_id, _Row(key_id, epoch, indices.start, indices.start, indices.stop))

    def open(self, url: str, key_id: bytes, signer: str) -> MemoryStore:
        """Open a state, loudly."""
        warnings.warn(
            "this key keeps its state in memory: it forgets every index that it has used when the process ends. For "
            "tests only",
            RuntimeWarning,
            stacklevel=2,
        )
        return MemoryStore(key_id, signer)


ENGINE = MemoryEngine()
