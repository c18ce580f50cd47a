"""FORS: k trees of 2^a secret values, a forest whose leaves are counted through (FIPS 205 section 8)."""

from __future__ import annotations

from tests.model.params import Set
from tests.model.schemes.slhdsa.tweak import FORS_PRF, FORS_ROOTS, FORS_TREE, SlhTweak
from tests.model.trees import merkle
from tests.model.trees.tweak import Adrs
from tests.model.trees.winternitz import base_w


def _secret(t: SlhTweak, at: Adrs, i: int) -> bytes:
    """Algorithm 14."""
    return t.tweaked(at, FORS_PRF, at.leaf, 0, i, t.secret_seed)


def _leaf(t: SlhTweak, at: Adrs, i: int, secret: bytes) -> bytes:
    return t.tweaked(at, FORS_TREE, at.leaf, 0, i, secret)


def _node(t: SlhTweak, at: Adrs) -> merkle.Node:
    return lambda height, i, left, right: t.tweaked(at, FORS_TREE, at.leaf, height, i, left + right)


def sign(p: Set, t: SlhTweak, at: Adrs, digest: bytes) -> tuple[bytes, bytes]:
    """The signature of k digits of a bits, and the public key (algorithms 15 and 16)."""
    signature, roots = b"", []
    for i, digit in enumerate(base_w(digest, p.a, p.k)):
        first = i << p.a
        leaves = [_leaf(t, at, first + j, _secret(t, at, first + j)) for j in range(1 << p.a)]
        tree = merkle.levels(leaves, _node(t, at), first)
        signature += _secret(t, at, first + digit) + b"".join(merkle.path(tree, digit))
        roots.append(tree[-1][0])
    return signature, t.tweaked(at, FORS_ROOTS, at.leaf, 0, 0, b"".join(roots))


def recover(p: Set, t: SlhTweak, at: Adrs, digest: bytes, signature: bytes) -> bytes:
    """The public key that a signature leads to (algorithm 17)."""
    values = [signature[i * p.n :][: p.n] for i in range(p.k * (p.a + 1))]
    roots = []
    for i, digit in enumerate(base_w(digest, p.a, p.k)):
        first, (secret, *path) = i << p.a, values[i * (p.a + 1) : (i + 1) * (p.a + 1)]
        roots.append(merkle.climb(digit, _leaf(t, at, first + digit, secret), path, _node(t, at), first))
    return t.tweaked(at, FORS_ROOTS, at.leaf, 0, 0, b"".join(roots))
