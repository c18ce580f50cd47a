"""EncryptedPrivateKeyInfo (RFC 5958) by PBES2 (RFC 8018): a PKCS#8 file under a password.

Written with scrypt (RFC 7914) and AES-256-CBC, and within the memory that OpenSSL allows scrypt by default; read also
with PBKDF2 and the shorter AES. What a file asks for is bounded, as anybody may have made it. AES is `cryptography`'s,
the extra `x509`.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any

from hbss.encoding import der, passwords
from hbss.encoding.der import Reader
from hbss.errors import BadKey

_PBES2, _PBKDF2, _SCRYPT = "1.2.840.113549.1.5.13", "1.2.840.113549.1.5.12", "1.3.6.1.4.1.11591.4.11"
_AES_CBC = {"2.16.840.1.101.3.4.1.2": 16, "2.16.840.1.101.3.4.1.22": 24, "2.16.840.1.101.3.4.1.42": 32}
_HMAC = {
    "1.2.840.113549.2.7": "sha1", "1.2.840.113549.2.8": "sha224", "1.2.840.113549.2.9": "sha256",
    "1.2.840.113549.2.10": "sha384", "1.2.840.113549.2.11": "sha512",
}  # fmt: skip
_AES_256, _BLOCK = "2.16.840.1.101.3.4.1.42", 16

N, R, P = 1 << 14, 8, 5  # 16 MiB, five times: a quarter of a second
MOST_ROUNDS = 10_000_000  # of PBKDF2


def write(plain: bytes, password: bytes) -> bytes:
    """Encrypt a PKCS#8 file in DER; the result is DER as well."""
    salt, iv = os.urandom(16), os.urandom(_BLOCK)
    key = passwords.scrypt(password, salt, N, R, P, 32)
    parameters = der.encode(
        der.SEQUENCE, der.encode(der.OCTET_STRING, salt), *map(der.encode_integer, (N, R, P)), der.encode_integer(32)
    )
    scheme = der.encode(
        der.SEQUENCE, _algorithm(_SCRYPT, parameters), _algorithm(_AES_256, der.encode(der.OCTET_STRING, iv))
    )
    padding = _BLOCK - len(plain) % _BLOCK
    encryptor = _cipher(key, iv).encryptor()
    sealed = encryptor.update(plain + bytes([padding]) * padding) + encryptor.finalize()
    return der.encode(der.SEQUENCE, _algorithm(_PBES2, scheme), der.encode(der.OCTET_STRING, sealed))


def read(data: bytes, password: bytes) -> bytes:
    """The PKCS#8 file inside; BadKey if the password is wrong, or for what is malformed, unknown or asks too much."""
    outer = Reader(data)
    fields = outer.inside()
    outer.end()
    scheme = fields.inside()
    sealed = fields.read(der.OCTET_STRING)
    fields.end()
    if scheme.oid() != _PBES2:
        raise BadKey("the private key is encrypted by another scheme than PBES2")
    parameters = scheme.inside()
    derivation, encryption = parameters.inside(), parameters.inside()
    size = _AES_CBC.get(oid := encryption.oid())
    if size is None:
        raise BadKey(f"the private key is encrypted by another cipher than AES-CBC: {oid}")
    iv = encryption.read(der.OCTET_STRING)
    if len(iv) != _BLOCK or len(sealed) % _BLOCK or not sealed:
        raise BadKey("the encrypted private key is cut off")
    return _unpadded(_decrypted(_derive(derivation, password, size), iv, sealed))


def _decrypted(key: bytes, iv: bytes, sealed: bytes) -> bytes:
    decryptor = _cipher(key, iv).decryptor()
    return bytes(decryptor.update(sealed) + decryptor.finalize())


def _unpadded(padded: bytes) -> bytes:
    count = padded[-1]
    if not 1 <= count <= _BLOCK or padded[-count:] != bytes([count]) * count or padded[0] != der.SEQUENCE:
        raise BadKey("the password is wrong, or the encrypted private key is damaged")
    return padded[:-count]


def _derive(derivation: Reader, password: bytes, size: int) -> bytes:
    """The key for the cipher, by what the file says of it."""
    oid = derivation.oid()
    parameters = derivation.inside()
    if oid == _SCRYPT:
        salt = parameters.read(der.OCTET_STRING)
        n, r, p = (parameters.integer() for _ in range(3))
        return passwords.scrypt(password, salt, n, r, p, size)
    if oid != _PBKDF2:
        raise BadKey(f"the private key is encrypted under a password by another function than scrypt or PBKDF2: {oid}")
    salt, rounds = parameters.read(der.OCTET_STRING), parameters.integer()
    if parameters.next_tag == der.INTEGER:
        parameters.integer()  # the key's length, which the cipher says as well
    prf = "1.2.840.113549.2.7" if parameters.next_tag is None else parameters.inside().oid()
    if prf not in _HMAC:
        raise BadKey(f"the private key is encrypted under a password by an unknown hash: {prf}")
    if not 1 <= rounds <= MOST_ROUNDS:
        raise BadKey(f"the encrypted private key asks for {rounds:,} rounds; between 1 and {MOST_ROUNDS:,} are done")
    return hashlib.pbkdf2_hmac(_HMAC[prf], password, salt, rounds, size)


def _algorithm(oid: str, parameters: bytes) -> bytes:
    return der.encode(der.SEQUENCE, der.encode_oid(oid), parameters)


def _cipher(key: bytes, iv: bytes) -> Any:
    try:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    except ModuleNotFoundError as error:
        passwords.refuse_missing_aes(error)
    return Cipher(algorithms.AES(key), modes.CBC(iv))
