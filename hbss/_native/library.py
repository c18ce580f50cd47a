"""What the library has and does without a key: parameter sets, backends and their kernels, hashing."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from hbss._hbss import ffi, lib
from hbss._native.memory import bytes_of

if TYPE_CHECKING:
    from typing_extensions import Buffer
else:
    Buffer = object

SCHEMES = ("LMS", "XMSS", "XMSSMT", "SLH-DSA")
FUNCTIONS = ("SHA-256", "SHA-512", "SHAKE128", "SHAKE256")


class SetRow(NamedTuple):
    """One row of the C library's table, field by field as in csrc/hbss.h."""

    name: str
    scheme: str
    function: str
    code: int
    ots_code: int
    approved: bool
    category: int
    n: int
    h: int
    d: int
    lg_w: int
    len1: int
    len2: int
    a: int
    k: int
    m: int
    public_len: int
    secret_len: int
    public_seed_len: int
    signature_len: int
    layer_len: int


@functools.cache
def set_pointers() -> dict[str, Any]:
    """Every row of C's table, by name."""
    pointers = {}
    i = 0
    while (pointer := lib.hbss_set_at(i)) != ffi.NULL:
        pointers[_text(pointer.name)] = pointer
        i += 1
    return pointers


def sets() -> list[SetRow]:
    """Every parameter set the C library has, in its order."""
    return [row_of(pointer) for pointer in set_pointers().values()]


@functools.cache
def row_of(pointer: Any) -> SetRow:
    """What C says of a set; read once, as every key asks."""
    numbers = (int(getattr(pointer, field)) for field in SetRow._fields[6:])
    return SetRow(
        _text(pointer.name), SCHEMES[pointer.scheme], FUNCTIONS[pointer.function],
        int(pointer.code), int(pointer.ots_code), bool(pointer.approved), *numbers,
    )  # fmt: skip


def _text(pointer: Any) -> str:
    return str(ffi.string(pointer).decode("ascii"))


# ---- backends ------------------------------------------------------------------------------------------------------


def _backend_pointers() -> dict[str, Any]:
    pointers = {}
    i = 0
    while (pointer := lib.hbss_backend_at(i)) != ffi.NULL:
        pointers[_text(lib.hbss_backend_name(pointer))] = pointer
        i += 1
    return pointers


def backends() -> dict[str, bool]:
    """Every backend of this build, best first, and whether this CPU and operating system can run it."""
    return {name: bool(lib.hbss_backend_supported(pointer)) for name, pointer in _backend_pointers().items()}


@functools.cache
def chosen_backend() -> Any:
    """The backend named by HBSS_BACKEND, or the best that this machine can run. Read once a process."""
    pointers = _backend_pointers()
    usable = [name for name, pointer in pointers.items() if lib.hbss_backend_supported(pointer)]
    wanted = os.environ.get("HBSS_BACKEND")
    if not wanted:
        return pointers[usable[0]]
    if wanted not in pointers:
        raise ValueError(f"HBSS_BACKEND={wanted!r} is no backend of this build; choose one of: {', '.join(usable)}")
    if wanted not in usable:
        raise ValueError(
            f"HBSS_BACKEND={wanted!r} needs instructions that this machine lacks; usable here: {', '.join(usable)}"
        )
    return pointers[wanted]


def backend_name() -> str:
    """The backend in use."""
    return _text(lib.hbss_backend_name(chosen_backend()))


def kernels(function: str, backend: str | None = None) -> list[tuple[str, int]]:
    """The kernels a backend uses for a hash function, widest first: (name, lanes)."""
    pointer = _backend_pointers()[backend] if backend else chosen_backend()
    found: list[tuple[str, int]] = []
    lanes = ffi.new("uint32_t *")
    while (name := lib.hbss_backend_kernel(lanes, pointer, FUNCTIONS.index(function), len(found))) != ffi.NULL:
        found.append((_text(name), int(lanes[0])))
    return found


def run_kernel(function: str, i: int, calls: int, backend: str | None = None) -> None:
    """Run a kernel's compression `calls` times on all its lanes, each on the last one's result (for benchmarks)."""
    pointer = _backend_pointers()[backend] if backend else chosen_backend()
    if not lib.hbss_backend_supported(pointer):
        raise ValueError(f"this machine cannot run the kernels of {backend}")
    lib.hbss_backend_run(pointer, FUNCTIONS.index(function), i, calls)


def hash_many(tag: int, bodies: Buffer, length: int, count: int) -> bytes:
    """SHA-256(tag || body) of `count` bodies of `length` bytes each, one after another: count * 32 bytes."""
    out = bytearray(32 * count)
    lib.hbss_tagged_many(
        ffi.from_buffer(out), chosen_backend(), tag, bytes_of(bodies, length * count), length, length, count
    )
    return bytes(out)
