"""Keys to measure with, of any set and ready at once.

Only one path through the trees of a stateful key is real: leaf 0 of the first tree of every layer. All nodes beside
it are random bytes, and the root is where they lead. The key's signatures verify, and making and verifying them costs
what it costs with whole trees, but for the check of a path: it ends at one new node, where leaf after leaf has two on
average. It signs many messages with one leaf, and so is good for nothing else.
"""

from __future__ import annotations

import itertools
import tempfile
import warnings
from pathlib import Path

import hbss
from hbss import _native, message
from hbss.families import family
from hbss.params import ParameterSet, hss_form, rows_of
from hbss.stores import ChildSignature
from hbss.treecache import CACHE_BYTES, Spot, Tree, lowest_level


def branch(spot: Spot) -> Tree:
    """A tree with a real first leaf, and a root that its path leads to."""
    base = lowest_level(spot.n, spot.height, CACHE_BYTES)
    bottom, nodes = (_made_up(height, spot.n) for height in (base, spot.height - base))
    (bottom if base else nodes)[: spot.n] = spot.key.tree(spot.layer, spot.tree, 0, 0)
    tree = Tree(spot, nodes)
    if base:
        tree.bottoms[0] = bottom
    nodes[-spot.n :] = tree.climb(0, tree.path(0))
    return tree


def _made_up(height: int, n: int) -> bytearray:
    return bytearray(_native.random_bytes(((2 << height) - 1) * n))


class StatefulSigner:
    """A key of a stateful set."""

    def __init__(self, found: ParameterSet) -> None:
        row = rows_of(found)[0]
        secret, public_seed = _native.random_bytes(row.secret_len), _native.random_bytes(row.public_seed_len)
        top = len(found.heights) - 1
        tree = branch(family(found, secret, public_seed, None).spot(top, 0, None, 0))
        self._family = family(found, secret, public_seed, tree.root)
        tree.spot = self._family.spot(top, 0, None, 0)  # which knows the root
        bare = _native.Key.from_seeds(row.name, secret, public_seed, tree.root).public_bytes()
        self.public = hbss.PublicKey.from_raw(found, hss_form(len(found.levels), bare))
        inner: list[ChildSignature] = []  # the lowest first
        for layer in range(top - 1, -1, -1):
            below = branch(self._family.spot(layer, 0, tree.spot, 0))
            vouched = self._family.public(below.spot, below.root)
            inner.insert(0, ChildSignature(vouched, self._family.sign_tree(tree, 0, vouched, tree.root)))
            tree = below
        self._tree, self._root, self._above = tree, tree.root, self._family.above(inner)

    def sign(self, data: bytes) -> bytes:
        """What a signature costs in C: randomiser, digest, one leaf, and the check of what is new in its path."""
        return self._family.sign_message(0, self._tree, 0, (data,), self._root)

    def whole(self, data: bytes) -> bytes:
        """A signature that verifies."""
        return self._family.join(0, self.sign(data), self._above)


class StatelessSigner:
    """A key of SLH-DSA, its top tree at hand as it is in every key that has signed."""

    def __init__(self, found: ParameterSet) -> None:
        row = rows_of(found)[0]
        secret, public_seed = _native.random_bytes(row.secret_len), _native.random_bytes(row.public_seed_len)
        bare = _native.Key.from_seeds(row.name, secret, public_seed)
        self._top = bare.tree(row.d - 1, 0, 0, row.h // row.d)
        self._key = _native.Key.from_seeds(row.name, secret, public_seed, self._top[-row.n :])
        self.public = hbss.PublicKey.from_raw(found, self._key.public_bytes())

    def sign(self, data: bytes) -> bytes:
        """A whole signature, without Python's part in drawing its randomness."""
        parts = [message.pure(None), data]
        r = self._key.message_randomizer(bytes(self._key.set.n), parts)
        return self._key.slhdsa_sign(r, self._key.digest(0, r, parts), self._top)

    whole = sign


def bare(row: _native.SetRow) -> _native.Key:
    """A key with seeds and no root."""
    return _native.Key.from_seeds(
        row.name, _native.random_bytes(row.secret_len), _native.random_bytes(row.public_seed_len)
    )


def signer(found: ParameterSet) -> StatefulSigner | StatelessSigner:
    """A new key of a set."""
    return StatefulSigner(found) if found.stateful else StatelessSigner(found)


class MemoryKeys:
    """Real keys of a stateful set, their state in memory, in a `with` block; a new one when one is used up."""

    def __init__(self, found: ParameterSet, chunk: int) -> None:
        self._found, self._chunk = found, chunk
        self._folder = tempfile.TemporaryDirectory(prefix="hbss-bench-")
        self._open: list[hbss.StatefulPrivateKey] = []  # one, once prepared
        self._numbers = itertools.count()
        self._left = 0

    def __enter__(self) -> MemoryKeys:
        return self

    def __exit__(self, *_: object) -> None:
        for key in self._open:
            key.close()
        self._folder.cleanup()

    def prepare(self) -> None:
        """Have a chunk of signatures left, and all that a key does once only behind it."""
        if self._left < self._chunk:
            for used_up in self._open:
                used_up.close()
            key = self._new()
            self._open = [key]
            key.sign(b"")
            self._left = key.remaining
        self._left -= self._chunk

    def sign(self) -> None:
        """A chunk of signatures, one by one; `prepare` comes first."""
        key = self._open[0]
        for i in range(self._chunk):
            key.sign(i.to_bytes(32, "big"))

    def _new(self) -> hbss.StatefulPrivateKey:
        path = Path(self._folder.name) / str(next(self._numbers))
        hbss.create_key(path, self._found)
        return in_memory(path)


def in_memory(path: Path, cache_bytes: int = CACHE_BYTES) -> hbss.StatefulPrivateKey:
    """A key whose state is moved into memory, open."""
    with warnings.catch_warnings():  # that it dies with the process is just right here
        warnings.simplefilter("ignore", RuntimeWarning)
        hbss.state.move(path, "memory:")
        return hbss.open_key(path, cache_bytes=cache_bytes)
