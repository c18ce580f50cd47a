"""hbss keygen, interrupted and resumed: lines, exit statuses, and the pace that it shows."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import hbss
from hbss import creation, open_key, workers
from hbss.cli.app import run
from hbss.cli.pace import Pace, shown
from tests.resume_kit import LARGE, begin, child
from tests.state_kit import LMS

pytest_plugins = ["tests.resume_fixtures"]

# forking beside threads is what is tested here; Python 3.12 and later warn of it
pytestmark = [
    pytest.mark.usefixtures("small"), pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning"),
]  # fmt: skip


PATIENT = "import sys, hbss.draft, hbss.cli.app as app; hbss.draft.PATIENCE = 0; sys.exit(app.run(sys.argv[1:]))"


def test_the_command_is_interrupted_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C says in one line how to go on; --resume needs no set, and makes key and public key."""
    monkeypatch.chdir(tmp_path)
    running = subprocess.Popen(
        [sys.executable, "-c", PATIENT, "keygen", "LMS_SHA256_M32_H20_W8", "a key"], stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(hbss.__file__).parent.parent)},
    )  # fmt: skip
    deadline = time.monotonic() + 20
    while not (tmp_path / "a key.new" / "pieces-0").exists():
        assert time.monotonic() < deadline, "the key generation did not start"
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=20)
    assert running.returncode == 130
    note, end = [line for line in err.splitlines() if line]
    assert note.startswith("hbss: a key.new holds the seeds of the unfinished key and the work so far: go on with ")
    assert note.endswith("hbss keygen --resume 'a key', or remove it with rm -r 'a key.new'")
    assert end == "hbss: interrupted"
    assert os.listdir(tmp_path) == ["a key.new"]


def test_the_command_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Exit statuses and lines of every way to call it."""
    monkeypatch.chdir(tmp_path)
    begin(tmp_path / "key", LARGE, 50)
    for expected, *args in (
        ("key.new holds the seeds of an unfinished key: go on with it (hbss keygen --resume", LARGE, "key"),
        (f"unfinished key of {LARGE}, not of {LMS}", "--resume", LMS, "key"),
        ("SLH-DSA-SHA2-128f needs no state", "--resume", "SLH-DSA-SHA2-128f", "key"),
        ("there is no unfinished key", "--resume", "other"),
        ("there is no unfinished key", "--resume", LARGE, "other"),
        ("Missing argument 'KEY'", LARGE),
        ("Missing argument 'KEY'", "--resume"),
        ("Missing argument 'SET'",),
    ):
        assert run(["keygen", *args]) == 2
        out, err = capfd.readouterr()
        assert out == ""
        assert err.startswith("hbss: ")
        assert err.count("\n") == 1
        assert expected in err
    (tmp_path / "key.pub").write_text("mine")
    assert run(["keygen", "--resume", "key"]) == 2
    assert "key.pub exists already" in capfd.readouterr().err
    (tmp_path / "key.pub").unlink()
    assert run(["keygen", LARGE, "key", "--resume"]) == 0
    err = capfd.readouterr().err
    assert err.startswith(f"key: {LARGE}, 1,023 signatures; public key in key.pub\nfingerprint ")
    public = hbss.load_public_key((tmp_path / "key.pub").read_bytes())
    with open_key("key") as handle:
        assert handle.public_key() == public
    assert run(["keygen", "--resume", "key"]) == 2
    assert "there is no unfinished key" in capfd.readouterr().err


def test_a_full_disk_from_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The error, and how to go on."""
    monkeypatch.chdir(tmp_path)
    process = child(lambda: _run_limited(LARGE, "key"))
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 2
    note, error = capfd.readouterr().err.splitlines()
    assert "hbss keygen --resume key" in note
    assert error.endswith("key.new/pieces-0: File too large")
    assert run(["keygen", "--resume", "key"]) == 0


def _run_limited(*args: str) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))
    os._exit(run(["keygen", *args]))


def test_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rate and time left are of this run; what an earlier one did counts as done."""
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    seen: list[tuple[int, str]] = []
    pace = Pace(lambda pace: seen.append((pace.done, str(pace))), 10.0)
    pace(5_000, 10_000)
    for done in range(5_100, 10_100, 100):
        now += 0.5
        pace(done, 10_000)
    assert seen == [
        (7_000, "200 leaves/s, 0:00:15 left"),
        (9_000, "200 leaves/s, 0:00:05 left"),
        (10_000, "200 leaves/s, 0:00:00 left"),
    ]


def test_lines_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One every ten seconds, and none for what is shorter."""
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    with shown("building") as pace:
        for done in range(0, 1_001, 10):
            pace(done, 1_000)
            now += 0.05
    assert capsys.readouterr().err == ""
    with shown("building") as pace:
        for done in range(0, 1_001, 10):
            pace(done, 1_000)
            now += 0.25
    assert capsys.readouterr().err.splitlines() == [
        "hbss: building: 400 of 1,000 leaves, 40 leaves/s, 0:00:15 left",
        "hbss: building: 800 of 1,000 leaves, 40 leaves/s, 0:00:05 left",
    ]


@pytest.mark.parametrize(("given", "threads"), [(["--jobs", "3"], 3), ([], workers.cpus())])
def test_as_many_threads_as_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: list[str], threads: int
) -> None:
    """--jobs N; by default one for each CPU."""
    used: list[int] = []
    create = creation.create

    def watched(*place: Any, executor: Any, **options: Any) -> None:
        used.append(executor._max_workers)
        create(*place, executor=executor, **options)

    monkeypatch.setattr(creation, "create", watched)
    assert run(["keygen", *given, LMS, str(tmp_path / "key")]) == 0
    assert used == [threads]
    assert run(["keygen", "--jobs", "0", LMS, str(tmp_path / "other")]) == 2
