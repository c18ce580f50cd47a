"""The operations that are measured, each as a function to call and the hash calls that it stands for."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass

import hbss
from hbss import costs, workers
from hbss.bench import limit, signers
from hbss.params import ParameterSet, parameter_set, rows_of
from hbss.treecache import CACHE_BYTES, Spot, lowest_level
from hbss.units import time

OPERATIONS = ("keygen", "sign", "sign_api", "verify", "verify_each")
CHUNK = 16  # signatures of the public call that are timed together: the smallest key has 31
KEYS = 8  # of a stateful set: each has its own chain lengths on the upper layers
FEW = 16  # signatures of SLH-DSA: making them takes long, and each has so many chains that few are near the average


class Skipped(Exception):
    """An operation of a set is not measured; the text says why."""


@dataclass(frozen=True)
class Budget:
    """How much is measured.

    seconds: of this thread's time for each figure, kernels included, but at least `repeats` measurements. slice: hash
    calls of a tree at most; a larger one is measured by a part of it. patience: seconds that a key for `sign_api` may
    take to make. batch: signatures of `verify_each`. messages: how many are signed.
    """

    seconds: float = 0.5
    repeats: int = 5
    slice: int = 1 << 24
    patience: float = 4.0
    batch: int = 256
    messages: int = 256


DEFAULT = Budget()
QUICK = Budget(seconds=0.0, repeats=1, slice=1 << 18, patience=0.3, batch=32, messages=8)


@dataclass(frozen=True)
class Act:
    """One operation, ready to be timed.

    run: does it `count` times. prepare: is called before and not timed. calls: of one. scale: what a measured time is
    multiplied with. modelled: whether the model of one signature says anything about it. note: what must be said beside
    the figure.
    """

    run: Callable[[], object]
    calls: costs.Calls
    count: int = 1
    scale: float = 1.0
    modelled: bool = False
    prepare: Callable[[], object] | None = None
    note: str = ""


class Subject:
    """A parameter set under measurement: its keys, messages and signatures. Use it in a `with` block."""

    def __init__(self, name: str | ParameterSet, budget: Budget = DEFAULT) -> None:
        self.found, self.budget = parameter_set(name), budget
        self.name = self.found.name
        self.rows = rows_of(self.found)
        self._split = costs.split(self.rows)
        self.functions = {function for calls in self._split for function in calls}
        self._open = ExitStack()
        self.spot = Spot(signers.bare(self.rows[0]), self.rows[0].d - 1, 0)
        self._signers = [signers.signer(self.found) for _ in range(KEYS if self.found.stateful else 1)]
        most = budget.messages if self.found.stateful else min(FEW, budget.messages)
        self.messages = [i.to_bytes(32, "big") for i in range(most)]
        pairs = zip(itertools.cycle(self._signers), self.messages)
        self.signed = [(each.public, data, each.whole(data)) for each, data in pairs]

    def __enter__(self) -> Subject:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def act(self, operation: str) -> Act:
        """One of OPERATIONS; Skipped if it cannot be measured."""
        acts = (self._keygen, self._sign, self._sign_api, self._verify, self._verify_each)
        return dict(zip(OPERATIONS, acts, strict=True))[operation]()

    def batch(self, executor: Executor, least: int = 0) -> Callable[[], object]:
        """verify_each over as many signatures as the budget says, or more: to take at least so many hash calls."""
        size = max(self.budget.batch, math.ceil(least / self._split.verify.total))
        keys, messages, signatures = zip(*itertools.islice(itertools.cycle(self.signed), size), strict=True)
        return lambda: hbss.verify_each(keys, messages, signatures, executor=executor)

    def slice_height(self, most: int) -> int:
        """Of the largest part of the top tree that takes at most so many hash calls, if it is more than a leaf."""
        row, height = self.rows[0], self.found.heights[0]
        while height and costs.tree(row, height).total > most:
            height -= 1
        return height

    # ---- the operations

    def _keygen(self) -> Act:
        height, whole = self.slice_height(self.budget.slice), self.found.heights[0]
        scale = self._split.keygen.total / costs.tree(self.rows[0], height).total
        note = "" if height == whole else f"scaled up from 2^{height} of 2^{whole} leaves"
        spot = self.spot
        return Act(lambda: spot.key.tree(spot.layer, 0, 0, height), self._split.keygen, scale=scale, note=note)

    def _sign(self) -> Act:
        def run() -> None:
            for each, data in zip(itertools.cycle(self._signers), self.messages):
                each.sign(data)

        cached, count = self._split.sign_cached, len(self.messages)
        return Act(run, cached, count, modelled=self.found.stateful, note="in C, trees at hand")

    def _sign_api(self) -> Act:
        if not self.found.stateful:
            private = hbss.generate(self.found)
            return Act(lambda: private.sign(self.messages[0]), self._split.sign_cached, note="PrivateKey.sign")
        trees = sum((costs.tree(row) * row.d for row in self.rows), costs.Calls())
        needed = limit.limit(trees, limit.measured(trees))
        if needed > self.budget.patience:
            raise Skipped(f"making a key takes {time(needed)} or more")
        keys = self._open.enter_context(signers.MemoryKeys(self.found, CHUNK))
        share = self._share()
        note = f"StatefulPrivateKey.sign, state in memory{', with its share of the next trees' if share else ''}"
        calls = self._split.sign_cached + share
        return Act(keys.sign, calls, CHUNK, prepare=keys.prepare, modelled=not share, note=note)

    def _share(self) -> costs.Calls:
        """What a signature does of the trees that later ones need (see `hbss.ahead`), on average."""
        layers = [row for row in reversed(self.rows) for _ in range(row.d)]  # the lowest first
        lowest, share, signatures = layers[0], costs.Calls(), 1
        kept = lowest_level(lowest.n, lowest.h // lowest.d, CACHE_BYTES)
        if kept:  # the part of the tree below the levels that are kept is computed again
            share += costs.tree(lowest, kept) * (1 / (1 << kept))
        for row in layers[:-1]:
            signatures <<= row.h // row.d
            share += costs.tree(row) * (1 / signatures)
        return share

    def _verify(self) -> Act:
        signed = self.signed

        def run() -> None:
            for public, data, signature in signed:
                public.verify(signature, data)

        return Act(run, self._split.verify, len(signed), modelled=True, note="PublicKey.verify")

    def _verify_each(self) -> Act:
        size = self.budget.batch
        return Act(self.batch(workers.Here()), self._split.verify, size, note=f"{size} signatures, one thread")
