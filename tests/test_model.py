"""The model by itself, exhaustive on toy parameters: every leaf of every tree, every boundary of a subtree."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from tests import toys
from tests.model.params import Set
from tests.model.schemes.lms import hss, lms
from tests.model.schemes.slhdsa import slhdsa
from tests.model.schemes.xmss import xmss
from tests.model.trees import merkle

MESSAGE = b"a message of the toy tests"
TOY_CODES = {(p.code, p.ots_code): p for p in [*toys.LMS, *toys.SHORT]}


def name(p: Set) -> str:
    return p.name


# ---- every leaf of toy trees ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", toys.LMS, ids=name)
def test_every_leaf_of_a_toy_lms_tree(p: Set) -> None:
    """Each leaf signs, the next message and the next leaf's number are refused, and 2^h is no leaf."""
    key = lms.Key(p, toys.seed(p.n), toys.seed(16, 1))
    public = key.public()
    for q in range(1 << p.h):
        signature = key.sign(q, MESSAGE)
        assert len(signature) == p.signature_len
        assert lms.verify(public, MESSAGE, signature, TOY_CODES)
        assert not lms.verify(public, MESSAGE + b".", signature, TOY_CODES)
        assert not lms.verify(public, MESSAGE, (q + 1).to_bytes(4, "big") + signature[4:], TOY_CODES)


@pytest.mark.parametrize("order", [(0, 1), (3, 1), (1, 3, 1)], ids=str)
def test_every_leaf_of_a_toy_hss(order: tuple[int, ...]) -> None:
    """Mixed types on two and three levels; the upper levels' bytes change exactly at the subtree boundaries."""
    levels = [toys.LMS[i] for i in order]
    key = hss.Key(levels, toys.seed(levels[0].n), toys.seed(16, 1))
    public, below = key.public(), sum(p.h for p in levels[1:])
    parts = []
    for index in range(1 << (levels[0].h + below)):
        signature = key.sign(index, MESSAGE)
        assert hss.verify(public, MESSAGE, signature, TOY_CODES)
        parts.append((index >> below, signature[4 : 4 + levels[0].signature_len + levels[1].public_len]))
    assert len(set(parts)) == 1 << levels[0].h, "each child tree is signed once"


@pytest.mark.parametrize("p", toys.XMSS, ids=name)
def test_every_leaf_of_a_toy_xmss(p: Set) -> None:
    """Each index signs and its neighbour's is refused; upper layers change exactly at the subtree boundaries."""
    key = xmss.Key(p, toys.seed(p.n), toys.seed(p.n, 1), toys.seed(p.n, 2))
    public, upper = key.public(), set()
    for index in range(1 << p.h):
        signature = key.sign(index, MESSAGE)
        assert len(signature) == p.signature_len
        assert xmss.verify(p, public, MESSAGE, signature)
        assert not xmss.verify(p, public, MESSAGE + b".", signature)
        moved = (index ^ 1).to_bytes(p.index_len, "big") + signature[p.index_len :]
        assert not xmss.verify(p, public, MESSAGE, moved)
        upper.add((index >> p.hp, signature[p.index_len + p.n + p.layer_len :]))
    assert len(upper) == 1 << (p.h - p.hp)
    beyond = (1 << p.h).to_bytes(p.index_len, "big") + signature[p.index_len :]
    assert not xmss.verify(p, public, MESSAGE, beyond)


@pytest.mark.parametrize("p", [*toys.SLHDSA, toys.SLHDSA_ONE_LAYER], ids=name)
def test_toy_slhdsa_over_every_tree_and_leaf(p: Set) -> None:
    """Messages until every leaf of every lowest tree was used; each verifies, under its own message only."""
    key = slhdsa.Key(p, toys.seed(p.n), toys.seed(p.n, 1), toys.seed(p.n, 2))
    used: set[tuple[int, int]] = set()
    public, count = key.public(), 0
    while len(used) < 1 << p.h:
        message = count.to_bytes(4, "big")
        count += 1
        r = key.tweak.randomizer(key.secret_prf, key.public_seed, message)
        digest = key.tweak.message_digest(r, key.root(), message)
        _, tree, leaf = slhdsa.split(p, digest)
        if (tree, leaf) not in used:
            used.add((tree, leaf))
            signature = key.sign(message)
            assert len(signature) == p.signature_len
            assert slhdsa.verify(p, public, message, signature)
            assert not slhdsa.verify(p, public, message + b".", signature)


@pytest.mark.parametrize("p", toys.SHORT, ids=name)
def test_each_byte_of_a_toy_signature_counts(p: Set) -> None:
    """One flipped bit in any byte is refused."""
    public, signature, verify = toy_signature(p)
    assert verify(public, signature)
    for i in range(len(signature)):
        changed = bytearray(signature)
        changed[i] ^= 1 << (i % 8)
        assert not verify(public, bytes(changed)), f"byte {i}"


def toy_signature(p: Set) -> tuple[bytes, bytes, Callable[[bytes, bytes], bool]]:
    """A public key, a signature of MESSAGE at the last leaf, and its verifier."""
    if p.scheme == "LMS":
        key = lms.Key(p, toys.seed(p.n), toys.seed(16, 1))
        return key.public(), key.sign((1 << p.h) - 1, MESSAGE), lambda pk, s: lms.verify(pk, MESSAGE, s, TOY_CODES)
    seeds = [toys.seed(p.n, i) for i in range(3)]
    if p.scheme == "SLH-DSA":
        stateless = slhdsa.Key(p, *seeds)
        return stateless.public(), stateless.sign(MESSAGE), lambda pk, s: slhdsa.verify(p, pk, MESSAGE, s)
    stateful = xmss.Key(p, *seeds)
    return stateful.public(), stateful.sign((1 << p.h) - 1, MESSAGE), lambda pk, s: xmss.verify(p, pk, MESSAGE, s)


@pytest.mark.parametrize("height", range(6))
def test_paths_lead_to_the_root_and_subtrees_keep_their_numbers(height: int) -> None:
    """Every path of every leaf, and every aligned subtree built by itself with its offset."""

    def node(level: int, index: int, left: bytes, right: bytes) -> bytes:
        return hashlib.sha256(b"%d,%d" % (level, index) + left + right).digest()

    leaves = [bytes([i]) * 32 for i in range(1 << height)]
    tree = merkle.levels(leaves, node)
    for leaf, x in enumerate(leaves):
        assert merkle.climb(leaf, x, merkle.path(tree, leaf), node) == tree[-1][0]
    for part in range(height + 1):
        for first in range(0, 1 << height, 1 << part):
            piece = merkle.levels(leaves[first : first + (1 << part)], node, first)
            assert piece[-1][0] == tree[part][first >> part]
