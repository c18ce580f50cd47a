"""Public keys: one class for every scheme.

Private keys are of two kinds that share nothing: `hbss.stateless` (SLH-DSA) and `hbss.stateful` (all others).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from hbss import _native, message, reading
from hbss.encoding import keyfile, pem
from hbss.encoding.identifiers import Algorithm, bound_hash
from hbss.errors import BadKey
from hbss.message import Bytes, content, view
from hbss.params import ParameterSet, parameter_set, rows_of
from hbss.reading import File, Progress

if TYPE_CHECKING:
    from typing_extensions import Buffer
else:
    Buffer = object

_FAMILIES = {"LMS": "LMS", "HSS": "LMS", "XMSS": "XMSS", "XMSSMT": "XMSSMT"}


class PublicKey:
    """A public key of any scheme. Constant, hashable, and safe to share between threads.

    Made by `from_raw`, `load_public_key` or a private key's `public_key()`. The LMS family is always in HSS form:
    u32(L) before the LMS key, u32(L-1) before a signature, also where there is one level only.
    """

    __slots__ = ("__weakref__", "_key", "_prehash", "_raw")

    def __init__(self, key: _native.Key, raw: bytes, prehash: str | None = None) -> None:
        self._key, self._raw, self._prehash = key, raw, prehash

    @classmethod
    def from_raw(cls, kind: str | ParameterSet, data: Buffer, *, prehash: str | None = None) -> PublicKey:
        """Read a key as its standard writes it.

        kind: a parameter set; or just the family, "HSS" (LMS is the same), "XMSS" or "XMSSMT", whose keys name their
        own set. prehash: bind an SLH-DSA key to HashSLH-DSA with the hash that RFC 9909 gives its set. BadKey if the
        bytes are no such key; UnknownParameterSet, ValueError or TypeError if the question makes no sense.
        """
        raw = bytes(view(data, "public key"))
        if isinstance(kind, str) and kind in _FAMILIES:
            return cls(_read(_FAMILIES[kind], raw), raw, bound_prehash(None, prehash))
        if kind == "SLH-DSA":
            raise ValueError("an SLH-DSA key does not say which set it belongs to: name the parameter set")
        wanted = parameter_set(kind)
        bound = bound_prehash(wanted, prehash)
        if wanted.scheme == "SLH-DSA":
            if len(raw) != wanted.public_key_size:
                raise BadKey(f"a {wanted.name} public key has {wanted.public_key_size} bytes; got {len(raw)}")
            return cls(_native.Key.from_public("SLH-DSA", raw, wanted.name), raw, bound)
        key = _read(_FAMILIES[wanted.scheme], raw)
        levels = rows_of(wanted)
        if (key.set.name, key.levels) != (levels[0].name, len(levels)):
            raise BadKey(f"expected a key of {wanted.name}; this one says {key.set.name}, {key.levels} level(s)")
        return cls(key, raw, bound)

    @property
    def scheme(self) -> str:
        """`LMS`, `HSS` (more than one level), `XMSS`, `XMSSMT` or `SLH-DSA`."""
        return "HSS" if self._key.levels > 1 else self._key.set.scheme

    @property
    def levels(self) -> int:
        """Levels of an HSS key; 1 for every other key."""
        return self._key.levels

    @property
    def top_set(self) -> ParameterSet:
        """The parameter set that the key names: of an HSS key its top tree's, of any other key its own."""
        return parameter_set(self._key.set.name)

    @property
    def parameter_set(self) -> ParameterSet | None:
        """The key's parameter set; None for an HSS key of several levels, whose lower sets only signatures name."""
        return None if self.levels > 1 else self.top_set

    @property
    def prehash(self) -> str | None:
        """The hash of a key that is bound to HashSLH-DSA, and then verifies nothing else; None otherwise."""
        return self._prehash

    def verify(self, signature: Buffer, data: Buffer, context: Buffer | None = None) -> None:
        """Return if the signature is one of `data` by this key; raise InvalidSignature if not, or if it is malformed.

        context: up to 255 bytes that the signer gave as well (FIPS 205, section 10.3); no other scheme has one, and a
        context given to it is a ValueError. Arguments that are not bytes-like are a TypeError. A key that is bound to a
        pre-hash hashes the data first.
        """
        signed = content(signature, "signature")
        head, whole = self._whole(context, content(data, "data"))
        self._key.verify(signed, [head, *message.pieces(whole)])

    def verify_file(
        self, signature: Buffer, file: File, context: Buffer | None = None, *, progress: Progress | None = None
    ) -> None:
        """Like `verify`, for a file's bytes, which are read once and not held.

        file: its path; or a file open in binary, a pipe included, which is read from where it stands to its end.
        progress: called with (bytes read, bytes in all), the latter 0 if that is not known. OSError; else as `verify`.
        """
        signed = content(signature, "signature")
        self._refuse_context(context)
        with reading.opened(file) as opened:
            parts: Iterable[Bytes] = reading.pieces(opened, progress)
            if self._key.set.scheme == "SLH-DSA":
                parts = message.encoded(self._prehash, context, parts)
            self._key.verify(signed, parts)

    def verify_prehash(self, signature: Buffer, digest: Buffer, hash: str, context: Buffer | None = None) -> None:
        """Like `verify`, for a message that was hashed before: HashSLH-DSA (FIPS 205, section 10.3).

        hash: its name, such as "SHA2-256", "SHA3-512" or "SHAKE128" (32 bytes; SHAKE256: 64 bytes). ValueError for
        an unknown hash, a digest of the wrong length, or a key of another scheme.
        """
        if self.scheme != "SLH-DSA":
            raise ValueError(f"only SLH-DSA has a pre-hash form, {self.scheme} has none; use verify")
        function = message.prehash(hash)
        message.refuse_other_hash(self._prehash, function)
        signed = content(signature, "signature")
        self._key.verify(signed, [message.prehashed(context, function, content(digest, "digest"))])

    def _whole(self, context: Buffer | None, data: Bytes) -> tuple[bytes, Bytes]:
        """What the key signs of this message, in two parts; ValueError and TypeError as in `verify`."""
        if self._key.set.scheme == "SLH-DSA":
            return message.whole(self._prehash, context, data)
        self._refuse_context(context)
        return b"", data

    def _refuse_context(self, context: Buffer | None) -> None:
        if context is not None and self._key.set.scheme != "SLH-DSA":
            raise ValueError(f"{self.scheme} has no context, not even an empty one; leave it out")

    def public_bytes_raw(self) -> bytes:
        """The key as its standard writes it (the LMS family in HSS form)."""
        return self._raw

    @property
    def algorithm(self) -> Algorithm:
        """What files call the algorithm of this key and of its signatures (RFC 9802, RFC 9909)."""
        return algorithm_of(self._key, self._prehash)

    def der(self) -> bytes:
        """SubjectPublicKeyInfo (RFC 9802, RFC 9909)."""
        return keyfile.write_public(self.algorithm, self._raw)

    def pem(self) -> bytes:
        """The same in PEM."""
        return pem.write(keyfile.PUBLIC, self.der())

    def fingerprint(self) -> str:
        """SHA-256 of the DER form, in hexadecimal."""
        return hashlib.sha256(self.der()).hexdigest()

    def _identity(self) -> tuple[str, bytes, str | None]:
        return self._key.set.name, self._raw, self._prehash

    def __eq__(self, other: object) -> bool:
        return self._identity() == other._identity() if isinstance(other, PublicKey) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._identity())

    def __reduce__(self) -> tuple[object, ...]:
        return load_public_key, (self.der(),)

    def __repr__(self) -> str:
        levels = f", {self.levels} levels" if self.levels > 1 else ""
        return f"<hbss.PublicKey {self._key.set.name}{levels} {self.fingerprint()[:16]}>"


def load_public_key(data: Buffer) -> PublicKey:
    """Read a SubjectPublicKeyInfo, PEM or DER (RFC 9802, RFC 9909). BadKey if it is none."""
    kind, raw = keyfile.read_public(bytes(view(data, "key file")))
    return PublicKey.from_raw(kind.set_name or kind.family, raw, prehash=kind.prehash)


def algorithm_of(key: _native.Key, prehash: str | None) -> Algorithm:
    """What a key file calls the algorithm of this key."""
    row = key.set
    return Algorithm(row.scheme, row.name if row.scheme == "SLH-DSA" else None, prehash)


def bound_prehash(wanted: ParameterSet | None, prehash: str | None) -> str | None:
    """The pre-hash that a key of this set is asked to be bound to, if it can be; ValueError if not."""
    if prehash is None:
        return None
    if wanted is None or wanted.scheme != "SLH-DSA":
        raise ValueError("only an SLH-DSA key can be bound to a pre-hash")
    if prehash != bound_hash(wanted.name):
        raise ValueError(f"a key of {wanted.name} can be bound to {bound_hash(wanted.name)} only, not to {prehash!r}")
    return prehash


def _read(family: str, raw: bytes) -> _native.Key:
    """A key that carries its own codes, which a BadKey names."""
    try:
        return _native.Key.from_public(family, raw)
    except BadKey as error:
        names = ("levels", "LMS type", "LM-OTS type") if family == "LMS" else ("type",)
        codes = (f"{name} 0x{raw[4 * i : 4 * i + 4].hex()}" for i, name in enumerate(names))
        raise BadKey(f"{error} ({family}, {', '.join(codes)}, {len(raw)} bytes)") from None
