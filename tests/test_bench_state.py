"""The benchmark of state runs, says where its figures are from, and those in the docs are its own; nothing is timed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast
from xml.etree import ElementTree

import pytest

import hbss
from benchmarks import drawing, publish, state, state_chart, state_commit, state_rates, state_tables
from benchmarks.__main__ import main
from benchmarks.measure import Spread
from benchmarks.state import Budget, Found
from tests.postgres_kit import Server

pytest_plugins = ["tests.postgres_fixtures"]

SMALL = "LMS_SHA256_M32_H5_W4"
TINY = Budget(set=SMALL, leases=(4,), signers=(1,), rounds=1, seconds=0.001, trees=(SMALL,), commits=2)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The JSON of a tiny run, made as from the command line."""
    results, folder = tmp_path_factory.mktemp("results"), tmp_path_factory.mktemp("keys")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(state, "QUICK", TINY)
        main(["state", "--quick", "--postgres", "", "--folder", str(folder), "--results", str(results)])
    assert list(folder.iterdir()) == [], "the keys of a benchmark are left behind"
    (found,) = results.glob("*-state.json")
    return found


@pytest.fixture
def found(result: Path) -> Found:
    """What it holds."""
    return cast(Found, publish.load(result))


def test_machine_is_named(found: Found) -> None:
    """Processor, system, Python, compiler and commit, and what state depends on."""
    assert all(found["machine"][fact] for fact in ("cpu", "system", "python", "compiler", "commit", "backend"))
    place = found["place"]
    assert place["file_system"]
    assert place["processors"] >= 1
    assert place["load"] >= 0
    assert place["sqlite"].count(".") == 2


def test_every_store_is_measured(found: Found) -> None:
    """A rate of every store, with its spread and the loss that it implies."""
    stores = [row["store"] for row in found["rates"]]
    assert stores == [state_rates.SQLITE, state_rates.APART, state_rates.WITNESSED, state_rates.MEMORY]
    for row in found["rates"]:
        spread = Spread(*row["per_second"])
        assert 0 < spread.least <= spread.median <= spread.greatest
        assert row["lost"] == row["lease"] == 4


def test_opening_is_measured(found: Found) -> None:
    """The key is open before it has signed."""
    (row,) = found["openings"]
    assert row["set"] == SMALL
    assert row["tree_bytes"] > 0
    assert 0 < Spread(*row["open"]).least < Spread(*row["rebuilt"]).greatest


def test_rule_applies_where_commits_are_durable(found: Found) -> None:
    """The limit is judged where a commit takes its millisecond, and nowhere else."""
    commit = found["commit"]
    slow = Spread(*commit["commit"]["seconds"]).median >= state_commit.DURABLE
    within = Spread(*commit["ratio"]).median <= state_commit.LIMIT
    assert commit["holds"] is (within if slow else None)
    for holds, words in (True, "it holds"), (False, "does not hold"), (None, "does not apply"):
        commit["holds"] = holds
        assert words in state_tables.verdict(found)


@pytest.mark.parametrize("store", [state_rates.SQLITE, state_rates.POSTGRES])
def test_signers_share_a_key(store: str, tmp_path: Path, postgres: Server, capfd: pytest.CaptureFixture[str]) -> None:
    """Two processes sign with one key, each at least twice, and account for what they took."""
    cell = state_rates.Cell(store, 4, 2)
    (row,) = state_rates.rates(tmp_path, SMALL, [cell], 1, 0.001, postgres.url())
    assert Spread(*row["per_second"]).least > 0
    assert hbss.state.status(tmp_path / "0.key").used >= 2 * 2 * cell.lease
    assert capfd.readouterr().err == ""


def test_too_small_a_key_is_refused(tmp_path: Path) -> None:
    """A run that would use up its keys is refused before it begins."""
    with pytest.raises(ValueError, match="too few signatures for 2 rounds"):
        state_rates.rates(tmp_path, SMALL, [state_rates.Cell(state_rates.SQLITE, 16, 1)], 2, 0.001, "")
    assert list(tmp_path.iterdir()) == []


def test_chart(found: Found) -> None:
    """An SVG that names every store and its JSON; the same figures are drawn alike."""
    pytest.importorskip("matplotlib")
    drawn = drawing.svg(state_chart.rates, found, "name.json")
    words = " ".join(ElementTree.fromstring(drawn).itertext())
    assert all(row["store"] in words for row in found["rates"])
    assert "signatures per second" in words
    assert "name.json" in words
    assert drawing.svg(state_chart.rates, found, "name.json") == drawn


def test_json_is_plain(result: Path) -> None:
    """The figures are numbers, so that other programs can read them."""
    whole = json.loads(result.read_text(encoding="utf-8"), parse_constant=lambda name: pytest.fail(name))
    assert set(whole) == {"machine", "place", "rates", "openings", "commit"}
