"""The campaign: it runs what was asked for, counts, reports, and ends with the right status."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from hbss.testing import Findings, Report, Settings, ShimMissing, __main__, campaign, planted, run, shim, summary
from hbss.testing.plan import SQLITE, pieces

QUICK = planted.BUGS[3:4]  # n = 0 accepted


def test_a_campaign(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By command: enough power losses, every number in the report, a summary, status 0."""
    monkeypatch.setattr(planted, "BUGS", QUICK)
    file = tmp_path / "report.json"
    arguments = ["--budget", "0", "--power", "10", "--store", "sqlite", "--report", str(file), "--seed", "9"]
    assert __main__.main(arguments) == 0
    report = json.loads(file.read_text())
    assert report["good"]
    assert report["events"]["power losses"] >= 10
    assert report["events in all"] == sum(report["events"].values())
    assert report["reuse"] == 0
    assert report["released"] > 100
    assert [bug["caught"] for bug in report["planted bugs"]] == [True]
    assert {"sqlite", "python", "system", "processors"} <= report["machine"].keys()
    assert report["settings"]["seed"] == 9
    printed = capsys.readouterr()
    assert "planted in sqlite: n = 0 accepted: caught by contract" in printed.out
    assert "0 reused" in printed.err


def test_what_makes_a_campaign_fail() -> None:
    """A reuse, anything else that is wrong, a planted bug that was missed, an honest store that was blamed."""
    line = {"bug": "x", "store": "s", "caught": True, "by": "y", "reuse found": 1, "honest store blamed": 0}
    assert Report(Settings(), planted=[line]).good
    assert not Report(Settings(), planted=[{**line, "caught": False}]).good
    assert not Report(Settings(), planted=[{**line, "honest store blamed": 1}]).good
    for found in ("found_reuse", "found_wrong"):
        report, part = Report(Settings()), Findings("kills", "store")
        getattr(part, found)("leaf 1")
        report.add(part)
        assert not report.good
        assert "leaf 1" in summary(report)


def test_the_status_of_a_campaign_that_found_something(monkeypatch: pytest.MonkeyPatch) -> None:
    """1; and 2 where the kit cannot run."""
    monkeypatch.setattr(
        campaign,
        "run",
        lambda settings, tell: Report(
            settings, planted=[{"bug": "x", "store": "s", "by": "y", "caught": False, "honest store blamed": 0}]
        ),
    )
    assert __main__.main([]) == 1

    def missing(settings: Settings, tell: object) -> Report:
        raise ShimMissing("no compiler")

    monkeypatch.setattr(campaign, "run", missing)
    assert __main__.main([]) == 2


def test_no_compiler_is_said_clearly(monkeypatch: pytest.MonkeyPatch) -> None:
    """It names what to install."""
    monkeypatch.setattr(shutil, "which", lambda name: None)
    shim.library.cache_clear()
    with pytest.raises(ShimMissing, match="apt-get install gcc"):
        run(Settings(stores=("sqlite",)))


def test_every_part_has_its_turn() -> None:
    """One round holds every part, on stores and on keys; the next round takes other shares."""
    stream = pieces(SQLITE, 1, own_server=False)
    first = [next(stream) for _ in range(60)]
    names = {piece.function.__name__ for piece in first}
    assert names == {
        "contract", "random_kills", "clock_jumps", "every_fault", "power_cuts", "kill_at_every_label",
        "rival_at_every_label",
    }  # fmt: skip
    remote = pieces("postgresql://somewhere/x", 1, own_server=True)
    names = {next(remote).function.__name__ for _ in range(22)}
    assert {"every_message", "server_kills"} <= names
