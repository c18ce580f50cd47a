"""Making a stateful key: seeds, the first tree of every layer, the key file; all of it, or nothing.

Everything is made in a temporary folder beside the key and takes its place at the end, the key file last and without
replacing anything: a key has all its trees from the moment it exists.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from hbss import files
from hbss._native import Key, random_bytes, wipe
from hbss.families import Family, family
from hbss.params import ParameterSet, rows
from hbss.stores import guards, keyfile
from hbss.stores.keyfile import KeyRow, stateful_set
from hbss.treecache import Spot, Tree, TreeFolder, build


def tree_folder(path: Path) -> Path:
    """Where the trees of a key lie."""
    return path.with_name(path.name + ".tree")


def identity(public_key: bytes) -> bytes:
    """What tree files call their key."""
    return hashlib.sha256(public_key).digest()


def create(path: str | os.PathLike[str], name: str | ParameterSet, progress: Callable[[int, int], None] | None) -> None:
    """What `hbss.create_key` does."""
    found = stateful_set(name)
    target = guards.resolve(path)
    refuse_taken(target)
    guards.check_place(target)
    workshop = Path(tempfile.mkdtemp(prefix=f"{target.name}.new-", dir=target.parent))
    try:
        key = _make(found, workshop / "tree", _Counter(found, progress))
        keyfile.create_file(workshop / "key", key)
        place(workshop, target)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def refuse_taken(path: Path) -> None:
    """FileExistsError if the key, its trees or a journal is there: SQLite would roll a foreign journal into the key."""
    files.refuse_taken(path, tree_folder(path), *(Path(f"{path}{end}") for end in ("-journal", "-wal", "-shm")))


class _Counter:
    """Sums up the leaves of all trees for a progress callback."""

    def __init__(self, found: ParameterSet, progress: Callable[[int, int], None] | None) -> None:
        self._progress = progress
        self._total = sum(1 << height for height in found.heights)
        self._done = 0

    def __call__(self, leaves: int) -> None:
        self._done += leaves
        if self._progress is not None:
            self._progress(self._done, self._total)


def _make(found: ParameterSet, folder: Path, counter: _Counter) -> KeyRow:
    """Draw the seeds and build the first tree of every layer, from the top down."""
    top = rows()[found.levels[0] if found.levels else found.name]
    secret, public_seed = bytearray(random_bytes(top.secret_len)), random_bytes(top.public_seed_len)
    try:
        tower = family(found, secret, public_seed, None)
        highest = build(tower.spot(len(tower.heights) - 1, 0, None, 0), counter)
        bare = Key.from_seeds(top.name, secret, public_seed, highest.root).public_bytes()
        public_key = len(found.levels).to_bytes(4, "big") + bare if found.levels else bare
        _build_below(tower, highest, TreeFolder(folder, identity(public_key)), counter)
        return KeyRow(found.name, public_key, bytes(secret))
    finally:
        wipe(secret)


def _build_below(tower: Family, highest: Tree, folder: TreeFolder, counter: _Counter) -> None:
    spot: Spot = highest.spot
    layer = len(tower.heights) - 1
    folder.save(highest, layer, 0)
    while layer > 0:
        layer -= 1
        spot = tower.spot(layer, 0, spot, 0)
        folder.save(build(spot, counter), layer, 0)


def place(workshop: Path, target: Path) -> None:
    """Give trees and key their names, which must still be free."""
    refuse_taken(target)
    try:
        os.rename(workshop / "tree", tree_folder(target))
        os.link(workshop / "key", target)  # unlike rename, this never replaces
        os.unlink(workshop / "key")  # until then the key has two names, and is refused
        files.sync_folder(target.parent)
    except BaseException:
        if os.path.exists(workshop / "key"):
            _withdraw(workshop, target)
        raise


def _withdraw(workshop: Path, target: Path) -> None:
    """Undo a placing that was interrupted: only what is ours."""
    with suppress(OSError):
        if os.path.samestat(os.lstat(workshop / "key"), os.lstat(target)):
            os.unlink(target)
    if not os.path.exists(workshop / "tree"):
        shutil.rmtree(tree_folder(target), ignore_errors=True)
