"""Stateful private keys: LMS, HSS, XMSS, XMSS^MT.

There is one way to sign: reserve an index (which is durably used up from then on), sign, check, release. Never another
order, and no way to choose the index. A crash, an error or an interrupt in between loses indices and repeats none.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn

from hbss import creation, message
from hbss._native import Key
from hbss.errors import HandleDead, StateError
from hbss.families import family
from hbss.keys import PublicKey
from hbss.params import ParameterSet, parameter_set
from hbss.stores.keyfile import public_root, public_seed
from hbss.stores.sqlite import SqliteStore
from hbss.tower import Tower
from hbss.treecache import TreeFolder

if TYPE_CHECKING:
    from typing_extensions import Buffer, Self
else:
    Buffer = object

Progress = Callable[[int, int], None]


def create_key(path: str | os.PathLike[str], set: str | ParameterSet, progress: Progress | None = None) -> None:
    """Make a stateful key: the file `path` (its seeds and its state) and the folder `path`.tree (its trees).

    progress: called with (leaves done, leaves in all) while the trees are built; an exception from it, or Ctrl-C, ends
    the creation and leaves nothing behind. FileExistsError if a name is taken, UnknownParameterSet, ValueError for a
    stateless set or one whose total height is above 60, StateUnsafe on a network file system.
    """
    creation.create(path, set, progress)


def open_key(path: str | os.PathLike[str]) -> StatefulPrivateKey:
    """Open a stateful key to sign with; use it in a `with` block, or close it.

    FileNotFoundError, BadKey (not a key, or of another version) or StateUnsafe (a link, readable by others, altered, on
    a network file system, ...); each says what is wrong and what to do.
    """
    return StatefulPrivateKey(SqliteStore(path))


class StatefulPrivateKey:
    """An open stateful key. Threads may share it; processes open their own; it does not survive a fork.

    It cannot be pickled, copied or exported: a copy of the state is how one-time keys come to be used twice.
    """

    def __init__(self, store: SqliteStore) -> None:
        row = store.key
        self._store = store
        self._set = parameter_set(row.set_name)
        self._public = PublicKey.from_raw(self._set, row.public_key)
        self._lock = threading.RLock()
        self._signing = False
        self._expected = 0  # the next index, unless others sign too: a guess that decides nothing but what is built
        self._pid = os.getpid()
        root = public_root(self._set, row.public_key)
        scheme = "LMS" if self._set.levels else self._set.scheme
        self._tower = Tower(
            family(self._set, row.secret, public_seed(self._set, row.public_key), root),
            Key.from_public(scheme, row.public_key), root, store,
            TreeFolder(creation.tree_folder(store.path), creation.identity(row.public_key)),
        )  # fmt: skip

    def sign(self, data: Buffer, context: None = None) -> bytes:
        """The signature of `data` (bytes-like), which uses up one index.

        KeyExhausted, StoreBusy, StateError and its kin, or HandleDead: then nothing was signed. TypeError if data is
        not bytes-like; ValueError for any context, as these schemes have none.
        """
        return self._sign([data], context)[0]

    def sign_many(self, items: Sequence[Buffer], context: None = None) -> list[bytes]:
        """The signatures of several messages, in order, by one reservation: all of them, or an exception and none."""
        return self._sign(items, context)

    @property
    def remaining(self) -> int:
        """How many signatures are left, other processes' use included."""
        self._check_process()
        return self._store.describe().remaining

    @property
    def parameter_set(self) -> ParameterSet:
        """The key's parameter set."""
        return self._set

    def public_key(self) -> PublicKey:
        """The key to verify with."""
        return self._public

    def close(self) -> None:
        """Close the key; it may be closed more than once."""
        if os.getpid() == self._pid:
            with self._lock:
                self._store.close()

    def _sign(self, items: Sequence[Buffer], context: object) -> list[bytes]:
        if context is not None:
            raise ValueError(f"{self._set.scheme} has no context, not even an empty one; leave it out")
        contents = [message.view(data, "data") for data in items]
        if not contents:
            return []
        self._check_process()
        with self._lock:
            if self._signing:
                raise StateError(
                    "this handle is signing already: sign was called from within itself, by a signal handler"
                )
            self._signing = True
            try:
                return self._sign_reserved(contents)
            finally:
                self._signing = False

    def _sign_reserved(self, contents: list[memoryview]) -> list[bytes]:
        if not self._tower.is_ready(self._expected):
            state = self._store.describe()
            if len(contents) <= state.remaining:
                self._tower.prepare(state.next)  # an interrupt while trees are built or read then costs no index
        indices = self._store.reserve(len(contents))
        self._expected = indices.stop
        return [self._tower.sign(index, data) for index, data in zip(indices, contents, strict=True)]

    def _check_process(self) -> None:
        if os.getpid() != self._pid:  # before any lock: another thread may have held it during the fork
            raise HandleDead(
                "this handle is dead: the process forked, and its parent goes on using it; open the key again"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce_ex__(self, protocol: object) -> NoReturn:  # copy and deepcopy come here too
        raise TypeError("a stateful key cannot be copied or pickled: its copy would use the same indices again")

    def __repr__(self) -> str:
        return f"<hbss.StatefulPrivateKey {self._set.name} {self._public.fingerprint()[:16]}>"
