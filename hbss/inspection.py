"""What a file is: keys, signatures, certificates, requests, CMS, COSE, JSON Web Keys, by what stands in it.

A bare signature names no set, unless it is of LMS or HSS: then there are candidates by its length, and with the public
key it is known exactly. Nothing here opens a file: a stateful key's may only be opened by its store.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

from hbss import jose
from hbss._native import SetRow
from hbss.encoding import certificate, keyfile, pem, signed_data
from hbss.encoding.identifiers import ALGORITHMS
from hbss.errors import BadKey, InvalidSignature
from hbss.keys import PublicKey, load_public_key
from hbss.params import HSS_HEADER, MAX_LEVELS, index_len, lms_row, rows
from hbss.signature import Malformed, reader

Facts = dict[str, str | int | list[str] | list[int]]

_U32 = struct.Struct(">I")


class Finding(NamedTuple):
    """What a file is, in a few words, and what is known of it."""

    kind: str
    facts: Facts


def inspect(data: bytes, public: PublicKey | None = None) -> Finding:
    """What some bytes are. public: of the key that made a bare signature, to read it exactly.

    Nothing is verified. ValueError if they are nothing that hbss knows.
    """
    if pem.looks_like_pem(data):
        label, content = pem.read(data)
        known = _LABELS.get(label)
        if known is None:
            raise ValueError(f"a PEM block of {label}, which hbss does not read")
        return known(content)
    for read in (*_LABELS.values(), _jwk, _cose):
        try:
            return read(data)
        except ValueError:  # BadKey and its like
            continue
    if public is not None:
        return _signature(data, public)
    return _bare(data)


# ---- keys ----------------------------------------------------------------------------------------------------------


def describe_key(public: PublicKey) -> Facts:
    """Set, sizes and fingerprint of a public key."""
    found = public.parameter_set
    facts: Facts = {"set": public.top_set.name, "scheme": public.scheme}
    if found is None:
        facts |= {"levels": public.levels, "lower sets": "named by signatures only"}
    else:
        facts |= {"signature bytes": found.signature_size}
    if public.prehash is not None:
        facts["only with pre-hash"] = public.prehash
    return {**facts, "public key bytes": len(public.public_bytes_raw()), "fingerprint": public.fingerprint()}


def _public(data: bytes) -> Finding:
    return Finding("public key", describe_key(load_public_key(data)))


def _private(data: bytes) -> Finding:
    if keyfile.is_encrypted(data):
        return _encrypted(data)
    kind, raw, _ = keyfile.read_private(data)
    if kind.set_name is None:
        raise BadKey(f"a private key of {kind.family} has no such file")
    n = rows()[kind.set_name].n
    public = PublicKey.from_raw(kind.set_name, raw[2 * n :], prehash=kind.prehash)
    return Finding("private key, not encrypted", describe_key(public))


def _encrypted(data: bytes) -> Finding:
    if not keyfile.is_encrypted(data):
        raise BadKey("this private key is not encrypted")
    return Finding("private key under a password", {"set": "known with the password only"})


# ---- certificates --------------------------------------------------------------------------------------------------


def _certificate(data: bytes) -> Finding:
    parts = certificate.read_certificate(data)
    return Finding("certificate", {**_names(data), **_frame(parts)})


def _request(data: bytes) -> Finding:
    return Finding("certification request", _frame(certificate.read_request(data)))


def _frame(parts: certificate.Signed) -> Facts:
    """Of key and signature."""
    oid, _ = keyfile.split_public(parts.public_key)
    facts: Facts = {"key": f"another algorithm, {oid}"}
    if oid in ALGORITHMS:
        facts = {f"key: {name}": value for name, value in describe_key(load_public_key(parts.public_key)).items()}
    return {**facts, "signed with": _algorithm(parts.algorithm), "signature bytes": len(parts.signature)}


def _algorithm(encoded: bytes) -> str:
    oid = keyfile.algorithm_oid(encoded)
    found = ALGORITHMS.get(oid)
    if found is None:
        return f"another algorithm, {oid}"
    return (found.set_name or found.family) + (f" and {found.prehash}" if found.prehash else "")


def _names(data: bytes) -> Facts:
    """Subject, issuer and dates, if `cryptography` is there to read them."""
    try:
        from hbss.x509 import fields
    except ModuleNotFoundError:
        return {"names": "need cryptography: pip install 'hbss[x509]'"}
    found = fields.load(data)
    return {
        "subject": found.subject.rfc4514_string(), "issuer": found.issuer.rfc4514_string(),
        "valid": f"{found.not_valid_before_utc:%Y-%m-%d %H:%M} to {found.not_valid_after_utc:%Y-%m-%d %H:%M} UTC",
    }  # fmt: skip


def _cms(data: bytes) -> Finding:
    found = signed_data.read(data)
    return Finding(
        "CMS SignedData",
        {
            "content": _length(found.content),
            "certificates": len(found.certificates),
            "signed with": [_algorithm(signer.algorithm) for signer in found.signers],
            "signature bytes": [len(signer.signature) for signer in found.signers],
        },
    )


def _length(content: bytes | None) -> str:
    return "detached" if content is None else f"{len(content)} bytes"


# ---- JOSE and COSE --------------------------------------------------------------------------------------------------


def _jwk(data: bytes) -> Finding:
    found = jose.from_jwk(data)
    if isinstance(found, PublicKey):
        return Finding("JSON Web Key", describe_key(found))
    return Finding("private JSON Web Key, not encrypted", describe_key(found.public_key()))


def _cose(data: bytes) -> Finding:
    try:
        from hbss import cose
    except ModuleNotFoundError:
        raise ValueError("COSE needs cbor2") from None
    try:
        return Finding("COSE_Key", describe_key(cose.read_key(data)))
    except BadKey:
        pass
    try:
        number, payload, signature = cose.describe(data)
    except InvalidSignature as error:
        raise ValueError(str(error)) from None
    return Finding(
        "COSE_Sign1",
        {
            "algorithm": number,
            "payload": _length(payload),
            "signature bytes": signature,
        },
    )


_LABELS: dict[str, Callable[[bytes], Finding]] = {
    keyfile.PUBLIC: _public,
    keyfile.PRIVATE: _private,
    keyfile.ENCRYPTED: _encrypted,
    "CERTIFICATE": _certificate,
    "CERTIFICATE REQUEST": _request,
    **dict.fromkeys(signed_data.LABELS, _cms),
}


# ---- signatures and raw keys ---------------------------------------------------------------------------------------


def _signature(data: bytes, public: PublicKey) -> Finding:
    """A bare signature, by the key that made it."""
    facts: Facts = {"set": public.top_set.name, "bytes": len(data)}
    if public.scheme == "SLH-DSA":
        if len(data) != public.top_set.signature_size:
            raise ValueError(f"no signature of this key: {len(data)} bytes instead of {public.top_set.signature_size}")
        return Finding("signature", facts)
    try:
        found = reader(public).read(data)
    except Malformed as error:
        raise ValueError(f"no signature of this key: {error}") from None
    facts |= {"index": found.number, "leaves, lowest layer first": [use.leaf for use in found.uses]}
    if public.levels > 1:
        facts["set"] = "+".join(_lms_names(data) or [public.top_set.name])
    return Finding("signature", facts)


def _bare(data: bytes) -> Finding:
    """A bare signature or a raw public key, by codes and length."""
    names = _lms_names(data)
    if names:
        return Finding("signature", {"set": "+".join(names), "bytes": len(data)})
    signed = [row.name for row in rows().values() if row.scheme != "LMS" and _may_sign(row, data)]
    if signed:
        return Finding("signature", {"bytes": len(data), "candidates": signed})
    keys = [row.name for row in rows().values() if _may_be_key(row, data)]
    if keys:
        return Finding("raw public key", {"bytes": len(data), "candidates": keys})
    raise ValueError(f"{len(data)} bytes that hbss does not know: no key, signature, certificate, CMS or COSE message")


def _may_sign(row: SetRow, data: bytes) -> bool:
    if len(data) != row.signature_len:
        return False
    return row.scheme == "SLH-DSA" or int.from_bytes(data[: index_len(row)], "big") >> row.h == 0


def _may_be_key(row: SetRow, data: bytes) -> bool:
    if row.scheme == "LMS":
        fits = len(data) == HSS_HEADER + row.public_len and lms_row(data, HSS_HEADER) == row
        return fits and 1 <= _U32.unpack_from(data)[0] <= MAX_LEVELS
    named = row.scheme == "SLH-DSA" or (len(data) >= 4 and _U32.unpack_from(data)[0] == row.code)
    return len(data) == row.public_len and named


def _lms_names(data: bytes) -> list[str]:
    """The sets of an LMS or HSS signature, top first, which its type codes say; empty if it is none."""
    if len(data) < HSS_HEADER or _U32.unpack_from(data)[0] >= MAX_LEVELS:
        return []
    below, at, names = _U32.unpack_from(data)[0], HSS_HEADER, []
    row = next((each for each in rows().values() if _lms_signature_at(each, data, at)), None)
    while row is not None and _lms_signature_at(row, data, at):
        names.append(row.name)
        at += row.signature_len
        if len(names) > below:
            return names if at == len(data) else []
        row = lms_row(data, at)
        at += row.public_len if row else 0
    return []


def _lms_signature_at(row: SetRow, data: bytes, at: int) -> bool:
    """Whether a signature of this LMS set may begin here."""
    end = at + row.signature_len
    if row.scheme != "LMS" or len(data) < end:
        return False
    codes = _U32.unpack_from(data, at + 4)[0], _U32.unpack_from(data, end - 4 - row.h * row.n)[0]
    return codes == (row.ots_code, row.code)
