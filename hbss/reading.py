"""Messages in files: read in pieces and never held, from where a file stands to its end."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from hbss.message import view

File = str | os.PathLike[str] | BinaryIO
Progress = Callable[[int, int], object]  # what is done, and all there is to do, 0 where that is not known

PIECE = 1 << 20  # bytes that are read at once
SPOOL = 1 << 30  # most bytes of a stream that are kept on disk, because they are needed twice


@contextmanager
def opened(file: File) -> Iterator[BinaryIO]:
    """A file by its name, closed in the end; or one that is open already, as it is. TypeError for anything else."""
    if isinstance(file, str | os.PathLike):
        with open(file, "rb", buffering=0) as found:
            yield found
    elif hasattr(file, "read"):
        yield file
    else:
        raise TypeError(f"a file is its path, or open in binary; not {type(file).__name__}")


def pieces(file: BinaryIO, progress: Progress | None = None) -> Iterator[memoryview]:
    """The rest of a file.

    progress: called with (bytes read, bytes in all) at the start and while it is read; the latter is 0 if the file has
    no end yet.
    """
    return _pieces(file, progress, 0, 0 if progress is None else _left(file))


class Repeated:
    """The rest of a file, after some first bytes of a message: to be read `times` times, each time by a new loop.

    ValueError if a later reading does not find as many bytes as the first.
    """

    def __init__(self, first: bytes, file: BinaryIO, times: int, progress: Progress | None) -> None:
        self._first, self._file, self._progress = first, file, progress
        self._start, self._length = file.tell(), _left(file)
        self._total = times * self._length
        self._done = 0

    def __iter__(self) -> Iterator[bytes | memoryview]:
        yield self._first
        self._file.seek(self._start)
        read = 0
        for piece in _pieces(self._file, self._progress, self._done, self._total):
            read += len(piece)
            yield piece
        self._done += read
        if read != self._length:
            raise ValueError(
                f"the file changed while it was read: of {self._length:,} bytes then {read:,}; nothing was signed"
            )


@contextmanager
def repeatable(file: BinaryIO) -> Iterator[BinaryIO]:
    """The file itself if it can be read twice, else a copy of the rest of it, which has no name and goes in the end.

    ValueError if that is more than SPOOL bytes.
    """
    if file.seekable():
        yield file
        return
    with tempfile.TemporaryFile() as spool:
        for piece in pieces(file):
            if spool.tell() + len(piece) > SPOOL:
                raise ValueError(
                    f"SLH-DSA reads a message twice, and no stream of more than {SPOOL >> 20:,} MiB is kept for that: "
                    "save it to a file, or sign its hash (sign_prehash, or a key that is bound to a pre-hash)"
                )
            spool.write(piece)
        spool.seek(0)
        yield spool


def _pieces(file: BinaryIO, progress: Progress | None, done: int, total: int) -> Iterator[memoryview]:
    tell = progress or _ignore
    tell(done, total)
    while piece := _read(file):
        yield piece
        done += len(piece)
        tell(done, total)


def _ignore(done: int, total: int) -> None:
    """Nobody wants to know."""


def _read(file: BinaryIO) -> memoryview:
    piece: Any = file.read(PIECE)
    if piece is None:
        raise ValueError("the file is open without blocking, and has nothing to read yet; open it blocking")
    return view(piece, "content of a file, which is to be opened in binary,")


def _left(file: BinaryIO) -> int:
    """Bytes from where a file stands to its end; 0 if that cannot be known."""
    if not file.seekable():
        return 0
    start = file.tell()
    end = file.seek(0, os.SEEK_END)
    file.seek(start)
    return end - start
