"""An unfinished key: KEY.new, a folder with the seeds of a key that is being made and the finished pieces of its trees.

Whoever works in it holds a lock on the folder. Nothing of worth is in it for the first second, so that a small key pays
for no flush; then the seeds are written durably, and after them every piece that is done. Before the finished key gets
its name, the seeds are taken out again: at no moment could two keys be made of them.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import shutil
import stat
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple

from hbss import files
from hbss._native import random_bytes, wipe
from hbss.encoding import sealed
from hbss.errors import BadKey, StoreBusy
from hbss.params import ParameterSet, parameter_set, rows_of
from hbss.piecelog import PieceLog
from hbss.stores import guards
from hbss.stores.lock import unlock
from hbss.treecache import Building

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from typing_extensions import Self

PATIENCE = 1.0  # seconds of building before anything is kept
FLUSH = 5.0  # seconds between two flushes: the work that a loss of power may cost

_MAGIC = b"hbss unfinished key 2\n"
_FORMS = b"bare", b"sealed"  # of the secret
_NAMES = ("seeds", "pieces-", "tree", "key")  # how everything begins that may lie in the folder


def draft_folder(key: Path) -> Path:
    """Where a key lies while it is made."""
    return key.with_name(key.name + ".new")


# ---- the seeds -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Seeds:
    """The file `seeds`. When the key is finished no secret is left in it, and the key waits for its name."""

    set_name: str
    secret: bytearray = field(repr=False)
    public_seed: bytes
    password: bytes | None = field(default=None, repr=False)

    def checksum(self, *more: bytes) -> bytes:
        """HMAC-SHA-256 keyed from the seed, over all that is here and what is given."""
        total = hmac.new(hashlib.sha256(_MAGIC + self.secret).digest(), digestmod="sha256")
        parts: tuple[bytes | bytearray, ...] = (self.set_name.encode(), self.secret, self.public_seed, *more)
        for part in parts:
            total.update(len(part).to_bytes(8, "big"))
            total.update(part)
        return total.digest()

    def write(self, path: Path) -> None:
        """Write the file durably, readable by its owner only; the secret sealed, if there is a password."""
        form, kept = _FORMS[0], memoryview(self.secret)  # not copied
        if self.password is not None and self.secret:
            owner = _owner(self.set_name, self.public_seed)
            form, kept = _FORMS[1], memoryview(sealed.seal(self.secret, self.password, *owner))
        with files.written(path, 0o600) as file:
            file.write(_MAGIC)
            for part in (self.set_name.encode(), form, kept, self.public_seed):
                file.write(len(part).to_bytes(2, "big"))
                file.write(part)
            file.write(self.checksum())


def draw_seeds(found: ParameterSet) -> Seeds:
    """Fresh seeds of the top tree."""
    top = rows_of(found)[0]
    return Seeds(found.name, bytearray(random_bytes(top.secret_len)), random_bytes(top.public_seed_len))


class SeedFile(NamedTuple):
    """What a file of seeds says; `kept` is the secret, sealed or not."""

    path: Path
    set_name: str
    sealed: bool
    kept: bytes
    public_seed: bytes
    checksum: bytes

    def open(self, password: bytes | None = None) -> Seeds:
        """The seeds; BadKey if they must not be used, or if the password is wrong or missing."""
        secret, folder = self.kept, self.path.parent
        if self.sealed and password is None:
            raise BadKey(f"the unfinished key {folder} is under a password: give it")
        if self.kept and not self.sealed and password is not None:
            raise ValueError(f"the unfinished key {folder} is under no password: leave the password out")
        if self.sealed and password is not None:
            secret = sealed.unseal(self.kept, password, *_owner(self.set_name, self.public_seed))
        seeds = Seeds(self.set_name, bytearray(secret), self.public_seed, password)
        if not hmac.compare_digest(seeds.checksum(), self.checksum):
            raise self.damaged()
        return seeds

    def damaged(self) -> BadKey:
        """What to say of it."""
        return BadKey(
            f"{self.path} is damaged: its checksum does not fit, and no key is made of it; remove {self.path.parent} "
            "and begin again"
        )


def read_seeds(folder: Path) -> SeedFile | None:
    """The seeds of an unfinished key; None if there is none; BadKey or StateUnsafe if they must not be used."""
    path = folder / "seeds"
    try:
        guards.check_file(path)
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    parts, at = [], len(_MAGIC)
    for _ in range(4):
        start = at + 2
        at = start + int.from_bytes(data[at:start], "big")
        parts.append(data[start:at])
    found = SeedFile(path, parts[0].decode(errors="replace"), parts[1] == _FORMS[1], parts[2], parts[3], data[at:])
    if not data.startswith(_MAGIC) or parts[1] not in _FORMS or (found.sealed and not found.kept):
        raise found.damaged()
    if not found.sealed:
        wipe(found.open().secret)  # it is damaged, or it is not: that is known without a password
    if not found.kept and not (folder / "key").exists():
        return None  # the key got its name, and this folder was to be removed
    return found


def look_at(key: Path) -> tuple[ParameterSet, bool]:
    """The parameter set of an unfinished key, and whether it is sealed; FileNotFoundError if there is none; BadKey."""
    draft = draft_folder(key)
    found = read_seeds(draft)
    if found is None:
        raise FileNotFoundError(f"there is no unfinished key {draft} to go on with")
    return parameter_set(found.set_name), found.sealed


def _owner(set_name: str, public_seed: bytes) -> tuple[bytes, ...]:
    """What a sealed secret belongs to."""
    return _MAGIC, set_name.encode(), public_seed


# ---- the folder ----------------------------------------------------------------------------------------------------


class Draft:
    """KEY.new while somebody works in it: a context manager, which removes it in the end unless it is to be kept."""

    def __init__(
        self, key: Path, found: ParameterSet, *, resume: bool, keep: bool, password: bytes | None = None
    ) -> None:
        """Make the folder or, with `resume`, go on with one. keep: leave it after an exception, if seeds are in it.

        FileExistsError, StoreBusy (another process works in it), BadKey, StateUnsafe; ValueError for another set.
        """
        self.path = draft_folder(key)
        self._keep = keep
        self._logs: dict[int, PieceLog] = {}
        self._descriptor = _claim(self.path)
        try:
            left = self._take_over(found, resume, password)
        except BaseException:
            _release(self._descriptor)
            raise
        self._lasting = left is not None  # whether the seeds are in their file, and pieces worth writing
        self.seeds = left or replace(draw_seeds(found), password=password)
        self._started = self._flushed = time.monotonic()

    @property
    def finished(self) -> bool:
        """Whether the key is made, and only its name is missing."""
        return not self.seeds.secret

    @property
    def prospect(self) -> str:
        """What becomes of the work so far if it ends here, and how to go on."""
        if self._stays:
            return f"{self.path} holds what is finished: go on with resume=True, or hbss keygen --resume"
        return "nothing is left of this key: begin again, with resume=True to keep what gets finished"

    @property
    def _stays(self) -> bool:
        return self._keep and self._lasting and (not self.finished or (self.path / "key").exists())

    def restore(self, layer: int, building: Building) -> None:
        """Put the pieces of a layer's first tree that are there already into their places."""
        shape = bytes((layer, building.base, building.piece))
        log = PieceLog(self.path / f"pieces-{layer}", self.seeds.checksum(b"pieces", shape), building.piece_len)
        log.restore(building)
        self._logs[layer] = log

    def keep(self, layer: int, first: int, piece: bytearray) -> None:
        """Keep a piece of a layer's first tree: in memory for the first second, then in its file."""
        self._logs[layer].add(first, piece)
        now = time.monotonic()
        if now - self._started < PATIENCE and not self._lasting:
            return
        if not self._lasting:
            self.seeds.write(self.path / "seeds")
            files.sync_folder(self.path.parent)
            self._lasting = True
        for log in self._logs.values():
            log.write()
        if now - self._flushed > FLUSH:
            for log in self._logs.values():
                log.flush()
            files.sync_folder(self.path)
            self._flushed = now

    def finish(self) -> None:
        """The trees and the key are made and durable: take the seeds out, so that no other key is made of them."""
        wipe(self.seeds.secret)
        self.seeds = Seeds(self.seeds.set_name, bytearray(), b"")
        if self._lasting:
            self.seeds.write(self.path / "seeds")

    def _take_over(self, found: ParameterSet, resume: bool, password: bytes | None) -> Seeds | None:
        """What lies here: seeds, or scraps that are swept out."""
        mode = stat.S_IMODE(os.stat(self.path).st_mode)
        strangers = sorted(name for name in os.listdir(self.path) if not name.startswith(_NAMES))
        if strangers or (os.name == "posix" and mode & 0o077):
            holds = f"it holds {strangers[0]}" if strangers else f"others can read it (mode {mode:04o})"
            raise FileExistsError(f"{self.path} is no folder of an unfinished key: {holds}; move it away")
        seeds = read_seeds(self.path)
        if seeds is not None and not resume:
            raise FileExistsError(
                f"{self.path} holds the seeds of an unfinished key: go on with it (hbss keygen --resume, or create_key "
                "with resume=True), or remove that folder"
            )
        if seeds is not None and seeds.set_name != found.name:
            raise ValueError(f"{self.path} is an unfinished key of {seeds.set_name}, not of {found.name}")
        if seeds is None:
            _sweep(self.path, "*")
            return None
        taken = seeds.open(password)
        if taken.secret:
            _sweep(self.path, "key*", "tree", "*.tmp")  # they are made anew
        return taken

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for log in self._logs.values():
            log.close()
        wipe(self.seeds.secret)
        if error is None or not self._stays:
            shutil.rmtree(self.path, ignore_errors=True)
        _release(self._descriptor)


def _sweep(folder: Path, *patterns: str) -> None:
    for left in [path for pattern in patterns for path in folder.glob(pattern)]:
        shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink(missing_ok=True)


# ---- its lock ------------------------------------------------------------------------------------------------------


def _claim(path: Path) -> int | None:
    """Make the folder unless it is there, and lock it; a descriptor that holds the lock (on Windows there is none)."""
    while True:
        with suppress(FileExistsError):
            os.mkdir(path, 0o700)
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            raise FileExistsError(f"{path} is in the way of making the key; move it away")
        if sys.platform == "win32":
            return None
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except FileNotFoundError:  # whoever had it has finished
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.lstat(path), os.fstat(descriptor)):
                return descriptor
        except FileNotFoundError:
            pass
        except BlockingIOError:
            os.close(descriptor)
            raise StoreBusy(f"another process is making this key: it works in {path}") from None
        unlock(descriptor)


def _release(descriptor: int | None) -> None:
    if descriptor is not None:
        unlock(descriptor)
