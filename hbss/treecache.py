"""One tree of a stateful key: built in pieces, kept in memory as far as a budget allows, asked for paths.

A tree is public, and its seeds can build it again: what is missing or damaged is never a loss, only time. Nothing here
decides what is signed; whoever uses a path hashes it up to the root it trusts, or to a node that has led there.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from itertools import chain
from typing import NamedTuple

from hbss import workers
from hbss._native import Key, Way

CACHE_BYTES = 4 << 20  # of the kept nodes of one tree, unless the user says otherwise
PIECE_CALLS = 300_000  # hash calls of one call into C at most: milliseconds, so that an interrupt is heard
THREAD_CALLS = 4 * PIECE_CALLS  # of a task of a thread: its way there and back costs a hundredth of it
TASK_CALLS = 100_000_000  # of a task that is sent to another process: about a second
LEAST_TASKS = 64  # of a tree, unless it has fewer pieces: threads get done together, and many workers have work
MAX_PARENTS = 1 << 14  # parents computed by one call
SAMPLE = 16  # nodes of a finished tree that are computed again from the seeds, at most

Report = Callable[[int], None]  # is told how many more leaves are done
Keep = Callable[[int, bytearray], None]  # is given the first leaf and the nodes of a finished piece


class Spot(NamedTuple):
    """Where a tree stands: its expanded key, and its place in that key's addresses."""

    key: Key
    layer: int
    tree: int

    @property
    def height(self) -> int:
        """Of the tree: it has 2^height leaves."""
        return self.key.set.h // self.key.set.d

    @property
    def n(self) -> int:
        """Bytes of a node."""
        return self.key.set.n


def lowest_level(n: int, height: int, cache_bytes: int) -> int:
    """The lowest level of a tree that is kept, so that its nodes take `cache_bytes` at most.

    It is never above the middle: from there on the subtrees below it, which signing computes again, take more memory
    than the levels that are left out.
    """
    level = 0
    while ((2 << (height - level)) - 1) * n > cache_bytes and level < height // 2:
        level += 1
    return level


def call_height(spot: Spot) -> int:
    """The height of the largest subtree that is computed by one call into C."""
    return min(spot.height, (PIECE_CALLS // leaf_calls(spot)).bit_length() - 1)


def leaf_calls(spot: Spot) -> int:
    """About how many hash calls a leaf takes."""
    row = spot.key.set
    return ((row.len1 + row.len2) << row.lg_w) * (1 if row.scheme == "LMS" else 3)


def offset(height: int, base: int, level: int) -> int:
    """How many nodes stand before a level, where the levels from `base` to `height` follow one another."""
    return (2 << (height - base)) - (2 << (height - level))


class Nodes:
    """Room for the nodes over the leaves first .. first + 2^height - 1 of a tree, from level `base` up.

    `data` has them level after level, the topmost last, n bytes each.
    """

    def __init__(self, spot: Spot, first: int, height: int, base: int) -> None:
        self.spot, self.first, self.height, self.base = spot, first, height, base
        self.data = bytearray(((2 << (height - base)) - 1) * spot.n)

    def put(self, first: int, height: int, nodes: bytes | bytearray) -> None:
        """Put in a subtree: its nodes, from level `base` up."""
        n = self.spot.n
        for level in range(self.base, height + 1):
            start, count = offset(height, self.base, level), 1 << (height - level)
            at = self._at(level, first >> level)
            self.data[at * n : (at + count) * n] = nodes[start * n : (start + count) * n]

    def join(self, level: int, index: int) -> None:
        """Compute a node from its children, which are there."""
        (spot, n), at = (self.spot, self.spot.n), self._at(level, index)
        below = self._at(level - 1, 2 * index)
        children = self.data[below * n : (below + 2) * n]
        self.data[at * n : (at + 1) * n] = spot.key.parents(spot.layer, spot.tree, level, index, children)

    def _at(self, level: int, index: int) -> int:
        return offset(self.height, self.base, level) + index - (self.first >> level)


class Subtree:
    """All nodes over the leaves first .. first + 2^height - 1 of a tree, computed a few leaves at a time."""

    def __init__(self, spot: Spot, first: int, height: int) -> None:
        self.spot, self.first, self.height = spot, first, height
        self.done = 0  # leaves
        self._nodes = Nodes(spot, first, height, 0)

    @property
    def nodes(self) -> bytearray:
        """Level after level, leaves first."""
        return self._nodes.data

    @property
    def missing(self) -> int:
        """How many leaves are not there yet."""
        return (1 << self.height) - self.done

    def grow(self, count: int) -> None:
        """Compute the next `count` leaves, or all that are missing, and every node above that they complete."""
        spot, most = self.spot, call_height(self.spot)
        count = min(count, self.missing)
        while count > 0:
            at = self.first + self.done
            height = min(most, count.bit_length() - 1, ((at & -at) or 1 << self.height).bit_length() - 1)
            self._nodes.put(at, height, spot.key.tree(spot.layer, spot.tree, at, height))
            level, index = height, at >> height
            while index & 1 and level < self.height:
                level, index = level + 1, index >> 1
                self._nodes.join(level, index)
            self.done += 1 << height
            count -= 1 << height

    def lowest(self, height: int) -> bytearray:
        """The nodes of the first subtree of a lower height."""
        n, starts = self.spot.n, [offset(self.height, 0, level) for level in range(height + 1)]
        return bytearray().join(
            self.nodes[start * n : (start + (1 << (height - level))) * n] for level, start in enumerate(starts)
        )


def subtree(spot: Spot, first: int, height: int) -> bytearray:
    """All nodes over the leaves first .. first + 2^height - 1: leaves first, the topmost last."""
    found = Subtree(spot, first, height)
    found.grow(found.missing)
    return found.nodes


class Tree:
    """The nodes of one tree, from some level `base` up: level after level, the root last, n bytes each.

    What lies below is computed again: the bottom subtree that a path begins in. One may be given ahead of its use.
    """

    def __init__(self, spot: Spot, nodes: bytes | bytearray) -> None:
        self.spot = spot
        self.nodes = nodes
        self.base = base_of(spot, len(nodes))
        self.height, self._n = spot.height, spot.n
        self.bottoms: dict[int, bytearray] = {}  # by number: the next one, and a few that were used last
        self._starts = [offset(self.height, self.base, level) * self._n for level in range(self.base, self.height + 1)]
        self.path_len = spot.height * spot.n
        self._way: Way | None = None

    @property
    def root(self) -> bytes:
        """The topmost node."""
        return bytes(self.nodes[-self._n :])

    def node(self, level: int, index: int) -> bytes | bytearray:
        """The index-th node of a level; leaves are level 0."""
        n, base = self._n, self.base
        if level >= base:
            at = self._starts[level - base] + index * n
            return self.nodes[at : at + n]
        number, index = divmod(index, 1 << (base - level))
        at = (offset(base, 0, level) + index) * n
        return self._bottom(number)[at : at + n]

    def path(self, leaf: int) -> bytes:
        """The authentication path of a leaf: its sibling and the siblings of all nodes above it, height * n bytes."""
        return b"".join(self.node(level, (leaf >> level) ^ 1) for level in range(self.height))

    def way(self, leaf: int, root: bytes) -> Way:
        """For C to sign with a leaf, given the root that is trusted, until the next leaf is asked for."""
        way = self._way
        if way is None or way.root is not root:  # who does not keep the root, but asks for it again, shares no way
            way = self._way = Way(self.spot.key, self.base, self.nodes, root)
        if self.base:
            way.begin_in(self._bottom(leaf >> self.base))
        return way

    def climb(self, leaf: int, path: bytes) -> bytes:
        """The root that a leaf of this tree and a path lead to."""
        return self.spot.key.climb(self.spot.layer, self.spot.tree, leaf, self.node(0, leaf), path)

    def _bottom(self, number: int) -> bytearray:
        if number not in self.bottoms:
            self.bottoms[number] = subtree(self.spot, number << self.base, self.base)
        if len(self.bottoms) > 4:
            del self.bottoms[min(self.bottoms.keys() - {number})]
        return self.bottoms[number]


def base_of(spot: Spot, length: int) -> int:
    """The lowest level of a tree whose nodes take `length` bytes; ValueError if no tree's do."""
    base = spot.height + 1 - (length // spot.n).bit_length()
    if not 0 <= base <= spot.height or length != ((2 << (spot.height - base)) - 1) * spot.n:
        raise ValueError(f"the nodes of a tree of height {spot.height} do not take {length} bytes")
    return base


# ---- building ------------------------------------------------------------------------------------------------------


def build(spot: Spot, report: Report | None = None, cache_bytes: int = CACHE_BYTES) -> Tree:
    """Compute a whole tree; 2^height leaves are reported as they get done."""
    return Building(spot, cache_bytes).finish(report)


class Building:
    """A tree that is being built: its nodes so far, and which of them are in place."""

    def __init__(self, spot: Spot, cache_bytes: int = CACHE_BYTES) -> None:
        self.spot = spot
        self.base = lowest_level(spot.n, spot.height, cache_bytes)
        self.piece = max(self.base, call_height(spot))
        self._nodes = Nodes(spot, 0, spot.height, self.base)
        self._placed = bytearray(2 << (spot.height - self.piece))  # as in a heap: the root is 1, 2i and 2i + 1 below i

    @property
    def piece_len(self) -> int:
        """Bytes of a piece: its nodes from level `base` up to its root."""
        return ((2 << (self.piece - self.base)) - 1) * self.spot.n

    @property
    def done(self) -> int:
        """How many leaves are in place."""
        return self._placed.count(1, len(self._placed) // 2) << self.piece

    def place(self, first: int, piece: bytes | bytearray) -> None:
        """Put a piece in its place, and compute what it completes; `first` is the number of its first leaf."""
        self._nodes.put(first, self.piece, piece)
        level, index = self.piece, first >> self.piece
        at = len(self._placed) // 2 + index
        self._placed[at] = 1
        while at > 1 and self._placed[at ^ 1]:
            level, index, at = level + 1, index >> 1, at >> 1
            self._nodes.join(level, index)
            self._placed[at] = 1

    def finish(self, report: Report | None = None, keep: Keep | None = None, executor: Executor | None = None) -> Tree:
        """Compute the pieces that are missing; `keep` is given every new one.

        An executor that is not made of threads is sent the spot: its key must be one that can be pickled.
        """
        half = len(self._placed) // 2
        missing = [number << self.piece for number in range(half) if not self._placed[half + number]]
        share = self._share(len(missing), THREAD_CALLS if workers.is_local(executor) else TASK_CALLS)
        tasks = ((self.spot, missing[i : i + share], self.piece, self.piece_len) for i in range(0, len(missing), share))
        if executor is None and len(missing) <= share:
            executor = workers.Here()
        with workers.pool(executor) as pool:
            for first, piece in chain.from_iterable(workers.finished(pool, pieces, tasks)):
                self.place(first, piece)
                if keep is not None:
                    keep(first, piece)
                if report is not None:
                    report(1 << self.piece)
        return Tree(self.spot, self._nodes.data)

    def _share(self, missing: int, calls: int) -> int:
        """How many pieces a task gets: not much more than so many hash calls, and something for everybody."""
        return max(1, min(calls // (leaf_calls(self.spot) << self.piece), missing // LEAST_TASKS))


def pieces(spot: Spot, firsts: Sequence[int], height: int, length: int) -> list[tuple[int, bytearray]]:
    """The subtrees over these first leaves, each cut to its last `length` bytes: a task of one worker."""
    return [(first, subtree(spot, first, height)[-length:]) for first in firsts]


def is_sound(tree: Tree) -> bool:
    """Compute a tree's nodes again: every one above its lowest level, and of the lowest a few, from the seeds."""
    spot, base = tree.spot, tree.base
    lowest = 1 << (spot.height - base)
    return all(_agrees(tree, level) for level in range(base + 1, spot.height + 1)) and all(
        subtree(spot, index << base, base)[-spot.n :] == tree.node(base, index)
        for index in random.sample(range(lowest), min(SAMPLE, max(1, lowest // 256)))
    )


def _agrees(tree: Tree, level: int) -> bool:
    """Whether the nodes of a level are those that their children lead to."""
    spot, n, nodes = tree.spot, tree.spot.n, memoryview(tree.nodes)
    below, here = (offset(spot.height, tree.base, each) for each in (level - 1, level))
    for index in range(0, 1 << (spot.height - level), MAX_PARENTS):
        count = min(MAX_PARENTS, (1 << (spot.height - level)) - index)
        children = nodes[(below + 2 * index) * n : (below + 2 * (index + count)) * n]
        parents = spot.key.parents(spot.layer, spot.tree, level, index, children)
        if parents != nodes[(here + index) * n : (here + index + count) * n]:
            return False
    return True
