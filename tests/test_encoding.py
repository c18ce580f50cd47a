"""Key files: what an independent ASN.1 reader says, strict about every byte, and never another error than BadKey."""

from __future__ import annotations

import base64
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyasn1.codec.der.decoder import decode
from pyasn1.codec.der.encoder import encode
from pyasn1_alt_modules import rfc5280, rfc5958, rfc9802, rfc9814, rfc9909

import hbss
from hbss.encoding import der, keyfile, pem
from hbss.encoding.identifiers import ALGORITHMS, Algorithm
from tests.model.schemes.lms.params import SETS as LMS
from tests.model.schemes.slhdsa.params import SETS as SLHDSA
from tests.model.schemes.xmss.params import SETS as XMSS

STATEFUL = {"LMS": "id_alg_hss_lms_hashsig", "XMSS": "id_alg_xmss_hashsig", "XMSSMT": "id_alg_xmssmt_hashsig"}


def raw_key(name: str) -> bytes:
    """A public key of a set with the right codes; its numbers are arbitrary, as a public key's may be."""
    if name in LMS:
        p = LMS[name]
        return b"".join(each.to_bytes(4, "big") for each in (1, p.code, p.ots_code)) + random.Random(name).randbytes(
            16 + p.n
        )
    if name in XMSS:
        return XMSS[name].code.to_bytes(4, "big") + random.Random(name).randbytes(2 * XMSS[name].n)
    return random.Random(name).randbytes(2 * SLHDSA[name].n)


def wrap(oid: str, raw: bytes, parameters: bytes = b"") -> bytes:
    """A SubjectPublicKeyInfo put together by hand."""
    algorithm = der.encode(der.SEQUENCE, der.encode_oid(oid), parameters)
    return der.encode(der.SEQUENCE, algorithm, der.encode(der.BIT_STRING, b"\0", raw))


def test_every_set_round_trips() -> None:
    """Every public key of every set is the same key after DER and after PEM."""
    for name in [*LMS, *XMSS, *SLHDSA]:
        key = hbss.PublicKey.from_raw(name, raw_key(name))
        assert hbss.load_public_key(key.der()) == hbss.load_public_key(key.pem()) == key
        assert key.top_set.name == name


@pytest.mark.parametrize("name", ["LMS_SHAKE_M24_H5_W4", "XMSS-SHA2_10_256", "XMSSMT-SHAKE_60/12_512", *SLHDSA])
def test_public_keys_read_by_pyasn1(name: str) -> None:
    """An independent reader finds the RFC's identifier, no parameters, the raw key; and writes the same bytes."""
    key = hbss.PublicKey.from_raw(name, raw_key(name))
    info, rest = decode(key.der(), asn1Spec=rfc5280.SubjectPublicKeyInfo())
    assert not rest
    assert not info["algorithm"]["parameters"].isValue
    assert info["subjectPublicKey"].asOctets() == raw_key(name)
    if name in SLHDSA:
        expected = getattr(rfc9814, "id_" + name.lower().replace("-", "_"))
    else:
        expected = getattr(rfc9802, STATEFUL[key.scheme])
    assert info["algorithm"]["algorithm"] == expected
    assert encode(info) == key.der()


def test_hashslhdsa_identifiers_are_those_of_rfc_9909() -> None:
    """All twelve identifiers of HashSLH-DSA, with the hash in their names."""
    written = {"SHA2-256": "sha256", "SHA2-512": "sha512", "SHAKE128": "shake128", "SHAKE256": "shake256"}
    bound = {oid: each for oid, each in ALGORITHMS.items() if each.prehash}
    assert len(bound) == 12
    for oid, (_, name, prehash) in bound.items():
        assert name is not None
        assert prehash is not None
        expected = getattr(rfc9909, f"id_hash_{name.lower().replace('-', '_')}_with_{written[prehash]}")
        assert oid == str(expected)


@pytest.mark.parametrize("name", list(SLHDSA))
def test_private_keys_read_by_pyasn1(name: str) -> None:
    """PKCS#8 as RFC 9909 has it: version 0, no parameters, the raw key in the OCTET STRING; the same bytes back."""
    family, raw = Algorithm("SLH-DSA", name), random.Random(name).randbytes(4 * SLHDSA[name].n)
    data = keyfile.write_private(family, raw)
    info, rest = decode(data, asn1Spec=rfc5958.OneAsymmetricKey())
    assert not rest
    assert int(info["version"]) == 0
    assert not info["privateKeyAlgorithm"]["parameters"].isValue
    assert info["privateKey"].asOctets() == raw
    assert encode(info) == data
    assert keyfile.read_private(data) == (family, raw, None)


def test_private_keys_with_attributes_and_public_key() -> None:
    """What others may add to PKCS#8 is read: attributes are passed over, a public key is handed on."""
    info = rfc5958.OneAsymmetricKey()
    info["version"] = 1
    info["privateKeyAlgorithm"]["algorithm"] = rfc9909.id_slh_dsa_sha2_128s
    info["privateKey"] = bytes(64)
    info["publicKey"] = info["publicKey"].clone(hexValue=(b"p" * 32).hex())
    kind = Algorithm("SLH-DSA", "SLH-DSA-SHA2-128s")
    assert keyfile.read_private(encode(info)) == (kind, bytes(64), b"p" * 32)


@pytest.mark.parametrize("name", ["LMS_SHA256_M32_H5_W8", "XMSS-SHA2_10_256", "XMSSMT-SHA2_20/2_256"])
def test_the_drafts_wrapped_form_is_read_and_not_written(name: str) -> None:
    """Drafts before RFC 9802 had an OCTET STRING inside the BIT STRING: the same key, and written without it."""
    key = hbss.PublicKey.from_raw(name, raw_key(name))
    oid = next(oid for oid, kind in ALGORITHMS.items() if kind.family == key.scheme)
    wrapped = wrap(oid, der.encode(der.OCTET_STRING, raw_key(name)))
    assert hbss.load_public_key(wrapped) == key
    assert key.der() == wrap(oid, raw_key(name))
    with pytest.raises(hbss.BadKey):
        hbss.load_public_key(wrap(oid, der.encode(der.OCTET_STRING, raw_key(name)) + b"\0"))


HUGE_OID = der.encode(der.OID, b"\xff" * 3000 + b"\x01")  # a number of more digits than Python writes
SPKI = wrap("2.16.840.1.101.3.4.3.20", bytes(range(32)))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "found nothing"),
        (SPKI + b"\0", "too many"),
        (SPKI[:-1], "cut off"),
        (b"\x30\x81" + SPKI[1:], "shortest"),
        (b"\x30\x80" + SPKI[2:] + b"\0\0", "indefinite"),
        (b"\x30\x85\x01\0\0\0\0", "impossible length"),
        (b"\x30\x82\x00", "ends inside"),
        (wrap("2.16.840.1.101.3.4.3.20", bytes(32), b"\x05\x00"), "too many"),
        (wrap("1.2.840.113549.1.1.1", bytes(32)), "1.2.840.113549.1.1.1"),
        (wrap("2.999.1", bytes(32)), "2.999.1"),
        (
            der.encode(der.SEQUENCE, der.encode(der.SEQUENCE, HUGE_OID), der.encode_bits(bytes(32))),
            "identifier of 3001",
        ),
        (SPKI.replace(b"\x03\x21\x00", b"\x03\x21\x01"), "whole bytes"),
        (SPKI.replace(b"\x06\x09", b"\x04\x09"), "expected OBJECT IDENTIFIER"),
        (wrap("2.16.840.1.101.3.4.3.20", bytes(31)), "32 bytes; got 31"),
        (wrap("2.16.840.1.101.3.4.3.20", der.encode(der.OCTET_STRING, bytes(32))), "got 34"),
        (wrap("1.3.6.1.5.5.7.6.34", bytes.fromhex("000000ff") + bytes(64)), "0x000000ff"),
        (wrap("1.2.840.113549.1.9.16.3.17", bytes.fromhex("000000010000006300000004") + bytes(48)), "0x00000063"),
        (wrap("1.2.840.113549.1.9.16.3.17", bytes.fromhex("000000010000000500000005") + bytes(48)), "0x00000005"),
        (
            wrap("1.2.840.113549.1.9.16.3.17", bytes.fromhex("000000090000000500000004") + bytes(48)),
            "levels 0x00000009",
        ),
        (
            wrap("1.2.840.113549.1.9.16.3.17", bytes.fromhex("000000000000000500000004") + bytes(48)),
            "levels 0x00000000",
        ),
        (SPKI.replace(b"\x04\x03\x14", b"\x04\x03\x94"), "identifier is cut off"),
        (SPKI.replace(b"\x04\x03\x14", b"\x04\x80\x14"), "shortest"),
        (pem.write("PRIVATE KEY", SPKI), "expected a PEM block of PUBLIC KEY"),
        (pem.write("PUBLIC KEY", SPKI)[:-3], "malformed PEM"),
        (pem.write("PUBLIC KEY", SPKI) * 2, "malformed PEM"),
        (pem.write("PUBLIC KEY", SPKI).replace(b"END PUBLIC", b"END PRIVATE"), "different things"),
        (pem.write("PUBLIC KEY", SPKI).replace(b"=", b""), "base64"),
        (pem.write("PUBLIC KEY", SPKI + b"\0").replace(b"=", b"A"), "too many"),
    ],
    ids=lambda value: value if isinstance(value, str) else "data",
)
def test_malformed_public_keys(data: bytes, says: str) -> None:
    """Each damage is BadKey, and the message says which."""
    with pytest.raises(hbss.BadKey) as error:
        hbss.load_public_key(data)
    assert says in str(error.value)


def test_base64_has_one_form() -> None:
    """The unused bits of the last character must be zero: otherwise one key would have several PEM texts."""
    text = base64.b64encode(SPKI[:49]).decode()
    assert text.endswith("==")
    stray = text[:-3] + chr(ord(text[-3]) + 1) + "=="
    assert base64.b64decode(stray) == SPKI[:49]
    with pytest.raises(hbss.BadKey, match="canonical"):
        pem.read(f"-----BEGIN X-----\n{stray}\n-----END X-----\n".encode())


def test_pem_from_other_systems() -> None:
    """Other line ends, white space around the block, lines of another length: the same key."""
    text = pem.write("PUBLIC KEY", SPKI)
    lines = text.split(b"\n")
    joined = b"\n".join([lines[0], b"".join(lines[1:-2]), lines[-2]])
    for form in (text.replace(b"\n", b"\r\n"), b"\n  " + text + b"\n", joined):
        assert hbss.load_public_key(form).der() == SPKI


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (SPKI, "public key"),
        (pem.write("ENCRYPTED PRIVATE KEY", b""), "encrypted"),
        (der.encode(der.SEQUENCE, der.encode(der.SEQUENCE), der.encode(der.OCTET_STRING)), "encrypted"),
        (der.encode(der.SEQUENCE, der.encode(der.INTEGER, b"\x02")), "version 0 or 1"),
        (keyfile.write_private(Algorithm("XMSS"), bytes(96)), "stateful"),
        (keyfile.write_private(Algorithm("SLH-DSA", "SLH-DSA-SHA2-128f"), bytes(63)), "64 bytes; got 63"),
        (keyfile.write_private(Algorithm("SLH-DSA", "SLH-DSA-SHA2-128f"), bytes(64)), "PK.root"),
    ],
    ids=lambda value: value if isinstance(value, str) else "data",
)
def test_malformed_private_keys(data: bytes, says: str) -> None:
    """Each is BadKey, and the message says why; nothing of the key is in it."""
    with pytest.raises(hbss.BadKey) as error:
        hbss.load_private_key(data)
    assert says in str(error.value)


def _load(data: bytes) -> None:
    for load in (hbss.load_public_key, hbss.load_private_key):
        try:
            load(data)
        except hbss.BadKey:
            continue


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_badkey_only(data: bytes) -> None:
    """Whatever the bytes, reading them ends in a key or in BadKey."""
    _load(data)
    _load(b"-----BEGIN PUBLIC KEY-----\n" + data)


@given(
    st.sampled_from(["HSS", "XMSS", "XMSSMT", *SLHDSA]), st.integers(0, 9), st.integers(0, 70), st.binary(max_size=140)
)
def test_arbitrary_raw_keys_are_badkey_only(kind: str, first: int, second: int, rest: bytes) -> None:
    """Codes near those that exist, with any bytes behind them: a key that writes itself back, or BadKey."""
    data = b"".join(each.to_bytes(4, "big") for each in (first, second, second % 17)) + rest
    try:
        key = hbss.PublicKey.from_raw(kind, data)
    except hbss.BadKey:
        return
    assert key.public_bytes_raw() == data
    assert hbss.load_public_key(key.der()) == key


@given(st.integers(0, len(SPKI) - 1), st.integers(1, 255))
def test_damaged_files_are_badkey_only(at: int, change: int) -> None:
    """One byte of a good file changed: never another exception than BadKey, in DER and in PEM."""
    damaged = bytearray(SPKI)
    damaged[at] ^= change
    _load(bytes(damaged))
    text = bytearray(pem.write("PUBLIC KEY", SPKI))
    text[at] ^= change
    _load(bytes(text))


@given(st.integers(0, 3), st.binary(max_size=200), st.binary(max_size=70_000))
def test_der_lengths_round_trip(which: int, short: bytes, long: bytes) -> None:
    """Written values are read back exactly, in all forms of a length."""
    tag = (der.INTEGER, der.BIT_STRING, der.OCTET_STRING, der.SEQUENCE)[which]
    for content in (short, long):
        reader = der.Reader(der.encode(tag, content))
        assert reader.read(tag) == content
        reader.end()
