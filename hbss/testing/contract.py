"""The contract of a store, clause by clause: what `hbss.stores.StateStore` says, tried without any disturbance."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from hbss.errors import HandleDead, HbssError, KeyExhausted, StateError, StateFenced, StateUnsafe
from hbss.stores import ChildSignature
from hbss.testing import checks
from hbss.testing.checks import Use
from hbss.testing.processes import Out, in_child
from hbss.testing.subjects import SIGNER, StoreSubject
from hbss.testing.trials import CLAUSES, Findings, scratch

REUSE = "reuse: "
Clause = Callable[[StoreSubject, Path], str]


def contract(subject: StoreSubject) -> Findings:
    """Try every clause on a fresh state."""
    found = Findings("contract", subject.name)
    for clause in CONTRACT:
        with scratch() as folder:

            def work(out: Out, clause: Clause = clause, folder: Path = folder) -> None:
                subject.create(folder)
                if broken := clause(subject, folder):
                    out.note(broken)

            ended = in_child(work)
        name = clause.__name__.lstrip("_").replace("_", " ")
        found.count(CLAUSES, name)
        for note in ended.notes:
            (found.found_reuse if note.startswith(REUSE) else found.found_wrong)(f"{name}: {note.removeprefix(REUSE)}")
        if ended.error:
            found.found_wrong(f"{name}: {ended.error.strip().splitlines()[-1]}")
    return found


def _raises(kind: type[Exception] | tuple[type[Exception], ...], work: Callable[[], object]) -> bool:
    try:
        work()
    except kind:
        return True
    except HbssError:
        return False
    return False


# ---- clauses: each returns what is wrong, or "" --------------------------------------------------------------------


def _a_reservation_takes_at_least_one(subject: StoreSubject, folder: Path) -> str:
    with closing(subject.store(folder)) as store:
        for count in (0, -1):
            before = store.describe().next
            try:
                taken = store.reserve(count)
            except (ValueError, StateError):
                continue
            if not taken or store.describe().next < max(before + 1, taken.stop):
                return f"{REUSE}reserve({count}) is accepted and takes nothing: its start belongs to the next one"
    return ""


def _reservations_do_not_overlap(subject: StoreSubject, folder: Path) -> str:
    with closing(subject.store(folder)) as one, closing(subject.store(folder)) as other:
        last = 0
        for count, store in ((1, one), (3, other), (256, one), (1, other), (2, one)):
            taken = store.reserve(count)
            if len(taken) != count or taken.step != 1:
                return f"reserve({count}) gave {taken}"
            if taken.start < last:
                return f"{REUSE}{taken} was handed out after {last - 1} had been"
            last = taken.stop
            if min(one.describe().next, other.describe().next) < last:
                return f"{REUSE}after {taken} was handed out, a handle says that the next one is lower"
    return ""


def _nothing_is_given_back(subject: StoreSubject, folder: Path) -> str:
    with closing(subject.store(folder)) as store:
        first = store.reserve(4)
        store.settle({first.start: 1})
        second = store.reserve(2, {first.start: 1})
        store.settle({second.start: 0})
        third = store.reserve(1)
        if not first.stop <= second.start < second.stop <= third.start:
            return f"{REUSE}{first}, {second} and {third} overlap: what was not used was given back"
        if store.describe().used != 1:
            return f"1 was used and {store.describe().used} are counted: a reservation was settled twice"
        leases = store.leases()
        if [(lease.start, lease.stop, lease.signer) for lease in leases] != [(third.start, third.stop, SIGNER)]:
            return f"the leases should be {third} alone, and are {leases}"
    return ""


def _the_end_is_the_end(subject: StoreSubject, folder: Path) -> str:
    key_id = os.urandom(16)
    subject.make(folder, key_id, range(10, 15))
    with closing(subject.named(folder, key_id)) as store:
        state = store.describe()
        if (state.first, state.next, state.limit, state.epoch) != (10, 10, 15, 0):
            return f"a state of the indices 10 to 14 was made, and it says {state}"
        if not _raises(KeyExhausted, lambda: store.reserve(6)) or store.describe().next != 10:
            return "more than are left were asked for: that is KeyExhausted, and takes nothing"
        if store.reserve(5) != range(10, 15) or not _raises(KeyExhausted, lambda: store.reserve(1)):
            return "after the last index there must be KeyExhausted"
    return ""


def _making_it_again_changes_nothing(subject: StoreSubject, folder: Path) -> str:
    key_id = (folder / "key_id").read_bytes()
    with closing(subject.store(folder)) as store:
        taken = store.reserve(3)
    subject.make(folder, key_id, range(1 << 20))
    with closing(subject.store(folder)) as store:
        again = store.reserve(1)
    return "" if again.start >= taken.stop else f"{REUSE}{taken} was handed out, and after a second `create` {again}"


def _a_state_that_was_never_made_is_refused(subject: StoreSubject, folder: Path) -> str:
    if not _raises(StateUnsafe, lambda: subject.named(folder, os.urandom(16)).describe()):
        return "a key_id that nobody made a state for can be opened, or fails with another error than StateUnsafe"
    return ""


def _advance_never_goes_back(subject: StoreSubject, folder: Path) -> str:
    with closing(subject.store(folder)) as store, closing(subject.store(folder)) as other:
        before = store.describe()
        found = [store.advance(0, 100).next, other.advance(0, 100).next, store.advance(0, 7).next]
        if store.reserve(1).start < 100:
            return f"{REUSE}next was raised to 100, and a lower value brought it back"
        if found != [before.next, 100, 100]:
            return f"{REUSE}raising next does not tell what it was before, which is how a witness notices a copy"
        if not _raises(ValueError, lambda: store.advance(0, before.limit + 1)):
            return "next can be raised beyond the limit"
        store.advance(3, 0)
        if store.advance(2, 0).epoch != 3 or store.describe().epoch != 3:
            return "the epoch does not rise, or goes back"
    return ""


def _a_raised_epoch_fences(subject: StoreSubject, folder: Path) -> str:
    with closing(subject.store(folder)) as old, closing(subject.store(folder)) as new:
        old.reserve(1)
        new.advance(new.describe().epoch + 1, 50)
        if not _raises(StateFenced, lambda: old.reserve(1)):
            return f"{REUSE}a handle of an earlier epoch still reserves"
        if new.reserve(1).start < 50 or subject.store(folder).reserve(1).start < 51:
            return f"{REUSE}after a recovery to 50 a lower index is handed out"
    return ""


def _a_retired_state_refuses_for_good(subject: StoreSubject, folder: Path) -> str:
    successor = os.urandom(16)
    with closing(subject.store(folder)) as store, closing(subject.store(folder)) as other:
        taken = store.reserve(2)
        left = store.retire(successor)
        if left != range(taken.stop, store.describe().limit) or store.describe().successor != successor:
            return f"{REUSE}{taken} had been handed out, and the successor gets {left}"
        if store.retire(successor) != left or not _raises(StateError, lambda: store.retire(os.urandom(16))):
            return "retire again must give the same to the same successor, and nothing to another"
        for handle in (store, other, subject.store(folder)):
            if not _raises((StateError, KeyExhausted), lambda: handle.reserve(1)):  # noqa: B023  (called at once)
                return f"{REUSE}a retired state still hands out indices"
    return ""


def _a_child_is_recorded_once(subject: StoreSubject, folder: Path) -> str:
    made = [ChildSignature(os.urandom(32), os.urandom(100)) for _ in range(2)]
    with closing(subject.store(folder)) as store, closing(subject.store(folder)) as other:
        if store.child(1, 2, 3) is not None:
            return "a child that nobody recorded is there"
        held = [store.record_child(1, 2, 3, made[0]), other.record_child(1, 2, 3, made[1]), store.child(1, 2, 3)]
    with closing(subject.store(folder)) as store:
        held += [store.child(1, 2, 3), store.record_child(1, 2, 3, made[1])]
        if any(each != made[0] for each in held):
            return f"{REUSE}the record of an inner tree's signature was lost or replaced, so that it is made again"
        if store.child(1, 2, 4) is not None or store.child(2, 2, 3) is not None or store.child(1, 3, 3) is not None:
            return "a child is found in a place where it was not recorded"
    return ""


def _a_closed_or_forked_handle_is_dead(subject: StoreSubject, folder: Path) -> str:
    store = subject.store(folder)
    forked = in_child(lambda out: None if _raises(HandleDead, lambda: store.reserve(1)) else out.note("alive"))
    mine = store.reserve(1)
    store.close()
    store.close()
    if forked.notes or forked.error:
        return f"{REUSE}a forked child goes on with its parent's handle (its own error: {forked.error or 'none'})"
    if not mine or not _raises(HandleDead, lambda: store.reserve(1)):
        return "a closed handle must raise HandleDead"
    return ""


def _a_copy_of_the_file_knows_what_was_released(subject: StoreSubject, folder: Path) -> str:
    if not subject.file:
        return ""
    uses: list[Use] = []
    with closing(subject.open(folder)) as session:
        for _ in range(4):
            session.sign(uses.extend)
        copied = folder / "copy"
        copied.mkdir()
        for name in ("key_id", subject.file):
            in_child(lambda out, name=name: shutil.copy2(folder / name, copied / name))  # type: ignore[misc]
    with closing(subject.open(copied)) as session:
        session.sign(uses.extend)
    again = checks.reused(use for use in uses if use.layer == 0)
    return f"{REUSE}a copy of {subject.file} alone, made while it was open, is older: {again[0]}" if again else ""


CONTRACT: tuple[Clause, ...] = (
    _a_reservation_takes_at_least_one,
    _reservations_do_not_overlap,
    _nothing_is_given_back,
    _the_end_is_the_end,
    _making_it_again_changes_nothing,
    _a_state_that_was_never_made_is_refused,
    _advance_never_goes_back,
    _a_raised_epoch_fences,
    _a_retired_state_refuses_for_good,
    _a_child_is_recorded_once,
    _a_closed_or_forked_handle_is_dead,
    _a_copy_of_the_file_knows_what_was_released,
)
