"""Stores of key state: which indices of a stateful key have been handed out, and the signatures of its inner trees.

A store is the only authority over its key. It hands out reservations that are durable before they are returned, and it
never takes one back: an index whose fate is unknown counts as used. Losing indices is allowed, repeating one is not.

A store never sees a seed. What it keeps is named by 16 random bytes, `key_id`; a move or a split draws new ones, so no
state is ever made a second time under the same name.

A new engine is one file: a class with the methods of `StateStore` and the two ways to get one of `StoreEngine`, named
in the entry-point group `hbss.stores` by the scheme of its URLs. `hbss.testing` shows whether it keeps the rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol

from hbss.errors import KeyExhausted, StateError, StateFenced, StateUnsafe

KEY_ID_LEN = 16


class NoState(StateUnsafe):
    """A place that answers has no state of this name."""


class StoreState(NamedTuple):
    """What a store knows of its key: of the indices first .. limit-1, next .. limit-1 are free.

    used: how many signatures the signers say they have released; it decides nothing. successor: the key_id that has
    taken over what was left, once this state has been retired: then next = limit, for good.
    """

    key_id: bytes
    epoch: int
    first: int
    next: int
    limit: int
    used: int = 0
    successor: bytes | None = None

    @property
    def remaining(self) -> int:
        """How many indices have not been handed out."""
        return self.limit - self.next


class Lease(NamedTuple):
    """A reservation whose signer has not said yet what became of it. at: seconds since 1970, by the signer's clock."""

    start: int
    stop: int
    epoch: int
    signer: str
    at: float


Spent = Mapping[int, int]  # what became of reservations: by their starts, how many indices made a signature
NOTHING: Spent = MappingProxyType({})


class ChildSignature(NamedTuple):
    """The public value of an inner tree (its root, or its LMS public key) and its parent's only signature of it."""

    public: bytes
    signature: bytes


Vouched = tuple[int, int, int, ChildSignature]  # layer, tree and leaf of the one-time key, and what it signed


class StateStore(Protocol):
    """What a signer needs of a store. Every method may be called from any thread.

    Each may raise StoreBusy (another signer holds the store: nothing happened), StateUnsafe (the store cannot be relied
    on), HandleDead (after close, or in a forked child) or StateError (anything else, such as a lost server).
    """

    def describe(self) -> StoreState:
        """The state as it is now; others may change it at any time."""

    def reserve(self, count: int, spent: Spent = NOTHING) -> range:
        """Take `count` >= 1 indices. They are durably used when this returns; after any exception they may be used.

        KeyExhausted if fewer are left (none is taken then), StateFenced if the epoch has moved on since this handle
        was opened. The reservation becomes a lease of this handle's signer; `spent` is as for `settle`.
        """

    def settle(self, spent: Spent) -> None:
        """Say what became of earlier reservations: their leases end, and `used` grows. This gives nothing back."""

    def leases(self) -> list[Lease]:
        """The leases that have not been settled, by their starts: of signers at work, and of those that died."""

    def advance(self, epoch: int, next: int) -> StoreState:
        """Raise epoch and next to at least these, durably; a lower value changes nothing. Returns the state before it.

        Of two that raise at once the second finds what the first has made. ValueError if `next` lies beyond the limit.
        A raised epoch fences every other handle; this one goes on in it.
        """

    def retire(self, successor: bytes) -> range:
        """Hand on what is left: from now on this state refuses for good. Returns the indices that `successor` gets.

        Durable when it returns. Called again with the same successor it returns the same; with another it raises
        StateError. The leases stay as they are.
        """

    def child(self, layer: int, tree: int, leaf: int) -> ChildSignature | None:
        """What the one-time key at this place signed, if it has been recorded."""

    def record_child(self, layer: int, tree: int, leaf: int, made: ChildSignature) -> ChildSignature:
        """Record durably what a one-time key signs, once and for ever; return what the store holds.

        If another signer was first, that is its record, which is then the only one to use.
        """

    def close(self) -> None:
        """Let go of the store; further calls raise HandleDead."""


class StoreEngine(Protocol):
    """How to get at the stores of one kind. Nothing of a URL is secret: it is kept in the key file, and shown."""

    def normal(self, url: str) -> str:
        """The URL as it is to be kept: complete, and without a password. ValueError says what is wrong with it."""

    def create(self, url: str, key_id: bytes, indices: range, epoch: int) -> None:
        """Make a new state, durably, with first = next = indices.start and limit = indices.stop.

        If there is one of this name already, whatever has become of it, nothing happens.
        """

    def open(self, url: str, key_id: bytes, signer: str) -> StateStore:
        """Open a state that exists; NoState if there is none, FileNotFoundError if there is not even a file.

        signer: what its leases are called.
        """


# ---- what every store says when it refuses ---------------------------------------------------------------------------


def check_count(count: int) -> None:
    """ValueError unless it is one that can be reserved."""
    if count < 1:
        raise ValueError(f"a reservation takes at least one index, not {count}")


def check_limit(state: StoreState, next: int) -> None:
    """ValueError if a state cannot be raised so far."""
    if next > state.limit:
        raise ValueError(f"index {next} lies beyond the limit of the key, {state.limit}")


def check_successor(where: object, state: StoreState, successor: bytes) -> None:
    """StateError if a state was handed on to somebody else."""
    if state.successor not in (None, successor):
        raise StateError(f"the state in {where} was handed on before, to another store; nothing is left")


def refusal(where: object, state: StoreState, epoch: int, count: int) -> StateError | KeyExhausted:
    """Why a handle of this epoch could not take `count` indices of a state."""
    if state.successor is not None:
        return StateFenced(f"the state in {where} was moved to another store; open the key again")
    if state.epoch != epoch:
        return StateFenced(f"the key is at epoch {state.epoch}, this signer at {epoch}: a recovery replaced it")
    if count <= state.remaining:  # it was another signer's epoch or range for a moment
        return StateError(f"{where}: the state changed while it was asked; nothing was signed, try again")
    if state.remaining == 0:
        return KeyExhausted(f"{where} has made all of its {state.limit - state.first} signatures; make a new key")
    return KeyExhausted(f"{count} signatures were asked for, {state.remaining} are left; none was used")
