"""Choosing a parameter set: what is asked for is kept, nothing better is left out, and the command says why."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hbss import choosing, costs, drawing, parameter_set, parameter_sets
from hbss.bench import limit
from hbss.choosing import Choice, Needs, Offer, choose
from hbss.cli.app import run
from hbss.params import rows_of

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "choosing.svg"


@pytest.fixture
def speeds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which a call of SHA-256 takes 10 ns, and one of any other function 30."""

    def measured(functions: Iterable[str]) -> dict[str, limit.Times]:
        return {each: limit.Times(10 if each == "SHA-256" else 30, 200, 50) for each in functions}

    monkeypatch.setattr(limit, "measured", measured)


def met(needs: Needs, offer: Offer) -> bool:
    """The needs, read another way."""
    found = offer.set
    usable = found.capacity - (found.scheme != "SLH-DSA")
    bounds = (
        (offer.signature, needs.signature_bytes), (offer.sign, needs.sign), (offer.verify, needs.verify),
        (offer.keygen, needs.keygen), (needs.hash_bits or 0, 8 * found.n), (needs.signatures, usable),
    )  # fmt: skip
    return (
        all(value <= (math.inf if most is None else most) for value, most in bounds)
        and (found.approved or not (needs.approved or needs.single_tree))
        and not (needs.stateless and found.scheme != "SLH-DSA")
        and not (needs.single_tree and (found.scheme == "SLH-DSA" or len(found.heights) > 1))
    )


def qualities(offer: Offer) -> tuple[float, ...]:
    """What an offer is judged by: less is better."""
    return offer.signature, offer.sign, offer.verify, offer.keygen, offer.set.stateful, -offer.set.n


wishes = st.builds(
    Needs,
    signatures=st.integers(1, 1 << 30),
    hash_bits=st.none() | st.sampled_from([128, 192, 256, 512]),
    signature_bytes=st.none() | st.integers(500, 60_000),
    sign=st.none() | st.floats(1e-6, 1e-1),
    verify=st.none() | st.floats(1e-6, 1e-2),
    keygen=st.none() | st.floats(1e-4, 1e4),
    approved=st.booleans(),
    stateless=st.booleans(),
)


@given(needs=wishes, prefer=st.sampled_from(choosing.PREFERENCES))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_best_of_what_is_asked_for(speeds: None, needs: Needs, prefer: str) -> None:
    """Every offer meets the needs; every set that does is offered, or an offer is as good in everything."""
    found = choose(needs, prefer)
    fitting = [offer for offer in choosing._offers() if met(needs, offer)]
    assert len(fitting) == found.meeting
    offered = [qualities(offer) for offer in found.offers]
    assert all(met(needs, offer) for offer in found.offers)
    for offer in fitting:
        assert any(all(a <= b for a, b in zip(best, qualities(offer), strict=True)) for best in offered)
    values = [getattr(offer, prefer) for offer in found.offers]
    assert values == sorted(values)
    assert choose(needs, prefer, limit=2).offers == found.offers[:2]


def test_every_kind_of_set_is_considered() -> None:
    """All that the library lists, and every HSS of two trees of one kind."""
    names = {each.name for each in choosing.candidates()}
    assert {each.name for each in parameter_sets()} < names
    assert len(names) == len(parameter_sets()) + 4 * 20 * 20
    assert "LMS_SHAKE_M24_H5_W1+LMS_SHAKE_M24_H25_W8" in names


def test_times_are_counted_calls(speeds: None) -> None:
    """A key's trees are all made when it is; SLH-DSA makes its top one."""
    offers = {offer.set.name: offer for offer in choosing._offers()}
    for name, trees in ("LMS_SHA256_M32_H5_W8+LMS_SHA256_M32_H5_W8", 2), ("XMSSMT-SHA2_20/4_256", 4):
        found = parameter_set(name)
        assert offers[name].keygen == pytest.approx(trees * found.keygen_hashes * 10e-9)
    alone = parameter_set("SLH-DSA-SHA2-128s")
    assert offers[alone.name].keygen == pytest.approx(alone.keygen_hashes * 10e-9)
    assert offers[alone.name].verify == pytest.approx(alone.verify_hashes * 10e-9, rel=1e-3)
    split = costs.split(rows_of(alone))
    assert offers[alone.name].sign == pytest.approx(split.sign_cached.total * 10e-9)


def test_reasons_and_warnings(speeds: None) -> None:
    """What is best is said, and what to heed."""
    found = choose(Needs(signatures=1 << 19, per_day=100))
    by_name = {offer.set.name: offer for offer in found.offers}
    assert "smallest signature" in found.offers[0].reasons
    for offer in found.offers:
        stateful = any(text.startswith("stateful:") for text in offer.warnings)
        assert stateful == offer.set.stateful == ("no state to keep" not in offer.reasons)
        several = any("CNSA" in text for text in offer.warnings)
        assert several == (offer.set.scheme in ("HSS", "XMSSMT")), offer
    tight = by_name["LMS_SHA256_M24_H20_W8"]
    assert "one tree" in tight.reasons
    assert any("little to spare: 1,048,575" in text for text in tight.warnings)
    assert any("lasts 29 years at 100 a day" in text for text in tight.warnings)


def test_what_cannot_be_meant() -> None:
    """A clear error before anything is measured."""
    for wrong in (Needs(signatures=0), Needs(sign=-1.0), Needs(keygen=math.nan), Needs(per_day=0)):
        with pytest.raises(ValueError, match="must be a number above 0"):
            choose(wrong)
    with pytest.raises(ValueError, match="unknown preference 'price'; choose one of: signature"):
        choose(Needs(), "price")
    with pytest.raises(ValueError, match="ask for one of the two"):
        choose(Needs(stateless=True, single_tree=True))


# ---- the command ---------------------------------------------------------------------------------------------------


def test_the_command(speeds: None, capsys: pytest.CaptureFixture[str]) -> None:
    """A table, best first, why, and each warning once."""
    words = "choose --signatures 1e6 --signature-bytes 3000 --sign-ms 5 --approved --limit 4"
    assert run(words.split()) == 0
    shown = capsys.readouterr().out
    rows = [line.split()[0] for line in shown.splitlines() if line.strip().startswith(("LMS", "XMSS", "SLH"))]
    assert rows[0] == "LMS_SHA256_M24_H20_W8"
    assert len(rows) == 4
    assert "smallest signature, one tree" in " ".join(shown.split())
    assert shown.count("an index used twice") == 1
    assert "1,000,000 signatures, of 3,000 B at most, signing within 5.00 ms, approved: " in shown


def test_the_command_as_json(speeds: None, capsys: pytest.CaptureFixture[str]) -> None:
    """Names, bytes, seconds, words."""
    assert run(["choose", "--stateless", "--prefer", "sign", "--json"]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    assert found[0]["set"] == "SLH-DSA-SHA2-128f"
    assert found[0]["signature_bytes"] == 17_088
    assert 0 < found[0]["keygen"] < found[0]["sign"] < 1
    assert "fastest to sign" in found[0]["reasons"]


def test_nothing_fits(speeds: None, capsys: pytest.CaptureFixture[str]) -> None:
    """What is lacking, how often, and the one wish that is most in the way."""
    assert run(["choose", "--signatures", "1,000,000", "--signature-bytes", "600"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("hbss: no set has all of this: 1,000,000 signatures, of 600 B at most. Of 1,769 sets")
    assert "would do but for one thing: a signature as small as asked" in said


@pytest.mark.parametrize("value", ["1.5", "x", "nan", "inf", "1e400", ""])
def test_a_number_that_is_none(capsys: pytest.CaptureFixture[str], value: str) -> None:
    """One line, which says what would do."""
    assert run(["choose", "--signatures", value]) == 2
    said = capsys.readouterr().err
    assert "--signatures" in said
    assert "such as 250000 or 1e6" in said


def test_a_picture(speeds: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of all sets, with the ranks of those that are offered."""
    pytest.importorskip("matplotlib")
    for name in ("c.svg", "c.png"):
        assert run(["choose", "--approved", "--limit", "3", "--plot", str(tmp_path / name)]) == 0
        assert (tmp_path / name).stat().st_size > 1000
    assert b"signature, bytes" in (tmp_path / "c.svg").read_bytes()
    assert run(["choose", "--plot", str(tmp_path / "c.gif")]) == 2
    assert "an .svg or a .png file" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.png", "c.svg"]


def test_the_picture_of_the_page() -> None:
    """docs/choosing.svg is what the library draws of its sets, as far as the same matplotlib draws it."""
    pytest.importorskip("matplotlib")
    drawn = PICTURE.read_bytes()
    if drawing.version().encode() not in drawn:
        pytest.skip("drawn by another matplotlib")
    assert choosing.draw(Choice((), 0, {}, {}, 0)) == drawn
