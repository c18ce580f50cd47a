"""CMS SignedData with hash-based keys (the extra `x509`): a signature and its certificates beside a file, or around it.

RFC 5652, with RFC 9708 (HSS/LMS) and RFC 9814 (SLH-DSA); XMSS and HashSLH-DSA have no algorithm in CMS. What is signed
is a digest of the content with a few attributes, so a file of any length is read once and never held.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from hbss import reading
from hbss.encoding import certificate as frame
from hbss.encoding import der, keyfile, signed_data
from hbss.encoding.der import Reader
from hbss.encoding.identifiers import bound_hash
from hbss.encoding.signed_data import DATA, SignedData, Signer
from hbss.errors import BadKey, InvalidCertificate, InvalidSignature
from hbss.keys import PublicKey
from hbss.message import view
from hbss.stateful import StatefulPrivateKey
from hbss.stateless import PrivateKey
from hbss.x509 import fields, path

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from typing_extensions import Buffer
else:
    Buffer = object

__all__ = ["certificates", "sign", "verify", "verify_trusted"]

_DIGEST_ARC = "2.16.840.1.101.3.4.2"
_DIGESTS: dict[int, tuple[Any, ...]] = {  # by the last number of the identifier: name, and the bytes if those are open
    1: ("sha256",), 2: ("sha384",), 3: ("sha512",), 8: ("sha3_256",), 9: ("sha3_384",), 10: ("sha3_512",),
    11: ("shake_128", 32), 12: ("shake_256", 64),
}  # fmt: skip
_NUMBERS = {"SHA2-256": 1, "SHA2-512": 3, "SHAKE128": 11, "SHAKE256": 12}
_NULL = b"\x05\x00"

_CONTENT_TYPE, _MESSAGE_DIGEST, _SIGNING_TIME = (f"1.2.840.113549.1.9.{number}" for number in (3, 4, 5))
_PROTECTION = "1.2.840.113549.1.9.52"  # CMSAlgorithmProtection: RFC 6211

_MOST_CERTIFICATES = 64  # of one message that are considered
_MOST_CHECKS = 256  # of signatures, for one message: somebody may have made one that asks for thousands


# ---- making --------------------------------------------------------------------------------------------------------


def sign(
    signer: PrivateKey | StatefulPrivateKey, content: Buffer | BinaryIO, *, detached: bool = True,
    certificate: Certificate | None = None, chain: Sequence[Certificate] = (),
    signing_time: datetime.datetime | None = None,
) -> bytes:  # fmt: skip
    """A SignedData message in DER; of a stateful key that is one signature.

    content: bytes, or a file opened in binary, which is read from where it stands to its end. detached: the content is
    not in the message. certificate: of the signer; without one the message names its key. chain: certificates above
    it, to put along. signing_time: what the signer says the time is; nobody can check it. ValueError for a key that CMS
    has no algorithm for, and for another key's certificate; errors of signing as `sign` raises them.
    """
    public = signer.public_key()
    digest, algorithm = _digest_algorithm(public), keyfile.write_algorithm(public.algorithm)
    if certificate is not None and fields.public_key(certificate) != public:
        raise ValueError(f"the certificate of {fields.name_of(certificate)} is of another key than the one that signs")
    along = chain if certificate is None else (certificate, *chain)
    inside = None if detached else _whole(content)
    digested = _digests([digest], content if inside is None else inside)[digest]
    attributes = {
        _CONTENT_TYPE: der.encode_oid(DATA),
        _MESSAGE_DIGEST: der.encode(der.OCTET_STRING, digested),
        _PROTECTION: _protection(digest, algorithm),
    }
    if signing_time is not None:
        attributes[_SIGNING_TIME] = frame.write_time(signing_time)
    named = signed_data.identifier_of_key(fields.key_identifier(public.der()))
    if certificate is not None:
        named = fields.parts(certificate).issuer_and_serial
    signature = signer.sign(signed_data.write_attributes(attributes))
    own = Signer(named, digest, attributes, algorithm, signature)
    return signed_data.write(SignedData(DATA, inside, tuple(map(fields.der_of, along)), (own,)))


def _digest_algorithm(public: PublicKey) -> bytes:
    """The digest that the RFCs have for a key: the hash function of its tree, or one as strong as its set."""
    name = public.top_set.name
    if public.scheme not in ("LMS", "HSS", "SLH-DSA") or public.prehash is not None:
        raise ValueError("CMS has no algorithm for this key; it has LMS, HSS and SLH-DSA without pre-hash")
    stateful = "SHAKE256" if "SHAKE" in name else "SHA2-256"
    number = _NUMBERS[bound_hash(name) if public.scheme == "SLH-DSA" else stateful]
    return der.encode(der.SEQUENCE, der.encode_oid(f"{_DIGEST_ARC}.{number}"))


def _protection(digest: bytes, algorithm: bytes) -> bytes:
    return der.encode(der.SEQUENCE, digest, der.encode(der.CONTEXT_1_CONSTRUCTED, Reader(algorithm).read(der.SEQUENCE)))


# ---- reading -------------------------------------------------------------------------------------------------------


def verify(message: Buffer, public: PublicKey, content: Buffer | BinaryIO | None = None) -> bytes | None:
    """The content of a message that this key signed, None if it is detached; else raise InvalidSignature.

    message: SignedData in DER, BER or PEM. content: of a detached message, as `sign` takes it; ValueError if it is
    missing there, or given although the message has one, and for a key that CMS has no algorithm for. Of several
    signers one must be this key.
    """
    _digest_algorithm(public)
    found = describe(message)
    signed = _signed(found, content)
    reason = "the message has no signature of this key's algorithm"
    for signer in found.signers:
        if signer.algorithm == keyfile.write_algorithm(public.algorithm):
            try:
                _verify_signer(signer, public, signed)
            except InvalidSignature as error:
                reason = str(error)
            else:
                return found.content
    raise InvalidSignature(reason)


def verify_trusted(
    message: Buffer, trusted: Sequence[Certificate], content: Buffer | BinaryIO | None = None, *,
    at: datetime.datetime | None = None,
) -> Certificate:  # fmt: skip
    """The certificate of a signer who is trusted and whose signature fits; else raise.

    trusted: as for `x509.verify_chain`, which checks the way up to them through the message's own certificates, at the
    moment `at` (now). InvalidSignature for a signature that does not fit or has no certificate, InvalidCertificate for
    one that is not trusted or whose key is not for signing messages; ValueError as for `verify`.
    """
    found = describe(message)
    signed = _signed(found, content)
    moment = path.moment_of(at)
    paths = _Paths([*_certificates(found), *trusted], trusted, moment)
    named = [(each, _identifiers(each)) for each in paths.known]
    problem: InvalidSignature | InvalidCertificate = InvalidSignature("the message has no certificate of its signer")
    for signer in found.signers:
        for certificate, identifiers in named:
            if signer.identifier not in identifiers:
                continue
            paths.count()
            try:
                _verify_signer(signer, _key(certificate), signed)
                path.check_signs(certificate)
                path.verify_chain(paths.up(certificate), trusted, at=moment)
            except (InvalidSignature, InvalidCertificate) as error:
                problem = error
            else:
                return certificate
    raise problem


def certificates(message: Buffer) -> list[Certificate]:
    """The certificates in a message, in no order that means something; nothing is verified."""
    return _certificates(describe(message))


def describe(message: Buffer) -> SignedData:
    """What a message is made of; nothing is verified. InvalidSignature if it is none."""
    try:
        return signed_data.read(bytes(view(message, "message")))
    except BadKey as error:
        raise InvalidSignature(f"the message is no CMS SignedData: {error}") from None


# ---- one signer ----------------------------------------------------------------------------------------------------


class _Signed(NamedTuple):
    """What a message is about: its digests by AlgorithmIdentifier, and the whole where a signature is of that."""

    kind: str
    digests: dict[bytes, bytes]
    whole: bytes | None


def _signed(message: SignedData, given: Buffer | BinaryIO | None) -> _Signed:
    """Reads the content, once."""
    content: Any = given
    if message.content is not None:
        if given is not None:
            raise ValueError("the message has its own content")
        content = message.content
    elif given is None:
        raise ValueError("the content is detached: give it")
    whole = None
    if any(signer.attributes is None for signer in message.signers):
        whole = content = _whole(content)
    used = {signer.digest_algorithm for signer in message.signers if signer.attributes is not None}
    return _Signed(message.content_type, _digests(used, content), whole)


def _verify_signer(signer: Signer, public: PublicKey, signed: _Signed) -> None:
    if signer.algorithm != keyfile.write_algorithm(public.algorithm):
        raise InvalidSignature("the message names another algorithm than the key's, or gives it parameters")
    attributes = signer.attributes
    if attributes is None:
        public.verify(signer.signature, _plain(signed))
        return
    found = signed.digests.get(signer.digest_algorithm)
    if found is None:
        raise InvalidSignature("the message is digested by a function that is not understood")
    if attributes.get(_CONTENT_TYPE) != der.encode_oid(signed.kind):
        raise InvalidSignature("the signed attributes are of another type of content")
    if attributes.get(_MESSAGE_DIGEST) != der.encode(der.OCTET_STRING, found):
        raise InvalidSignature("the content is not what was signed: its digest is another")
    if attributes.get(_PROTECTION) not in (None, _protection(signer.digest_algorithm, signer.algorithm)):
        raise InvalidSignature("the message names other algorithms than were signed")
    public.verify(signer.signature, signed_data.write_attributes(attributes))


def _plain(signed: _Signed) -> bytes:
    """The content that a signature without attributes is of.

    It must not look like attributes: else a signature of some could be presented as one of a content made of them.
    """
    content = signed.whole or b""
    if signed.kind != DATA:
        raise InvalidSignature("a message of this type of content must have signed attributes")
    if content[:1] == bytes([der.SET]):
        raise InvalidSignature("the content looks like signed attributes, and the message has none")
    return content


# ---- contents and certificates -------------------------------------------------------------------------------------


def _digests(algorithms: Iterable[bytes], content: Buffer | BinaryIO) -> dict[bytes, bytes]:
    """The content's digest by each of these functions that is known."""
    known = {algorithm: found for algorithm in algorithms if (found := _function(algorithm)) is not None}
    running = {algorithm: hashlib.new(name) for algorithm, (name, *_) in known.items()}
    for piece in _pieces(content):
        for function in running.values():
            function.update(piece)
    return {algorithm: running[algorithm].digest(*size) for algorithm, (_, *size) in known.items()}


def _function(algorithm: bytes) -> tuple[Any, ...] | None:
    """Of an AlgorithmIdentifier, whose parameters are absent, or NULL (RFC 5754, section 2)."""
    try:
        inside = Reader(algorithm).inside()
        arc, _, number = inside.oid().rpartition(".")
        known = arc == _DIGEST_ARC and b"".join(inside.rest()) in (b"", _NULL)
    except BadKey:
        return None
    return _DIGESTS.get(int(number)) if known else None


def _pieces(content: Buffer | BinaryIO) -> Iterator[Any]:
    if not hasattr(content, "read"):
        return iter((view(content, "content"),))
    file: Any = content
    return reading.pieces(file)


def _whole(content: Buffer | BinaryIO) -> bytes:
    return b"".join(map(bytes, _pieces(content)))


def _certificates(message: SignedData) -> list[Certificate]:
    if len(message.certificates) > _MOST_CERTIFICATES:
        raise InvalidSignature(f"the message has more than {_MOST_CERTIFICATES} certificates")
    try:
        return [fields.load(found) for found in message.certificates]
    except ValueError as error:
        raise InvalidSignature(f"a certificate in the message cannot be read: {error}") from None


def _key(certificate: Certificate) -> PublicKey:
    try:
        found = fields.public_key(certificate)
    except BadKey as error:
        raise InvalidCertificate(str(error)) from None
    if not isinstance(found, PublicKey):
        raise InvalidSignature("the signer's key is no hash-based one; `cryptography` can check such messages")
    return found


def _identifiers(certificate: Certificate) -> tuple[bytes, ...]:
    """How a message may name a signer with this certificate."""
    try:
        named, key = fields.parts(certificate).issuer_and_serial, fields.subject_identifier(certificate)
    except (BadKey, InvalidCertificate):
        return ()
    return (named,) if key is None else (named, signed_data.identifier_of_key(key))


class _Paths:
    """The ways from certificates of a message up to what is trusted; how much they cost is limited."""

    def __init__(self, known: Sequence[Certificate], trusted: Sequence[Certificate], moment: datetime.datetime) -> None:
        self.known, self._trusted, self._moment = known, trusted, moment
        self._anchors = {fields.field_of(anchor, "subject") for anchor in trusted}
        self._left = _MOST_CHECKS

    def count(self) -> None:
        """One more signature is to be checked."""
        if not self._left:
            raise InvalidSignature(f"the message asks for more than {_MOST_CHECKS} checks of signatures")
        self._left -= 1

    def up(self, certificate: Certificate) -> list[Certificate]:
        """From a certificate to one that is trusted, or whose issuer is, or as far as it goes.

        Of several issuers of one name those come first that may issue at the moment: an authority's renewed certificate
        can lie beside the old one, in any order.
        """
        chain = [certificate]
        while chain[-1] not in self._trusted and fields.field_of(chain[-1], "issuer") not in self._anchors:
            issuer = fields.field_of(chain[-1], "issuer")
            above = [each for each in self.known if each not in chain and fields.field_of(each, "subject") == issuer]
            above.sort(key=lambda each: not path.may_issue(each, chain, self._moment))
            following = next((each for each in above if self._issued(chain[-1], each)), None)
            if following is None:
                break
            chain.append(following)
        return chain

    def _issued(self, found: Certificate, issuer: Certificate) -> bool:
        self.count()
        try:
            path.verify_issued(found, issuer)
        except InvalidCertificate:
            return False
        return True
