"""A few keys and signatures that several test modules share, made once a process."""

from __future__ import annotations

import hashlib
from functools import cache

import hbss
from hbss import unsafe_known_answers as known
from hbss.params import rows_of

FAST = "SLH-DSA-SHA2-128f"
STATEFUL = {
    "LMS": "LMS_SHA256_M32_H5_W4",
    "HSS": "LMS_SHA256_M24_H5_W8+LMS_SHA256_M32_H5_W4",
    "XMSS": "XMSS-SHA2_10_256",
    "XMSSMT": "XMSSMT-SHA2_20/4_256",
}


def digest(name: str, data: bytes) -> bytes:
    """The digest of one of HashSLH-DSA's hash functions, whose length is fixed for SHAKE (FIPS 205, section 10.2.2)."""
    if name == "SHAKE128":
        return hashlib.shake_128(data).digest(32)
    if name == "SHAKE256":
        return hashlib.shake_256(data).digest(64)
    return hashlib.new(name.lower().replace("sha2-", "sha").replace("-", "_").replace("/", "_"), data).digest()


@cache
def private(name: str = FAST) -> hbss.PrivateKey:
    """A key of fixed seeds: failures repeat."""
    n = hbss.parameter_set(name).n
    return known.slhdsa_key(name, bytes(n), b"\1" * n, b"\2" * n)


@cache
def signed(name: str = FAST) -> bytes:
    """A deterministic signature of b"message" without context."""
    return private(name).sign(b"message", deterministic=True)


@cache
def stateful(scheme: str) -> tuple[hbss.PublicKey, bytes]:
    """A public key of a stateful scheme and its signature of b"message"."""
    found = hbss.parameter_set(STATEFUL[scheme])
    row = rows_of(found)[0]
    key = known.KnownAnswerKey(found, bytes(row.secret_len), bytes(row.public_seed_len))
    return key.public_key(), key.sign(3, b"message")
