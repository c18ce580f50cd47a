"""What the commands read and write. `-` is standard input or output.

A key file is never opened here while it may be SQLite's: see `open_private`.
"""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

import hbss
from hbss import drawing, files
from hbss.cli import password
from hbss.stateful import OnLow, StatefulPrivateKey, open_key
from hbss.stores.database import is_database

STANDARD = "-"
FRAMES = 0.1  # seconds between two pictures of a bar
LINES = 10.0  # seconds between two lines where there is no terminal


def read(name: str) -> bytes:
    """A whole file, or standard input."""
    return sys.stdin.buffer.read() if name == STANDARD else Path(name).read_bytes()


def load_public(name: str) -> hbss.PublicKey:
    """A public key; BadKey names its file."""
    try:
        return hbss.load_public_key(read(name))
    except hbss.BadKey as error:
        raise hbss.BadKey(f"{name} is no public key: {error}") from None


@contextmanager
def output(name: str) -> Iterator[Callable[[bytes], object]]:
    """Where to write a result: a new file that takes its name at the end of the block, or standard output.

    The file is made at the start, so that a place where nothing can be written is noticed before anything is used up.
    """
    if name == STANDARD:
        yield lambda data: _write_all(sys.stdout.fileno(), data)
    elif os.path.exists(name) and not stat.S_ISREG(os.stat(name).st_mode):
        with open(name, "wb", buffering=0) as device:  # renaming would replace the device or pipe itself
            yield lambda data: _write_all(device.fileno(), data)
    else:
        with files.written(Path(name)) as file:
            yield file.write


def need_plots() -> None:
    """A clear error, before anything is done, unless charts can be drawn."""
    try:
        drawing.require()
    except ImportError:
        raise click.ClickException("charts need matplotlib: pip install 'hbss[plots]'") from None


def refuse_same(target: str, *others: str) -> None:
    """ValueError if writing `target` would replace one of the other files, under whatever name."""
    for other in others:
        if target != STANDARD and other != STANDARD and _same(target, other):
            raise ValueError(f"writing {target} would overwrite {other}; choose another name with -o")


def _same(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)  # looks at the names only, and opens nothing
    except OSError:
        return False


def _write_all(descriptor: int, data: bytes) -> None:
    """Past Python's buffers, which would try again at exit what has failed here."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def open_private(
    name: str, on_low: OnLow | None = None, warn_below: int | None = None
) -> StatefulPrivateKey | hbss.PrivateKey:
    """A private key of either kind; of a stateful one, see `hbss.open_key`.

    SQLite is asked first whether the file is its own. Only what it denies is opened and read as PEM: closing any
    descriptor of a stateful key's file would drop the locks that this process holds on it.
    """
    if is_database(name):
        return open_key(name, on_low=on_low, warn_below=warn_below)
    try:
        return password.load(name)
    except hbss.BadKey as error:
        raise hbss.BadKey(f"{name} is no private key: {error}") from None


class Pace:
    """A progress callback: how fast it goes, and what is left. It shows itself at most once a period."""

    def __init__(self, show: Callable[[Pace], None], period: float) -> None:
        self.done = self.total = 0
        self.begun = False
        self._show = show
        self._period = period
        self._first = 0  # what was done before the beginning
        self._start = self._shown = 0.0

    def __call__(self, done: int, total: int) -> None:
        """The first call says what was done before."""
        now = time.monotonic()
        if not self.begun:
            self.begun, self._first, self._start, self._shown = True, done, now, now
        self.done, self.total = done, total
        if now - self._shown >= self._period or done == total:
            self._shown = now
            self._show(self)

    @property
    def rate(self) -> float:
        """Leaves a second since the beginning."""
        elapsed = time.monotonic() - self._start
        return (self.done - self._first) / elapsed if elapsed > 0 else 0.0

    def __str__(self) -> str:
        rate = self.rate
        if rate == 0:
            return ""
        return f"{rate:,.0f} leaves/s, {timedelta(seconds=round((self.total - self.done) / rate))} left"


@contextmanager
def progress(title: str) -> Iterator[Pace]:
    """A bar on standard error with rate and time left; a line from time to time where that is no terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Pace(partial(_say, title), LINES)
        return
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[pace]}")
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=None, pace="")
        yield Pace(lambda pace: bar.update(task, completed=pace.done, total=pace.total, pace=str(pace)), FRAMES)


def _say(title: str, pace: Pace) -> None:
    if pace.done < pace.total:
        share = 100 * pace.done // pace.total
        print(f"hbss: {title}: {share} % of {pace.total:,} leaves, {pace}", file=sys.stderr, flush=True)
