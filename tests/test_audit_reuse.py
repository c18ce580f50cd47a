"""The audit finds every one-time key that signed two values, on every layer, and accuses nobody else."""

from __future__ import annotations

import dataclasses
import random
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hbss
from hbss import audit
from hbss.audit import auditor
from hbss.params import index_len, rows
from tests.audit_kit import (
    FOUR_SCHEMES,
    POOL,
    ROOT,
    both_ways,
    hss_public,
    hung,
    key,
    places,
    sign,
    two_lower_sets,
    xmssmt_with_another_root,
)
from tests.state_kit import HSS, LMS, WIDE, XMSS, XMSSMT, index_of

# ---- reuse ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FOUR_SCHEMES)
def test_a_leaf_that_signs_two_messages(name: str) -> None:
    """The lowest layer, in every scheme; the leaf and its tree are named, and nothing else is found."""
    low = hbss.parameter_set(name).heights[-1]
    last = min(1 << low, hbss.parameter_set(name).capacity - 1) + 4 if name in (HSS, XMSSMT) else 30
    signed = [(sign(name, index, b"honest"), b"honest") for index in (0, 3, last, last + 1)]
    signed.append((sign(name, last, b"another"), b"another"))
    report = both_ways(key(name).public_key(), signed)
    assert places(report) == {(0, last >> low, last & ((1 << low) - 1)): 2}
    assert (report.reused, report.ok, report.leaves, report.highest) == (1, False, 4, last + 1)
    assert report.unused == last + 2 - 4
    found = report.findings[0]
    assert [use.name for use in found.uses] == ["#3", "#5"]
    assert len({use.digest for use in found.uses}) == 2
    assert f"leaf {found.leaf} signed 2 values: #3, #5" in str(found)
    assert "REUSE: 1 one-time key signed more than one value" in str(report)


def test_an_inner_leaf_of_hss_that_signs_two_trees() -> None:
    """Two child keys under one leaf: with other seeds only the parent is guilty, with the same seeds the child too."""
    public = hss_public()
    assert public == key(HSS).public_key()
    foreign = [hung(1, key(LMS, number), 7, b"below") for number in (1, 2)]
    assert places(both_ways(public, foreign)) == {(1, 0, 1): 2}
    derived = list(two_lower_sets())
    assert places(both_ways(public, derived)) == {(1, 0, 1): 2, (0, 1, 7): 2}
    assert places(both_ways(public, [*derived, *foreign])) == {(1, 0, 1): 4, (0, 1, 7): 2}


def test_a_child_tree_of_hss_that_hangs_in_two_places() -> None:
    """Hanging twice is no reuse; signing with the same leaf in both places is."""
    child = key(LMS, 1)
    honest = [hung(2, child, 0, b"a"), hung(3, child, 1, b"b")]
    assert both_ways(hss_public(), honest).ok
    report = both_ways(hss_public(), [*honest, hung(3, child, 0, b"c")])
    assert places(report) == {(0, 2, 0): 2}


def test_an_inner_leaf_of_xmssmt_that_signs_two_roots() -> None:
    """Both signatures verify: the inner leaf is what gives it away."""
    index = (3 << 10) + (9 << 5) + 4
    signed = [(sign(XMSSMT, index, b"one"), b"one"), (xmssmt_with_another_root(index + 1, b"two"), b"two")]
    assert places(both_ways(key(XMSSMT).public_key(), signed)) == {(1, 3, 9): 2}


def test_many_values_of_one_leaf() -> None:
    """All are counted, and ten are named."""
    signed = [(sign(LMS, 5, b"%d" % i), b"%d" % i) for i in range(14)]
    found = both_ways(key(LMS).public_key(), signed).findings[0]
    assert (found.values, [use.name for use in found.uses]) == (14, [f"#{i}" for i in range(1, 11)])
    assert str(found).endswith("#10 and 4 more")


def test_the_report_is_limited_and_the_findings_are_not() -> None:
    """A report shows as many as it is asked for, and says how many there are."""
    with audit.Audit(key(LMS).public_key()) as audited:
        for leaf in range(20):
            audited.add(sign(LMS, leaf, b"a"))
            audited.add(sign(LMS, leaf, b"b"), b"b")
            audited.add(b"", name=f"empty {leaf}")
        report = audited.report(limit=3)
        assert (len(report.findings), report.reused, len(report.refused), report.malformed) == (3, 20, 3, 20)
        assert [each.leaf for each in audited.findings()] == list(range(20))
        assert audited.report(limit=0).findings == ()
        assert not report.findings[0].proven  # only one of the two was verified
        assert str(report.findings[0]) == "layer 0, tree 0, leaf 0 signed 2 values: #1 (unverified), #2"
        with pytest.raises(ValueError, match="0 or more"):
            audited.report(-1)


# ---- honest keys ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "count"), [(LMS, 32), (HSS, 1024), (XMSS, 300), (XMSSMT, 300)])
def test_honest_signatures(name: str, count: int) -> None:
    """Every signature at its own index, in any order, delivered twice: no finding, and nothing is missing."""
    signed = [(sign(name, index, b"%d" % index), b"%d" % index) for index in range(count)]
    twice = [*signed, *signed]
    random.Random(count).shuffle(twice)
    report = both_ways(key(name).public_key(), twice)
    assert report.ok
    assert (report.signatures, report.leaves, report.highest, report.unused) == (2 * count, count, count - 1, 0)
    assert str(report).endswith("no reuse found")


def test_thousands_of_a_real_key(tmp_path: Path) -> None:
    """A key with its state signs three thousand messages, across several lower trees."""
    hbss.create_key(tmp_path / "key", WIDE)
    with hbss.open_key(tmp_path / "key") as opened:
        signatures = [one for _ in range(3) for one in opened.sign_many([b"message"] * 1000)]
        report = audit.find_reuse(opened.public_key(), signatures)
    assert report.ok
    assert (report.leaves, report.highest) == (3000, max(index_of(WIDE, each) for each in signatures))


def test_no_signature_at_all() -> None:
    """Then there is nothing to say."""
    report = audit.find_reuse(key(LMS).public_key(), [])
    assert (report.ok, report.leaves, report.highest, report.unused) == (True, 0, None, 0)
    assert str(report) == "no signature of this key was seen"


@settings(max_examples=60, deadline=None)
@given(data=st.data(), name=st.sampled_from(list(POOL)))
def test_the_order_of_arrival_does_not_matter(data: st.DataObject, name: str) -> None:
    """Any selection, repeated, shuffled, with some messages: the same findings as those of a plain count."""
    pool = POOL[name]
    chosen = data.draw(st.lists(st.tuples(st.integers(0, len(pool) - 1), st.booleans()), max_size=14))
    shuffled = data.draw(st.permutations(chosen))
    reports = []
    for order in (chosen, shuffled):
        given_now = [pool[i] if verify else pool[i][0] for i, verify in order]
        reports.append(audit.find_reuse(key(name).public_key(), given_now))
    values = [
        {
            (each.layer, each.leaf, frozenset((use.digest, use.verified) for use in each.uses))
            for each in report.findings
        }
        for report in reports
    ]
    assert values[0] == values[1]
    assert (reports[0].leaves, reports[0].highest) == (reports[1].leaves, reports[1].highest)
    indices = {index_of(name, pool[i][0]) for i, _ in chosen}
    if name == LMS:
        signed = {(index_of(name, pool[i][0]), pool[i][1]) for i, _ in chosen}
        assert reports[0].leaves == len(indices)
        assert reports[0].reused == len(signed) - len(indices)
    assert reports[0].highest == max(indices, default=None)


# ---- the rest ------------------------------------------------------------------------------------------------------


def test_mistakes() -> None:
    """A key without state, no bytes, use after close."""
    with pytest.raises(ValueError, match="keeps no state"):
        audit.Audit(hbss.generate("SLH-DSA-SHA2-128f").public_key())
    audited = audit.Audit(key(LMS).public_key())
    with pytest.raises(TypeError, match="signature must be bytes-like"):
        audited.add("text")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="message must be bytes-like"):
        audited.add(sign(LMS, 1, b"honest"), 5)  # type: ignore[arg-type]
    audited.add(bytearray(sign(LMS, 1, b"honest")), memoryview(b"honest"), name="no text: \udcff")
    audited.add(b"", name="\udcff")
    assert audited.report().refused[0].name == "\\udcff"
    audited.close()
    audited.close()
    with pytest.raises(ValueError, match="closed"):
        audited.add(b"")


def test_a_report_can_be_compared_and_not_changed() -> None:
    """It is a value."""
    report = audit.find_reuse(key(LMS).public_key(), [sign(LMS, 1, b"honest")])
    assert report == audit.find_reuse(key(LMS).public_key(), [sign(LMS, 1, b"honest")])
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.reused = 5  # type: ignore[misc]


Maker = Callable[[int, bytes], bytes]


def shaped_xmss(name: str) -> tuple[hbss.PublicKey, Maker]:
    """A key that nobody has, and well-formed signatures of an index and a filling byte."""
    row = rows()[name]
    width = index_len(row)
    public = hbss.PublicKey.from_raw(name, row.code.to_bytes(4, "big") + bytes(row.public_len - 4))
    return public, lambda index, fill: index.to_bytes(width, "big") + fill * (row.signature_len - width)


def shaped_hss(name: str) -> tuple[hbss.PublicKey, Maker]:
    """The same of HSS, every level of one set."""
    row, levels = rows()[name.split("+")[0]], name.count("+") + 1
    codes = struct.pack(">II", row.code, row.ots_code)

    def tree(layer: int) -> bytes:
        return codes + bytes([layer]) * 16 + bytes(row.n)

    def make(index: int, fill: bytes) -> bytes:
        signature = (levels - 1).to_bytes(4, "big")
        for layer in reversed(range(levels)):
            leaf = index >> row.h * layer & ((1 << row.h) - 1)
            path = struct.pack(">I", row.code) + bytes(row.h * row.n)
            chains = (b"\0" if layer else fill) * (row.signature_len - 8 - len(path))
            signature += struct.pack(">II", leaf, row.ots_code) + chains + path + (tree(layer - 1) if layer else b"")
        return signature

    return hbss.PublicKey.from_raw("HSS", levels.to_bytes(4, "big") + tree(levels - 1)), make


TALL = "+".join(["LMS_SHA256_M32_H25_W8"] * 8)


@pytest.mark.parametrize("name", ["XMSSMT-SHA2_60/12_256", "XMSSMT-SHAKE_40/2_512", "XMSS-SHA2_20_192", TALL])
def test_the_largest_sets(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last index, and one wider than SQLite's integers, are kept and reported as they are."""
    found = hbss.parameter_set(name)
    public, make = (shaped_hss if found.levels else shaped_xmss)(name)
    monkeypatch.setattr(auditor, "holds", lambda link: True)  # nobody can make these links
    index, low = found.capacity - 1, found.heights[-1]
    report = audit.find_reuse(public, [make(index, b"\1"), make(index, b"\2"), make(index - 1, b"\3")])
    assert (report.highest, report.leaves) == (index, 2)
    assert places(report)[0, index >> low, (1 << low) - 1] == 2


SYNTHETIC = """
import resource, struct, sys, time, tracemalloc
import hbss
from hbss import audit
from hbss.audit import auditor
from hbss.params import rows
row = rows()["LMS_SHA256_M32_H20_W8"]
codes = struct.pack(">II", row.code, row.ots_code)
public = hbss.PublicKey.from_raw("HSS", bytes([0, 0, 0, 1]) + codes + bytes(48))
rest = bytes(row.signature_len - 48 - 20 * 32), struct.pack(">I", row.code) + bytes(20 * 32)
def signature(leaf, value):
    return bytes(4) + struct.pack(">II", leaf, row.ots_code) + value.to_bytes(36, "big") + rest[0] + rest[1]
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
count = int(sys.argv[1])
with audit.Audit(public) as audited:
    for i in range(50_000):
        audited.add(signature(i * 7919 % (1 << 20), i))
    before = peak()
    tracemalloc.start()
    for i in range(50_000, count):
        audited.add(signature(i * 7919 % (1 << 20), i))
    audited.add(signature(0, 1))
    report = audited.report()
    print(before, peak(), tracemalloc.get_traced_memory()[1] // 1024, report.leaves, report.reused)
"""


@pytest.mark.long
def test_memory_is_constant() -> None:
    """400,000 signatures take no more memory than some thousand: SQLite's cache and one batch."""
    done = subprocess.run(
        [sys.executable, "-c", SYNTHETIC, "400000"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    before, after, python_kib, leaves, reused = map(int, done.stdout.split())
    assert (leaves, reused) == (400_000, 1)
    assert after - before < 48  # MiB; the index itself has more
    assert python_kib < 16 * 1024
