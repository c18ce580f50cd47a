"""The secret of a stateful key under a password: scrypt and AES-256-GCM.

    version (1) || log2 N || r || p || salt (16 bytes) || nonce (12) || ciphertext || tag (16)

The first four are a byte each. What the secret belongs to is associated data: sealed bytes that are put into another
file, or beside another public key, do not open.
"""

from __future__ import annotations

import os
from typing import Any

from hbss.encoding import passwords
from hbss.errors import BadKey

VERSION = 1
LOG_N, R, P = 17, 8, 1  # 128 MiB, a third of a second
_SALT, _NONCE, _TAG = 16, 12, 16
_HEAD = 4


def seal(secret: bytes | bytearray, password: bytes, *owner: bytes) -> bytes:
    """A secret under a password, so that it opens with the same `owner` only."""
    head = bytes((VERSION, LOG_N, R, P)) + os.urandom(_SALT)
    nonce = os.urandom(_NONCE)
    return head + nonce + bytes(_cipher(password, head).encrypt(nonce, bytes(secret), _associated(head, owner)))


def unseal(data: bytes, password: bytes, *owner: bytes) -> bytes:
    """The secret; BadKey if the password is wrong, or for what is damaged, unknown, or asks for too much work."""
    if len(data) < _HEAD + _SALT + _NONCE + _TAG:
        raise BadKey(f"the sealed secret is cut off: it has {len(data)} bytes")
    if data[0] != VERSION:
        raise BadKey(f"the secret is sealed in form {data[0]}; this version of hbss knows form {VERSION}")
    head, rest = data[: _HEAD + _SALT], data[_HEAD + _SALT :]
    cipher = _cipher(password, head)
    from cryptography.exceptions import InvalidTag

    try:
        return bytes(cipher.decrypt(rest[:_NONCE], rest[_NONCE:], _associated(head, owner)))
    except InvalidTag:
        raise BadKey("the password is wrong, or the sealed secret is damaged or of another key") from None


def _associated(head: bytes, owner: tuple[bytes, ...]) -> bytes:
    return b"".join(len(part).to_bytes(8, "big") + part for part in (head, *owner))


def _cipher(password: bytes, head: bytes) -> Any:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ModuleNotFoundError as error:
        passwords.refuse_missing_aes(error)
    _, log_n, r, p = head[:_HEAD]
    return AESGCM(passwords.scrypt(password, head[_HEAD:], 1 << log_n, r, p, 32))
