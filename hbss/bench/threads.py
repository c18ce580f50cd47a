"""What several threads gain: on the bare kernel, and on work that threads share.

The bare kernel says what the machine has to give: two threads of one core, or a processor that slows down when all of
it is busy, gain less than two. Rates are by the clock, as the work of several threads has no other time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypedDict

from hbss import _native, treecache, workers
from hbss.bench import limit
from hbss.bench.acts import Subject
from hbss.bench.measure import Spread

SPELL = 0.05  # seconds of one thread's work, at least
KERNEL = 1 << 20  # hash calls of each thread
TREE = 1 << 23  # hash calls of part of a tree, at most
PIECE = 1 << 18  # hash calls of a piece of it, about as in key generation
BATCH = 1 << 22  # hash calls of a batch, at least: only a large one is shared by threads
TURNS = 3  # as many as of anything else, times this: a processor of a virtual machine is not always all there


class Gains(TypedDict):
    """Rates with so many threads divided by the rates with one."""

    set: str
    threads: int
    kernel: Spread
    keygen: Spread
    verify_each: Spread


def gains(subject: Subject, count: int) -> Gains:
    """Each of the three in turns with one thread and with `count`."""
    ratios = [_once(subject, count) for _ in range(TURNS * max(1, subject.budget.repeats))]
    kernel, keygen, verify_each = (Spread.of([each[i] for each in ratios]) for i in range(3))
    return Gains(set=subject.found.name, threads=count, kernel=kernel, keygen=keygen, verify_each=verify_each)


def _once(subject: Subject, count: int) -> tuple[float, float, float]:
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(count) as several:
        return (
            _gain(_kernel(subject, one, 1), _kernel(subject, several, count)) * count,
            _gain(_leaves(subject, one), _leaves(subject, several)),
            _gain(subject.batch(one, BATCH), subject.batch(several, BATCH)),
        )


def _gain(alone: Callable[[], object], together: Callable[[], object]) -> float:
    """How much less time it takes together, in the mean of before and after."""
    times = 1
    while (first := _clock(alone, times)) < SPELL:
        times *= 2
    shared = _clock(together, times)
    return (first + _clock(alone, times)) / 2 / shared


def _clock(act: Callable[[], object], times: int) -> float:
    start = time.perf_counter()
    for _ in range(times):
        act()
    return time.perf_counter() - start


def _kernel(subject: Subject, pool: ThreadPoolExecutor, count: int) -> Callable[[], object]:
    """The best kernel once in each thread."""
    function = subject.rows[0].function
    chosen = limit.choice(function).best
    calls = KERNEL // _native.kernels(function)[chosen][1]
    return lambda: list(pool.map(lambda _: _native.run_kernel(function, chosen, calls), range(count)))


def _leaves(subject: Subject, pool: ThreadPoolExecutor) -> Callable[[], object]:
    """Part of a tree in pieces, all of one size, as in key generation."""
    whole = min(TREE, subject.budget.slice)
    piece = subject.slice_height(min(PIECE, whole // 16))
    firsts = range(0, 1 << subject.slice_height(whole), 1 << piece)
    tasks = [(subject.spot, first, piece) for first in firsts]
    return lambda: list(workers.ordered(pool, treecache.subtree, tasks))
