"""One tree of a stateful key: built in pieces, kept in memory and in KEY.tree, asked for paths.

A cached tree is public, and its seeds can build it again: a file that is missing or damaged is never a loss, only time.
Nothing here decides what is signed; whoever uses a path hashes it up to the root it trusts.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import struct
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from hbss import files
from hbss._native import Key

MAX_BYTES = 64 << 20  # of kept nodes: all levels of 2^20 leaves of 32 bytes; of larger trees the lowest are left out
PIECE_CALLS = 300_000  # hash calls of one piece at most: milliseconds, so that an interrupt is heard and progress moves
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


def lowest_level(n: int, height: int) -> int:
    """The lowest level that is kept."""
    level = 0
    while ((2 << (height - level)) - 1) * n > MAX_BYTES:
        level += 1
    return level


def piece_height(spot: Spot) -> int:
    """The height of the subtrees in which a tree is built."""
    row = spot.key.set
    calls = ((row.len1 + row.len2) << row.lg_w) * (1 if row.scheme == "LMS" else 3)  # of a leaf
    return max(lowest_level(spot.n, spot.height), min(spot.height, (PIECE_CALLS // calls).bit_length() - 1))


class Tree:
    """The nodes of one tree, from level `base` up: level after level, the root last, n bytes each."""

    def __init__(self, spot: Spot, nodes: bytes | bytearray) -> None:
        self.spot = spot
        self.nodes = nodes
        self.base = lowest_level(spot.n, spot.height)
        self._bottom: tuple[int, bytearray] = (-1, bytearray())  # the subtree below `base` in use, and its number

    @property
    def root(self) -> bytes:
        """The topmost node."""
        return bytes(self.nodes[-self.spot.n :])

    def node(self, level: int, index: int) -> bytes:
        """The index-th node of a level; leaves are level 0."""
        height, n, base = self.spot.height, self.spot.n, self.base
        if level >= base:
            at = _offset(height, base, level) + index
            return bytes(self.nodes[at * n : (at + 1) * n])
        number, within = divmod(index, 1 << (base - level))
        if self._bottom[0] != number:
            self._bottom = (number, self.spot.key.tree(self.spot.layer, self.spot.tree, number << base, base))
        at = _offset(base, 0, level) + within
        return bytes(self._bottom[1][at * n : (at + 1) * n])

    def path(self, leaf: int) -> bytes:
        """The authentication path of a leaf: its sibling and the siblings of all nodes above it, height * n bytes."""
        height, n, nodes = self.spot.height, self.spot.n, self.nodes
        path: list[bytes | bytearray] = [self.node(level, (leaf >> level) ^ 1) for level in range(self.base)]
        first = 0  # of the level; as `node` would find it, but this is in every signature
        for level in range(self.base, height):
            at = (first + ((leaf >> level) ^ 1)) * n
            path.append(nodes[at : at + n])
            first += 1 << (height - level)
        return b"".join(path)

    def climb(self, leaf: int, path: bytes) -> bytes:
        """The root that a leaf of this tree and a path lead to."""
        return self.spot.key.climb(self.spot.layer, self.spot.tree, leaf, self.node(0, leaf), path)


def _offset(height: int, base: int, level: int) -> int:
    """How many nodes stand before a level, where the levels from `base` to `height` follow one another."""
    return (2 << (height - base)) - (2 << (height - level))


# ---- building ------------------------------------------------------------------------------------------------------


def build(spot: Spot, report: Report | None = None) -> Tree:
    """Compute a whole tree; 2^height leaves are reported as they get done."""
    return Building(spot).finish(report)


class Building:
    """A tree that is being built: its nodes so far, and which pieces are in place."""

    def __init__(self, spot: Spot) -> None:
        self.spot = spot
        self.base = lowest_level(spot.n, spot.height)
        self.piece = piece_height(spot)
        self._nodes = bytearray(((2 << (spot.height - self.base)) - 1) * spot.n)
        self._placed = bytearray(1 << (spot.height - self.piece))

    @property
    def piece_len(self) -> int:
        """Bytes of a piece: its nodes from level `base` up to its root."""
        return ((2 << (self.piece - self.base)) - 1) * self.spot.n

    @property
    def done(self) -> int:
        """How many leaves are in place."""
        return sum(self._placed) << self.piece

    def place(self, first: int, piece: bytes | bytearray) -> None:
        """Put a piece in its place; `first` is the number of its first leaf."""
        n = self.spot.n
        for level in range(self.base, self.piece + 1):
            start = _offset(self.piece, self.base, level)
            count = 1 << (self.piece - level)
            at = _offset(self.spot.height, self.base, level) + (first >> level)
            self._nodes[at * n : (at + count) * n] = piece[start * n : (start + count) * n]
        self._placed[first >> self.piece] = 1

    def finish(self, report: Report | None = None, keep: Keep | None = None) -> Tree:
        """Compute the pieces that are missing, and all nodes above; `keep` is given every new piece."""
        missing = [number << self.piece for number, placed in enumerate(self._placed) if not placed]
        for first, subtree in _subtrees(self.spot, missing, self.piece):
            piece = subtree[-self.piece_len :]
            self.place(first, piece)
            if keep is not None:
                keep(first, piece)
            if report is not None:
                report(1 << self.piece)
        for level in range(self.piece + 1, self.spot.height + 1):
            _fill_level(self._nodes, self.spot, self.base, level)
        return Tree(self.spot, self._nodes)


def is_sound(tree: Tree) -> bool:
    """Compute a tree's nodes again: every one above its lowest level, and of the lowest a few, from the seeds."""
    spot, base = tree.spot, tree.base
    lowest = 1 << (spot.height - base)
    again = bytearray(tree.nodes[: lowest * spot.n]).ljust(len(tree.nodes), b"\0")
    for level in range(base + 1, spot.height + 1):
        _fill_level(again, spot, base, level)
    return again == tree.nodes and all(
        spot.key.tree(spot.layer, spot.tree, index << base, base)[-spot.n :] == tree.node(base, index)
        for index in random.sample(range(lowest), min(SAMPLE, max(1, lowest // 256)))
    )


def _fill_level(nodes: bytearray, spot: Spot, base: int, level: int) -> None:
    height, n = spot.height, spot.n
    below, here = _offset(height, base, level - 1), _offset(height, base, level)
    for index in range(0, 1 << (height - level), MAX_PARENTS):
        count = min(MAX_PARENTS, (1 << (height - level)) - index)
        children = nodes[(below + 2 * index) * n : (below + 2 * (index + count)) * n]
        parents = spot.key.parents(spot.layer, spot.tree, level, index, children)
        nodes[(here + index) * n : (here + index + count) * n] = parents


def _subtrees(spot: Spot, firsts: Sequence[int], height: int) -> Iterator[tuple[int, bytearray]]:
    """Subtrees of one height with their first leaves, in order, computed by as many threads as there are CPUs."""
    if len(firsts) == 1:
        yield firsts[0], spot.key.tree(spot.layer, spot.tree, firsts[0], height)
        return
    workers = os.cpu_count() or 1
    waiting: deque[tuple[int, Future[bytearray]]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="hbss-tree")
    try:
        for first in firsts:
            waiting.append((first, pool.submit(spot.key.tree, spot.layer, spot.tree, first, height)))
            if len(waiting) > 2 * workers:
                done, future = waiting.popleft()
                yield done, future.result()
        for done, future in waiting:
            yield done, future.result()
    finally:
        pool.shutdown(cancel_futures=True)


# ---- on the disk ---------------------------------------------------------------------------------------------------

_HEADER = struct.Struct(">8sI32s32sIQ32s")
_MAGIC = b"hbsstree"
_VERSION = 1


class TreeFolder:
    """KEY.tree: one file a tree. `identity` is 32 bytes that name the key."""

    def __init__(self, path: Path, identity: bytes) -> None:
        self.path = path
        self._identity = identity

    def load(self, spot: Spot, layer: int, number: int) -> Tree | None:
        """A tree, if its file is there, whole, and of this key."""
        try:
            data = self._file(layer, number).read_bytes()
        except OSError:
            return None
        header, nodes = data[: _HEADER.size], data[_HEADER.size :]
        kept = (2 << (spot.height - lowest_level(spot.n, spot.height))) - 1
        if len(nodes) != kept * spot.n or header != self._header(spot, layer, number, nodes):
            return None
        return Tree(spot, nodes)

    def save(self, tree: Tree, layer: int, number: int) -> None:
        """Write a tree; OSError if that fails."""
        self.path.mkdir(exist_ok=True)
        with files.written(self._file(layer, number)) as file:
            file.write(self._header(tree.spot, layer, number, tree.nodes))
            file.write(tree.nodes)

    def prune(self, layer: int, number: int) -> None:
        """Remove the trees of a layer that come before this one: no signature will need them again."""
        for file in self.path.glob(f"{layer}-*.nodes"):
            with suppress(ValueError, OSError):
                if int(file.stem.partition("-")[2]) < number:
                    file.unlink()

    def remove(self) -> None:
        """Remove all trees."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _file(self, layer: int, number: int) -> Path:
        return self.path / f"{layer}-{number}.nodes"

    def _header(self, spot: Spot, layer: int, number: int, nodes: bytes | bytearray) -> bytes:
        name, digest = spot.key.set.name.encode(), hashlib.sha256(nodes).digest()
        return _HEADER.pack(_MAGIC, _VERSION, name, self._identity, layer, number, digest)
