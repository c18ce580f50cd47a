"""What a tree knows about hashing: an address made of numbers, and four verbs. Only a scheme turns them into bytes."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Adrs:
    """Where in the tower of trees: which tree, which leaf, which inner node."""

    layer: int = 0
    tree: int = 0
    leaf: int = 0
    height: int = 0
    index: int = 0


class Tweak(Hashable, Protocol):
    """A scheme's hashing under one key."""

    def secret(self, at: Adrs, i: int) -> bytes:
        """The first value of chain i."""

    def step(self, at: Adrs, i: int, j: int, x: bytes) -> bytes:
        """Step j of chain i: value j + 1 from value j."""

    def pack(self, at: Adrs, ends: list[bytes]) -> bytes:
        """A leaf from its chain ends."""

    def node(self, at: Adrs, left: bytes, right: bytes) -> bytes:
        """The node at (at.height, at.index) from its children."""
