"""Measuring sets and operations.

Machines are shared and their vector units slow down at times, so every measurement stands between two of the kernels.
What is kept is the ratio of such a triple; a figure is the median of its triples.

What `measure` returns is what `hbss bench --json` writes: times in seconds, rates of kernels in nanoseconds, sizes in
bytes, and of what was measured several times [least, median, greatest].
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypedDict

from hbss import _native
from hbss.bench import limit, threads
from hbss.bench.acts import OPERATIONS, QUICK, Act, Budget, Skipped, Subject
from hbss.bench.measure import Machine, Spread, machine, seconds
from hbss.bench.sentences import sentences
from hbss.errors import HbssError

__all__ = ["FORMAT", "OPERATIONS", "QUICK", "Budget", "Figure", "Found", "Skipped", "Subject", "figure", "measure"]

FORMAT = "hbss bench 1"

Tell = Callable[[str], object]


class Figure(TypedDict):
    """What was measured of one operation of one set.

    seconds: one operation, thread CPU time. hashes: what the standard prescribes for it, by function. limit: seconds
    of those in the fastest kernel; efficiency: limit / seconds. model: seconds of the one-signature model, if the
    operation has one; of_model: model / seconds. capacity: signatures of one key. count: triples.
    """

    set: str
    operation: str
    seconds: Spread
    hashes: dict[str, float]
    limit: float
    efficiency: Spread
    model: float | None
    of_model: Spread | None
    signature_size: int
    public_key_size: int
    capacity: int
    count: int
    note: str


class Omitted(TypedDict):
    """What was asked for and not measured."""

    set: str
    operation: str
    reason: str


class KernelRow(TypedDict):
    """The fastest kernel of one function, and nanoseconds as in `limit.Times`."""

    function: str
    kernel: str
    lanes: int
    best: float
    step: float
    block: float


class Found(TypedDict):
    """All of it. threads: empty unless it was asked for. reading: sentences."""

    format: str
    machine: Machine
    kernels: list[KernelRow]
    figures: list[Figure]
    skipped: list[Omitted]
    threads: list[threads.Gains]
    reading: list[str]


def measure(
    names: Sequence[str], operations: Iterable[str], budget: Budget, tell: Tell = lambda _: None, workers: int = 1
) -> Found:
    """Every operation of every set, one after another; workers: also what so many threads gain.

    tell: is given a line of progress before each. UnknownParameterSet or ValueError for what is not known.
    """
    wanted = list(operations)
    for each in wanted:
        if each not in OPERATIONS:
            raise ValueError(f"unknown operation {each!r}; choose from: {', '.join(OPERATIONS)}")
    functions: set[str] = set()
    figures: list[Figure] = []
    skipped: list[Omitted] = []
    gains: list[threads.Gains] = []
    for number, name in enumerate(names, 1):
        with Subject(name, budget) as subject:
            functions |= subject.functions
            for operation in wanted:
                tell(f"{number}/{len(names)} {name}: {operation}")
                try:
                    figures.append(figure(subject, operation))
                except (Skipped, HbssError, OSError) as reason:
                    skipped.append(Omitted(set=name, operation=operation, reason=str(reason)))
            if workers > 1:
                tell(f"{number}/{len(names)} {name}: {workers} threads")
                gains.append(threads.gains(subject, workers))
    return Found(
        format=FORMAT, machine=machine(), kernels=[_kernels(each) for each in sorted(functions)], figures=figures,
        skipped=skipped, threads=gains, reading=sentences(figures),
    )  # fmt: skip


def figure(subject: Subject, operation: str) -> Figure:
    """One operation of one set; Skipped, with the reason, if it cannot be measured."""
    act, found = subject.act(operation), subject.found
    triples = _triples(act, subject, operation)
    model = [each.model for each in triples if each.model is not None]
    return Figure(
        set=found.name, operation=operation, seconds=Spread.of([each.seconds for each in triples]),
        hashes=dict(act.calls), limit=Spread.of([each.limit for each in triples]).median,
        efficiency=Spread.of([each.limit / each.seconds for each in triples]),
        model=Spread.of(model).median if model else None,
        of_model=Spread.of([each / of.seconds for each, of in zip(model, triples, strict=True)]) if model else None,
        signature_size=found.signature_size, public_key_size=found.public_key_size, capacity=found.capacity,
        count=len(triples), note=act.note,
    )  # fmt: skip


class Triple(NamedTuple):
    """Seconds of one operation, and of its limit and its model by the kernels just before and just after."""

    seconds: float
    limit: float
    model: float | None


def _triples(act: Act, subject: Subject, operation: str) -> list[Triple]:
    if act.prepare is not None:
        act.prepare()
    act.run()  # what happens once only, and what has to be in caches
    found: list[Triple] = []
    start, before = time.thread_time(), limit.measured(subject.functions)
    while len(found) < subject.budget.repeats or time.thread_time() - start < subject.budget.seconds:
        taken = seconds(act.run, act.prepare) * act.scale / act.count
        after = limit.measured(subject.functions)
        kernels = limit.between(before, after)
        model = limit.one_signature(subject.found, operation, kernels) if act.modelled else None
        found.append(Triple(taken, limit.limit(act.calls, kernels), model))
        before = after
    return found


def _kernels(function: str) -> KernelRow:
    name, lanes = _native.kernels(function)[limit.choice(function).best]
    best, step, block = limit.measured([function])[function]
    return KernelRow(function=function, kernel=name, lanes=lanes, best=best, step=step, block=block)
