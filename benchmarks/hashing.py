"""What `make bench` measures: kernels, operations beside their limits, threads, backends, evenness, memory, peers.

One run, one JSON. Ratios are made of what was measured side by side; a time by itself says little on a shared machine.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TypedDict

import hbss
from benchmarks import child, compare, evenness, kernels
from benchmarks.measure import Machine, Spread, machine
from hbss import _native
from hbss.bench import acts, threads
from hbss.bench.acts import OPERATIONS, Subject
from hbss.bench.run import Figure, Omitted, Tell, figure
from hbss.errors import HbssError

Wanted = tuple[tuple[str, tuple[str, ...]], ...]  # sets and operations

LMS, XMSS = "LMS_SHA256_M32_H10_W8", "XMSS-SHA2_10_256"
SLH_DSA = tuple(found.name for found in hbss.parameter_sets("SLH-DSA"))
LARGE = "LMS_SHA256_M32_H15_W8"
SIZES = (
    "LMS_SHA256_M32_H5_W8", "LMS_SHA256_M24_H10_W8", "LMS_SHA256_M32_H20_W8", "LMS_SHA256_M32_H25_W4",
    "LMS_SHA256_M32_H10_W2", "LMS_SHA256_M32_H5_W8+LMS_SHA256_M32_H5_W8", "XMSS-SHA2_16_256", "XMSS-SHA2_20_256",
    "XMSS-SHA2_10_192", "XMSSMT-SHA2_40/4_256", "XMSSMT-SHA2_60/12_256",
)  # fmt: skip
GROWING = (
    *(f"LMS_SHA256_M32_H{height}_{width}" for width in ("W4", "W8") for height in (5, 10, 15, 20, 25)),
    *(f"XMSS-SHA2_{height}_256" for height in (10, 16, 20)),
)
FULL = acts.Budget()
BRIEF = acts.Budget(seconds=0.2, repeats=3, slice=1 << 22)  # where there are many


@dataclass(frozen=True)
class Budget:
    """How much is measured, and of what. kernels: how often each; turns: signatures; memory: whose key is made."""

    kernels: int = kernels.REPEATS
    full: acts.Budget = FULL
    brief: acts.Budget = BRIEF
    wanted: Wanted = (
        (LMS, OPERATIONS), ("LMS_SHA256_M32_H10_W4", OPERATIONS), (XMSS, OPERATIONS),
        *((name, ("sign_api", "verify", "verify_each")) for name in evenness.SETS),
        *((name, OPERATIONS) for name in SLH_DSA),
    )  # fmt: skip
    sizes: tuple[str, ...] = SIZES
    growing: tuple[str, ...] = GROWING
    backends: Wanted = ((LMS, ("keygen", "verify_each")), (XMSS, ("keygen",)), ("SLH-DSA-SHA2-128s", ("sign",)))
    batches: tuple[int, ...] = tuple(1 << i for i in range(11))
    batched: tuple[str, ...] = (LMS, XMSS, "SLH-DSA-SHA2-128s")
    even: tuple[str, ...] = evenness.SETS
    turns: int = evenness.TURNS
    memory: str = "LMS_SHA256_M32_H20_W4"
    compare: compare.Budget = field(default_factory=compare.Budget)


QUICK = Budget(
    kernels=1, full=acts.QUICK, brief=acts.QUICK,
    wanted=((LMS, ("keygen", "verify")), ("SLH-DSA-SHA2-128f", ("sign",))), sizes=(), growing=GROWING[:2],
    backends=((LMS, ("keygen",)),), batches=(1, 16), batched=(LMS,), even=("XMSSMT-SHA2_20/4_256",), turns=70,
    memory="LMS_SHA256_M32_H5_W4", compare=compare.QUICK,
)  # fmt: skip


class Batch(TypedDict):
    """Seconds a signature in batches of a size."""

    set: str
    size: int
    seconds: Spread


class Found(TypedDict):
    """Everything that was measured. scalar: the portable kernel, and hashlib without vector code; sizes, growing: more
    sets, measured briefly; minutes: the whole run's."""

    machine: Machine
    minutes: float
    kernels: list[kernels.Kernel]
    scalar: list[kernels.Kernel]
    figures: list[Figure]
    skipped: list[Omitted]
    sizes: list[Figure]
    growing: list[Figure]
    threads: list[threads.Gains]
    backends: dict[str, list[Figure]]
    batches: list[Batch]
    evenness: list[evenness.Evenness]
    memory: list[child.Memory]
    compared: compare.Compared


def measure(budget: Budget = Budget(), tell: Tell = print) -> Found:
    """All of it; tell: is given lines of progress."""
    start, skipped = time.monotonic(), list[Omitted]()
    tell("kernels")
    rows, scalar = kernels.kernels(budget.kernels), kernels.portable_and_scalar_openssl(budget.kernels)
    figures = list(figures_of(budget.wanted, budget.full, skipped, tell))
    sizes = list(figures_of(tuple((name, ("verify",)) for name in budget.sizes), budget.brief, skipped, tell))
    growing = list(figures_of(tuple((name, ("keygen",)) for name in budget.growing), budget.brief, skipped, tell))
    tell("two threads")
    with Subject(LARGE, budget.full) as subject:
        gains = [threads.gains(subject, 2)]
    backends = {}
    for backend, supported in _native.backends().items():
        if supported and backend != _native.backend_name():
            tell(f"backend {backend}")
            backends[backend] = child.figures(backend, budget.backends, budget.brief)
    tell("batches")
    batches = list(batches_of(budget))
    tell("evenness")
    even = [evenness.measure(name, budget.turns) for name in budget.even]
    tell(f"memory of {budget.memory}")
    used = child.memory(budget.memory)
    compared = compare.measure(budget.compare, tell)
    return Found(
        machine=machine(), minutes=(time.monotonic() - start) / 60, kernels=rows, scalar=scalar,
        figures=figures, skipped=skipped, sizes=sizes, growing=growing, threads=gains, backends=backends,
        batches=batches, evenness=even, memory=used, compared=compared,
    )  # fmt: skip


def figures_of(wanted: Wanted, budget: acts.Budget, skipped: list[Omitted], tell: Tell) -> Iterator[Figure]:
    """Every operation of every set; what cannot be measured goes to `skipped`."""
    for name, operations in wanted:
        tell(name)
        with Subject(name, budget) as subject:
            for operation in operations:
                try:
                    yield figure(subject, operation)
                except (acts.Skipped, HbssError, OSError) as reason:
                    skipped.append(Omitted(set=name, operation=operation, reason=str(reason)))


def batches_of(budget: Budget) -> Iterator[Batch]:
    """verify_each, by the size of its batch."""
    for name in budget.batched:
        for size in budget.batches:
            with Subject(name, replace(budget.brief, batch=size, messages=min(size, 256))) as subject:
                yield Batch(set=name, size=size, seconds=figure(subject, "verify_each")["seconds"])
