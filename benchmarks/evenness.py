"""How even signing is where one subtree ends and the next begins: hash calls and thread CPU time of every signature."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

import hbss
from hbss import _native, costs
from hbss.bench.signers import in_memory

SETS = ("XMSSMT-SHA2_20/2_256", "LMS_SHA256_M32_H10_W4+LMS_SHA256_M32_H10_W4")
TURNS = 2200  # signatures: two ends of subtrees of height 10
QUANTILES = {"p50": 50.0, "p99": 99.0, "p99.9": 99.9, "max": 100.0}


class Evenness(TypedDict):
    """What was measured. hashes, seconds: by the names of QUANTILES; ratio: most hash calls to the median's.

    curve: seconds that so many per cent of the signatures stay below, as pairs.
    """

    set: str
    signatures: int
    hashes: dict[str, float]
    seconds: dict[str, float]
    ratio: float
    curve: list[tuple[float, float]]


def measure(name: str, turns: int = TURNS) -> Evenness:
    """Sign from the first index on, one signature a reservation; once to count, and once to time."""
    with counted() as total:
        hashes = _each(name, turns, total)
    seconds = _each(name, turns, time.thread_time)
    percents = [100 * (1 - 10**-digits) for digits in np.linspace(0, np.log10(turns), 60)]
    return Evenness(
        set=name, signatures=turns, hashes=_quantiles(hashes), seconds=_quantiles(seconds),
        ratio=max(hashes) / float(np.median(hashes)),
        curve=[(float(percent), float(np.percentile(seconds, percent))) for percent in percents],
    )  # fmt: skip


def _each(name: str, turns: int, meter: Callable[[], float]) -> list[float]:
    """By how much every signature of a new key moves a meter; the state is in memory."""
    moved = []
    with tempfile.TemporaryDirectory(prefix="hbss-bench-") as folder:
        path = Path(folder) / "key"
        hbss.create_key(path, name)
        with in_memory(path) as key:
            for i in range(turns):
                message = i.to_bytes(32, "big")
                before = meter()
                key.sign(message)
                moved.append(meter() - before)
    return moved


def _quantiles(values: list[float]) -> dict[str, float]:
    return {name: float(np.percentile(values, percent)) for name, percent in QUANTILES.items()}


@contextmanager
def counted() -> Iterator[Callable[[], float]]:
    """Counts the hash calls that keys are asked for, in any thread, by what the standards prescribe for them."""
    real = {(owner, name): getattr(owner, name) for owner, name in WORK}
    done: list[float] = []

    def counting(owner: type, name: str) -> Callable[..., Any]:
        def method(whose: Any, *arguments: Any) -> Any:
            done.append(WORK[owner, name](whose, *arguments).total)
            return real[owner, name](whose, *arguments)

        return method

    for owner, name in real:
        setattr(owner, name, counting(owner, name))
    try:
        yield lambda: sum(done)
    finally:
        for (owner, name), method in real.items():
            setattr(owner, name, method)


def climbing(row: _native.SetRow) -> costs.Calls:
    """From a leaf's node to the root of its tree."""
    return costs.pieces(row).node * (row.h // row.d)


def checking(row: _native.SetRow, index: int, way: _native.Way) -> costs.Calls:
    """From a leaf's node up to one that the last path has shown."""
    height, last = row.h // row.d, way.pointer
    new = ((index ^ last.seen_leaf) & ((1 << height) - 1)).bit_length() if last.seen else height
    return costs.pieces(row).node * max(1, new)


def signing(row: _native.SetRow) -> costs.Calls:
    """A message, with one leaf."""
    part = costs.pieces(row)
    return part.randomizer + part.message + costs.signing_leaf(row)


def verifying(key: _native.Key) -> costs.Calls:
    """A whole signature, of an HSS whose levels are alike."""
    return costs.split([key.set] * key.levels).verify


Key, Verification = _native.Key, _native.Verification
WORK: dict[tuple[type, str], Callable[..., costs.Calls]] = {
    (Key, "tree"): lambda key, layer, tree, first, height: costs.tree(key.set, height),
    (Key, "parents"): lambda key, *given: costs.pieces(key.set).node * (len(given[-1]) // (2 * key.set.n)),
    (Key, "climb"): lambda key, *_: climbing(key.set),
    (Key, "randomizer"): lambda key, *_: costs.pieces(key.set).randomizer,
    (Key, "digest"): lambda key, *_: costs.pieces(key.set).message,
    (Key, "sign_leaf"): lambda key, *_: costs.signing_leaf(key.set),
    (Key, "sign_message"): lambda key, index, _, way: signing(key.set) + checking(key.set, index, way),
    (Key, "verify"): lambda key, *_: verifying(key),
    (Verification, "finish"): lambda proof, *_: verifying(proof._key),
}
