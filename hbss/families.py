"""What the two families of stateful schemes do differently in a tower of trees, and nothing else.

Layer 0 is the lowest, as in RFC 8391. One global index names the leaves that sign on every layer, its lowest bits those
of layer 0; this holds for HSS too, whose levels RFC 8554 counts from the top.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from hbss._native import Key, wipe
from hbss.message import Bytes
from hbss.params import ParameterSet, index_len, parameter_set
from hbss.stores import ChildSignature
from hbss.treecache import Spot, Tree


class Family(Protocol):
    """How the trees of a tower hang together, and how a signature is put together from theirs."""

    heights: tuple[int, ...]
    """Of each layer, the lowest first."""

    def spot(self, layer: int, tree: int, parent: Spot | None, leaf: int) -> Spot:
        """Where a tree stands, given its parent and the leaf above it (the top tree has none)."""

    def public(self, spot: Spot, root: bytes) -> bytes:
        """What a parent signs for a tree with this root."""

    def sign_tree(self, tree: Tree, leaf: int, public: bytes, root: bytes) -> bytes:
        """A leaf's signature of the tree below it. root: of the leaf's own tree, to be trusted."""

    def sign_message(self, index: int, tree: Tree, leaf: int, parts: Iterable[Bytes], root: bytes) -> bytes:
        """A leaf of layer 0 signs a message, which is read once; InvalidSignature if it does not lead to the root."""

    def randomizer(self, index: int, spot: Spot, leaf: int) -> bytes:
        """What an index signs every message with; it follows from the seeds."""

    def unsigned(self, index: int, spot: Spot, leaf: int) -> bytes:
        """What `sign_message` will return, with zeros for what depends on the message, and for the path."""

    def above(self, inner: list[ChildSignature]) -> bytes:
        """What every signature by a tree of layer 0 shows of it and of those above: of `inner`, the lowest first."""

    def join(self, index: int, lowest: bytes, above: bytes) -> bytes:
        """The whole signature."""


def family(found: ParameterSet, secret: bytes | bytearray, public_seed: bytes, root: bytes | None) -> Family:
    """The tower of a parameter set; `root` is None while the top tree has not been built."""
    return (Hss if found.levels else Xmss)(found, secret, public_seed, root)


def spot_of(tower: Family, layer: int, number: int) -> Spot:
    """Where a tree stands: its seeds may follow from those of all above it."""
    if layer == len(tower.heights) - 1:
        return tower.spot(layer, number, None, 0)
    parent, leaf = divmod(number, 1 << tower.heights[layer + 1])
    return tower.spot(layer, number, spot_of(tower, layer + 1, parent), leaf)


def randomizer_of(tower: Family, index: int) -> bytes:
    """The randomiser of an index, which no tree is needed for."""
    number, leaf = divmod(index, 1 << tower.heights[0])
    return tower.randomizer(index, spot_of(tower, 0, number), leaf)


class Xmss:
    """XMSS and XMSS^MT: one key for all trees, told apart by layer and number (RFC 8391, sections 4.1.9 and 4.2.4)."""

    def __init__(self, found: ParameterSet, secret: bytes | bytearray, public_seed: bytes, root: bytes | None) -> None:
        self.heights = found.heights
        self._key = Key.from_seeds(found.name, secret, public_seed, root)
        self._index_len = index_len(self._key.set)

    def spot(self, layer: int, tree: int, parent: Spot | None, leaf: int) -> Spot:
        """One key, many addresses."""
        return Spot(self._key, layer, tree)

    def public(self, spot: Spot, root: bytes) -> bytes:
        """The root itself is signed."""
        return root

    def sign_tree(self, tree: Tree, leaf: int, public: bytes, root: bytes) -> bytes:
        """Chain values and path; no randomiser, as the root is not hashed again."""
        spot = tree.spot
        return spot.key.sign_leaf(spot.layer, spot.tree, leaf, bytes(spot.n), public, tree.path(leaf))

    def sign_message(self, index: int, tree: Tree, leaf: int, parts: Iterable[Bytes], root: bytes) -> bytes:
        """r, then chain values and path."""
        return self._key.sign_message(index, parts, tree.way(leaf, root))

    def randomizer(self, index: int, spot: Spot, leaf: int) -> bytes:
        """r: RFC 8391, section 4.1.9."""
        return spot.key.randomizer(index)

    def unsigned(self, index: int, spot: Spot, leaf: int) -> bytes:
        """r alone."""
        return self.randomizer(index, spot, leaf) + bytes(spot.key.set.layer_len)

    def above(self, inner: list[ChildSignature]) -> bytes:
        """The layers from the second lowest upwards."""
        return b"".join(each.signature for each in inner)

    def join(self, index: int, lowest: bytes, above: bytes) -> bytes:
        """Index, lowest layer, then upwards."""
        return index.to_bytes(self._index_len, "big") + lowest + above


class Hss:
    """LMS and HSS: every tree has its own seeds, which follow from its parent's (RFC 8554, section 6, appendix A)."""

    def __init__(self, found: ParameterSet, secret: bytes | bytearray, public_seed: bytes, root: bytes | None) -> None:
        self.heights = found.heights[::-1]
        self._names = found.levels[::-1]
        self._sizes = [parameter_set(name).n for name in self._names]
        self._top = Key.from_seeds(self._names[-1], secret, public_seed, root)

    def spot(self, layer: int, tree: int, parent: Spot | None, leaf: int) -> Spot:
        """Its own key, in which it is the only tree."""
        if parent is None:
            return Spot(self._top, 0, 0)
        secret, public_seed = parent.key.child_seeds(leaf, self._names[layer])
        try:
            # its root is not known yet, and nothing but `public` below would ask for it
            return Spot(Key.from_seeds(self._names[layer], secret, public_seed, bytes(self._sizes[layer])), 0, 0)
        finally:
            wipe(secret)

    def public(self, spot: Spot, root: bytes) -> bytes:
        """The LMS public key is signed; its root comes last."""
        return spot.key.public_bytes()[: -spot.n] + root

    def sign_tree(self, tree: Tree, leaf: int, public: bytes, root: bytes) -> bytes:
        """An LMS signature, as of any message."""
        return tree.spot.key.sign_message(leaf, (public,), tree.way(leaf, root))

    def sign_message(self, index: int, tree: Tree, leaf: int, parts: Iterable[Bytes], root: bytes) -> bytes:
        """An LMS signature; C follows from the seed, so that a leaf asked twice says the same."""
        return tree.spot.key.sign_message(leaf, parts, tree.way(leaf, root))

    def randomizer(self, index: int, spot: Spot, leaf: int) -> bytes:
        """C of the lowest tree."""
        return spot.key.randomizer(leaf)

    def unsigned(self, index: int, spot: Spot, leaf: int) -> bytes:
        """q, both types and C."""
        row = spot.key.set
        head = leaf.to_bytes(4, "big") + row.ots_code.to_bytes(4, "big") + self.randomizer(index, spot, leaf)
        values = bytes((row.len1 + row.len2) * row.n)
        return head + values + row.code.to_bytes(4, "big") + bytes(row.h * row.n)

    def above(self, inner: list[ChildSignature]) -> bytes:
        """Number of signed keys, each after its signature from the top down."""
        signed = [part for each in reversed(inner) for part in (each.signature, each.public)]
        return b"".join((len(inner).to_bytes(4, "big"), *signed))

    def join(self, index: int, lowest: bytes, above: bytes) -> bytes:
        """The message's signature comes last."""
        return above + lowest
