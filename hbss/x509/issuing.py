"""Making certificates and requests: what a hash-based key signs."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtensionOID

from hbss.encoding import certificate, keyfile
from hbss.encoding.certificate import Extension
from hbss.errors import InvalidCertificate
from hbss.keys import PublicKey
from hbss.stateful import StatefulPrivateKey
from hbss.stateless import PrivateKey
from hbss.x509.fields import key_identifier, name_of, public_key, subject_identifier
from hbss.x509.path import check_rights

Signer = PrivateKey | StatefulPrivateKey
Moment = datetime.datetime
Extensions = Iterable[tuple[x509.ExtensionType, bool]]

NO_END = datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.timezone.utc)  # RFC 5280, section 4.1.2.5


def self_signed(
    signer: Signer, subject: x509.Name, *, days: float | None = 365, not_before: Moment | None = None,
    ca: bool = True, path_length: int | None = None, extensions: Extensions = (), serial: int | None = None,
) -> x509.Certificate:  # fmt: skip
    """A certificate of a key by itself, such as a root. The arguments are those of `issue`."""
    return issue(
        signer, subject, subject, signer.public_key(), days=days, not_before=not_before, ca=ca,
        path_length=path_length, extensions=extensions, serial=serial,
    )  # fmt: skip


def issue(
    signer: Signer, issuer: x509.Name | x509.Certificate, subject: x509.Name, key: PublicKey | Any, *,
    days: float | None = 365, not_before: Moment | None = None, ca: bool = False, path_length: int | None = None,
    extensions: Extensions = (), serial: int | None = None,
) -> x509.Certificate:  # fmt: skip
    """A certificate of `key` for `subject`, signed by `signer`; of a stateful key that is one signature.

    issuer: the signer's own certificate, or its name. key: a hash-based one, or any public key of `cryptography`. days:
    how long it is valid, from `not_before` (now); None for without end. ca: whether the key may issue certificates, and
    path_length how many more such keys may follow below it. extensions: further ones, each with whether it is critical;
    they replace those of their kind that are made here: basic constraints, key usage (of a key that signs), and the
    identifiers of both keys. serial: positive, random by default. ValueError for what no certificate can say;
    InvalidCertificate if the issuer's certificate is of another key, or may not issue this one; errors of signing as
    `sign` raises them.
    """
    own = signer.public_key()
    start = not_before or datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    if start.tzinfo is None:
        raise ValueError("not_before has no time zone; say datetime.timezone.utc")
    end = _end(start, days)
    name = issuer if isinstance(issuer, x509.Name) else issuer.subject
    if not isinstance(issuer, x509.Name):
        _may_issue(issuer, own, int(ca and subject != issuer.subject))
    further = _once(extensions)
    chosen = {
        value.oid: (value, critical) for value, critical in (*_usual(own, key, issuer, ca, path_length), *further)
    }
    _check_names(name, subject, ca, chosen.get(ExtensionOID.SUBJECT_ALTERNATIVE_NAME))
    algorithm = keyfile.write_algorithm(own.algorithm)
    content = certificate.write_certificate(
        x509.random_serial_number() if serial is None else _positive(serial), algorithm, name.public_bytes(),
        (start, end), subject.public_bytes(), _spki(key), _written(chosen.values()),
    )  # fmt: skip
    return x509.load_der_x509_certificate(certificate.write_signed(content, algorithm, signer.sign(content)))


def request(signer: Signer, subject: x509.Name, extensions: Extensions = ()) -> x509.CertificateSigningRequest:
    """A request for a certificate of this key (PKCS #10), signed by it; of a stateful key that is one signature."""
    own = signer.public_key()
    content = certificate.write_request(subject.public_bytes(), own.der(), _written(_once(extensions)))
    signed = certificate.write_signed(content, keyfile.write_algorithm(own.algorithm), signer.sign(content))
    return x509.load_der_x509_csr(signed)


def _end(start: Moment, days: float | None) -> Moment:
    if days is None:
        return NO_END
    if not days > 0:
        raise ValueError(f"a certificate is valid for more than {days} days")
    try:
        return start + datetime.timedelta(days=days)
    except OverflowError:
        raise ValueError(f"{days:,.0f} days are more than a certificate can say; leave out its end instead") from None


def _may_issue(issuer: x509.Certificate, own: PublicKey, authorities: int) -> None:
    if public_key(issuer) != own:
        raise InvalidCertificate(f"the certificate of {name_of(issuer)} is of another key than the one that signs")
    check_rights(issuer, authorities)


def _usual(
    own: PublicKey, key: PublicKey | Any, issuer: x509.Name | x509.Certificate, ca: bool, path_length: int | None
) -> Iterator[tuple[x509.ExtensionType, bool]]:
    """The extensions of every certificate that is made here."""
    yield x509.BasicConstraints(ca=ca, path_length=path_length), True
    if isinstance(key, PublicKey) or hasattr(key, "verify"):
        yield _usage(ca), True
    elif ca:
        raise ValueError(f"a {type(key).__name__} does not sign, so it cannot be an authority's")
    yield x509.SubjectKeyIdentifier(key_identifier(_spki(key))), False
    authority = key_identifier(own.der())
    if isinstance(issuer, x509.Certificate):
        authority = subject_identifier(issuer) or authority
    yield x509.AuthorityKeyIdentifier(authority, None, None), False


def _usage(ca: bool) -> x509.KeyUsage:
    """What a key that only signs may be for (RFC 9802, RFC 9909)."""
    return x509.KeyUsage(
        digital_signature=not ca, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=ca, crl_sign=ca, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _once(extensions: Extensions) -> list[tuple[x509.ExtensionType, bool]]:
    """Them; ValueError if one of a kind comes twice, which nobody may read (RFC 5280, section 4.2)."""
    given = list(extensions)
    kinds = [value.oid for value, _ in given]
    twice = next((kind for kind in kinds if kinds.count(kind) > 1), None)
    if twice is not None:
        raise ValueError(f"the extension {twice.dotted_string} is given twice")
    return given


def _check_names(
    issuer: x509.Name, subject: x509.Name, ca: bool, alternative: tuple[x509.ExtensionType, bool] | None
) -> None:
    """RFC 5280, sections 4.1.2.4 and 4.1.2.6."""
    if not issuer.rdns:
        raise ValueError("an issuer has a name that is not empty")
    if not subject.rdns and (ca or alternative is None or not alternative[1]):
        raise ValueError("the subject has no name: an authority needs one, another a critical alternative name")


def _spki(key: PublicKey | Any) -> bytes:
    if isinstance(key, PublicKey):
        return key.der()
    try:
        return bytes(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    except (AttributeError, TypeError):
        raise TypeError(f"a certificate is of a public key of hbss or cryptography, not {type(key).__name__}") from None


def _positive(serial: int) -> int:
    if not 0 < serial < 1 << 159:  # 20 bytes at most: RFC 5280, section 4.1.2.2
        raise ValueError(f"a serial number is positive and has at most 159 bits, unlike {serial}")
    return serial


def _written(extensions: Extensions) -> list[Extension]:
    return [Extension(value.oid.dotted_string, critical, value.public_bytes()) for value, critical in extensions]
