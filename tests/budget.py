"""How much hashing a known answer may cost, and in which run it is then compared byte for byte.

Costs are hash calls (compressions, as in hbss.costs): up to 2^20 on every backend, up to 2^24 on the best one, up to
2^30 and trees of height 20 in the long run, there one key a set (nineteen more by the same code would take hours). What
lies above is verified only, and listed by tests/test_vectors_costs.py.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import pytest

import hbss
from hbss import _native
from tests.vectors import Case

EVERY_BACKEND, BEST_BACKEND, LONG, TALLEST = 1 << 20, 1 << 24, 1 << 30, 20


def signing_cost(name: str) -> int:
    """Hash calls for a key and one signature: every layer's tree once."""
    found = hbss.parameter_set(name)
    return found.keygen_hashes * len(found.heights)


def on_best_backend() -> bool:
    """Whether this run uses the backend that this machine prefers."""
    best = next(name for name, usable in _native.backends().items() if usable)
    return os.environ.get("HBSS_BACKEND") in (None, "", best)


def verified_only(name: str) -> bool:
    """Whether even the long run does not build this set's trees."""
    return signing_cost(name) > LONG and max(hbss.parameter_set(name).heights) > TALLEST


def marks(name: str) -> list[pytest.MarkDecorator]:
    """When a set's keys and signatures are made."""
    cost = signing_cost(name)
    if cost <= EVERY_BACKEND:
        return []
    found = [pytest.mark.skipif(not on_best_backend(), reason="more than 2^20 hash calls: on the best backend only")]
    return found if cost <= BEST_BACKEND else [*found, pytest.mark.long]


def first_or_all(name: str, cases: list[Case]) -> list[Case]:
    """All keys of a set where they are cheap, else the first."""
    return cases if signing_cost(name) <= BEST_BACKEND else cases[:1]


def affordable(names: Iterable[str]) -> list[object]:
    """pytest parameters: every set whose trees are built at all, marked with the run it belongs to."""
    return [pytest.param(name, marks=marks(name)) for name in names if not verified_only(name)]
