"""How far a long act has come: a bar on standard error, or a line from time to time."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import partial
from typing import NamedTuple

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

FRAMES = 0.1  # seconds between two pictures of a bar
LINES = 10.0  # seconds between two lines where there is no terminal
LARGE = 100_000_000  # bytes of a file from which on its reading is shown


class Unit(NamedTuple):
    """What is counted: its name, and how many of what the callback is told make one."""

    name: str
    size: int = 1


LEAVES, MEGABYTES = Unit("leaves"), Unit("MB", 1_000_000)


class Pace:
    """A progress callback: how fast it goes, and what is left. It shows itself at most once a period."""

    def __init__(self, show: Callable[[Pace], None], period: float, unit: Unit = LEAVES) -> None:
        self.done = self.total = 0  # no total: it is not known
        self.begun = False
        self.unit = unit
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
        """Units a second since the beginning."""
        elapsed = time.monotonic() - self._start
        return (self.done - self._first) / self.unit.size / elapsed if elapsed > 0 else 0.0

    @property
    def count(self) -> str:
        """What is done, and of how much."""
        of_all = f" of {self.total // self.unit.size:,}" if self.total else ""
        return f"{self.done // self.unit.size:,}{of_all} {self.unit.name}"

    def __str__(self) -> str:
        rate = self.rate
        if rate == 0:
            return ""
        speed = f"{rate:,.0f} {self.unit.name}/s"
        if not self.total:
            return speed
        return f"{speed}, {timedelta(seconds=round((self.total - self.done) / self.unit.size / rate))} left"


@contextmanager
def shown(title: str, unit: Unit = LEAVES) -> Iterator[Pace]:
    """A bar on standard error with rate and time left; a line from time to time where that is no terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Pace(partial(_say, title), LINES, unit)
        return
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[count]} {task.fields[pace]}")
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=None, count="", pace="")
        yield Pace(partial(_draw, bar, task), FRAMES, unit)


class FileProgress(ExitStack):
    """A progress callback of reading a file, in a `with` block: it shows itself if that is more than LARGE bytes."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.begun = False
        self._title = title
        self._pace: Pace | None = None

    def __call__(self, done: int, total: int) -> None:
        """The first call comes before anything is read."""
        self.begun = True
        if self._pace is None and max(done, total) > LARGE:
            self._pace = self.enter_context(shown(self._title, MEGABYTES))
        if self._pace is not None:
            self._pace(done, total)


def _draw(bar: Progress, task: TaskID, pace: Pace) -> None:
    bar.update(task, completed=pace.done, total=pace.total or None, count=pace.count, pace=str(pace))


def _say(title: str, pace: Pace) -> None:
    if pace.done != pace.total:
        print(f"hbss: {title}: {pace.count}, {pace}", file=sys.stderr, flush=True)
