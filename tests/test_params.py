"""Parameter sets: every one the standards name, with sizes and hash counts that an independent model agrees to."""

from __future__ import annotations

import random
from dataclasses import FrozenInstanceError, replace
from itertools import chain

import pytest

import hbss
from hbss import costs, params
from tests.model.params import Set
from tests.model.schemes.lms.params import SETS as LMS
from tests.model.schemes.lms.tweak import LmsTweak
from tests.model.schemes.slhdsa import fors
from tests.model.schemes.slhdsa.params import SETS as SLHDSA
from tests.model.schemes.slhdsa.tweak import SlhTweak
from tests.model.schemes.xmss.params import SETS as XMSS
from tests.model.schemes.xmss.tweak import XmssTweak
from tests.model.trees import hypertree, winternitz
from tests.model.trees.tweak import Adrs

MODEL = {**LMS, **XMSS, **SLHDSA}
SHAPES = list({(p.scheme.replace("MT", ""), p.function, p.n, p.lg_w): p for p in MODEL.values()}.values())


@pytest.mark.parametrize(("scheme", "count"), [("LMS", 80), ("HSS", 0), ("XMSS", 21), ("XMSSMT", 56), ("SLH-DSA", 12)])
def test_every_set_is_listed(scheme: str, count: int) -> None:
    """As many sets as the standards have, and the filters agree with the fields."""
    found = hbss.parameter_sets(scheme)
    assert len(found) == count
    assert all(one.scheme == scheme for one in found)
    assert hbss.parameter_sets(scheme, True) + hbss.parameter_sets(scheme, False) == sorted(
        found, key=lambda one: not one.approved
    )


def test_sets_are_those_of_the_model() -> None:
    """Names, approval, shape and sizes of all 169 sets, against tables written from the standards a second time."""
    found = {one.name: one for one in hbss.parameter_sets()}
    assert set(found) == set(MODEL)
    for name, p in MODEL.items():
        one = found[name]
        header = 4 if p.scheme == "LMS" else 0
        secret = 4 * p.n if p.scheme == "SLH-DSA" else p.secret_len + p.public_seed_len
        assert (one.scheme, one.function, one.n, one.height, one.layers) == (p.scheme, p.function, p.n, p.h, p.d), name
        assert (one.approved, one.category or 0) == (p.approved, p.category), name
        assert one.public_key_size == p.public_len + header, name
        assert one.signature_size == p.signature_len + header, name
        assert one.private_key_size == secret, name
        assert one.capacity == (1 << 64 if p.scheme == "SLH-DSA" else 1 << p.h), name
        assert one.heights == (p.hp,) * p.d, name
        assert one.stateful == (p.scheme != "SLH-DSA"), name


@pytest.mark.parametrize(
    ("name", "standard"),
    [
        ("LMS_SHA256_M32_H25_W8", "RFC 8554"),
        ("LMS_SHA256_M24_H5_W1", "RFC 9858"),
        ("LMS_SHA256_M32_H5_W8+LMS_SHA256_M32_H5_W8", "RFC 8554"),
        ("LMS_SHA256_M32_H5_W8+LMS_SHAKE_M24_H5_W8", "RFC 8554, RFC 9858"),
        ("XMSS-SHAKE_20_512", "RFC 8391"),
        ("XMSS-SHA2_10_192", "SP 800-208"),
        ("XMSSMT-SHAKE_60/12_512", "RFC 8391"),
        ("XMSSMT-SHA2_20/2_192", "SP 800-208"),
        ("SLH-DSA-SHAKE-256f", "FIPS 205"),
    ],
)
def test_standard(name: str, standard: str) -> None:
    """The document that defines a set."""
    assert hbss.parameter_set(name).standard == standard


def test_hss_is_composed_by_name() -> None:
    """Sizes with all headers and inner keys, the sum of the heights, the costs of the levels."""
    top, bottom = "LMS_SHA256_M32_H10_W4", "LMS_SHA256_M32_H5_W8"
    one = hbss.parameter_set(f"{top}+{bottom}")
    assert (one.scheme, one.levels, one.heights, one.height, one.layers) == ("HSS", (top, bottom), (10, 5), 15, 2)
    assert one.public_key_size == 4 + 56
    assert one.signature_size == 4 + MODEL[top].signature_len + 56 + MODEL[bottom].signature_len
    assert one.capacity == 1 << 15
    assert one.keygen_hashes == hbss.parameter_set(top).keygen_hashes
    assert one.sign_hashes == hbss.parameter_set(bottom).sign_hashes
    assert one.verify_hashes > hbss.parameter_set(top).verify_hashes + hbss.parameter_set(bottom).verify_hashes - 4
    assert one.approved
    assert hbss.parameter_set("+".join([bottom] * 8)).layers == 8


@pytest.mark.parametrize("other", ["LMS_SHA256_M24_H5_W8", "LMS_SHAKE_M32_H5_W8"])
def test_hss_of_mixed_hash_or_length_is_not_approved(other: str) -> None:
    """SP 800-208 wants one hash function and one length on all levels."""
    assert not hbss.parameter_set(f"LMS_SHA256_M32_H5_W8+{other}").approved


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("SLH-DSA-SHA2-128", "SLH-DSA-SHA2-128s"),
        ("xmss-sha2_10_256", "XMSS-SHA2_10_256"),
        ("LMS_SHA256_M32_H10_W8+LMS_SHA256_M32_H10_W9", "LMS_SHA256_M32_H10_W8"),
        ("", "parameter_sets"),
        ("qqqqqqqq", "parameter_sets"),
        ("LMS_SHA256_M32_H5_W8+", "no parameter set ''"),
        ("XMSS-SHA2_10_256+LMS_SHA256_M32_H5_W8", "only LMS"),
        ("+".join(["LMS_SHA256_M32_H5_W8"] * 9), "1 to 8 levels"),
    ],
)
def test_unknown_names_get_a_hint(name: str, says: str) -> None:
    """A name that is none names what is near, or says what is wrong."""
    with pytest.raises(hbss.UnknownParameterSet) as error:
        hbss.parameter_set(name)
    assert says in str(error.value)


def test_bad_questions() -> None:
    """An unknown scheme is a ValueError that lists them, another type a TypeError."""
    with pytest.raises(ValueError, match="XMSSMT"):
        hbss.parameter_sets("RSA")
    with pytest.raises(TypeError, match="a str, not by bytes"):
        hbss.parameter_set(b"XMSS-SHA2_10_256")  # type: ignore[arg-type]


def test_a_set_is_a_value() -> None:
    """Frozen, hashable, equal to itself looked up again, and taken wherever a name is."""
    one = hbss.parameter_set("SLH-DSA-SHA2-128s")
    assert {one: 1}[hbss.parameter_set(one.name)] == 1
    assert hbss.parameter_set(one) is one
    with pytest.raises(FrozenInstanceError):
        one.n = 32  # type: ignore[misc]


# ---- hash calls ----------------------------------------------------------------------------------------------------


def _tweak(p: Set) -> LmsTweak | XmssTweak | SlhTweak:
    if p.scheme == "LMS":
        return LmsTweak(p, bytes(16), bytes(p.n))
    return (SlhTweak if p.scheme == "SLH-DSA" else XmssTweak)(p, bytes(p.n), bytes(p.n))


def _counted(tweak: LmsTweak | XmssTweak | SlhTweak) -> int:
    hashes = {id(value): value for value in vars(tweak).values() if hasattr(value, "compressions")}
    return sum(int(each.compressions) for each in hashes.values())


@pytest.mark.parametrize("p", SHAPES, ids=lambda p: p.name)
def test_tree_costs_are_what_the_model_counts(p: Set) -> None:
    """Key generation of every kind of leaf, on a tree of four: the formula equals the compressions the model made."""
    small = replace(p, h=2, d=1)
    tweak = _tweak(small)
    hypertree.root(small, tweak)
    row = params.rows()[p.name]._replace(h=2, d=1)
    assert costs.of([row]).keygen == _counted(tweak)


@pytest.mark.parametrize("p", [p for p in SLHDSA.values() if p.name.endswith("f")], ids=lambda p: p.name)
def test_forest_costs_are_what_the_model_counts(p: Set) -> None:
    """SLH-DSA's forest: what signing costs beyond trees and message. (The model derives k values twice.)"""
    row = params.rows()[p.name]
    small = replace(p, a=3, k=5)
    tweak = _tweak(small)
    fors.sign(small, tweak, Adrs(), bytes(8))  # type: ignore[arg-type]
    cost = costs.of([row._replace(a=3, k=5)])
    part = costs.pieces(row)
    message = (part.randomizer + part.message).total
    assert cost.sign - row.d * cost.keygen - message == _counted(tweak) - small.k


@pytest.mark.parametrize("p", SHAPES, ids=lambda p: p.name)
def test_average_steps_are_those_of_random_digests(p: Set) -> None:
    """The mean over random digests lies where the exact mean says, within four standard errors."""
    draws = random.Random(p.name)
    sums = [sum(winternitz.digits(p, draws.randbytes(p.n))) for _ in range(2000)]
    mean = sum(sums) / len(sums)
    error = (sum((each - mean) ** 2 for each in sums) / len(sums)) ** 0.5 / len(sums) ** 0.5
    assert abs(mean - costs.average_steps(p.lg_w, p.len1, p.len2)) < 4 * error


def test_known_counts() -> None:
    """Counts worked out by hand: leaves times a leaf, and the nodes above."""
    assert hbss.parameter_set("LMS_SHA256_M32_H10_W4").keygen_hashes == 1024 * 1107 + 1023 * 2
    assert hbss.parameter_set("LMS_SHA256_M32_H10_W8").keygen_hashes == 1024 * 8723 + 1023 * 2
    assert hbss.parameter_set("XMSS-SHA2_10_256").keygen_hashes == 1024 * 4550 + 1023 * 6
    assert hbss.parameter_set("XMSSMT-SHA2_20/2_256").keygen_hashes == 1024 * 4550 + 1023 * 6
    assert hbss.parameter_set("SLH-DSA-SHA2-128s").keygen_hashes == 512 * 570 + 511
    assert hbss.parameter_set("SLH-DSA-SHA2-128f").sign_hashes == 22 * (8 * 570 + 7) + 33 * (2 * 64 + 63) + 9 + 10
    assert hbss.parameter_set("LMS_SHA256_M32_H10_W4").sign_hashes == 569
    assert hbss.parameter_set("LMS_SHA256_M32_H10_W8").sign_hashes == 4260
    assert hbss.parameter_set("XMSS-SHA2_10_256").sign_hashes == 2135


def test_verification_costs_less_than_building() -> None:
    """For every set: some work, and never more than key generation and signing together."""
    for one in chain(hbss.parameter_sets(), [hbss.parameter_set("LMS_SHA256_M24_H5_W1+LMS_SHAKE_M32_H25_W2")]):
        assert 0 < one.verify_hashes < one.keygen_hashes + one.sign_hashes
