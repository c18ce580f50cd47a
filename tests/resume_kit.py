"""What the tests of interrupted key generation share: beginning, going on, and whether the key is the right one."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple, NoReturn

import pytest

import hbss
from hbss import creation, draft, open_key
from hbss._native import Key
from hbss.families import family
from hbss.reading import Progress
from hbss.stores.keyfile import KeyFile, public_root, public_seed
from hbss.treecache import Building, Spot, build
from hbss.treefolder import TreeFolder

LARGE = "LMS_SHA256_M32_H10_W4"  # 128 pieces with the constants below
SLOW = "LMS_SHA256_M32_H10_W8"  # 1024 pieces
TOWER = "LMS_SHA256_M32_H5_W4+LMS_SHA256_M32_H10_W4"
THREE = "LMS_SHA256_M32_H5_W4+LMS_SHA256_M32_H5_W2+LMS_SHA256_M32_H10_W4"


class Interrupted(Exception):
    """Raised by a progress callback."""


def stop_after(pieces: int) -> Callable[[int, int], None]:
    """A progress callback that ends the creation after some pieces."""
    calls = 0

    def progress(done: int, total: int) -> None:
        nonlocal calls
        if calls == pieces:
            raise Interrupted
        calls += 1

    return progress


def begin(key: Path, name: str, pieces: int) -> None:
    """Leave an unfinished key."""
    with pytest.raises(Interrupted):
        creation.create(key, name, stop_after(pieces), keep=True)
    assert (key.parent / "key.new" / "seeds").exists()


def resume(key: Path, name: str, progress: Progress | None = None) -> None:
    """Go on with it."""
    creation.create(key, name, progress, resume=True, keep=True)


def secret_of(key: Path) -> bytes:
    """The secret in an unfinished key."""
    seeds = draft.read_seeds(draft.draft_folder(key))
    assert seeds is not None
    return bytes(seeds.open().secret)


def check(key: Path) -> bytes:
    """The key signs, and its trees and public key are those that its seeds give in one go; returns the secret."""
    with closing(KeyFile(key)) as file:
        row, found = file.key, file.set
    tower = family(found, row.secret, public_seed(found, row.public_key), public_root(found, row.public_key))
    folder = TreeFolder(creation.tree_folder(key), creation.identity(row.public_key))
    spot: Spot | None = None
    for layer in reversed(range(len(tower.heights))):
        spot = tower.spot(layer, 0, spot, 0)
        whole, kept = build(spot), folder.load(spot, layer, 0)
        assert kept is not None
        assert kept.nodes == whole.nodes
        if layer == len(tower.heights) - 1:
            assert whole.root == public_root(found, row.public_key)
    with open_key(key) as handle:
        handle.public_key().verify(handle.sign(b"x"), b"x")
    assert sorted(os.listdir(key.parent)) == ["key", "key.lock", "key.tree"]
    return row.secret


def note(done: list[int], now: int) -> NoReturn:
    """A progress callback's body: note what was done, and stop."""
    done.append(now)
    raise Interrupted


def child(work: Callable[[], None]) -> int:
    """Run in a process of its own; returns its number."""
    process = os.fork()
    if process == 0:
        with suppress(BaseException):
            work()
            os._exit(0)
        os._exit(1)
    return process


class Place(NamedTuple):
    """A subtree that was computed: of which tree of which set, its first leaf and its height."""

    set: str
    layer: int
    tree: int
    first: int
    height: int


def first_pieces(name: str, pieces: int) -> list[Place]:
    """The pieces of an uninterrupted build in their order, as far as `pieces`."""
    places = []
    for level in hbss.parameter_set(name).levels:
        spot = Spot(Key.from_seeds(level, bytes(32), bytes(16)), 0, 0)
        height = Building(spot).piece
        places += [Place(level, 0, 0, first, height) for first in range(0, 1 << spot.height, 1 << height)]
    return places[:pieces]
