"""One-time signatures by themselves: LM-OTS (RFC 8554, section 4) and WOTS+ (RFC 8391, section 3; SP 800-208).

A one-time key signs once. Two signatures of different values let others forge, so a second `sign` always raises, also
for the same input; and as a copy would be a second key, a key lives in memory only: nothing exports, pickles or copies
it, and in a forked child it is dead.

    key = wots.generate("LMOTS_SHA256_N32_W8")
    signature = key.sign(b"a message")
    key.public_key().verify(signature, b"a message")

Encodings. LM-OTS, as in RFC 8554: a public key is u32(type) || I || u32(q) || K, a signature u32(type) || C || y.
WOTS+, as in appendix A of RFC 8391: a public key is u32(type) || chain ends || SEED, a signature u32(type) || chain
values. SEED, the public seed that every hash takes in, is not part of the appendix's key; hbss writes it behind it. The
hash addresses are those of leaf 0 of tree 0 in layer 0.
"""

from __future__ import annotations

import functools
import os
import threading
import weakref
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from hbss import _native
from hbss.errors import BadKey, HandleDead, InvalidSignature, KeyExhausted, UnknownParameterSet
from hbss.message import pieces, view
from hbss.params import rows

if TYPE_CHECKING:
    from typing_extensions import Buffer
else:
    Buffer = object

# Each one-time scheme is the lowest part of a tree scheme, so the trees' sets do the work. LM-OTS takes the highest
# trees: their leaves number all the q that a foreign key may have.
_LMOTS_HASHES = {("SHA-256", 32): "SHA256_N32", ("SHA-256", 24): "SHA256_N24",
                 ("SHAKE256", 32): "SHAKE_N32", ("SHAKE256", 24): "SHAKE_N24"}  # fmt: skip
_WOTS_HASHES = {("SHA-256", 32): ("SHA2_256", 1), ("SHA-512", 64): ("SHA2_512", 2), ("SHAKE128", 32): ("SHAKE_256", 3),
                ("SHAKE256", 64): ("SHAKE_512", 4), ("SHA-256", 24): ("SHA2_192", 5),
                ("SHAKE256", 32): ("SHAKE256_256", 6), ("SHAKE256", 24): ("SHAKE256_192", 7)}  # fmt: skip
_I_LEN = 16


class OneTimeSet(NamedTuple):
    """A one-time parameter set: its name and type code, and a set of the C library that contains it."""

    name: str
    code: int
    row: _native.SetRow

    @property
    def lmots(self) -> bool:
        """LM-OTS, which signs messages; else WOTS+, which signs digests of n bytes."""
        return self.row.scheme == "LMS"

    @property
    def values_size(self) -> int:
        """Bytes of all chain values."""
        return (self.row.len1 + self.row.len2) * self.row.n

    @property
    def public_key_size(self) -> int:
        """Bytes of a public key."""
        return 4 + (_I_LEN + 4 if self.lmots else self.values_size) + self.row.n

    @property
    def signature_size(self) -> int:
        """Bytes of a signature."""
        return 4 + self.values_size + (self.row.n if self.lmots else 0)


@functools.cache
def _sets() -> dict[str, OneTimeSet]:
    found = {}
    for row in rows().values():
        if row.scheme == "LMS" and row.h == 25:
            name = f"LMOTS_{_LMOTS_HASHES[row.function, row.n]}_W{row.lg_w}"
            found[name] = OneTimeSet(name, row.ots_code, row)
        elif row.scheme == "XMSS" and row.h == 10:
            suffix, code = _WOTS_HASHES[row.function, row.n]
            found[f"WOTSP-{suffix}"] = OneTimeSet(f"WOTSP-{suffix}", code, row)
    return dict(sorted(found.items(), key=lambda each: (not each[1].lmots, each[1].code)))


def sets() -> list[str]:
    """The names of all one-time sets: 16 of LM-OTS, 7 of WOTS+."""
    return list(_sets())


def _one_time_set(name: str) -> OneTimeSet:
    if name not in _sets():
        raise UnknownParameterSet(f"there is no one-time parameter set {name!r}; choose one of: {', '.join(_sets())}")
    return _sets()[name]


# ---- public keys ---------------------------------------------------------------------------------------------------


class OneTimePublicKey:
    """The public key of a one-time key. Constant and hashable."""

    __slots__ = ("_key", "_leaf", "_public", "_raw", "_set")

    def __init__(self, kind: OneTimeSet, raw: bytes) -> None:
        if len(raw) != kind.public_key_size:
            raise BadKey(f"a {kind.name} public key has {kind.public_key_size} bytes; got {len(raw)}")
        if raw[:4] != kind.code.to_bytes(4, "big"):
            raise BadKey(f"the public key has type 0x{raw[:4].hex()}, {kind.name} has 0x{kind.code:08x}")
        self._set, self._raw, self._leaf = kind, raw, 0
        if kind.lmots:
            seed, self._public = raw[4 : 4 + _I_LEN], raw[-kind.row.n :]
            self._leaf = int.from_bytes(raw[4 + _I_LEN : 8 + _I_LEN], "big")
            if self._leaf >> kind.row.h:
                raise BadKey(f"the public key has q = {self._leaf}, which no LMS tree has: q < 2^{kind.row.h}")
        else:
            seed, self._public = raw[-kind.row.n :], raw[4 : 4 + kind.values_size]
        self._key = _native.Key.from_seeds(kind.row.name, bytes(kind.row.secret_len), seed)  # verifying needs no secret

    @classmethod
    def from_raw(cls, name: str, data: Buffer) -> OneTimePublicKey:
        """Read a public key as this module's head describes it. BadKey if the bytes are none of this set."""
        return cls(_one_time_set(name), bytes(view(data, "public key")))

    @property
    def name(self) -> str:
        """The one-time parameter set."""
        return self._set.name

    def verify(self, signature: Buffer, data: Buffer) -> None:
        """Return if the signature is one of `data` by this key, else raise InvalidSignature.

        data: a message (LM-OTS), or a digest of n bytes (WOTS+; ValueError for any other length).
        """
        signed, content = view(signature, "signature"), view(data, "data")
        kind = self._set
        if not kind.lmots:
            _check_digest(kind, content)
        if len(signed) != kind.signature_size or signed[:4] != kind.code.to_bytes(4, "big"):
            raise InvalidSignature
        digest: Buffer = content
        if kind.lmots:
            digest = self._key.digest(self._leaf, signed[4 : 4 + kind.row.n], pieces(content))
        if self._key.ots_recover(self._leaf, digest, signed[-kind.values_size :]) != self._public:
            raise InvalidSignature

    def public_bytes_raw(self) -> bytes:
        """The key as this module's head describes it."""
        return self._raw

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, OneTimePublicKey):
            return NotImplemented
        return (self.name, self._raw) == (other.name, other._raw)

    def __hash__(self) -> int:
        return hash((self.name, self._raw))

    def __reduce__(self) -> tuple[object, ...]:
        return OneTimePublicKey.from_raw, (self.name, self._raw)

    def __repr__(self) -> str:
        return f"<hbss.wots.OneTimePublicKey {self.name}>"


# ---- private keys --------------------------------------------------------------------------------------------------


class OneTimeKey:
    """A private key that signs once. Made by `generate`; threads may share it, and one of them will sign."""

    __slots__ = ("__weakref__", "_key", "_lock", "_pid", "_public", "_set")

    def __init__(self, kind: OneTimeSet) -> None:
        row = kind.row
        seed = bytearray(_native.random_bytes(row.secret_len))
        public_seed = _native.random_bytes(row.public_seed_len)
        self._key: _native.Key | None = _native.Key.from_seeds(row.name, seed, public_seed)
        _native.wipe(seed)
        self._set, self._lock, self._pid = kind, threading.Lock(), os.getpid()
        public = self._key.ots_public(0)
        head = kind.code.to_bytes(4, "big")
        raw = head + public_seed + bytes(4) + public if kind.lmots else head + public + public_seed
        self._public = OneTimePublicKey(kind, raw)
        _alive.add(self)

    @property
    def name(self) -> str:
        """The one-time parameter set."""
        return self._set.name

    def sign(self, data: Buffer) -> bytes:
        """The one signature of this key: of a message (LM-OTS), or of a digest of n bytes (WOTS+; else ValueError).

        KeyExhausted ever after, whatever the data; HandleDead in a forked child.
        """
        content = view(data, "data")
        if not self._set.lmots:
            _check_digest(self._set, content)
        key = self._take()
        head = self._set.code.to_bytes(4, "big")
        if not self._set.lmots:
            return head + key.ots_sign(0, bytes(content))
        r = key.randomizer(0)
        return head + r + key.ots_sign(0, key.digest(0, r, pieces(content)))

    def public_key(self) -> OneTimePublicKey:
        """The matching public key."""
        return self._public

    def _take(self) -> _native.Key:
        """The secret, handed out once: whatever happens to the signature afterwards, there is no second try."""
        if self._pid != os.getpid():
            raise HandleDead("this one-time key was inherited through fork; only the process that made it may sign")
        with self._lock:
            key, self._key = self._key, None
        if key is None:
            raise KeyExhausted("this one-time key has signed and never signs again; make a new one for every signature")
        return key

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a one-time key is not pickled or copied: a copy could sign a second time")

    def __repr__(self) -> str:
        return f"<hbss.wots.OneTimeKey {self.name}>"


_alive: weakref.WeakSet[OneTimeKey] = weakref.WeakSet()


def _forget_after_fork() -> None:
    """A child holds no secrets of its parent's one-time keys, and no lock that another thread held."""
    for key in list(_alive):
        key._key, key._pid, key._lock = None, -1, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)


def generate(name: str) -> OneTimeKey:
    """A new one-time key, its seeds from the operating system: `LMOTS_SHA256_N32_W8`, `WOTSP-SHA2_256` and so on.

    UnknownParameterSet for any other name (`sets()` lists them).
    """
    return OneTimeKey(_one_time_set(name))


def _check_digest(kind: OneTimeSet, digest: memoryview) -> None:
    if len(digest) != kind.row.n:
        raise ValueError(f"{kind.name} signs a digest of {kind.row.n} bytes; got {len(digest)}: hash the message first")
