"""One tree of Winternitz leaves, and a tower of them: XMSS, XMSS^MT, SLH-DSA; an LMS tree is a tower of one floor."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from tests.model.params import Set
from tests.model.trees import merkle, winternitz
from tests.model.trees.tweak import Adrs, Tweak


def leaf(p: Set, t: Tweak, at: Adrs) -> bytes:
    """A leaf of a tree: its one-time public key, packed."""
    return t.pack(at, winternitz.public(p, t, at))


def node(t: Tweak, at: Adrs) -> merkle.Node:
    return lambda height, index, left, right: t.node(replace(at, height=height, index=index), left, right)


@lru_cache(maxsize=256)
def tree(p: Set, t: Tweak, layer: int, number: int) -> list[list[bytes]]:
    """All levels of one tree (RFC 8391 algorithm 9, FIPS 205 algorithm 9)."""
    at = Adrs(layer=layer, tree=number)
    return merkle.levels([leaf(p, t, replace(at, leaf=i)) for i in range(1 << p.hp)], node(t, at))


def root(p: Set, t: Tweak) -> bytes:
    """The root of the highest tree."""
    return tree(p, t, p.d - 1, 0)[-1][0]


def sign(p: Set, t: Tweak, digest: bytes, number: int, at_leaf: int) -> bytes:
    """Chain values and path of every layer, lowest first (RFC 8391 algorithm 16, FIPS 205 algorithm 12)."""
    signature = b""
    for layer in range(p.d):
        at = Adrs(layer=layer, tree=number, leaf=at_leaf)
        nodes = tree(p, t, layer, number)
        signature += b"".join(winternitz.sign(p, t, at, digest) + merkle.path(nodes, at_leaf))
        digest, at_leaf, number = nodes[-1][0], number & ((1 << p.hp) - 1), number >> p.hp
    return signature


def climb(p: Set, t: Tweak, digest: bytes, number: int, at_leaf: int, signature: bytes) -> bytes:
    """The root that a signature of every layer leads to (RFC 8391 algorithm 17, FIPS 205 algorithm 13)."""
    for layer in range(p.d):
        at = Adrs(layer=layer, tree=number, leaf=at_leaf)
        values = [signature[i * p.n :][: p.n] for i in range(p.len + p.hp)]
        signature = signature[(p.len + p.hp) * p.n :]
        x = t.pack(at, winternitz.recover(p, t, at, digest, values[: p.len]))
        digest = merkle.climb(at_leaf, x, values[p.len :], node(t, at))
        at_leaf, number = number & ((1 << p.hp) - 1), number >> p.hp
    return digest
