"""A store as somebody else would write one: a file of JSON, replaced as a whole. The crash kit is tried on it.

The ways in which such stores go wrong are there as well: `weak` names what is left out.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from hbss.errors import HandleDead, KeyExhausted, StateError, StateFenced, StateUnsafe, StoreBusy
from hbss.stores import NOTHING, ChildSignature, Lease, Spent, StateStore, StoreState
from hbss.testing import StoreSubject

SCHEME = "journal:"
Rows = dict[str, dict[str, Any]]
T = TypeVar("T")


class JournalStore:
    """One state of a file (hbss.stores.StateStore)."""

    def __init__(self, path: Path, key_id: bytes, signer: str, weak: str = "") -> None:
        self._path, self._key, self._signer, self._weak = path, key_id.hex(), signer, weak
        self._pid, self._closed = os.getpid(), False
        self._epoch = self.describe().epoch

    def describe(self) -> StoreState:
        """The state as it is now."""
        return self._do(lambda row: _state(self._key, row))

    def reserve(self, count: int, spent: Spent = NOTHING) -> range:
        """Take `count` indices."""
        if count < 1:
            raise ValueError("at least one")

        def change(row: dict[str, Any]) -> range:
            if row["successor"] or row["epoch"] != self._epoch:
                raise StateFenced("this signer was replaced")
            if row["limit"] - row["next"] < count:
                raise KeyExhausted(f"{count} were asked for; none was used")
            taken = range(row["next"], row["next"] + count)
            row["next"] = taken.stop
            _settle(row, spent)
            row["leases"].append([taken.start, taken.stop, self._epoch, self._signer, time.time()])
            return taken

        return self._do(change)

    def settle(self, spent: Spent) -> None:
        """Say what became of earlier reservations."""
        self._do(lambda row: _settle(row, spent))

    def leases(self) -> list[Lease]:
        """The leases that have not been settled."""
        return self._do(lambda row: [Lease(*each) for each in row["leases"]])

    def advance(self, epoch: int, next: int) -> StoreState:
        """Raise epoch and next."""

        def change(row: dict[str, Any]) -> StoreState:
            if next > row["limit"]:
                raise ValueError("beyond the limit")
            before = _state(self._key, row)
            row["epoch"], row["next"] = max(epoch, row["epoch"]), max(next, row["next"])
            return before

        before = self._do(change)
        self._epoch = max(epoch, before.epoch)
        return before

    def retire(self, successor: bytes) -> range:
        """Hand on what is left."""

        def change(row: dict[str, Any]) -> range:
            if row["successor"] not in ("", successor.hex()):
                raise StateError("handed on before, to another")
            if not row["successor"]:
                row["successor"], row["handed"], row["next"] = successor.hex(), row["next"], row["limit"]
            return range(row["handed"], row["limit"])

        return self._do(change)

    def child(self, layer: int, tree: int, leaf: int) -> ChildSignature | None:
        """What the one-time key at this place signed."""
        held = self._do(lambda row: row["children"].get(f"{layer}.{tree}.{leaf}"))
        return None if held is None else ChildSignature(*map(bytes.fromhex, held))

    def record_child(self, layer: int, tree: int, leaf: int, made: ChildSignature) -> ChildSignature:
        """Record it once."""
        mine = [made.public.hex(), made.signature.hex()]
        held = self._do(lambda row: row["children"].setdefault(f"{layer}.{tree}.{leaf}", mine))
        return ChildSignature(*map(bytes.fromhex, held))

    def close(self) -> None:
        """Let go."""
        self._closed = True

    def _do(self, change: Callable[[dict[str, Any]], T]) -> T:
        if self._closed or os.getpid() != self._pid:
            raise HandleDead("closed, or forked")
        with _locked(self._path):
            rows = _read(self._path)
            if self._key not in rows:
                raise StateUnsafe("no such state")
            before = json.dumps(rows)
            result = change(rows[self._key])
            if json.dumps(rows) != before:
                _write(self._path, rows, self._weak)
        return result


def _state(key: str, row: dict[str, Any]) -> StoreState:
    successor = bytes.fromhex(row["successor"]) or None
    return StoreState(bytes.fromhex(key), row["epoch"], row["first"], row["next"], row["limit"], row["used"], successor)


def _settle(row: dict[str, Any], spent: Spent) -> None:
    for start, used in spent.items():
        left = [lease for lease in row["leases"] if lease[0] != start]
        if len(left) < len(row["leases"]):
            row["leases"], row["used"] = left, row["used"] + used


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        for _ in range(2000):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.005)
        else:
            raise StoreBusy("somebody else has it")
        yield
    finally:
        os.close(descriptor)


def _read(path: Path) -> Rows:
    try:
        rows: Rows = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except ValueError:
        raise StateUnsafe(f"{path} is damaged") from None
    return rows


def _write(path: Path, rows: Rows, weak: str) -> None:
    """Replace the file. weak: what is left out: `file` or `folder`, which is not flushed then, or `rename`."""
    temporary = path if weak == "rename" else path.with_name(f"{path.name}.new")
    with open(temporary, "w") as file:
        file.write(json.dumps(rows))
        file.flush()
        if weak != "file":
            os.fsync(file.fileno())
    os.replace(temporary, path)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        if weak != "folder":
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True)
class JournalEngine:
    """States in such files (hbss.stores.StoreEngine)."""

    weak: str = ""

    def normal(self, url: str) -> str:
        """As it is."""
        return url

    def create(self, url: str, key_id: bytes, indices: range, epoch: int) -> None:
        """Make a new state."""
        path = Path(url.removeprefix(SCHEME))
        with _locked(path):
            rows = _read(path)
            rows.setdefault(
                key_id.hex(),
                {
                    "epoch": epoch, "first": indices.start, "next": indices.start, "limit": indices.stop, "used": 0,
                    "successor": "", "handed": 0, "leases": [], "children": {},
                },
            )  # fmt: skip
            _write(path, rows, "")

    def open(self, url: str, key_id: bytes, signer: str) -> StateStore:
        """Open a state."""
        return JournalStore(Path(url.removeprefix(SCHEME)), key_id, signer, self.weak)


@dataclass(frozen=True)
class JournalSubject(StoreSubject):
    """The kit's subject, without an entry point for the engine."""

    url: str = "journal:{folder}/state"
    weak: str = ""

    @property
    def engine(self) -> JournalEngine:
        """With or without what it may leave out."""
        return JournalEngine(self.weak)
