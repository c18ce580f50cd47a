"""Opening a key: how long until `open_key` returns, and until it has made its first signature."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import TypedDict

import hbss
from benchmarks.measure import Spread

TREES = (
    "LMS_SHA256_M32_H5_W4",
    "LMS_SHA256_M32_H10_W4",
    "LMS_SHA256_M32_H15_W4",
    "XMSS-SHA2_10_256",
    "LMS_SHA256_M32_H10_W4+LMS_SHA256_M32_H10_W4",
)
LARGE = ("LMS_SHA256_M32_H20_W4",)  # a minute on two processors, as it is built twice
PATIENCE = 5.0  # seconds: a set that takes longer to build is built once


class Opening(TypedDict):
    """What was measured of one set, in seconds from the call of `open_key`.

    warm: its tree files were in the page cache; cold: they had just been dropped from it, as far as the system does
    that (`dropped`: whether it did); rebuilt: there were none.
    """

    set: str
    tree_bytes: int
    open: Spread
    warm: Spread
    cold: Spread
    dropped: bool
    rebuilt: Spread


def opened_and_signed(path: Path) -> tuple[float, float]:
    """Seconds until `open_key` has returned, and until the first signature is there."""
    start = time.perf_counter()
    with hbss.open_key(path) as key:
        opened = time.perf_counter() - start
        key.sign(b"")
        return opened, time.perf_counter() - start


def tree_files(path: Path) -> list[Path]:
    """The files of a key's tree cache."""
    return sorted(path.with_name(path.name + ".tree").iterdir())


def drop_from_cache(path: Path) -> bool:
    """Ask the system to forget the content of a file; whether its first page is no longer in memory."""
    if not hasattr(os, "posix_fadvise") or not hasattr(os, "RWF_NOWAIT"):
        return False
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)  # pages that are not on the disk yet would stay
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.preadv(descriptor, [bytearray(1)], 0, os.RWF_NOWAIT)
    except BlockingIOError:  # it would have to be read from the disk
        return True
    except OSError:  # this file system cannot say
        return False
    finally:
        os.close(descriptor)
    return False


def opening(folder: Path, name: str, rounds: int) -> Opening:
    """One set; the key is made for this."""
    path = folder / f"{name}.key"
    hbss.create_key(path, name)
    size = sum(file.stat().st_size for file in tree_files(path))
    opened_and_signed(path)
    warm: list[tuple[float, float]] = []
    cold: list[tuple[float, float]] = []
    rebuilt: list[tuple[float, float]] = []
    dropped = True
    for _ in range(rounds):
        warm.append(opened_and_signed(path))
        for file in tree_files(path):
            dropped &= drop_from_cache(file)
        cold.append(opened_and_signed(path))
        if not rebuilt or rebuilt[0][1] < PATIENCE:
            shutil.rmtree(path.with_name(path.name + ".tree"))
            rebuilt.append(opened_and_signed(path))
    return Opening(
        set=name, tree_bytes=size, open=Spread.of([opened for opened, _ in warm + cold + rebuilt]),
        warm=Spread.of([signed for _, signed in warm]), cold=Spread.of([signed for _, signed in cold]),
        dropped=dropped, rebuilt=Spread.of([signed for _, signed in rebuilt]),
    )  # fmt: skip
