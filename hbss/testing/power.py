"""Power loss: a scenario runs once, its log is cut everywhere, and every disk that a power cut could leave is tried.

Killing a process never loses what it has written, so kills prove nothing about flushing. Here the flushes are all that
counts: whatever was not flushed may be gone (see `disk`). Each state of the disk is put where the files were, and the
next signer is let loose on it; it must refuse, or release nothing that had been released before the cut.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import random
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from hbss.testing import checks, shim
from hbss.testing.checks import Use
from hbss.testing.disk import Disk, Image, Record, read_log
from hbss.testing.processes import Out, in_child
from hbss.testing.scenarios import REFUSED, Scenario
from hbss.testing.shim import Plan
from hbss.testing.trials import POWER, Findings, empty, excused, scratch

SUBSETS = 6  # drawn at every place of the log, whole and torn


class Cut(NamedTuple):
    """The power goes after so many records; of what is pending, these parts have reached the disk."""

    records: int
    kept: dict[int, range | set[int]]
    rubbish: int | None  # seed of what files hold where they grew without their data; None: zeros
    kind: str

    def image(self, disk: Disk) -> Image:
        """The disk as it is then; `disk` has followed the records."""
        return disk.image(self.kept, None if self.rubbish is None else random.Random(self.rubbish))


@dataclasses.dataclass
class Recording:
    """A scenario's log: the disk before it, what had been released before it, and the records."""

    scenario: Scenario
    disk: Disk
    before: list[Use]
    records: list[Record]
    may_refuse: bool

    def walk(self) -> Iterator[tuple[int, Disk, list[Use]]]:
        """After every record: how many there were, the disk, and what has been released."""
        disk, uses = copy.deepcopy(self.disk), list(self.before)
        yield 0, disk, uses
        for count, record in enumerate(self.records, 1):
            disk.follow(record)
            if record.kind == "M":
                uses = uses + checks.unpack(record.one)
            yield count, disk, uses


def power_cuts(
    scenario: Scenario, seed: int, limit: int = 0, fault: tuple[Plan, int] | None = None, twice: int = 0
) -> Findings:
    """Record a scenario, and recover from the states that a cut could leave: all, or `limit` of them drawn by `seed`.

    fault: a plan and the call it hits, while the log is made; then a refusal is no finding, as SQLite does not look
    whether it could flush the name of a new journal, and may find itself damaged. twice: after so many of the cuts the
    power goes a second time, while the next signer recovers; `limit` then holds for each.
    """
    found = Findings("power loss", scenario.name)
    draw = random.Random(seed)
    with scratch() as folder:
        recording = record(scenario, folder, found, fault)

        def work(out: Out) -> None:
            mine = Findings(found.part, found.subject)
            cuts = _some(every_cut(recording, draw), limit, draw)
            _recover(recording, cuts, folder, mine)
            for cut in _some(cuts, twice, draw) if twice else []:
                second = _record_recovery(recording, cut, folder)
                _recover(second, _some(every_cut(second, draw), limit, draw), folder, mine, "second ")
            out.note(json.dumps(dataclasses.asdict(mine)))

        ended = in_child(work)
    if ended.error:
        found.found_wrong(ended.error.strip().splitlines()[-1])
    for note in ended.notes:
        found.add(Findings(**json.loads(note)))
    return found


def _some(cuts: list[Cut], limit: int, draw: random.Random) -> list[Cut]:
    return draw.sample(cuts, limit) if limit and len(cuts) > limit else cuts


# ---- the log -------------------------------------------------------------------------------------------------------


def record(scenario: Scenario, folder: Path, found: Findings, fault: tuple[Plan, int] | None = None) -> Recording:
    """Run a scenario in an empty folder, and log what it does to its files."""
    prepared = in_child(lambda out: scenario.prepare(folder, out))
    disk = Disk(folder)
    with tempfile.NamedTemporaryFile(mode="ab", prefix="hbss-log-") as log:

        def act(out: Out) -> None:
            with _logging(folder, log.fileno(), fault):
                out.mark = shim.mark
                scenario.act(folder, out)

        ended = in_child(act)
        records = read_log(Path(log.name).read_bytes())
    for each in (prepared, ended):
        if each.error:
            found.found_wrong(f"while its log was made: {each.error.strip().splitlines()[-1]}")
    return Recording(scenario, disk, prepared.uses, records, scenario.may_refuse or fault is not None)


def _record_recovery(recording: Recording, cut: Cut, folder: Path) -> Recording:
    """What the next signer does after a cut, logged in this process."""
    _, disk, uses = next(place for place in recording.walk() if place[0] == cut.records)
    empty(folder)
    cut.image(disk).write(disk.root, folder)
    found = Disk(folder)
    with tempfile.NamedTemporaryFile(mode="ab", prefix="hbss-log-") as log:
        heard = _Heard()
        heard.mark = shim.mark
        with _logging(folder, log.fileno(), None):
            recording.scenario.again(folder, heard)
        records = read_log(Path(log.name).read_bytes())
    return Recording(recording.scenario, found, list(uses), records, recording.may_refuse)


@contextmanager
def _logging(folder: Path, log: int, fault: tuple[Plan, int] | None) -> Iterator[None]:
    shim.watch(folder)
    shim.log(log)
    if fault:
        shim.plan(*fault)
    try:
        yield
    finally:
        shim.rest()


# ---- the cuts ------------------------------------------------------------------------------------------------------


def every_cut(recording: Recording, draw: random.Random) -> list[Cut]:
    """Every cut that leaves another disk, or the same one after more has been released."""
    seen: set[bytes] = set()
    cuts = []
    for count, disk, uses in recording.walk():
        for kind, kept, rubbish in _choices(disk, draw):
            cut = Cut(count, kept, rubbish, kind)
            digest = _digest(cut.image(disk), disk, len(uses))
            if digest not in seen:
                seen.add(digest)
                cuts.append(cut)
    return cuts


def _choices(disk: Disk, draw: random.Random) -> Iterator[tuple[str, dict[int, range | set[int]], int | None]]:
    """What of the pending changes may have reached the disk."""
    whole = {place: range(change.parts()) for place, change in enumerate(disk.pending)}
    yield "nothing unflushed kept", {}, None
    if not whole:
        return
    yield "all kept", dict(whole), None
    for place in whole:
        yield "one change kept", {place: whole[place]}, None
        yield "one change lost", {other: parts for other, parts in whole.items() if other != place}, None
    for _ in range(SUBSETS):
        yield "some kept", {place: parts for place, parts in whole.items() if draw.random() < 0.5}, None
        torn = {place: {part for part in parts if draw.random() < 0.7} for place, parts in whole.items()}
        yield "torn at sectors", dict(torn), draw.choice((None, draw.randrange(1 << 32)))


def _digest(image: Image, disk: Disk, released: int) -> bytes:
    total = hashlib.sha256(released.to_bytes(8, "big"))
    for path, node, content in image.walk(disk.root):
        total.update(f"{path}\0{node.mode}\0{id(node)}\0{len(content)}\0".encode() + content)
    return total.digest()


# ---- recovering ----------------------------------------------------------------------------------------------------


class _Heard(Out):
    """What a signer in this very process says."""

    def __init__(self) -> None:
        self.uses: list[Use] = []
        self.refusals: list[str] = []
        self.mark: Callable[[bytes], None] | None = None

    def release(self, uses: Iterable[Use]) -> None:
        for use in uses:
            self.uses.append(use)
            if self.mark is not None:
                self.mark(use.packed())

    def note(self, text: str) -> None:
        if text.startswith(REFUSED):
            self.refusals.append(text)


def _recover(recording: Recording, cuts: list[Cut], folder: Path, found: Findings, which: str = "") -> None:
    """Put each state of the disk into the folder, and let the next signer have it."""
    at: dict[int, list[Cut]] = {}
    for cut in cuts:
        at.setdefault(cut.records, []).append(cut)
    for count, disk, uses in recording.walk():
        for cut in at.get(count, []):
            empty(folder)
            cut.image(disk).write(disk.root, folder)
            found.count(POWER, f"{which}{cut.kind}")
            _next_signer(recording, folder, uses, f"{which}cut after record {count}, {cut.kind}", found)


def _next_signer(recording: Recording, folder: Path, before: list[Use], how: str, found: Findings) -> None:
    heard = _Heard()
    try:
        recording.scenario.again(folder, heard)
    except Exception as error:
        found.found_wrong(f"{how}: {type(error).__name__}: {error}")
    found.released += sum(use.layer == 0 for use in heard.uses)
    found.refused += len(heard.refusals)
    for text in checks.reused(before + heard.uses):
        found.found_reuse(f"{how}: {text}")
    refusals = [refusal for refusal in heard.refusals if not excused(refusal)]
    if refusals and before and not recording.may_refuse:
        found.found_wrong(f"{how}: the next signer was {refusals[0]}")
