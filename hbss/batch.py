"""Verifying many signatures at once: hashes of different signatures run side by side, and threads share the work.

    hbss.verify_all(keys, messages, signatures)           # returns None, or raises InvalidSignature
    good = hbss.verify_each(keys, messages, signatures)   # an array: which of them are good

Each element means what `PublicKey.verify` means. Messages and signatures are data, and may be anything; keys and
contexts are the caller's choice, and what `verify` refuses in them is an error before anything is verified.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any

import numpy as np

from hbss import _native, workers
from hbss.errors import InvalidSignature
from hbss.keys import PublicKey
from hbss.message import PIECE, Bytes, content, pieces
from hbss.params import parameter_set

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from typing_extensions import Buffer
else:
    Buffer = NDArray = object

Claim = tuple[PublicKey, Bytes, bytes, Bytes]  # key, signature, head, message; can be pickled if these are bytes

LEAST_CALLS = 1 << 16  # hash calls of a task: half a millisecond, some ten times what handing it to a thread costs
MOST_CALLS = 1 << 18  # milliseconds, so that threads finish together; some 64 signatures, enough to fill all lanes
SHOWN = 8  # positions that verify_all's exception names in its text


def verify_each(
    keys: PublicKey | Iterable[PublicKey],
    messages: Iterable[Buffer],
    signatures: Iterable[Buffer],
    contexts: Buffer | Iterable[Buffer | None] | None = None,
    *,
    executor: Executor | None = None,
) -> NDArray[np.bool_]:
    """Which signatures are good: a bool array of shape (n,), in the order given; of an empty batch, shape (0,).

    Element i is True where `keys[i].verify(signatures[i], messages[i], contexts[i])` would return, and False where it
    would raise InvalidSignature. Read it element by element: as a condition it is an error if it has several elements,
    but not if it has one, and `.all()` of an empty batch is True. To accept all or nothing call `verify_all`.

    keys: of any schemes and sets, mixed as they come; one PublicKey stands for all. contexts: one bytes-like object
    stands for all; None, as a whole or for an element, is no context. executor: who does the work, threads or
    processes (they are sent public keys, messages and signatures); by default one thread for each CPU. A small batch
    is verified in the calling thread.

    ValueError if the lengths differ, and where `verify` raises it: a context too long or for a scheme that has none.
    TypeError for what is no PublicKey or not bytes-like. Both name the position. WorkerLost if processes fail to do the
    work.
    """
    claims = _claims(keys, messages, signatures, contexts, not workers.is_local(executor))
    kinds = [(key._key.set.name, len(signature)) for key, signature, _, _ in claims]
    order = sorted(range(len(claims)), key=kinds.__getitem__)  # one set after another, as the C library wants them
    found = bytearray(len(claims))
    for i, verdict in zip(order, _verdicts([claims[i] for i in order], executor), strict=True):
        found[i] = verdict
    good: NDArray[np.bool_] = np.frombuffer(found, np.uint8) == 1
    return good


def verify_all(
    keys: PublicKey | Iterable[PublicKey],
    messages: Iterable[Buffer],
    signatures: Iterable[Buffer],
    contexts: Buffer | Iterable[Buffer | None] | None = None,
    *,
    executor: Executor | None = None,
) -> None:
    """Return if every signature is good; else raise InvalidSignature, whose `indices` are the positions of the others.

    Arguments and errors are those of `verify_each`; an empty batch is a ValueError, as nothing was verified.
    """
    found = verify_each(keys, messages, signatures, contexts, executor=executor)
    if not len(found):
        raise ValueError("the batch is empty: nothing was verified, which is not a success")
    bad = np.flatnonzero(~found).tolist()
    if bad:
        positions = ", ".join(map(str, bad[:SHOWN])) + (", ..." if len(bad) > SHOWN else "")
        raise InvalidSignature(
            f"{len(bad)} of {len(found)} signatures do not belong to their messages and keys: at {positions}", bad
        )


# ---- what is asked -------------------------------------------------------------------------------------------------


def _claims(
    keys: PublicKey | Iterable[PublicKey],
    messages: Iterable[Buffer],
    signatures: Iterable[Buffer],
    contexts: Buffer | Iterable[Buffer | None] | None,
    portable: bool,
) -> list[Claim]:
    """The arguments element by element, checked as `PublicKey.verify` checks them."""
    what, signed = _several(messages, "messages"), _several(signatures, "signatures")
    whose = [keys] * len(what) if isinstance(keys, PublicKey) else _several(keys, "keys")
    one = contexts is None or isinstance(contexts, (bytes, bytearray, memoryview))
    under = [contexts] * len(what) if one else _several(contexts, "contexts")
    columns = {"keys": whose, "messages": what, "signatures": signed, "contexts": under}
    if len({len(column) for column in columns.values()}) > 1:
        raise ValueError(
            "a batch needs as many of each; got "
            + ", ".join(f"{len(column)} {name}" for name, column in columns.items())
        )
    claims: list[Claim] = []
    try:
        for key, data, signature, context in zip(*columns.values(), strict=True):
            if not isinstance(key, PublicKey):
                raise TypeError(f"a key must be a PublicKey, not {type(key).__name__}")
            if type(signature) is not bytes:  # they nearly always are, and a call costs more than the question
                signature = _bytes(signature, "signature", portable)
            if type(data) is not bytes:
                data = _bytes(data, "data", portable)
            claims.append((key, signature, *key._whole(context, data)))
    except (TypeError, ValueError) as error:
        raise type(error)(f"position {len(claims)}: {error}") from None
    return claims


def _several(items: object, what: str) -> list[Any]:
    if isinstance(items, (str, bytes, bytearray, memoryview)) or not isinstance(items, Iterable):
        raise TypeError(f"{what} must be a sequence with one element for each signature, not {type(items).__name__}")
    return list(items)


def _bytes(data: Buffer, what: str, portable: bool) -> Bytes:
    found = content(data, what)
    return bytes(found) if portable else found


# ---- how it is done ------------------------------------------------------------------------------------------------


def _verdicts(claims: Sequence[Claim], executor: Executor | None) -> bytes:
    """A byte for every claim, 1 if it holds: by this thread, or in tasks of about equal work."""
    calls = np.cumsum([_calls(key._key.set.name) * key._key.levels + len(data) // 64 for key, _, _, data in claims])
    total = int(calls[-1]) if len(claims) else 0
    cpus = workers.cpus()
    count = min(cpus * math.ceil(total / (cpus * MOST_CALLS)), total // LEAST_CALLS)
    if count < 2:
        return _verify(claims)
    ends = np.searchsorted(calls, np.arange(1, count + 1) * total // count) + 1
    tasks = [(claims[start:end],) for start, end in itertools.pairwise([0, *ends.tolist()]) if start < end]
    with workers.pool(executor) as pool:
        return b"".join(workers.ordered(pool, _verify, tasks))


def _verify(claims: Sequence[Claim]) -> bytes:
    """One task. Where a message is long each is verified by itself, in pieces, so that an interrupt is heard."""
    if max((len(message) for _, _, _, message in claims), default=0) <= PIECE:
        return _native.verify_each([(key._key, signature, head, message) for key, signature, head, message in claims])
    return bytes(_holds(*claim) for claim in claims)


def _holds(key: PublicKey, signature: Bytes, head: bytes, message: Bytes) -> bool:
    try:
        key._key.verify(signature, [head, *pieces(message)])
    except InvalidSignature:
        return False
    return True


@functools.cache
def _calls(name: str) -> int:
    """Hash calls of one verification with this set, a short message's included."""
    return parameter_set(name).verify_hashes
