"""LMS, one tree (RFC 8554 section 5). Keys and signatures here are bare, without the HSS header."""

from __future__ import annotations

from collections.abc import Mapping

from tests.model.hash import be
from tests.model.params import Set
from tests.model.schemes.lms.params import BY_CODES
from tests.model.schemes.lms.tweak import RANDOMIZER, LmsTweak
from tests.model.trees import hypertree

Sets = Mapping[tuple[int, int], Set]


class Key:
    """A signing key: everything follows from SEED and I."""

    def __init__(self, p: Set, seed: bytes, identifier: bytes) -> None:
        self.p, self.seed, self.identifier = p, seed, identifier
        self.tweak = LmsTweak(p, identifier, seed)

    def public(self) -> bytes:
        """u32(LMS type) || u32(LM-OTS type) || I || T[1] (section 5.3)."""
        return be(self.p.code, 4) + be(self.p.ots_code, 4) + self.identifier + hypertree.root(self.p, self.tweak)

    def randomizer(self, q: int) -> bytes:
        """C of leaf q, derived and not drawn, so that leaf q always makes the same signature of a message."""
        return self.tweak.derive(q, RANDOMIZER)[: self.p.n]

    def sign(self, q: int, message: bytes) -> bytes:
        """Section 5.4.1."""
        c = self.randomizer(q)
        values = hypertree.sign(self.p, self.tweak, self.tweak.message_digest(q, c, message), 0, q)
        chains, path = values[: self.p.len * self.p.n], values[self.p.len * self.p.n :]
        return be(q, 4) + be(self.p.ots_code, 4) + c + chains + be(self.p.code, 4) + path


def read_types(public: bytes) -> tuple[int, int]:
    """The LMS and LM-OTS type codes that a public key begins with."""
    return int.from_bytes(public[:4], "big"), int.from_bytes(public[4:8], "big")


def read_public(public: bytes, sets: Sets = BY_CODES) -> tuple[Set, bytes, bytes]:
    """The set, I and root of a public key; ValueError if it is none."""
    p = sets.get(read_types(public))
    if p is None or len(public) != p.public_len:
        raise ValueError("not an LMS public key")
    return p, public[8:24], public[24:]


def verify(public: bytes, message: bytes, signature: bytes, sets: Sets = BY_CODES) -> bool:
    """Algorithms 6 and 6a."""
    p, identifier, root = read_public(public, sets)
    if len(signature) != p.signature_len or signature[4:8] != be(p.ots_code, 4):
        return False
    q, c = int.from_bytes(signature[:4], "big"), signature[8 : 8 + p.n]
    chains, rest = signature[8 + p.n :][: p.len * p.n], signature[8 + p.n + p.len * p.n :]
    if rest[:4] != be(p.code, 4) or q >= 1 << p.h:
        return False
    tweak = LmsTweak(p, identifier)
    return hypertree.climb(p, tweak, tweak.message_digest(q, c, message), 0, q, chains + rest[4:]) == root
