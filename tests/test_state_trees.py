"""The trees of a stateful key: inner ones are signed once, damaged ones are never used."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

import hbss
from hbss import ahead, create_key, open_key
from hbss.stores import ChildSignature
from hbss.stores.sqlite import SqliteStore
from hbss.treecache import Spot, Tree
from tests.state_kit import HSS, LMS, damaged_tree, index_of, one_time_keys, signer, used_twice

HEADER = 120  # bytes before the nodes of a tree file


# ---- inner trees are signed once -----------------------------------------------------------------------------------


def _upper_levels_stay(tower: Path, times: int) -> None:
    public = None
    upper = set()
    for _ in range(times):
        with open_key(tower) as handle:
            signature = handle.sign(b"x")
            public = handle.public_key()
            public.verify(signature, b"x")
        leaf = index_of(HSS, signature) >> 5
        upper.add((leaf, signature[: len(signature) - hbss.parameter_set(LMS).signature_size + 4]))
    assert len(upper) == (times + 31) // 32


def test_upper_levels_are_the_same_after_reopening(tower: Path) -> None:
    """Byte for byte, in every signature under the same upper leaf."""
    _upper_levels_stay(tower, 100)


@pytest.mark.long
def test_upper_levels_are_the_same_after_1000_openings(tower: Path) -> None:
    """The same, to the end of the key."""
    _upper_levels_stay(tower, 1000)


def test_one_time_keys_sign_one_value(tower: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On every layer, over reopenings, boundaries and lost trees."""
    with one_time_keys(monkeypatch) as signed:
        for i in range(70):
            if i % 10 == 5:
                for file in (tower.parent / "key.tree").iterdir():
                    file.unlink()
            with open_key(tower) as handle:
                handle.sign(os.urandom(8))
    assert used_twice(signed) == []
    assert len(signed) == 70 + 3


def test_a_child_recorded_by_another_process_is_used(tower: Path) -> None:
    """Between looking and recording, another signer recorded the tree: its record counts."""
    with open_key(tower) as first:
        expected = first.sign(b"x")

    class Late(SqliteStore):
        _seen = False

        def child(self, layer: int, tree: int, leaf: int) -> ChildSignature | None:
            return None  # as it was before the other process wrote

    with signer(tower, Late) as late:
        signature = late.sign(b"x")
    upper = len(signature) - hbss.parameter_set(LMS).signature_size + 4
    assert signature[:upper] == expected[:upper]


def test_another_child_root_is_refused(tower: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lower tree that comes out differently when it is built again; no index is lost, and the right one signs."""
    with open_key(tower) as handle:
        handle.sign(b"x")
    (tower.parent / "key.tree" / "0-0.nodes").unlink()
    with monkeypatch.context() as patch:
        patch.setattr(ahead, "build", damaged_tree)
        with open_key(tower) as handle, pytest.raises(hbss.StateError, match="one-time key twice"):
            handle.sign(b"x")
    (tower.parent / "key.tree" / "0-0.nodes").unlink()
    with open_key(tower) as handle:
        assert handle.remaining == 1022
        handle.public_key().verify(handle.sign(b"x"), b"x")


def test_a_damaged_record_is_never_released(tower: Path) -> None:
    """The first signature by recorded trees is verified whole: a record of the right form but wrong chains is found."""
    with open_key(tower) as handle:
        signature = handle.sign(b"x")
        record = handle._store.child(1, 0, 0)
    assert record is not None
    assert record.signature in signature
    chains = bytearray(record.signature)
    chains[100] ^= 1
    wrong = ChildSignature(record.public, bytes(chains))

    class Damaged(SqliteStore):
        def child(self, layer: int, tree: int, leaf: int) -> ChildSignature | None:
            return wrong

    with signer(tower, Damaged) as handle, pytest.raises(hbss.StateError, match="does not verify"):
        handle.sign(b"x")


# ---- damaged trees -------------------------------------------------------------------------------------------------


def _flip(file: Path, at: int, mend: bool) -> None:
    """Flip one bit of a tree file; mend its checksum, so that it looks whole."""
    data = bytearray(file.read_bytes())
    data[at] ^= 1
    if mend:
        data[HEADER - 32 : HEADER] = hashlib.sha256(data[HEADER:]).digest()
    file.write_bytes(data)


@pytest.mark.parametrize("file", ["0-0.nodes", "1-0.nodes"])
@pytest.mark.parametrize("at", [0, 8, 20, 50, 84, 100, HEADER, HEADER + 32 * 40, -1])
def test_a_damaged_tree_file_is_built_again(tower: Path, file: str, at: int) -> None:
    """In header or nodes: noticed, replaced, and the signature is good."""
    path = tower.parent / "key.tree" / file
    whole = path.read_bytes()
    _flip(path, at, mend=False)
    with open_key(tower) as handle:
        handle.public_key().verify(handle.sign(b"x"), b"x")
    assert path.read_bytes() == whole


@pytest.mark.parametrize("how", ["removed", "emptied", "cut", "lengthened", "folder removed", "of another key"])
def test_a_missing_tree_file_is_built_again(tower: Path, how: str) -> None:
    """The cache only saves time."""
    folder = tower.parent / "key.tree"
    for file in folder.iterdir():
        if how == "removed":
            file.unlink()
        elif how == "of another key":
            create_key(tower.parent / "other", HSS)
            file.write_bytes((tower.parent / "other.tree" / file.name).read_bytes())
            for other in ("other", "other.tree/0-0.nodes", "other.tree/1-0.nodes"):
                (tower.parent / other).unlink()
            (tower.parent / "other.tree").rmdir()
        else:
            data = file.read_bytes()
            file.write_bytes({"emptied": b"", "cut": data[:-1]}.get(how, data + b"\0"))
    if how == "folder removed":
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
    with open_key(tower) as handle:
        handle.public_key().verify(handle.sign(b"x"), b"x")
    assert sorted(os.listdir(folder)) == ["0-0.nodes", "1-0.nodes"]


@pytest.mark.parametrize("signature", [b"", b"short", bytes(2348)])
def test_a_record_of_the_wrong_form_is_refused(tower: Path, signature: bytes) -> None:
    """Too short, or without the path that leads to the root."""
    with open_key(tower) as handle:
        handle.sign(b"x")
        record = handle._store.child(1, 0, 0)
    assert record is not None
    wrong = ChildSignature(record.public, signature)

    class Damaged(SqliteStore):
        def child(self, layer: int, tree: int, leaf: int) -> ChildSignature | None:
            return wrong

    with signer(tower, Damaged) as handle, pytest.raises(hbss.StateError, match="does not lead to its root"):
        handle.sign(b"x")


@pytest.mark.parametrize("file", ["0-0.nodes", "1-0.nodes"])
def test_one_flipped_bit_in_a_path_is_refused(tower: Path, file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that is wrong though its checksum is right: the path does not lead to the root, and nothing is signed."""
    _flip(tower.parent / "key.tree" / file, HEADER + 32, mend=True)  # leaf 1, in the path of leaf 0
    with one_time_keys(monkeypatch) as signed:
        with open_key(tower) as handle, pytest.raises(hbss.StateError, match="does not lead to its root"):
            handle.sign(b"x")
        assert all(layer != 0 or len(values) <= 1 for (_, layer, _, _), values in signed.items())
    for tree in (tower.parent / "key.tree").iterdir():
        tree.unlink()
    with open_key(tower) as handle:  # as the message says
        handle.public_key().verify(handle.sign(b"x"), b"x")
    assert used_twice(signed) == []


@pytest.mark.parametrize(("node", "refused"), [(3, [2, 3]), (49, [1, 2, 3])])
def test_one_flipped_bit_in_memory_is_refused(tower: Path, node: int, refused: list[int]) -> None:
    """The same for a tree that was whole when it was loaded, below and above where the next path meets the last one."""
    with open_key(tower) as handle:
        handle.sign(b"x")
        tree = handle._tower._floors[0].tree
        assert tree._way is not None
        tree._way._nodes[32 * node + 5] ^= 4  # leaf 3, in the path of leaf 2; or the second node of level 2
        for index in range(1, 5):
            if index in refused:  # leaf 3 itself, too
                with pytest.raises(hbss.StateError, match="does not lead to its root"):
                    handle.sign(b"x")
            else:
                signature = handle.sign(b"x")
    assert index_of(HSS, signature) == 4, "the index of the refused signature is used up"


def test_a_signature_builds_no_tree_that_is_cached(tower: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening costs no key generation, nor does signing: the next tree is there when it is needed, and stays."""

    def built(spot: Spot, cache_bytes: int) -> Tree:
        raise AssertionError("a tree was built")

    monkeypatch.setattr(ahead, "build", built)
    for _ in range(8):
        with open_key(tower) as handle:
            for _ in range(8):
                handle.sign(b"x")
    (tower.parent / "key.tree" / "0-2.nodes").unlink()
    with open_key(tower) as handle, pytest.raises(AssertionError, match="was built"):
        handle.sign(b"x")
    with open_key(tower) as handle:
        assert handle.remaining == 1023 - 64, "a tree is built before an index is reserved"


def test_wrong_seeds_are_refused(tower: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the top tree cannot be built to its root, the key does not sign."""
    (tower.parent / "key.tree" / "1-0.nodes").unlink()
    monkeypatch.setattr(ahead, "build", damaged_tree)
    with open_key(tower) as handle, pytest.raises(hbss.StateError, match="do not lead to its public key"):
        handle.sign(b"x")
