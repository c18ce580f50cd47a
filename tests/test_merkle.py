"""Merkle trees by RFC 9162, against the RFC's own recursive definition and published values."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hbss
from hbss import merkle

# Leaves and roots of the test trees that Certificate Transparency's implementations share.
LEAVES = [bytes.fromhex(each) for each in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}

trees = st.lists(st.binary(max_size=80), max_size=70)


def reference_root(leaves: Sequence[bytes]) -> bytes:
    """MTH of section 2.1.1, as it is written there."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + reference_root(leaves[:k]) + reference_root(leaves[k:])).digest()


def reference_path(leaves: Sequence[bytes], m: int) -> list[bytes]:
    """PATH of section 2.1.3.1, as it is written there."""
    if len(leaves) == 1:
        return []
    k = 1 << (len(leaves) - 1).bit_length() - 1
    if m < k:
        return [*reference_path(leaves[:k], m), reference_root(leaves[k:])]
    return [*reference_path(leaves[k:], m - k), reference_root(leaves[:k])]


@pytest.mark.parametrize("size", ROOTS)
def test_published_roots(size: int) -> None:
    """Known trees have known roots."""
    assert merkle.root(LEAVES[:size]).hex() == ROOTS[size]


@given(trees)
def test_root_is_the_definitions(leaves: list[bytes]) -> None:
    """Leaves of mixed lengths, any number of them."""
    assert merkle.root(leaves) == reference_root(leaves)


@settings(deadline=None)
@given(trees.filter(bool), st.integers(0))
def test_paths(leaves: list[bytes], index: int) -> None:
    """The path is the definition's, it verifies, and verifies nothing else."""
    index %= len(leaves)
    path, root = merkle.inclusion_path(leaves, index), merkle.root(leaves)
    assert path == reference_path(leaves, index)
    merkle.verify_inclusion(root, leaves[index], index, len(leaves), path)
    wrong = [
        (root, leaves[index] + b"x", index, len(leaves), path),
        (root[::-1], leaves[index], index, len(leaves), path),
        (root, leaves[index], index, len(leaves), [*path, bytes(32)]),
        (root, leaves[index], len(leaves), len(leaves), path),
        (root, leaves[index], -1, len(leaves), path),
        (root, leaves[index], index, 0, path),
        *((root, leaves[index], index, len(leaves), path[:i] + path[i + 1 :]) for i in range(len(path))),
        *(
            (root, leaves[index], index, len(leaves), [*path[:i], path[i][:-1], *path[i + 1 :]])
            for i in range(len(path))
        ),
    ]
    if leaves.count(leaves[index]) == 1:  # else its twin's path may be the same
        wrong += [(root, leaves[index], other, len(leaves), path) for other in range(len(leaves)) if other != index]
    for arguments in wrong:
        with pytest.raises(hbss.InvalidSignature):
            merkle.verify_inclusion(*arguments)


@pytest.mark.parametrize("size", [1, 2, 3, 63, 64, 65, 127, 129, 1000])
def test_every_leaf_of_a_tree(size: int) -> None:
    """All indices, around the powers of two and around the widths of the lanes."""
    leaves = [b"%d" % i for i in range(size)]
    root = merkle.root(leaves)
    assert root == reference_root(leaves)
    for i in range(0, size, max(1, size // 50)):
        merkle.verify_inclusion(root, leaves[i], i, size, merkle.inclusion_path(leaves, i))


def test_large_trees_are_hashed_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pieces of work do not show in the result."""
    leaves = [b"%5d" % i for i in range(777)]
    whole = merkle.root(leaves)
    monkeypatch.setattr(merkle, "PIECE", 200)
    assert merkle.root(leaves) == whole == reference_root(leaves)


def test_leaves_may_be_any_bytes_like() -> None:
    """Arrays and views as well as bytes; text is a TypeError; no such leaf is an IndexError."""
    assert merkle.root([bytearray(b"a"), memoryview(b"b"), np.frombuffer(b"c", np.uint8)]) == reference_root(
        [b"a", b"b", b"c"]
    )
    with pytest.raises(TypeError, match="leaf must be bytes-like"):
        merkle.root(["a"])  # type: ignore[list-item]
    for index in (-1, 2):
        with pytest.raises(IndexError, match="among 2"):
            merkle.inclusion_path([b"a", b"b"], index)
