"""The trees of a stateful key that are in use, one a layer, and the order in which a signature comes about.

Two things can make a one-time key sign a second value: an index used again, against which the store stands, and a
tree whose root is not the same as before. So the signature of an inner tree's root is made once, recorded by the store
before anything under it is released, and read from there ever after; and every path is hashed up to its trusted root,
or to a node that an earlier one has led there from.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hbss._native import Key, Verification
from hbss.ahead import Nursery
from hbss.errors import InvalidSignature, StateError
from hbss.families import Family
from hbss.message import Bytes
from hbss.stores import ChildSignature, StateStore, Vouched
from hbss.treecache import CACHE_BYTES, Tree
from hbss.treefolder import TreeFolder

_UNPROVEN = (
    "a signature by this key does not verify: its trees or their recorded signatures are damaged; it was not released, "
    "and its index is used up"
)


@dataclass
class Floor:
    """The tree in use on one layer. `root` is the trusted one, not the tree's own."""

    number: int
    tree: Tree
    root: bytes
    inner: list[ChildSignature]  # of this tree and of those above it, but for the top one
    above: bytes  # the same as a signature shows it
    proven: bool = False  # of the lowest layer: whether a signature by it has been verified whole

    def check(self, leaf: int, path: bytes) -> None:
        """StateError unless a path leads from a leaf's node to the trusted root."""
        if len(path) != self.tree.path_len or self.tree.climb(leaf, path) != self.root:
            raise self.damaged(leaf)

    def damaged(self, leaf: int) -> StateError:
        """What is to be said of a leaf that does not lead to the root."""
        return StateError(
            f"tree {self.number} of a key is damaged: the path of leaf {leaf} does not lead to its root. Nothing was "
            "signed. Close the key and remove its .tree folder: the trees are then built again from the seeds"
        )


class Tower:
    """Signs messages at indices that the caller has reserved, each of them once."""

    def __init__(
        self, family: Family, public: Key, root: bytes, store: StateStore, folder: TreeFolder, *,
        prune: bool = False, limit: int = 0, cache_bytes: int = CACHE_BYTES,
    ) -> None:  # fmt: skip
        """public: the key that verifies; root: its root, which everything is checked against.

        prune: remove trees from the folder once they are used up. limit and cache_bytes: see `Nursery`.
        """
        self._family = family
        self._public = public
        self._root = root
        self._store = store
        self._folder = folder
        self._prune = prune
        self._nursery = Nursery(family, folder, limit, cache_bytes)
        self._floors: dict[int, Floor] = {}
        self._left: dict[int, Floor] = {}  # the last one on each layer: a batch may still have indices of it
        self._resting = range(0)  # the indices whose trees are in use, and that owe nothing to those that come next

    def is_ready(self, index: int) -> bool:
        """Whether the trees for an index are in use."""
        return 0 in self._floors and self._floors[0].number == index >> self._family.heights[0]

    def rests_at(self, index: int) -> bool:
        """Whether the trees for an index are in use, and it owes nothing to those that come next."""
        return index in self._resting

    def load(self, index: int) -> None:
        """Have the trees at hand that an index needs, as far as they are in the folder."""
        self._nursery.load(index)

    def prepare(self, index: int) -> None:
        """Have the trees in use that an index needs: from memory, else from the folder, else built."""
        top = len(self._family.heights) - 1
        self._resting = range(0)  # before anything: what is left by an interrupt must not say that trees are in use
        old, self._floors = self._floors, {}
        for layer in range(top, -1, -1):
            number = index >> sum(self._family.heights[: layer + 1])
            known = [floor for floor in (old.get(layer), self._left.get(layer)) if floor and floor.number == number]
            floor = known[0] if known else self._enter_top() if layer == top else self._enter(layer, number)
            if layer in old and floor is not old[layer]:
                self._left[layer] = old[layer]
            self._floors[layer] = floor

    def get_ready(self, index: int, stop: int) -> None:
        """Prepare for an index, and compute what the indices index .. stop - 1 owe to the trees that come next."""
        if not self.is_ready(index):
            self.prepare(index)
        if index not in self._nursery.resting:
            self._nursery.advance(index, stop, [self._floors[layer].tree for layer in range(len(self._floors))])
        first, size = self._floors[0].number << self._family.heights[0], 1 << self._family.heights[0]
        rest = self._nursery.resting
        self._resting = range(max(first, rest.start), min(first + size, rest.stop))

    def vouchers(self, index: int) -> list[Vouched]:
        """The signatures of the inner trees that an index needs."""
        self.prepare(index)
        floors = self._floors
        return [
            (layer + 1, floors[layer + 1].number, self._leaf_of(layer, floors[layer].number), floors[layer].inner[0])
            for layer in range(len(floors) - 1)
        ]

    def sign(self, index: int, parts: Iterable[Bytes]) -> bytes:
        """The signature of a message at an index that is used up already; StateError if it would not be a good one.

        The message is read once, so the first signature by these trees is verified whole while it is made.
        """
        if not self.is_ready(index):
            self.prepare(index)
        floor, family = self._floors[0], self._family
        leaf = index & ((1 << family.heights[0]) - 1)
        proof = None if floor.proven else self._begin_proof(index, floor, leaf)
        seen = parts if proof is None else proof.watch(parts)
        try:
            lowest = family.sign_message(index, floor.tree, leaf, seen, floor.root)
        except InvalidSignature:
            raise floor.damaged(leaf) from None
        signature = family.join(index, lowest, floor.above)
        if proof is not None:
            self._end_proof(proof, signature)
            floor.proven = True
        return signature

    def _begin_proof(self, index: int, floor: Floor, leaf: int) -> Verification:
        """Of the first signature by these trees: inner signatures were read from the store."""
        unsigned = self._family.join(index, self._family.unsigned(index, floor.tree.spot, leaf), floor.above)
        try:
            return Verification(self._public, unsigned)
        except InvalidSignature:
            raise StateError(_UNPROVEN) from None

    def _end_proof(self, proof: Verification, signature: bytes) -> None:
        try:
            proof.finish(signature)
        except InvalidSignature:
            raise StateError(_UNPROVEN) from None

    # ---- entering a tree

    def _enter_top(self) -> Floor:
        top = len(self._family.heights) - 1
        tree = self._nursery.take(top, 0, self._root)
        if tree.root != self._root:
            raise StateError("the seeds of this key do not lead to its public key: it is damaged and must not sign")
        return Floor(0, tree, self._root, [], self._family.above([]))

    def _enter(self, layer: int, number: int) -> Floor:
        parent = self._floors[layer + 1]
        leaf = self._leaf_of(layer, number)
        tree = self._nursery.take(layer, number)
        vouched = self._vouch(layer, parent, leaf, self._family.public(tree.spot, tree.root))
        if self._prune:
            self._folder.prune(layer, number)
        inner = [vouched, *parent.inner]
        return Floor(number, tree, tree.root, inner, self._family.above(inner))

    def _leaf_of(self, layer: int, number: int) -> int:
        """Which leaf of its parent signs a tree."""
        return number & ((1 << self._family.heights[layer + 1]) - 1)

    def _vouch(self, layer: int, parent: Floor, leaf: int, public: bytes) -> ChildSignature:
        """The parent's one signature of a tree: from the store, or made now and recorded there."""
        vouched = self._store.child(layer + 1, parent.number, leaf)
        if vouched is None:
            parent.check(leaf, parent.tree.path(leaf))
            made = ChildSignature(public, self._family.sign_tree(parent.tree, leaf, public, parent.root))
            vouched = self._store.record_child(layer + 1, parent.number, leaf, made)
        if vouched.public != public:
            raise StateError(
                f"a tree of layer {layer} is not the one that was signed before, and is not signed: that would use a "
                "one-time key twice. Close the key and remove its .tree folder; if this is said again, the key is lost"
            )
        parent.check(leaf, vouched.signature[-parent.tree.path_len :])
        return vouched
