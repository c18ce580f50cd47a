"""Trees built in pieces: every node, every path, small and large layouts, and their files."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from hbss import treecache
from hbss._native import Key, random_bytes
from hbss.params import rows
from hbss.treecache import Spot, Tree, TreeFolder, build, lowest_level, piece_height

SETS = [
    "LMS_SHA256_M32_H5_W8",
    "LMS_SHA256_M24_H10_W8",
    "LMS_SHA256_M32_H10_W4",
    "XMSS-SHA2_10_256",
    "XMSSMT-SHA2_20/4_256",
]


def spot(name: str, layer: int = 0, tree: int = 0) -> Spot:
    """A tree of a fresh key."""
    row = rows()[name]
    return Spot(Key.from_seeds(name, random_bytes(row.secret_len), random_bytes(row.public_seed_len)), layer, tree)


def whole(where: Spot) -> bytes:
    """All nodes of a tree by one call of the C library."""
    return bytes(where.key.tree(where.layer, where.tree, 0, where.height))


@pytest.mark.parametrize("name", SETS)
def test_a_tree_in_pieces_is_the_tree(name: str) -> None:
    """Pieces and the levels above them give the same nodes as one call."""
    where = spot(name)
    assert build(where).nodes == whole(where)


def test_other_layers_and_trees() -> None:
    """Layer and number of a tree reach its hashes."""
    where = spot("XMSSMT-SHA2_20/4_256")
    roots = {
        build(Spot(where.key, layer, tree)).root for layer, tree in [(0, 0), (0, 7), (0, 32767), (1, 0), (1, 7), (3, 0)]
    }
    assert len(roots) == 6


@pytest.mark.parametrize("name", SETS)
def test_every_path_leads_to_the_root(name: str) -> None:
    """Of every leaf; and no path fits another leaf."""
    tree = build(spot(name))
    last = (1 << tree.spot.height) - 1
    for leaf in range(last + 1) if last < 100 else [*range(0, last, 37), last]:
        assert tree.climb(leaf, tree.path(leaf)) == tree.root
        assert tree.climb(leaf, tree.path((leaf + 1) & last)) != tree.root


@pytest.mark.parametrize(
    ("bytes_kept", "base"), [(1 << 20, 0), (32 * 1025, 1), (32 * 300, 3), (32 * 100, 5), (32 * 3, 9), (32, 10)]
)
def test_large_trees_leave_out_their_lowest_levels(monkeypatch: pytest.MonkeyPatch, bytes_kept: int, base: int) -> None:
    """The same nodes and paths, whatever part is kept: what is missing is computed again."""
    where = spot("LMS_SHA256_M32_H10_W4")
    nodes = build(where).nodes
    monkeypatch.setattr(treecache, "MAX_BYTES", bytes_kept)
    assert lowest_level(32, 10) == base
    tree = build(where)
    assert len(tree.nodes) <= max(bytes_kept, 32)
    assert nodes.endswith(tree.nodes)
    for leaf in (0, 1, 2, 511, 512, 700, 1023, 0):
        assert tree.node(0, leaf) == nodes[32 * leaf : 32 * leaf + 32]
        assert tree.climb(leaf, tree.path(leaf)) == tree.root


def test_the_bottom_of_a_large_tree_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signing leaf after leaf computes each small subtree at the bottom once."""
    monkeypatch.setattr(treecache, "MAX_BYTES", 32 * 100)
    tree = build(spot("LMS_SHA256_M32_H10_W4"))
    calls: list[tuple[int, ...]] = []
    compute = Key.tree

    def counted(self: Key, *place: int) -> bytearray:
        calls.append(place)
        return compute(self, *place)

    monkeypatch.setattr(Key, "tree", counted)
    for leaf in range(64):
        tree.climb(leaf, tree.path(leaf))
    assert calls == [(0, 0, 0, 5), (0, 0, 32, 5)]


@pytest.mark.parametrize(
    ("n", "height", "base"),
    [(32, 5, 0), (32, 20, 0), (24, 20, 0), (64, 20, 1), (32, 25, 5), (24, 25, 5)],
)
def test_what_is_kept_of_real_trees(n: int, height: int, base: int) -> None:
    """All levels of 2^20 leaves of 32 bytes, less of what is larger."""
    assert lowest_level(n, height) == base
    assert ((2 << (height - base)) - 1) * n <= treecache.MAX_BYTES


@pytest.mark.parametrize("name", [name for name, row in rows().items() if row.scheme != "SLH-DSA"])
def test_pieces_are_short(name: str) -> None:
    """No call computes more than some 2^18 hashes, in whatever set; and no piece is lower than what is kept."""
    row = rows()[name]
    height = piece_height(Spot(Key.from_seeds(name, bytes(row.secret_len), bytes(row.public_seed_len)), 0, 0))
    steps = (row.len1 + row.len2) * ((1 << row.lg_w) - 1) * (1 if row.scheme == "LMS" else 3)
    assert lowest_level(row.n, row.h // row.d) <= height <= row.h // row.d
    assert steps << height <= 1 << 19


def test_progress_sums_to_all_leaves() -> None:
    """Every piece is reported once."""
    seen: list[int] = []
    build(spot("LMS_SHA256_M32_H10_W8"), seen.append)
    assert sum(seen) == 1024
    assert len(seen) == 32


def test_an_interrupt_ends_a_build(monkeypatch: pytest.MonkeyPatch) -> None:
    """Soon, and without threads left behind."""

    def report(leaves: int) -> None:
        raise KeyboardInterrupt

    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        build(spot("LMS_SHA256_M32_H20_W8"), report)
    assert time.monotonic() - start < 2
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("hbss-tree")]


# ---- files ---------------------------------------------------------------------------------------------------------


def test_a_saved_tree_is_loaded(tmp_path: Path) -> None:
    """Nodes and all, and no temporary file is left."""
    tree = build(spot("LMS_SHA256_M32_H5_W8"))
    folder = TreeFolder(tmp_path / "key.tree", bytes(32))
    assert folder.load(tree.spot, 0, 0) is None
    folder.save(tree, 0, 0)
    assert os.listdir(folder.path) == ["0-0.nodes"]
    loaded = folder.load(tree.spot, 0, 0)
    assert isinstance(loaded, Tree)
    assert loaded.nodes == tree.nodes
    assert loaded.path(17) == tree.path(17)


def test_a_file_is_of_one_tree_of_one_key(tmp_path: Path) -> None:
    """Another place, another key, another set: not loaded."""
    where = spot("LMS_SHA256_M32_H5_W8")
    folder = TreeFolder(tmp_path / "key.tree", bytes(32))
    folder.save(build(where), 1, 5)
    file = folder.path / "1-5.nodes"
    (folder.path / "0-5.nodes").write_bytes(file.read_bytes())
    (folder.path / "1-6.nodes").write_bytes(file.read_bytes())
    assert folder.load(where, 1, 5) is not None
    assert folder.load(where, 0, 5) is None
    assert folder.load(where, 1, 6) is None
    assert folder.load(spot("LMS_SHA256_M32_H5_W4"), 1, 5) is None
    assert TreeFolder(folder.path, bytes(31) + b"\1").load(where, 1, 5) is None


def test_passed_trees_are_removed(tmp_path: Path) -> None:
    """Those before, of this layer, and nothing that is not ours."""
    folder = TreeFolder(tmp_path, bytes(32))
    for name in ("0-9.nodes", "0-10.nodes", "0-11.nodes", "1-3.nodes", "0-x.nodes", "notes"):
        (tmp_path / name).touch()
    folder.prune(0, 10)
    assert sorted(os.listdir(tmp_path)) == ["0-10.nodes", "0-11.nodes", "0-x.nodes", "1-3.nodes", "notes"]
