"""The only module that touches the C extension: bytes in, bytes out, a status becomes an exception.

Everything here may be called from several threads at once: an expanded key is constant, and cffi releases the GIL.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from hbss._hbss import ffi, lib
from hbss.errors import BadKey, InvalidSignature

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
def _set_pointers() -> dict[str, Any]:
    pointers = {}
    i = 0
    while (pointer := lib.hbss_set_at(i)) != ffi.NULL:
        pointers[_text(pointer.name)] = pointer
        i += 1
    return pointers


def sets() -> list[SetRow]:
    """Every parameter set the C library has, in its order."""
    return [_row(pointer) for pointer in _set_pointers().values()]


def _row(pointer: Any) -> SetRow:
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
def _backend() -> Any:
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
    return _text(lib.hbss_backend_name(_backend()))


def kernels(function: str, backend: str | None = None) -> list[tuple[str, int]]:
    """The kernels a backend uses for a hash function, widest first: (name, lanes)."""
    pointer = _backend_pointers()[backend] if backend else _backend()
    found: list[tuple[str, int]] = []
    lanes = ffi.new("uint32_t *")
    while (name := lib.hbss_backend_kernel(lanes, pointer, FUNCTIONS.index(function), len(found))) != ffi.NULL:
        found.append((_text(name), int(lanes[0])))
    return found


def run_kernel(function: str, i: int, calls: int, backend: str | None = None) -> None:
    """Run a kernel's compression `calls` times on all its lanes, each on the last one's result (for benchmarks)."""
    pointer = _backend_pointers()[backend] if backend else _backend()
    if not lib.hbss_backend_supported(pointer):
        raise ValueError(f"this machine cannot run the kernels of {backend}")
    lib.hbss_backend_run(pointer, FUNCTIONS.index(function), i, calls)


# ---- memory --------------------------------------------------------------------------------------------------------


def random_bytes(length: int) -> bytes:
    """Secret random bytes from the operating system."""
    return os.urandom(length)


def wipe(memory: bytearray) -> None:
    """Overwrite a bytearray with zeros in a way that no compiler leaves out."""
    lib.hbss_wipe(ffi.from_buffer(memory, require_writable=True), len(memory))


_BYTES = ffi.typeof("uint8_t[]")  # looked up once: by its name it would be found again at every call
_uncleared = ffi.new_allocator(should_clear_after_alloc=False)


def _aligned(memory: Any) -> Any:
    """The first place in this memory that is aligned to 64."""
    return memory + -int(ffi.cast("uintptr_t", memory)) % 64


def _opaque(kind: str, length: int) -> Any:
    """`length` bytes of C memory, aligned to 64 and wiped when the last reference goes."""
    memory = ffi.new("uint8_t[]", length + 63)
    pointer = ffi.cast(f"{kind} *", _aligned(memory))

    def destroy(_: Any, memory: Any = memory) -> None:
        lib.hbss_wipe(memory, length + 63)

    return ffi.gc(pointer, destroy)


def _input(data: Buffer, length: int | None = None) -> Any:
    pointer = data if type(data) is bytes else ffi.from_buffer(_BYTES, data)  # cffi takes bytes as they are
    if length is not None and len(pointer) != length:
        raise ValueError(f"expected {length} bytes, got {len(pointer)}")
    return pointer


def _check(status: int) -> None:
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


# ---- keys ----------------------------------------------------------------------------------------------------------


class Key:
    """An expanded key of one parameter set, with or without its secret seeds. Constant; wiped when it goes."""

    def __init__(self, pointer: Any) -> None:
        self._pointer = pointer
        self.set = _row(lib.hbss_key_set(pointer))
        self.levels = int(lib.hbss_key_levels(pointer))
        row = self.set
        self._path_len = row.h // row.d * row.n
        self._part_len = row.layer_len + (0 if row.scheme == "LMS" else row.n)

    @classmethod
    def from_seeds(cls, name: str, secret: Buffer, public_seed: Buffer, root: Buffer | None = None) -> Key:
        """A key that can sign. `root` is None while the tree has not been built yet."""
        pointer = _opaque("hbss_key", lib.hbss_key_len())
        row = _set_pointers()[name]
        _check(lib.hbss_key_from_seeds(
            pointer, _backend(), row, _input(secret, row.secret_len), _input(public_seed, row.public_seed_len),
            ffi.NULL if root is None else _input(root, row.n),
        ))  # fmt: skip
        return cls(pointer)

    @classmethod
    def from_public(cls, scheme: str, data: Buffer, name: str | None = None) -> Key:
        """A key that verifies: LMS in HSS form. The set is read from the key's codes; SLH-DSA keys need its name."""
        pointer = _opaque("hbss_key", lib.hbss_key_len())
        row = ffi.NULL if name is None else _set_pointers()[name]
        view = _input(data)
        _check(lib.hbss_key_from_public(pointer, _backend(), SCHEMES.index(scheme), row, view, len(view)))
        return cls(pointer)

    def public_bytes(self) -> bytes:
        """The public key as its standard encodes it (LMS: bare, without the HSS header)."""
        out = bytearray(self.set.public_len)
        _check(lib.hbss_key_public(ffi.from_buffer(out), self._pointer))
        return bytes(out)

    def child_seeds(self, q: int, child: str) -> tuple[bytearray, bytes]:
        """The secret and public seeds of the HSS tree under leaf q of this LMS key."""
        row = _set_pointers()[child]
        secret, public_seed = bytearray(row.secret_len), bytearray(row.public_seed_len)
        _check(lib.hbss_key_child(ffi.from_buffer(secret), ffi.from_buffer(public_seed), self._pointer, q, row))
        return secret, bytes(public_seed)

    # ---- trees

    def tree(self, layer: int, tree: int, first: int, height: int) -> bytearray:
        """All nodes of the subtree over leaves first .. first + 2^height - 1: leaves first, its root last."""
        out = bytearray(((2 << height) - 1) * self.set.n)
        _check(lib.hbss_tree(ffi.from_buffer(out), self._pointer, layer, tree, first, height))
        return out

    def parents(self, layer: int, tree: int, height: int, index: int, children: Buffer) -> bytearray:
        """The nodes index .. of this height, from their children."""
        view = _input(children)
        count = len(view) // (2 * self.set.n)
        out = bytearray(count * self.set.n)
        _check(lib.hbss_tree_parents(ffi.from_buffer(out), self._pointer, layer, tree, height, index, view, count))
        return out

    def climb(self, layer: int, tree: int, leaf: int, node: Buffer, path: Buffer) -> bytes:
        """The root that a leaf's node and its authentication path lead to."""
        row = self.set
        out = bytearray(row.n)
        _check(lib.hbss_tree_climb(
            ffi.from_buffer(out), self._pointer, layer, tree, leaf,
            _input(node, row.n), _input(path, self._path_len),
        ))  # fmt: skip
        return bytes(out)

    # ---- signing

    def randomizer(self, index: int) -> bytes:
        """A stateful key's randomiser of one index: C (LMS) or r (XMSS), derived from the seeds."""
        out = bytearray(self.set.n)
        _check(lib.hbss_randomizer(ffi.from_buffer(out), self._pointer, index))
        return bytes(out)

    def message_randomizer(self, opt_rand: Buffer, parts: Iterable[Buffer]) -> bytes:
        """SLH-DSA: R = PRF_msg(SK.prf, opt_rand, message), the message in parts."""
        stream = _stream()
        _check(lib.hbss_randomizer_start(stream, self._pointer, _input(opt_rand, self.set.n)))
        return _finish(stream, parts, self.set.n)

    def digest(self, index: int, r: Buffer, parts: Iterable[Buffer]) -> bytes:
        """The digest that is signed at an index under a randomiser, the message in parts."""
        stream = _stream()
        _check(lib.hbss_digest_start(stream, self._pointer, index, _input(r, self.set.n)))
        return _finish(stream, parts, self.set.m or self.set.n)

    def sign_leaf(self, layer: int, tree: int, leaf: int, r: Buffer, digest: Buffer, path: Buffer) -> bytes:
        """One leaf's signature: a whole LMS signature, or chain values and path (XMSS, XMSS^MT)."""
        row = self.set
        out = bytearray(row.layer_len)
        _check(lib.hbss_sign_leaf(
            ffi.from_buffer(out), self._pointer, layer, tree, leaf,
            _input(r, row.n), _input(digest, row.n), _input(path, self._path_len),
        ))  # fmt: skip
        return bytes(out)

    def sign_message(self, index: int, parts: Iterable[Buffer], path: Buffer, node: Buffer, root: Buffer) -> bytes:
        """A message in parts signed at an index of a stateful key: a whole LMS signature, or r, chain values and path.

        InvalidSignature if the path does not lead from the leaf's node to the root; then there is no signature.
        """
        n, pointer, stream = self.set.n, self._pointer, _stream()
        status = lib.hbss_sign_start(stream, pointer, index)
        if not status:
            for part in parts:
                data = _input(part)
                lib.hbss_stream_update(stream, data, len(data))
            way = _input(path, self._path_len), _input(node, n), _input(root, n)
            out = bytearray(self._part_len)
            status = lib.hbss_sign_finish(ffi.from_buffer(out), stream, pointer, *way)
        _streams.append(stream)  # not after an exception: then it goes, and is wiped
        _check(status)
        return bytes(out)

    def slhdsa_sign(self, r: Buffer, digest: Buffer, top: Buffer | None = None) -> bytes:
        """An SLH-DSA signature of a digest, in steps, so that an interrupt is heard between them.

        top: all nodes of the top tree, if they are at hand: they then need not be built.
        """
        row = self.set
        out = bytearray(row.signature_len)
        scratch = bytearray(lib.hbss_slhdsa_scratch_len(self._pointer))
        views = ffi.from_buffer(out), _input(r, row.n), _input(digest, row.m), ffi.from_buffer(scratch)
        nodes = ffi.NULL if top is None else _input(top, ((2 << row.h // row.d) - 1) * row.n)
        for step in range(lib.hbss_slhdsa_steps(self._pointer, nodes)):
            _check(lib.hbss_slhdsa_sign(views[0], self._pointer, views[1], views[2], nodes, step, views[3]))
        return bytes(out)

    # ---- verifying

    def verify(self, signature: Buffer, parts: Iterable[Buffer]) -> None:
        """Return if the signature is one of the message (in parts) by this key; else raise InvalidSignature."""
        view = _input(signature)
        stream = _stream()
        status = lib.hbss_verify_start(stream, self._pointer, view, len(view))
        if not status:
            for part in parts:
                data = _input(part)
                lib.hbss_stream_update(stream, data, len(data))
            status = lib.hbss_verify_finish(stream, self._pointer, view, len(view))
        _streams.append(stream)
        _check(status)

    # ---- one-time signatures by themselves

    def ots_public(self, leaf: int) -> bytes:
        """A leaf's one-time public key: K (LM-OTS), or the chain ends (WOTS+)."""
        out = bytearray(self._ots_public_len())
        _check(lib.hbss_ots_public(ffi.from_buffer(out), self._pointer, leaf))
        return bytes(out)

    def ots_sign(self, leaf: int, digest: Buffer) -> bytes:
        """The chain values that sign a digest."""
        row = self.set
        out = bytearray((row.len1 + row.len2) * row.n)
        _check(lib.hbss_ots_sign(ffi.from_buffer(out), self._pointer, leaf, _input(digest, row.n)))
        return bytes(out)

    def ots_recover(self, leaf: int, digest: Buffer, values: Buffer) -> bytes:
        """The one-time public key that chain values over a digest lead to."""
        row = self.set
        out = bytearray(self._ots_public_len())
        _check(lib.hbss_ots_recover(
            ffi.from_buffer(out), self._pointer, leaf,
            _input(digest, row.n), _input(values, (row.len1 + row.len2) * row.n),
        ))  # fmt: skip
        return bytes(out)

    def _ots_public_len(self) -> int:
        return self.set.n * (1 if self.set.scheme == "LMS" else self.set.len1 + self.set.len2)


class Verification:
    """Verifies a signature that is still being made, of a message that is read once, by signer and verifier together.

    What depends on the message, the chain values of the lowest level, and the path beside them, follows with `finish`.
    """

    def __init__(self, key: Key, unsigned: Buffer) -> None:
        self._key = key
        self._unsigned = _input(unsigned)
        self._stream = _stream()
        _check(lib.hbss_verify_start(self._stream, key._pointer, self._unsigned, len(self._unsigned)))

    def watch(self, parts: Iterable[bytes | memoryview]) -> Iterator[bytes | memoryview]:
        """Hand on a message in parts, and see all of them."""
        for part in parts:
            data = _input(part)
            lib.hbss_stream_update(self._stream, data, len(data))
            yield part

    def finish(self, signature: Buffer) -> None:
        """Return if the whole signature is a good one; else raise InvalidSignature."""
        view = _input(signature, len(self._unsigned))
        status = lib.hbss_verify_finish(self._stream, self._key._pointer, view, len(view))
        _streams.append(self._stream)
        _check(status)


# that a signature is one of head || message by a key; head: SLH-DSA's domain and context, else empty
Claim = tuple[Key, bytes | memoryview, bytes, bytes | memoryview]


def verify_each(claims: Sequence[Claim]) -> bytes:
    """A byte for every claim: 1 if it holds, else 0. Claims of one set should be neighbours."""
    if not claims:
        return b""
    keys, signatures, heads, messages = zip(*claims, strict=True)
    view = functools.partial(ffi.from_buffer, _BYTES)
    viewed = {head: view(head) for head in set(heads)}
    columns = (
        [key._pointer for key in keys], map(view, signatures), [viewed[head] for head in heads], map(view, messages),
        map(len, signatures), map(len, heads), map(len, messages),
    )  # fmt: skip
    rows = list(zip(*columns, strict=True))
    table = ffi.new("hbss_claim[]", rows)  # C reads from the callers' own memory, which the views in `rows` keep
    good = bytearray(len(claims))
    scratch = _uncleared("uint8_t[]", lib.hbss_verify_scratch_len() + 63)
    lib.hbss_verify_each(_input(good), table, len(claims), _aligned(scratch))
    return bytes(good)


_streams: list[Any] = []  # finished, and thereby wiped: making one costs more than a short message


def _stream() -> Any:
    try:
        return _streams.pop()
    except IndexError:
        return _opaque("hbss_stream", lib.hbss_stream_len())


def _finish(stream: Any, parts: Iterable[Buffer], length: int) -> bytes:
    for part in parts:
        data = _input(part)
        lib.hbss_stream_update(stream, data, len(data))
    out = bytearray(length)
    lib.hbss_stream_finish(ffi.from_buffer(out), stream)
    _streams.append(stream)  # not after an exception: then it goes, and is wiped
    return bytes(out)


def hash_many(tag: int, bodies: Buffer, length: int, count: int) -> bytes:
    """SHA-256(tag || body) of `count` bodies of `length` bytes each, one after another: count * 32 bytes."""
    out = bytearray(32 * count)
    lib.hbss_tagged_many(ffi.from_buffer(out), _backend(), tag, _input(bodies, length * count), length, length, count)
    return bytes(out)
