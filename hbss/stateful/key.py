"""An open stateful key: reserve, tell the witness, sign, check, release."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from hbss import creation, files, reading
from hbss._native import Key
from hbss.errors import HandleDead, StateError, StateUnsafe
from hbss.families import family
from hbss.keys import PublicKey
from hbss.message import parts
from hbss.params import ParameterSet
from hbss.reading import File, Progress
from hbss.stateful.batch import Batch, Message, Signer
from hbss.status import KeyStatus, is_low, read_status
from hbss.stores import StoreState, refusal
from hbss.stores.keyfile import public_root, public_seed
from hbss.stores.opening import OpenState
from hbss.tower import Tower
from hbss.treecache import CACHE_BYTES
from hbss.treefolder import TreeFolder

if TYPE_CHECKING:
    from typing_extensions import Buffer
else:
    Buffer = object

OnLow = Callable[[int], object]
_A = TypeVar("_A")
_T = TypeVar("_T")


def tower_of(opened: OpenState, prune: bool = False, limit: int = 0, cache_bytes: int = CACHE_BYTES) -> Tower:
    """The trees of an open key; the rest as for `Tower`."""
    key, found = opened.key, opened.set
    root = public_root(found, key.public_key)
    return Tower(
        family(found, key.secret, public_seed(found, key.public_key), root),
        Key.from_public("LMS" if found.levels else found.scheme, key.public_key), root, opened.store,
        TreeFolder(creation.tree_folder(opened.path), creation.identity(key.public_key)),
        prune=prune, limit=limit, cache_bytes=cache_bytes,
    )  # fmt: skip


class StatefulPrivateKey(Signer):
    """An open stateful key. Threads may share it; processes open their own; it does not survive a fork.

    It cannot be pickled, copied or exported: a copy of the state is how one-time keys come to be used twice.
    """

    def __init__(
        self, opened: OpenState, on_low: OnLow | None = None, warn_below: int | None = None,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:  # fmt: skip
        self._opened = opened
        self._store, self._set = opened.store, opened.set
        self._public = opened.public
        self._lock = threading.RLock()
        self._signing = self._closed = False
        self._spent: dict[int, int] = {}  # what became of reservations; the store is told with the next one
        self._pid = os.getpid()
        try:
            state = self._first_look()
            self._tower = tower_of(opened, True, state.limit, cache_bytes)
            if state.remaining:
                self._tower.load(state.next)
        except BaseException:
            opened.close()
            raise
        self._epoch, self._first, self._limit = state.epoch, state.first, state.limit
        self._expected = state.next  # unless others sign too: a guess that decides nothing but what is built
        self._on_low = on_low
        self._warn_below = warn_below

    def sign(self, data: Buffer, context: None = None) -> bytes:
        """The signature of `data` (bytes-like), which uses up one index.

        KeyExhausted, StoreBusy, StateError and its kin, or HandleDead: then nothing was signed. TypeError if data is
        not bytes-like; ValueError for any context, as these schemes have none.
        """
        self._refuse_context(context)
        return self._sign_messages([parts(data, "data")])[0]

    def sign_many(self, items: Sequence[Buffer], context: None = None) -> list[bytes]:
        """The signatures of several messages, in order, by one reservation: all of them, or an exception and none."""
        return self._sign_messages(self._messages(items, context))

    def sign_file(self, file: File, context: None = None, *, progress: Progress | None = None) -> bytes:
        """The signature of a file's bytes, which uses up one index: as `sign` of them, without holding them.

        file: its path; or a file open in binary, a pipe included, which is read from where it stands to its end.
        progress: called with (bytes read, bytes in all), the latter 0 if that is not known. The file is opened, then
        the index reserved, then the file read, once: an error or an interrupt while it is read costs the index.
        ValueError for the file of this key itself; OSError; else as for `sign`.
        """
        with self._in_file(file, context, progress) as message:
            return self._sign_messages([message])[0]

    def reserve(self, count: int) -> Batch:
        """Take `count` >= 1 indices by one durable write, and sign with them: `with key.reserve(256) as batch: ...`.

        What the batch does not use is burned, as all of it is if the process dies. Errors as for `sign`.
        """
        if not isinstance(count, int):
            raise TypeError(f"a reservation takes a number of indices, not {type(count).__name__}")
        if count < 1:
            raise ValueError(f"a reservation takes at least one index, not {count}")
        if count > self._limit:  # and perhaps more than a store can count
            raise refusal(self._opened.path, self._store.describe(), self._epoch, count)
        return Batch(self, self._in_turn(self._reserve_batch, count))

    def status(self) -> KeyStatus:
        """What the store knows: used, burned, reserved by whom and when, left; epoch, authority, witness."""
        self._check_process()
        with self._lock:
            if not self._signing:  # else it is asked while a file is read that is being signed
                self._settle()
        return read_status(self._opened)

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
        """Close the key; it may be closed more than once.

        Called while this thread signs, as by a signal handler, it takes effect when that has ended.
        """
        if os.getpid() == self._pid:
            with self._lock:
                self._closed = True
                if not self._signing:
                    self._end()

    def _end(self) -> None:
        with suppress(StateError, HandleDead):  # accounting only: nothing was lost that had not been
            self._settle()
        self._opened.close()

    # ---- reserving

    def _first_look(self) -> StoreState:
        state = self._opened.check_rollback()
        if state.successor is not None:
            raise StateUnsafe(
                f"the state of {self._opened.path} was moved out of {self._opened.term.authority}, and this file does "
                "not say where to: use the key file that was moved"
            )
        return state

    def _sign_messages(self, messages: list[Message]) -> list[bytes]:
        if not messages:
            return []
        signatures, stop = self._in_turn(self._reserve_and_sign, messages)
        self._tell_if_low(stop)
        return signatures

    def _reserve_and_sign(self, messages: list[Message]) -> tuple[list[bytes], int]:
        indices = self._reserve(len(messages))
        signatures = self._sign_at(indices, messages)
        self._spent[indices.start] = len(signatures)
        return signatures, indices.stop

    def _reserve_batch(self, count: int) -> range:
        indices = self._reserve(count)
        del self._spent[indices.start]  # the batch will say
        return indices

    def _get_ready(self, count: int) -> None:
        """Compute what is not the signature itself before an index is reserved: an interrupt then costs none."""
        if self._tower.rests_at(self._expected):
            return
        if not self._tower.is_ready(self._expected):
            state = self._store.describe()
            if count > state.remaining:
                return
            self._expected = state.next
        self._tower.get_ready(self._expected, self._expected + count)

    def _reserve(self, count: int) -> range:
        self._get_ready(count)
        witness = self._opened.witness
        seen = None if witness is None else witness.mark()
        told, self._spent = self._spent, {}  # for what a signal handler says meanwhile, of a batch that it ends
        try:
            indices = self._store.reserve(count, told)
        except BaseException:
            self._spent |= told
            raise
        self._spent[indices.start] = 0  # whatever happens now
        if indices.start < 0 or indices.stop > self._set.capacity - 1:
            raise StateUnsafe(
                f"the store of {self._opened.path} is damaged: index {indices.stop - 1} lies outside the key; it must "
                "not sign any more"
            )
        if witness is not None and seen is not None:
            witness.check(seen, self._epoch, indices.start, self._opened.path)
            witness.record(self._epoch, indices, self._store, self._opened.path)
        self._expected = indices.stop
        return indices

    def _settle(self) -> None:
        if self._spent:
            told, self._spent = self._spent, {}
            try:
                self._store.settle(told)
            except BaseException:
                self._spent |= told
                raise

    def _sign_at(self, indices: range, messages: list[Message]) -> list[bytes]:
        return list(map(self._tower.sign, indices, messages))

    def _end_batch(self, indices: range, used: int) -> None:
        with self._lock:
            self._spent[indices.start] = used
        self._tell_if_low(indices.stop)

    def _tell_if_low(self, next: int) -> None:
        remaining = self._limit - next
        if self._on_low is not None and is_low(remaining, self._limit - self._first, self._warn_below):
            self._on_low(remaining)

    # ---- whose turn it is

    def _in_turn(self, act: Callable[[_A], _T], argument: _A) -> _T:
        """What `act` returns, called while nobody else uses this handle."""
        self._check_process()
        with self._lock:
            if self._closed:
                raise HandleDead("this handle is dead: it was closed; open the key again")
            if self._signing:
                raise StateError(
                    "this handle is signing already: sign was called from within itself, by a signal handler"
                )
            self._signing = True
            try:
                return act(argument)
            finally:
                self._signing = False
                if self._closed:  # from within
                    self._end()

    # ---- messages

    def _messages(self, items: Sequence[Buffer], context: object) -> list[Message]:
        self._refuse_context(context)
        return [parts(data, "data") for data in items]

    @contextmanager
    def _in_file(self, file: File, context: object, progress: Progress | None) -> Iterator[Message]:
        """A file's bytes. Never the key file's: to close it would drop the locks that this process holds on it."""
        self._refuse_context(context)
        if isinstance(file, str | os.PathLike) and files.same(file, self._opened.path):
            raise ValueError(f"{os.fspath(file)} is the file of the key that signs, and changes with every signature")
        with reading.opened(file) as opened:
            yield reading.pieces(opened, progress)

    def _refuse_context(self, context: object) -> None:
        if context is not None:
            raise ValueError(f"{self._set.scheme} has no context, not even an empty one; leave it out")

    def _check_process(self) -> None:
        if os.getpid() != self._pid:  # before any lock: another thread may have held it during the fork
            raise HandleDead(
                "this handle is dead: the process forked, and its parent goes on using it; open the key again"
            )

    def __repr__(self) -> str:
        return f"<hbss.StatefulPrivateKey {self._set.name} {self._public.fingerprint()[:16]}>"
