"""Certification paths: from a certificate up to what is trusted (RFC 5280, section 6)."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Sequence

import cryptography.exceptions
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from hbss.encoding import keyfile
from hbss.encoding.certificate import Signed
from hbss.errors import BadKey, InvalidCertificate, InvalidSignature
from hbss.keys import PublicKey
from hbss.x509.fields import extension, extensions, field_of, name_of, parts, public_key

Moment = datetime.datetime
# of extended key usages those of messages: any, mail, code, and documents (RFC 9336)
_SIGNING = {
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE, ExtendedKeyUsageOID.EMAIL_PROTECTION, ExtendedKeyUsageOID.CODE_SIGNING,
    x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36"),
}  # fmt: skip
_UNDERSTOOD = (x509.BasicConstraints, x509.KeyUsage, x509.SubjectKeyIdentifier, x509.AuthorityKeyIdentifier,
               x509.SubjectAlternativeName, x509.ExtendedKeyUsage)  # fmt: skip


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
    moment = moment_of(at)
    for above, (found, issuer) in enumerate(itertools.pairwise(chain), 1):
        verify_issued(found, issuer)
        check_rights(issuer, _authorities(chain[:above]))
    for found in chain:
        _check_date(found, moment)
        _check_critical(found)
    if chain[-1] not in trusted:
        _check_anchor(chain, trusted, moment)


def moment_of(at: Moment | None) -> Moment:
    """The moment that counts: now, unless it is said."""
    moment = at or datetime.datetime.now(datetime.timezone.utc)
    if moment.tzinfo is None:
        raise ValueError("`at` has no time zone; say datetime.timezone.utc")
    return moment


def _authorities(chain: Sequence[x509.Certificate]) -> int:
    """How many count for the length of a path: not the end, nor those that a key issued for its own name."""
    return sum(field_of(each, "subject") != field_of(each, "issuer") for each in chain[1:])


def _check_anchor(chain: Sequence[x509.Certificate], trusted: Sequence[x509.Certificate], moment: Moment) -> None:
    last, below = chain[-1], _authorities(chain)
    issuer = field_of(last, "issuer")
    named = [anchor for anchor in trusted if field_of(anchor, "subject") == issuer]
    if not named:
        raise InvalidCertificate(f"the certificate of {name_of(last)} is not trusted, and no trusted one issued it")
    reasons = []
    for anchor in named:
        try:
            verify_issued(last, anchor)
            check_rights(anchor, below)
            _check_date(anchor, moment)
            _check_critical(anchor)
        except InvalidCertificate as error:
            reasons.append(str(error))
        else:
            return
    raise InvalidCertificate("; ".join(reasons))


def check_rights(issuer: x509.Certificate, below: int) -> None:
    """Whether it may issue certificates, with so many issuers below it."""
    limits, usage = extension(issuer, x509.BasicConstraints), extension(issuer, x509.KeyUsage)
    if limits is None or not limits.ca:
        raise InvalidCertificate(f"{name_of(issuer)} may not issue certificates: it is no authority")
    if limits.path_length is not None and below > limits.path_length:
        raise InvalidCertificate(
            f"{name_of(issuer)} allows {limits.path_length} authorities below it; here there are {below}"
        )
    if usage is not None and not usage.key_cert_sign:
        raise InvalidCertificate(f"{name_of(issuer)} may not issue certificates: its key usage does not say so")


def may_issue(issuer: x509.Certificate, chain: Sequence[x509.Certificate], moment: Moment) -> bool:
    """Whether it is an issuer for the last one of a chain, its signature aside."""
    try:
        check_rights(issuer, _authorities(chain))
        _check_date(issuer, moment)
        _check_critical(issuer)
    except InvalidCertificate:
        return False
    return True


def check_signs(found: x509.Certificate) -> None:
    """Raise InvalidCertificate if its key is not for signing messages, by its key usages; without them it may."""
    usage, purposes = extension(found, x509.KeyUsage), extension(found, x509.ExtendedKeyUsage)
    if usage is not None and not (usage.digital_signature or usage.content_commitment):
        raise InvalidCertificate(f"the key of {name_of(found)} is not for signing messages: its key usage says others")
    if purposes is not None and not _SIGNING.intersection(purposes):
        others = ", ".join(each.dotted_string for each in purposes)
        raise InvalidCertificate(
            f"the key of {name_of(found)} is not for signing messages: its extended key usage is {others}"
        )


def _check_date(found: x509.Certificate, moment: Moment) -> None:
    first, last = field_of(found, "not_valid_before_utc"), field_of(found, "not_valid_after_utc")
    if not first <= moment <= last:
        raise InvalidCertificate(
            f"the certificate of {name_of(found)} is valid from {first} to {last}, not at {moment}"
        )


def _check_critical(found: x509.Certificate) -> None:
    for each in extensions(found):
        if each.critical and not isinstance(each.value, _UNDERSTOOD):
            raise InvalidCertificate(
                f"the certificate of {name_of(found)} has a critical extension that is not understood: "
                f"{each.oid.dotted_string}"
            )
