"""Keys that may be sent to other processes, which then compute parts of their trees.

An expanded key does not give its seeds back and cannot be pickled. Here and nowhere else is one that can be; it is for
the time in which a key is made by an executor that is not made of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hbss._native import Key, wipe
from hbss.treecache import Spot


class PortableKey(Key):
    """A key together with its seeds. Its repr shows none, a pickle of it holds all, and what comes of that is the same.

    (A plain key would not do: Dask's scheduler unpickles a task, and pickles it again for a worker.)
    """

    def __init__(self, key: Key, secret: bytearray, public_seed: bytes) -> None:
        super().__init__(key._pointer)
        self.secret, self.public_seed = secret, public_seed

    @classmethod
    def unpickled(cls, name: str, secret: bytes, public_seed: bytes) -> PortableKey:
        """At the other end."""
        return cls(Key.from_seeds(name, secret, public_seed), bytearray(secret), public_seed)

    def __reduce__(self) -> tuple[Callable[..., PortableKey], tuple[Any, ...]]:
        if not self.secret:
            raise TypeError("the tree of this key is built, and its seeds are not sent any more")
        return PortableKey.unpickled, (self.set.name, bytes(self.secret), self.public_seed)


@contextmanager
def portable(spots: Sequence[Spot], secret: bytearray, public_seed: bytes) -> Iterator[list[Spot]]:
    """The first trees of all layers, the lowest first, given the top one's seeds; they pickle until the block ends."""
    keys = [PortableKey(spots[-1].key, bytearray(secret), public_seed)]
    try:
        for spot in reversed(spots[:-1]):
            alone = spot.key is not spots[-1].key  # a tree of HSS, with seeds of its own
            keys.append(PortableKey(spot.key, *keys[-1].child_seeds(0, spot.key.set.name)) if alone else keys[-1])
        yield [spot._replace(key=key) for spot, key in zip(spots, reversed(keys), strict=True)]
    finally:
        for key in keys:
            wipe(key.secret)
            key.secret.clear()
