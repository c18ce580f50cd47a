"""Timing on one thread, and what must be said beside a number: machine, compiler, commit, spread."""

from __future__ import annotations

import datetime
import json
import platform
import shlex
import statistics
import subprocess
import sysconfig
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from hbss import _native

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
BATCH = 0.01  # seconds: a figure that is shorter is repeated until it takes so long


class Spread(NamedTuple):
    """Several measurements of one thing: their least, middle and greatest."""

    least: float
    median: float
    greatest: float

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        """The spread of some values."""
        return cls(min(values), statistics.median(values), max(values))


def seconds(act: Callable[[], object]) -> float:
    """CPU seconds of this thread that one act takes; short acts are repeated."""
    times = 1
    while True:
        start = time.thread_time()
        for _ in range(times):
            act()
        taken = time.thread_time() - start
        if taken >= BATCH:
            return taken / times
        times = max(2 * times, int(1.2 * times * BATCH / max(taken, 1e-6)))


def kernel_ns(function: str, i: int, lanes: int, backend: str | None = None, calls: int = 2000) -> float:
    """Nanoseconds per hash call of the i-th kernel, all lanes busy."""
    return seconds(lambda: _native.run_kernel(function, i, calls, backend)) / (calls * lanes) * 1e9


def machine() -> dict[str, str | bool]:
    """Where and of what these figures are."""
    return {
        "cpu": _cpu(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "compiler": _first_line([*shlex.split(sysconfig.get_config_var("CC") or "cc")[:1], "--version"]),
        "commit": _first_line(["git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD"]),
        "changed since": bool(_first_line(["git", "-C", str(ROOT), "status", "--porcelain"])),
        "backend": _native.backend_name(),
    }


def save(found: Mapping[str, object], commit: object, section: str = "", folder: Path = RESULTS) -> Path:
    """Write what was measured, under a name of the time, the commit and the section; returns the file."""
    now = datetime.datetime.now(datetime.timezone.utc)
    path = folder / f"{now:%Y-%m-%dT%H%M%SZ}-{commit or 'no-commit'}{section}.json"
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"\nwritten to {path}; figures there are [least, median, greatest]")
    return path


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    fields = dict(line.replace("\t", "").split(":", 1) for line in lines if ":" in line)
    flags = {"avx2", "avx512f", "sha_ni"} & set(fields.get("flags", "").split())
    named = " ".join(fields.get(key, "").strip() for key in ("model name", "cpu family", "model"))
    return f"{named} ({', '.join(sorted(flags))})"


def _first_line(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return (done.stdout.splitlines() or [""])[0]
