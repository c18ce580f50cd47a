"""What may come of any input: a good signature verifies, all else is refused by the exception that is due."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import hbss
from hbss.unsafe_known_answers import KnownAnswerKey, slhdsa_key
from tests import toys
from tests.model.hash import be
from tests.model.schemes.lms.params import BY_CODES
from tests.model.schemes.lms.params import SETS as LMS_SETS
from tests.model.schemes.xmss.params import BY_CODE

MESSAGE = b"the message that is signed here"
STATEFUL = (
    "LMS_SHA256_M24_H5_W8",
    "LMS_SHAKE_M32_H5_W4",
    "LMS_SHA256_M24_H5_W8+LMS_SHA256_M32_H5_W4",
    "XMSS-SHA2_10_192",
    "XMSSMT-SHA2_20/4_192",
)
NAMES = (*STATEFUL, "SLH-DSA-SHA2-128f", "SLH-DSA-SHAKE-128f")
some = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@dataclass(frozen=True)
class Signed:
    """A key, how it signs (a message, and a number that chooses the index), and its signature of MESSAGE."""

    name: str
    public: hbss.PublicKey
    sign: Callable[[bytes, int], bytes]
    signature: bytes


@cache
def signed(name: str, number: int = 0) -> Signed:
    found = hbss.parameter_set(name)
    if found.scheme == "SLH-DSA":
        stateless = slhdsa_key(name, *(toys.seed(found.n, number + i) for i in range(3)))
        return Signed(name, stateless.public_key(), lambda m, _: stateless.sign(m), stateless.sign(MESSAGE))
    secret, public = (
        toys.seed(found.n * (1 if found.levels else 2), number),
        toys.seed(16 if found.levels else found.n, 9),
    )
    key = KnownAnswerKey(name, secret, public)
    signature = key.sign(found.capacity - 1, MESSAGE)
    return Signed(name, key.public_key(), lambda m, i: key.sign(i % min(found.capacity, 64), m), signature)


def refused(public: hbss.PublicKey, signature: bytes, message: bytes = MESSAGE) -> bool:
    """Whether verifying raises InvalidSignature. Any other exception is an error of the test."""
    try:
        public.verify(signature, message)
    except hbss.InvalidSignature:
        return True
    return False


# ---- good ones -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@some
@given(message=st.binary(max_size=300), number=st.integers(0, 63))
def test_round_trips(name: str, message: bytes, number: int) -> None:
    """Any message, at any of the first indices; the next message is refused."""
    it = signed(name)
    signature = it.sign(message, number)
    assert len(signature) == hbss.parameter_set(name).signature_size
    it.public.verify(signature, message)
    assert refused(it.public, signature, message + b"\0")


@some
@given(message=st.binary(max_size=200), context=st.binary(max_size=255), other=st.binary(max_size=255))
def test_slhdsa_contexts(message: bytes, context: bytes, other: bytes) -> None:
    """The context is part of what is signed, and does not run into the message."""
    key = slhdsa_key("SLH-DSA-SHA2-128f", *(toys.seed(16, i) for i in range(3)))
    public, signature = key.public_key(), key.sign(message, context)
    public.verify(signature, message, context)
    if other != context:
        with pytest.raises(hbss.InvalidSignature):
            public.verify(signature, message, other)
    if context:
        with pytest.raises(hbss.InvalidSignature):
            public.verify(signature, context + message)
        with pytest.raises(hbss.InvalidSignature):
            public.verify(signature, context[-1:] + message, context[:-1])


@pytest.mark.parametrize("name", NAMES)
def test_every_kind_of_buffer(name: str) -> None:
    """bytes, bytearray, memoryview and numpy arrays say the same; other types are a TypeError."""
    it = signed(name)
    for kind in (bytearray, memoryview, lambda data: np.frombuffer(data, dtype=np.uint8)):
        it.public.verify(kind(it.signature), kind(MESSAGE))
    for wrong in ("text", 5, None, [1, 2], object()):
        with pytest.raises(TypeError):
            it.public.verify(it.signature, wrong)  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            it.public.verify(wrong, MESSAGE)  # type: ignore[arg-type]


# ---- altered signatures --------------------------------------------------------------------------------------------


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << (bit % 8)
    return bytes(changed)


@pytest.mark.parametrize("name", NAMES)
def test_every_flipped_bit(name: str) -> None:
    """Every bit of a small signature; of one above 2,000 bytes, 4,000 bits that are drawn anew in every run."""
    it = signed(name)
    count = 8 * len(it.signature)
    bits = range(count) if count <= 16000 else np.random.default_rng().choice(count, 4000, replace=False).tolist()
    assert [bit for bit in bits if not refused(it.public, flipped(it.signature, bit))] == []


@pytest.mark.parametrize("name", NAMES)
def test_wrong_lengths(name: str) -> None:
    """One byte short, one byte long, empty, every header-sized stub, a mebibyte of zeros, the signature twice."""
    it = signed(name)
    wrong = [it.signature[:-1], it.signature + b"\0", b"", bytes(1 << 20), it.signature * 2]
    wrong += [it.signature[:length] for length in range(1, 80)]
    assert [len(signature) for signature in wrong if not refused(it.public, signature)] == []


@pytest.mark.parametrize("name", NAMES)
@some
@given(data=st.data())
def test_cut_and_spliced_signatures(name: str, data: st.DataObject) -> None:
    """Anything made of a signature by cutting, repeating and overwriting is refused, unless it is the same again."""
    it = signed(name)
    start, stop = sorted(data.draw(st.tuples(*[st.integers(0, len(it.signature))] * 2)))
    changed = it.signature[:start] + data.draw(st.binary(max_size=40)) + it.signature[stop:]
    assert refused(it.public, changed) == (changed != it.signature)


@pytest.mark.parametrize("name", NAMES)
@some
@given(signature=st.binary(max_size=3000), message=st.binary(max_size=50))
def test_any_bytes_as_a_signature(name: str, signature: bytes, message: bytes) -> None:
    assert refused(signed(name).public, signature, message)


@pytest.mark.parametrize("name", NAMES)
def test_wrong_keys(name: str) -> None:
    """Another key of the same set, and keys of every other set here."""
    it = signed(name)
    others = [signed(name, 50).public, *(signed(other).public for other in NAMES if other != name)]
    assert all(refused(public, it.signature) for public in others)


def lms_at(signature: bytes, at: int, value: int) -> bytes:
    return signature[:at] + be(value, 4) + signature[at + 4 :]


def test_lms_header_fields() -> None:
    """Nspk, q and both type codes: every value that another field could have, and beyond."""
    it = signed("LMS_SHA256_M24_H5_W8")
    p = LMS_SETS[it.name]
    fields = {"Nspk": 0, "q": 4, "LM-OTS": 8, "LMS": 12 + p.n + p.len * p.n}
    values = [*range(70), 1 << 24, 1 << 31, (1 << 32) - 1]
    for name, at in fields.items():
        right = int.from_bytes(it.signature[at : at + 4], "big")
        assert right == {"Nspk": 0, "q": 31, "LM-OTS": p.ots_code, "LMS": p.code}[name]
        for value in values:
            assert refused(it.public, lms_at(it.signature, at, value)) == (value != right), (name, value)


def test_hss_inner_types() -> None:
    """Levels of another type than the top are legal (this key has them); an unknown or a mixed pair is refused."""
    it = signed("LMS_SHA256_M24_H5_W8+LMS_SHA256_M32_H5_W4")
    at = 4 + LMS_SETS["LMS_SHA256_M24_H5_W8"].signature_len
    right = tuple(int.from_bytes(it.signature[at + i :][:4], "big") for i in (0, 4))
    assert right == (5, 3)
    for code in range(30):
        for ots in range(20):
            changed = lms_at(lms_at(it.signature, at, code), at + 4, ots)
            assert refused(it.public, changed) == ((code, ots) != right)


@pytest.mark.parametrize(("name", "length"), [("XMSS-SHA2_10_192", 4), ("XMSSMT-SHA2_20/4_192", 3)])
def test_xmss_index(name: str, length: int) -> None:
    """Indices of other leaves, and beyond the last."""
    it = signed(name)
    last = hbss.parameter_set(name).capacity - 1
    assert it.signature[:length] == be(last, length)
    for index in [0, 1, last - 1, last + 1, 2 * last + 1, (1 << (8 * length)) - 1]:
        assert refused(it.public, be(index, length) + it.signature[length:])


# ---- keys ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_malformed_keys(name: str) -> None:
    """Every wrong length is a BadKey, which is a ValueError."""
    raw = signed(name).public.public_bytes_raw()
    for wrong in [*(raw[:length] for length in range(len(raw))), raw + b"\0", raw + raw, bytes(1 << 20)]:
        with pytest.raises(hbss.BadKey):
            hbss.PublicKey.from_raw(name, wrong)
    assert issubclass(hbss.BadKey, ValueError)


def test_which_lms_codes_make_a_key() -> None:
    """Type and LM-OTS type of one hash and one n, 1 to 8 levels; nothing else."""
    for code in range(30):
        for ots in range(20):
            n = BY_CODES[(code, ots)].n if (code, ots) in BY_CODES else 32
            raw = be(1, 4) + be(code, 4) + be(ots, 4) + bytes(16 + n)
            if (code, ots) in BY_CODES:
                assert hbss.PublicKey.from_raw("HSS", raw).top_set.name == BY_CODES[(code, ots)].name
            else:
                with pytest.raises(hbss.BadKey, match=f"0x{code:08x}"):
                    hbss.PublicKey.from_raw("HSS", raw)
    for levels in [*range(12), 1 << 31]:
        raw = be(levels, 4) + be(5, 4) + be(4, 4) + bytes(48)
        if 1 <= levels <= 8:
            assert hbss.PublicKey.from_raw("HSS", raw).levels == levels
        else:
            with pytest.raises(hbss.BadKey):
                hbss.PublicKey.from_raw("HSS", raw)


@pytest.mark.parametrize("scheme", ["XMSS", "XMSSMT"])
def test_which_oids_make_an_xmss_key(scheme: str) -> None:
    """21 numbers of XMSS, 56 of XMSS^MT, which overlap: the scheme must be said."""
    for code in [*range(70), 1 << 24, 1 << 31]:
        p = BY_CODE.get((scheme, code))
        raw = be(code, 4) + bytes(2 * p.n if p else 64)
        if p:
            assert hbss.PublicKey.from_raw(scheme, raw).top_set.name == p.name
        else:
            with pytest.raises(hbss.BadKey, match=f"0x{code:08x}"):
                hbss.PublicKey.from_raw(scheme, raw)


@pytest.mark.parametrize("name", NAMES)
def test_every_flipped_bit_of_a_key(name: str) -> None:
    """A damaged key is either no key or verifies nothing."""
    it = signed(name)
    kind = "HSS" if it.name.startswith("LMS") else it.name
    for bit in range(8 * len(it.public.public_bytes_raw())):
        try:
            damaged = hbss.PublicKey.from_raw(kind, flipped(it.public.public_bytes_raw(), bit))
        except hbss.BadKey:
            continue
        assert refused(damaged, it.signature), bit


# ---- contexts and pre-hashes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STATEFUL)
@pytest.mark.parametrize("context", [b"", b"c", bytes(256)], ids=len)
def test_stateful_schemes_have_no_context(name: str, context: bytes) -> None:
    """A context is an error, never ignored; so is the pre-hash form."""
    it = signed(name)
    with pytest.raises(ValueError, match="no context"):
        it.public.verify(it.signature, MESSAGE, context)
    with pytest.raises(ValueError, match="pre-hash"):
        it.public.verify_prehash(it.signature, bytes(32), "SHA2-256")


def test_long_contexts() -> None:
    """255 bytes are the most, when signing and when verifying; wrong types are a TypeError."""
    key = slhdsa_key("SLH-DSA-SHA2-128f", *(toys.seed(16, i) for i in range(3)))
    key.public_key().verify(key.sign(MESSAGE, bytes(255)), MESSAGE, bytes(255))
    for act in (lambda c: key.sign(MESSAGE, c), lambda c: key.public_key().verify(bytes(17088), MESSAGE, c)):
        with pytest.raises(ValueError, match="255"):
            act(bytes(256))
        with pytest.raises(TypeError):
            act("text")


def test_pure_and_prehashed_signatures_are_not_each_other() -> None:
    """The same bytes signed pure, pre-hashed, with another hash, or with another context."""
    key = slhdsa_key("SLH-DSA-SHAKE-128f", *(toys.seed(16, i) for i in range(3)))
    public, digest = key.public_key(), random.Random(1).randbytes(32)
    pure, hashed = key.sign(digest), key.sign_prehash(digest, "SHA2-256")
    public.verify(pure, digest)
    public.verify_prehash(hashed, digest, "SHA2-256")
    attempts: list[Callable[[], None]] = [
        lambda: public.verify(hashed, digest),
        lambda: public.verify_prehash(pure, digest, "SHA2-256"),
        lambda: public.verify_prehash(hashed, digest, "SHA3-256"),
        lambda: public.verify_prehash(hashed, digest, "SHA2-256", b"context"),
        lambda: public.verify(pure, digest, b"context"),
    ]
    for attempt in attempts:
        with pytest.raises(hbss.InvalidSignature):
            attempt()
