"""The finished pieces of a tree that takes long to build, in a file that is only appended to.

A record is a piece's first leaf, its nodes, and a checksum keyed from the seeds. One that is torn, altered or of
another key is passed over, and its piece computed again.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from contextlib import suppress
from pathlib import Path

from hbss.treecache import Building

_FIRST_LEN, _CHECKSUM_LEN = 8, 16


class PieceLog:
    """The file of one tree. `key`: 32 bytes for the checksums; `piece_len`: bytes of a piece."""

    def __init__(self, path: Path, key: bytes, piece_len: int) -> None:
        self._path = path
        self._key = key
        self._record_len = _FIRST_LEN + piece_len + _CHECKSUM_LEN
        self._waiting = bytearray()  # records that are not in the file yet
        self._descriptor: int | None = None

    def restore(self, building: Building) -> None:
        """Put every piece that the file holds into its place."""
        with suppress(FileNotFoundError), open(self._path, "rb") as file:
            while len(record := file.read(self._record_len)) == self._record_len:
                body, checksum = record[:-_CHECKSUM_LEN], record[-_CHECKSUM_LEN:]
                if hmac.compare_digest(self._checksum(body), checksum):
                    building.place(int.from_bytes(body[:_FIRST_LEN], "big"), body[_FIRST_LEN:])

    def add(self, first: int, piece: bytes | bytearray) -> None:
        """Remember a piece; it is in the file after the next `write`, and durable after the next `flush`."""
        body = first.to_bytes(_FIRST_LEN, "big") + piece
        self._waiting += body + self._checksum(body)

    def write(self) -> None:
        """Append what was added: from then on it outlives this process."""
        if not self._waiting:
            return
        try:
            descriptor = self._open()
            view = memoryview(self._waiting)
            while view:
                view = view[os.write(descriptor, view) :]
        except OSError as error:
            error.filename = str(self._path)
            raise
        self._waiting = bytearray()

    def flush(self) -> None:
        """Make durable what was written."""
        if self._descriptor is not None:
            os.fsync(self._descriptor)

    def close(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> int:
        if self._descriptor is None:
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            size = os.fstat(self._descriptor).st_size
            os.ftruncate(self._descriptor, size - size % self._record_len)  # a torn record at the end
        return self._descriptor

    def _checksum(self, body: bytes) -> bytes:
        return hashlib.blake2b(body, key=self._key, digest_size=_CHECKSUM_LEN).digest()
