"""Merkle trees over any number of leaves, by RFC 9162 (Certificate Transparency), section 2.1, with SHA-256.

A leaf is hashed as 0x00 || data, two nodes as 0x01 || left || right; a level with an odd node out passes it up
unchanged, which gives the RFC's tree for every size. The hashes of a level are computed side by side.

    tree = [b"first", b"second", b"third"]
    root = merkle.root(tree)
    merkle.verify_inclusion(root, b"third", 2, 3, merkle.inclusion_path(tree, 2))
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from hbss import _native
from hbss.errors import InvalidSignature
from hbss.message import PIECE, view

if TYPE_CHECKING:
    from typing_extensions import Buffer
else:
    Buffer = object

SIZE = 32
_LEAF, _NODE = 0, 1


def leaf_hashes(leaves: Iterable[Buffer]) -> list[bytes]:
    """The hash of every leaf, in order: 32 bytes each."""
    data = [view(leaf, "leaf") for leaf in leaves]
    groups: dict[int, list[int]] = defaultdict(list)
    for i, leaf in enumerate(data):
        groups[len(leaf)].append(i)
    found = [b""] * len(data)
    for length, members in groups.items():
        step = max(1, PIECE // (length or 1))
        for at in range(0, len(members), step):
            some = members[at : at + step]
            hashes = _native.hash_many(_LEAF, b"".join(data[i] for i in some), length, len(some))
            for k, i in enumerate(some):
                found[i] = hashes[SIZE * k : SIZE * (k + 1)]
    return found


def root(leaves: Iterable[Buffer]) -> bytes:
    """The root over these leaves, 32 bytes; over none it is the hash of nothing."""
    hashes = b"".join(leaf_hashes(leaves))
    if not hashes:
        return hashlib.sha256().digest()
    while len(hashes) > SIZE:
        hashes = _parents(hashes)
    return hashes


def inclusion_path(leaves: Iterable[Buffer], index: int) -> list[bytes]:
    """The nodes from leaf `index` to the root, lowest first (section 2.1.3.1). IndexError beyond the leaves."""
    hashes = b"".join(leaf_hashes(leaves))
    size = len(hashes) // SIZE
    if not 0 <= index < size:
        raise IndexError(f"there is no leaf {index} among {size}")
    path = []
    while len(hashes) > SIZE:
        sibling = SIZE * (index ^ 1)
        if sibling < len(hashes):
            path.append(hashes[sibling : sibling + SIZE])
        hashes, index = _parents(hashes), index >> 1
    return path


def verify_inclusion(root: Buffer, leaf: Buffer, index: int, size: int, path: Sequence[Buffer]) -> None:
    """Return if the path leads from `leaf`, the index-th of `size`, to the root (section 2.1.3.2).

    InvalidSignature if it does not, whatever is wrong with it; TypeError for what is not bytes-like.
    """
    wanted, data = bytes(view(root, "root")), view(leaf, "leaf")
    siblings = [bytes(view(node, "path's node")) for node in path]
    if not 0 <= index < size:
        raise InvalidSignature(f"there is no leaf {index} in a tree of {size}")
    node, last = hashlib.sha256(b"\x00" + data).digest(), size - 1
    for sibling in siblings:
        if last == 0 or len(sibling) != SIZE:
            raise InvalidSignature("the path does not lead from this leaf to this root")
        while index == last and not index & 1:  # the odd one out goes up by itself
            index, last = index >> 1, last >> 1
        pair = sibling + node if index & 1 else node + sibling
        node = hashlib.sha256(b"\x01" + pair).digest()
        index, last = index >> 1, last >> 1
    if last or node != wanted:
        raise InvalidSignature("the path does not lead from this leaf to this root")


def _parents(hashes: bytes) -> bytes:
    """The level above; an odd node out stays as it is."""
    pairs = len(hashes) // (2 * SIZE)
    step = PIECE // (2 * SIZE)
    above = []
    for at in range(0, pairs, step):
        count = min(step, pairs - at)
        above.append(_native.hash_many(_NODE, hashes[2 * SIZE * at : 2 * SIZE * (at + count)], 2 * SIZE, count))
    above.append(hashes[2 * SIZE * pairs :])
    return b"".join(above)
