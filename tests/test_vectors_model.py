"""The model against others' vectors, wherever plain Python is fast enough: what makes it a second opinion."""

from __future__ import annotations

import pytest

from tests import vectors
from tests.model.params import Set
from tests.model.schemes.lms import hss, lms
from tests.model.schemes.lms.params import SETS as LMS_SETS
from tests.model.schemes.slhdsa import slhdsa
from tests.model.schemes.slhdsa.params import SETS as SLHDSA_SETS
from tests.model.schemes.xmss import xmss
from tests.model.schemes.xmss.params import SETS as XMSS_SETS
from tests.model.trees import winternitz
from tests.model.trees.tweak import Adrs


def name(p: Set) -> str:
    return p.name


def first_of_each_set(cases: list[vectors.Case]) -> list[vectors.Case]:
    return list({case.set: case for case in reversed(cases)}.values())


def test_model_verifies_every_lms_and_hss_vector() -> None:
    cases = vectors.lms("sigVer") + vectors.lms("sigGen") + vectors.hss()
    assert [case.name for case in cases if hss.verify(case.public, case.message, case.signature) != case.valid] == []


def test_model_verifies_every_xmss_vector() -> None:
    cases = vectors.xmss("sigVer") + vectors.xmss("sigGen") + vectors.xmss_liboqs()
    wrong = [c.name for c in cases if xmss.verify(XMSS_SETS[c.set], c.public, c.message, c.signature) != c.valid]
    assert wrong == []


@pytest.mark.parametrize("family", ["SHA2", "SHAKE"])
def test_model_verifies_slhdsa_vectors(family: str) -> None:
    """All of sigVer."""
    cases = [case for case in vectors.slhdsa("sigVer") if family in case.set]
    assert len(cases) == 252
    wrong = [
        c.name for c in cases if slhdsa.verify(SLHDSA_SETS[c.set], c.public, vectors.encoded(c), c.signature) != c.valid
    ]
    assert wrong == []


@pytest.mark.parametrize("p", [p for p in LMS_SETS.values() if p.h == 5 and p.lg_w > 1], ids=name)
def test_model_makes_the_published_lms_keys(p: Set) -> None:
    case = next(case for case in vectors.lms("keyGen") if case.set == p.name)
    assert hss.Key([p], case.secret, case.public_seed).public() == case.public


@pytest.mark.parametrize("p", [p for p in LMS_SETS.values() if p.h == 5 and p.lg_w in (2, 4)], ids=name)
def test_model_makes_the_published_lms_signatures(p: Set) -> None:
    case = next(case for case in vectors.lms("sigGen") if case.set == p.name and case.secret)
    assert hss.Key([p], case.secret, case.public_seed).sign(case.index, case.message) == case.signature


def test_model_makes_the_published_one_time_part_of_lms() -> None:
    """C and the chain values, for one signature of each set; the tree is not needed for them."""
    cases = first_of_each_set([case for case in vectors.lms("sigGen") if case.secret])
    assert len(cases) == 80
    for case in cases:
        p = LMS_SETS[case.set]
        key = lms.Key(p, case.secret, case.public_seed)
        digest = key.tweak.message_digest(case.index, key.randomizer(case.index), case.message)
        values = winternitz.sign(p, key.tweak, Adrs(leaf=case.index), digest)
        assert case.signature[12:].startswith(key.randomizer(case.index) + b"".join(values)), case.name


def test_model_makes_the_published_one_time_part_of_xmss() -> None:
    """r and the lowest layer's chain values, for one signature of each set."""
    cases = first_of_each_set(vectors.xmss("sigGen") + vectors.xmss_liboqs())
    assert len(cases) == 37
    for case in cases:
        p = XMSS_SETS[case.set]
        key = xmss.Key(p, case.secret[: p.n], case.secret[p.n :], case.public_seed)
        r = key.randomizer(case.index)
        digest = key.tweak.message_digest(case.index, r, case.public[4 : 4 + p.n], case.message)
        at = Adrs(tree=case.index >> p.hp, leaf=case.index & ((1 << p.hp) - 1))
        values = winternitz.sign(p, key.tweak, at, digest)
        assert case.signature[p.index_len :].startswith(r + b"".join(values)), case.name


@pytest.mark.parametrize("p", SLHDSA_SETS.values(), ids=name)
def test_model_makes_the_published_slhdsa_keys(p: Set) -> None:
    case = next(case for case in vectors.slhdsa("keyGen") if case.set == p.name)
    assert slhdsa.Key(p, case.secret[: p.n], case.secret[p.n :], case.public_seed).public() == case.public


@pytest.mark.parametrize("p", [p for p in SLHDSA_SETS.values() if p.name.endswith("f")], ids=name)
def test_model_makes_a_published_slhdsa_signature(p: Set) -> None:
    case = next(case for case in reversed(vectors.slhdsa("sigGen")) if case.set == p.name)
    key = slhdsa.Key(p, case.secret[: p.n], case.secret[p.n :], case.public_seed)
    assert key.sign(vectors.encoded(case), case.opt_rand) == case.signature


@pytest.mark.long
@pytest.mark.parametrize("p", [p for p in XMSS_SETS.values() if p.h == 10], ids=name)
def test_model_makes_a_published_xmss_signature(p: Set) -> None:
    """A whole tree of height 10 in plain Python, its key and one signature."""
    case = next(case for case in vectors.xmss_liboqs() if case.set == p.name)
    key = xmss.Key(p, case.secret[: p.n], case.secret[p.n :], case.public_seed)
    assert key.public() == case.public
    assert key.sign(case.index, case.message) == case.signature
