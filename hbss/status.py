"""What is known of a stateful key's indices: used, burned, reserved, left."""

from __future__ import annotations

from dataclasses import dataclass

from hbss.stores import Lease, StateStore, StoreState
from hbss.stores.opening import OpenState


@dataclass(frozen=True)
class KeyStatus:
    """A key's indices as its store counts them, all numbers of signatures.

    first, next, limit: the indices first .. limit-1 are this key's; those below `next` have been handed out. used: how
    many have been released, as the signers say. leases: reservations that nobody has accounted for. authority, witness:
    where the state is kept, and who watches ("" if nobody). seen: what the witness says `next` was.
    """

    set_name: str
    fingerprint: str
    authority: str
    witness: str
    epoch: int
    first: int
    next: int
    limit: int
    used: int
    leases: tuple[Lease, ...]
    seen: int | None

    @property
    def remaining(self) -> int:
        """How many signatures are left."""
        return self.limit - self.next

    @property
    def reserved(self) -> int:
        """How many indices are leased: in use now, lost with a signer that died, or given to another key."""
        return sum(lease.stop - lease.start for lease in self.leases)

    @property
    def burned(self) -> int:
        """How many indices are lost: leased and not used, or jumped over by a recovery."""
        return self.next - self.first - self.used - self.reserved


def is_low(remaining: int, whole: int, warn_below: int | None) -> bool:
    """Whether it is time to say that a key with `whole` signatures comes to its end: by default, with a tenth left."""
    return remaining < (whole // 10 if warn_below is None else warn_below)


def read_status(opened: OpenState) -> KeyStatus:
    """The status of an open key."""
    seen = None if opened.witness is None else opened.witness.mark().next  # first: others may be signing
    state, leases = _consistent(opened.store)
    return KeyStatus(
        opened.set.name, opened.public.fingerprint(), opened.term.authority, opened.term.witness, state.epoch,
        state.first, state.next, state.limit, state.used, leases, seen,
    )  # fmt: skip


def _consistent(store: StateStore) -> tuple[StoreState, tuple[Lease, ...]]:
    """State and leases of one moment: others may sign between the two questions."""
    while True:
        before = store.describe()
        leases = tuple(store.leases())
        if store.describe() == before:
            return before, leases
