"""The hashes of XMSS and XMSS^MT: F, H, H_msg and PRF, each with its own prefix, keys and masks from the address.

RFC 8391 sections 2.5, 4.1 and 5.1; SP 800-208 sections 5 (n = 24) and 6.2 (PRF_keygen).
"""

from __future__ import annotations

from collections.abc import Callable

from tests.model.hash import Hash, be
from tests.model.params import Set
from tests.model.trees.tweak import Adrs

F, H, H_MSG, PRF, PRF_KEYGEN = range(5)
OTS, L_TREE, HASH_TREE = range(3)


def xor(a: bytes, b: bytes) -> bytes:
    return bytes(x ^ y for x, y in zip(a, b, strict=True))


def adrs(at: Adrs, kind: int, word4: int, word5: int, word6: int, key_and_mask: int) -> bytes:
    """The 32 bytes of an address (RFC 8391 section 2.5)."""
    words = (kind, word4, word5, word6, key_and_mask)
    return be(at.layer, 4) + be(at.tree, 8) + b"".join(be(word, 4) for word in words)


class XmssTweak:
    """One key: SEED, and S_XMSS where it signs."""

    def __init__(self, p: Set, public_seed: bytes, secret_seed: bytes = b"") -> None:
        self.p, self.public_seed, self.secret_seed = p, public_seed, secret_seed
        self.hash = Hash(p.function, p.n)
        self.padding = 4 if p.n == 24 else p.n

    def keyed(self, kind: int, key: bytes, data: bytes, constant: int = 0) -> bytes:
        """toByte(kind, padding) || KEY || M, hashed; so much of KEY || M is `constant` under one key."""
        return self.hash(be(kind, self.padding) + key + data, self.padding + constant if constant else 0)

    def prf(self, key: bytes, data: bytes) -> bytes:
        return self.keyed(PRF, key, data, len(key))

    def message_digest(self, index: int, r: bytes, root: bytes, message: bytes) -> bytes:
        """H_msg under r || root || toByte(index, n)."""
        return self.keyed(H_MSG, r + root + be(index, self.p.n), message)

    def masked(self, kind: int, parts: list[bytes], address: Callable[[int], bytes]) -> bytes:
        """F with one mask, or RAND_HASH (algorithm 7) with two; `address` takes the keyAndMask word."""
        key, *masks = (self.prf(self.public_seed, address(word)) for word in range(len(parts) + 1))
        return self.keyed(kind, key, b"".join(map(xor, parts, masks)))

    def secret(self, at: Adrs, i: int) -> bytes:
        """SP 800-208: PRF_keygen(S_XMSS, SEED || ADRS)."""
        data = self.public_seed + adrs(at, OTS, at.leaf, i, 0, 0)
        return self.keyed(PRF_KEYGEN, self.secret_seed, data, 2 * self.p.n)

    def step(self, at: Adrs, i: int, j: int, x: bytes) -> bytes:
        return self.masked(F, [x], lambda word: adrs(at, OTS, at.leaf, i, j, word))

    def pack(self, at: Adrs, ends: list[bytes]) -> bytes:
        """The L-tree (algorithm 8): an odd last node moves up as it is."""
        level, height = ends, 0
        while len(level) > 1:
            pairs = range(len(level) // 2)
            above = [self._l_node(at, height, i, level[2 * i : 2 * i + 2]) for i in pairs]
            level, height = above + level[2 * len(above) :], height + 1
        return level[0]

    def _l_node(self, at: Adrs, height: int, i: int, children: list[bytes]) -> bytes:
        return self.masked(H, children, lambda word: adrs(at, L_TREE, at.leaf, height, i, word))

    def node(self, at: Adrs, left: bytes, right: bytes) -> bytes:
        """RAND_HASH; the address counts heights from the children."""
        return self.masked(H, [left, right], lambda word: adrs(at, HASH_TREE, 0, at.height - 1, at.index, word))
