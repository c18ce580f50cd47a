"""SubjectPublicKeyInfo (RFC 5280, with RFC 9802 and RFC 9909) and PKCS#8 (RFC 5958, with RFC 9909), in DER or PEM."""

from __future__ import annotations

from hbss.encoding import der, encrypted, pem
from hbss.encoding.der import Reader
from hbss.encoding.identifiers import IDENTIFIERS, Algorithm, algorithm
from hbss.errors import BadKey

PUBLIC, PRIVATE, ENCRYPTED = "PUBLIC KEY", "PRIVATE KEY", "ENCRYPTED PRIVATE KEY"


def write_public(kind: Algorithm, raw: bytes) -> bytes:
    """SubjectPublicKeyInfo in DER: the BIT STRING holds the raw key itself, parameters are absent."""
    return der.encode(der.SEQUENCE, write_algorithm(kind), der.encode_bits(raw))


def read_public(data: bytes) -> tuple[Algorithm, bytes]:
    """The algorithm and the raw key of a SubjectPublicKeyInfo, DER or PEM."""
    outer = Reader(_content(data, PUBLIC))
    info = outer.inside()
    kind = _read_algorithm(info)
    raw = info.bits()
    info.end()
    outer.end()
    return kind, _unwrap(raw) if kind.set_name is None else raw


def algorithm_oid(data: bytes) -> str:
    """The identifier in an AlgorithmIdentifier, whether it is one of hbss's or not."""
    return Reader(data).inside().oid()


def split_public(data: bytes) -> tuple[str, bytes]:
    """The identifier and the key's own bytes of any SubjectPublicKeyInfo in DER, whether it is one of hbss's or not."""
    info = Reader(data).inside()
    return info.inside().oid(), info.bits()


def write_private(kind: Algorithm, raw: bytes) -> bytes:
    """PKCS#8 in DER, not encrypted: the OCTET STRING holds the raw key itself."""
    version = der.encode_integer(0)
    return der.encode(der.SEQUENCE, version, write_algorithm(kind), der.encode(der.OCTET_STRING, raw))


def is_encrypted(data: bytes) -> bool:
    """Whether a private key, DER or PEM, is under a password; BadKey if it is no private key at all."""
    if pem.looks_like_pem(data) and pem.read(data)[0] == ENCRYPTED:
        return True
    info = Reader(_content(data, PRIVATE)).inside()
    if info.next_tag != der.SEQUENCE:
        return False
    info.read(der.SEQUENCE)
    if info.next_tag == der.BIT_STRING:
        raise BadKey("this is a public key")
    if info.next_tag != der.OCTET_STRING:
        raise BadKey("this is no private key")
    return True


def read_private(data: bytes, password: bytes | None = None) -> tuple[Algorithm, bytes, bytes | None]:
    """The algorithm, the raw private key and, where the file has it, the raw public key; DER or PEM.

    BadKey if it is encrypted and no password is given; ValueError if one is given and it is not.
    """
    content = _content(data, PRIVATE, ENCRYPTED)
    if is_encrypted(data) == (password is None):
        if password is None:
            raise BadKey("this private key is encrypted: its password is needed")
        raise ValueError("this private key is not encrypted: leave the password out")
    outer = Reader(content if password is None else encrypted.read(content, password))
    info = outer.inside()
    version = info.read(der.INTEGER)
    if version not in (b"\x00", b"\x01"):
        raise BadKey(f"a PKCS#8 file has version 0 or 1, this one has 0x{version[:8].hex()}")
    kind = _read_algorithm(info)
    raw = info.read(der.OCTET_STRING)
    if info.next_tag == der.CONTEXT_0:  # attributes say nothing about the key itself
        info.read(der.CONTEXT_0)
    public = info.bits(der.CONTEXT_1) if version == b"\x01" and info.next_tag == der.CONTEXT_1 else None
    info.end()
    outer.end()
    return kind, raw, public


def _content(data: bytes, *labels: str) -> bytes:
    if data.startswith(b"SQLite format 3\0"):
        raise BadKey(
            "this is the file of a stateful key: hbss.open_key opens it, and hbss pubkey writes the public key in it"
        )
    if not pem.looks_like_pem(data):
        return data
    found, content = pem.read(data)
    if found not in labels:
        raise BadKey(f"expected a PEM block of {labels[0]}, found {found}")
    return content


def write_algorithm(kind: Algorithm) -> bytes:
    """AlgorithmIdentifier, of a key and of its signatures alike: parameters are absent."""
    return der.encode(der.SEQUENCE, der.encode_oid(IDENTIFIERS[kind]))


def _read_algorithm(info: Reader) -> Algorithm:
    fields = info.inside()
    kind = algorithm(fields.oid())
    fields.end()  # parameters must be absent
    return kind


def _unwrap(raw: bytes) -> bytes:
    """The drafts before RFC 9802 wrapped the key in an OCTET STRING. No raw key of these families begins so: they begin
    with the upper byte of a small number, 0x00."""
    if raw[:1] != bytes([der.OCTET_STRING]):
        return raw
    wrapped = Reader(raw)
    content = wrapped.read(der.OCTET_STRING)
    wrapped.end()
    return content
