"""The audit and signatures that are malformed, damaged, or of something else: no signer is accused by them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hbss import audit
from hbss.params import rows
from tests.audit_kit import FOUR_SCHEMES, key, sign, xmssmt_with_another_root
from tests.state_kit import HSS, LMS, XMSS, XMSSMT


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
