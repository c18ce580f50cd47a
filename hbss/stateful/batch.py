"""Indices that are reserved by one durable write, and signed with one by one."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn

from hbss.errors import HandleDead, KeyExhausted
from hbss.message import Bytes
from hbss.reading import File, Progress

if TYPE_CHECKING:
    from typing_extensions import Buffer, Self

    from hbss.stateful.key import StatefulPrivateKey
else:
    Buffer = object

Message = Iterable[Bytes]  # in parts, to be read once


class Signer(ABC):
    """What a key and a batch of it have in common: a `with` block closes them, and they are never copied."""

    @abstractmethod
    def close(self) -> None:
        """End it."""

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


class Batch(Signer):
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
        signatures = self._key._sign_at(range(start, stop), messages)
        self._used += len(signatures)
        return signatures
