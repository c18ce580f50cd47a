"""COSE_Sign1 messages and COSE keys with hash-based keys (the extra `cose`).

RFC 9052, with RFC 8778 for LMS and HSS. SLH-DSA by draft-ietf-cose-sphincs-plus, which is no RFC yet: two sets, and
numbers that may still change. XMSS has no algorithm in COSE.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any

try:
    import cbor2
except ModuleNotFoundError as error:  # pragma: no cover - the tests have it
    raise ModuleNotFoundError("COSE needs cbor2: pip install 'hbss[cose]'", name=error.name) from None

from hbss.encoding.identifiers import AKP_SETS
from hbss.errors import BadKey, InvalidSignature
from hbss.keys import PublicKey
from hbss.message import view
from hbss.stateful import StatefulPrivateKey
from hbss.stateless import PrivateKey

if TYPE_CHECKING:
    from typing_extensions import Buffer
else:
    Buffer = object

__all__ = ["read_key", "sign1", "verify1", "write_key"]

DRAFT = dict(zip(AKP_SETS, (-51, -52), strict=True))  # TBD1 and TBD2 of the draft
_HSS_LMS = -46
_SETS = {number: name for name, number in DRAFT.items()}

_SIGN1 = 18  # the tag
_ALGORITHM, _CRITICAL = 1, 2  # header parameters
_KTY, _KEY_ALGORITHM, _KEY_OPERATIONS, _PUBLIC = 1, 3, 4, -1  # of a key
_KTY_HSS_LMS, _KTY_AKP = 5, 7
_VERIFY = 2  # a key operation


# ---- messages ------------------------------------------------------------------------------------------------------


def sign1(
    private: PrivateKey | StatefulPrivateKey, payload: Buffer, *, detached: bool = False, external_aad: Buffer = b"",
    protected: Mapping[int | str, Any] | None = None, unprotected: Mapping[int | str, Any] | None = None,
) -> bytes:  # fmt: skip
    """A tagged COSE_Sign1 message; of a stateful key that is one signature.

    detached: the payload is signed and not in the message. external_aad: what both sides know and is signed as well.
    protected, unprotected: further header parameters, signed and not signed. ValueError for a key that COSE has no
    algorithm for, and for a header that names an algorithm itself or says a thing twice; cbor2's errors for what it
    cannot write.
    """
    number = _number(private.public_key())
    header, open_header = dict(protected or {}), dict(unprotected or {})
    if _ALGORITHM in header or _ALGORITHM in open_header:
        raise ValueError("the algorithm follows from the key; leave it out of the headers")
    if header.keys() & open_header.keys():
        raise ValueError("a header parameter is either protected or unprotected, not both")
    content = bytes(view(payload, "payload"))
    cbor2.dumps(open_header)  # what cannot be written is an error before anything is signed
    encoded = cbor2.dumps({_ALGORITHM: number, **header}, canonical=True)
    signature = private.sign(_structure(encoded, bytes(view(external_aad, "external_aad")), content))
    message = [encoded, open_header, None if detached else content, signature]
    return bytes(cbor2.dumps(cbor2.CBORTag(_SIGN1, message)))


def verify1(
    public: PublicKey, message: Buffer, payload: Buffer | None = None, *, external_aad: Buffer = b""
) -> bytes:  # fmt: skip
    """The payload of a COSE_Sign1 message, tagged or not, that the key signed; else raise InvalidSignature.

    payload: of a detached message; ValueError if it is missing there, or given although the message has one. Header
    parameters that are critical are not understood, so such a message is refused. ValueError for a key that COSE has no
    algorithm for.
    """
    number = _number(public)
    encoded, inside, signature = _parts(bytes(view(message, "message")))
    header = _map(encoded) if encoded else {}
    if header.get(_ALGORITHM) != number:
        raise InvalidSignature("the message does not name the algorithm of this key in its protected header")
    if _CRITICAL in header:
        raise InvalidSignature("the message has critical header parameters, which are not understood")
    if (inside is None) == (payload is None):
        raise ValueError("the payload is detached: give it" if inside is None else "the message has its own payload")
    content = bytes(view(payload, "payload")) if inside is None and payload is not None else inside
    public.verify(signature, _structure(encoded, bytes(view(external_aad, "external_aad")), content))
    return content


def describe(message: Buffer) -> tuple[str, bytes | None, int]:
    """Algorithm, payload (None: detached) and signature's bytes of a COSE_Sign1 message; nothing is verified.

    InvalidSignature if it is none.
    """
    encoded, payload, signature = _parts(bytes(view(message, "message")))
    number = (_map(encoded) if encoded else {}).get(_ALGORITHM)
    named = {_HSS_LMS: "HSS-LMS", **_SETS}.get(number) if type(number) is int else None
    return named or f"another, {number!r}", payload, len(signature)


def _structure(protected: bytes, external_aad: bytes, payload: bytes) -> bytes:
    """Sig_structure: RFC 9052, section 4.4."""
    return bytes(cbor2.dumps(["Signature1", protected, external_aad, payload], canonical=True))


def _parts(message: bytes) -> tuple[bytes, Any, bytes]:
    """Protected header, payload and signature."""
    found = _decoded(message)
    if isinstance(found, cbor2.CBORTag) and found.tag == _SIGN1:
        found = found.value
    if not isinstance(found, (list, tuple)) or len(found) != 4:
        raise InvalidSignature("the message is no COSE_Sign1")
    protected, unprotected, payload, signature = found
    if (
        not isinstance(protected, bytes)
        or not _is_header(unprotected)
        or not isinstance(payload, (bytes, type(None)))
        or not isinstance(signature, bytes)
        or {_ALGORITHM, _CRITICAL} & unprotected.keys()
    ):
        raise InvalidSignature("the message is a malformed COSE_Sign1")
    return protected, payload, signature


# ---- keys ----------------------------------------------------------------------------------------------------------


def write_key(public: PublicKey) -> bytes:
    """A COSE_Key: RFC 8778, section 4 (HSS-LMS), or an Algorithm Key Pair (SLH-DSA, draft)."""
    number = _number(public)
    kty = _KTY_HSS_LMS if number == _HSS_LMS else _KTY_AKP
    fields = {_KTY: kty, _KEY_ALGORITHM: number, _PUBLIC: public.public_bytes_raw()}
    return bytes(cbor2.dumps(fields, canonical=True))


def read_key(data: Buffer) -> PublicKey:
    """A public key out of a COSE_Key; BadKey if it is none, of another algorithm, or not for verifying."""
    try:
        fields = _map(bytes(view(data, "key")))
    except InvalidSignature:
        raise BadKey("the bytes are no COSE_Key") from None
    kty, number, raw = fields.get(_KTY), fields.get(_KEY_ALGORITHM), fields.get(_PUBLIC)
    if not isinstance(raw, bytes):
        raise BadKey("the COSE_Key has no public key")
    operations = fields.get(_KEY_OPERATIONS, [_VERIFY])
    if not isinstance(operations, (list, tuple)) or _VERIFY not in operations:
        raise BadKey("the COSE_Key is not for verifying")
    if type(kty) is not int or type(number) not in (int, type(None)):
        raise BadKey("the COSE_Key has a type or an algorithm that is no integer")
    if kty == _KTY_HSS_LMS and number in (_HSS_LMS, None):
        return PublicKey.from_raw("HSS", raw)
    if kty == _KTY_AKP and number in _SETS:
        return PublicKey.from_raw(_SETS[number], raw)
    raise BadKey(f"the COSE_Key is of another kind than HSS-LMS or SLH-DSA: type {kty!r}, algorithm {number!r}")


def _number(public: PublicKey) -> int:
    if public.scheme in ("LMS", "HSS"):
        return _HSS_LMS
    name = public.top_set.name
    if name not in DRAFT or public.prehash is not None:
        raise ValueError(f"COSE has no algorithm for this key; it has HSS-LMS and, as a draft, {', '.join(DRAFT)}")
    return DRAFT[name]


# ---- CBOR ----------------------------------------------------------------------------------------------------------


def _decoded(data: bytes) -> Any:
    """The one item that the bytes are; InvalidSignature if they are none, or more."""
    source = BytesIO(data)
    try:
        found = cbor2.CBORDecoder(source, read_size=1, allow_duplicate_keys=False).decode()
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise InvalidSignature(f"malformed CBOR: {error}") from None
    if source.tell() != len(data):
        raise InvalidSignature("malformed CBOR: bytes are left over at the end")
    return found


def _map(data: bytes) -> Mapping[Any, Any]:
    found: Mapping[Any, Any] = _decoded(data)
    if not _is_header(found):
        raise InvalidSignature("malformed COSE: expected a map of labels, which are integers or text")
    algorithm = found.get(_ALGORITHM)
    if isinstance(algorithm, (bool, float)):  # Python takes 1.0 and True for 1
        raise InvalidSignature("malformed COSE: an algorithm or a key type that is no integer")
    return found


def _is_header(found: Any) -> bool:
    """Whether it is a map, and its labels are what labels may be: RFC 9052, section 1.5."""
    return isinstance(found, Mapping) and all(type(label) in (int, str) for label in found)
