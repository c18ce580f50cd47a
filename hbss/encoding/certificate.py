"""The frame of X.509 certificates (RFC 5280) and certification requests (RFC 2986): what is signed, by which algorithm,
and the signature. Names and extensions are DER that comes from elsewhere.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import NamedTuple

from hbss.encoding import der
from hbss.encoding.der import Reader

_VERSION_3, _REQUEST_VERSION = 2, 0
_EXTENSION_REQUEST = "1.2.840.113549.1.9.14"  # PKCS #9 (RFC 2985)


class Extension(NamedTuple):
    """One extension; `value` is the DER inside its OCTET STRING."""

    oid: str
    critical: bool
    value: bytes


class Signed(NamedTuple):
    """What a certificate or a request is made of, each part as it stands in DER; `public_key` is its subject's."""

    content: bytes
    algorithm: bytes
    signature: bytes
    inner_algorithm: bytes
    """The same again inside what is signed; of a request empty, as there is none."""
    public_key: bytes
    issuer_and_serial: bytes = b""
    """What others name a certificate by (RFC 5652, section 10.2.4); of a request empty."""


def write_signed(content: bytes, algorithm: bytes, signature: bytes) -> bytes:
    """Certificate, or CertificationRequest."""
    return der.encode(der.SEQUENCE, content, algorithm, der.encode_bits(signature))


def write_certificate(
    serial: int, algorithm: bytes, issuer: bytes, dates: tuple[datetime.datetime, datetime.datetime],
    subject: bytes, public_key: bytes, extensions: Iterable[Extension],
) -> bytes:  # fmt: skip
    """TBSCertificate, version 3: RFC 5280, section 4.1."""
    return der.encode(
        der.SEQUENCE,
        der.encode(der.CONTEXT_0, der.encode_integer(_VERSION_3)),
        der.encode_integer(serial),
        algorithm,
        issuer,
        der.encode(der.SEQUENCE, *map(write_time, dates)),
        subject,
        public_key,
        der.encode(der.CONTEXT_3, wanted) if (wanted := _extensions(extensions)) else b"",
    )


def write_request(subject: bytes, public_key: bytes, extensions: Iterable[Extension]) -> bytes:
    """CertificationRequestInfo, version 1: RFC 2986, section 4.1; the extensions are asked for (RFC 2985, 5.4.2)."""
    wanted = _extensions(extensions)
    attribute = der.encode(der.SEQUENCE, der.encode_oid(_EXTENSION_REQUEST), der.encode(der.SET, wanted))
    attributes = der.encode(der.CONTEXT_0, attribute if wanted else b"")
    return der.encode(der.SEQUENCE, der.encode_integer(_REQUEST_VERSION), subject, public_key, attributes)


def read_certificate(data: bytes) -> Signed:
    """The parts of a certificate; BadKey if it is malformed as far as they go."""
    content, algorithm, signature = _read_signed(data)
    fields = Reader(content).inside()
    if fields.next_tag == der.CONTEXT_0:
        fields.read(der.CONTEXT_0)
    serial, inner, issuer = fields.whole(der.INTEGER), fields.whole(), fields.whole()
    for _ in ("validity", "subject"):
        fields.read(der.SEQUENCE)
    named = der.encode(der.SEQUENCE, issuer, serial)
    return Signed(content, algorithm, signature, inner, fields.whole(), named)


def read_request(data: bytes) -> Signed:
    """The parts of a certification request; BadKey as above."""
    content, algorithm, signature = _read_signed(data)
    fields = Reader(content).inside()
    fields.read(der.INTEGER)
    fields.read(der.SEQUENCE)
    return Signed(content, algorithm, signature, b"", fields.whole())


def _read_signed(data: bytes) -> tuple[bytes, bytes, bytes]:
    outer = Reader(data)
    fields = outer.inside()
    outer.end()
    content, algorithm, signature = fields.whole(), fields.whole(), fields.bits()
    fields.end()
    return content, algorithm, signature


def _extensions(extensions: Iterable[Extension]) -> bytes:
    """Nothing if there are none: an empty list is no Extensions."""
    encoded = []
    for oid, critical, value in extensions:
        mark = der.encode(der.BOOLEAN, b"\xff") if critical else b""
        encoded.append(der.encode(der.SEQUENCE, der.encode_oid(oid), mark, der.encode(der.OCTET_STRING, value)))
    return der.encode(der.SEQUENCE, *encoded) if encoded else b""


def write_time(moment: datetime.datetime) -> bytes:
    """Time in DER: UTCTime up to 2049, GeneralizedTime from 2050: RFC 5280, section 4.1.2.5."""
    moment = moment.astimezone(datetime.timezone.utc)
    text = moment.strftime("%m%d%H%M%SZ")
    if 1950 <= moment.year < 2050:
        return der.encode(der.UTC_TIME, f"{moment.year % 100:02}{text}".encode("ascii"))
    return der.encode(der.GENERALIZED_TIME, f"{moment.year:04}{text}".encode("ascii"))
