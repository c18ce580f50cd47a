"""The lock of a key among processes: flock on KEY.lock, a file that nobody else opens.

SQLite has its own locks on the key file, but those die when anything in the process opens and closes that file; flock
belongs to the descriptor. Windows has no flock: there SQLite's locks, which are not POSIX ones, stand alone.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hbss.errors import StateUnsafe, StoreBusy

if sys.platform != "win32":
    import fcntl

_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


class FileLock:
    """An exclusive lock, taken for one reservation at a time."""

    def __init__(self, path: Path, timeout: float) -> None:
        self._path = path
        self._timeout = timeout
        self._queue = threading.Lock()  # threads wait for one another here, not by trying again and again
        self._descriptor: int | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock; StoreBusy if another process has it for longer than the time-out."""
        if sys.platform == "win32":
            yield
            return
        with self._queue:
            try:
                self._acquire(time.monotonic() + self._timeout)
                yield
            finally:
                self._release()

    def abandon(self) -> None:
        """In a forked child: let go of the parent's descriptor without unlocking."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _acquire(self, deadline: float) -> None:
        while True:
            try:
                descriptor = self._descriptor = os.open(self._path, _FLAGS, 0o600)
            except OSError as error:
                raise StateUnsafe(f"the lock file {self._path} cannot be opened: {error.strerror}") from None
            self._wait(descriptor, deadline)
            if self._is_current(descriptor):
                return
            self._release()  # someone removed the file while we waited: its lock means nothing

    def _release(self) -> None:
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            unlock(descriptor)

    def _wait(self, descriptor: int, deadline: float) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiter = _Waiter(descriptor)
            try:
                waiter.granted.wait(deadline - time.monotonic())
            finally:
                self._descriptor = waiter.settle()
            if self._descriptor is None:
                raise StoreBusy(
                    f"another signer has held {self._path} for {self._timeout:g} s; no index was used, try again"
                ) from None

    def _is_current(self, descriptor: int) -> bool:
        try:
            named = os.lstat(self._path)
        except FileNotFoundError:
            return False
        return os.path.samestat(named, os.fstat(descriptor))


class _Waiter:
    """A thread that waits for the lock in the kernel's queue.

    Trying again and again instead would starve whoever tries while another process signs in a loop; and a signal or
    time-out cannot end a system call in Python, so the waiting is left to a thread that may be given up.
    """

    def __init__(self, descriptor: int) -> None:
        self.granted = threading.Event()
        self._descriptor = descriptor
        self._mutex = threading.Lock()
        self._given_up = False
        threading.Thread(target=self._run, name="hbss-lock", daemon=True).start()

    def settle(self) -> int | None:
        """End the waiting: the descriptor if the lock was granted; None if the thread is to let go of it when it is."""
        with self._mutex:
            self._given_up = not self.granted.is_set()
            return None if self._given_up else self._descriptor

    def _run(self) -> None:
        if sys.platform != "win32":
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            with self._mutex:
                self.granted.set()
                if self._given_up:
                    unlock(self._descriptor)


def unlock(descriptor: int) -> None:
    """Let go of a lock; closing alone would leave it with a child that was forked meanwhile."""
    if sys.platform != "win32":
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)
