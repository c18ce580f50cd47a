"""SLH-DSA's private keys (FIPS 205): they keep no state, so nothing can go wrong by copying or restoring one.

Stateful private keys (LMS, HSS, XMSS, XMSS^MT) are another thing altogether and live in `hbss.stateful`.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING, NoReturn

from hbss import _native, message, reading, treecache, workers
from hbss.encoding import encrypted, keyfile, passwords, pem
from hbss.errors import BadKey, HbssError
from hbss.keys import PublicKey, algorithm_of, bound_prehash
from hbss.message import content, view
from hbss.params import ParameterSet, parameter_set
from hbss.reading import File, Progress

if TYPE_CHECKING:
    from typing_extensions import Buffer
else:
    Buffer = object

_STRENGTH = {1: 128, 2: 128, 3: 192, 4: 192, 5: 256}  # bits of collision resistance that match a security category


class PrivateKey:
    """An SLH-DSA private key: it keeps no state and may sign 2^64 times. Safe to share between threads.

    Made by `generate`, `from_raw` or `load_private_key`. It cannot be pickled or copied; the memory of its seeds is
    wiped when it goes. It keeps the nodes of its top tree, which every signature needs: 16 to 24 KiB for the s sets,
    under 1 KiB for the f sets. They are public, as all nodes of a tree are, and so are not wiped.
    """

    __slots__ = ("__weakref__", "_key", "_prehash", "_secret", "_top")

    def __init__(self, key: _native.Key, secret: bytearray, top: treecache.Tree, prehash: str | None = None) -> None:
        self._key, self._secret, self._top, self._prehash = key, secret, top.nodes, prehash
        weakref.finalize(self, _native.wipe, secret)

    @classmethod
    def from_raw(cls, name: str | ParameterSet, data: Buffer, *, prehash: str | None = None) -> PrivateKey:
        """Read SK.seed || SK.prf || PK.seed || PK.root (FIPS 205, section 9.1).

        PK.root is computed again (as much work as `generate`) and must agree. prehash: bind the key to HashSLH-DSA, as
        in `PublicKey.from_raw`. BadKey if the bytes are no such key.
        """
        wanted = _slhdsa_set(name)
        given, n = view(data, "private key"), wanted.n
        if len(given) != wanted.private_key_size:
            raise BadKey(f"a {wanted.name} private key has {wanted.private_key_size} bytes; got {len(given)}")
        key = cls._from_seeds(wanted, given[: 3 * n], prehash)
        if key._secret[3 * n :] != given[3 * n :]:
            raise BadKey("the private key's PK.root is not the root of the tree that its seeds give")
        return key

    @classmethod
    def _from_seeds(cls, wanted: ParameterSet, seeds: Buffer, prehash: str | None = None) -> PrivateKey:
        """From SK.seed || SK.prf || PK.seed, 3n bytes."""
        bound, n = bound_prehash(wanted, prehash), wanted.n
        parts = view(seeds, "seeds")
        bare = _native.Key.from_seeds(wanted.name, parts[: 2 * n], parts[2 * n :])
        top = treecache.build(treecache.Spot(bare, wanted.layers - 1, 0))
        key = _native.Key.from_seeds(wanted.name, parts[: 2 * n], parts[2 * n :], top.root)
        secret = bytearray(4 * n)  # at its full length from the start, so that no part of it is left behind by growing
        secret[: 3 * n], secret[3 * n :] = parts, top.root
        return cls(key, secret, top, bound)

    @property
    def parameter_set(self) -> ParameterSet:
        """The key's parameter set."""
        return parameter_set(self._key.set.name)

    @property
    def prehash(self) -> str | None:
        """The hash of a key that is bound to HashSLH-DSA, and then signs nothing else; None otherwise."""
        return self._prehash

    def sign(
        self, data: Buffer, context: Buffer | None = None, *, deterministic: bool = False, double_check: bool = False
    ) -> bytes:
        """A signature of `data` (FIPS 205, algorithm 22).

        context: up to 255 bytes that the verifier must give as well; more is a ValueError. deterministic: take PK.seed
        instead of fresh randomness. double_check: sign twice and compare, against computing errors that would leak the
        key (twice the time); HbssError if the two differ. A key that is bound to a pre-hash hashes the data first, and
        signs the digest (algorithm 23).
        """
        return self._sign(self._whole(context, data), deterministic, double_check)

    def sign_file(
        self, file: File, context: Buffer | None = None, *,
        deterministic: bool = False, double_check: bool = False, progress: Progress | None = None,
    ) -> bytes:  # fmt: skip
        """The signature of a file's bytes: as `sign` of them, without holding them.

        file: its path; or a file open in binary, which is read from where it stands to its end. It is read twice, with
        `double_check` four times, and must not change meanwhile (ValueError if its length does); what cannot be read
        twice, such as a pipe, is first copied to a temporary file, of 1 GiB at most (ValueError). A key that is bound
        to a pre-hash reads once, and needs none. progress: called with (bytes read, bytes to be read in all), the
        latter 0 if that is not known. OSError; else as `sign`.
        """
        with reading.opened(file) as opened:
            if self._prehash is not None:
                whole = [*message.encoded(self._prehash, context, reading.pieces(opened, progress))]
                return self._sign(whole, deterministic, double_check)
            with reading.repeatable(opened) as source:
                parts = reading.Repeated(message.pure(context), source, 4 if double_check else 2, progress)
                return self._sign(parts, deterministic, double_check)

    def sign_many(
        self, items: Sequence[Buffer], context: Buffer | None = None, *,
        deterministic: bool = False, double_check: bool = False, executor: Executor | None = None,
    ) -> list[bytes]:  # fmt: skip
        """The signatures of several messages under one context, in order: all of them, or an exception and none.

        executor: the threads that share the work; by default one for each CPU. The key does not leave this process:
        an executor that is no ThreadPoolExecutor is a TypeError. The rest is as in `sign`.
        """
        if not workers.is_local(executor):
            raise TypeError(f"a private key signs in threads of its own process, not in a {type(executor).__name__}")
        tasks = [(self._whole(context, data), deterministic, double_check) for data in items]
        with workers.pool(executor) as pool:
            return list(workers.ordered(pool, self._sign, tasks))

    def sign_prehash(
        self, digest: Buffer, hash: str, context: Buffer | None = None, *,
        deterministic: bool = False, double_check: bool = False, allow_weak: bool = False,
    ) -> bytes:  # fmt: skip
        """A signature of a message that was hashed before: HashSLH-DSA (FIPS 205, algorithm 23).

        hash: its name, as in `PublicKey.verify_prehash`. A hash whose collisions are easier to find than the set's
        security category allows is a ValueError unless `allow_weak`. The rest is as in `sign`.
        """
        function = message.prehash(hash)
        message.refuse_other_hash(self._prehash, function)
        needed = _STRENGTH[self._key.set.category]
        if function.strength < needed and not allow_weak:
            raise ValueError(
                f"{function.name} has {function.strength} bits of collision resistance, {self._key.set.name} asks for "
                f"{needed}: take a longer hash, or say allow_weak=True"
            )
        whole = message.prehashed(context, function, content(digest, "digest"))
        return self._sign([whole], deterministic, double_check)

    def _whole(self, context: Buffer | None, data: Buffer) -> list[Buffer]:
        head, whole = message.whole(self._prehash, context, content(data, "data"))
        return [head, *message.pieces(whole)]

    def _sign(self, parts: Iterable[Buffer], deterministic: bool, double_check: bool) -> bytes:
        n = self._key.set.n
        opt_rand = bytes(self._secret[2 * n : 3 * n]) if deterministic else _native.random_bytes(n)
        return self._sign_internal(parts, opt_rand, double_check)

    def _sign_internal(self, parts: Iterable[Buffer], opt_rand: Buffer, double_check: bool = False) -> bytes:
        """slh_sign_internal (algorithm 19) of M' in parts, which are gone through more than once."""
        signature = self._sign_once(parts, opt_rand)
        if double_check and self._sign_once(parts, opt_rand) != signature:
            raise HbssError("signing twice gave two different results: a computing error; nothing was released")
        return signature

    def _sign_once(self, parts: Iterable[Buffer], opt_rand: Buffer) -> bytes:
        r = self._key.message_randomizer(opt_rand, parts)
        return self._key.slhdsa_sign(r, self._key.digest(0, r, parts), self._top)

    def public_key(self) -> PublicKey:
        """The matching public key, bound to the same pre-hash."""
        return PublicKey.from_raw(self.parameter_set, self._key.public_bytes(), prehash=self._prehash)

    def private_bytes_raw(self) -> bytes:
        """SK.seed || SK.prf || PK.seed || PK.root: the secret itself, in memory that Python cannot wipe."""
        return bytes(self._secret)

    def der(self, password: Buffer | str | None = None) -> bytes:
        """PKCS#8 (RFC 9909); under a password if one is given: PBES2 with scrypt and AES-256 (the extra `x509`).

        A str is taken as UTF-8. ValueError for an empty password.
        """
        plain = keyfile.write_private(algorithm_of(self._key, self._prehash), bytes(self._secret))
        return plain if password is None else encrypted.write(plain, passwords.encoded(password))

    def pem(self, password: Buffer | str | None = None) -> bytes:
        """The same in PEM."""
        return pem.write(keyfile.PRIVATE if password is None else keyfile.ENCRYPTED, self.der(password))

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a private key is not pickled or copied; private_bytes_raw() or pem() exports it on purpose")

    def __repr__(self) -> str:
        return f"<hbss.PrivateKey {self._key.set.name}>"


def generate(name: str | ParameterSet) -> PrivateKey:
    """A new SLH-DSA private key (FIPS 205, algorithm 21), its seeds from the operating system.

    UnknownParameterSet for a name that is none; ValueError for a stateful set, whose keys `create_key` makes.
    """
    wanted = _slhdsa_set(name)
    return PrivateKey._from_seeds(wanted, _native.random_bytes(3 * wanted.n))


def load_private_key(data: Buffer, password: Buffer | str | None = None) -> PrivateKey:
    """Read an SLH-DSA private key from PKCS#8, PEM or DER (RFC 9909), under a password or not.

    Of encrypted files PBES2 is read, with scrypt or PBKDF2 and AES-CBC (the extra `x509`). BadKey if it is none, the
    password is missing or wrong, or the file asks for more work than is sensible; ValueError for a password that is
    not needed.
    """
    secret = passwords.encoded_or_none(password)
    kind, raw, public = keyfile.read_private(bytes(view(data, "key file")), secret)
    if kind.set_name is None:
        raise BadKey(f"a private key of {kind.family} is stateful and has no such file; hbss.open_key opens it")
    key = PrivateKey.from_raw(kind.set_name, raw, prehash=kind.prehash)
    if public is not None and public != key.public_key().public_bytes_raw():
        raise BadKey("the public key in the file is not the private key's own")
    return key


def _slhdsa_set(name: str | ParameterSet) -> ParameterSet:
    wanted = parameter_set(name)
    if wanted.stateful:
        raise ValueError(f"{wanted.name} is stateful: its keys live in files, made by hbss.create_key(path, set)")
    return wanted
