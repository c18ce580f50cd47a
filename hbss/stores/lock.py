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

from hbss.errors import StateError, StateUnsafe, StoreBusy

if sys.platform != "win32":
    import fcntl

_FLAGS = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


class _File:
    """An open file, which is closed when nobody needs it any more: not while a thread waits for it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def fileno(self) -> int:
        """For flock and fstat."""
        return self._descriptor

    def __del__(self) -> None:
        os.close(self._descriptor)


class FileLock:
    """An exclusive lock, taken for one reservation at a time; its file stays open in between.

    owned_by: the file whose owner a new lock file gets, when root makes it: else he locks the owner out.
    """

    def __init__(self, path: Path, timeout: float, owned_by: Path | None = None) -> None:
        self._path = path
        self._timeout = timeout
        self._owned_by = owned_by
        self._queue = threading.Lock()  # threads wait for one another here, not by trying again and again
        self._thread = 0  # that holds it
        self._file: _File | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock; StoreBusy if another process has it for longer than the time-out.

        StateError if this very thread holds it already: a signal handler would wait for what it has interrupted.
        """
        if sys.platform == "win32":
            yield
            return
        if self._thread == threading.get_ident() and self._queue.locked():
            raise StateError("this handle is at work: it was called from within itself, by a signal handler")
        with self._queue:
            self._thread = threading.get_ident()
            try:
                self._acquire(time.monotonic() + self._timeout)
                yield
            finally:
                try:
                    self._release()
                except BaseException:  # an interrupt, perhaps before anything was done: the lock must not stay
                    self._release()
                    raise
                finally:
                    self._thread = 0

    def close(self) -> None:
        """Let go of the file. In a forked child this leaves the parent's lock as it is."""
        self._file = None

    def _acquire(self, deadline: float) -> None:
        while True:
            file = self._file = self._file or self._open()
            self._wait(file, deadline)
            if self._is_current(file):
                return
            self._file = None  # someone has removed it: its lock means nothing

    def _open(self) -> _File:
        try:
            return _File(os.open(self._path, _FLAGS))
        except FileNotFoundError:
            pass
        except OSError as error:
            raise self._cannot(error) from None
        try:
            descriptor = os.open(self._path, _FLAGS | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:  # another process was faster
            return self._open()
        except OSError as error:
            raise self._cannot(error) from None
        if self._owned_by is not None and os.geteuid() == 0:
            owner = os.stat(self._owned_by)
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        return _File(descriptor)

    def _cannot(self, error: OSError) -> StateUnsafe:
        return StateUnsafe(
            f"the lock file {self._path} cannot be opened: {error.strerror}; it must be of the key's owner"
        )

    def _release(self) -> None:
        """Unlock, by name: closing alone would leave the lock with a child that was forked meanwhile."""
        if self._file is not None:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _wait(self, file: _File, deadline: float) -> None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiter = _Waiter(file)
            try:
                waiter.granted.wait(deadline - time.monotonic())
            finally:
                self._file = waiter.settle()
            if self._file is None:
                raise StoreBusy(
                    f"another signer has held {self._path} for {self._timeout:g} s; no index was used, try again"
                ) from None

    def _is_current(self, file: _File) -> bool:
        try:
            named = os.lstat(self._path)
        except FileNotFoundError:
            return False
        return os.path.samestat(named, os.fstat(file.fileno()))


class _Waiter:
    """A thread that waits for the lock in the kernel's queue.

    Trying again and again instead would starve whoever tries while another process signs in a loop; and a signal or
    time-out cannot end a system call in Python, so the waiting is left to a thread that may be given up.
    """

    def __init__(self, file: _File) -> None:
        self.granted = threading.Event()
        self._file = file
        self._mutex = threading.Lock()
        self._given_up = False
        threading.Thread(target=self._run, name="hbss-lock", daemon=True).start()

    def settle(self) -> _File | None:
        """End the waiting: the file if the lock was granted; None if the thread is to let go of it when it is."""
        with self._mutex:
            self._given_up = not self.granted.is_set()
            return None if self._given_up else self._file

    def _run(self) -> None:
        if sys.platform != "win32":
            fcntl.flock(self._file, fcntl.LOCK_EX)
            with self._mutex:
                self.granted.set()
                if self._given_up:
                    fcntl.flock(self._file, fcntl.LOCK_UN)


def unlock(descriptor: int) -> None:
    """Let go of a lock and its file; closing alone would leave it with a child that was forked meanwhile."""
    if sys.platform != "win32":
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)
