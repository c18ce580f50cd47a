"""XMSS and XMSS^MT against others' vectors: post-quantum-cryptography/KAT's and liboqs'."""

from __future__ import annotations

import pytest

from hbss.unsafe_known_answers import KnownAnswerKey
from tests import budget, vectors
from tests.signing import xmss_one_time

KEYS = sorted({case.set for case in vectors.xmss("keyGen")})
LIBOQS = {case.set: case for case in vectors.xmss_liboqs()}


def test_every_xmss_verification() -> None:
    """post-quantum-cryptography/KAT: altered signatures and messages, and good ones."""
    cases = vectors.xmss("sigVer") + vectors.xmss("sigGen")
    assert (len(cases), sum(case.valid for case in cases)) == (104, 50)
    assert [case.name for case in cases if vectors.accepted(case) != case.valid] == []


def test_every_liboqs_verification() -> None:
    """All 21 sets of XMSS and 16 of XMSS^MT."""
    assert len(LIBOQS) == 37
    assert [case.name for case in LIBOQS.values() if not vectors.accepted(case)] == []


def test_one_time_part_of_every_xmss_signature() -> None:
    """The index, r and the lowest layer's chain values, for each published signature."""
    cases = [*vectors.xmss("sigGen"), *LIBOQS.values()]
    assert [case.name for case in cases if not case.signature.startswith(xmss_one_time(case))] == []


def key_cases(name: str) -> list[vectors.Case]:
    return [case for case in vectors.xmss("keyGen") if case.set == name]


@pytest.mark.parametrize("name", budget.affordable(KEYS))
def test_xmss_keys(name: str) -> None:
    """Every published key of a set whose trees are small, of larger ones the first."""
    cases = budget.first_or_all(name, key_cases(name))
    assert cases
    assert vectors.different(cases) == []


@pytest.mark.parametrize("name", budget.affordable(sorted({case.set for case in vectors.xmss("sigGen")})))
def test_xmss_signatures(name: str) -> None:
    """Every published signature of the set, whole: all are made by one key."""
    cases = [case for case in vectors.xmss("sigGen") if case.set == name]
    (seeds,) = {(case.secret, case.public_seed) for case in cases}
    key = KnownAnswerKey(name, *seeds)
    assert [case.name for case in cases if key.sign(case.index, case.message) != case.signature] == []


@pytest.mark.parametrize("name", budget.affordable(LIBOQS))
def test_liboqs_keys_and_signatures(name: str) -> None:
    """Public key and whole signature from liboqs' seeds."""
    case = LIBOQS[name]
    key = KnownAnswerKey(name, case.secret, case.public_seed)
    assert key.public_key().public_bytes_raw() == case.public
    assert key.sign(case.index, case.message) == case.signature
