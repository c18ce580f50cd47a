"""Timing on one thread, and what must be said beside a number: machine, compiler, version, spread."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple, TypedDict

from hbss import _native, workers
from hbss.machine import compiler, cpu, version

BATCH = 0.01  # seconds: a figure that is shorter is repeated until it takes so long

# what compilers leave in an ELF file's section .comment


class Spread(NamedTuple):
    """Several measurements of one thing: their least, middle and greatest."""

    least: float
    median: float
    greatest: float

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        """The spread of some values."""
        return cls(min(values), statistics.median(values), max(values))


class Machine(TypedDict):
    """Where and of what figures are.

    processors: that this process may use. compiler: of the extension. kernels: name and lanes, widest first.
    """

    cpu: str
    processors: int
    system: str
    python: str
    compiler: str
    hbss: str
    backend: str
    kernels: dict[str, list[tuple[str, int]]]


def seconds(act: Callable[[], object], prepare: Callable[[], object] | None = None) -> float:
    """CPU seconds of this thread that one act takes; short acts are repeated.

    prepare: called before every act, and not counted.
    """
    times, taken = 1, 0.0
    while True:
        taken = _timed(act, times) if prepare is None else sum(_prepared(act, prepare) for _ in range(times))
        if taken >= BATCH:
            return taken / times
        times = max(2 * times, int(1.2 * times * BATCH / max(taken, 1e-6)))


def _timed(act: Callable[[], object], times: int) -> float:
    start = time.thread_time()
    for _ in range(times):
        act()
    return time.thread_time() - start


def _prepared(act: Callable[[], object], prepare: Callable[[], object]) -> float:
    prepare()
    return _timed(act, 1)


def kernel_ns(function: str, i: int, lanes: int, backend: str | None = None, calls: int = 2000) -> float:
    """Nanoseconds per hash call of the i-th kernel, all lanes busy."""
    return seconds(lambda: _native.run_kernel(function, i, calls, backend)) / (calls * lanes) * 1e9


def machine() -> Machine:
    """This machine and this build."""
    return Machine(
        cpu=cpu(), processors=workers.cpus(), system=platform.platform(), python=platform.python_version(),
        compiler=compiler(), hbss=version(), backend=_native.backend_name(),
        kernels={function: _native.kernels(function) for function in _native.FUNCTIONS},
    )  # fmt: skip
