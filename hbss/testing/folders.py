"""Temporary folders in memory, and what killed processes have left of theirs."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = Path("/dev/shm")
ROOM = 2 << 30  # bytes that have to be free there


@contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """An empty folder for as long as the block lasts, in memory if there is room.

    That is fast, and no worse: a kill loses nothing there either, and what a power cut loses is a matter of the model.
    A killed process cannot remove its folder, so the next one does that: the name says whose it is.
    """
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM
    place = (MEMORY if roomy else Path(tempfile.gettempdir())).resolve()
    _remove_leftovers(place, prefix)
    folder = Path(tempfile.mkdtemp(prefix=f"{prefix}{os.getpid()}-", dir=place))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_leftovers(place: Path, prefix: str) -> None:
    for path in place.glob(f"{prefix}*-*"):
        pid = path.name.removeprefix(prefix).partition("-")[0]
        if pid.isdigit() and not _is_alive(int(pid)):
            shutil.rmtree(path, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
