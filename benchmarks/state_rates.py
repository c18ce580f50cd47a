"""Signatures per second: what a store costs, by how many indices a reservation takes and how many processes sign."""

from __future__ import annotations

import itertools
import subprocess
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple, TypedDict

import hbss
from benchmarks.measure import ROOT, Spread

SQLITE, APART, WITNESSED = "SQLite, the key file", "SQLite, another file", "SQLite with a witness"
POSTGRES, MEMORY = "PostgreSQL", "memory, for comparison"


class Cell(NamedTuple):
    """What is measured once a round. A key of its own, so that none runs out."""

    store: str
    lease: int
    signers: int


class Rate(TypedDict):
    """What was measured of one cell. lost: the indices that are burned, at most, when one signer dies."""

    store: str
    lease: int
    signers: int
    per_second: Spread
    lost: int


def cells(leases: Sequence[int], signers: Sequence[int], postgres: bool) -> list[Cell]:
    """Every combination that there is: no two processes share a state in memory."""
    stores = [SQLITE, APART, WITNESSED, *[POSTGRES] * postgres, MEMORY]
    return [Cell(*each) for each in itertools.product(stores, leases, signers) if each[0] != MEMORY or each[2] == 1]


def make_key(path: Path, name: str, store: str, url: str) -> None:
    """A key whose state is in one of the stores; url: of the PostgreSQL database. (Memory comes in the signer.)"""
    hbss.create_key(path, name)
    if store == APART:
        hbss.state.move(path, f"{path}.state")
    if store == POSTGRES:
        hbss.state.move(path, url)
    if store == WITNESSED:
        with warnings.catch_warnings():  # it lies on the key's own disk, so that both commits cost the same
            warnings.simplefilter("ignore", RuntimeWarning)
            hbss.state.witness(path, f"{path}.witness")


@contextmanager
def signer(path: Path, cell: Cell) -> Iterator[subprocess.Popen[str]]:
    """A process that signs."""
    url = ["memory:"] * (cell.store == MEMORY)
    command = [sys.executable, "-m", "benchmarks.state_signer", str(path), str(cell.lease), *url]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            if process.stdin is not None:
                process.stdin.close()


def answer(process: subprocess.Popen[str]) -> str:
    """The next line that a signer says."""
    line = process.stdout.readline() if process.stdout is not None else ""
    if not line:
        raise RuntimeError(f"a signer ended with status {process.wait()}; it has said why")
    return line


def per_second(path: Path, cell: Cell, seconds: float, most: int) -> float:
    """Signatures per second of all signers of a key together, `most` by each of them."""
    with ExitStack() as stack:
        signers = [stack.enter_context(signer(path, cell)) for _ in range(cell.signers)]
        for process in signers:
            answer(process)
        for process in signers:
            if process.stdin is not None:
                process.stdin.write(f"{seconds} {most}\n")
                process.stdin.flush()
        found = [answer(process).split() for process in signers]
    return sum(int(made) / float(taken) for made, taken in found)


def rates(folder: Path, name: str, wanted: Sequence[Cell], rounds: int, seconds: float, url: str) -> list[Rate]:
    """Every cell once a round, so that a slow minute of the machine is not one cell's alone.

    ValueError if keys of this set are too small for that.
    """
    shares = [(hbss.parameter_set(name).capacity - 1) // (rounds * cell.signers) for cell in wanted]  # a signer's
    if any(share < 2 * cell.lease for share, cell in zip(shares, wanted, strict=True)):
        raise ValueError(f"{name} has too few signatures for {rounds} rounds of these reservations")
    found: list[list[float]] = [[] for _ in wanted]
    for turn in range(rounds):
        for number, (cell, share) in enumerate(zip(wanted, shares, strict=True)):
            path = folder / (f"{number}-{turn}.key" if cell.store == MEMORY else f"{number}.key")
            if not path.exists():  # in the first round; and always if the state was in memory, and so died
                make_key(path, name, cell.store, url)
            found[number].append(per_second(path, cell, seconds, share - cell.lease))  # less its first reservation
    return [
        Rate(store=cell.store, lease=cell.lease, signers=cell.signers, per_second=Spread.of(values), lost=cell.lease)
        for cell, values in zip(wanted, found, strict=True)
    ]
