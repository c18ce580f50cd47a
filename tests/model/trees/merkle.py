"""Merkle trees: all levels, a path, and the climb from a leaf to the root, whatever the leaves are."""

from __future__ import annotations

from collections.abc import Callable

Node = Callable[[int, int, bytes, bytes], bytes]  # (height, index, left, right) -> parent


def levels(leaves: list[bytes], node: Node, offset: int = 0) -> list[list[bytes]]:
    """Every level of the tree over `leaves`, leaves first, root last. `offset` is the number of the first leaf."""
    found = [leaves]
    while len(found[-1]) > 1:
        height, below = len(found), found[-1]
        first = offset >> height
        found.append([node(height, first + i, below[2 * i], below[2 * i + 1]) for i in range(len(below) // 2)])
    return found


def path(tree: list[list[bytes]], leaf: int) -> list[bytes]:
    """The authentication path of a leaf: its sibling on each level below the root."""
    return [tree[height][(leaf >> height) ^ 1] for height in range(len(tree) - 1)]


def climb(leaf: int, x: bytes, siblings: list[bytes], node: Node, offset: int = 0) -> bytes:
    """The root that leaf number `leaf` with value x and its path lead to. `offset` as in `levels`."""
    for height, sibling in enumerate(siblings, 1):
        left, right = (sibling, x) if leaf & 1 else (x, sibling)
        leaf >>= 1
        x = node(height, (offset >> height) + leaf, left, right)
    return x
