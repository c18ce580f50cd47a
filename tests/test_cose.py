"""COSE_Sign1 and COSE_Key: as RFC 9052 and RFC 8778 have them, byte by byte, and strict about what is read."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hbss
from hbss.cose import DRAFT, describe, read_key, sign1, verify1, write_key
from tests.some_keys import private, stateful
from tests.state_kit import LMS

SMALL = "SLH-DSA-SHA2-128s"


@cache
def small() -> hbss.PrivateKey:
    return private(SMALL)


@cache
def message() -> bytes:
    return sign1(small(), b"payload", unprotected={4: b"kid"})


def made(header: bytes | dict[Any, Any], signed: bytes | None = None, *rest: Any) -> bytes:
    """A message put together by hand; its signature fits."""
    protected = header if isinstance(header, bytes) else cbor2.dumps(header)
    structure = cbor2.dumps(["Signature1", protected if signed is None else signed, b"", b"payload"])
    fields = [protected, {}, b"payload", small().sign(structure, deterministic=True)]
    return bytes(cbor2.dumps(cbor2.CBORTag(18, [*fields, *rest])))


# ---- what is written -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DRAFT)
def test_what_is_signed(name: str) -> None:
    """Sig_structure as RFC 9052 has it, written here byte by byte; and where the parts stand in the message."""
    key = private(name)
    data = sign1(key, b"payload", external_aad=b"aad", protected={3: 0}, unprotected={4: b"kid"})
    protected = b"\xa2\x01\x38" + bytes([-1 - DRAFT[name]]) + b"\x03\x00"  # {1: the algorithm, 3: 0}
    structure = b"\x84\x6aSignature1\x46" + protected + b"\x43aad\x47payload"
    head = b"\xd2\x84\x46" + protected + b"\xa1\x04\x43kid\x47payload\x59\x1e\xb0"
    assert data[: len(head)] == head
    assert len(data) == len(head) + 7856
    key.public_key().verify(data[len(head) :], structure)
    assert verify1(key.public_key(), data, external_aad=b"aad") == b"payload"


def test_a_stateful_key(tmp_path: Any) -> None:
    """HSS-LMS is algorithm -46; a message costs one index; a detached payload is null."""
    hbss.create_key(tmp_path / "k", "LMS_SHA256_M32_H5_W8")
    with hbss.open_key(tmp_path / "k") as key:
        data = sign1(key, b"firmware", detached=True)
        assert key.remaining == 30
        public = key.public_key()
    head = b"\xd2\x84\x44\xa1\x01\x38\x2d\xa0\xf6\x59\x05\x10"
    assert data[: len(head)] == head
    public.verify(data[len(head) :], b"\x84\x6aSignature1\x44\xa1\x01\x38\x2d\x40\x48firmware")
    assert verify1(public, data, b"firmware") == b"firmware"


@pytest.mark.parametrize("family", ["LMS", "HSS"])
def test_keys_of_hss(family: str) -> None:
    """RFC 8778, section 4."""
    public, _ = stateful(family)
    assert cbor2.loads(write_key(public)) == {1: 5, 3: -46, -1: public.public_bytes_raw()}
    assert read_key(write_key(public)) == public
    assert read_key(cbor2.dumps({1: 5, -1: public.public_bytes_raw(), 4: [2]})) == public


def test_keys_of_slhdsa() -> None:
    """Algorithm Key Pairs."""
    public = small().public_key()
    assert cbor2.loads(write_key(public)) == {1: 7, 3: -51, -1: public.public_bytes_raw()}
    assert read_key(bytearray(write_key(public))) == public


def test_keys_without_an_algorithm() -> None:
    """XMSS has none, and of SLH-DSA only two sets have."""
    for public in (stateful("XMSS")[0], private().public_key()):
        with pytest.raises(ValueError, match="COSE has no algorithm for this key"):
            write_key(public)
        with pytest.raises(ValueError, match="COSE has no algorithm"):
            verify1(public, message())
    with pytest.raises(ValueError, match="follows from the key"):
        sign1(small(), b"x", protected={1: -7})


def test_mistakes_in_headers_cost_no_index(tmp_path: Path) -> None:
    """What cannot be written, or says a thing twice, is an error before anything is signed."""
    hbss.create_key(tmp_path / "key", LMS)
    with hbss.open_key(tmp_path / "key") as key:
        with pytest.raises(cbor2.CBOREncodeError):
            sign1(key, b"x", unprotected={4: object()})
        with pytest.raises(ValueError, match="not both"):
            sign1(key, b"x", protected={4: b"a"}, unprotected={4: b"b"})
        assert key.remaining == 31


# ---- what is read --------------------------------------------------------------------------------------------------


def test_good_and_bad() -> None:
    """Tagged or not, in the message or detached; another payload, key or context is refused."""
    public = small().public_key()
    assert verify1(public, message()) == b"payload"
    assert verify1(public, cbor2.dumps(cbor2.loads(message()).value)) == b"payload"
    detached = sign1(small(), b"payload", detached=True)
    assert verify1(public, detached, bytearray(b"payload")) == b"payload"
    with pytest.raises(hbss.InvalidSignature):
        verify1(public, detached, b"other")
    with pytest.raises(hbss.InvalidSignature):
        verify1(public, message(), external_aad=b"x")
    with pytest.raises(hbss.InvalidSignature):
        verify1(hbss.generate(SMALL).public_key(), message())
    with pytest.raises(ValueError, match="is detached: give it"):
        verify1(public, detached)
    with pytest.raises(ValueError, match="has its own payload"):
        verify1(public, message(), b"payload")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (made({}), "does not name the algorithm"),
        (made(b""), "does not name the algorithm"),
        (made({1: -52}), "does not name the algorithm"),
        (made({1: -51.0}), "no integer"),
        (made({1: [1]}), "does not name the algorithm"),
        (made(b"\xa1\xf5\x38\x32"), "labels"),  # true for 1
        (made(b"\xa1\xf9\x3c\x00\x38\x32"), "labels"),  # 1.0 for 1
        (cbor2.dumps([b"", {2: [1]}, b"", b""]), "malformed COSE_Sign1"),
        (cbor2.dumps([b"", {1.5: 0}, b"", b""]), "malformed COSE_Sign1"),
        (made({1: -51, 2: [3], 3: 0}), "critical header"),
        (made(b"\xa2\x01\x38\x32\x01\x38\x32"), "malformed CBOR"),
        (made(cbor2.dumps({1: -51}) + b"\0"), "left over"),
        (made(cbor2.dumps([1])), "expected a map"),
        (made({1: -51}, None, b"more"), "no COSE_Sign1"),
        (made({1: -51}) + b"\0", "left over"),
        (cbor2.dumps(cbor2.CBORTag(17, cbor2.loads(made({1: -51})).value)), "no COSE_Sign1"),
        (cbor2.dumps([b"", {}, "text", b""]), "malformed COSE_Sign1"),
        (cbor2.dumps([b"", {1: -51}, b"", b""]), "malformed COSE_Sign1"),
        (b"", "malformed CBOR"),
        (b"\x5b" + b"\xff" * 8, "malformed CBOR"),
        (b"\x81" * 100_000, "malformed CBOR"),
    ],
)
def test_malformed_messages(data: bytes, says: str) -> None:
    """Each is InvalidSignature, and the text says why."""
    with pytest.raises(hbss.InvalidSignature, match=says):
        verify1(small().public_key(), data)
    with suppress(hbss.InvalidSignature):
        assert describe(data)[0].startswith(("another", "SLH-DSA", "HSS"))


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_changed_messages(data: st.DataObject) -> None:
    """Whatever byte is changed: it is refused, unless it lies in the header that nobody signed."""
    whole = bytearray(message())
    place = data.draw(st.one_of(st.integers(0, 40), st.integers(0, len(whole) - 1)))
    whole[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
    try:
        assert verify1(small().public_key(), bytes(whole)) == b"payload"
    except (hbss.InvalidSignature, ValueError):
        return


@given(st.binary(max_size=200))
def test_arbitrary_bytes(data: bytes) -> None:
    """The decoders have one error each."""
    with pytest.raises(hbss.InvalidSignature):
        verify1(small().public_key(), data)
    with pytest.raises(hbss.BadKey):
        read_key(data)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({1: 5, 3: -46}, "has no public key"),
        ({1: 5, 3: -7, -1: b""}, "another kind"),
        ({1: 7, 3: -53, -1: bytes(32)}, "another kind"),
        ({1: 7, 3: -51.0, -1: bytes(32)}, "no integer"),
        ({1: 7, 3: [1], -1: bytes(32)}, "no integer"),
        ({1: 7.0, 3: -51, -1: bytes(32)}, "no COSE_Key"),
        ({1: 7, 3: "ES256", -1: bytes(32)}, "no integer"),
        ({1: 7, -1: bytes(32)}, "another kind"),
        ({1: 7, 3: -51, -1: bytes(31)}, "32 bytes; got 31"),
        ({1: 5, 3: -46, -1: bytes(60)}, "LMS"),
        ({1: 7, 3: -51, 4: [1], -1: bytes(32)}, "not for verifying"),
        ([1], "no COSE_Key"),
    ],
)
def test_malformed_keys(fields: Any, says: str) -> None:
    """Each is BadKey, and the text says why."""
    with pytest.raises(hbss.BadKey, match=says):
        read_key(cbor2.dumps(fields))
