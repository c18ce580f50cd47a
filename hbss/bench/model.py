"""The least time one signature can take, by a model: what depends on what, and which hash calls can share lanes.

    time = sum over the steps that follow one another of  calls x min(rows of lanes x one step, items x one block)

`one step` is a hash call of the narrowest kernel that has many lanes, all of them together (8 or more; with AVX-512 16
for SHA-256, 8 for SHA-512 and Keccak), `one block` a hash call of the kernel that has one lane; in both each call waits
for the last.

The model assumes

* of a one-time key's chains: longest first over the lanes, a free lane takes the next at once, and nothing is lost
  between steps. The number of steps is simulated for random digests and averaged. XMSS's step is its two PRFs and F,
  one after another;
* side by side in lanes: the first values of all chains; the pairs of one level of an XMSS L-tree, with three PRFs each;
  the three PRFs of an XMSS node on the way up; SLH-DSA's k FORS trees, level by level. Whatever is quicker is taken:
  lanes, or one after another;
* one after another on one lane: the randomiser, the message's digest, LMS's K and SLH-DSA's T_len and T_k over all
  chain ends or roots, and every node on the way up in LMS and SLH-DSA;
* layers one after another, from the message up: in XMSS^MT and SLH-DSA there is no other way, as each signs the root
  of the one below. (An HSS signature shows those roots, so its levels could share lanes; the model does not.)

Headers, transposes, copies and calls from Python cost nothing in the model. Other kernels are not in it, though a wider
one may be faster with many chains, and a narrower one with few nodes: a time can then be less than the model's, never
less than the limit. Signing has a model
where trees are cached, which means the stateful schemes; SLH-DSA builds thousands of leaves, which fill any lanes.
"""

from __future__ import annotations

import functools
import heapq
import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from hbss import costs
from hbss._native import SetRow

SAMPLES = 200  # random digests

Lanes = Callable[[str], int]  # of a function's narrowest kernel that has many


class Speed(Protocol):
    """Nanoseconds of a function's kernels."""

    @property
    def step(self) -> float:
        """One hash call in all lanes of the narrowest kernel of many lanes."""

    @property
    def block(self) -> float:
        """One hash call of the kernel that has one lane."""


class Work(NamedTuple):
    """`items` that do not wait for one another, of `calls` hash calls each; and this `times` times, in sequence."""

    function: str
    items: int
    calls: float
    times: int = 1


def nanoseconds(works: Iterable[Work], speeds: Mapping[str, Speed], lanes: Lanes) -> float:
    """How long works take that follow one another."""
    total = 0.0
    for function, items, calls, times in works:
        speed = speeds[function]
        total += times * calls * min(math.ceil(items / lanes(function)) * speed.step, items * speed.block)
    return total


def packed(lengths: Iterable[int], lanes: int) -> int:
    """Steps until the last chain ends: longest first, and a lane that is done takes the next."""
    ends = [0] * lanes
    for length in sorted(lengths, reverse=True):
        heapq.heapreplace(ends, ends[0] + length)
    return max(ends)


@functools.cache
def mean_steps(lg_w: int, len1: int, len2: int, lanes: int, signing: bool) -> float:
    """Steps of a one-time key's chains in lanes, on average over random digests."""
    top, draws, total = (1 << lg_w) - 1, random.Random(0), 0  # noqa: S311 - the same figure every time
    for _ in range(SAMPLES):
        digits = [draws.randrange(top + 1) for _ in range(len1)]
        checksum = sum(top - digit for digit in digits)
        digits += [checksum >> (lg_w * i) & top for i in range(len2)]
        total += packed(digits if signing else [top - digit for digit in digits], lanes)
    return total / SAMPLES


def signing(rows: Sequence[SetRow], lanes: Lanes) -> list[Work]:
    """One signature with all trees at hand; rows: of the levels, top first."""
    row = rows[-1]
    if row.scheme == "SLH-DSA":
        raise ValueError("SLH-DSA has no one-signature model of signing: its trees are built, not cached")
    part = costs.pieces(row)
    first = _works(part.secret, items=row.len1 + row.len2)
    return [*_works(part.randomizer), *_works(part.message), *first, *_chains(row, part.step, lanes, True)]


def verifying(rows: Sequence[SetRow], lanes: Lanes) -> list[Work]:
    """One verification; rows: of the levels, top first."""
    works = _works(costs.pieces(rows[-1]).message)
    if rows[0].scheme == "SLH-DSA":
        works += _forest(rows[0])
    for row, child in zip(rows, [*rows[1:], None], strict=True):
        if child is not None:
            works += _works(costs.pieces(row, child.public_len).message)
        for _ in range(row.d):
            works += [*_chains(row, costs.pieces(row).step, lanes, False), *_pack(row), *_climb(row)]
    return works


# ---- the parts -----------------------------------------------------------------------------------------------------


def _works(calls: costs.Calls, items: int = 1, times: int = 1) -> list[Work]:
    """Calls as costs.pieces has them: of one function, or none."""
    return [Work(function, items, number, times) for function, number in calls.items() if number]


def _chains(row: SetRow, step: costs.Calls, lanes: Lanes, signing: bool) -> list[Work]:
    wide = lanes(row.function)
    steps = mean_steps(row.lg_w, row.len1, row.len2, wide, signing)
    return _works(step * steps, items=wide)  # the simulation has filled the lanes


def _forest(row: SetRow) -> list[Work]:
    part = costs.pieces(row)
    return [*_works(part.step, items=row.k), *_works(part.node, items=row.k, times=row.a), *_works(part.roots)]


def _pack(row: SetRow) -> list[Work]:
    """From chain ends to a leaf."""
    if row.scheme in ("LMS", "SLH-DSA"):
        return _works(costs.pieces(row).pack)
    return [work for pairs in _l_tree(row.len1 + row.len2) for work in _rand_hash(row, pairs)]


def _climb(row: SetRow) -> list[Work]:
    """From a leaf to its root."""
    height = row.h // row.d
    if row.scheme in ("LMS", "SLH-DSA"):
        return _works(costs.pieces(row).node, times=height)
    return _rand_hash(row, 1, height)


def _l_tree(nodes: int) -> Iterator[int]:
    """How many pairs each level of an L-tree has; an odd node goes up as it is (RFC 8391, algorithm 8)."""
    while nodes > 1:
        yield nodes // 2
        nodes = (nodes + 1) // 2


def _rand_hash(row: SetRow, pairs: int, times: int = 1) -> list[Work]:
    """XMSS: three PRFs a pair, then H (RFC 8391, algorithm 7)."""
    prf = costs.xmss_prf(row)
    h = costs.pieces(row).node + prf * -3
    return [*_works(prf, items=3 * pairs, times=times), *_works(h, items=pairs, times=times)]
