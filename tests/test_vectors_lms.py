"""LMS and HSS against others' vectors: NIST's, post-quantum-cryptography/KAT's, liboqs', RFC 8554's."""

from __future__ import annotations

import pytest

import hbss
from hbss.unsafe_known_answers import KnownAnswerKey
from tests import budget, vectors
from tests.model.schemes.lms.params import SETS
from tests.signing import lms_one_time

FAMILIES = ("LMS_SHA256_M32", "LMS_SHA256_M24", "LMS_SHAKE_M32", "LMS_SHAKE_M24")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("kind", ["sigVer", "sigGen"])
def test_every_lms_verification(kind: str, family: str) -> None:
    cases = [case for case in vectors.lms(kind) if case.set.startswith(family)]
    assert len(cases) >= 80
    assert [case.name for case in cases if vectors.accepted(case, "HSS") != case.valid] == []


def test_refused_lms_signatures_are_among_the_vectors() -> None:
    """The verifications above can fail: three of four sigVer vectors are altered ones."""
    cases = vectors.lms("sigVer")
    assert (len(cases), sum(case.valid for case in cases)) == (336, 84)


def test_every_hss_verification() -> None:
    """One and two levels; the key's set is read from its codes."""
    cases = vectors.hss()
    assert len(cases) == 20
    assert [case.name for case in cases if not vectors.accepted(case, "HSS")] == []
    assert {hbss.PublicKey.from_raw("HSS", case.public).levels for case in cases} == {1, 2}


@pytest.mark.parametrize("family", FAMILIES)
def test_one_time_part_of_every_lms_signature(family: str) -> None:
    """q, C and every chain value, for each published signature whose seed is known."""
    cases = [case for case in vectors.lms("sigGen") if case.set.startswith(family) and case.secret]
    assert {case.set for case in cases} == {name for name in SETS if name.startswith(family)}
    assert [case.name for case in cases if not case.signature[4:].startswith(lms_one_time(case))] == []


def key_cases(name: str) -> list[vectors.Case]:
    return [case for case in vectors.lms("keyGen") if case.set == name]


@pytest.mark.parametrize("name", budget.affordable(SETS))
def test_lms_keys(name: str) -> None:
    """Every published key of a set whose trees are small, of larger ones the first."""
    cases = budget.first_or_all(name, key_cases(name))
    assert cases
    assert vectors.different(cases) == []


@pytest.mark.parametrize("name", budget.affordable(SETS))
def test_lms_signatures(name: str) -> None:
    """Every published signature of the set, whole: all are made by one key."""
    cases = [case for case in vectors.lms("sigGen") if case.set == name and case.secret]
    (seeds,) = {(case.secret, case.public_seed) for case in cases}
    key = KnownAnswerKey(name, *seeds)
    assert {case.public for case in cases} == {key.public_key().public_bytes_raw()}
    assert [case.name for case in cases if key.sign(case.index, case.message) != case.signature] == []
