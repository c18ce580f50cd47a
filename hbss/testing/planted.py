"""Planted bugs: each breaks the rule in a way that has happened, and the kit has to catch it, by the part named here.

Most are wrapped around any store, and use nothing of it but its contract.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hbss.errors import HbssError
from hbss.stores import NOTHING, ChildSignature, Spent, StateStore, StoreState, database, sqlitefile, witness
from hbss.testing.contract import contract
from hbss.testing.faults import every_fault
from hbss.testing.key_scenarios import RollingBack
from hbss.testing.kills import kill_at_every_label, rival_at_every_label
from hbss.testing.power import power_cuts
from hbss.testing.scenarios import Signing
from hbss.testing.shim import PLANS
from hbss.testing.subjects import HSS, KeySubject, Session, StoreSubject
from hbss.testing.trials import Findings


class Around:
    """A store as it is; a planted bug replaces what it breaks."""

    def __init__(self, store: StateStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class SignsBeforeCommit(Around):
    """Hands indices out at once and makes them durable with the next reservation, which saves a flush."""

    _owed = 0

    def reserve(self, count: int, spent: Spent = NOTHING) -> range:
        """Commit what was handed out before; hand out, uncommitted, what comes next."""
        if self._owed:
            self._store.reserve(self._owed, spent)
        start, self._owed = self._store.describe().next, count
        return range(start, start + count)


class GivesBack(Around):
    """After an error the next reservation gets the indices that were not settled, so that nothing is lost."""

    _open = range(0)
    _failed = False

    def reserve(self, count: int, spent: Spent = NOTHING) -> range:
        """The last one once more, if something went wrong since."""
        if self._failed and self._open:
            self._failed = False
            return self._open
        self._open = self._store.reserve(count, spent)
        return self._open

    def child(self, layer: int, tree: int, leaf: int) -> ChildSignature | None:
        """What the store holds; an error puts the reservation back."""
        try:
            return self._store.child(layer, tree, leaf)
        except HbssError:
            self._failed = True
            raise


class TakesNothing(Around):
    """A reservation of no indices succeeds, and its start looks like an index."""

    def reserve(self, count: int, spent: Spent = NOTHING) -> range:
        """Whatever was asked for."""
        if count > 0:
            return self._store.reserve(count, spent)
        start = self._store.describe().next
        return range(start, start)


class DropsTheLock(Around):
    """Reads where the next index is, and moves it on in a second transaction."""

    def reserve(self, count: int, spent: Spent = NOTHING) -> range:
        """Look, then write."""
        state = self._store.describe()
        self._store.advance(state.epoch, state.next + count)
        return range(state.next, state.next + count)


class ForgetsChildren(Around):
    """Makes the signature of an inner tree anew whenever it is needed."""

    def child(self, layer: int, tree: int, leaf: int) -> ChildSignature | None:
        """Nothing is recorded."""
        return None

    def record_child(self, layer: int, tree: int, leaf: int, made: ChildSignature) -> ChildSignature:
        """Nor here."""
        return made


def _unflushed(store: Any) -> Any:
    """SQLite without flushes, for speed."""
    store._connection.execute("PRAGMA synchronous = OFF")
    return store


_STORES: dict[str, Callable[[Any], Any]] = {
    "sign before commit": SignsBeforeCommit,
    "reservation given back after an error": GivesBack,
    "n = 0 accepted": TakesNothing,
    "lock dropped": DropsTheLock,
    "child root signed twice": ForgetsChildren,
    "no flush": _unflushed,
    "WAL": lambda store: store,
}


@dataclass(frozen=True)
class PlantedStore(StoreSubject):
    """A store with a bug."""

    bug: str = ""

    @property
    def name(self) -> str:
        """The scheme, and the bug."""
        return f"{super().name} ({self.bug})"

    def named(self, folder: Path, key_id: bytes) -> StateStore:
        """The store inside its bug."""
        if self.bug == "WAL":
            _use_wal()
        planted: StateStore = _STORES[self.bug](super().named(folder, key_id))
        return planted


def _use_wal() -> None:
    """From now on this process keeps SQLite files in a write-ahead log, for speed, and has no guard against it."""
    database.PRAGMAS["journal_mode"] = "wal"
    database.refuse_wal_files = lambda path: None
    sqlitefile.SqliteFile._check_journal = lambda self: None  # type: ignore[method-assign]


@dataclass(frozen=True)
class LateWitness(KeySubject):
    """A key whose witness is told of a reservation when the next one is made."""

    def open(self, folder: Path) -> Session:
        """Open it in this process, in which every witness is late from now on."""
        witness.Witness.raise_to = _late  # type: ignore[method-assign]
        return super().open(folder)


def _late(self: witness.Witness, epoch: int, next: int) -> StoreState:
    owed: list[tuple[int, int]] = self.__dict__.setdefault("owed", [])
    owed.append((epoch, next))
    return self._store.advance(*owed[-2]) if len(owed) > 1 else self.mark()


# ---- which part catches which --------------------------------------------------------------------------------------


def signing(url: str, bug: str) -> StoreSubject:
    """A store with a bug, or the honest one."""
    return PlantedStore(url, bug) if bug else StoreSubject(url)


@dataclass(frozen=True)
class Bug:
    """A planted bug, and the part of the kit that has to catch it; without its bug the same part must find nothing.

    find: called with the URL and the bug's name, or "" for the honest store; and with a seed. in_files: whether it is
    only planted in SQLite's files; the others are in every store.
    """

    name: str
    part: str
    find: Callable[[str, str, int], Findings]
    in_files: bool = False


def _contract(url: str, bug: str, seed: int) -> Findings:
    return contract(signing(url, bug))


def _power(url: str, bug: str, seed: int) -> Findings:
    return power_cuts(Signing(signing(url, bug)), seed, 60)


def _kills(url: str, bug: str, seed: int) -> Findings:
    return kill_at_every_label(Signing(signing(url, bug)), most=1, part="subjects.sign")


def _faults(url: str, bug: str, seed: int) -> Findings:
    return every_fault(Signing(signing(url, bug)), [plan for plan in PLANS if plan.name == "read: input/output error"])


def _rivals(url: str, bug: str, seed: int) -> Findings:
    return rival_at_every_label(signing(url, bug), part=".reserve:")


def _witness(url: str, bug: str, seed: int) -> Findings:
    key = (LateWitness if bug else KeySubject)(HSS, witness="{folder}/witness")
    return kill_at_every_label(RollingBack(key), most=3, part="subjects.sign")


BUGS = (
    Bug("no flush", "power loss", _power, in_files=True),
    Bug("sign before commit", "kills at labels", _kills),
    Bug("reservation given back after an error", "faults", _faults, in_files=True),
    Bug("n = 0 accepted", "contract", _contract),
    Bug("lock dropped", "rivals at labels", _rivals),
    Bug("child root signed twice", "contract", _contract),
    Bug("witness written late", "kills at labels", _witness, in_files=True),
    Bug("WAL", "contract", _contract, in_files=True),
)
