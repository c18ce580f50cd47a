"""Where the trees of a tower come from, and what is computed for them ahead of their use.

Every signature does a share of the next tree of each layer: when the tree in use has signed with half of its leaves,
half of the next one is there, and no signature has to compute a whole tree. The same holds for the bottom subtrees of
a large tree. Nothing here signs, reserves or records: work that comes to nothing costs time and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from hbss.families import Family, spot_of
from hbss.treecache import Building, Spot, Subtree, Tree, build, lowest_level
from hbss.treefolder import TreeFolder

Place = tuple[int, int]  # layer, number of the tree in it


class NextTree:
    """A tree that grows from its first leaf to its last, piece by piece."""

    def __init__(self, spot: Spot, cache_bytes: int) -> None:
        self._building = Building(spot, cache_bytes)
        self._piece = Subtree(spot, 0, self._building.piece)
        self._bottom = bytearray()  # its first, once there

    @property
    def missing(self) -> int:
        """How many leaves are not there yet."""
        return (1 << self._piece.spot.height) - self._piece.first - self._piece.done

    def grow(self, count: int) -> None:
        """Compute the next `count` leaves, or all that are missing."""
        while count > 0 and self.missing:
            step = min(count, self._piece.missing)
            self._piece.grow(step)
            count -= step
            if not self._piece.missing:
                self._place(self._piece)

    def finish(self) -> Tree:
        """The whole tree, computed as far as it is missing."""
        self.grow(self._piece.missing)
        tree = self._building.finish()
        if tree.base:
            tree.bottoms[0] = self._bottom
        return tree

    def _place(self, piece: Subtree) -> None:
        if piece.first == 0:
            self._bottom = piece.lowest(self._building.base)
        self._building.place(piece.first, piece.nodes[-self._building.piece_len :])
        if self.missing:
            self._piece = Subtree(piece.spot, piece.first + (1 << piece.height), piece.height)


_Work = TypeVar("_Work", NextTree, Subtree)


@dataclass
class Share(Generic[_Work]):
    """Work that the indices from `at` to `end` do together, each its part."""

    work: _Work
    at: int
    end: int

    def advance(self, stop: int) -> bool:
        """Do what the indices before `stop` owe, as far as it was not done; whether nothing is missing any more."""
        stop = min(stop, self.end)
        missing = self.work.missing
        if stop > self.at and missing:
            later = -(-missing * (self.end - stop) // (self.end - self.at))  # rounded up: what is owed falls due late
            if later < missing:
                self.work.grow(missing - later)
                self.at = stop
        return not self.work.missing


class Nursery:
    """The trees of a tower that are not in use: they wait in memory, grow there, lie in the folder, or are built."""

    def __init__(self, family: Family, folder: TreeFolder, limit: int, cache_bytes: int) -> None:
        """limit: where the signer's indices end; nothing is computed ahead for those from there on.

        cache_bytes: of memory that the kept nodes of one tree may take.
        """
        self._family, self._folder = family, folder
        self._limit, self._cache_bytes = limit, cache_bytes
        self._waiting: dict[Place, Tree] = {}
        self._trees: dict[Place, Share[NextTree]] = {}
        self._bottoms: dict[tuple[Place, int], tuple[Tree, Share[Subtree]]] = {}
        self._planned = range(0)  # the indices for which these are as they have to be

    def load(self, index: int) -> None:
        """Have the trees wait that an index needs, if they are in the folder; none is built."""
        below = 0
        for layer, height in enumerate(self._family.heights):
            leaf = (index >> below) & ((1 << height) - 1)
            below += height
            tree = self._load(layer, index >> below)
            if tree is not None:
                tree.path(leaf)  # for the bottom subtree that it begins in
                self._waiting[layer, index >> below] = tree

    def take(self, layer: int, number: int, root: bytes | None = None) -> Tree:
        """A tree that is needed now, computed as far as it is missing. root: of a tree that is not built anew."""
        self._planned = range(0)
        tree = self._waiting.pop((layer, number), None) or self._load(layer, number)
        if tree is not None and root in (None, tree.root):
            return tree
        growing = self._trees.pop((layer, number), None)
        if growing:
            tree = growing.work.finish()
        else:
            tree = build(spot_of(self._family, layer, number), cache_bytes=self._cache_bytes)
        self._save(tree, layer, number)
        return tree

    @property
    def resting(self) -> range:
        """The indices for which nothing is to be done."""
        return range(0) if self._trees or self._bottoms else self._planned

    def advance(self, index: int, stop: int, trees: Sequence[Tree]) -> None:
        """Do what the indices index .. stop - 1 owe to the trees that follow those in use, given lowest first."""
        if index < self._planned.start:
            return  # a batch that others have overtaken
        if index not in self._planned:
            self._plan(index, trees)
        for (layer, number), share in list(self._trees.items()):
            if share.advance(stop):
                tree = self._waiting[layer, number] = share.work.finish()
                del self._trees[layer, number]
                self._save(tree, layer, number)
        for (place, bottom), (tree, part) in list(self._bottoms.items()):
            if part.advance(stop):
                tree.bottoms[bottom] = part.work.nodes
                del self._bottoms[place, bottom]

    # ---- what comes next

    def _plan(self, index: int, trees: Sequence[Tree]) -> None:
        """Begin what comes after the trees in use; keep of what was begun what is still wanted."""
        waiting, growing, bottoms = self._waiting, self._trees, self._bottoms
        self._waiting, self._trees, self._bottoms = {}, {}, {}
        ends, below = [], 0
        for layer, tree in enumerate(trees):
            leaves, below = below, below + tree.height  # index >> leaves numbers leaves, index >> below trees
            place, end = (layer, (index >> below) + 1), _next_multiple(index, below)
            if layer < len(trees) - 1 and end < self._limit:
                found = waiting.get(place) or self._load(*place)
                if found is not None:
                    self._waiting[place] = found
                else:
                    self._trees[place] = growing.get(place) or Share(
                        NextTree(spot_of(self._family, *place), self._cache_bytes), index, end
                    )
            if tree.base:
                last, end = end, _next_multiple(index, leaves + tree.base)
                following = tree if end < last else self._waiting.get(place)  # one that grows has its own
                bottom = ((end >> leaves) & ((1 << tree.height) - 1)) >> tree.base
                if following is not None and bottom not in following.bottoms and end < self._limit:
                    part = Subtree(following.spot, bottom << following.base, following.base)
                    begun = bottoms.get((place, bottom))
                    self._bottoms[place, bottom] = begun or (following, Share(part, index, end))
            ends.append(end)
        self._planned = range(index, min(ends))

    # ---- the folder

    def _load(self, layer: int, number: int) -> Tree | None:
        spot = spot_of(self._family, layer, number)
        return self._folder.load(spot, layer, number, lowest_level(spot.n, spot.height, self._cache_bytes))

    def _save(self, tree: Tree, layer: int, number: int) -> None:
        with suppress(OSError):  # the folder only saves time
            self._folder.save(tree, layer, number)


def _next_multiple(index: int, exponent: int) -> int:
    """The next index above this one that is a multiple of 2^exponent."""
    return ((index >> exponent) + 1) << exponent
