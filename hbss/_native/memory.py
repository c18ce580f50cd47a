"""Memory that C reads and writes, and what its status says."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NoReturn

from hbss._hbss import ffi, lib
from hbss.errors import BadKey, InvalidSignature

if TYPE_CHECKING:
    from typing_extensions import Buffer
else:
    Buffer = object


def random_bytes(length: int) -> bytes:
    """Of the operating system: seeds, I, opt_rand. Every draw of a key or a signature passes here."""
    return os.urandom(length)


def wipe(memory: bytearray) -> None:
    """Overwrite a bytearray with zeros in a way that no compiler leaves out."""
    lib.hbss_wipe(ffi.from_buffer(memory, require_writable=True), len(memory))


BYTES = ffi.typeof("uint8_t[]")  # looked up once: by its name it would be found again at every call
uncleared = ffi.new_allocator(should_clear_after_alloc=False)


def aligned(memory: Any) -> Any:
    """The first place in this memory that is aligned to 64."""
    return memory + -int(ffi.cast("uintptr_t", memory)) % 64


def opaque(kind: str, length: int) -> Any:
    """`length` bytes of C memory, aligned to 64 and wiped when the last reference goes."""
    memory = ffi.new("uint8_t[]", length + 63)
    pointer = ffi.cast(f"{kind} *", aligned(memory))

    def destroy(_: Any, memory: Any = memory) -> None:
        lib.hbss_wipe(memory, length + 63)

    return ffi.gc(pointer, destroy)


def bytes_of(data: Buffer, length: int | None = None) -> Any:
    """Bytes for C to read, not copied; ValueError unless they are `length`."""
    found = data if type(data) is bytes else ffi.from_buffer(BYTES, data)  # cffi takes bytes as they are
    return found if length is None else _checked(found, length)


def address_of(data: Buffer, length: int) -> Any:
    """The same for C to keep, as long as this lives."""
    return _checked(ffi.from_buffer(BYTES, data), length)


def _checked(found: Any, length: int) -> Any:
    if len(found) != length:
        raise ValueError(f"expected {length} bytes, got {len(found)}")
    return found


def check(status: int) -> None:
    """Return if a function of the library did its work; else raise what it says."""
    if status:
        _fail(status)


def _fail(status: int) -> NoReturn:
    if status == lib.HBSS_BAD_SIGNATURE:
        raise InvalidSignature
    if status == lib.HBSS_BAD_KEY:
        raise BadKey("the public key is malformed: its length or its codes do not fit any parameter set")
    if status == lib.HBSS_UNKNOWN_CODE:
        raise BadKey("the public key names a type code that no parameter set has")
    raise ValueError("an index, layer or height is out of range")


# ---- streams: messages in parts --------------------------------------------------------------------------------------

_streams: list[Any] = []  # finished, and thereby wiped: making one costs more than a short message


def new_stream() -> Any:
    """A stream of C, to be given back when it is finished."""
    try:
        return _streams.pop()
    except IndexError:
        return opaque("hbss_stream", lib.hbss_stream_len())


def give_back(stream: Any) -> None:
    """Keep a finished stream for the next one who needs one. Not after an exception: then it goes, and is wiped."""
    _streams.append(stream)


def feed(stream: Any, parts: Iterable[Buffer]) -> None:
    """Have a stream read a message in parts."""
    for part in parts:
        data = bytes_of(part)
        lib.hbss_stream_update(stream, data, len(data))


def finish(stream: Any, parts: Iterable[Buffer], length: int) -> bytes:
    """The bytes that a stream ends in, after all parts of a message."""
    feed(stream, parts)
    out = bytearray(length)
    lib.hbss_stream_finish(ffi.from_buffer(out), stream)
    give_back(stream)
    return bytes(out)
