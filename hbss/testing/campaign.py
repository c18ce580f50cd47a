"""The campaign: every part of the kit on every store, until the time is used and enough has been done; and a report."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import re
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from hbss.machine import version
from hbss.testing import plan, planted, shim
from hbss.testing.trials import FAULTS, KILLS, POWER, SERVER, Findings

SMALL = 30.0  # seconds
_STEP = re.compile(r"BEGIN|UPDATE|COMMIT|reserve\(|raise_to\(|sign\(|release\(")
COUNTED = (KILLS, FAULTS, POWER, SERVER)


@dataclasses.dataclass
class Settings:
    """What to run. seconds: not counting the planted bugs (more if `wanted` events take it). stores: URLs."""

    seconds: float = SMALL
    wanted: dict[str, int] = dataclasses.field(default_factory=dict)
    stores: tuple[str, ...] = (plan.SQLITE, "postgresql")
    seed: int = 1
    jobs: int = 2


@dataclasses.dataclass
class Report:
    """What came of a campaign; `as_json` is the whole of it."""

    settings: Settings
    seconds: float = 0.0
    parts: dict[tuple[str, str], Findings] = dataclasses.field(default_factory=dict)
    planted: list[dict[str, object]] = dataclasses.field(default_factory=list)
    skipped: list[str] = dataclasses.field(default_factory=list)

    def add(self, found: Findings) -> None:
        """Take in what a piece found."""
        whole = self.parts.setdefault((found.subject, found.part), Findings(found.part, found.subject))
        whole.add(found)

    def events(self, kind: str) -> int:
        """How many kills, faults, ... there were."""
        return sum(found.events.get(kind, 0) for found in self.parts.values())

    def total(self, name: str) -> int:
        """The sum of a number of all findings."""
        return sum(getattr(found, name) for found in self.parts.values())

    @property
    def missed(self) -> list[str]:
        """The planted bugs that were not caught, or for which the honest store was blamed."""
        return [
            f"{bug['bug']} in {bug['store']}" for bug in self.planted if not bug["caught"] or bug["honest store blamed"]
        ]

    @property
    def good(self) -> bool:
        """Whether nothing was found that should not be, and every planted bug was caught."""
        return not (self.total("reuse") or self.total("wrong") or self.missed)

    def as_json(self) -> dict[str, Any]:
        """For a file."""
        return {
            "good": self.good,
            "seconds": round(self.seconds, 1),
            "events": {kind: self.events(kind) for kind in COUNTED},
            "events in all": sum(map(self.events, COUNTED)),
            **{name: self.total(name) for name in ("released", "lost", "refused", "reuse", "wrong")},
            "planted bugs": self.planted,
            "skipped": self.skipped,
            "parts": [_part(found) for _, found in sorted(self.parts.items())],
            "settings": {**dataclasses.asdict(self.settings), "stores": list(self.settings.stores)},
            "machine": machine(),
        }


def _part(found: Findings) -> dict[str, Any]:
    """One line of the report; of the labels that were met, their number and those of the steps that matter most."""
    line = dataclasses.asdict(found)
    if found.points:
        line["details"] = {label: times for label, times in found.details.items() if _STEP.search(label)}
        line["points met"] = len(found.details)
    return line


def machine() -> dict[str, str | int | None]:
    """What all this ran on."""
    return {
        "hbss": version(), "python": platform.python_version(), "sqlite": sqlite3.sqlite_version,
        "system": f"{platform.system()} {platform.release()}", "architecture": platform.machine(),
        "processors": os.cpu_count(),
    }  # fmt: skip


def run(settings: Settings, tell: Callable[[str], None] = lambda text: None) -> Report:
    """Catch the planted bugs, then run piece after piece. ShimMissing if this machine cannot."""
    report, start = Report(settings), time.monotonic()
    with ExitStack() as stack:
        urls = list(_servers(settings, report, stack))
        pool = stack.enter_context(shim.laboratory(settings.jobs))
        for url, _ in urls:
            _catch_planted(pool, url, settings, report, tell)
        streams = [plan.pieces(url, settings.seed, own) for url, own in urls]
        _run_pieces(pool, streams, report, tell)
    report.seconds = time.monotonic() - start
    return report


def _servers(settings: Settings, report: Report, stack: ExitStack) -> Iterator[tuple[str, bool]]:
    """The URLs to test, and whether their server is ours."""
    for store in settings.stores:
        if store != "postgresql":
            yield (plan.SQLITE if store == "sqlite" else store), False
            continue
        from hbss.testing.postgres_server import Server, ServerMissing, running_server

        try:
            yield stack.enter_context(running_server(Server)).url(), True
        except (ServerMissing, ImportError) as error:
            report.skipped.append(f"postgresql: {error}")


def _catch_planted(
    pool: ProcessPoolExecutor, url: str, settings: Settings, report: Report, tell: Callable[[str], None]
) -> None:
    """Plant every bug in a store, and then try the honest one in the same way."""
    runs = [
        (bug, [pool.submit(bug.find, url, name, settings.seed) for name in (bug.name, "")])
        for bug in planted.BUGS
        if url == plan.SQLITE or not bug.in_files
    ]
    for bug, futures in runs:
        caught, blamed = (future.result() for future in futures)
        line = {
            "bug": bug.name, "store": url.partition(":")[0], "caught": caught.reuse > 0, "by": caught.part,
            "reuse found": caught.reuse, "honest store blamed": blamed.reuse + blamed.wrong,
        }  # fmt: skip
        report.planted.append(line)
        tell(_told(line))


def _told(line: dict[str, object]) -> str:
    verdict = f"caught by {line['by']}" if line["caught"] else "NOT CAUGHT"
    blamed = ", AND THE HONEST STORE IS BLAMED" if line["honest store blamed"] else ""
    return f"planted in {line['store']}: {line['bug']}: {verdict}{blamed}"


def _run_pieces(
    pool: ProcessPoolExecutor, streams: list[Iterator[plan.Piece]], report: Report, tell: Callable[[str], None]
) -> None:  # fmt: skip
    """Take from the streams in turn, and keep the pool busy."""
    settings = report.settings
    running: set[Future[Findings]] = set()
    turn, start = 0, time.monotonic()
    while True:
        late = time.monotonic() - start > settings.seconds
        enough = all(report.events(kind) >= count for kind, count in settings.wanted.items())
        while len(running) < settings.jobs and streams and not (late and enough):
            piece = next(streams[turn % len(streams)])
            running.add(pool.submit(piece.function, *piece.arguments))
            turn += 1
        if not running:
            return
        done, running = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            report.add(future.result())
        tell(progress(report, time.monotonic() - start))


def progress(report: Report, seconds: float) -> str:
    """One line."""
    counts = ", ".join(f"{report.events(kind)} {kind}" for kind in COUNTED)
    return f"{seconds:5.0f} s: {counts}; {report.total('released')} released, {report.total('reuse')} reused"


def summary(report: Report) -> str:
    """For people."""
    lines = [
        f"{'subject and part':60} {'events':>8} {'released':>9} {'lost':>6} {'refused':>8} {'reuse':>6} {'wrong':>6}"
    ]
    for (subject, part), found in sorted(report.parts.items()):
        numbers = sum(found.events.values()), found.released, found.lost, found.refused, found.reuse, found.wrong
        widths = 8, 9, 6, 8, 6, 6
        lines.append(f"{f'{subject}: {part}':60} " + " ".join(f"{n:{w}}" for n, w in zip(numbers, widths, strict=True)))
    lines += ["", *map(_told, report.planted)]
    lines += [f"skipped: {reason}" for reason in report.skipped]
    shown = [text for found in report.parts.values() for text in found.shown]
    lines += ["", *shown] if shown else []
    return "\n".join([*lines, "", progress(report, report.seconds)])


def write(report: Report, path: Path) -> None:
    """The report as JSON."""
    path.write_text(json.dumps(report.as_json(), indent=2) + "\n", encoding="utf-8")


def on_stderr(text: str) -> None:
    """Progress, where it does not get into the way of the summary."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
