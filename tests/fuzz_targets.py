"""What reads bytes from elsewhere, each with the errors by which it may refuse them and with bytes that it takes."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple
from unittest import mock

from cryptography import x509 as names

import hbss
from hbss import BadKey, InvalidCertificate, InvalidSignature, cms, cose, inspection, jose, x509
from hbss.encoding import keyfile, pem, sealed
from hbss.x509 import fields
from tests.some_keys import STATEFUL, private, signed, stateful

SMALL = "SLH-DSA-SHA2-128s"


class Target(NamedTuple):
    """A reader; the seeds are made when they are wanted, as some cost a signature."""

    read: Callable[[bytes], object]
    errors: tuple[type[Exception], ...]
    seeds: Callable[[], list[bytes]]


@cache
def trusted() -> Any:
    """A certificate by itself, and of one who may issue."""
    return x509.self_signed(private(), names.Name.from_rfc4514_string("CN=fuzz"))


def public_keys() -> list[hbss.PublicKey]:
    return [private().public_key(), *(stateful(scheme)[0] for scheme in STATEFUL)]


def read_certificate(data: bytes) -> None:
    """As one that claims to be issued by a trusted one, and as one of itself."""
    try:
        found = fields.load(data)
    except ValueError:
        return  # `cryptography` has refused it
    with contextlib.suppress(InvalidCertificate):
        x509.verify_chain([found], [trusted()])
    with contextlib.suppress(InvalidCertificate):
        x509.verify_issued(found, found)
    x509.public_key(found)


def read_request(data: bytes) -> None:
    try:
        found = names.load_der_x509_csr(data)
    except (ValueError, names.InvalidVersion):
        return
    x509.verify_request(found)


def read_cms(data: bytes) -> None:
    """By a key, and by certificates."""
    content = b"payload" if cms.describe(data).content is None else None
    try:
        cms.verify(data, private().public_key(), content)
    except InvalidSignature:
        cms.verify_trusted(data, [trusted()], content)


def read_cose(data: bytes) -> None:
    content = b"payload" if cose.describe(data)[1] is None else None
    cose.verify1(private(SMALL).public_key(), data, content)


def read_encrypted(data: bytes) -> None:
    hbss.load_private_key(data, b"secret" if keyfile.is_encrypted(data) else None)


def read_sealed(data: bytes) -> None:
    sealed.unseal(data, b"secret", b"owner")


def sealed_secret() -> bytes:
    """As it is written, but for the work that a password costs."""
    with mock.patch.object(sealed, "LOG_N", 10):
        return sealed.seal(bytes(32), b"secret", b"owner")


def messages() -> list[bytes]:
    beside = cms.sign(private(), b"payload", certificate=trusted())
    return [beside, cms.sign(private(), b"payload"), pem.write("CMS", beside)]


def verifying(public: hbss.PublicKey, signature: bytes) -> Target:
    return Target(lambda data: public.verify(data, b"message"), (InvalidSignature,), lambda: [signature])


def targets() -> dict[str, Target]:
    """All of them, by name."""
    small = private(SMALL)
    found = {
        "public": Target(
            hbss.load_public_key, (BadKey,), lambda: [key.der() for key in public_keys()] + [public_keys()[0].pem()]
        ),
        "raw": Target(lambda data: hbss.PublicKey.from_raw("HSS", data), (BadKey,),
                      lambda: [stateful(scheme)[0].public_bytes_raw() for scheme in ("LMS", "HSS")]),
        "private": Target(hbss.load_private_key, (BadKey,), lambda: [private().der(), private().pem()]),
        "encrypted": Target(read_encrypted, (BadKey,),
                            lambda: [private().der(b"secret")]),
        "sealed": Target(read_sealed, (BadKey,), lambda: [sealed_secret()]),
        "SLH-DSA": verifying(private().public_key(), signed()),
        **{scheme: verifying(*stateful(scheme)) for scheme in STATEFUL},
        "certificate": Target(read_certificate, (InvalidCertificate, BadKey), lambda: [fields.der_of(trusted())]),
        "request": Target(read_request, (InvalidCertificate,),
                          lambda: [fields.der_of(x509.request(private(), trusted().subject))]),
        "CMS": Target(read_cms, (InvalidSignature, InvalidCertificate), messages),
        "COSE": Target(read_cose, (InvalidSignature,),
                       lambda: [cose.sign1(small, b"payload", unprotected={4: [True, 1.5, {1: None}]})]),
        "COSE_Key": Target(cose.read_key, (BadKey,), lambda: [cose.write_key(small.public_key())]),
        "JWK": Target(jose.from_jwk, (BadKey,), lambda: [json.dumps(jose.to_jwk(small)).encode()]),
    }  # fmt: skip
    kinds = [target for name, target in found.items() if name != "sealed"]  # which is no file by itself
    found["inspect"] = Target(
        inspection.inspect, (ValueError,), lambda: [seed for kind in kinds for seed in kind.seeds()]
    )
    return found


def run(target: Target, data: bytes) -> None:
    """Read the bytes; refusals are as they should be."""
    try:
        target.read(data)
    except target.errors:
        return
