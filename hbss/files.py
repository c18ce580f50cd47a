"""Writing files so that a name holds either nothing, the old content, or all of the new: never a part."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def written(path: Path, mode: int = 0o666, *, new: bool = False) -> Iterator[BinaryIO]:
    """A file to write, which takes the name `path` once the block ends without an exception, flushed to the disk.

    mode: as for os.open, before the umask. new: FileExistsError if the name is taken, else it is replaced.
    """
    temporary = temporary_name(path)
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except OSError as error:
        error.filename = str(path)  # the name that the user knows
        raise
    try:
        with open(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if new:
            os.link(temporary, path)  # unlike rename, this never replaces
        else:
            os.replace(temporary, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
    sync_folder(path.parent)


def temporary_name(path: Path) -> Path:
    """A free name beside `path`, for what will take its place."""
    return path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable (where the system lets a folder be opened)."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:
        return  # Windows
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def same(one: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    """Whether two names lead to one file. It looks at the names only, and opens nothing."""
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def refuse_taken(*paths: Path) -> None:
    """FileExistsError if one of these names is in use, even by a link that leads nowhere."""
    for path in paths:
        if os.path.lexists(path):
            raise FileExistsError(f"{path} exists already and is not overwritten; choose another name or move it away")
