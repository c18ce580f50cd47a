"""What becomes of a message before a scheme sees it: views without copies, pieces, and FIPS 205's encoding M'."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer
else:
    Buffer = object

Bytes = bytes | memoryview
PIECE = 1 << 22  # bytes hashed by one C call: a few milliseconds, so that an interrupt is heard in between
MAX_CONTEXT = 255


def view(data: Buffer, what: str) -> memoryview:
    """The bytes of a bytes-like object, not copied; `what` names it in the TypeError that anything else gets."""
    try:
        found = memoryview(data)
    except TypeError:
        raise TypeError(f"the {what} must be bytes-like, not {type(data).__name__}") from None
    if not found.c_contiguous:
        raise TypeError(f"the {what} must be contiguous in memory; copy it first")
    return found.cast("B") if found.nbytes else memoryview(b"")


def content(data: Buffer, what: str) -> Bytes:
    """The same, but bytes as they are: nearly always they are bytes, and a view would cost more than it serves for."""
    return data if type(data) is bytes else view(data, what)


def pieces(data: Bytes) -> Iterable[Bytes]:
    """A message in parts: itself, if it is not long."""
    if len(data) <= PIECE:
        return (data,)
    whole = memoryview(data)
    return (whole[at : at + PIECE] for at in range(0, len(whole), PIECE))


def parts(data: Buffer, what: str) -> Iterable[Bytes]:
    """What is bytes-like, in parts."""
    if type(data) is bytes and len(data) <= PIECE:  # nearly always
        return (data,)
    return pieces(content(data, what))


# ---- FIPS 205, section 10.2 ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PreHash:
    """A hash function of HashSLH-DSA: the last number of its identifier, its bytes, its collision strength in bits."""

    name: str
    number: int
    size: int

    @property
    def strength(self) -> int:
        """Bits of collision resistance, half of its length."""
        return 4 * self.size

    @property
    def oid(self) -> bytes:
        """The DER encoding of its identifier, 2.16.840.1.101.3.4.2.number."""
        return bytes.fromhex("06096086480165030402") + bytes([self.number])

    def digest(self, parts: Iterable[Buffer]) -> memoryview:
        """The hash of a message in parts."""
        name = self.name.replace("SHA2-", "SHA").replace("SHAKE", "SHAKE_").replace("-", "_").replace("/", "_").lower()
        function = hashlib.new(name)
        for part in parts:
            function.update(part)
        if name.startswith("shake"):
            return memoryview(function.digest(self.size))  # type: ignore[call-arg]
        return memoryview(function.digest())


PREHASHES = {
    each.name: each
    for each in (
        PreHash("SHA2-224", 4, 28), PreHash("SHA2-256", 1, 32), PreHash("SHA2-384", 2, 48), PreHash("SHA2-512", 3, 64),
        PreHash("SHA2-512/224", 5, 28), PreHash("SHA2-512/256", 6, 32),
        PreHash("SHA3-224", 7, 28), PreHash("SHA3-256", 8, 32), PreHash("SHA3-384", 9, 48), PreHash("SHA3-512", 10, 64),
        PreHash("SHAKE128", 11, 32), PreHash("SHAKE256", 12, 64),
    )
}  # fmt: skip


def prehash(name: str) -> PreHash:
    """The hash of this name; ValueError naming all of them."""
    if not isinstance(name, str):
        raise TypeError(f"a hash is named by a str, not by {type(name).__name__}")
    found = PREHASHES.get(name)
    if found is None:
        raise ValueError(f"unknown hash {name!r}; choose one of: {', '.join(PREHASHES)}")
    return found


def pure(context: Buffer | None) -> bytes:
    """What M' has before a message: 0 || len(context) || context."""
    return b"\x00\x00" if context is None else b"\x00" + _context(context)


def whole(bound: str | None, context: Buffer | None, data: Bytes) -> tuple[bytes, Bytes]:
    """M' of a whole message, in two parts; for a key that is bound to a hash, the message is hashed first."""
    if bound is None:
        return pure(context), data
    function = prehash(bound)
    return prehashed(context, function, function.digest(pieces(data))), b""


def encoded(bound: str | None, context: Buffer | None, parts: Iterable[Bytes]) -> Iterable[Bytes]:
    """M' of a message in parts, which are read once."""
    if bound is None:
        return itertools.chain((pure(context),), parts)
    function = prehash(bound)
    return (prehashed(context, function, function.digest(parts)),)


def prehashed(context: Buffer | None, function: PreHash, digest: Bytes) -> bytes:
    """M' of a digest: 1 || len(context) || context || OID || digest. ValueError if it has the wrong length."""
    if len(digest) != function.size:
        raise ValueError(f"a {function.name} digest has {function.size} bytes; got {len(digest)}")
    return b"\x01" + _context(context) + function.oid + digest


def _context(context: Buffer | None) -> bytes:
    data = b"" if context is None else bytes(view(context, "context"))
    if len(data) > MAX_CONTEXT:
        raise ValueError(f"a context has at most {MAX_CONTEXT} bytes; got {len(data)}")
    return bytes([len(data)]) + data


def refuse_other_hash(bound: str | None, function: PreHash) -> None:
    """ValueError if a key is bound to another pre-hash."""
    if bound not in (None, function.name):
        raise ValueError(f"this key is for HashSLH-DSA with {bound} only, not with {function.name}")
