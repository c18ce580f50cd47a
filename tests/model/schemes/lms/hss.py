"""HSS, 1 to 8 levels of LMS trees (RFC 8554 section 6)."""

from __future__ import annotations

from tests.model.hash import be
from tests.model.params import Set
from tests.model.schemes.lms import lms
from tests.model.schemes.lms.params import BY_CODES, SETS
from tests.model.schemes.lms.tweak import CHILD_I, CHILD_SEED


def sets_of(name: str) -> list[Set]:
    """The levels of an HSS name, top first: LMS names joined by '+'."""
    return [SETS[part] for part in name.split("+")]


def child(parent: lms.Key, q: int, p: Set) -> lms.Key:
    """The tree under leaf q. Its SEED and I come from the parent's, in the manner of appendix A."""
    return lms.Key(p, parent.tweak.derive(q, CHILD_SEED)[: p.n], parent.tweak.derive(q, CHILD_I)[:16])


class Key:
    """A signing key of several levels, top first."""

    def __init__(self, levels: list[Set], seed: bytes, identifier: bytes) -> None:
        self.levels = levels
        self.top = lms.Key(levels[0], seed, identifier)
        self.children: dict[tuple[lms.Key, int], lms.Key] = {}

    def public(self) -> bytes:
        """u32(L) || the top tree's key."""
        return be(len(self.levels), 4) + self.top.public()

    def sign(self, index: int, message: bytes) -> bytes:
        """The signature at an index counted over all lowest leaves (algorithm 8)."""
        key, signed = self.top, b""
        below = sum(p.h for p in self.levels)
        for p in self.levels[1:]:
            below -= key.p.h
            q, index = index >> below, index & ((1 << below) - 1)
            inner = self.children.setdefault((key, q), child(key, q, p))
            signed += key.sign(q, inner.public()) + inner.public()
            key = inner
        return be(len(self.levels) - 1, 4) + signed + key.sign(index, message)


def verify(public: bytes, message: bytes, signature: bytes, sets: lms.Sets = BY_CODES) -> bool:
    """Algorithm 9. The lower types are read from the signature itself."""
    levels, key = int.from_bytes(public[:4], "big"), public[4:]
    lms.read_public(key, sets)
    if not 1 <= levels <= 8 or signature[:4] != be(levels - 1, 4):
        return False
    rest = signature[4:]
    for _ in range(levels - 1):
        length = lms.read_public(key, sets)[0].signature_len
        types = lms.read_types(rest[length:])
        if types not in sets:
            return False
        inner = rest[length:][: sets[types].public_len]
        if len(inner) != sets[types].public_len or not lms.verify(key, inner, rest[:length], sets):
            return False
        key, rest = inner, rest[length + len(inner) :]
    return lms.verify(key, message, rest, sets)
