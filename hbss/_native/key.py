"""A key as C sees it: trees, signatures and verification."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from hbss._hbss import ffi, lib
from hbss._native.library import SCHEMES, chosen_backend, row_of, set_pointers
from hbss._native.memory import address_of, bytes_of, check, feed, finish, give_back, new_stream, opaque

if TYPE_CHECKING:
    from typing_extensions import Buffer
else:
    Buffer = object


class Key:
    """An expanded key of one parameter set, with or without its secret seeds. Constant; wiped when it goes."""

    def __init__(self, pointer: Any) -> None:
        self._pointer = pointer
        self.set = row_of(lib.hbss_key_set(pointer))
        self.levels = int(lib.hbss_key_levels(pointer))
        row = self.set
        self._path_len = row.h // row.d * row.n
        self._part_len = row.layer_len + (0 if row.scheme == "LMS" else row.n)  # of what signs a message

    @classmethod
    def from_seeds(cls, name: str, secret: Buffer, public_seed: Buffer, root: Buffer | None = None) -> Key:
        """A key that can sign. `root` is None while the tree has not been built yet."""
        pointer = opaque("hbss_key", lib.hbss_key_len())
        row = set_pointers()[name]
        check(lib.hbss_key_from_seeds(
            pointer, chosen_backend(), row, bytes_of(secret, row.secret_len),
            bytes_of(public_seed, row.public_seed_len), ffi.NULL if root is None else bytes_of(root, row.n),
        ))  # fmt: skip
        return cls(pointer)

    @classmethod
    def from_public(cls, scheme: str, data: Buffer, name: str | None = None) -> Key:
        """A key that verifies: LMS in HSS form. The set is read from the key's codes; SLH-DSA keys need its name."""
        pointer = opaque("hbss_key", lib.hbss_key_len())
        row = ffi.NULL if name is None else set_pointers()[name]
        view = bytes_of(data)
        check(lib.hbss_key_from_public(pointer, chosen_backend(), SCHEMES.index(scheme), row, view, len(view)))
        return cls(pointer)

    def public_bytes(self) -> bytes:
        """The public key as its standard encodes it (LMS: bare, without the HSS header)."""
        out = bytearray(self.set.public_len)
        check(lib.hbss_key_public(ffi.from_buffer(out), self._pointer))
        return bytes(out)

    def child_seeds(self, q: int, child: str) -> tuple[bytearray, bytes]:
        """The secret and public seeds of the HSS tree under leaf q of this LMS key."""
        row = set_pointers()[child]
        secret, public_seed = bytearray(row.secret_len), bytearray(row.public_seed_len)
        check(lib.hbss_key_child(ffi.from_buffer(secret), ffi.from_buffer(public_seed), self._pointer, q, row))
        return secret, bytes(public_seed)

    # ---- trees

    def tree(self, layer: int, tree: int, first: int, height: int) -> bytearray:
        """All nodes of the subtree over leaves first .. first + 2^height - 1: leaves first, its root last."""
        out = bytearray(((2 << height) - 1) * self.set.n)
        check(lib.hbss_tree(ffi.from_buffer(out), self._pointer, layer, tree, first, height))
        return out

    def parents(self, layer: int, tree: int, height: int, index: int, children: Buffer) -> bytearray:
        """The nodes index .. of this height, from their children."""
        view = bytes_of(children)
        count = len(view) // (2 * self.set.n)
        out = bytearray(count * self.set.n)
        check(lib.hbss_tree_parents(ffi.from_buffer(out), self._pointer, layer, tree, height, index, view, count))
        return out

    def climb(self, layer: int, tree: int, leaf: int, node: Buffer, path: Buffer) -> bytes:
        """The root that a leaf's node and its authentication path lead to."""
        row = self.set
        out = bytearray(row.n)
        check(lib.hbss_tree_climb(
            ffi.from_buffer(out), self._pointer, layer, tree, leaf,
            bytes_of(node, row.n), bytes_of(path, self._path_len),
        ))  # fmt: skip
        return bytes(out)

    # ---- signing

    def randomizer(self, index: int) -> bytes:
        """A stateful key's randomiser of one index: C (LMS) or r (XMSS), derived from the seeds."""
        out = bytearray(self.set.n)
        check(lib.hbss_randomizer(ffi.from_buffer(out), self._pointer, index))
        return bytes(out)

    def message_randomizer(self, opt_rand: Buffer, parts: Iterable[Buffer]) -> bytes:
        """SLH-DSA: R = PRF_msg(SK.prf, opt_rand, message), the message in parts."""
        stream = new_stream()
        check(lib.hbss_randomizer_start(stream, self._pointer, bytes_of(opt_rand, self.set.n)))
        return finish(stream, parts, self.set.n)

    def digest(self, index: int, r: Buffer, parts: Iterable[Buffer]) -> bytes:
        """The digest that is signed at an index under a randomiser, the message in parts."""
        stream = new_stream()
        check(lib.hbss_digest_start(stream, self._pointer, index, bytes_of(r, self.set.n)))
        return finish(stream, parts, self.set.m or self.set.n)

    def sign_leaf(self, layer: int, tree: int, leaf: int, r: Buffer, digest: Buffer, path: Buffer) -> bytes:
        """One leaf's signature: a whole LMS signature, or chain values and path (XMSS, XMSS^MT)."""
        row = self.set
        out = bytearray(row.layer_len)
        check(lib.hbss_sign_leaf(
            ffi.from_buffer(out), self._pointer, layer, tree, leaf,
            bytes_of(r, row.n), bytes_of(digest, row.n), bytes_of(path, self._path_len),
        ))  # fmt: skip
        return bytes(out)

    def sign_message(self, index: int, parts: Iterable[Buffer], way: Way) -> bytes:
        """A message in parts signed at an index of a stateful key: a whole LMS signature, or r, chain values and path.

        InvalidSignature if the way of its leaf does not lead to the root; then there is no signature.
        """
        if way.set is not self.set:
            raise ValueError(f"a way in a tree of {way.set.name} is none for a key of {self.set.name}")
        pointer, stream = self._pointer, new_stream()
        made = bytearray(self._part_len)
        out = ffi.from_buffer(made)
        if type(parts) is tuple and len(parts) == 1:
            whole = bytes_of(parts[0])
            status = lib.hbss_sign(out, stream, pointer, index, whole, len(whole), way.pointer)
        else:
            status = lib.hbss_sign_start(stream, pointer, index)
            if not status:
                feed(stream, parts)
                status = lib.hbss_sign_finish(out, stream, pointer, way.pointer)
        give_back(stream)
        check(status)
        return bytes(made)

    def slhdsa_sign(self, r: Buffer, digest: Buffer, top: Buffer | None = None) -> bytes:
        """An SLH-DSA signature of a digest, in steps, so that an interrupt is heard between them.

        top: all nodes of the top tree, if they are at hand: they then need not be built.
        """
        row = self.set
        out = bytearray(row.signature_len)
        scratch = bytearray(lib.hbss_slhdsa_scratch_len(self._pointer))
        views = ffi.from_buffer(out), bytes_of(r, row.n), bytes_of(digest, row.m), ffi.from_buffer(scratch)
        nodes = ffi.NULL if top is None else bytes_of(top, ((2 << row.h // row.d) - 1) * row.n)
        for step in range(lib.hbss_slhdsa_steps(self._pointer, nodes)):
            check(lib.hbss_slhdsa_sign(views[0], self._pointer, views[1], views[2], nodes, step, views[3]))
        return bytes(out)

    # ---- verifying

    def verify(self, signature: Buffer, parts: Iterable[Buffer]) -> None:
        """Return if the signature is one of the message (in parts) by this key; else raise InvalidSignature."""
        view = bytes_of(signature)
        stream = new_stream()
        status = lib.hbss_verify_start(stream, self._pointer, view, len(view))
        if not status:
            feed(stream, parts)
            status = lib.hbss_verify_finish(stream, self._pointer, view, len(view))
        give_back(stream)
        check(status)

    # ---- one-time signatures by themselves

    def ots_public(self, leaf: int) -> bytes:
        """A leaf's one-time public key: K (LM-OTS), or the chain ends (WOTS+)."""
        out = bytearray(self._ots_public_len())
        check(lib.hbss_ots_public(ffi.from_buffer(out), self._pointer, leaf))
        return bytes(out)

    def ots_sign(self, leaf: int, digest: Buffer) -> bytes:
        """The chain values that sign a digest."""
        row = self.set
        out = bytearray((row.len1 + row.len2) * row.n)
        check(lib.hbss_ots_sign(ffi.from_buffer(out), self._pointer, leaf, bytes_of(digest, row.n)))
        return bytes(out)

    def ots_recover(self, leaf: int, digest: Buffer, values: Buffer) -> bytes:
        """The one-time public key that chain values over a digest lead to."""
        row = self.set
        out = bytearray(self._ots_public_len())
        check(lib.hbss_ots_recover(
            ffi.from_buffer(out), self._pointer, leaf,
            bytes_of(digest, row.n), bytes_of(values, (row.len1 + row.len2) * row.n),
        ))  # fmt: skip
        return bytes(out)

    def _ots_public_len(self) -> int:
        return self.set.n * (1 if self.set.scheme == "LMS" else self.set.len1 + self.set.len2)


class Way:
    """Where the leaves of one tree find their ways to its root, for C to sign with; not for two threads at once.

    C keeps in mind which nodes have led to the root, and hashes the next way only up to one of them.
    """

    def __init__(self, key: Key, base: int, nodes: Buffer, root: Buffer) -> None:
        """nodes: from level `base` up, level after level; root: the trusted one, whatever the last of them is."""
        self.set = row = key.set
        self.root = root
        self._base_len = ((2 << base) - 1) * row.n
        self._nodes = address_of(nodes, ((2 << row.h // row.d - base) - 1) * row.n)
        self._root = address_of(root, row.n)
        self.pointer = ffi.new("hbss_way *", {"nodes": self._nodes, "root": self._root, "base": base})

    def begin_in(self, bottom: Buffer) -> None:
        """Have the next leaf find its way in this subtree of height `base`, given with all of its nodes."""
        self.pointer.bottom = self._bottom = address_of(bottom, self._base_len)
