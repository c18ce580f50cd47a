"""The command hbss bench: its table, JSON and charts, and one clear line for every mistake."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import hbss
from hbss import _native, drawing, machine
from hbss.bench import plots, run, table, threads
from hbss.bench.acts import OPERATIONS
from hbss.bench.measure import Spread
from hbss.cli.app import run as command

LMS = "LMS_SHA256_M32_H5_W4"
SETS = (LMS, f"{LMS}+{LMS}", "XMSSMT-SHA2_20/4_256", "SLH-DSA-SHA2-192f")


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what a short run has written."""
    folder = tmp_path_factory.mktemp("bench")
    assert command(["bench", *SETS, "--quick", "--json", str(folder / "b.json"), "--plot", str(folder / "b.svg")]) == 0
    return folder


def test_the_json_is_whole(quick: Path) -> None:
    """A figure for every set and operation, its parts in proportion."""
    found = json.loads((quick / "b.json").read_text(encoding="utf-8"))
    assert found["format"] == run.FORMAT
    assert (found["machine"]["backend"], found["machine"]["hbss"]) == (_native.backend_name(), machine.version())
    assert {row["function"] for row in found["kernels"]} == {"SHA-256", "SHA-512"}
    asked = {(name, operation) for name in SETS for operation in OPERATIONS}
    omitted = {(row["set"], row["operation"]) for row in found["skipped"]}
    assert {(row["set"], row["operation"]) for row in found["figures"]} | omitted == asked
    assert {operation for _, operation in omitted} <= {"sign_api"}  # keys that take long on slow backends
    for row in found["figures"]:
        least, middle, greatest = row["seconds"]
        assert 0 < least <= middle <= greatest
        assert 0 < row["efficiency"][1] < 3
        assert (row["model"] is None) == (row["of_model"] is None)
        one_tree = row["set"] == LMS
        modelled = {"verify": True, "sign": "SLH" not in row["set"], "sign_api": one_tree}.get(row["operation"], False)
        assert (row["model"] is not None) == modelled
    assert any(sentence.startswith("Fastest to verify: ") for sentence in found["reading"])


def test_the_table_fits(quick: Path) -> None:
    """100 columns, and a line for every figure."""
    found = json.loads((quick / "b.json").read_text(encoding="utf-8"))
    for row in found["figures"]:
        row.update({key: Spread(*row[key]) for key in ("seconds", "efficiency", "of_model") if row[key]})
    gain = Spread(1.5, 1.5, 1.5)
    found["threads"] = [threads.Gains(set="+".join([LMS] * 8), threads=2, kernel=gain, keygen=gain, verify_each=gain)]
    found["skipped"] = [run.Omitted(set="+".join([LMS] * 3), operation="sign_api", reason="it takes " + "very " * 20)]
    lines = table.text(found).splitlines()
    assert max(map(len, lines)) <= table.WIDTH
    assert sum(line.startswith((LMS, "XMSSMT", "SLH")) for line in lines) >= len(found["figures"]) + 1


@pytest.mark.parametrize("form", drawing.FORMATS)
def test_charts_are_drawn(quick: Path, form: str) -> None:
    """The same figures give the same SVG, with every set's name in it."""
    pytest.importorskip("matplotlib")
    found = json.loads((quick / "b.json").read_text(encoding="utf-8"))
    for row in found["figures"]:
        row["seconds"] = Spread(*row["seconds"])
    drawn = plots.draw(found, form)
    if form == "png":
        assert drawn.startswith(b"\x89PNG")
        return
    assert drawn == (quick / "b.svg").read_bytes()
    for name in SETS:
        assert f">{drawing.short(name)}<".encode() in drawn


def test_json_on_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing else is written there."""
    assert command(["bench", LMS, "--quick", "--operation", "keygen", "--json", "-"]) == 0
    out, err = capfd.readouterr()
    assert [row["operation"] for row in json.loads(out)["figures"]] == ["keygen"]
    assert err == f"hbss: measuring 1/1 {LMS}: keygen\n"


def test_a_scheme_stands_for_its_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each once, in the order given."""
    asked: list[str] = []

    def ask(names: list[str], *_: object) -> None:
        asked.extend(names)
        raise hbss.StateError("enough")

    monkeypatch.setattr("hbss.cli.bench.measure", ask)
    assert command(["bench", "SLH-DSA-SHAKE-128f", "SLH-DSA"]) == 2
    every = [each.name for each in hbss.parameter_sets("SLH-DSA")]
    assert asked == ["SLH-DSA-SHAKE-128f", *(name for name in every if name != "SLH-DSA-SHAKE-128f")]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["LMS_SHA256_M32_H10_W9"], "did you mean LMS_SHA256_M32_H10_W8"),
        (["HSS"], "joined by '+'"),
        ([LMS, "--plot", "chart.pdf"], "a chart is an .svg or a .png file; chart.pdf is neither"),
        ([LMS, "--json", "missing/b.json"], "missing/b.json: No such file or directory"),
        ([LMS, "--operation", "read"], "'read' is not one of"),
    ],
)
def test_mistakes_are_said_before_anything_is_measured(
    words: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line, and no file is left."""
    monkeypatch.chdir(tmp_path)
    assert command(["bench", *words]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert says in err
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line says what to install."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.chdir(tmp_path)
    assert command(["bench", LMS, "--plot", "b.svg", "--json", "b.json"]) == 2
    assert capsys.readouterr().err == "hbss: charts need matplotlib: pip install 'hbss[plots]'\n"
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was there before is still there."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("hbss.cli.bench.measure", interrupted)
    (tmp_path / "b.json").write_text("older")
    assert command(["bench", LMS, "--json", str(tmp_path / "b.json")]) == 130
    assert [each.name for each in tmp_path.iterdir()] == ["b.json"]
    assert (tmp_path / "b.json").read_text() == "older"
