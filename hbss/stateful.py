"""Stateful private keys: LMS, HSS, XMSS, XMSS^MT.

There is one way to sign: reserve an index (which is durably used up from then on), tell the witness, sign, check,
release. Never another order, and no way to choose the index. A crash, an error or an interrupt in between loses indices
and repeats none.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn, TypeVar

from hbss import creation, files, reading
from hbss._native import Key
from hbss.encoding.passwords import encoded_or_none
from hbss.errors import HandleDead, KeyExhausted, StateError, StateUnsafe
from hbss.families import family
from hbss.keys import PublicKey
from hbss.message import Bytes, content, pieces
from hbss.params import ParameterSet
from hbss.reading import File, Progress
from hbss.status import KeyStatus, is_low, read_status
from hbss.stores import Spent, StoreState
from hbss.stores.keyfile import public_root, public_seed
from hbss.stores.opening import OpenState, open_state
from hbss.tower import Tower
from hbss.treecache import CACHE_BYTES
from hbss.treefolder import TreeFolder

if TYPE_CHECKING:
    from typing_extensions import Buffer, Self
else:
    Buffer = object

OnLow = Callable[[int], object]
Message = Iterable[Bytes]  # in parts, to be read once
_A = TypeVar("_A")
_T = TypeVar("_T")


def create_key(
    path: str | os.PathLike[str],
    set: str | ParameterSet,
    progress: Progress | None = None,
    *,
    resume: bool = False,
    cache_bytes: int = CACHE_BYTES,
    executor: Executor | None = None,
    password: Buffer | str | None = None,
) -> None:
    """Make a stateful key: the file `path` (its seeds and its state) and the folder `path`.tree (its trees).

    progress: called with (leaves done, leaves in all) at the start and while the trees are built; an exception from it,
    or Ctrl-C, ends the creation and leaves nothing behind. resume: leave the work so far in the folder `path`.new
    instead, if it has taken more than a second, and go on with what lies there, if `cache_bytes` is the same; a killed
    process leaves it in any case. That folder holds the key's seeds. cache_bytes: of memory, and of disk, that the kept
    nodes of one tree may take: 4 MiB by default, which is every node of 2^16 leaves of 32 bytes; of a larger tree the
    lowest levels are left out. executor: who computes; by default threads, one for each CPU this process may use; any
    other than threads is sent the key's secret seeds, so that it must run on trusted hosts only (docs/clusters.md).
    password: seal the seeds with it, in the key file and in `path`.new (the extra `x509`); an unfinished key has its
    own already, which must be given.
    FileExistsError if a name is taken or, without `resume`, an unfinished key is there; UnknownParameterSet; ValueError
    for a stateless set, one whose total height is above 60, or another set than the unfinished key's; BadKey if that is
    damaged; StoreBusy if another process is making this key; StateUnsafe on a network file system; StateError if the
    finished trees do not pass their check; WorkerLost if the executor does not do its work.
    """
    creation.create(
        path, set, progress, resume=resume, keep=resume, cache_bytes=cache_bytes, executor=executor,
        password=encoded_or_none(password),
    )  # fmt: skip


def open_key(
    path: str | os.PathLike[str],
    *,
    signer: str | None = None,
    on_low: OnLow | None = None,
    warn_below: int | None = None,
    cache_bytes: int = CACHE_BYTES,
    password: Buffer | str | None = None,
) -> StatefulPrivateKey:
    """Open a stateful key to sign with, in the store that it names; use it in a `with` block, or close it.

    signer: what the store calls this handle's reservations (default: host and process). on_low: called with the number
    of signatures left whenever one is made and fewer than `warn_below` are left (default: a tenth of the key's); it
    must not raise. cache_bytes: of memory that the kept nodes of one tree may take; signing computes the lowest levels
    of a larger one again, bit by bit. The trees in `path`.tree are read at once, one that is missing is built by the
    first signature that needs it. password: of a key that has one; then opening takes a third of a second and 128 MiB.
    FileNotFoundError, BadKey (not a key, of another version, or the password is wrong or missing), StateUnsafe (a link,
    readable by others, altered, on a network file system, ...), StateRolledBack (older than its witness knows) or
    StateError (its store cannot be reached); each says what is wrong and what to do.
    """
    opened = open_state(path, signer, password=encoded_or_none(password))
    return StatefulPrivateKey(opened, on_low, warn_below, cache_bytes)


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


class _Signer:
    """What a key and a batch of it have in common: a `with` block closes them, and they are never copied."""

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce_ex__(self, protocol: object) -> NoReturn:  # copy and deepcopy come here too
        raise TypeError(
            f"a {type(self).__name__} cannot be copied or pickled: its copy would use the same indices again"
        )


class StatefulPrivateKey(_Signer):
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
        self._spent: list[Spent] = []  # what became of reservations; the store is told with the next one
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
        return self._sign_messages([pieces(content(data, "data"))])[0]

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
        if not isinstance(count, int) or count < 1:
            raise ValueError(f"a reservation takes at least one index, not {count!r}")
        return Batch(self, self._in_turn(self._reserve_batch, count))

    def status(self) -> KeyStatus:
        """What the store knows: used, burned, reserved by whom and when, left; epoch, authority, witness."""
        self._check_process()
        with self._lock:
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
        """Close the key; it may be closed more than once."""
        if os.getpid() == self._pid:
            with self._lock:
                with suppress(StateError, HandleDead):  # accounting only: nothing was lost that had not been
                    self._settle()
                self._closed = True
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
        signatures = self._sign_at(indices.start, messages)
        self._spent[0] = Spent(indices.start, len(signatures))
        return signatures, indices.stop

    def _reserve_batch(self, count: int) -> range:
        indices = self._reserve(count)
        del self._spent[0]  # the batch will say
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
        indices = self._store.reserve(count, self._spent)
        self._spent = [Spent(indices.start, 0)]  # whatever happens now
        if indices.start < 0 or indices.stop > self._set.capacity - 1:
            raise StateUnsafe(
                f"the store of {self._opened.path} is damaged: index {indices.stop - 1} lies outside the key; it must "
                "not sign any more"
            )
        if witness is not None and seen is not None:
            witness.check(seen, self._epoch, indices.start, self._opened.path)
            witness.raise_to(self._epoch, indices.stop)
        self._expected = indices.stop
        return indices

    def _settle(self) -> None:
        if self._spent:
            self._store.settle(self._spent)
            self._spent = []

    def _sign_at(self, start: int, messages: list[Message]) -> list[bytes]:
        return [self._tower.sign(index, message) for index, message in enumerate(messages, start)]

    def _end_batch(self, indices: range, used: int) -> None:
        with self._lock:
            self._spent.append(Spent(indices.start, used))
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

    # ---- messages

    def _messages(self, items: Sequence[Buffer], context: object) -> list[Message]:
        self._refuse_context(context)
        return [pieces(content(data, "data")) for data in items]

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


class Batch(_Signer):
    """Indices that are reserved and not yet used, to be had from `StatefulPrivateKey.reserve`.

    It ends with its `with` block, or by `close`; what it has not used by then is burned.
    """

    def __init__(self, key: StatefulPrivateKey, indices: range) -> None:
        self._key = key
        self._indices = indices
        self._next = indices.start
        self._used = 0
        self._ended = False

    @property
    def indices(self) -> range:
        """The indices that were reserved."""
        return self._indices

    @property
    def remaining(self) -> int:
        """How many signatures this batch can still make."""
        return 0 if self._ended else self._indices.stop - self._next

    def sign(self, data: Buffer, context: None = None) -> bytes:
        """The signature of `data`; KeyExhausted if the batch is used up, else as `StatefulPrivateKey.sign`."""
        return self.sign_many([data], context)[0]

    def sign_many(self, items: Sequence[Buffer], context: None = None) -> list[bytes]:
        """The signatures of several messages, in order: all of them, or an exception and none."""
        return self._key._in_turn(self._sign, self._key._messages(items, context))

    def sign_file(self, file: File, context: None = None, *, progress: Progress | None = None) -> bytes:
        """The signature of a file's bytes, as by `StatefulPrivateKey.sign_file`, with the next index of this batch."""
        with self._key._in_file(file, context, progress) as message:
            return self._key._in_turn(self._sign, [message])[0]

    def close(self) -> None:
        """End the batch; it may be ended more than once."""
        if not self._ended and os.getpid() == self._key._pid:
            self._ended = True
            self._key._end_batch(self._indices, self._used)

    def _sign(self, messages: list[Message]) -> list[bytes]:
        if self._ended:
            raise HandleDead("this batch has ended, and what was left of it is burned; reserve another")
        if len(messages) > self._indices.stop - self._next:
            raise KeyExhausted(
                f"{len(messages)} signatures were asked for, {self.remaining} of {len(self._indices)} are left in "
                "this batch; reserve another"
            )
        if not messages:
            return []
        start, stop = self._next, self._next + len(messages)
        self._key._tower.get_ready(start, stop)
        self._next = stop  # used up, whatever happens now
        signatures = self._key._sign_at(start, messages)
        self._used += len(signatures)
        return signatures
