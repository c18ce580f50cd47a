"""The audit finds every one-time key that signed two values, on every layer, and accuses nobody else."""

from __future__ import annotations

import dataclasses
import os
import random
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hbss
from hbss import audit
from hbss.audit import auditor
from hbss.audit import index as index_module
from hbss.audit.report import Report
from hbss.params import index_len, rows
from hbss.treecache import Tree
from hbss.unsafe_known_answers import KnownAnswerKey
from tests.state_kit import HSS, LMS, WIDE, XMSS, XMSSMT, index_of

ROOT = Path(__file__).resolve().parent.parent
FOUR_SCHEMES = [LMS, HSS, XMSS, XMSSMT]

Place = tuple[int, int, int]  # layer, tree, leaf
Signed = tuple[bytes, bytes]  # signature, message


@cache
def key(name: str, number: int = 0) -> KnownAnswerKey:
    """A key that signs at any index, as often as it is told."""
    row = rows()[name.split("+")[0]]
    return KnownAnswerKey(name, bytes([number]) * row.secret_len, bytes([number]) * row.public_seed_len)


@cache
def sign(name: str, index: int, message: bytes) -> bytes:
    return key(name).sign(index, message)


def places(report: Report) -> dict[Place, int]:
    """Where a key was used for how many values."""
    return {(each.layer, each.tree, each.leaf): each.values for each in report.findings}


def both_ways(public: hbss.PublicKey, signed: list[Signed]) -> Report:
    """The report with messages, after it was seen that the one without finds the same places."""
    verified = audit.find_reuse(public, signed)
    bare = audit.find_reuse(public, [signature for signature, _ in signed])
    assert verified.unverified == verified.malformed == verified.invalid == bare.malformed == bare.invalid == 0
    assert bare.unverified == bare.signatures == verified.signatures == len(signed)
    assert places(bare) == places(verified)
    assert all(each.proven for each in verified.findings)
    assert bare.leaves == verified.leaves
    assert bare.highest == verified.highest
    return verified


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


def two_lower_sets() -> Iterator[Signed]:
    """One top key, below whose leaf 1 hang trees of two parameter sets. Their one-time keys have the same secrets."""
    for lower in ("LMS_SHA256_M32_H5_W4", "LMS_SHA256_M32_H5_W8"):
        message = lower.encode()
        yield sign(f"{LMS}+{lower}", 32 + 7, message), message


def hung(q: int, child: KnownAnswerKey, leaf: int, message: bytes) -> Signed:
    """An HSS signature below leaf q of the top tree, by a child key with seeds of its own."""
    public = child.public_key().public_bytes_raw()[4:]
    top, lower = sign(LMS, q, public), child.sign(leaf, message)
    return b"\0\0\0\1" + top[4:] + public + lower[4:], message


def hss_public() -> hbss.PublicKey:
    """The HSS key of two levels whose top tree is the LMS key's."""
    return hbss.PublicKey.from_raw("HSS", b"\0\0\0\2" + key(LMS).public_key().public_bytes_raw()[4:])


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


def xmssmt_with_another_root(index: int, message: bytes) -> bytes:
    """A node of the lowest tree's path is damaged, so that layer 1 signs another root than the tree's."""
    known = key(XMSSMT)
    low, parent = known._tree(0, index >> 5), known._tree(1, index >> 10)
    nodes = bytearray(low.nodes)
    nodes[((index & 31) ^ 1) * low.spot.n] ^= 1
    damaged, leaf = Tree(low.spot, nodes), index >> 5 & 31
    root = damaged.climb(index & 31, damaged.path(index & 31))
    honest = sign(XMSSMT, index, message)
    lowest = known._family.sign_message(index, damaged, index & 31, [message], root)
    second = known._family.sign_tree(parent, leaf, root, parent.root)
    return known._family.join(index, lowest, second) + honest[3 + len(lowest) + len(second) :]


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


POOL: dict[str, list[Signed]] = {
    LMS: [(sign(LMS, i, m), m) for i in (0, 1, 2) for m in (b"a", b"b")],
    HSS: [(sign(HSS, i, m), m) for i in (0, 33) for m in (b"a", b"b")]
    + [*two_lower_sets(), hung(2, key(LMS, 1), 4, b"x"), hung(2, key(LMS, 2), 4, b"y")],
    XMSSMT: [(sign(XMSSMT, i, m), m) for i in (0, 1, 1 << 15) for m in (b"a", b"b")]
    + [(xmssmt_with_another_root(i, b"z"), b"z") for i in (2, (1 << 15) + 1)],
}


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


# ---- malformed and wrong signatures --------------------------------------------------------------------------------


def spoiled(name: str) -> Iterator[tuple[str, bytes]]:
    """What no key of this kind makes, and what is said of it."""
    good = sign(name, 3, b"honest")
    yield "bytes", good[:-1]
    yield "bytes", good + b"\0"
    yield "", b""
    yield "", b"\0" * 3
    yield "", bytes(1 << 20)
    yield "", good[: len(good) // 2]
    if name == XMSS:
        yield "out of range", b"\0\1\0\0" + good[4:]
    elif name == XMSSMT:
        yield "out of range", b"\x10\0\0" + good[3:]
    else:
        yield "head", b"\0\0\0\7" + good[4:]
        yield "out of range", good[:4] + b"\0\0\0\x20" + good[8:]
        yield "type codes", good[:8] + b"\0\0\0\1" + good[12:]
        yield "type codes", good[: -5 * 32 - 4] + b"\0\0\0\7" + good[-5 * 32 :]
        yield "ends within", good[:-40]
    if name == HSS:
        child = 4 + rows()[LMS].signature_len
        yield "no LMS set has", good[:child] + b"\0\0\0\xff" + good[child + 4 :]
        yield "cut off", good[: child + 6]


@pytest.mark.parametrize("name", FOUR_SCHEMES)
def test_malformed_signatures(name: str) -> None:
    """They are counted and listed with the reason, with and without a message, and compared with nothing."""
    cases = list(spoiled(name))
    for message in (None, b"honest"):
        with audit.Audit(key(name).public_key()) as audited:
            for i, (_, signature) in enumerate(cases):
                audited.add(signature, message, f"case {i}")
            report = audited.report()
        assert (report.malformed, report.signatures, report.invalid, report.highest) == (len(cases), 0, 0, None)
        for i, ((reason, _), refused) in enumerate(zip(cases, report.refused, strict=True)):
            assert refused.name == f"case {i}"
            assert refused.reason.startswith("malformed: ")
            assert reason in refused.reason
        assert f"{len(cases)} malformed" in str(report)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), name=st.sampled_from([LMS, HSS, XMSSMT]))
def test_damage_never_accuses_a_signer_when_messages_are_given(data: st.DataObject, name: str) -> None:
    """A flipped bit, a cut or foreign bytes: refused when verified, and never an exception."""
    good = sign(name, 3, b"honest")
    at = data.draw(st.integers(0, len(good) - 1))
    bad = bytearray(good)
    bad[at] ^= 1 << data.draw(st.integers(0, 7))
    end = data.draw(st.sampled_from([len(bad), at]))
    spliced = bytes(bad[:end]) + data.draw(st.binary(max_size=8))
    if spliced == good:
        return
    public = key(name).public_key()
    report = audit.find_reuse(public, [(good, b"honest"), (spliced, b"honest")])
    assert report.ok
    assert (report.signatures, report.malformed + report.invalid) == (1, 1)
    audit.find_reuse(public, [good, spliced])  # whatever it finds, it ends


@pytest.mark.parametrize("name", FOUR_SCHEMES)
def test_a_damaged_value_with_and_without_its_message(name: str) -> None:
    """With the message it is refused; without it looks like a reuse, which is said to be unverified."""
    good, public = sign(name, 3, b"honest"), key(name).public_key()
    at = len(good) - rows()[name.split("+")[-1]].signature_len + 40 if name in (LMS, HSS) else 40
    bad = good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]
    verified = audit.find_reuse(public, [(good, b"honest"), (bad, b"honest")])
    assert (verified.ok, verified.invalid, verified.refused[0].name) == (True, 1, "#2")
    bare = audit.find_reuse(public, [good, bad])
    assert (bare.reused, bare.findings[0].proven, bare.unverified) == (1, False, 2)
    assert "came without a message and could not be verified whole: a damaged or foreign one" in str(bare)
    assert "(unverified)" in str(bare.findings[0])
    half = audit.find_reuse(public, [(good, b"honest"), bad])
    assert [use.verified for use in half.findings[0].uses] == [True, False]


def test_the_path_is_no_part_of_the_value() -> None:
    """A damaged path, unverified, is the same value: nothing more of the one-time key is known."""
    good = sign(LMS, 3, b"honest")
    assert audit.find_reuse(key(LMS).public_key(), [good, good[:-1] + bytes([good[-1] ^ 1])]).ok


def test_inner_levels_of_hss_are_verified_without_messages() -> None:
    """They sign what is in the signature: a damaged one, or a foreign tree, is refused and accuses nobody."""
    good, public = sign(HSS, 40, b"honest"), key(HSS).public_key()
    child = 4 + rows()[LMS].signature_len
    for at in (20, 200, child - 1, child + 12, child + 40):  # C, chain values, path, I, root
        bad = good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]
        report = audit.find_reuse(public, [good, bad])
        assert (report.ok, report.invalid, report.refused[0].reason) == (True, 1, "does not verify in an inner level")
    report = audit.find_reuse(public, [good, key(HSS, 1).sign(40, b"foreign")])
    assert (report.ok, report.invalid) == (True, 1)


def test_a_value_that_is_verified_later(tmp_path: Path) -> None:
    """The same signature with its message, now or in a later audit, makes the finding a proven one."""
    public, path = key(LMS).public_key(), tmp_path / "index"
    one, two = sign(LMS, 3, b"one"), sign(LMS, 3, b"two")
    assert not audit.find_reuse(public, [one, two, (one, b"one")], path).findings[0].proven
    report = audit.find_reuse(public, [(two, b"two")], path)
    assert report.findings[0].proven
    assert [use.name for use in report.findings[0].uses] == ["#1", "#2"]
    assert (report.signatures, report.unverified) == (4, 2)


def test_an_inner_value_that_is_verified_later() -> None:
    """The same on a layer that most signatures have in common, where what was seen before is mostly left out."""
    index = (3 << 10) + (9 << 5) + 4
    signed = [(sign(XMSSMT, index, b"one"), b"one"), (xmssmt_with_another_root(index + 1, b"two"), b"two")]
    bare = [signature for signature, _ in signed]
    assert [each.proven for each in audit.find_reuse(key(XMSSMT).public_key(), [*bare, *bare]).findings] == [False]
    assert [each.proven for each in audit.find_reuse(key(XMSSMT).public_key(), [*bare, *signed]).findings] == [True]


# ---- the index as a file -------------------------------------------------------------------------------------------


def test_an_index_is_kept_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two audits with one index find what one audit finds, whatever the size of a batch; names and counts stay."""
    monkeypatch.setattr(index_module, "_BATCH", 3)
    monkeypatch.setattr(index_module, "_TREES", 2)
    pool = [*POOL[HSS], (b"malformed", b"")]
    public, path = key(HSS).public_key(), tmp_path / "index"
    path.touch()  # as mktemp does
    for part in (pool[:4], pool[4:], []):
        report = audit.find_reuse(public, part, path)
    whole = audit.find_reuse(public, pool)
    assert whole.reused > 3
    assert report == whole


def test_an_index_file_of_something_else(tmp_path: Path) -> None:
    """Another key's, no index, a key file, cut off, in use, a folder: refused with a reason, and left as it was."""
    public = key(LMS).public_key()
    path = tmp_path / "index"
    audit.find_reuse(public, [sign(LMS, leaf, b"honest") for leaf in range(32)], path)
    whole = path.read_bytes()

    def refused(match: str, kind: type[Exception] = ValueError) -> None:
        before = path.read_bytes()
        with pytest.raises(kind, match=match):
            audit.Audit(public, path)
        assert path.read_bytes() == before

    with pytest.raises(ValueError, match=f"another key .fingerprint {public.fingerprint()}"):
        audit.Audit(key(LMS, 1).public_key(), path)
    assert path.read_bytes() == whole
    with audit.Audit(public, path) as first:
        refused("in use by another audit", OSError)
        first.add(sign(LMS, 3, b"another"))
        first._index.write()
        refused("in use by another audit", OSError)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refused("damaged")
    path.write_bytes(b"this is no index of an audit" * 100)
    refused("no index of an audit")
    path.unlink()
    hbss.create_key(path, LMS)
    refused("another program's SQLite file")
    with hbss.open_key(path) as still:
        still.public_key().verify(still.sign(b"works"), b"works")
    path.unlink()
    path.write_bytes(whole)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    refused("another version")
    with pytest.raises(OSError, match="cannot be read or written"):
        audit.Audit(public, tmp_path)
    with pytest.raises(OSError, match="cannot be read or written"):
        audit.Audit(public, tmp_path / "missing" / "index")


def test_a_page_of_the_index_is_damaged(tmp_path: Path) -> None:
    """Noticed when it is read: no report is made of it."""
    public, path = key(HSS).public_key(), tmp_path / "index"
    signatures = [sign(HSS, index, b"%d" % index) for index in range(1024)]
    audit.find_reuse(public, signatures, path)
    data = bytearray(path.read_bytes())
    for page in range(6, len(data) // 4096):
        data[page * 4096 : page * 4096 + 64] = os.urandom(64)
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"damaged .*give all signatures again"):
        audit.find_reuse(public, [], path)


def test_a_killed_audit_leaves_an_index_that_is_only_behind(tmp_path: Path) -> None:
    """SIGKILL after some batches: the next audit goes on, and given everything again it finds everything."""
    public, path = key(LMS).public_key(), tmp_path / "index"
    program = (
        "import os, sys, hbss\nfrom hbss.audit import Audit, index\nindex._BATCH = 4\n"
        "audited = Audit(hbss.load_public_key(bytes.fromhex(sys.argv[1])), sys.argv[2])\n"
        "for line in sys.stdin: audited.add(bytes.fromhex(line))\n"
        "os.kill(os.getpid(), 9)"
    )
    signatures = [sign(LMS, leaf, message) for leaf in range(7) for message in (b"a", b"b")]
    done = subprocess.run(
        [sys.executable, "-c", program, public.der().hex(), path], text=True, cwd=ROOT,
        input="".join(f"{each.hex()}\n" for each in signatures), capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == -9, done.stderr
    behind = audit.find_reuse(public, [], path)
    assert (behind.signatures, behind.reused) == (12, 6)
    assert audit.find_reuse(public, signatures, path).reused == 7


def test_an_exception_keeps_what_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The block that fails does not write its last batch, and lets go of the file."""
    monkeypatch.setattr(index_module, "_BATCH", 4)
    public, path = key(LMS).public_key(), tmp_path / "index"

    def interrupted() -> Iterator[bytes]:
        yield from (sign(LMS, leaf, b"honest") for leaf in range(7))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        audit.find_reuse(public, interrupted(), path)
    assert audit.find_reuse(public, [], path).signatures == 4


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite's own limit on pages stands for it: the index keeps what it had, and goes on later."""
    monkeypatch.setattr(index_module, "_BATCH", 50)
    public, path = key(HSS).public_key(), tmp_path / "index"
    signatures = [sign(HSS, index, b"%d" % index) for index in range(1024)]
    audited = audit.Audit(public, path)
    audited._index._connection.execute("PRAGMA max_page_count = 12").fetchone()
    with pytest.raises(OSError, match="no space left for the index"):
        list(map(audited.add, signatures))
    with pytest.raises(ValueError, match="closed"):
        audited.add(signatures[0])
    audited.close()
    kept = audit.find_reuse(public, [], path)
    assert 0 < kept.signatures < 1024
    assert kept.leaves == kept.signatures
    whole = audit.find_reuse(public, signatures, path)
    assert (whole.ok, whole.leaves) == (True, 1024)


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
