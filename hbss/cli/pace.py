"""How far a long act has come: a bar on standard error, or a line from time to time."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

FRAMES = 0.1  # seconds between two pictures of a bar
LINES = 10.0  # seconds between two lines where there is no terminal


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
def shown(title: str) -> Iterator[Pace]:
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
