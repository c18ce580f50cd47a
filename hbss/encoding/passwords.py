"""Passwords: their bytes, and the key that scrypt (RFC 7914) makes of one.

How much work that is stands in a file, which anybody may have made: it is bounded before any of it is done.
"""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, NoReturn

from hbss.errors import BadKey
from hbss.message import view

if TYPE_CHECKING:
    from typing_extensions import Buffer
else:
    Buffer = object

MOST_MEMORY, MOST_WORK = 256 << 20, 1 << 24  # bytes, and N * r * p: some five seconds


def encoded(password: Buffer | str) -> bytes:
    """A password's bytes, of a str as UTF-8; ValueError for an empty one."""
    secret = password.encode() if isinstance(password, str) else bytes(view(password, "password"))
    if not secret:
        raise ValueError("an empty password protects nothing; leave it out, or give one")
    return secret


def encoded_or_none(password: Buffer | str | None) -> bytes | None:
    """The same, or None for none."""
    return None if password is None else encoded(password)


def scrypt(password: bytes, salt: bytes, n: int, r: int, p: int, size: int) -> bytes:
    """A key of `size` bytes; BadKey for parameters that are impossible or too much."""
    if n < 2 or n & (n - 1) or r < 1 or p < 1:
        raise BadKey("the encrypted private key has impossible parameters of scrypt")
    memory = 128 * r * (n + p + 2)
    if memory > MOST_MEMORY or n * r * p > MOST_WORK:
        raise BadKey(
            f"the encrypted private key asks for more than {MOST_MEMORY >> 20} MiB, or for too much work, to try a "
            f"password (scrypt with N = 2^{math.log2(n):.0f}, r = {r}, p = {p})"
        )
    return hashlib.scrypt(password, salt=salt, n=n, r=r, p=p, maxmem=memory, dklen=size)


def refuse_missing_aes(error: ModuleNotFoundError) -> NoReturn:
    """Say what to install; AES is `cryptography`'s, the extra `x509`."""
    raise ModuleNotFoundError(
        "encrypted private keys need cryptography: pip install 'hbss[x509]'", name=error.name
    ) from None
