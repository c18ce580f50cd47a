"""One trial: a scenario is interrupted in one way, and what it released before and after is checked."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from hbss.testing import checks
from hbss.testing.folders import temporary_folder
from hbss.testing.processes import Ended, Out, in_child
from hbss.testing.scenarios import REFUSED, Scenario

_SHOWN = 10  # findings kept in full; all are counted


KILLS, FAULTS, POWER, RIVALS, SERVER, CLAUSES = "kills", "faults", "power losses", "rivals", "server kills", "clauses"


@dataclass
class Findings:
    """What a part of the kit has done and found. Findings of the same kit can be added up."""

    part: str
    subject: str
    released: int = 0
    lost: int = 0  # indices that were handed out and not released
    refused: int = 0  # attempts that ended with an error that says so
    reuse: int = 0
    wrong: int = 0  # hung, ended by an error of another kind, lost a key, or accounts that do not add up
    points: int = 0  # labelled points that the subject passes
    shown: list[str] = field(default_factory=list)
    events: dict[str, int] = field(default_factory=dict)  # what was done to the signers: kills, faults, ...
    details: dict[str, int] = field(default_factory=dict)  # the same more closely: by label, by call, by kind of cut

    def found_reuse(self, text: str) -> None:
        """A one-time key was used twice."""
        self.reuse += 1
        self._show(f"REUSE {text}")

    def found_wrong(self, text: str) -> None:
        """Anything else that should not be."""
        self.wrong += 1
        self._show(text)

    def count(self, event: str, detail: str = "", times: int = 1) -> None:
        """Something was done to the signers."""
        self.events[event] = self.events.get(event, 0) + times
        if detail:
            self.details[detail] = self.details.get(detail, 0) + times

    def add(self, other: Findings) -> None:
        """Take in another part's."""
        for name in ("released", "lost", "refused", "reuse", "wrong"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.points = max(self.points, other.points)
        self.shown = (self.shown + other.shown)[:_SHOWN]
        for mine, theirs in (self.events, other.events), (self.details, other.details):
            for kind, times in theirs.items():
                mine[kind] = mine.get(kind, 0) + times

    def _show(self, text: str) -> None:
        if len(self.shown) < _SHOWN:
            self.shown.append(f"{self.subject}, {self.part}: {text}")


class Share(NamedTuple):
    """Every label or call; or every `step`-th, beginning with number `first`, counted from 0."""

    first: int = 0
    step: int = 1

    def of(self, things: Iterable[str]) -> list[str]:
        """This share of things."""
        return list(things)[self.first % self.step :: self.step]


ALL = Share()


@contextmanager
def scratch() -> Iterator[Path]:
    """An empty folder, for as long as the block lasts."""
    with temporary_folder("hbss-kit-") as folder:
        yield folder


def empty(folder: Path) -> None:
    """Remove what is in a folder."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


class Bench:
    """A folder in which a scenario is run again and again, from the same beginning."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self.scenario = scenario
        self.folder, self._kept = folder / "here", folder / "kept"
        self.folder.mkdir()
        self._prepared: Ended | None = None

    def reset(self) -> Ended:
        """Put everything back to where `act` begins. Returns what had been released by then."""
        empty(self.folder)
        if self._prepared is not None and self.scenario.is_local:
            shutil.copytree(self._kept, self.folder, dirs_exist_ok=True)
            return self._prepared
        self._prepared = in_child(lambda out: self.scenario.prepare(self.folder, out))
        if self.scenario.is_local:
            shutil.copytree(self.folder, self._kept)
        return self._prepared


Interference = Callable[[Out], AbstractContextManager[None]]


def trial(bench: Bench, found: Findings, how: str, interference: Interference) -> Ended:
    """Prepare, interfere, act, and look what another signer can have. how: names the interference in findings.

    interference: surrounds `act` in the signer's process.
    """

    def work(out: Out) -> None:
        with interference(out):
            bench.scenario.act(bench.folder, out)

    prepared = bench.reset()
    first = in_child(work)
    then = in_child(lambda out: bench.scenario.again(bench.folder, out))
    judge(bench.scenario, found, how, [prepared, first], then)
    return first


def judge(scenario: Scenario, found: Findings, how: str, before: list[Ended], then: Ended) -> None:
    """Check what several processes have released, of which the last one must not have been refused."""
    released = [use for ended in before for use in ended.uses]
    uses = released + then.uses
    found.released += sum(use.layer == 0 for use in uses)
    for text in checks.reused(uses):
        found.found_reuse(f"{how}: {text}")
    for ended in (*before, then):
        found.refused += sum(note.startswith(REFUSED) for note in ended.notes)
        if ended.error:
            found.found_wrong(f"{how}: {ended.error.strip().splitlines()[-1]}")
    refusals = [note for note in then.notes if note.startswith(REFUSED) and not excused(note)]
    if refusals and released and not scenario.may_refuse:
        found.found_wrong(f"{how}: the next signer was {refusals[0]}")


def excused(refusal: str) -> bool:
    """Whether a refusal is what has to be: a file that was cut off while it got its name has two, and says so."""
    return "hard links" in refusal
