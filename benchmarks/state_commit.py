"""What one signature by the SQLite store costs, beside the least that a durable commit of SQLite costs there.

Both are measured in turns, in one folder and with the same settings, and so are the parts between them: a flush, and a
reservation without its signature. A ratio is kept for every round, and the figure is the median of the rounds.
"""

from __future__ import annotations

import os
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TypedDict

import hbss
from benchmarks.measure import Spread
from hbss.stores.database import PRAGMAS
from hbss.stores.opening import open_state

SET = "LMS_SHA256_M32_H10_W4"
PAGE = 4096
LIMIT = 1.3  # what a signature may cost of a commit ...
DURABLE = 1e-3  # ... where a commit takes so many seconds; a faster disk says more about the processor


class Cost(TypedDict):
    """What was measured of one act. seconds: by the clock; processor: of those, the ones that this thread computed."""

    seconds: Spread
    processor: Spread


class Commit(TypedDict):
    """What was measured. ratio: a signature's seconds to a bare commit's; holds: None where a commit is too fast."""

    flush: Cost
    commit: Cost
    reservation: Cost
    signature: Cost
    ratio: Spread
    holds: bool | None


Act = Callable[[], object]


@contextmanager
def bare_commit(path: Path) -> Iterator[Act]:
    """One durable UPDATE of one row, by SQLite with the settings of a key file."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for name, value in PRAGMAS.items():
            connection.execute(f"PRAGMA {name} = {value}")
        connection.execute("CREATE TABLE counter (next INTEGER NOT NULL)")
        connection.execute("INSERT INTO counter VALUES (0)")

        def act() -> None:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("UPDATE counter SET next = next + 1")
            connection.execute("COMMIT")

        yield act


@contextmanager
def bare_flush(path: Path) -> Iterator[Act]:
    """One page written over another, and flushed."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    page = bytes(PAGE)

    def act() -> None:
        os.pwrite(descriptor, page, 0)
        getattr(os, "fdatasync", os.fsync)(descriptor)  # macOS has no fdatasync

    try:
        yield act
    finally:
        os.close(descriptor)


@contextmanager
def reservation(path: Path) -> Iterator[Act]:
    """One index taken from the store of a key, and the last one accounted for; nothing is signed."""
    hbss.create_key(path, SET)
    with closing(open_state(path)) as opened:
        spent: dict[int, int] = {}

        def act() -> None:
            start = opened.store.reserve(1, spent).start
            spent.clear()
            spent[start] = 0

        yield act


@contextmanager
def signature(path: Path) -> Iterator[Act]:
    """One signature."""
    hbss.create_key(path, SET)
    with hbss.open_key(path) as key:
        yield lambda: key.sign(bytes(32))


def round_of(acts: dict[str, Act], times: int) -> dict[str, tuple[float, float]]:
    """The medians of seconds and of processor seconds of every act, in turns."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in acts}
    for _ in range(times):
        for name, act in acts.items():
            start, thread = time.perf_counter(), time.thread_time()
            act()
            found[name].append((time.perf_counter() - start, time.thread_time() - thread))
    return {
        name: (statistics.median(taken for taken, _ in values), statistics.median(used for _, used in values))
        for name, values in found.items()
    }


def commit(folder: Path, rounds: int, times: int) -> Commit:
    """All acts, `times` each in every round."""
    kinds = {"flush": bare_flush, "commit": bare_commit, "reservation": reservation, "signature": signature}
    with ExitStack() as stack:
        acts = {name: stack.enter_context(kind(folder / f"cost-{name}")) for name, kind in kinds.items()}
        round_of(acts, 2)  # the first of everything is slower
        found = [round_of(acts, times) for _ in range(rounds)]
    costs = {
        name: Cost(
            seconds=Spread.of([each[name][0] for each in found]), processor=Spread.of([each[name][1] for each in found])
        )
        for name in kinds
    }
    ratio = Spread.of([each["signature"][0] / each["commit"][0] for each in found])
    slow = costs["commit"]["seconds"].median >= DURABLE
    return Commit(
        flush=costs["flush"], commit=costs["commit"], reservation=costs["reservation"], signature=costs["signature"],
        ratio=ratio, holds=ratio.median <= LIMIT if slow else None,
    )  # fmt: skip
