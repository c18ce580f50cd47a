"""The shape of a parameter set: the same fields as a row of C's table, computed from the standards' formulas."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Set:
    """One parameter set. Letters as in the standards: n bytes a node, h total height, d layers, lg_w bits a digit."""

    name: str
    scheme: str
    function: str
    n: int
    h: int
    lg_w: int
    d: int = 1
    code: int = 0
    ots_code: int = 0
    approved: bool = True
    category: int = 0
    a: int = 0
    k: int = 0

    @property
    def hp(self) -> int:
        """The height of one tree (h' in FIPS 205)."""
        return self.h // self.d

    @property
    def len1(self) -> int:
        """Digits of a digest."""
        return 8 * self.n // self.lg_w

    @property
    def len2(self) -> int:
        """Digits of the largest checksum."""
        largest = self.len1 * ((1 << self.lg_w) - 1)
        return -(-largest.bit_length() // self.lg_w)

    @property
    def len(self) -> int:
        """Chains of one leaf."""
        return self.len1 + self.len2

    @property
    def m(self) -> int:
        """Bytes of an SLH-DSA digest (FIPS 205, section 11); 0 for the others."""
        if not self.k:
            return 0
        return -(-self.k * self.a // 8) + -(-(self.h - self.hp) // 8) + -(-self.hp // 8)

    @property
    def index_len(self) -> int:
        """Bytes of the index in an XMSS or XMSS^MT signature."""
        return 4 if self.scheme == "XMSS" else -(-self.h // 8)

    @property
    def public_len(self) -> int:
        return {"LMS": 24 + self.n, "SLH-DSA": 2 * self.n}.get(self.scheme, 4 + 2 * self.n)

    @property
    def secret_len(self) -> int:
        return self.n if self.scheme == "LMS" else 2 * self.n

    @property
    def public_seed_len(self) -> int:
        return 16 if self.scheme == "LMS" else self.n

    @property
    def layer_len(self) -> int:
        """Bytes of one layer's signature; in LMS with q, the two type codes and C."""
        header = 12 + self.n if self.scheme == "LMS" else 0
        return header + (self.len + self.hp) * self.n

    @property
    def signature_len(self) -> int:
        if self.scheme == "LMS":
            return self.layer_len
        fors = self.k * (self.a + 1) * self.n
        index = 0 if self.scheme == "SLH-DSA" else self.index_len
        return index + self.n + fors + self.d * self.layer_len
