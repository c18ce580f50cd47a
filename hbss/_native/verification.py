"""Verification of signatures that are still being made, and of many side by side."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from hbss._hbss import ffi, lib
from hbss._native.key import Key
from hbss._native.memory import BYTES, aligned, bytes_of, check, feed, give_back, new_stream, uncleared

if TYPE_CHECKING:
    from typing_extensions import Buffer
else:
    Buffer = object


class Verification:
    """Verifies a signature that is still being made, of a message that is read once, by signer and verifier together.

    What depends on the message, the chain values of the lowest level, and the path beside them, follows with `finish`.
    """

    def __init__(self, key: Key, unsigned: Buffer) -> None:
        self._key = key
        self._unsigned = bytes_of(unsigned)
        self._stream: Any = new_stream()
        check(lib.hbss_verify_start(self._stream, key._pointer, self._unsigned, len(self._unsigned)))

    def watch(self, parts: Iterable[bytes | memoryview]) -> Iterator[bytes | memoryview]:
        """Hand on a message in parts, and see all of them."""
        for part in parts:
            feed(self._stream, (part,))
            yield part

    def finish(self, signature: Buffer) -> None:
        """Return if the whole signature is a good one; else raise InvalidSignature. It may be asked once."""
        view = bytes_of(signature, len(self._unsigned))
        stream, self._stream = self._stream, None  # whoever gets it next must not share it with us
        status = lib.hbss_verify_finish(stream, self._key._pointer, view, len(view))
        give_back(stream)
        check(status)


# that a signature is one of head || message by a key; head: SLH-DSA's domain and context, else empty
Claim = tuple[Key, bytes | memoryview, bytes, bytes | memoryview]


def verify_each(claims: Sequence[Claim]) -> bytes:
    """A byte for every claim: 1 if it holds, else 0. Claims of one set should be neighbours."""
    if not claims:
        return b""
    keys, signatures, heads, messages = zip(*claims, strict=True)
    view = functools.partial(ffi.from_buffer, BYTES)
    viewed = {head: view(head) for head in set(heads)}
    columns = (
        [key._pointer for key in keys], map(view, signatures), [viewed[head] for head in heads], map(view, messages),
        map(len, signatures), map(len, heads), map(len, messages),
    )  # fmt: skip
    rows = list(zip(*columns, strict=True))
    table = ffi.new("hbss_claim[]", rows)  # C reads from the callers' own memory, which the views in `rows` keep
    good = bytearray(len(claims))
    scratch = uncleared("uint8_t[]", lib.hbss_verify_scratch_len() + 63)
    lib.hbss_verify_each(bytes_of(good), table, len(claims), aligned(scratch))
    return bytes(good)
