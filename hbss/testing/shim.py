"""The shim (`shim.c`) from Python: building it, starting processes under it, and telling it what to do.

Linux with a C compiler is needed. The library is built once a run, into a folder of its own.
"""

from __future__ import annotations

import ctypes
import errno
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).with_name("shim.c")

# the kinds of call, as shim.c numbers them
OPEN, READ, WRITE, SYNC, TRUNCATE, UNLINK, RENAME, LINK, MKDIR = (1 << i for i in range(9))
CHANGES = WRITE | SYNC | TRUNCATE | UNLINK | RENAME | LINK | MKDIR
EVERY = CHANGES | OPEN | READ
FAIL, SHORT, KILL = 1, 2, 3


@dataclass(frozen=True)
class Plan:
    """What is to happen to which call: every call of `kinds` is counted; the n-th fails, writes short, or is the last.

    onwards: so do all later ones, as on a disk that is full or gone.
    """

    name: str
    kinds: int
    how: int
    error: int = 0
    onwards: bool = False


PLANS = (
    Plan("killed before a call", EVERY, KILL),
    Plan("write: no space", WRITE, FAIL, errno.ENOSPC),
    Plan("write: no space from now on", WRITE | MKDIR | LINK | RENAME, FAIL, errno.ENOSPC, onwards=True),
    Plan("write: input/output error", WRITE, FAIL, errno.EIO),
    Plan("write: half of it, then no space", WRITE, SHORT, errno.ENOSPC),
    Plan("write: half of it, then no space from now on", WRITE, SHORT, errno.ENOSPC, onwards=True),
    Plan("flush: input/output error", SYNC, FAIL, errno.EIO),
    Plan("flush: input/output error from now on", SYNC, FAIL, errno.EIO, onwards=True),
    Plan("flush: no space", SYNC, FAIL, errno.ENOSPC),
    Plan("truncate, unlink, rename, link, mkdir: input/output error", CHANGES & ~(WRITE | SYNC), FAIL, errno.EIO),
    Plan("every change: input/output error from now on", CHANGES, FAIL, errno.EIO, onwards=True),
    Plan("read: input/output error", READ, FAIL, errno.EIO),
    Plan("open: too many open files", OPEN, FAIL, errno.EMFILE),
    Plan("open: permission denied from now on", OPEN, FAIL, errno.EACCES, onwards=True),
)


class ShimMissing(RuntimeError):
    """The shim cannot be built or loaded here; what needs it cannot be tested."""


@cache
def library() -> Path:
    """Build the shim; ShimMissing if that does not work here."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not sys.platform.startswith("linux") or compiler is None:
        raise ShimMissing("faults and power losses need Linux and a C compiler (on Debian: apt-get install gcc)")
    folder = tempfile.TemporaryDirectory(prefix="hbss-shim-")
    _kept.append(folder)
    built = Path(folder.name) / "shim.so"
    command = [compiler, "-shared", "-fPIC", "-O2", "-fvisibility=hidden", "-o", str(built), str(SOURCE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ShimMissing(f"the shim does not compile: {done.stderr.strip()}")
    return built


_kept: list[tempfile.TemporaryDirectory[str]] = []  # until this process ends


@contextmanager
def laboratory(workers: int = 1) -> Iterator[ProcessPoolExecutor]:
    """Processes that run under the shim, for functions that fork signers: light, and without threads."""
    path = str(library())
    before = os.environ.get("LD_PRELOAD")
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _enter) as pool:
        os.environ["LD_PRELOAD"] = f"{path}:{before}" if before else path
        try:
            for ready in [pool.submit(_prove, path) for _ in range(workers)]:
                ready.result()
        finally:
            if before is None:
                del os.environ["LD_PRELOAD"]
            else:
                os.environ["LD_PRELOAD"] = before
        yield pool


def _enter() -> None:
    """In each of them: what it starts is not to run under the shim, and what it forks is to find its modules loaded."""
    os.environ.pop("LD_PRELOAD", None)
    import hbss

    with suppress(ImportError):
        import hbss.stores.postgres  # noqa: F401


def _prove(path: str) -> None:
    """See that the shim stands between this very process and its files, through Python and through SQLite."""
    import sqlite3

    if path not in Path("/proc/self/maps").read_text():
        raise ShimMissing("the shim was not loaded: LD_PRELOAD has no effect on this Python")
    with tempfile.TemporaryDirectory() as folder:
        for what in ("a file", "SQLite"):
            with _counting(folder) as calls:
                if what == "SQLite":
                    with sqlite3.connect(f"{folder}/database") as connection:
                        connection.execute("CREATE TABLE one (two)")
                    connection.close()
                else:
                    Path(folder, "file").write_bytes(b"x")
            if not calls[0]:
                raise ShimMissing(
                    f"the shim does not see how {what} is written: this Python does not ask the C library"
                )


@contextmanager
def _counting(folder: str) -> Iterator[list[int]]:
    calls = [0]
    watch(Path(folder))
    plan(Plan("none", WRITE, FAIL), 1 << 40)
    try:
        yield calls
        calls[0] = met()
    finally:
        rest()


# ---- what the shim is told, in the process that runs under it -------------------------------------------------------


@cache
def _shim() -> ctypes.CDLL:
    found = ctypes.CDLL(None)
    try:
        found.shim_watch.argtypes = [ctypes.c_char_p]
    except AttributeError:
        raise ShimMissing("this process does not run under the shim; see laboratory()") from None
    found.shim_plan.argtypes = [ctypes.c_uint, ctypes.c_long, ctypes.c_int, ctypes.c_int, ctypes.c_int]
    found.shim_mark.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    found.shim_clock.argtypes = [ctypes.c_uint64]
    found.shim_calls.restype = ctypes.c_long
    return found


def watch(folder: Path) -> None:
    """Watch the files under a folder, and no others."""
    _shim().shim_watch(os.fsencode(folder.resolve()))


def plan(what: Plan, nth: int) -> None:
    """Let it happen to the n-th call from now, counted from 1."""
    _shim().shim_plan(what.kinds, nth, what.how, what.error, what.onwards)


def met() -> int:
    """How many calls of the planned kinds there have been."""
    return int(_shim().shim_calls())


def log(descriptor: int) -> None:
    """Log everything that reaches the watched files; the descriptor is to be opened for appending."""
    _shim().shim_log(descriptor)


def mark(data: bytes) -> None:
    """Put a mark into the log."""
    _shim().shim_mark(data, len(data))


def move_clock(seed: int) -> None:
    """Let the calendar clock jump by years, either way, whenever the time is asked for."""
    _shim().shim_clock(seed or 1)


def move_clock_back() -> None:
    """The calendar clock is right again."""
    _shim().shim_clock(0)


def rest() -> None:
    """Watch nothing, and let everything pass."""
    found = _shim()
    found.shim_watch(b"")
    found.shim_plan(0, 0, 0, 0, 0)
    found.shim_log(-1)
