"""Winternitz one-time signatures: digits and chains, the same in LM-OTS, WOTS+ and FIPS 205."""

from __future__ import annotations

from tests.model.hash import be
from tests.model.params import Set
from tests.model.trees.tweak import Adrs, Tweak


def base_w(data: bytes, lg_w: int, count: int) -> list[int]:
    """The first `count` digits of `lg_w` bits (RFC 8391 algorithm 1, RFC 8554 section 3.1.3, FIPS 205 algorithm 4)."""
    bits, number = 8 * len(data), int.from_bytes(data, "big")
    return [number >> (bits - lg_w * (i + 1)) & ((1 << lg_w) - 1) for i in range(count)]


def digits(p: Set, digest: bytes) -> list[int]:
    """The digits of a digest and of its checksum, which starts at the left of its bytes."""
    message = base_w(digest, p.lg_w, p.len1)
    checksum = sum((1 << p.lg_w) - 1 - digit for digit in message)
    bits = p.len2 * p.lg_w
    length = -(-bits // 8)
    return message + base_w(be(checksum << (8 * length - bits), length), p.lg_w, p.len2)


def chain(t: Tweak, at: Adrs, i: int, x: bytes, start: int, stop: int) -> bytes:
    """Chain i from value `start` to value `stop` (RFC 8391 algorithm 2, FIPS 205 algorithm 5)."""
    for j in range(start, stop):
        x = t.step(at, i, j, x)
    return x


def public(p: Set, t: Tweak, at: Adrs) -> list[bytes]:
    """The chain ends of a leaf (RFC 8391 algorithm 4, RFC 8554 algorithm 1, FIPS 205 algorithm 6)."""
    return [chain(t, at, i, t.secret(at, i), 0, (1 << p.lg_w) - 1) for i in range(p.len)]


def sign(p: Set, t: Tweak, at: Adrs, digest: bytes) -> list[bytes]:
    """The chain values that sign a digest (RFC 8391 algorithm 5, RFC 8554 algorithm 3, FIPS 205 algorithm 7)."""
    return [chain(t, at, i, t.secret(at, i), 0, digit) for i, digit in enumerate(digits(p, digest))]


def recover(p: Set, t: Tweak, at: Adrs, digest: bytes, values: list[bytes]) -> list[bytes]:
    """The chain ends that a signature leads to (RFC 8391 algorithm 6, RFC 8554 algorithm 4b, FIPS 205 algorithm 8)."""
    top = (1 << p.lg_w) - 1
    return [chain(t, at, i, values[i], digit, top) for i, digit in enumerate(digits(p, digest))]
