"""The C library against the model: every set, its first values, its last leaves, its subtrees, its signatures."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

import hbss
from hbss import _native, costs
from hbss._native import SetRow
from hbss.treecache import Spot, Tree
from hbss.unsafe_known_answers import KnownAnswerKey
from tests import toys
from tests.model.hash import be
from tests.model.params import Set
from tests.model.schemes.lms import hss, lms
from tests.model.schemes.lms.params import SETS as LMS_SETS
from tests.model.schemes.lms.tweak import LmsTweak
from tests.model.schemes.slhdsa import slhdsa
from tests.model.schemes.slhdsa.params import SETS as SLHDSA_SETS
from tests.model.schemes.xmss import xmss
from tests.model.schemes.xmss.params import SETS as XMSS_SETS
from tests.model.trees import hypertree, merkle, winternitz
from tests.model.trees.tweak import Adrs

SETS = LMS_SETS | XMSS_SETS | SLHDSA_SETS
MESSAGE = b"a message for both"
Key = lms.Key | xmss.Key | slhdsa.Key


def name(p: Set) -> str:
    return p.name


def keys(p: Set) -> tuple[_native.Key, Key]:
    """The same key in C and in the model."""
    secret, public_seed = toys.seed(p.secret_len), toys.seed(p.public_seed_len, 1)
    native = _native.Key.from_seeds(p.name, secret, public_seed, toys.seed(p.n, 2))
    if p.scheme == "LMS":
        return native, lms.Key(p, secret, public_seed)
    module = slhdsa if p.scheme == "SLH-DSA" else xmss
    return native, module.Key(p, secret[: p.n], secret[p.n :], public_seed)


def corners(p: Set) -> list[tuple[int, int, int]]:
    """(layer, tree, leaf): a leaf in the middle, and the last pair of the last tree of the lowest and top layer."""
    last = (1 << p.hp) - 2
    found = [(0, 0, 1 << (p.hp - 1)), (0, (1 << (p.h - p.hp)) - 1, last)]
    return [*found, (p.d - 1, 0, last)] if p.d > 1 else found


# ---- the table -----------------------------------------------------------------------------------------------------


def test_the_library_has_every_standardised_set_and_no_other() -> None:
    """80 LMS, 21 XMSS, 56 XMSS^MT and 12 SLH-DSA sets by the standards' naming rules."""
    counts = {scheme: sum(p.scheme == scheme for p in SETS.values()) for scheme in _native.SCHEMES}
    assert counts == {"LMS": 80, "XMSS": 21, "XMSSMT": 56, "SLH-DSA": 12}
    found = [row.name for row in _native.sets()]
    assert sorted(set(SETS) - set(found)) == [], "sets of the standards that the library lacks"
    assert sorted(found) == sorted(SETS)


@pytest.mark.parametrize("p", SETS.values(), ids=name)
def test_a_row_says_what_the_standard_says(p: Set) -> None:
    row = next(row for row in _native.sets() if row.name == p.name)
    assert row._asdict() == {field: getattr(p, field) for field in SetRow._fields}


@pytest.mark.parametrize("p", toys.LMS + toys.XMSS + toys.SLHDSA, ids=name)
def test_costs_are_what_the_model_counts(p: Set) -> None:
    """The hash calls stated for key generation, counted one by one on a toy."""
    row = SetRow(**{field: getattr(p, field) for field in SetRow._fields})
    seeds = [toys.seed(p.n, i) for i in (3, 4, 5)]
    if p.scheme == "LMS":
        key: Key = lms.Key(p, seeds[0], seeds[1][:16])
    else:
        key = (slhdsa if p.scheme == "SLH-DSA" else xmss).Key(p, *seeds)
    hypertree.root(p, key.tweak)
    hashes = {key.tweak.hash, getattr(key.tweak, "hash_wide", key.tweak.hash)}
    assert costs.of([row]).keygen == sum(one.compressions for one in hashes)


# ---- every set, a few leaves ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", SETS.values(), ids=name)
def test_leaves_and_their_parent_at_the_corners(p: Set) -> None:
    """Subtrees of height 1: in the middle, and over the very last leaves of the lowest and the top layer."""
    native, key = keys(p)
    for layer, tree, first in corners(p):
        at = Adrs(layer=layer, tree=tree)
        leaves = [hypertree.leaf(p, key.tweak, replace(at, leaf=first + i)) for i in range(2)]
        parent = key.tweak.node(replace(at, height=1, index=first >> 1), *leaves)
        assert bytes(native.tree(layer, tree, first, 1)) == b"".join([*leaves, parent])
        assert bytes(native.tree(layer, tree, first + 1, 0)) == leaves[1]


@pytest.mark.parametrize("p", SETS.values(), ids=name)
def test_one_time_signatures_and_climbs(p: Set) -> None:
    """sign_leaf at the last leaf with a made-up path; parents and climb at the same numbers."""
    native, key = keys(p)
    layer, tree, leaf = corners(p)[1]
    at, digest, path = Adrs(layer=layer, tree=tree, leaf=leaf), toys.seed(p.n, 4), toys.seed(p.hp * p.n, 5)
    values = b"".join(winternitz.sign(p, key.tweak, at, digest))
    signature = native.sign_leaf(layer, tree, leaf, toys.seed(p.n, 6), digest, path)
    if p.scheme == "LMS":
        head = be(leaf, 4) + be(p.ots_code, 4) + toys.seed(p.n, 6)
        assert signature == head + values + be(p.code, 4) + path
    else:
        assert signature == values + path
    siblings = [path[i : i + p.n] for i in range(0, len(path), p.n)]
    node = hypertree.node(key.tweak, at)
    root = merkle.climb(leaf, digest, siblings, node)
    assert native.climb(layer, tree, leaf, digest, path) == root
    index = (1 << (p.hp - 1)) - 3
    children = toys.seed(6 * p.n, 7)
    pairs = [(children[i : i + p.n], children[i + p.n : i + 2 * p.n]) for i in range(0, len(children), 2 * p.n)]
    parents = b"".join(node(1, index + i, *pair) for i, pair in enumerate(pairs))
    assert bytes(native.parents(layer, tree, 1, index, children)) == parents


@pytest.mark.parametrize("p", SETS.values(), ids=name)
def test_randomisers_and_digests(p: Set) -> None:
    """Messages around every hash's block length, given whole and in two parts."""
    native, key = keys(p)
    root, r, index = toys.seed(p.n, 2), toys.seed(p.n, 6), (1 << min(p.h, 63)) - 2
    for length in (0, 1, 2, *range(20, 300, 7), 1000):
        message = toys.seed(length, 8)
        parts = [message[: length // 3], b"", message[length // 3 :]]
        if isinstance(key.tweak, LmsTweak):
            digest = key.tweak.message_digest(index, r, message)
        elif isinstance(key, xmss.Key):
            digest = key.tweak.message_digest(index, r, root, message)
        else:
            digest = key.tweak.message_digest(r, root, message)
            randomizer = key.tweak.randomizer(key.secret_prf, r, message)
            assert native.message_randomizer(r, [message]) == native.message_randomizer(r, parts) == randomizer
        assert native.digest(index, r, [message]) == native.digest(index, r, parts) == digest
    if not isinstance(key, slhdsa.Key):
        assert native.randomizer(index) == key.randomizer(index)


@pytest.mark.parametrize("p", [p for p in SETS.values() if p.scheme != "SLH-DSA"], ids=name)
def test_messages_signed_by_a_leaf(p: Set) -> None:
    """All in one as step by step; and no signature with a path that leads to another root."""
    native, _ = keys(p)
    index, parts, base = (1 << min(p.h, 63)) - 2, [b"in ", b"parts"], p.hp // 2
    number, leaf = divmod(index, 1 << p.hp)
    made_up = random.Random(5)
    tree = Tree(Spot(native, 0, number), made_up.randbytes(((2 << p.hp - base) - 1) * p.n))
    tree.bottoms[leaf >> base] = bytearray(made_up.randbytes(((2 << base) - 1) * p.n))
    path = tree.path(leaf)
    r, root = native.randomizer(index), tree.climb(leaf, path)
    signed = native.sign_leaf(0, number, leaf, r, native.digest(index, r, parts), path)
    whole = signed if p.scheme == "LMS" else r + signed
    assert native.sign_message(index, parts, tree.way(leaf, root)) == whole
    assert native.sign_message(index, (b"".join(parts),), tree.way(leaf, root)) == whole
    for wrong in (parts, (b"".join(parts),)):
        with pytest.raises(hbss.InvalidSignature):
            native.sign_message(index, wrong, tree.way(leaf, bytes([root[0] ^ 1]) + root[1:]))
    way = tree.way(leaf, root)
    with pytest.raises(ValueError, match="out of range"):
        native.sign_message(1 << p.h, parts, way) if p.h < 64 else native.sign_leaf(9, 0, 0, r, r, path)


def test_a_way_is_for_keys_of_its_set_only() -> None:
    """C writes as many bytes as the key's set has, and reads as many of the way's."""
    (short, _), (long, _) = (keys(SETS[name]) for name in ("LMS_SHA256_M24_H5_W8", "LMS_SHA256_M32_H10_W1"))
    way = Tree(Spot(short, 0, 0), bytes(63 * 24)).way(0, bytes(24))
    with pytest.raises(ValueError, match="LMS_SHA256_M24_H5_W8 is none for a key of LMS_SHA256_M32_H10_W1"):
        long.sign_message(0, (b"",), way)


@pytest.mark.parametrize("p", [p for p in SETS.values() if p.h in (5, 10) or (p.h == 20 and p.d == 2)], ids=name)
def test_one_time_keys_by_themselves(p: Set) -> None:
    """LM-OTS and WOTS+ at a leaf of the first tree: public key, signature, recovery."""
    native, key = keys(p)
    leaf, digest = (1 << p.hp) - 1, toys.seed(p.n, 4)
    at = Adrs(leaf=leaf)
    ends, values = winternitz.public(p, key.tweak, at), b"".join(winternitz.sign(p, key.tweak, at, digest))
    public = key.tweak.one_time_key(at, ends) if isinstance(key.tweak, LmsTweak) else b"".join(ends)
    assert native.ots_public(leaf) == public
    assert native.ots_sign(leaf, digest) == values
    assert native.ots_recover(leaf, digest, values) == public


# ---- whole trees and signatures of the smallest sets ---------------------------------------------------------------

SMALLEST = [p for p in LMS_SETS.values() if p.h == 5]


@pytest.mark.parametrize("p", SMALLEST, ids=name)
def test_every_subtree_and_every_leaf_of_the_smallest_lms_sets(p: Set) -> None:
    """All nodes, every aligned subtree, and the signature of each leaf from the first to the last."""
    native, _ = keys(p)
    key = lms.Key(p, toys.seed(p.n), toys.seed(16, 1))
    nodes = hypertree.tree(p, key.tweak, 0, 0)
    for height in range(p.h + 1):
        for first in range(0, 1 << p.h, 1 << height):
            rows = [nodes[h][first >> h : (first >> h) + (1 << (height - h))] for h in range(height + 1)]
            assert bytes(native.tree(0, 0, first, height)) == b"".join(x for row in rows for x in row)
    whole = KnownAnswerKey(p.name, toys.seed(p.secret_len), toys.seed(16, 1))
    assert whole.public_key().public_bytes_raw() == be(1, 4) + key.public()
    for q in range(1 << p.h):
        assert whole.sign(q, MESSAGE) == be(0, 4) + key.sign(q, MESSAGE)


HSS = [
    "LMS_SHA256_M32_H5_W4+LMS_SHA256_M32_H5_W4",
    "LMS_SHA256_M32_H5_W4+LMS_SHA256_M24_H5_W2+LMS_SHAKE_M32_H5_W1",
    "LMS_SHAKE_M24_H5_W4+LMS_SHA256_M32_H5_W4",
    "LMS_SHA256_M24_H5_W4+LMS_SHAKE_M24_H5_W2",
]


@pytest.mark.parametrize("levels", HSS)
def test_hss_signatures_at_subtree_boundaries(levels: str) -> None:
    """First, last of a subtree, first of the next, last of all; children larger and smaller than their parents."""
    sets = hss.sets_of(levels)
    seed, identifier = toys.seed(sets[0].n), toys.seed(16, 1)
    native, key = KnownAnswerKey(levels, seed, identifier), hss.Key(sets, seed, identifier)
    verifier = native.public_key()
    assert verifier.public_bytes_raw() == key.public()
    for index in (0, 31, 32, (1 << sum(p.h for p in sets)) - 1):
        signature = native.sign(index, MESSAGE)
        assert signature == key.sign(index, MESSAGE)
        verifier.verify(signature, MESSAGE)


TOWERS = [p for p in XMSS_SETS.values() if p.scheme == "XMSSMT"]


@pytest.mark.parametrize(
    "p",
    [
        pytest.param(
            p, marks=[pytest.mark.long] if p.name not in ("XMSSMT-SHA2_20/4_192", "XMSSMT-SHAKE256_20/4_192") else []
        )
        for p in TOWERS
        if p.hp == 5
    ],
    ids=lambda p: p.name,
)
def test_xmssmt_signatures_byte_for_byte(p: Set) -> None:
    """Trees of 32 leaves: the last leaf of a lowest tree, and the last index of all (all ones where h = 40)."""
    seeds = [toys.seed(p.n, i) for i in range(3)]
    native, key = KnownAnswerKey(p.name, seeds[0] + seeds[1], seeds[2]), xmss.Key(p, *seeds)
    assert native.public_key().public_bytes_raw() == key.public()
    for index in (31, (1 << p.h) - 1):
        assert native.sign(index, MESSAGE) == key.sign(index, MESSAGE)


@pytest.mark.parametrize("p", [p for p in TOWERS if p.hp == 5 or p.name == "XMSSMT-SHA2_20/2_256"], ids=name)
def test_xmssmt_signatures_at_subtree_boundaries(p: Set) -> None:
    """The model accepts the last of a subtree, the first of the next, the last of all; upper layers stay the same."""
    seeds = [toys.seed(p.n, i) for i in range(3)]
    native = KnownAnswerKey(p.name, seeds[0] + seeds[1], seeds[2])
    public, last = native.public_key(), (1 << p.hp) - 1
    upper = []
    for index in (0, last, last + 1, (1 << p.h) - 1):
        signature = native.sign(index, MESSAGE)
        assert xmss.verify(p, public.public_bytes_raw(), MESSAGE, signature)
        public.verify(signature, MESSAGE)
        upper.append(signature[p.index_len + p.n + p.layer_len :])
    assert upper[0] == upper[1] != upper[2] != upper[3]
    beyond = hbss.parameter_set(p.name).capacity
    with pytest.raises(ValueError, match="no index"):
        native.sign(beyond, MESSAGE)
