"""X.509 certificates and certification requests with hash-based keys (the extra `x509`).

RFC 5280 and RFC 2986, with RFC 9802 (HSS/LMS, XMSS, XMSS^MT) and RFC 9909 (SLH-DSA). Certificates and requests are
objects of the package `cryptography`, and so are names and extensions. hbss makes and checks what a hash-based key
signs; `cryptography` checks the signatures of all other keys in a chain.

    from cryptography import x509
    root = self_signed(key, x509.Name.from_rfc4514_string("CN=Example Root"), days=3650)
"""

from __future__ import annotations

import datetime
import hashlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

try:
    import cryptography.exceptions
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
except ModuleNotFoundError as error:  # pragma: no cover - the tests have it
    raise ModuleNotFoundError("certificates need cryptography: pip install 'hbss[x509]'", name=error.name) from None

from hbss.encoding import certificate, keyfile
from hbss.encoding.certificate import Extension, Signed
from hbss.encoding.identifiers import ALGORITHMS
from hbss.errors import BadKey, InvalidCertificate, InvalidSignature
from hbss.keys import PublicKey, load_public_key
from hbss.stateful import StatefulPrivateKey
from hbss.stateless import PrivateKey

__all__ = ["issue", "public_key", "request", "self_signed", "verify_chain", "verify_issued", "verify_request"]

Signer = PrivateKey | StatefulPrivateKey
Moment = datetime.datetime
Extensions = Iterable[tuple[x509.ExtensionType, bool]]

NO_END = datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.timezone.utc)  # RFC 5280, section 4.1.2.5
_UNDERSTOOD = (x509.BasicConstraints, x509.KeyUsage, x509.SubjectKeyIdentifier, x509.AuthorityKeyIdentifier,
               x509.SubjectAlternativeName, x509.ExtendedKeyUsage)  # fmt: skip


# ---- making --------------------------------------------------------------------------------------------------------


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
    they replace those of their kind that are made here: basic constraints, key usage, and the identifiers of both keys.
    serial: positive, random by default. ValueError for what no certificate can say; InvalidCertificate if the issuer's
    certificate is of another key, or may not issue; errors of signing as `sign` raises them.
    """
    own = signer.public_key()
    start = not_before or datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    if start.tzinfo is None:
        raise ValueError("not_before has no time zone; say datetime.timezone.utc")
    end = _end(start, days)
    name = issuer if isinstance(issuer, x509.Name) else issuer.subject
    if not isinstance(issuer, x509.Name):
        _may_issue(issuer, own)
    usual = _usual(own, key, issuer, ca, path_length)
    chosen = {value.oid: (value, critical) for value, critical in (*usual, *extensions)}
    algorithm = keyfile.write_algorithm(own.algorithm)
    content = certificate.write_certificate(
        x509.random_serial_number() if serial is None else _positive(serial), algorithm, name.public_bytes(),
        (start, end), subject.public_bytes(), _spki(key), _written(chosen.values()),
    )  # fmt: skip
    return x509.load_der_x509_certificate(certificate.write_signed(content, algorithm, signer.sign(content)))


def request(signer: Signer, subject: x509.Name, extensions: Extensions = ()) -> x509.CertificateSigningRequest:
    """A request for a certificate of this key (PKCS #10), signed by it; of a stateful key that is one signature."""
    own = signer.public_key()
    content = certificate.write_request(subject.public_bytes(), own.der(), _written(extensions))
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


def _may_issue(issuer: x509.Certificate, own: PublicKey) -> None:
    if public_key(issuer) != own:
        raise InvalidCertificate(f"the certificate of {name_of(issuer)} is of another key than the one that signs")
    _check_rights(issuer, 0)


def _usual(
    own: PublicKey, key: PublicKey | Any, issuer: x509.Name | x509.Certificate, ca: bool, path_length: int | None
) -> Iterator[tuple[x509.ExtensionType, bool]]:
    """The extensions of every certificate that is made here."""
    yield x509.BasicConstraints(ca=ca, path_length=path_length), True
    yield _usage(ca), True
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


def _spki(key: PublicKey | Any) -> bytes:
    if isinstance(key, PublicKey):
        return key.der()
    try:
        return bytes(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    except (AttributeError, TypeError):
        raise TypeError(f"a certificate is of a public key of hbss or cryptography, not {type(key).__name__}") from None


def subject_identifier(of: x509.Certificate) -> bytes | None:
    """The identifier of its key that a certificate states."""
    found = _extension(of, x509.SubjectKeyIdentifier)
    return None if found is None else bytes(found.digest)


def key_identifier(spki: bytes) -> bytes:
    """The first 160 bits of the SHA-256 of the key's own bytes: RFC 7093, section 2, method 1."""
    return hashlib.sha256(keyfile.split_public(spki)[1]).digest()[:20]


def _positive(serial: int) -> int:
    if not 0 < serial < 1 << 159:  # 20 bytes at most: RFC 5280, section 4.1.2.2
        raise ValueError(f"a serial number is positive and has at most 159 bits, unlike {serial}")
    return serial


def _written(extensions: Extensions) -> list[Extension]:
    return [Extension(value.oid.dotted_string, critical, value.public_bytes()) for value, critical in extensions]


# ---- reading -------------------------------------------------------------------------------------------------------


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


def verify_request(asked: x509.CertificateSigningRequest) -> None:
    """Return if a request is signed by the key that it is for; else raise InvalidCertificate."""
    try:
        key = public_key(asked)
        if isinstance(key, PublicKey):
            _verify_parts(parts(asked), key)
        elif not asked.is_signature_valid:
            raise InvalidSignature
    except (InvalidSignature, BadKey, ValueError, TypeError, cryptography.exceptions.UnsupportedAlgorithm) as error:
        raise InvalidCertificate(f"the request of {name_of(asked)} is not signed by its own key: {error}") from None


def verify_issued(found: x509.Certificate, issuer: x509.Certificate) -> None:
    """Return if a certificate is signed by the key of another one and bears its name; else raise InvalidCertificate.

    Neither dates nor rights are looked at: that is what `verify_chain` does.
    """
    try:
        named = field_of(found, "issuer")
        if named != field_of(issuer, "subject"):
            raise InvalidSignature(f"it names {named.rfc4514_string() or 'nobody'} as its issuer")
        key = public_key(issuer)
        if isinstance(key, PublicKey):
            _verify_parts(parts(found), key)
        else:
            found.verify_directly_issued_by(issuer)
    except (
        InvalidSignature, BadKey, ValueError, TypeError, cryptography.exceptions.InvalidSignature,
        cryptography.exceptions.UnsupportedAlgorithm,
    ) as error:  # fmt: skip
        reason = str(error) or "the signature does not fit"
        raise InvalidCertificate(
            f"the certificate of {name_of(found)} was not issued by {name_of(issuer)}: {reason}"
        ) from None


def _verify_parts(signed: Signed, key: PublicKey) -> None:
    if signed.inner_algorithm not in (b"", signed.algorithm):
        raise InvalidSignature("it names two different algorithms")
    if signed.algorithm != keyfile.write_algorithm(key.algorithm):
        raise InvalidSignature("it names another algorithm than the key's, or gives it parameters")
    key.verify(signed.signature, signed.content)


def verify_chain(
    chain: Sequence[x509.Certificate], trusted: Sequence[x509.Certificate], *, at: Moment | None = None
) -> None:
    """Return if each certificate is issued by the next, and the last one is or is issued by a trusted one.

    chain: the end's certificate first; trusted: taken as they are, but for their dates and rights. at: the moment that
    counts (now). Checked are signatures, names, dates, who may issue and how far down, and that nothing critical is
    there that is not understood (RFC 5280, section 6, without name constraints, policies and revocation).
    InvalidCertificate says which certificate does not hold, and why; ValueError if there is no chain, or no trust.
    """
    if not chain or not trusted:
        raise ValueError("a chain needs a certificate at least, and something that is trusted")
    moment = at or datetime.datetime.now(datetime.timezone.utc)
    if moment.tzinfo is None:
        raise ValueError("`at` has no time zone; say datetime.timezone.utc")
    for depth, (found, issuer) in enumerate(itertools.pairwise(chain)):
        verify_issued(found, issuer)
        _check_rights(issuer, depth)
    for found in chain:
        _check_date(found, moment)
        _check_critical(found)
    if chain[-1] not in trusted:
        _check_anchor(chain[-1], len(chain) - 1, trusted, moment)


def _check_anchor(last: x509.Certificate, depth: int, trusted: Sequence[x509.Certificate], moment: Moment) -> None:
    issuer = field_of(last, "issuer")
    named = [anchor for anchor in trusted if field_of(anchor, "subject") == issuer]
    if not named:
        raise InvalidCertificate(f"the certificate of {name_of(last)} is not trusted, and no trusted one issued it")
    reasons = []
    for anchor in named:
        try:
            verify_issued(last, anchor)
            _check_rights(anchor, depth)
            _check_date(anchor, moment)
            _check_critical(anchor)
        except InvalidCertificate as error:
            reasons.append(str(error))
        else:
            return
    raise InvalidCertificate("; ".join(reasons))


def _check_rights(issuer: x509.Certificate, below: int) -> None:
    """Whether it may issue certificates, with so many issuers below it."""
    limits, usage = _extension(issuer, x509.BasicConstraints), _extension(issuer, x509.KeyUsage)
    if limits is None or not limits.ca:
        raise InvalidCertificate(f"{name_of(issuer)} may not issue certificates: it is no authority")
    if limits.path_length is not None and below > limits.path_length:
        raise InvalidCertificate(
            f"{name_of(issuer)} allows {limits.path_length} authorities below it; here there are {below}"
        )
    if usage is not None and not usage.key_cert_sign:
        raise InvalidCertificate(f"{name_of(issuer)} may not issue certificates: its key usage does not say so")


def check_signs(found: x509.Certificate) -> None:
    """Raise InvalidCertificate if its key usage is not to sign messages; without one it may."""
    usage = _extension(found, x509.KeyUsage)
    if usage is not None and not (usage.digital_signature or usage.content_commitment):
        raise InvalidCertificate(f"the key of {name_of(found)} is not for signing messages: its key usage says others")


def _check_date(found: x509.Certificate, moment: Moment) -> None:
    first, last = field_of(found, "not_valid_before_utc"), field_of(found, "not_valid_after_utc")
    if not first <= moment <= last:
        raise InvalidCertificate(
            f"the certificate of {name_of(found)} is valid from {first} to {last}, not at {moment}"
        )


def _check_critical(found: x509.Certificate) -> None:
    for each in _extensions(found):
        if each.critical and not isinstance(each.value, _UNDERSTOOD):
            raise InvalidCertificate(
                f"the certificate of {name_of(found)} has a critical extension that is not understood: "
                f"{each.oid.dotted_string}"
            )


def _extension(found: x509.Certificate, kind: type[Any]) -> Any:
    return next((each.value for each in _extensions(found) if isinstance(each.value, kind)), None)


def _extensions(found: x509.Certificate) -> x509.Extensions:
    extensions: x509.Extensions = field_of(found, "extensions")
    return extensions


def field_of(found: x509.Certificate, name: str) -> Any:
    """A field of a certificate, which is read only now; InvalidCertificate if it is malformed."""
    try:
        return getattr(found, name)
    except (ValueError, TypeError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise InvalidCertificate(f"{name.replace('_', ' ')} of a certificate cannot be read: {error}") from None


def name_of(of: x509.Certificate | x509.CertificateSigningRequest) -> str:
    """Of the subject, for messages."""
    try:
        return of.subject.rfc4514_string() or "no name"
    except (ValueError, TypeError):
        return "a name that cannot be read"
