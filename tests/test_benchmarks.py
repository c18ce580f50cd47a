"""The benchmarks run from end to end, what they publish has its JSON, and counted work is what was recorded."""

from __future__ import annotations

import copy
import json
import platform
import shutil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import hbss
from benchmarks import compare, drawing, evenness, guard, hashing, hashing_charts, kernels, peers, publish, targets
from benchmarks.__main__ import main
from benchmarks.compare import Budget
from benchmarks.measure import Spread
from benchmarks.peers import Peer, Signer
from hbss import costs
from hbss.bench.acts import Subject
from hbss.params import rows_of


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The JSON of a quick run, made as from the command line."""
    results = tmp_path_factory.mktemp("run") / "made" / "on the way"
    main(["--quick", "--results", str(results)])
    (found,) = results.glob("*-hashing.json")
    return found


@pytest.fixture
def found(result: Path) -> Any:
    """What it holds."""
    return publish.load(result)


# ---- a run ---------------------------------------------------------------------------------------------------------


def test_everything_is_measured(found: Any) -> None:
    """Every part of a run has figures, each with its spread, and they are plain numbers."""
    assert set(found) == set(hashing.Found.__annotations__)
    assert all(found["machine"][fact] for fact in ("cpu", "system", "python", "compiler", "commit", "backend"))
    for part in set(found) - {"skipped", "sizes"}:
        assert found[part], part
    json.loads(json.dumps(found), parse_constant=lambda name: pytest.fail(name))
    for row in found["figures"]:
        assert 0 < Spread(*row["efficiency"]).median < 2
    assert {row["kernel"] for row in found["kernels"]} >= {"hashlib", "portable", "vec128"}
    assert found["skipped"] == []


def test_figures_to_reach(found: Any) -> None:
    """Each has a target; what was measured is judged by its median, and what was not is not judged."""
    rows = targets.rows(found)
    assert len(rows) > 25
    for row in rows:
        assert (row.reached is None) == (row.measured == "not measured")
    spread = Spread(0.7, 0.8, 0.9)
    assert targets.at_least("x", 0.8, spread) == targets.Row("x", "≥ 80%", "80% (70%–90%)", True)
    assert targets.at_least("x", 0.81, spread).reached is False
    above, below = copy.deepcopy(found["kernels"][:2])
    above["rounds"], below["rounds"] = [2.0, 4.0, 6.0], [1.0, 4.0, 2.0]
    assert kernels.ratio(above, below) == Spread(1, 2, 3)


def test_memory_is_that_of_the_child(found: Any) -> None:
    """Making a key takes more memory than importing does, and a small key little more."""
    bare, default, whole = (row["bytes"] for row in found["memory"])
    assert 10 << 20 < bare <= default + (1 << 20) <= whole + (2 << 20) < bare + (64 << 20)


def test_hash_calls_are_counted() -> None:
    """By what the standards prescribe; and methods are themselves again afterwards."""
    method = hbss._native.Key.tree
    with evenness.counted() as total:
        key = hbss.generate("SLH-DSA-SHA2-128f")
        assert total() == pytest.approx(key.parameter_set.keygen_hashes, rel=0.01)
    assert hbss._native.Key.tree is method


def test_the_check_of_the_first_signature_is_counted(tmp_path: Path) -> None:
    """A tree's first signature is verified whole while it is made, and its path up to the root; of the next, a node."""
    hbss.create_key(tmp_path / "key", "LMS_SHA256_M32_H5_W4")
    with hbss.open_key(tmp_path / "key") as key, evenness.counted() as total:
        key.sign(b"first")
        first = total()
        key.sign(b"second")
        found = key.parameter_set
        path = 4 * costs.pieces(rows_of(found)[0]).node.total
        assert first - (total() - first) == pytest.approx(found.verify_hashes + path, rel=0.003)


# ---- peers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("load", [load for load in peers.PEERS if load is not peers.pyspx])  # of an older scheme
def test_peers_are_checked_across(load: Any) -> None:
    """Every peer that is installed verifies what we sign, and refuses it altered; the quick run has had it sign."""
    try:
        peer: Peer = load()
    except ImportError as reason:
        pytest.skip(str(reason))
    with Subject(compare.cheapest(peer)[0], hashing.QUICK.brief) as subject:
        public, message, signature = subject.signed[0]
        reader = peer.reader(subject.name, public.public_bytes_raw())
        assert peer.verify(reader, message, signature)
        try:
            accepted = peer.verify(reader, message, signature[:-1] + bytes([signature[-1] ^ 1]))
        except Exception as refusal:
            accepted = "invalid" not in type(refusal).__name__.lower()
        assert not accepted


def test_a_peer_that_disagrees_is_noticed() -> None:
    """Signatures that do not verify are never timed."""
    signer = Signer(lambda name: None, lambda key: bytes(32), lambda key, message: bytes(17088))
    bad = Peer("bad", "1", "", ("SLH-DSA-SHA2-128f",), signer, lambda name, raw: raw, lambda *_: True)
    deaf = Peer("deaf", "1", "", bad.sets, None, bad.reader, lambda *_: False)
    with Subject("SLH-DSA-SHA2-128f", hashing.QUICK.brief) as subject:
        with pytest.raises(hbss.InvalidSignature):
            compare.checked(bad, subject)
        with pytest.raises(RuntimeError, match="deaf refuses"):
            compare.checked(deaf, subject)


def test_a_peer_that_is_missing_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one line that says why."""

    def missing() -> Peer:
        raise ImportError("No module named 'missing'")

    monkeypatch.setattr(compare, "PEERS", (missing,))
    said: list[str] = []
    found = compare.measure(Budget(most=1), said.append)
    assert found["pairs"] == []
    assert found["missing"] == ["missing: No module named 'missing'"]
    assert said == ["left out: missing: No module named 'missing'"]


# ---- the page ------------------------------------------------------------------------------------------------------


@pytest.fixture
def page(result: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page with the figures of the run and one of its charts."""
    pytest.importorskip("matplotlib")
    charts = {"bench-peers.svg": hashing_charts.CHARTS["bench-peers.svg"]}
    monkeypatch.setitem(publish.KINDS, "hashing", publish.KINDS["hashing"]._replace(charts=charts))
    page = tmp_path / "page.md"
    marks = "".join(f"<!-- {kind}: none -->\n<!-- end of {kind} -->\n" for kind in publish.KINDS)
    page.write_text(f"Before.\n\n{marks}\nAfter.\n", encoding="utf-8")
    assert publish.differences(page, result.parent) == []
    publish.publish(result, page)
    return page


def test_publishing(result: Path, page: Path) -> None:
    """A page gets the figures of a run, and the next run's take their place."""
    text = page.read_text(encoding="utf-8")
    assert text.startswith("Before.\n\n<!-- hashing: 20")
    assert text.endswith("<!-- chatpage: none -->\n<!-- end of chatpage -->\n\nAfter.\n")
    assert publish.differences(page, result.parent) == []
    assert "(bench-peers.svg)" in text
    publish.publish(result, page)
    assert page.read_text(encoding="utf-8") == text


def test_a_page_that_was_changed_is_noticed(result: Path, page: Path, tmp_path: Path) -> None:
    """A figure, a chart, a missing JSON, a missing place."""
    text, results = page.read_text(encoding="utf-8"), result.parent
    page.write_text(
        text.replace(" ns |", " ns  |", 1).replace("| no", "| yes", 1).replace("×", "x", 1), encoding="utf-8"
    )
    assert publish.differences(page, results) == [f"page.md differs from {result.name}"]
    page.write_text(text, encoding="utf-8")
    assert publish.differences(page, tmp_path) == [f"{result.name} is not in {tmp_path}"]
    chart = tmp_path / "bench-peers.svg"
    drawn = chart.read_bytes()
    for other in (b"", b"<svg/>", drawn.replace(b"OpenSSL", b"ClosedSSL")):
        chart.write_bytes(other)
        assert publish.differences(page, results) == [f"bench-peers.svg is not the chart of {result.name}"]
    page.write_text("nothing", encoding="utf-8")
    assert publish.differences(page, results) == [f"page.md has no place for {kind}" for kind in publish.KINDS]
    with pytest.raises(ValueError, match="does not say where"):
        publish.publish(result, page)
    with pytest.raises(SystemExit, match="is no run that is published"):
        main(["publish", str(page)])


def test_published_figures_have_their_json() -> None:
    """What docs/benchmarks.md says is what the JSON says that it names."""
    assert publish.differences() == []


@pytest.mark.parametrize("name", hashing_charts.CHARTS)
def test_charts(found: Any, name: str) -> None:
    """Each is drawn from a quick run too."""
    pytest.importorskip("matplotlib")
    draw, caption = hashing_charts.CHARTS[name]
    drawn = drawing.svg(draw, found, "x.json")
    assert "x.json" in " ".join(ElementTree.fromstring(drawn).itertext())
    assert caption


# ---- counted work --------------------------------------------------------------------------------------------------


def test_work_is_not_more_than_recorded() -> None:
    """No kernel runs more often than recorded, and no more instructions are executed; else speed is lost.

    If that is meant, `python -m benchmarks guard --record` writes the record anew.
    """
    if shutil.which("gcc") is None or platform.machine() != "x86_64":
        pytest.skip("needs gcc, and the choices of a 512-bit backend")
    found = guard.count()
    assert guard.changes(guard.load(), found)[0] == [], f"\n{guard.text(found)}"


def test_lost_work_is_noticed() -> None:
    """Each figure has its tolerance; the compiler's version widens that of instructions."""
    recorded = guard.load()
    act = next(iter(recorded["acts"]))

    def lost(figure: str, by: float, compiler: str = recorded["compiler"]) -> bool:
        changed = copy.deepcopy(recorded)
        changed["acts"][act][figure] *= by  # type: ignore[literal-required]
        changed["compiler"] = compiler
        return bool(guard.changes(recorded, changed)[0])

    for figure in ("hashes", "cost", "kernel", "around"):
        assert not lost(figure, 1.0)
        assert lost(figure, 1.035)
        assert not lost(figure, 0.5)
    assert not lost("around", 1.2, "gcc (another) 99.1.0")
    assert lost("around", 1.5, "gcc (another) 99.1.0")
    assert lost("cost", 1.03, "gcc (another) 99.1.0")
    del recorded["acts"][act]
    assert guard.changes(guard.load(), recorded)[0]
