"""What must be said beside a number here: the machine and the commit; and where the numbers are kept."""

from __future__ import annotations

import datetime
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from hbss.bench import measure
from hbss.bench.measure import Spread, kernel_ns, seconds

__all__ = ["RESULTS", "ROOT", "Machine", "Spread", "kernel_ns", "machine", "save", "seconds"]

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"

OTHERS = ":!benchmarks/results"  # the figures of other runs change nothing

Machine = dict[str, object]


def machine() -> Machine:
    """Where and of what these figures are."""
    return {
        **measure.machine(),
        "commit": _first_line(["git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD"]),
        "changed since": bool(_first_line(["git", "-C", str(ROOT), "status", "--porcelain", "--", ".", OTHERS])),
    }


def save(found: Mapping[str, object], commit: object, section: str = "", folder: Path = RESULTS) -> Path:
    """Write what was measured, under a name of the time, the commit and the section; returns the file."""
    now = datetime.datetime.now(datetime.timezone.utc)
    path = folder / f"{now:%Y-%m-%dT%H%M%SZ}-{commit or 'no-commit'}{section}.json"
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"\nwritten to {path}; figures there are [least, median, greatest]")
    return path


def _first_line(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return (done.stdout.splitlines() or [""])[0]
