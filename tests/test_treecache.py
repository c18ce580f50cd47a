"""Trees built in pieces: every node, every path, small and large layouts, and their files."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from hbss._native import Key, random_bytes
from hbss.params import rows
from hbss.treecache import CACHE_BYTES, Building, Spot, Subtree, Tree, build, call_height, is_sound, lowest_level
from hbss.treefolder import TreeFolder

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


@pytest.mark.parametrize(("kept", "base"), [(1 << 20, 0), (32 * 1025, 1), (32 * 300, 3), (32 * 100, 5), (0, 5)])
def test_large_trees_leave_out_their_lowest_levels(kept: int, base: int) -> None:
    """The same nodes and paths, whatever part is kept: what is missing is computed again."""
    where = spot("LMS_SHA256_M32_H10_W4")
    nodes = build(where).nodes
    tree = build(where, cache_bytes=kept)
    assert tree.base == base
    assert len(tree.nodes) <= max(kept, 32 * 63)
    assert nodes.endswith(tree.nodes)
    assert is_sound(tree)
    for leaf in (0, 1, 2, 511, 512, 700, 1023, 0):
        assert tree.node(0, leaf) == nodes[32 * leaf : 32 * leaf + 32]
        assert tree.climb(leaf, tree.path(leaf)) == tree.root


def test_every_node_above_the_lowest_level_is_checked() -> None:
    """Of a finished tree: one wrong bit in a node that others lead to is found, wherever it lies."""
    tree = build(spot("LMS_SHA256_M32_H10_W4"), cache_bytes=32 * 100)
    assert is_sound(tree)
    for node in (0, 40, 62):
        nodes = bytearray(tree.nodes)
        nodes[32 * node + 7] ^= 1
        assert not is_sound(Tree(tree.spot, nodes))


def test_the_bottom_of_a_large_tree_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signing leaf after leaf computes each small subtree at the bottom once, and forgets those before."""
    tree = build(spot("LMS_SHA256_M32_H10_W4"), cache_bytes=32 * 100)
    calls: list[tuple[int, ...]] = []
    compute = Key.tree

    def counted(self: Key, *place: int) -> bytearray:
        calls.append(place)
        return compute(self, *place)

    monkeypatch.setattr(Key, "tree", counted)
    for leaf in range(512):
        tree.climb(leaf, tree.path(leaf))
    assert calls == [(0, 0, first, 5) for first in range(0, 512, 32)]
    for leaf in range(300, 320):  # two batches take turns
        tree.path(leaf)
        tree.path(leaf + 180)
    assert len(calls) == 16 + 1
    assert len(tree.bottoms) <= 5


@pytest.mark.parametrize("steps", [[32], [1] * 32, [3, 1, 9, 2, 40]])
def test_a_subtree_grows_leaf_by_leaf(steps: list[int]) -> None:
    """The nodes are the same in whatever steps they come; asked for more leaves than there are, it is whole."""
    where = spot("XMSSMT-SHA2_20/4_256", layer=2, tree=9)
    grown = Subtree(where, 0, 5)
    for step in steps:
        assert grown.missing == 32 - grown.done
        grown.grow(step)
    grown.grow(99)
    assert grown.nodes == whole(where)
    assert grown.lowest(3) == where.key.tree(2, 9, 0, 3)
    later = Subtree(where, 24, 3)
    later.grow(5)
    later.grow(3)
    assert later.nodes == where.key.tree(2, 9, 24, 3)


def test_pieces_are_placed_in_any_order() -> None:
    """As they come from a file of pieces: what they complete is computed, and only what is missing is left to do."""
    where = spot("LMS_SHA256_M32_H10_W8")
    expected = build(where).nodes
    building = Building(where)
    pieces = [number << building.piece for number in range(1 << (10 - building.piece))]
    for first in [*pieces[7:], *pieces[:5], pieces[9]]:
        building.place(first, where.key.tree(0, 0, first, building.piece))
    assert building.done == 1024 - (2 << building.piece)
    seen: list[int] = []
    assert building.finish(seen.append).nodes == expected
    assert sum(seen) == 2 << building.piece


@pytest.mark.parametrize(
    ("n", "height", "base"),
    [(32, 5, 0), (32, 16, 0), (32, 20, 4), (24, 20, 4), (64, 20, 5), (32, 25, 9), (24, 25, 9)],
)
def test_what_is_kept_of_real_trees(n: int, height: int, base: int) -> None:
    """All levels of 2^16 leaves of 32 bytes, less of what is larger."""
    assert lowest_level(n, height, CACHE_BYTES) == base
    assert ((2 << (height - base)) - 1) * n <= CACHE_BYTES
    assert lowest_level(32, height, 64 << 20) == max(0, height - 20)


@pytest.mark.parametrize("name", [name for name, row in rows().items() if row.scheme != "SLH-DSA"])
def test_calls_are_short(name: str) -> None:
    """None computes more than some 2^18 hashes, in whatever set; and no piece is lower than what is kept."""
    row = rows()[name]
    where = Spot(Key.from_seeds(name, bytes(row.secret_len), bytes(row.public_seed_len)), 0, 0)
    steps = (row.len1 + row.len2) * ((1 << row.lg_w) - 1) * (1 if row.scheme == "LMS" else 3)
    assert steps << call_height(where) <= 1 << 19
    for cache_bytes in (0, 1 << 14, 1 << 30):
        building = Building(where, cache_bytes) if where.height <= 10 or cache_bytes < 1 << 20 else None
        assert building is None or building.base <= building.piece <= where.height


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
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("hbss")]


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


@pytest.mark.parametrize("saved", [0, 2, 5])
@pytest.mark.parametrize("kept", [0, 2, 5])
def test_a_file_may_hold_more_levels_or_fewer(tmp_path: Path, saved: int, kept: int) -> None:
    """What it has below the levels that are kept is left out of memory; what it lacks is computed again."""
    where = spot("LMS_SHA256_M32_H10_W4")
    tree = build(where)
    folder = TreeFolder(tmp_path / "key.tree", bytes(32))
    folder.save(build(where, cache_bytes=((2 << (10 - saved)) - 1) * 32), 0, 0)
    loaded = folder.load(where, 0, 0, kept)
    assert loaded is not None
    assert loaded.base == max(saved, kept)
    assert tree.nodes.endswith(loaded.nodes)
    assert [loaded.path(leaf) for leaf in (0, 77, 1023)] == [tree.path(leaf) for leaf in (0, 77, 1023)]
    file = folder.path / "0-0.nodes"
    data = bytearray(file.read_bytes())
    data[150] ^= 1  # also in a level that is left out
    file.write_bytes(data)
    assert folder.load(where, 0, 0, kept) is None


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
