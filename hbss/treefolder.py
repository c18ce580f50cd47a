"""KEY.tree: the trees of a stateful key on the disk, a file each, so that opening a key computes none of them again.

A file that is missing, damaged or of another key is passed over. It may hold more or fewer levels than are kept now.
"""

from __future__ import annotations

import hashlib
import os
import struct
from contextlib import suppress
from pathlib import Path

from hbss import files
from hbss.treecache import Spot, Tree, base_of, offset

_HEADER = struct.Struct(">8sI32s32sIQ32s")
_MAGIC = b"hbsstree"
_VERSION = 1
_PART = 1 << 20  # bytes of a file that are read at a time, where they are only checked


class TreeFolder:
    """One file a tree. `identity` is 32 bytes that name the key."""

    def __init__(self, path: Path, identity: bytes) -> None:
        self.path = path
        self._identity = identity

    def load(self, spot: Spot, layer: int, number: int, base: int = 0) -> Tree | None:
        """A tree, if its file is there, whole, and of this key; what the file has below level `base` is left out."""
        with suppress(OSError, ValueError), open(self._file(layer, number), "rb") as file:
            header, digest = file.read(_HEADER.size), hashlib.sha256()
            length = os.fstat(file.fileno()).st_size - _HEADER.size
            found = base_of(spot, length)
            surplus = offset(spot.height, found, max(found, base)) * spot.n
            for start in range(0, surplus, _PART):
                digest.update(file.read(min(_PART, surplus - start)))
            nodes = file.read(length - surplus)
            digest.update(nodes)
            if header == self._header(spot, layer, number, digest.digest()):
                return Tree(spot, nodes)
        return None

    def save(self, tree: Tree, layer: int, number: int) -> None:
        """Write a tree; OSError if that fails."""
        self.path.mkdir(exist_ok=True)
        with files.written(self._file(layer, number)) as file:
            file.write(self._header(tree.spot, layer, number, hashlib.sha256(tree.nodes).digest()))
            file.write(tree.nodes)

    def prune(self, layer: int, number: int) -> None:
        """Remove the trees of a layer that come before this one: no signature will need them again."""
        for file in self.path.glob(f"{layer}-*.nodes"):
            with suppress(ValueError, OSError):
                if int(file.stem.partition("-")[2]) < number:
                    file.unlink()

    def _file(self, layer: int, number: int) -> Path:
        return self.path / f"{layer}-{number}.nodes"

    def _header(self, spot: Spot, layer: int, number: int, digest: bytes) -> bytes:
        return _HEADER.pack(_MAGIC, _VERSION, spot.key.set.name.encode(), self._identity, layer, number, digest)
