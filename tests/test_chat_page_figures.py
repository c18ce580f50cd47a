"""The page's figures: the benchmark runs, and what does not depend on the machine is as it must be."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.chat_page import TARGETS
from tests.browser_kit import needs_chromium

ROOT = Path(__file__).resolve().parent.parent

pytestmark = needs_chromium


def test_the_benchmark_runs(tmp_path: Path) -> None:
    """It has every figure, and the page with its module weighs no more than it may."""
    command = [sys.executable, "-m", "benchmarks", "chat-page", "--quick", "--results", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.glob("*-chatpage.json")
    found = json.loads(path.read_text(encoding="utf-8"))
    files = [path for path in (ROOT / "demo_chat" / "static").iterdir() if path.is_file()]
    assert found["weight"]["content"] > sum(path.stat().st_size for path in files)  # page and Worker share two files
    assert 0 < found["weight"]["transferred"] < TARGETS["weight"]
    assert list(found["ms"]) == list(found["long_tasks_ms"])
    assert all(each[1] > 0 for each in found["ms"].values())
    assert found["engine"]["acts"]["keygen_lms"]["efficiency"][0] > 0
