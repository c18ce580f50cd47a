"""What keeping state costs: signatures per second by store, opening a key, and a signature beside a bare commit.

Everything is by the clock, as waiting for the disk is what is to be measured: let the machine do nothing else.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from benchmarks import state_commit, state_opening, state_rates
from benchmarks.measure import Machine, machine
from hbss.stores import guards
from hbss.testing.postgres_server import Server, ServerMissing, programs


@dataclass(frozen=True)
class Budget:
    """How much is measured."""

    set: str = "LMS_SHA256_M32_H15_W4"  # hashing it is quick beside a reservation, and its keys are large enough
    leases: tuple[int, ...] = (1, 16, 256)
    signers: tuple[int, ...] = (1, 2, 4)
    rounds: int = 5
    seconds: float = 0.5  # of signing, a cell and round
    trees: tuple[str, ...] = state_opening.TREES
    commits: int = 40  # a round


QUICK = Budget(
    set="LMS_SHA256_M32_H10_W4", leases=(1, 16), rounds=1, seconds=0.05, trees=state_opening.TREES[:2], commits=10
)


class Place(TypedDict):
    """What else must be known of such figures. load: of the last minute, before anything was measured."""

    file_system: str
    processors: int
    load: float
    sqlite: str
    postgresql: str
    set: str


class Found(TypedDict):
    """Everything that was measured."""

    machine: Machine
    place: Place
    rates: list[state_rates.Rate]
    openings: list[state_opening.Opening]
    commit: state_commit.Commit


def measure(parent: Path | None = None, budget: Budget = Budget(), url: str | None = None) -> Found:
    """Measure everything in a new folder of `parent` (default: where temporary files go), which is then removed.

    url: of a PostgreSQL database; by default a server is started beside the keys, if one is installed. "" is for none.
    """
    load = os.getloadavg()[0]
    folder = Path(tempfile.mkdtemp(prefix="hbss-bench-", dir=parent))
    try:
        commit = state_commit.commit(folder, budget.rounds, budget.commits)
        openings = [state_opening.opening(folder, name, budget.rounds) for name in budget.trees]
        with database(folder.parent, url) as (version, used):
            cells = state_rates.cells(budget.leases, budget.signers, postgres=bool(used))
            rates = state_rates.rates(folder, budget.set, cells, budget.rounds, budget.seconds, used)
        place = Place(
            file_system=file_system(folder), processors=os.cpu_count() or 1, load=load, sqlite=sqlite3.sqlite_version,
            postgresql=version, set=budget.set,
        )  # fmt: skip
    finally:
        shutil.rmtree(folder)
    return Found(machine=machine(), place=place, rates=rates, openings=openings, commit=commit)


@contextmanager
def database(parent: Path, url: str | None) -> Iterator[tuple[str, str]]:
    """The version and the URL of a PostgreSQL server, both empty if there is none."""
    try:
        bin = programs() if url is None else None
    except ServerMissing as error:
        print(f"{error}; it is left out")
        url, bin = "", None
    if bin is None:
        yield ("as given" if url else ""), url or ""
        return
    folder = Path(tempfile.mkdtemp(prefix="hbss-bench-pg-", dir=parent))  # the server's user could not get to the keys'
    server = Server(folder, bin)
    try:
        server.initialise()
        server.start()
        yield server.run("postgres", "--version").strip(), server.url()
    finally:
        server.stop()
        shutil.rmtree(folder)


def file_system(folder: Path) -> str:
    """Its type, where the system says."""
    try:
        return guards.filesystem(folder.resolve(), guards.mount_points(Path(guards.MOUNTS).read_text(encoding="utf-8")))
    except OSError:
        return ""
