"""The hashes of LM-OTS and LMS: I || number || tag || value (RFC 8554 sections 4.3, 5.3 and appendix A)."""

from __future__ import annotations

from tests.model.hash import Hash, be
from tests.model.params import Set
from tests.model.trees.tweak import Adrs

D_PBLC, D_MESG, D_LEAF, D_INTR = (be(tag, 2) for tag in (0x8080, 0x8181, 0x8282, 0x8383))
RANDOMIZER, CHILD_SEED, CHILD_I = 0xFFFD, 0xFFFE, 0xFFFF


class LmsTweak:
    """One LMS tree: I, SEED (empty when only verifying) and the height, which numbers the nodes."""

    def __init__(self, p: Set, identifier: bytes, seed: bytes = b"") -> None:
        self.p, self.identifier, self.seed = p, identifier, seed
        self.hash = Hash(p.function, p.n)

    def derive(self, q: int, i: int) -> bytes:
        """Appendix A's pseudorandom value i of leaf q, before it is cut: 32 bytes."""
        return Hash(self.p.function, 32)(self.identifier + be(q, 4) + be(i, 2) + b"\xff" + self.seed)

    def message_digest(self, q: int, randomizer: bytes, message: bytes) -> bytes:
        """Q of algorithm 3, without its checksum."""
        return self.hash(self.identifier + be(q, 4) + D_MESG + randomizer + message)

    def secret(self, at: Adrs, i: int) -> bytes:
        return self.hash(self.identifier + be(at.leaf, 4) + be(i, 2) + b"\xff" + self.seed)

    def step(self, at: Adrs, i: int, j: int, x: bytes) -> bytes:
        return self.hash(self.identifier + be(at.leaf, 4) + be(i, 2) + be(j, 1) + x)

    def one_time_key(self, at: Adrs, ends: list[bytes]) -> bytes:
        """K of algorithm 1."""
        return self.hash(self.identifier + be(at.leaf, 4) + D_PBLC + b"".join(ends))

    def pack(self, at: Adrs, ends: list[bytes]) -> bytes:
        number = (1 << self.p.h) + at.leaf
        return self.hash(self.identifier + be(number, 4) + D_LEAF + self.one_time_key(at, ends))

    def node(self, at: Adrs, left: bytes, right: bytes) -> bytes:
        number = (1 << (self.p.h - at.height)) + at.index
        return self.hash(self.identifier + be(number, 4) + D_INTR + left + right)
