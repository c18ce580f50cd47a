"""The four hash functions, over hashlib, with a count of their compressions."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

# function -> (digest of n bytes, bytes of a block, the fewest bytes of padding)
_FUNCTIONS: dict[str, tuple[Callable[[bytes, int], bytes], int, int]] = {
    "SHA-256": (lambda data, n: hashlib.sha256(data).digest()[:n], 64, 9),
    "SHA-512": (lambda data, n: hashlib.sha512(data).digest()[:n], 128, 17),
    "SHAKE128": (lambda data, n: hashlib.shake_128(data).digest(n), 168, 1),
    "SHAKE256": (lambda data, n: hashlib.shake_256(data).digest(n), 136, 1),
}


class Hash:
    """One hash function whose output is cut to n bytes.

    `compressions` counts the blocks hashed so far; the whole blocks among the first `constant` bytes of a message are
    the same for every call under a key and are not counted.
    """

    def __init__(self, function: str, n: int) -> None:
        self.digest, self.block, self.padding = _FUNCTIONS[function]
        self.n = n
        self.compressions = 0

    def __call__(self, data: bytes, constant: int = 0) -> bytes:
        self.compressions += -(-(len(data) + self.padding) // self.block) - constant // self.block
        return self.digest(data, self.n)


def be(value: int, length: int) -> bytes:
    """toByte of the standards: `value` as `length` bytes, most significant first."""
    return value.to_bytes(length, "big")
