"""A disk whose power can be cut: from a log of what a process did to its files, every state they could be left in.

Only what was flushed is known to be on the medium: the content of a file by fsync of the file, a name by fsync of its
folder (for a rename or a link, of both folders). Anything else is pending, and each pending change may have reached
the medium or not, in any combination: this is what reordering comes to, as of two writes to one place the later one
wins. A write may also be torn, at sectors of 512 bytes, and a file may have grown without its new data, which is then
zeros or rubbish. A flush that failed has flushed nothing, and what it should have flushed is never flushed by a later
one: that is how Linux forgets failed pages.
"""

from __future__ import annotations

import os
import random
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

SECTOR = 512
_HEAD = struct.Struct("<cQQQII")  # as in shim.c


class Record(NamedTuple):
    """One line of the log; kinds are letters, as shim.c writes them."""

    kind: str
    inode: int
    first: int
    second: int
    one: bytes
    two: bytes


def read_log(data: bytes) -> list[Record]:
    """The records of a log."""
    records, at = [], 0
    while at < len(data):
        kind, inode, first, second, one, two = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        records.append(
            Record(kind.decode(), inode, first, second, data[at : at + one], data[at + one : at + one + two])
        )
        at += one + two
    return records


@dataclass(eq=False)
class Node:
    """A file or a folder, as it is on the medium. `mode` counts as flushed at once."""

    mode: int
    content: bytearray = field(default_factory=bytearray)
    names: dict[str, Node] = field(default_factory=dict)

    @property
    def is_folder(self) -> bool:
        """Whether it has names rather than content."""
        return stat.S_ISDIR(self.mode)


@dataclass(eq=False)
class Change:
    """Something that was done to nodes. `waits` holds those that have not been flushed since; empty: it is durable."""

    waits: set[Node]
    forgotten: bool = field(default=False, kw_only=True)  # by a flush that failed

    def parts(self) -> int:
        """Into how many pieces it can be torn."""
        return 1

    def apply(self, image: Image, parts: range | set[int], fill: random.Random | None) -> None:
        """Do those parts of it to an image."""
        raise NotImplementedError


@dataclass(eq=False)
class Written(Change):
    """Bytes in a file: one part a sector, and before them one for the growth of the file."""

    node: Node
    at: int
    data: bytes

    def _cuts(self) -> list[int]:
        start, stop = self.at, self.at + len(self.data)
        return [start, *range(start // SECTOR * SECTOR + SECTOR, stop, SECTOR), stop]

    def parts(self) -> int:
        """One for the growth, and the sectors."""
        return len(self._cuts())

    def apply(self, image: Image, parts: range | set[int], fill: random.Random | None) -> None:
        """Data beyond the end of a file that did not grow are not seen."""
        content, cuts = image.content(self.node), self._cuts()
        growth = cuts[-1] - len(content)
        if growth > 0 and 0 in parts:
            content += fill.randbytes(growth) if fill else bytes(growth)
        for i in range(1, len(cuts)):
            start, stop = cuts[i - 1], min(cuts[i], len(content))
            if i in parts and start < stop:
                content[start:stop] = self.data[start - self.at : stop - self.at]


@dataclass(eq=False)
class Truncated(Change):
    """A file was cut, or made longer."""

    node: Node
    size: int

    def apply(self, image: Image, parts: range | set[int], fill: random.Random | None) -> None:
        """Cut, or pad with zeros."""
        content = image.content(self.node)
        del content[self.size :]
        content += bytes(self.size - len(content))


@dataclass(eq=False)
class Renamed(Change):
    """Names in folders that came to mean something else, or nothing; all of them at once, or none."""

    names: list[tuple[Node, str, Node | None]]

    def apply(self, image: Image, parts: range | set[int], fill: random.Random | None) -> None:
        """Set them."""
        for folder, name, node in self.names:
            if node is None:
                image.names(folder).pop(name, None)
            else:
                image.names(folder)[name] = node


class Image:
    """A state of the disk, made from the medium by some of the pending changes."""

    def __init__(self) -> None:
        self._contents: dict[Node, bytearray] = {}
        self._names: dict[Node, dict[str, Node]] = {}

    def content(self, node: Node) -> bytearray:
        """Of a file, to be changed."""
        if node not in self._contents:
            self._contents[node] = bytearray(node.content)
        return self._contents[node]

    def names(self, node: Node) -> dict[str, Node]:
        """Of a folder, to be changed."""
        if node not in self._names:
            self._names[node] = dict(node.names)
        return self._names[node]

    def walk(self, root: Node, at: str = "") -> Iterator[tuple[str, Node, bytes]]:
        """Path below the root, node and content of everything, folders before what is in them."""
        names = self._names.get(root, root.names)
        for name, node in sorted(names.items()):
            yield f"{at}{name}", node, b"" if node.is_folder else bytes(self._contents.get(node, node.content))
            if node.is_folder:
                yield from self.walk(node, f"{at}{name}/")

    def write(self, root: Node, folder: Path) -> None:
        """Put it into an empty folder, hard links included."""
        written: dict[Node, Path] = {}
        for path, node, content in self.walk(root):
            target = folder / path
            if node.is_folder:
                target.mkdir()
            elif node in written:
                os.link(written[node], target)
            else:
                target.write_bytes(content)
                written[node] = target
            target.chmod(stat.S_IMODE(node.mode))


class Disk:
    """A folder, and what a log does to it: `root` is on the medium, `pending` may be."""

    def __init__(self, folder: Path) -> None:
        """Begin with the folder as it is now, all of it durable."""
        self._base = str(folder.resolve())
        self._nodes: dict[int, Node] = {}
        self.root = self._load(folder)
        self._now = Image()  # what the process itself sees
        self._changes: list[Change] = []

    @property
    def pending(self) -> list[Change]:
        """Changes that a power cut may undo, in their order."""
        return [change for change in self._changes if change.waits]

    def image(self, chosen: dict[int, range | set[int]], fill: random.Random | None = None) -> Image:
        """The disk with those parts of pending changes (by their place in `pending`) that are chosen."""
        image, place = Image(), -1
        for change in self._changes:
            if change.waits:
                place += 1
                if place in chosen:
                    change.apply(image, chosen[place], fill)
            else:
                change.apply(image, range(change.parts()), None)
        return image

    def follow(self, record: Record) -> None:
        """What one record does; ValueError for a call that this model does not know."""
        kind, inode = record.kind, record.inode
        if kind == "W":
            node = self._nodes[inode]
            self._add(Written({node}, node=node, at=record.first, data=record.one))
        elif kind == "T":
            node = self._nodes[inode]
            self._add(Truncated({node}, node=node, size=record.first))
        elif kind in "Ss":
            self._flush(self._nodes[inode], failed=kind == "s")
        elif kind in "CD":
            self._nodes[inode] = node = Node(record.first)
            self._rename((record.one, node))
        elif kind == "U":
            self._rename((record.one, None))
        elif kind == "R" and record.first == 0:
            self._rename((record.one, None), (record.two, self._find(record.one)))
        elif kind == "L":
            self._rename((record.two, self._find(record.one)))
        elif kind == "P":
            self._nodes[inode].mode = record.first
        elif kind != "M" and not (
            kind == "X" and record.two.endswith(b"-shm")
        ):  # SQLite's, and made anew after a crash
            raise ValueError(f"the model of a disk does not know this call: {record.one!r} of {record.two!r}")

    # ---- inside

    def _load(self, path: Path) -> Node:
        found = path.lstat()
        node = self._nodes[found.st_ino] = Node(found.st_mode)
        if node.is_folder:
            node.names = {child.name: self._load(child) for child in path.iterdir()}
        else:
            node.content[:] = path.read_bytes()
        return node

    def _add(self, change: Change) -> None:
        change.apply(self._now, range(change.parts()), None)
        self._changes.append(change)

    def _rename(self, *pairs: tuple[bytes, Node | None]) -> None:
        names = []
        for path, node in pairs:
            folder, name = self._folder(os.fsdecode(path))
            names.append((folder, name, node))
        self._add(Renamed({folder for folder, _, _ in names}, names=names))

    def _flush(self, node: Node, failed: bool) -> None:
        for change in self._changes:
            if node in change.waits and failed:
                change.forgotten = True
            elif not change.forgotten:
                change.waits.discard(node)
        while self._changes and not self._changes[0].waits:
            self._settle(self._changes.pop(0))

    def _settle(self, change: Change) -> None:
        """Put a durable change onto the medium."""
        image = Image()
        change.apply(image, range(change.parts()), None)
        if isinstance(change, Renamed):
            for folder, _, _ in change.names:
                folder.names = image.names(folder)
        elif isinstance(change, Written | Truncated):
            change.node.content = image.content(change.node)

    def _folder(self, path: str) -> tuple[Node, str]:
        parts = os.path.relpath(path, self._base).split("/")
        node = self.root
        for part in parts[:-1]:
            node = self._now.names(node)[part]
        return node, parts[-1]

    def _find(self, path: bytes) -> Node:
        folder, name = self._folder(os.fsdecode(path))
        return self._now.names(folder)[name]
