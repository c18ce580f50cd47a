"""Looking after the state of a stateful key: its status, its witness, moving, splitting and recovering it.

Each of these may lose indices when it is interrupted; none of them lets an index be used twice. They are commands of
an operator: a program that signs needs none of them.
"""

from __future__ import annotations

import hmac
import os
import shutil
import tempfile
import warnings
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hbss import creation
from hbss.encoding.passwords import encoded_or_none
from hbss.errors import BadKey, StateError, StateRolledBack
from hbss.families import family, randomizer_of
from hbss.keys import PublicKey
from hbss.signature import Malformed, reader
from hbss.stateful import StatefulPrivateKey, tower_of
from hbss.status import KeyStatus, read_status
from hbss.stores import KEY_ID_LEN, NoState, StateStore, Vouched, engines, guards, keyfile, sqlite
from hbss.stores.keyfile import HERE, KeyFile, Term
from hbss.stores.opening import OpenState, open_state, open_term, this_signer
from hbss.stores.witness import witness_id

if TYPE_CHECKING:
    from typing_extensions import Buffer
else:
    Buffer = object

_Path = str | os.PathLike[str]
_Password = Buffer | str | None


def status(path: _Path) -> KeyStatus:
    """What is known of a key's indices, also of one that must not sign. Errors as for `open_key`, but no rollback.

    A key under a password is not asked for it; then who keeps its state is what the file says, unproven.
    """
    with closing(open_state(path, look=True)) as opened:
        return read_status(opened)


# ---- the password --------------------------------------------------------------------------------------------------


def set_password(path: _Path, new: _Password, *, password: _Password = None) -> None:
    """Put a key's seeds under another password, or with None under none (the extra `x509`); its state stays as it is.

    password: what they are under so far. It is one durable write, beside which signers go on. What SQLite frees in the
    file is overwritten, but a disk may keep what it held, its journal and its copies: a key that ever lay there without
    a password is as safe as that disk. BadKey if the password is wrong or missing.
    """
    with closing(_key_file(path, password)) as file:
        file.reseal(encoded_or_none(new))


def is_sealed(path: _Path) -> bool:
    """Whether a key is under a password."""
    with closing(KeyFile(os.fspath(path), look=True)) as file:
        return file.sealed


def public_key(path: _Path) -> PublicKey:
    """The public key that a key file names; of one under a password it is not proven that the seeds are that key's."""
    with closing(KeyFile(os.fspath(path), look=True)) as file:
        return PublicKey.from_raw(file.set, file.key.public_key)


def _key_file(path: _Path, password: _Password) -> KeyFile:
    return KeyFile(os.fspath(path), password=encoded_or_none(password))


# ---- the witness ---------------------------------------------------------------------------------------------------


def witness(path: _Path, place: str | None, *, password: _Password = None) -> str:
    """From now on tell a witness of every reservation before anything is released; None: no witness any more.

    place: the path of a file elsewhere, or the URL of a store; what is missing is made there. Returns its URL. Signers
    that are open go on without it until they open the key again. A RuntimeWarning if it lies on the disk of the state,
    where it goes back together with it. ValueError for the key's own store; StateRolledBack if the witness that it had
    so far has seen more than the store; to have none any more that witness need not answer. password: of a key that has
    one, here and below.
    """
    url = "" if place is None else engines.normal(place)
    with closing(_key_file(path, password)) as file:
        term = _in_force(file)
        if url == term.store_url(file.path):
            raise ValueError(f"{url} is the store of this key itself; a witness has to be somewhere else")
        try:
            with closing(open_term(file.path, file.key, file.set, term, this_signer())) as opened:
                opened.check_rollback()
                if url:
                    _make_witness(term.key_id, url, opened.store)
        except StateRolledBack:
            raise
        except (StateError, BadKey, OSError):  # it is lost, perhaps, and that is why it is given up
            if url:
                raise
        file.append(replace(term, number=term.number + 1, witness=url))
        _warn_of_same_disk(url, term.store_url(file.path))
    return url


def _make_witness(key_id: bytes, url: str, store: StateStore) -> None:
    state = store.describe()
    engines.engine(url).create(url, witness_id(key_id), range(state.first, state.limit), state.epoch)
    with closing(engines.open_store(url, witness_id(key_id), this_signer())) as made:
        made.advance(state.epoch, state.next)


def _warn_of_same_disk(witness: str, store: str) -> None:
    files = [url.removeprefix(sqlite.SCHEME) for url in (witness, store) if url.startswith(sqlite.SCHEME)]
    if len(files) == 2 and os.stat(files[0]).st_dev == os.stat(files[1]).st_dev:
        warnings.warn(
            f"the witness {witness} lies on the same disk as {files[1]}: whoever puts back an old disk, snapshot or "
            "backup of both will not be noticed. A witness on another machine protects from that",
            RuntimeWarning,
            stacklevel=3,
        )


# ---- moving --------------------------------------------------------------------------------------------------------


def move(path: _Path, place: str, *, password: _Password = None) -> str:
    """Let another store keep the state: the old one refuses for good before the new one accepts. Returns its URL.

    place: the URL of a store; `sqlite:` alone is the key file itself. If the move is interrupted, nothing signs until
    `move` has been called again and ended, on this file: a copy of it would end it a second time, and repeat indices. A
    RuntimeWarning as for `witness`. ValueError if the state is there already; else what the new store says.
    """
    url = HERE if place == HERE else engines.normal(place)
    with closing(_key_file(path, password)) as file:
        begun = file.term
        if begun.ready:
            if url in (begun.authority, begun.store_url(file.path)):
                raise ValueError(f"the state of {file.path} is kept by {url} already")
            if url == begun.witness:
                raise ValueError(f"{url} is the witness of {file.path} and cannot be its store too: name another first")
            if url != HERE:
                _check_answers(url)
            begun = Term(begun.number + 1, os.urandom(KEY_ID_LEN), url, begun.witness, ready=False)
        else:
            begun = replace(begun, number=begun.number + 1, authority=url)
        old = next(term for term in reversed(file.terms) if term.ready)
        with closing(open_term(file.path, file.key, file.set, old, this_signer())) as opened:
            opened.check_rollback()
            if file.term.ready or file.term.authority != url:
                file.append(begun)  # from here on nothing new opens the old store
            left = opened.store.retire(begun.key_id)
            epoch = opened.store.describe().epoch + 1
            inner = [] if not left else tower_of(opened, prune=False).vouchers(left.start)
        try:
            _settle_in(file, begun, left, epoch, inner)
        except (StateError, BadKey, OSError) as error:
            raise StateError(
                f"{error}. The move has begun, and nothing signs before it is finished: run hbss state move "
                f"{file.path} {url} again, or hbss state move {file.path} {HERE} to have the state in the key file"
            ) from error
        file.append(replace(file.term, number=file.term.number + 1, ready=True))
        _warn_of_same_disk(begun.witness, begun.store_url(file.path))
    return url


def _check_answers(url: str) -> None:
    """An error if no state can be kept there: said before anything is changed."""
    with suppress(NoState):  # of course
        try:
            engines.open_store(url, os.urandom(KEY_ID_LEN), this_signer()).close()
        except FileNotFoundError:
            folder = Path(url.removeprefix(sqlite.SCHEME)).parent
            if url.startswith(sqlite.SCHEME) and not os.access(folder, os.W_OK | os.X_OK):
                raise StateError(f"{folder} cannot be written to: no state can be kept there") from None


def _settle_in(file: KeyFile, term: Term, left: range, epoch: int, inner: list[Vouched]) -> None:
    """Make the new state, its inner trees' signatures and its witness."""
    url = term.store_url(file.path)
    if term.authority == HERE:
        file.add_state(term.key_id, left, epoch)
    else:
        engines.engine(url).create(url, term.key_id, left, epoch)
    with closing(engines.open_store(url, term.key_id, this_signer())) as store:
        for layer, tree, leaf, made in inner:
            store.record_child(layer, tree, leaf, made)
        if term.witness:
            _make_witness(term.key_id, term.witness, store)


def _in_force(file: KeyFile) -> Term:
    if not file.term.ready:
        raise StateError(
            f"the move of {file.path} to {file.term.authority} was interrupted; finish it first: "
            f"hbss state move {file.path} {file.term.authority}"
        )
    return file.term


# ---- splitting -----------------------------------------------------------------------------------------------------


def split(path: _Path, count: int, other: _Path, *, password: _Password = None) -> range:
    """Give the next `count` indices to a new key file `other` of the same public key. Returns them.

    First the store of `path` gives them up, durably, then `other` is written: an interrupt between loses them. `other`
    keeps its state in itself, has no witness, and is under the same password if there is one. FileExistsError,
    KeyExhausted, ValueError; errors of `open_key`.
    """
    target = guards.resolve(other)
    creation.refuse_taken(target)
    guards.check_place(target)
    key_id, secret = os.urandom(KEY_ID_LEN), encoded_or_none(password)
    with closing(open_state(path, f"split: given to {target.name}", password=secret)) as opened:
        handle = StatefulPrivateKey(opened)
        workshop = Path(tempfile.mkdtemp(prefix=f"{target.name}.new-", dir=target.parent))
        try:
            indices = handle.reserve(count).indices  # the lease is never settled: it says who got them
            inner = _shared_trees(opened, indices)
            keyfile.create_file(workshop / "key", opened.key, indices, key_id, inner, secret)
            with suppress(FileNotFoundError):  # they can be built again
                shutil.copytree(creation.tree_folder(opened.path), workshop / "tree")
            creation.place(workshop, target)
        finally:
            shutil.rmtree(workshop, ignore_errors=True)
    return indices


def _shared_trees(opened: OpenState, indices: range) -> list[Vouched]:
    """The inner trees at both ends of a range: others sign under them as well, and they are signed once."""
    tower = tower_of(opened, prune=False)
    rows = tower.vouchers(indices.start)
    if indices.stop < opened.store.describe().limit:
        rows += [row for row in tower.vouchers(indices.stop) if row not in rows]
    return rows


# ---- recovering ----------------------------------------------------------------------------------------------------


def recover(
    path: _Path, *, skip_to: int | None = None, signature: bytes | None = None, password: _Password = None
) -> KeyStatus:
    """After a restore or a failover: begin a new epoch, above every index that may have been used.

    That is above what the witness has seen, above `signature` (the newest one that was released), and not below
    `skip_to`; without a witness one of the two must be given. Signers that are still open are refused from then on, but
    one that holds a batch can use it up: stop them first. ValueError if nothing says how far to skip, if it lies
    beyond the key's end, or for a signature that this key has not made; BadKey, StateError and others as for
    `open_key`.
    """
    with closing(open_state(path, password=encoded_or_none(password))) as opened:
        state = opened.store.describe()
        marks = [state] if opened.witness is None else [state, opened.witness.mark()]
        if len(marks) == 1 and skip_to is None and signature is None:
            raise ValueError(
                f"{opened.path} has no witness, so nothing says which indices were released: give the newest "
                "signature (--signature), or a number that is higher than every index that may be used (--skip-to)"
            )
        wanted = [mark.next for mark in marks]
        wanted += [] if skip_to is None else [skip_to]
        wanted += [] if signature is None else [_index_of(opened, signature) + 1]
        if max(wanted) > state.limit:
            raise ValueError(f"index {max(wanted)} lies beyond the end of {opened.path}, which is {state.limit}")
        opened.store.advance(max(mark.epoch for mark in marks) + 1, max(wanted))
        if opened.witness is not None:
            after = opened.store.describe()
            opened.witness.raise_to(after.epoch, after.next)
        return read_status(opened)


def _index_of(opened: OpenState, signature: bytes) -> int:
    """The index of a signature by this key: that its randomiser is the one of its index, only this key's can be."""
    try:
        found = reader(opened.public).read(signature)
    except Malformed as error:
        raise ValueError(f"what was given as the newest signature can be none of this key: {error}") from None
    tower = family(opened.set, opened.key.secret, keyfile.public_seed(opened.set, opened.key.public_key), None)
    if not hmac.compare_digest(found.randomizer, randomizer_of(tower, found.number)):
        raise ValueError(f"what was given as the newest signature was not made by {opened.path}, but by another key")
    return found.number
