"""What certificates and requests are made of."""

from __future__ import annotations

import hashlib
from typing import Any

import cryptography.exceptions
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hbss.encoding import certificate, keyfile
from hbss.encoding.certificate import Signed
from hbss.encoding.identifiers import ALGORITHMS
from hbss.errors import BadKey, InvalidCertificate
from hbss.keys import PublicKey, load_public_key


def public_key(of: x509.Certificate | x509.CertificateSigningRequest) -> PublicKey | Any:
    """The key of a certificate or request: hbss's, or one of `cryptography` for other algorithms.

    BadKey for one that neither can read.
    """
    spki = parts(of).public_key
    oid, _ = keyfile.split_public(spki)
    if oid in ALGORITHMS:
        return load_public_key(spki)
    try:
        return of.public_key()
    except (ValueError, TypeError, cryptography.exceptions.UnsupportedAlgorithm) as error:
        raise BadKey(f"the key of {name_of(of)}, of the algorithm {oid}, cannot be read: {error}") from None


def der_of(of: x509.Certificate | x509.CertificateSigningRequest) -> bytes:
    """It in DER."""
    return of.public_bytes(Encoding.DER)


def load(data: bytes) -> x509.Certificate:
    """A certificate in DER; ValueError if it is none, or of an unknown version."""
    try:
        return x509.load_der_x509_certificate(data)
    except x509.InvalidVersion as error:  # which is no ValueError
        raise ValueError(str(error)) from None


def parts(of: x509.Certificate | x509.CertificateSigningRequest) -> Signed:
    """What it is made of."""
    read = certificate.read_certificate if isinstance(of, x509.Certificate) else certificate.read_request
    return read(der_of(of))


def subject_identifier(of: x509.Certificate) -> bytes | None:
    """The identifier of its key that a certificate states."""
    found = extension(of, x509.SubjectKeyIdentifier)
    return None if found is None else bytes(found.digest)


def key_identifier(spki: bytes) -> bytes:
    """The first 160 bits of the SHA-256 of the key's own bytes: RFC 7093, section 2, method 1."""
    return hashlib.sha256(keyfile.split_public(spki)[1]).digest()[:20]


def extension(found: x509.Certificate, kind: type[Any]) -> Any:
    """The extension of this kind; None if there is none."""
    return next((each.value for each in extensions(found) if isinstance(each.value, kind)), None)


def extensions(found: x509.Certificate) -> x509.Extensions:
    """All of them."""
    every: x509.Extensions = field_of(found, "extensions")
    return every


def field_of(found: x509.Certificate | x509.CertificateSigningRequest, name: str) -> Any:
    """A field of a certificate or a request, which is read only now; InvalidCertificate if it is malformed."""
    try:
        return getattr(found, name)
    except (ValueError, TypeError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        what = "certificate" if isinstance(found, x509.Certificate) else "request"
        raise InvalidCertificate(f"{name.replace('_', ' ')} of a {what} cannot be read: {error}") from None


def name_of(of: x509.Certificate | x509.CertificateSigningRequest) -> str:
    """Of the subject, for messages."""
    try:
        return of.subject.rfc4514_string() or "no name"
    except (ValueError, TypeError):
        return "a name that cannot be read"
