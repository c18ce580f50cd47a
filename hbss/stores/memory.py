"""State that dies with the process: for tests of what stands on a store, and for nothing else.

It forgets every index it has handed out, so a key that was moved here is lost when the process ends; and the warning
that it gives on opening is meant to be heard.
"""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field

from hbss.errors import HandleDead, StateError, StateFenced, StateUnsafe
from hbss.stores import ChildSignature, Lease, Spent, StoreState, exhausted


@dataclass
class _Row:
    state: StoreState
    pid: int = field(default_factory=os.getpid)  # a forked child must not go on with its parent's indices
    handed: range = range(0)
    leases: dict[int, Lease] = field(default_factory=dict)
    children: dict[tuple[int, int, int], ChildSignature] = field(default_factory=dict)

    def settled(self, spent: Sequence[Spent]) -> int:
        """End the leases of these reservations; how many signatures they made."""
        return sum(used for start, used in spent if self.leases.pop(start, None))


_rows: dict[bytes, _Row] = {}
_mutex = threading.RLock()


class MemoryStore:
    """One state of this process (hbss.stores.StateStore)."""

    def __init__(self, key_id: bytes, signer: str) -> None:
        with _mutex:
            row = _rows.get(key_id)
            if row is None or row.pid != os.getpid():
                raise StateUnsafe(
                    "memory: holds no state of this key: it was lost with the process that made it; the key must not "
                    "sign any more"
                )
            self._row: _Row | None = row
            self._epoch = self._row.state.epoch
        self._signer = signer

    def describe(self) -> StoreState:
        """The state as it is now."""
        with _mutex:
            return self._alive().state

    def reserve(self, count: int, spent: Sequence[Spent] = ()) -> range:
        """Take `count` indices."""
        if count < 1:
            raise ValueError(f"a reservation takes at least one index, not {count}")
        with _mutex:
            row = self._alive()
            state = row.state
            if state.successor is not None:
                raise StateFenced("this state was moved to another store; open the key again")
            if state.epoch != self._epoch:
                raise StateFenced(f"the key is at epoch {state.epoch}, this signer at {self._epoch}")
            if state.remaining < count:
                raise exhausted("memory:", state, count)
            start, stop = state.next, state.next + count
            row.state = state._replace(next=stop, used=state.used + row.settled(spent))
            row.leases[start] = Lease(start, stop, self._epoch, self._signer, time.time())
        return range(start, stop)

    def settle(self, spent: Sequence[Spent]) -> None:
        """Say what became of earlier reservations."""
        with _mutex:
            row = self._alive()
            row.state = row.state._replace(used=row.state.used + row.settled(spent))

    def leases(self) -> list[Lease]:
        """The leases that have not been settled."""
        with _mutex:
            return sorted(self._alive().leases.values())

    def advance(self, epoch: int, next: int) -> StoreState:
        """Raise epoch and next to at least these."""
        with _mutex:
            row = self._alive()
            if next > row.state.limit:
                raise ValueError(f"index {next} lies beyond the limit of the key, {row.state.limit}")
            row.state = row.state._replace(epoch=max(epoch, row.state.epoch), next=max(next, row.state.next))
            self._epoch = row.state.epoch
            return row.state

    def retire(self, successor: bytes) -> range:
        """Hand on what is left."""
        with _mutex:
            row = self._alive()
            if row.state.successor not in (None, successor):
                raise StateError("this state was handed on before, to another store; nothing is left")
            if row.state.successor is None:
                row.handed = range(row.state.next, row.state.limit)
                row.state = row.state._replace(successor=successor, next=row.state.limit)
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
            _rows.setdefault(key_id, _Row(StoreState(key_id, epoch, indices.start, indices.start, indices.stop)))

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
