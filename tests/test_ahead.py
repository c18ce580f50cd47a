"""Trees that are computed ahead of their use: no signature stalls, nothing is signed or lost for it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import pytest

import hbss
from benchmarks import evenness
from hbss import ahead, create_key, open_key, state
from hbss._native import Key
from hbss.bench.signers import in_memory
from hbss.treecache import Spot, Subtree, Tree, build
from hbss.treefolder import TreeFolder
from tests.state_kit import HSS, LMS, XMSSMT, index_of, one_time_keys, used_twice

EVEN = [
    "XMSSMT-SHA2_20/2_256",
    *(f"LMS_SHA256_M32_H10_W{w}+LMS_SHA256_M32_H10_W{w}" for w in (1, 2, 4, 8)),
]


# ---- counting what the C library is asked for ----------------------------------------------------------------------


@contextmanager
def leaves() -> Iterator[list[int]]:
    """How many leaves each call computes, in any thread; the list may be emptied."""
    done: list[int] = []
    real = Key.tree

    def watched(self: Key, layer: int, tree: int, first: int, height: int) -> bytearray:
        done.append(1 << height)
        return real(self, layer, tree, first, height)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Key, "tree", watched)
        yield done


def _each(signer: Any, done: list[int], count: int) -> list[list[int]]:
    """The leaves that each of `count` signatures asked for."""
    found = []
    for _ in range(count):
        done.clear()
        signer.sign(b"x")
        found.append(list(done))
    return found


def _worst(path: Path, name: str) -> float:
    """The most hash calls of one signature to the median's, through the end of the first lowest tree."""
    create_key(path, name)
    with in_memory(path, cache_bytes=1 << 20) as handle, evenness.counted() as total:
        sums = [total()]
        for _ in range(1040):
            handle.sign(b"x")
            sums.append(total())
    hashes = [after - before for before, after in itertools.pairwise(sums)]
    return max(hashes) / median(hashes)


@pytest.mark.parametrize("name", EVEN)
def test_no_signature_stalls_where_a_subtree_ends(tmp_path: Path, name: str) -> None:
    """None needs more than three times the hash calls of the median, the first of all included."""
    assert _worst(tmp_path / "key", name) <= 3


def test_without_reading_ahead_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The count above sees it."""
    monkeypatch.setattr(ahead.Nursery, "advance", lambda *_: None)
    assert _worst(tmp_path / "key", EVEN[3]) > 300


@pytest.mark.parametrize("kept", [1 << 20, 32 * 20])
@pytest.mark.parametrize("name", [HSS, XMSSMT, "LMS_SHA256_M32_H5_W4+LMS_SHA256_M32_H5_W8+LMS_SHA256_M32_H5_W4"])
def test_every_leaf_is_computed_once(tmp_path: Path, name: str, kept: int) -> None:
    """One a signature for the next tree, and one more where leaves are not kept; in a layer above one a tree."""
    create_key(tmp_path / "key", name, cache_bytes=kept)
    with in_memory(tmp_path / "key", kept) as handle, leaves() as done:
        found = [sum(each) for each in _each(handle, done, 3 * 32)]
        handle.public_key().verify(handle.sign(b"x"), b"x")
    inner = 3 if hbss.parameter_set(name).layers > 2 else 0
    if kept == 1 << 20:
        assert set(found[:31]) == {1}
        assert sum(found) == 3 * 32 + inner
    else:  # the two lowest levels of five; a tree brings the first of its eight bottom subtrees
        assert set(found[:27]) == {2}
        assert sum(found) == 3 * (32 + 28) + inner + 3
    assert max(found) <= 4


def test_the_bottom_of_a_single_large_tree(tmp_path: Path) -> None:
    """One leaf a signature, none at the end of the key; opening computes what the first signature needs."""
    create_key(tmp_path / "key", "LMS_SHA256_M32_H10_W4", cache_bytes=0)
    with leaves() as done, in_memory(tmp_path / "key", 0) as handle:
        assert done == [32]
        found = [sum(each) for each in _each(handle, done, 1023)]
    assert found == [1] * (1024 - 32) + [0] * 31


def test_a_reservation_does_the_work_of_all_its_indices(tmp_path: Path) -> None:
    """In large calls, which fill the lanes; the signatures themselves then need no leaf."""
    create_key(tmp_path / "key", "LMS_SHA256_M32_H5_W4+LMS_SHA256_M32_H10_W4")
    with in_memory(tmp_path / "key", cache_bytes=1 << 20) as handle, leaves() as done:
        with handle.reserve(256) as batch:
            assert done == [256]
            assert _each(batch, done, 256) == [[]] * 256
        done.clear()
        handle.sign_many([b"x"] * 256)
        assert done == [256]
        handle.reserve(600)  # past the end of the tree
        assert sum(done) == 1024 - 256
        assert handle.sign(b"x")
        assert 0 < sum(done) - (1024 - 256) < 128


# ---- when signing does not go from index to index --------------------------------------------------------------------


def test_opening_in_the_middle_of_a_tree(tower: Path) -> None:
    """The signatures that are left share the work; the last leaves the tree on the disk for the next process."""
    with open_key(tower) as handle:
        handle.sign_many([b"x"] * 24)
    with open_key(tower) as handle, leaves() as done:
        assert _each(handle, done, 8) == [[4]] * 8
    assert (tower.parent / "key.tree" / "0-1.nodes").exists()
    with open_key(tower) as handle, leaves() as done:
        handle.public_key().verify(handle.sign(b"x"), b"x")
        assert done == [1]


def test_several_signers_share_a_key(tower: Path) -> None:
    """Each computes for the indices that others took, too, and no more than that; no one-time key signs twice."""
    with one_time_keys(pytest.MonkeyPatch()) as signed, leaves() as done, ExitStack() as stack:
        signers = [stack.enter_context(open_key(tower)) for _ in range(3)]
        found = [_each(signers[i % 3], done, 1)[0] for i in range(70)]
        for signer in signers:
            signer.public_key().verify(signer.sign(b"x"), b"x")
    assert max(sum(each) for each in found) <= 7
    assert used_twice(signed) == []


def test_batches_on_both_sides_of_a_boundary(tower: Path) -> None:
    """Threads may take turns with batches whose indices lie in two trees: neither tree is built again and again."""
    with open_key(tower) as handle, handle.reserve(32) as first, handle.reserve(20) as second, leaves() as done:
        verify = handle.public_key().verify
        found = [_each(signer, done, 1)[0] for _ in range(10) for signer in (first, second)]
        verify(first.sign(b"x"), b"x")
        verify(second.sign(b"x"), b"x")
        verify(handle.sign(b"x"), b"x")
    assert sum(map(sum, found)) < 32


@pytest.mark.parametrize("skipped", [40, 500])
def test_a_jump_over_whole_trees(tower: Path, skipped: int) -> None:
    """What was begun is given up, and what is needed is built."""
    with open_key(tower) as handle:
        handle.sign_many([b"x"] * 10)
        with open_key(tower) as other:
            other.reserve(skipped)
        signatures = handle.sign_many([b"x"] * 64)
        for signature in signatures:
            handle.public_key().verify(signature, b"x")
    assert [index_of(HSS, signature) for signature in signatures] == list(range(10 + skipped, 74 + skipped))


def test_nothing_is_computed_beyond_the_end(tower: Path) -> None:
    """Of the range that a split gave, and of the whole key."""
    state.split(tower, 20, tower.with_name("part"))
    with open_key(tower.with_name("part")) as part, leaves() as done:
        assert sum(map(sum, _each(part, done, 20))) == 0
    create_key(tower.with_name("small"), "LMS_SHA256_M32_H5_W8+LMS_SHA256_M32_H5_W4")
    with open_key(tower.with_name("small")) as handle, leaves() as done:
        handle.reserve(31 * 32 - 1)
        handle.sign(b"x")
        done.clear()
        assert sum(map(sum, _each(handle, done, 31))) == 0
        with pytest.raises(hbss.KeyExhausted):
            handle.sign(b"x")


def test_a_set_of_one_tree_has_nothing_ahead(tmp_path: Path) -> None:
    """All its leaves are there."""
    create_key(tmp_path / "key", LMS)
    with open_key(tmp_path / "key") as handle, leaves() as done:
        handle.sign_many([b"x"] * 31)
    assert done == []


# ---- what it must not do ---------------------------------------------------------------------------------------------


def test_nothing_is_signed_or_recorded_ahead(tower: Path) -> None:
    """The next tree's root is signed when its first index has come, and not before."""
    with one_time_keys(pytest.MonkeyPatch()) as signed, open_key(tower) as handle:
        handle.sign_many([b"x"] * 32)
        assert [leaf for leaf in signed if len(signed[leaf]) == 1] == list(signed)
        assert len(signed) == 33
        assert handle._store.child(1, 0, 0) is not None
        assert handle._store.child(1, 0, 1) is None
        assert handle.remaining == 1023 - 32
        handle.sign(b"x")
        assert handle._store.child(1, 0, 1) is not None


def test_an_interrupt_costs_no_index(tower: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does it spoil the tree that it hits: the next signature goes on, and the tree is the right one."""
    grow = Subtree.grow

    def interrupted(self: Subtree, count: int) -> None:
        grow(self, count)
        raise KeyboardInterrupt

    with open_key(tower) as handle, handle.reserve(40) as batch:
        batch.sign_many([b"x"] * 32)  # the other 8 are of the next tree, which has done nothing yet for its own next
        for signer, left in ((batch, 8), (handle, 1023 - 40)):
            with monkeypatch.context() as patch:
                patch.setattr(Subtree, "grow", interrupted)
                with pytest.raises(KeyboardInterrupt):
                    signer.sign(b"x")
            assert signer.remaining == left
        handle.public_key().verify(batch.sign(b"x"), b"x")
        signatures = handle.sign_many([b"x"] * 30)
        for signature in signatures:
            handle.public_key().verify(signature, b"x")
    assert (tower.parent / "key.tree" / "0-2.nodes").exists()


def test_opening_reads_the_trees_and_builds_none(tower: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first signature then asks the disk for no tree; one that is missing is built by that signature."""
    with open_key(tower) as handle:
        handle.sign(b"x")

    def read(*_: object) -> Tree:
        raise AssertionError("a tree was read")

    with monkeypatch.context() as patch, open_key(tower) as handle:
        patch.setattr(TreeFolder, "load", lambda self, spot, layer, number, base: read() if number == 0 else None)
        handle.public_key().verify(handle.sign(b"x"), b"x")

    built: list[Spot] = []

    def watched(spot: Spot, cache_bytes: int) -> Tree:
        built.append(spot)
        return build(spot, cache_bytes=cache_bytes)

    (tower.parent / "key.tree" / "0-0.nodes").unlink()
    monkeypatch.setattr(ahead, "build", watched)
    with open_key(tower) as handle:
        assert built == []
        handle.public_key().verify(handle.sign(b"x"), b"x")
        assert len(built) == 1
