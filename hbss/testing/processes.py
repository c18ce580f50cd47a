"""Signers in processes of their own: forked, killed, stopped, and asked afterwards what they had released.

What a process releases it writes to a file that its parent opened before, one write each: a kill takes none of that
back. Fork from a light process only (`shim.laboratory`), never from one that has a store open.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import IO

from hbss.testing import checks
from hbss.testing.checks import Use

PATIENCE = 60.0  # seconds after which a process counts as hung


class Out:
    """Where a signer puts what it releases, and what it has to say."""

    def __init__(self, uses: int, notes: int, mark: Callable[[bytes], None] | None = None) -> None:
        self._uses, self._notes = uses, notes
        self.mark = mark  # also told of every release

    def release(self, uses: Iterable[Use]) -> None:
        """From here on these are known to the world."""
        for use in uses:
            os.write(self._uses, use.packed())
            if self.mark is not None:
                self.mark(use.packed())

    def note(self, text: str) -> None:
        """A line for the parent."""
        os.write(self._notes, text.replace("\n", " | ").encode() + b"\n")


@dataclass
class Ended:
    """What is left of a process. error: the exception, or the reason, by which it ended when it should not have."""

    uses: list[Use]
    notes: list[str] = field(default_factory=list)
    error: str = ""
    killed: bool = False


Work = Callable[[Out], None]


class Child:
    """A process at work."""

    def __init__(self, work: Work) -> None:
        self._uses, self._notes, self._error = _file(), _file(), _file()
        self.pid = os.fork()
        if self.pid == 0:
            _work(work, Out(self._uses.fileno(), self._notes.fileno()), self._error.fileno())

    def released(self) -> int:
        """How many bytes it has released so far."""
        return os.fstat(self._uses.fileno()).st_size

    def wait_for_release(self, more_than: int = 0) -> bool:
        """Wait until it has released something; False if it ends or hangs instead."""
        deadline = time.monotonic() + PATIENCE
        while self.released() <= more_than:
            if time.monotonic() > deadline or os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                return False
            time.sleep(0.0005)
        return True

    def wait_for_stop(self) -> bool:
        """Wait until it has stopped itself; False if it ends instead."""
        found = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WSTOPPED | os.WNOWAIT)
        return found is not None and found.si_code == os.CLD_STOPPED

    def resume(self) -> None:
        """Let it go on after it has stopped."""
        os.kill(self.pid, signal.SIGCONT)

    def is_over(self, within: float) -> bool:
        """Whether it ends within so many seconds."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                return True
            time.sleep(0.0005)
        return False

    def kill(self) -> Ended:
        """SIGKILL, and all that it released before."""
        os.kill(self.pid, signal.SIGKILL)
        return self.end()

    def end(self) -> Ended:
        """Wait for its end."""
        hung = not self.is_over(PATIENCE)
        if hung:
            os.kill(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        ended = Ended(checks.unpack(_content(self._uses)), _content(self._notes).decode().splitlines())
        ended.killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL and not hung
        ended.error = _content(self._error).decode()
        if hung:
            ended.error = f"it hung for {PATIENCE:g} s"
        elif not ended.killed and status and not ended.error:
            ended.error = f"it ended with status {status}"
        return ended


def in_child(work: Work) -> Ended:
    """Do something in a process of its own, to its end."""
    return Child(work).end()


def _work(work: Work, out: Out, error: int) -> None:
    status = 1
    try:
        work(out)
        status = 0
    except BaseException:
        os.write(error, traceback.format_exc().encode())
    finally:
        os._exit(status)


def _file() -> IO[bytes]:
    return tempfile.TemporaryFile(buffering=0)


def _content(file: IO[bytes]) -> bytes:
    with file:
        file.seek(0)
        return file.read()
