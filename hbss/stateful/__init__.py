"""Stateful private keys: LMS, HSS, XMSS, XMSS^MT.

There is one way to sign: reserve an index (which is durably used up from then on), tell the witness, sign, check,
release. Never another order, and no way to choose the index. A crash, an error or an interrupt in between loses indices
and repeats none.
"""

from __future__ import annotations

import os
from concurrent.futures import Executor
from typing import TYPE_CHECKING

from hbss import creation
from hbss.encoding.passwords import encoded_or_none
from hbss.params import ParameterSet
from hbss.reading import Progress
from hbss.stateful.batch import Batch, Message
from hbss.stateful.key import OnLow, StatefulPrivateKey, tower_of
from hbss.stores.opening import open_state
from hbss.treecache import CACHE_BYTES

if TYPE_CHECKING:
    from typing_extensions import Buffer
else:
    Buffer = object

__all__ = ["Batch", "Message", "OnLow", "StatefulPrivateKey", "create_key", "open_key", "tower_of"]


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
    if on_low is not None and not callable(on_low):
        raise TypeError(f"on_low is to be called with a number, and is {type(on_low).__name__}")
    if warn_below is not None and not isinstance(warn_below, int):
        raise TypeError(f"warn_below is a number of signatures, not {type(warn_below).__name__}")
    opened = open_state(path, signer, password=encoded_or_none(password))
    return StatefulPrivateKey(opened, on_low, warn_below, cache_bytes)
