"""What the kernels of this machine allow: the limit of many signatures, and the model of one.

limit = hash calls that the standard prescribes, of each function, x ns of that function's fastest kernel, lanes full
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from hbss import _native, costs
from hbss.bench import model
from hbss.bench.measure import kernel_ns
from hbss.params import ParameterSet, rows_of

ROUNDS = 5
MANY = 8  # lanes; a processor that has no kernel of so many does what it can with its widest


class Times(NamedTuple):
    """Nanoseconds of the kernels of one function, in the backend in use."""

    best: float
    """A hash call of the fastest kernel, when all its lanes are busy."""
    step: float
    """A hash call in all lanes of the narrowest kernel of many lanes, together."""
    block: float
    """A hash call of the kernel that has one lane, each waiting for the last."""


class Choice(NamedTuple):
    """The numbers of a function's kernels that are measured."""

    best: int
    narrow: int
    single: int


def measured(functions: Iterable[str]) -> dict[str, Times]:
    """The kernels of some functions, measured now."""
    return {function: _measured(function) for function in functions}


def between(before: Mapping[str, Times], after: Mapping[str, Times]) -> dict[str, Times]:
    """The mean of two measurements."""
    return {
        function: Times(*((one + other) / 2 for one, other in zip(times, after[function], strict=True)))
        for function, times in before.items()
    }


def limit(calls: costs.Calls, times: Mapping[str, Times]) -> float:
    """Seconds of so many hash calls in the fastest kernels."""
    return sum(number * times[function].best for function, number in calls.items()) * 1e-9


def one_signature(name: str | ParameterSet, operation: str, times: Mapping[str, Times]) -> float | None:
    """Seconds of signing or verifying by the model of one signature (see `model`); None if there is none."""
    rows = rows_of(name)
    if operation == "verify":
        works = model.verifying(rows, lanes)
    elif operation in ("sign", "sign_api") and rows[0].scheme != "SLH-DSA":
        works = model.signing(rows, lanes)
    else:
        return None
    return model.nanoseconds(works, times, lanes) * 1e-9


def lanes(function: str) -> int:
    """Of the narrowest kernel that has many, as far as there is one."""
    return _native.kernels(function)[choice(function).narrow][1]


@functools.cache
def choice(function: str) -> Choice:
    """Which kernels are measured. The fastest is found by measuring them in turns."""
    listed = _native.kernels(function)
    rounds = [[kernel_ns(function, i, lanes) for i, (_, lanes) in enumerate(listed)] for _ in range(ROUNDS)]
    least = [min(times) for times in zip(*rounds, strict=True)]
    return Choice(least.index(min(least)), narrow([lanes for _, lanes in listed]), len(listed) - 1)


def narrow(lanes: Sequence[int]) -> int:
    """Which of the kernels with so many lanes, widest first, is the narrowest of many."""
    return max([i for i, count in enumerate(lanes) if count >= MANY], default=0)


def _measured(function: str) -> Times:
    chosen, listed = choice(function), _native.kernels(function)
    ns = {i: kernel_ns(function, i, listed[i][1]) for i in {*chosen}}
    return Times(ns[chosen.best], ns[chosen.narrow] * listed[chosen.narrow][1], ns[chosen.single])
