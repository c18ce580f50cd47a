"""CMS SignedData: OpenSSL and pyasn1 read ours, we read theirs, and what does not hold is refused."""

from __future__ import annotations

import datetime
import io
import os
from functools import cache
from pathlib import Path
from typing import Any

import pyhsslms
import pytest
import slhdsa
from cryptography import x509 as names
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import given, settings
from hypothesis import strategies as st
from pyasn1.codec.ber import encoder as ber_encoder
from pyasn1.codec.der import decoder
from pyasn1.codec.der.encoder import encode
from pyasn1.type import univ
from pyasn1_alt_modules import rfc5652, rfc9708, rfc9814

import hbss
from hbss import InvalidCertificate, InvalidSignature, cms, x509
from hbss.encoding import ber, der, pem, signed_data
from hbss.encoding.signed_data import DATA, SignedData
from hbss.x509 import fields
from tests.openssl_kit import CMS_DETACHED, CMS_STREAM, OpenSSL
from tests.some_keys import private, stateful

CONTENT = b"firmware 1.4.2" * 1000
UTC = datetime.timezone.utc
NOW = datetime.datetime(2026, 3, 1, 12, tzinfo=UTC)
SETS = [f"SLH-DSA-{family}-{size}f" for family in ("SHA2", "SHAKE") for size in (128, 192, 256)]


def name(text: str) -> names.Name:
    return names.Name.from_rfc4514_string(f"CN={text}")


@cache
def root() -> Any:
    return x509.self_signed(private(), name("root"), not_before=NOW, path_length=1)


@cache
def middle() -> Any:
    """An authority of another set under the root."""
    key = private("SLH-DSA-SHAKE-128f")
    return x509.issue(private(), root(), name("middle"), key.public_key(), not_before=NOW, ca=True)


@cache
def leaf() -> Any:
    """The signer of the messages below."""
    signer = private("SLH-DSA-SHA2-192f").public_key()
    return x509.issue(private("SLH-DSA-SHAKE-128f"), middle(), name("leaf"), signer, not_before=NOW)


@cache
def message() -> bytes:
    """A detached one with all that may be in it."""
    key = private("SLH-DSA-SHA2-192f")
    return cms.sign(key, CONTENT, certificate=leaf(), chain=[middle()], signing_time=NOW)


def decoded(data: bytes) -> tuple[Any, Any]:
    """SignedData and its one SignerInfo, as pyasn1 reads them; and encodes them again to the same."""
    outer, rest = decoder.decode(data, asn1Spec=rfc5652.ContentInfo())
    assert not rest
    assert outer["contentType"] == rfc5652.id_signedData
    found, rest = decoder.decode(outer["content"], asn1Spec=rfc5652.SignedData())
    assert not rest
    assert encode(found) == bytes(outer["content"])
    return found, found["signerInfos"][0]


def attributes(info: Any) -> bytes:
    """What a signature is of, made by pyasn1."""
    found = univ.SetOf(componentType=rfc5652.Attribute())
    found.extend(info["signedAttrs"])
    return bytes(encode(found))


# ---- others read ours ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("set_name", SETS)
@pytest.mark.parametrize("detached", [True, False])
def test_openssl_accepts_hbss(openssl: OpenSSL, set_name: str, detached: bool) -> None:
    """And refuses another content."""
    key = private(set_name)
    certificate = x509.self_signed(key, name("signer"), ca=False)
    data = cms.sign(key, CONTENT, certificate=certificate, detached=detached)
    assert openssl.cms_holds(data, CONTENT if detached else None)
    if detached:
        assert not openssl.cms_holds(data, CONTENT + b".")


@pytest.mark.parametrize("set_name", [each.replace("f", "s") for each in SETS if "128" in each])
def test_others_verify_slhdsa(set_name: str) -> None:
    """pyasn1 takes a message apart, the package slh-dsa verifies the signature."""
    key = private(set_name)
    found, info = decoded(cms.sign(key, CONTENT))
    assert found["version"] == info["version"] == 3
    assert info["signatureAlgorithm"]["algorithm"] == getattr(rfc9814, "id_" + set_name.lower().replace("-", "_"))
    assert not info["signatureAlgorithm"]["parameters"].isValue
    parameters = getattr(slhdsa, set_name.lower().replace("slh-dsa-", "").replace("-", "_"))
    theirs = slhdsa.PublicKey.from_digest(key.public_key().public_bytes_raw(), parameters)
    assert theirs.verify_pure(attributes(info), bytes(info["signature"]))


@pytest.mark.parametrize(
    ("set_name", "digest"),
    [("LMS_SHA256_M32_H5_W8", "2.1"), ("LMS_SHA256_M24_H5_W4", "2.1"), ("LMS_SHAKE_M32_H5_W8", "2.12")],
)
def test_others_verify_lms(tmp_path: Path, set_name: str, digest: str) -> None:
    """The same with pyhsslms; the digest is by the function of the tree (RFC 9708). Each signature costs an index."""
    hbss.create_key(tmp_path / "k", set_name)
    with hbss.open_key(tmp_path / "k") as key:
        own = x509.self_signed(key, name("lms"), ca=False)
        data = cms.sign(key, io.BytesIO(CONTENT), certificate=own)
        assert key.remaining == 29
        public = key.public_key()
    found, info = decoded(data)
    assert found["version"] == info["version"] == 1
    assert info["signatureAlgorithm"]["algorithm"] == rfc9708.id_alg_hss_lms_hashsig
    assert str(info["digestAlgorithm"]["algorithm"]) == f"2.16.840.1.101.3.4.{digest}"
    theirs = pyhsslms.HssPublicKey.deserialize(public.public_bytes_raw())
    assert theirs.verify(attributes(info), bytes(info["signature"]))
    assert cms.verify_trusted(data, [own], CONTENT) == own


# ---- we read theirs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("set_name", SETS)
def test_hbss_accepts_openssl(openssl: OpenSSL, set_name: str) -> None:
    """Detached, around the content, and streamed as BER of indefinite lengths with the content in pieces."""
    key = openssl.keygen(set_name)
    certificate = openssl.certificate(key, "theirs")
    public = hbss.PublicKey.from_raw(set_name, openssl.public(key))
    for flags in (0, CMS_DETACHED, CMS_STREAM):
        data = openssl.cms_sign(key, certificate, CONTENT, "SHA512", flags=flags)
        given = CONTENT if flags & CMS_DETACHED else None
        assert cms.verify(data, public, given) == (None if given else CONTENT)
        assert cms.verify_trusted(data, [fields.load(certificate)], given) == fields.load(certificate)
        assert (data[1] == 0x80) == bool(flags & CMS_STREAM)


def test_attributes_in_any_order() -> None:
    """What is signed is their DER; a message in BER may have them otherwise."""
    data = cms.sign(private(), CONTENT, signing_time=NOW)
    each = [bytes(encode(attribute)) for attribute in decoded(data)[1]["signedAttrs"]]
    assert data.count(b"".join(each)) == 1
    backwards = data.replace(b"".join(each), b"".join(reversed(each)))
    assert backwards != data
    assert cms.verify(backwards, private().public_key(), CONTENT) is None


def test_pem() -> None:
    """As OpenSSL writes it."""
    for label in ("CMS", "PKCS7"):
        assert cms.verify_trusted(pem.write(label, message()), [root()], CONTENT, at=NOW) == leaf()
    with pytest.raises(InvalidSignature, match="PEM block of CMS or PKCS7, found CERTIFICATE"):
        cms.certificates(pem.write("CERTIFICATE", message()))


# ---- trust ---------------------------------------------------------------------------------------------------------


def test_trust() -> None:
    """The way up goes through the message's own certificates; any of them may be the trusted one."""
    for trusted in (root(), middle(), leaf()):
        assert cms.verify_trusted(message(), [trusted], CONTENT, at=NOW) == leaf()
    assert {found.subject for found in cms.certificates(message())} == {name("leaf"), name("middle")}
    alone = cms.sign(private("SLH-DSA-SHA2-192f"), CONTENT)  # names its key, which a trusted certificate is of
    assert cms.verify_trusted(alone, [leaf()], CONTENT, at=NOW) == leaf()
    with pytest.raises(InvalidCertificate, match="is valid from"):
        cms.verify_trusted(message(), [root()], CONTENT, at=NOW + datetime.timedelta(days=400))
    with pytest.raises(InvalidCertificate, match="not trusted"):
        cms.verify_trusted(message(), [x509.self_signed(private(), name("other"))], CONTENT, at=NOW)
    short = cms.sign(private("SLH-DSA-SHA2-192f"), CONTENT, certificate=leaf())
    with pytest.raises(InvalidCertificate, match="not trusted"):
        cms.verify_trusted(short, [root()], CONTENT, at=NOW)
    with pytest.raises(InvalidSignature, match="no certificate of its signer"):
        cms.verify_trusted(alone, [root()], CONTENT, at=NOW)
    with pytest.raises(InvalidSignature, match="its digest is another"):
        cms.verify_trusted(message(), [root()], CONTENT + b".", at=NOW)


def test_an_authority_signs_no_messages() -> None:
    """By its key usage."""
    data = cms.sign(private(), CONTENT, certificate=root())
    assert cms.verify(data, private().public_key(), CONTENT) is None
    with pytest.raises(InvalidCertificate, match="not for signing messages"):
        cms.verify_trusted(data, [root()], CONTENT, at=NOW)


def test_what_cannot_be_signed() -> None:
    """XMSS has no algorithm, nor has a key bound to a pre-hash; a certificate must be of the key."""
    bound = hbss.PrivateKey.from_raw("SLH-DSA-SHA2-128f", private().private_bytes_raw(), prehash="SHA2-256")
    for public in (stateful("XMSS")[0], bound.public_key()):
        with pytest.raises(ValueError, match="CMS has no algorithm for this key"):
            cms.verify(message(), public, CONTENT)
    with pytest.raises(ValueError, match="no algorithm"):
        cms.sign(bound, CONTENT)
    with pytest.raises(ValueError, match="of another key"):
        cms.sign(private(), CONTENT, certificate=leaf())
    with pytest.raises(TypeError, match="opened in binary"):
        cms.sign(private(), io.StringIO("text"))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="is detached: give it"):
        cms.verify(message(), leaf_key())
    with pytest.raises(ValueError, match="has its own content"):
        cms.verify(cms.sign(private(), CONTENT, detached=False), private().public_key(), CONTENT)


def leaf_key() -> hbss.PublicKey:
    return private("SLH-DSA-SHA2-192f").public_key()


def test_a_pipe(tmp_path: Path) -> None:
    """What cannot be read twice is read once."""
    read, write = os.pipe()
    os.write(write, CONTENT)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        data = cms.sign(private(), pipe)
    (tmp_path / "file").write_bytes(b"head" + CONTENT)
    with (tmp_path / "file").open("rb") as file:
        file.seek(4)
        cms.verify(data, private().public_key(), file)


# ---- what does not hold --------------------------------------------------------------------------------------------


def made(content: bytes | None = None, kind: str = DATA, **changes: Any) -> bytes:
    """A message put together by hand; its signature fits whatever it says."""
    found = signed_data.read(cms.sign(private(), b"payload")).signers[0]
    signer = found._replace(**changes)
    signed = b"payload" if content is None else content
    if signer.attributes is not None:
        signed = signed_data.write_attributes(signer.attributes)
    if "signature" not in changes:
        signer = signer._replace(signature=private().sign(signed))
    return signed_data.write(SignedData(kind, content, (), (signer,)))


def test_without_attributes() -> None:
    """The signature is of the content itself; which must not look like attributes, as those are signed alike."""
    public = private().public_key()
    assert cms.verify(made(b"payload", attributes=None), public) == b"payload"
    assert cms.verify(made(attributes=None), public, io.BytesIO(b"payload")) is None
    whole = signed_data.read(cms.sign(private(), b"payload")).signers[0]
    assert whole.attributes is not None
    disguised = signed_data.write_attributes(whole.attributes)
    with pytest.raises(InvalidSignature, match="looks like signed attributes"):
        cms.verify(made(disguised, attributes=None, signature=whole.signature), public)
    with pytest.raises(InvalidSignature, match="must have signed attributes"):
        cms.verify(made(b"payload", kind="1.2.3", attributes=None), public)


def changed(**values: bytes | None) -> dict[str, bytes]:
    found = signed_data.read(cms.sign(private(), b"payload")).signers[0].attributes
    assert found is not None
    names = {"kind": "1.2.840.113549.1.9.3", "digest": "1.2.840.113549.1.9.4", "protection": "1.2.840.113549.1.9.52"}
    every = {**found, **{names[which]: value for which, value in values.items()}}
    return {kind: value for kind, value in every.items() if value is not None}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"attributes": changed(kind=None)}, "another type of content"),
        ({"attributes": changed(kind=der.encode_oid("1.2.3"))}, "another type of content"),
        ({"attributes": changed(digest=None)}, "digest is another"),
        ({"attributes": changed(digest=der.encode(der.OCTET_STRING, bytes(32)))}, "digest is another"),
        ({"attributes": changed(protection=b"\x05\x00")}, "other algorithms than were signed"),
        ({"digest_algorithm": der.encode(der.SEQUENCE, der.encode_oid("2.16.840.1.101.3.4.2.4"))}, "not understood"),
        ({"digest_algorithm": der.encode(der.SEQUENCE, b"\x05\x00")}, "not understood"),
        ({"algorithm": der.encode(der.SEQUENCE, der.encode_oid("1.2.3"))}, "no signature of this key's algorithm"),
        ({"algorithm": der.encode(der.SEQUENCE, der.encode_oid("2.16.840.1.101.3.4.3.21"), b"\5\0")}, "no signature"),
        ({"signature": bytes(17088)}, "does not"),
    ],
)
def test_messages_that_do_not_hold(changes: dict[str, Any], says: str) -> None:
    """Each is InvalidSignature, and the text says why."""
    with pytest.raises(InvalidSignature, match=says):
        cms.verify(made(**changes), private().public_key(), b"payload")


def test_protection_is_optional() -> None:
    """OpenSSL may leave it out, and NULL for parameters of a digest is read (RFC 5754)."""
    null = der.encode(der.SEQUENCE, der.encode_oid("2.16.840.1.101.3.4.2.1"), b"\5\0")
    data = made(attributes=changed(protection=None), digest_algorithm=null)
    assert cms.verify(data, private().public_key(), b"payload") is None


def test_a_key_for_other_purposes() -> None:
    """A trusted authority's certificates for servers sign no messages."""
    usage = names.oid.ExtendedKeyUsageOID
    for purposes, good in (
        ([usage.SERVER_AUTH], False), ([usage.SERVER_AUTH, usage.CODE_SIGNING], True), ([usage.EMAIL_PROTECTION], True),
        ([names.ObjectIdentifier("1.2.3.4")], False), ([names.ObjectIdentifier("1.3.6.1.5.5.7.3.36")], True),
    ):  # fmt: skip
        extensions = [(names.ExtendedKeyUsage(purposes), True)]
        key = private("SLH-DSA-SHA2-192f")
        own = x509.issue(private(), root(), name("x"), key.public_key(), not_before=NOW, extensions=extensions)
        data = cms.sign(key, CONTENT, certificate=own)
        if good:
            assert cms.verify_trusted(data, [root()], CONTENT, at=NOW) == own
        else:
            with pytest.raises(InvalidCertificate, match="not for signing messages: its extended key usage"):
                cms.verify_trusted(data, [root()], CONTENT, at=NOW)


def test_a_renewed_authority_lies_beside_the_old_one() -> None:
    """In any order: the one that is valid is the way."""
    key, signer = private("SLH-DSA-SHAKE-128f"), private("SLH-DSA-SHA2-192f")
    past = NOW - datetime.timedelta(days=90)
    old, new = (
        x509.issue(private(), root().subject, name("middle"), key.public_key(), not_before=when, days=30, ca=True)
        for when in (past, NOW)
    )
    own = x509.issue(key, new, name("leaf"), signer.public_key(), not_before=NOW)
    data = signed_data.read(cms.sign(signer, CONTENT, certificate=own))
    for order in (old, new), (new, old):
        along = tuple(fields.der_of(each) for each in (own, *order))
        both = signed_data.write(data._replace(certificates=along))
        assert cms.verify_trusted(both, [root()], CONTENT, at=NOW) == own


def test_a_message_that_asks_for_too_much() -> None:
    """Many signers times many certificates of one name: somebody's own, and nobody trusts them."""
    key = private()
    own = x509.issue(key, name("x"), name("y"), key.public_key(), not_before=NOW)
    many = [x509.self_signed(key, name("x"), not_before=NOW, days=9, serial=i + 1) for i in range(20)]
    found = signed_data.read(cms.sign(key, CONTENT, certificate=own, chain=many))
    data = signed_data.write(found._replace(signers=found.signers * 20))
    with pytest.raises(InvalidSignature, match="more than 256 checks"):
        cms.verify_trusted(data, [root()], CONTENT, at=NOW)


def test_foreign_certificates() -> None:
    """A signer with a key of another kind is not for hbss to check; too many certificates are refused."""
    other = ed25519.Ed25519PrivateKey.generate()
    certificate = x509.issue(private(), root(), name("other"), other.public_key(), not_before=NOW)
    named = fields.parts(certificate).issuer_and_serial
    found = signed_data.read(cms.sign(private(), b"payload"))
    signer = found.signers[0]._replace(identifier=named)
    data = signed_data.write(SignedData(DATA, None, (fields.der_of(certificate),), (signer,)))
    with pytest.raises(InvalidSignature, match="no hash-based one"):
        cms.verify_trusted(data, [root()], b"payload", at=NOW)
    many = signed_data.write(SignedData(DATA, None, (fields.der_of(certificate),) * 65, (signer,)))
    with pytest.raises(InvalidSignature, match="more than 64 certificates"):
        cms.certificates(many)
    with pytest.raises(InvalidSignature, match="cannot be read"):
        cms.certificates(signed_data.write(SignedData(DATA, None, (b"\x30\x00",), (signer,))))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "inside a value"),
        (b"\x30\x80\x00\x00\x00", "too many"),
        (b"\x30\x80" * 100, "too many values inside one another"),
        (b"\x30\x05\x02", "cut off"),
        (b"\x30\x89" + bytes(12), "impossible length"),
        (b"\x30\x88" + b"\xff" * 8, "cut off"),
        (b"\x3f\x81\x01\x00", "a tag of several bytes"),
        (b"\x30\x03\x02\x05\x00", "cut off"),
        (b"\x24\x80\x02\x01\x00\x00\x00", "expected OCTET STRING"),
        (b"\x04\x80\x00\x00", "impossible length"),
        (der.encode(der.SEQUENCE, der.encode_oid("1.2.3")), "a content of type 1.2.3"),
    ],
)
def test_malformed(data: bytes, says: str) -> None:
    """Each is InvalidSignature, and the text says why."""
    with pytest.raises(InvalidSignature, match=says):
        cms.certificates(data)


def test_an_attribute_twice() -> None:
    found = bytearray(message())
    attribute = der.encode(der.SEQUENCE, der.encode_oid("1.2.840.113549.1.9.4"))[2:]
    assert found.count(attribute) == 1
    place = found.index(attribute)
    found[place : place + len(attribute)] = der.encode(der.SEQUENCE, der.encode_oid("1.2.840.113549.1.9.3"))[2:]
    with pytest.raises(InvalidSignature, match="is there twice"):
        cms.verify(bytes(found), leaf_key(), CONTENT)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_changed_messages(data: st.DataObject) -> None:
    """Whatever byte is changed: refused, or the signed part is as it was."""
    whole = bytearray(message())
    edge = st.one_of(st.integers(0, 80), st.integers(len(whole) - 36_200, len(whole) - 35_500))
    place = data.draw(st.one_of(edge, st.integers(0, len(whole) - 1)))
    whole[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
    for check in (
        lambda m: cms.verify(m, leaf_key(), CONTENT),
        lambda m: cms.verify_trusted(m, [root()], CONTENT, at=NOW),
    ):
        try:
            check(bytes(whole))
        except (InvalidSignature, InvalidCertificate, ValueError):
            continue
        assert attributes_of(whole) == attributes_of(message())


def attributes_of(data: bytes | bytearray) -> Any:
    return signed_data.read(bytes(data)).signers[0].attributes


@given(st.binary(max_size=300))
def test_arbitrary_bytes(data: bytes) -> None:
    """The decoder has one error."""
    with pytest.raises(InvalidSignature):
        cms.verify(data, leaf_key(), b"")


@given(st.recursive(st.binary(max_size=300), lambda inner: st.lists(inner, max_size=4), max_leaves=12), st.booleans())
def test_ber_and_der_are_the_same_value(tree: Any, definite: bool) -> None:
    """pyasn1 writes both; what is DER stays as it is."""

    def built(value: Any) -> Any:
        if isinstance(value, bytes):
            return univ.OctetString(value)
        found = univ.Sequence()
        for i, each in enumerate(value):
            found[i] = built(each)
        return found

    made_of = built(tree)
    exact = bytes(encode(made_of))
    assert ber.definite(exact) == exact
    assert ber.definite(bytes(ber_encoder.encode(made_of, defMode=definite, maxChunkSize=7))) == exact
