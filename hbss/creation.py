"""Making a stateful key: seeds, the first tree of every layer, the key file; all of it, or nothing.

Everything is made in a folder of its own beside the key (see `draft`) and takes its place at the end, the key file last
and without replacing anything: a key has all its trees from the moment it exists, and they have been checked.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from hbss import files, workers
from hbss._native import Key
from hbss.draft import Draft, draft_folder, look_at
from hbss.errors import StateError, WorkerLost
from hbss.families import family
from hbss.params import ParameterSet, hss_form
from hbss.portable import portable
from hbss.reading import Progress
from hbss.stores import guards, keyfile
from hbss.stores.keyfile import KeyRow, stateful_set
from hbss.treecache import CACHE_BYTES, Building, Spot, Tree, is_sound
from hbss.treefolder import TreeFolder


def tree_folder(path: Path) -> Path:
    """Where the trees of a key lie."""
    return path.with_name(path.name + ".tree")


def identity(public_key: bytes) -> bytes:
    """What tree files call their key."""
    return hashlib.sha256(public_key).digest()


def create(
    path: str | os.PathLike[str],
    name: str | ParameterSet,
    progress: Progress | None,
    *,
    resume: bool = False,
    keep: bool = False,
    cache_bytes: int = CACHE_BYTES,
    executor: Executor | None = None,
    password: bytes | None = None,
) -> None:
    """What `hbss.create_key` does. resume: go on with an unfinished key if there is one; keep: leave one behind."""
    found = stateful_set(name)
    target = guards.resolve(path)
    guards.check_place(target)
    if not os.path.lexists(draft_folder(target)):
        refuse_taken(target)
    with Draft(target, found, resume=resume, keep=keep, password=password) as draft:
        if draft.finished:
            _withdraw(draft.path, target)  # it was interrupted while it got its name
        else:
            refuse_taken(target)
            try:
                row = _make(found, draft, progress, cache_bytes, executor)
                keyfile.create_file(draft.path / "key", row, password=password)
            except WorkerLost as error:
                raise WorkerLost(f"{error}; {draft.prospect}") from error.__cause__
            draft.finish()
        place(draft.path, target)


def unfinished(path: str | os.PathLike[str]) -> tuple[ParameterSet, bool]:
    """The parameter set of the unfinished key beside `path`, and whether it is under a password.

    FileNotFoundError if there is none.
    """
    return look_at(guards.resolve(path))


def refuse_taken(path: Path) -> None:
    """FileExistsError if the key, its trees or a journal is there: SQLite would roll a foreign journal into the key."""
    files.refuse_taken(path, tree_folder(path), *(Path(f"{path}{end}") for end in ("-journal", "-wal", "-shm")))


# ---- making --------------------------------------------------------------------------------------------------------


class _Counter:
    """Sums up the leaves of all trees for a progress callback."""

    def __init__(self, done: int, total: int, progress: Progress | None) -> None:
        self._done, self._total = done, total
        self._progress = progress
        self(0)

    def __call__(self, leaves: int) -> None:
        self._done += leaves
        if self._progress is not None:
            self._progress(self._done, self._total)


def _make(
    found: ParameterSet, draft: Draft, progress: Progress | None, cache_bytes: int, executor: Executor | None
) -> KeyRow:
    """Build the first tree of every layer, from the top down."""
    with _spots(found, draft, executor) as spots:
        buildings = [Building(spot, cache_bytes) for spot in spots]
        for layer in range(len(buildings)):  # the list alone holds them
            draft.restore(layer, buildings[layer])
        done = sum(building.done for building in buildings)
        counter = _Counter(done, sum(1 << height for height in found.heights), progress)
        for layer in reversed(range(len(spots))):
            tree = buildings.pop().finish(counter, partial(draft.keep, layer), executor)
            if layer == len(spots) - 1:
                public_key = _public_key(found, draft, tree)
                folder = TreeFolder(draft.path / "tree", identity(public_key))
            folder.save(tree, layer, 0)
            spot, root = tree.spot, tree.root
            del tree  # the check reads it from the disk, and a large one does not lie in memory twice
            _check(folder, spot, layer, root)
    return KeyRow(found.name, public_key, bytes(draft.seeds.secret))


def _public_key(found: ParameterSet, draft: Draft, top: Tree) -> bytes:
    seeds = draft.seeds
    bare = Key.from_seeds(top.spot.key.set.name, seeds.secret, seeds.public_seed, top.root).public_bytes()
    return hss_form(len(found.levels), bare)


@contextmanager
def _spots(found: ParameterSet, draft: Draft, executor: Executor | None) -> Iterator[list[Spot]]:
    """Where the first trees of all layers stand, the lowest first; the keys are such as the executor needs."""
    seeds = draft.seeds
    tower = family(found, seeds.secret, seeds.public_seed, None)
    spots = [tower.spot(len(tower.heights) - 1, 0, None, 0)]
    for layer in reversed(range(len(tower.heights) - 1)):
        spots.insert(0, tower.spot(layer, 0, spots[0], 0))
    if workers.is_local(executor):
        yield spots
    else:
        with portable(spots, seeds.secret, seeds.public_seed) as carried:
            yield carried


def _check(folder: TreeFolder, spot: Spot, layer: int, root: bytes) -> None:
    """Read a tree back as it will be used, and compute it again; StateError if it is not the one that was built."""
    tree = folder.load(spot, layer, 0)
    if tree is None or tree.root != root or not is_sound(tree):
        raise StateError(
            f"a tree in {folder.path} is not the one that was built: the disk or the memory of this machine is at "
            f"fault, and no key was made; remove {folder.path.parent} and begin again, on another machine"
        )


# ---- placing -------------------------------------------------------------------------------------------------------


def place(workshop: Path, target: Path) -> None:
    """Give trees and key their names, which must still be free."""
    refuse_taken(target)
    try:
        with suppress(FileNotFoundError):  # a key may come without trees
            os.rename(workshop / "tree", tree_folder(target))
        os.link(workshop / "key", target)  # unlike rename, this never replaces
        files.sync_folder(target.parent)
        os.unlink(workshop / "key")  # until then the key has two names, and is refused
        files.sync_folder(workshop)
    except BaseException:
        _withdraw(workshop, target)
        raise


def _withdraw(workshop: Path, target: Path) -> None:
    """Undo a placing that was interrupted: only what is ours, and nothing if it came to its end."""
    if not os.path.exists(workshop / "key"):
        return
    with suppress(OSError):
        if os.path.samestat(os.lstat(workshop / "key"), os.lstat(target)):
            os.unlink(target)
    if not os.path.exists(workshop / "tree"):
        with suppress(OSError):
            os.rename(tree_folder(target), workshop / "tree")
