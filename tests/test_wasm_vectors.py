"""The WebAssembly module in Node against others' vectors, by hbss.js: those that Python's package is held against.

Keys and signatures come from the vectors' seeds, which stand in for the system's randomness. Everything is verified;
what was signed by a pre-hash or the internal interface of SLH-DSA, which hbss.js has not, goes in encoded.
"""

from __future__ import annotations

import pytest

import hbss
from tests import vectors, wasm_kit
from tests.wasm_kit import Question, ask, needs_node

SLHDSA = [each.name for each in hbss.parameter_sets("SLH-DSA")]
LMS_KEYS = [each.name for each in hbss.parameter_sets("LMS") if each.height == 5]

pytestmark = needs_node


def check(questions: list[Question]) -> None:
    assert wasm_kit.wrong(questions, ask(*(each.task for each in questions))) == []


def test_every_lms_and_hss_verification() -> None:
    questions = wasm_kit.lms_verifications()
    assert (len(questions), sum(each.answer != "good" for each in questions)) == (1378, 252)
    check(questions)


def test_every_xmss_and_xmssmt_verification() -> None:
    questions = wasm_kit.xmss_verifications()
    assert (len(questions), sum(each.answer != "good" for each in questions)) == (141, 54)
    check(questions)


@pytest.mark.parametrize("kind", ["sigVer", "sigGen"])
def test_every_slhdsa_verification(kind: str) -> None:
    questions = wasm_kit.slhdsa_verifications(kind)
    refused = sum(each.answer != "good" for each in questions)
    assert (len(questions), refused) == {"sigVer": (504, 432), "sigGen": (624, 0)}[kind]
    check(questions)


def test_every_slhdsa_key() -> None:
    questions = wasm_kit.slhdsa_keys()
    assert len(questions) == 120
    check(questions)


@pytest.mark.parametrize("name", SLHDSA)
def test_a_share_of_the_slhdsa_signatures(name: str) -> None:
    check(wasm_kit.slhdsa_signatures(name))


def test_lms_keys_and_signatures() -> None:
    """Every published signature of the sets of height 5, and of the one of height 10 that sessions use."""
    check([wasm_kit.stateful_signatures(name, vectors.lms("sigGen")) for name in [*LMS_KEYS, "LMS_SHA256_M32_H10_W4"]])


def test_xmss_keys_and_signatures() -> None:
    """Of three sets of height 10."""
    names = ["XMSS-SHA2_10_192", "XMSS-SHA2_10_256", "XMSS-SHAKE256_10_192"]
    check([wasm_kit.stateful_signatures(name, vectors.xmss("sigGen")) for name in names])


@pytest.mark.parametrize("name", ["XMSS-SHA2_10_512", "XMSS-SHAKE_10_256"])
def test_an_xmss_key_of_liboqs(name: str) -> None:
    check([wasm_kit.stateful_signatures(name, vectors.xmss_liboqs())])
