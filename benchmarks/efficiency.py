"""How close key generation, signing and verifying come to their kernel.

efficiency = hash calls that the standard prescribes x ns of the best kernel / time measured

Machines are shared and their vector units slow down at times, so every measurement stands between two of the kernel.
The ratio of such a triple is what is kept, and the figure is the median of the triples.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

import hbss
from benchmarks.measure import Spread, kernel_ns, seconds
from hbss import _native

TREES = ("LMS_SHA256_M32_H10_W8", "XMSS-SHA2_10_256", "SLH-DSA-SHA2-128s")
TRIPLES = 9
MESSAGES = 32  # the counts are averages over messages, so the measurements are too


class Act(TypedDict):
    """What was measured of one act of one set."""

    set: str
    act: str
    hashes: int
    seconds: Spread
    efficiency: Spread


class Bench:
    """A key of one set on the level of the C library: what is timed is C and one call each, no file and no lock."""

    def __init__(self, name: str) -> None:
        self.row = {row.name: row for row in _native.sets()}[name]
        row = self.row
        secret, public_seed = _native.random_bytes(row.secret_len), _native.random_bytes(row.public_seed_len)
        self.height, self.layer = row.h // row.d, row.d - 1
        self._unrooted = _native.Key.from_seeds(name, secret, public_seed)
        self.nodes = self.keygen()
        self.key = _native.Key.from_seeds(name, secret, public_seed, self.nodes[-row.n :])
        header = (1).to_bytes(4, "big") if row.scheme == "LMS" else b""
        self.public = _native.Key.from_public(row.scheme, header + self.key.public_bytes(), name)

    def keygen(self) -> bytearray:
        """The tree under the public key."""
        return self._unrooted.tree(self.layer, 0, 0, self.height)

    def path(self, leaf: int) -> bytes:
        """A leaf's authentication path, from the tree's nodes (level by level, leaves first)."""
        n, start, out = self.row.n, 0, b""
        for level in range(self.height):
            at = start + ((leaf >> level) ^ 1)
            out += self.nodes[at * n : (at + 1) * n]
            start += 1 << (self.height - level)
        return out

    def sign(self, message: bytes, leaf: int) -> bytes:
        """A whole signature."""
        if self.row.scheme == "SLH-DSA":
            parts = [b"\x00\x00", message]
            r = self.key.message_randomizer(bytes(self.row.n), parts)
            return self.key.slhdsa_sign(r, self.key.digest(0, r, parts))
        r = self.key.randomizer(leaf)
        digest = self.key.digest(leaf, r, [message])
        part = self.key.sign_leaf(0, 0, leaf, r, digest, self.path(leaf))
        return bytes(4) + part if self.row.scheme == "LMS" else leaf.to_bytes(4, "big") + r + part

    def verify(self, signature: bytes, message: bytes) -> None:
        """Raise unless the signature is one of the message."""
        self.public.verify(signature, [b"\x00\x00", message] if self.row.scheme == "SLH-DSA" else [message])


def triple(act: Callable[[], object], hashes: int, best: tuple[int, int], function: str) -> tuple[float, float]:
    """Seconds of an act, and its efficiency against the kernel just before and just after."""
    before = kernel_ns(function, *best)
    taken = seconds(act)
    after = kernel_ns(function, *best)
    return taken, hashes * (before + after) / 2 * 1e-9 / taken


def best_kernel(function: str) -> tuple[int, int]:
    """Number and lanes of the fastest kernel of the backend in use, a hash call counted."""
    listed = [(i, lanes) for i, (_, lanes) in enumerate(_native.kernels(function))]
    return min(listed, key=lambda one: min(kernel_ns(function, *one) for _ in range(3)))


def acts(name: str) -> list[Act]:
    """Key generation, signing and verifying of one set."""
    bench, counts = Bench(name), hbss.parameter_set(name)
    messages = [i.to_bytes(32, "big") for i in range(1 if bench.row.scheme == "SLH-DSA" else MESSAGES)]
    signatures = [bench.sign(message, leaf) for leaf, message in enumerate(messages)]

    def sign() -> None:
        for leaf, message in enumerate(messages):
            bench.sign(message, leaf)

    def verify() -> None:
        for message, signature in zip(messages, signatures, strict=True):
            bench.verify(signature, message)

    verify()
    best = best_kernel(bench.row.function)
    found = []
    for act, run, hashes, times in (
        ("tree", bench.keygen, counts.keygen_hashes, 1),
        ("sign", sign, counts.sign_hashes, len(messages)),
        ("verify", verify, counts.verify_hashes, len(messages)),
    ):
        triples = [triple(run, hashes * times, best, bench.row.function) for _ in range(TRIPLES)]
        found.append(Act(
            set=name, act=act, hashes=hashes,
            seconds=Spread.of([taken / times for taken, _ in triples]),
            efficiency=Spread.of([ratio for _, ratio in triples]),
        ))  # fmt: skip
    return found
