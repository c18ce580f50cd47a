"""Public keys of every scheme: the outcome of every kind of bad input, and keys as values."""

from __future__ import annotations

import copy
import hashlib
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hbss
from hbss import message
from tests.some_keys import FAST, STATEFUL, private, signed, stateful
from tests.test_encoding import raw_key

# ---- verifying: the outcomes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["short", "long", "empty", "zeros"])
@pytest.mark.parametrize("scheme", ["SLH-DSA", *STATEFUL])
def test_malformed_signatures(scheme: str, damage: str) -> None:
    """A byte short, a byte long, empty, a MiB of zeros: InvalidSignature, in every scheme."""
    public, good = stateful(scheme) if scheme in STATEFUL else (private().public_key(), signed())
    public.verify(good, b"message")
    bad = {"short": good[:-1], "long": good + b"\0", "empty": b"", "zeros": bytes(1 << 20)}[damage]
    with pytest.raises(hbss.InvalidSignature):
        public.verify(bad, b"message")


@pytest.mark.parametrize("scheme", ["SLH-DSA", *STATEFUL])
@settings(max_examples=60, deadline=None)
@given(at=st.integers(0), bit=st.integers(0, 7))
def test_any_flipped_bit(scheme: str, at: int, bit: int) -> None:
    """A signature with any one bit flipped is none."""
    public, good = stateful(scheme) if scheme in STATEFUL else (private().public_key(), signed())
    bad = bytearray(good)
    bad[at % len(bad)] ^= 1 << bit
    with pytest.raises(hbss.InvalidSignature):
        public.verify(bad, b"message")


@pytest.mark.parametrize("scheme", STATEFUL)
def test_stateful_keys_have_no_context_and_no_prehash(scheme: str) -> None:
    """Given a context, even an empty one, the question is wrong: ValueError, not a signature that is ignored."""
    public, good = stateful(scheme)
    for context in (b"", b"c"):
        with pytest.raises(ValueError, match="no context"):
            public.verify(good, b"message", context)
    with pytest.raises(ValueError, match="only SLH-DSA"):
        public.verify_prehash(good, bytes(32), "SHA2-256")


@pytest.mark.parametrize("bad", ["text", 7, None, [1, 2], object()])
def test_other_types_are_typeerrors(bad: object) -> None:
    """Whatever is not bytes-like is a TypeError that names the argument."""
    public = private().public_key()
    for ask in (
        lambda: public.verify(bad, b"message"),  # type: ignore[arg-type]
        lambda: public.verify(signed(), bad),  # type: ignore[arg-type]
        lambda: private().sign(bad),  # type: ignore[arg-type]
        lambda: hbss.load_public_key(bad),  # type: ignore[arg-type]
        lambda: hbss.PublicKey.from_raw(FAST, bad),  # type: ignore[arg-type]
    ):
        with pytest.raises(TypeError, match=r"bytes-like"):
            ask()
    if bad is not None:
        with pytest.raises(TypeError, match="context must be bytes-like"):
            public.verify(signed(), b"message", bad)  # type: ignore[arg-type]


def test_bytes_like_arguments() -> None:
    """bytes, bytearray, memoryview and contiguous arrays are the same message; a strided array is refused."""
    public, data = private().public_key(), b"message"
    for kind in (bytes, bytearray, memoryview, lambda each: np.frombuffer(each, np.uint8)):
        public.verify(kind(signed()), kind(data), kind(b""))
        assert private().sign(kind(data), deterministic=True) == signed()
        assert hbss.PublicKey.from_raw(FAST, kind(public.public_bytes_raw())) == public
    assert private().sign(np.frombuffer(b"12345678", np.float64), deterministic=True) == private().sign(
        b"12345678", deterministic=True
    )
    with pytest.raises(TypeError, match="contiguous"):
        private().sign(np.zeros(10, np.uint8)[::2])


def test_long_messages_go_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """However a message is cut for the C library, the signature is the same."""
    data = bytes(range(256)) * 5
    whole = private().sign(data, deterministic=True)
    monkeypatch.setattr(message, "PIECE", 77)
    assert private().sign(data, deterministic=True) == whole
    private().public_key().verify(whole, data)


# ---- keys ----------------------------------------------------------------------------------------------------------


def test_public_keys_are_values() -> None:
    """Equal, hashable, picklable, copyable; another set or another binding is another key."""
    raw = raw_key(FAST)
    key = hbss.PublicKey.from_raw(FAST, raw)
    assert {key: 1}[hbss.PublicKey.from_raw(hbss.parameter_set(FAST), raw)] == 1
    assert pickle.loads(pickle.dumps(key)) == copy.deepcopy(key) == key
    assert key != hbss.PublicKey.from_raw("SLH-DSA-SHA2-128s", raw)
    assert key != hbss.PublicKey.from_raw(FAST, raw, prehash="SHA2-256")
    assert key != raw
    assert key.fingerprint() == hashlib.sha256(key.der()).hexdigest()
    assert key.fingerprint()[:16] in repr(key)


def test_keys_with_codes_need_their_family_only() -> None:
    """LMS and HSS are one family; an SLH-DSA key must be told its set."""
    for name, families in (
        ("LMS_SHA256_M32_H5_W4", ("LMS", "HSS")),
        ("XMSS-SHA2_10_256", ("XMSS",)),
        ("XMSSMT-SHA2_20/2_256", ("XMSSMT",)),
    ):
        for family in (*families, name, hbss.parameter_set(name)):
            key = hbss.PublicKey.from_raw(family, raw_key(name))
            assert key.parameter_set == key.top_set == hbss.parameter_set(name)
            assert key.levels == 1
    with pytest.raises(ValueError, match="name the parameter set"):
        hbss.PublicKey.from_raw("SLH-DSA", bytes(32))
    with pytest.raises(hbss.UnknownParameterSet):
        hbss.PublicKey.from_raw("DSA", bytes(32))


def test_xmss_and_xmssmt_numbers_overlap() -> None:
    """The same bytes are a key of either family, and not the same key."""
    raw = raw_key("XMSS-SHA2_10_256")
    one, other = hbss.PublicKey.from_raw("XMSS", raw), hbss.PublicKey.from_raw("XMSSMT", raw)
    assert (one.scheme, other.scheme) == ("XMSS", "XMSSMT")
    assert one != other


def test_an_hss_key_names_levels_and_top_only() -> None:
    """The lower sets stand in signatures, so the key's own parameter set is not known."""
    public, good = stateful("HSS")
    assert (public.scheme, public.levels, public.parameter_set) == ("HSS", 2, None)
    assert public.top_set.name == "LMS_SHA256_M24_H5_W8"
    again = hbss.PublicKey.from_raw(STATEFUL["HSS"], public.public_bytes_raw())
    assert again == hbss.PublicKey.from_raw("HSS", public.public_bytes_raw()) == public
    again.verify(good, b"message")
    for wrong in ("LMS_SHA256_M24_H5_W8", "LMS_SHA256_M32_H5_W4+LMS_SHA256_M24_H5_W8"):
        with pytest.raises(hbss.BadKey, match="expected a key of"):
            hbss.PublicKey.from_raw(wrong, public.public_bytes_raw())


@pytest.mark.parametrize("name", ["LMS_SHA256_M32_H5_W4", "XMSS-SHA2_10_256", "XMSSMT-SHA2_20/2_256", FAST])
def test_keys_of_a_wrong_length(name: str) -> None:
    """A byte short, a byte long, empty: BadKey with the length in it."""
    for bad in (raw_key(name)[:-1], raw_key(name) + b"\0", b""):
        with pytest.raises(hbss.BadKey, match=f"{len(bad)}"):
            hbss.PublicKey.from_raw(name, bad)


def test_threads_share_keys() -> None:
    """One private and one public key in eight threads."""
    key, public = private(), private().public_key()
    with ThreadPoolExecutor(8) as pool:
        signatures = list(pool.map(lambda i: key.sign(b"%d" % i), range(16)))
        list(pool.map(public.verify, signatures, [b"%d" % i for i in range(16)]))
    assert len(set(signatures)) == 16
