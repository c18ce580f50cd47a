"""Opening what a key file names: its store, and its witness."""

from __future__ import annotations

import os
import socket
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from hbss.errors import StateUnsafe
from hbss.keys import PublicKey
from hbss.params import ParameterSet
from hbss.stores import StateStore, StoreState, engines
from hbss.stores.keyfile import KeyFile, KeyRow, Term
from hbss.stores.witness import Witness, witness_id


@dataclass
class OpenState:
    """A key, and the store that keeps its state."""

    path: Path
    key: KeyRow
    set: ParameterSet
    term: Term
    store: StateStore
    witness: Witness | None

    @property
    def public(self) -> PublicKey:
        """The key to verify with."""
        return PublicKey.from_raw(self.set, self.key.public_key)

    def check_rollback(self) -> StoreState:
        """The state of the store; StateRolledBack if the witness has seen more."""
        if self.witness is None:
            return self.store.describe()
        seen = self.witness.mark()
        state = self.store.describe()
        self.witness.check(seen, state.epoch, state.next, self.path)
        return state

    def close(self) -> None:
        """Let go of store and witness."""
        self.store.close()
        if self.witness is not None:
            self.witness.close()


def this_signer() -> str:
    """What leases call this process: host and process number."""
    return f"{socket.gethostname()}:{os.getpid()}"


def open_state(
    path: str | os.PathLike[str], signer: str | None = None, *, password: bytes | None = None, look: bool = False
) -> OpenState:
    """Open the store and the witness that a key file names; the witness is not asked yet.

    password and look: as for `KeyFile`. FileNotFoundError, BadKey or StateUnsafe as for the file; StateUnsafe if a move
    was not finished, or if the store holds no state of this key; StateError if it cannot be reached.
    """
    with closing(KeyFile(os.fspath(path), password=password, look=look)) as file:
        key, found, term, where = file.key, file.set, file.term, file.path
    if not term.ready:
        raise StateUnsafe(
            f"the state of {where} is on its way to {term.authority}: the move was interrupted, and nothing may sign "
            "before it is finished. Run, here and not on a copy of this file: "
            f"hbss state move {where} {term.authority} (or another place)"
        )
    return open_term(where, key, found, term, signer or this_signer())


def open_term(path: Path, key: KeyRow, found: ParameterSet, term: Term, signer: str) -> OpenState:
    """The store and the witness of one term."""
    store = engines.open_store(term.store_url(path), term.key_id, signer)
    try:
        state = store.describe()
        if state.limit > found.capacity - 1:
            raise StateUnsafe(
                f"{path}: its store says index {state.limit} is the limit, but {found.name} has {found.capacity - 1} "
                "signatures; it must not sign any more"
            )
        witness = open_witness(term, signer)
    except BaseException:
        store.close()
        raise
    return OpenState(path, key, found, term, store, witness)


def open_witness(term: Term, signer: str) -> Witness | None:
    """The witness of a term, if it has one."""
    if not term.witness:
        return None
    return Witness(engines.open_store(term.witness, witness_id(term.key_id), signer), term.witness)
