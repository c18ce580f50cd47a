"""The frame of CMS SignedData (RFC 5652, section 5): contents, certificates, and what each signer says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from hbss.encoding import ber, der, pem
from hbss.encoding.der import Reader
from hbss.errors import BadKey

DATA, _SIGNED_DATA = "1.2.840.113549.1.7.1", "1.2.840.113549.1.7.2"
LABELS = ("CMS", "PKCS7")  # RFC 7468, section 9


class Signer(NamedTuple):
    """One SignerInfo. `identifier` is its SignerIdentifier as it stands in DER."""

    identifier: bytes
    digest_algorithm: bytes
    attributes: Mapping[str, bytes] | None
    """The values of each signed attribute, in DER; None if the signature is of the content itself."""
    algorithm: bytes
    signature: bytes


class SignedData(NamedTuple):
    """A message; the content is None if it is detached."""

    content_type: str
    content: bytes | None
    certificates: tuple[bytes, ...]
    signers: tuple[Signer, ...]


def identifier_of_key(key_identifier: bytes) -> bytes:
    """A SignerIdentifier that names a key."""
    return der.encode(der.CONTEXT_0_PRIMITIVE, key_identifier)


def write_attributes(attributes: Mapping[str, bytes]) -> bytes:
    """Signed attributes as the signature is of them: a SET OF in DER (RFC 5652, section 5.4)."""
    encoded = (
        der.encode(der.SEQUENCE, der.encode_oid(oid), der.encode(der.SET, value)) for oid, value in attributes.items()
    )
    return der.encode(der.SET, *sorted(encoded))


def write(message: SignedData) -> bytes:
    """ContentInfo around SignedData, in DER. Unsigned attributes and lists of revocations are not written."""
    signers = sorted(map(_write_signer, message.signers))
    content = b"" if message.content is None else _explicit(der.encode(der.OCTET_STRING, message.content))
    certificates = sorted(message.certificates)
    named = all(signer.identifier[0] == der.SEQUENCE for signer in message.signers)
    inner = der.encode(
        der.SEQUENCE,
        der.encode_integer(1 if named and message.content_type == DATA else 3),
        der.encode(der.SET, *sorted({signer.digest_algorithm for signer in message.signers})),
        der.encode(der.SEQUENCE, der.encode_oid(message.content_type), content),
        der.encode(der.CONTEXT_0, *certificates) if certificates else b"",
        der.encode(der.SET, *signers),
    )
    return der.encode(der.SEQUENCE, der.encode_oid(_SIGNED_DATA), _explicit(inner))


def _write_signer(signer: Signer) -> bytes:
    attributes = b""
    if signer.attributes is not None:
        attributes = der.encode(der.CONTEXT_0, Reader(write_attributes(signer.attributes)).read(der.SET))
    return der.encode(
        der.SEQUENCE,
        der.encode_integer(1 if signer.identifier[0] == der.SEQUENCE else 3),
        signer.identifier,
        signer.digest_algorithm,
        attributes,
        signer.algorithm,
        der.encode(der.OCTET_STRING, signer.signature),
    )


def _explicit(value: bytes) -> bytes:
    return der.encode(der.CONTEXT_0, value)


def read(data: bytes) -> SignedData:
    """A message in DER, BER or PEM; BadKey if it is none or malformed."""
    if pem.looks_like_pem(data):
        label, data = pem.read(data)
        if label not in LABELS:
            raise BadKey(f"expected a PEM block of {' or '.join(LABELS)}, found {label}")
    outer = Reader(ber.definite(data)).inside()
    if (kind := outer.oid()) != _SIGNED_DATA:
        raise BadKey(f"expected CMS SignedData, found a content of type {kind}")
    wrapped = outer.inside(der.CONTEXT_0)
    outer.end()
    fields = wrapped.inside()
    wrapped.end()
    fields.read(der.INTEGER)
    fields.read(der.SET)
    content_type, content = _content(fields.inside())
    certificates = _certificates(fields.inside(der.CONTEXT_0)) if fields.next_tag == der.CONTEXT_0 else ()
    if fields.next_tag == der.CONTEXT_1_CONSTRUCTED:  # revocations, which are not looked at
        fields.read(der.CONTEXT_1_CONSTRUCTED)
    signers = tuple(_read_signer(each) for each in _each(fields.inside(der.SET)))
    fields.end()
    return SignedData(content_type, content, certificates, signers)


def _content(fields: Reader) -> tuple[str, bytes | None]:
    kind, content = fields.oid(), None
    if fields.next_tag is not None:
        wrapped = fields.inside(der.CONTEXT_0)
        content = wrapped.read(der.OCTET_STRING)
        wrapped.end()
    fields.end()
    return kind, content


def _certificates(fields: Reader) -> tuple[bytes, ...]:
    """X.509 certificates; other kinds of certificates are passed over."""
    return tuple(each for each in fields.rest() if each[0] == der.SEQUENCE)


def _read_signer(fields: Reader) -> Signer:
    fields.read(der.INTEGER)
    tag = der.CONTEXT_0_PRIMITIVE if fields.next_tag == der.CONTEXT_0_PRIMITIVE else der.SEQUENCE
    identifier, digest_algorithm = fields.whole(tag), fields.whole()
    attributes = _attributes(fields.inside(der.CONTEXT_0)) if fields.next_tag == der.CONTEXT_0 else None
    algorithm, signature = fields.whole(), fields.read(der.OCTET_STRING)
    if fields.next_tag == der.CONTEXT_1_CONSTRUCTED:  # unsigned attributes, which nobody vouches for
        fields.read(der.CONTEXT_1_CONSTRUCTED)
    fields.end()
    return Signer(identifier, digest_algorithm, attributes, algorithm, signature)


def _attributes(fields: Reader) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for attribute in _each(fields):
        kind, values = attribute.oid(), attribute.inside(der.SET)
        attribute.end()
        if kind in found:
            raise BadKey(f"malformed CMS: the signed attribute {kind} is there twice")
        found[kind] = b"".join(sorted(values.rest()))
    return found


def _each(fields: Reader) -> Iterable[Reader]:
    while fields.next_tag is not None:
        yield fields.inside()
