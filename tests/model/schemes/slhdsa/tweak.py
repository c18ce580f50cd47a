"""The hashes of SLH-DSA: T_l, H, F, PRF, PRF_msg and H_msg (FIPS 205 section 11), SHAKE and SHA2.

With SHA2, one block holds PK.seed and zeros; above category 1, everything but F and PRF is SHA-512.
"""

from __future__ import annotations

import hashlib
import hmac

from tests.model.hash import Hash, be
from tests.model.params import Set
from tests.model.trees.tweak import Adrs

WOTS_HASH, WOTS_PK, TREE, FORS_TREE, FORS_ROOTS, WOTS_PRF, FORS_PRF = range(7)


class SlhTweak:
    """One key: PK.seed, and SK.seed where it signs."""

    def __init__(self, p: Set, public_seed: bytes, secret_seed: bytes = b"") -> None:
        self.p, self.public_seed, self.secret_seed = p, public_seed, secret_seed
        self.sha2 = p.function == "SHA-256"
        self.wide = self.sha2 and p.n > 16
        self.hash = Hash(p.function, p.n)
        self.hash_wide = Hash("SHA-512", p.n) if self.wide else self.hash

    def tweaked(self, at: Adrs, kind: int, word1: int, word2: int, word3: int, data: bytes) -> bytes:
        """A tweakable hash of `data` under PK.seed and ADRS; the last three words mean what the type says."""
        words = be(word1, 4) + be(word2, 4) + be(word3, 4)
        if not self.sha2:
            return self.hash(self.public_seed + be(at.layer, 4) + be(at.tree, 12) + be(kind, 4) + words + data)
        compressed = be(at.layer, 1) + be(at.tree, 8) + be(kind, 1) + words
        if self.wide and (kind in (WOTS_PK, TREE, FORS_ROOTS) or len(data) > self.p.n):
            return self.hash_wide(self.public_seed + bytes(128 - self.p.n) + compressed + data, 128)
        return self.hash(self.public_seed + bytes(64 - self.p.n) + compressed + data, 64)

    def secret(self, at: Adrs, i: int) -> bytes:
        return self.tweaked(at, WOTS_PRF, at.leaf, i, 0, self.secret_seed)

    def step(self, at: Adrs, i: int, j: int, x: bytes) -> bytes:
        return self.tweaked(at, WOTS_HASH, at.leaf, i, j, x)

    def pack(self, at: Adrs, ends: list[bytes]) -> bytes:
        return self.tweaked(at, WOTS_PK, at.leaf, 0, 0, b"".join(ends))

    def node(self, at: Adrs, left: bytes, right: bytes) -> bytes:
        return self.tweaked(at, TREE, 0, at.height, at.index, left + right)

    def randomizer(self, secret_prf: bytes, opt_rand: bytes, message: bytes) -> bytes:
        """PRF_msg."""
        if not self.sha2:
            return self.hash(secret_prf + opt_rand + message)
        return hmac.digest(secret_prf, opt_rand + message, "sha512" if self.wide else "sha256")[: self.p.n]

    def message_digest(self, r: bytes, root: bytes, message: bytes) -> bytes:
        """H_msg: m bytes."""
        if not self.sha2:
            return Hash("SHAKE256", self.p.m)(r + self.public_seed + root + message)
        function = hashlib.sha512 if self.wide else hashlib.sha256
        seed = r + self.public_seed + function(r + self.public_seed + root + message).digest()
        blocks = -(-self.p.m // function().digest_size)
        return b"".join(function(seed + be(i, 4)).digest() for i in range(blocks))[: self.p.m]
