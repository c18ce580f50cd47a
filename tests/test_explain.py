"""Pictures of a signature: the numbers in them are those of the plain model, and of the key."""

from __future__ import annotations

import pytest

import hbss
from hbss import drawing, explain
from hbss._native import Key
from hbss.params import rows
from hbss.unsafe_known_answers import KnownAnswerKey
from tests import toys
from tests.model.params import Set
from tests.model.schemes.lms.params import SETS as LMS_SETS
from tests.model.schemes.xmss.params import SETS as XMSS_SETS
from tests.model.trees import winternitz
from tests.some_keys import STATEFUL, private, signed, stateful

MESSAGE = b"hello"


def known(name: str) -> KnownAnswerKey:
    row = rows()[name]
    return KnownAnswerKey(name, toys.seed(row.secret_len), toys.seed(row.public_seed_len, 1))


@pytest.mark.parametrize(
    "name", ["LMS_SHA256_M32_H5_W1", "LMS_SHA256_M24_H5_W2", "LMS_SHAKE_M32_H5_W4", "LMS_SHAKE_M24_H5_W8",
             "XMSS-SHA2_10_256", "XMSS-SHA2_10_512", "XMSS-SHAKE256_10_192", "XMSSMT-SHAKE_20/4_256"],
)  # fmt: skip
def test_digits_and_path(name: str) -> None:
    """The model's digits of the same digest; and the path leads from the leaf to the root of its tree."""
    key, p = known(name), (LMS_SETS | XMSS_SETS)[name]
    public, signature = key.public_key(), key.sign(11, MESSAGE)
    found = explain.read(public, signature, MESSAGE)
    row = rows()[name]
    native = Key.from_seeds(name, toys.seed(row.secret_len), toys.seed(row.public_seed_len, 1), root(public, p))
    assert found.digits == winternitz.digits(p, native.digest(11, native.randomizer(11), [MESSAGE]))
    assert (found.set_name, found.number, found.leaf, found.height) == (name, 11, 11 % (1 << p.hp), p.hp)
    assert (found.last, found.checksum_digits) == ((1 << p.lg_w) - 1, p.len2)
    top = bytes(native.tree(0, 11 >> p.hp, 0, p.hp)[-row.n :])
    leaf = bytes(native.tree(0, 11 >> p.hp, found.leaf, 0))
    assert native.climb(0, 11 >> p.hp, found.leaf, leaf, b"".join(found.path)) == top


def root(public: hbss.PublicKey, p: Set) -> bytes:
    raw = public.public_bytes_raw()
    return raw[-p.n :] if p.scheme == "LMS" else raw[4 : 4 + p.n]


def test_the_lowest_tree_of_hss() -> None:
    """Its set and its own key are those in the signature."""
    public, signature = stateful("HSS")
    found = explain.read(public, signature, b"message")
    assert found.set_name == STATEFUL["HSS"].split("+")[1]
    assert signature.endswith(b"".join(found.path))
    assert (found.number, found.leaf) == (3, 3)
    assert len(found.digits) == 67


def test_what_has_no_picture() -> None:
    with pytest.raises(ValueError, match="SLH-DSA signs messages with FORS"):
        explain.draw(private().public_key(), signed(), b"message")
    public, signature = stateful("LMS")
    with pytest.raises(hbss.InvalidSignature):
        explain.read(public, signature, b"another")


@pytest.mark.parametrize("scheme", STATEFUL)
@pytest.mark.parametrize("form", drawing.FORMATS)
def test_pictures(scheme: str, form: str) -> None:
    """The same bytes give the same picture, with the path's values in it."""
    pytest.importorskip("matplotlib")
    public, signature = stateful(scheme)
    drawn = explain.draw(public, signature, b"message", form)
    assert drawn == explain.draw(public, signature, b"message", form)
    if form == "svg":
        found = explain.read(public, signature, b"message")
        assert all(each[:3].hex().encode() in drawn for each in found.path)
        assert f"leaf {found.leaf}".encode() in drawn
