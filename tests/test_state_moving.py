"""Moving and splitting: the state of a key elsewhere, and in two places without an overlap."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import warnings
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest

import hbss
from hbss import create_key, creation, open_key, state
from hbss.stores import keyfile
from hbss.stores.keyfile import KeyFile
from hbss.stores.sqlite import SqliteEngine, SqliteStore
from tests.state_kit import HSS, LMS, XMSSMT, index_of, one_time_keys, used_twice

pytestmark = pytest.mark.filterwarnings("ignore:the witness .* lies on the same disk:RuntimeWarning")


# ---- moving --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [LMS, HSS, XMSSMT])
def test_a_move_and_back(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Indices go on where they were, the old store refuses, inner trees are signed once."""
    key, place = tmp_path / "key", f"sqlite:{tmp_path / 'state.db'}"
    create_key(key, name)
    with one_time_keys(monkeypatch) as signed, open_key(key) as before:
        before.sign_many([b"x"] * 3)
        assert state.move(key, place) == place
        with pytest.raises(hbss.StateFenced, match="moved to another store"):
            before.sign(b"x")
        with open_key(key) as handle:
            assert [index_of(name, each) for each in handle.sign_many([b"x"] * 2)] == [3, 4]
            assert handle.status().authority == place
        with pytest.raises(ValueError, match="already"):
            state.move(key, place)
        assert state.move(key, "sqlite:") == "sqlite:"
        with open_key(key) as handle:
            signature = handle.sign(b"x")
            assert index_of(name, signature) == 5
            handle.public_key().verify(signature, b"x")
            assert handle.status().epoch == 2
    assert used_twice(signed) == []


def _moves(key: Path, place: str, monkeypatch: pytest.MonkeyPatch, kind: type, call: str, after: bool) -> None:
    """A move that is interrupted just before or after one of its steps."""
    real = getattr(kind, call)

    def interrupted(*arguments: object) -> None:
        if after:
            real(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(kind, call, interrupted)
        with pytest.raises(KeyboardInterrupt):
            state.move(key, place)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    ("kind", "call"),
    [(KeyFile, "append"), (SqliteStore, "retire"), (SqliteEngine, "create"), (SqliteStore, "record_child")],
)
def test_an_interrupted_move_is_finished(
    tower: Path, monkeypatch: pytest.MonkeyPatch, kind: type, call: str, after: bool
) -> None:
    """Until then nothing signs; nothing is lost, and nothing is signed twice."""
    place = f"sqlite:{tower.with_name('state.db')}"
    with one_time_keys(monkeypatch) as signed:
        with open_key(tower) as before:
            before.sign(b"x")
            _moves(tower, place, monkeypatch, kind, call, after)
            if (kind, after) == (KeyFile, False):  # nothing has happened yet
                assert index_of(HSS, before.sign(b"x")) == 1
            else:
                with pytest.raises(hbss.StateUnsafe, match="hbss state move"):
                    open_key(tower)
        for act in (lambda: state.split(tower, 1, tower.with_name("other")), lambda: state.witness(tower, None)):
            if (kind, after) != (KeyFile, False):
                with pytest.raises(hbss.StateError, match="interrupted"):
                    act()
        state.move(tower, place)
        with open_key(tower) as handle:
            assert index_of(HSS, handle.sign(b"y")) == (2 if (kind, after) == (KeyFile, False) else 1)
    assert used_twice(signed) == []


def test_a_move_can_end_elsewhere(tower: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the new place turns out to be wrong."""
    first, second = (f"sqlite:{tower.with_name(name)}" for name in ("first", "second"))
    _moves(tower, first, monkeypatch, SqliteEngine, "create", False)
    state.move(tower, second)
    with open_key(tower) as handle:
        assert index_of(HSS, handle.sign(b"x")) == 0
        assert handle.status().authority == second


def test_two_operators_at_once(key: Path) -> None:
    """The second one to write is told, and has changed nothing."""
    with closing(KeyFile(key)) as file:
        state.witness(key, str(key.with_name("witness")))
        with pytest.raises(hbss.StateError, match="another program has changed who keeps"):
            file.append(replace(file.term, number=2))
    assert state.status(key).witness


def test_a_witness_does_not_become_the_store(watched: Path) -> None:
    """It would watch itself."""
    with pytest.raises(ValueError, match="name another first"):
        state.move(watched, f"sqlite:{watched.with_name('witness')}")


def test_a_move_keeps_the_witness(watched: Path) -> None:
    """Which watches the new store under its new name."""
    state.move(watched, f"sqlite:{watched.with_name('state.db')}")
    with open_key(watched) as handle:
        handle.sign(b"x")
    shutil.copy(watched.with_name("state.db"), watched.with_name("state.old"))
    with open_key(watched) as handle:
        handle.sign(b"x")
    os.replace(watched.with_name("state.old"), watched.with_name("state.db"))
    watched.with_name("state.db").chmod(0o600)
    with pytest.raises(hbss.StateRolledBack, match=r"next index 4;.*next index 5"):
        open_key(watched)


@pytest.mark.parametrize(
    ("url", "error", "reason"),
    [
        ("redis://host", hbss.StateUnsafe, "no store is known for redis:"),
        ("sqlite:/none/such/file", ValueError, "no such folder"),
        ("memory:somewhere", ValueError, "no address"),
    ],
)
def test_a_place_that_is_none(key: Path, url: str, error: type[Exception], reason: str) -> None:
    """Said before anything is changed."""
    with pytest.raises(error, match=reason):
        state.move(key, url)
    with open_key(key) as handle:
        handle.sign(b"x")


def test_a_place_that_cannot_keep_state(key: Path) -> None:
    """Nor is anything changed by a file that others can read, a folder, or a file of something else."""
    (key.with_name("readable")).write_bytes(b"")
    (key.with_name("readable")).chmod(0o644)
    key.with_name("folder").mkdir()
    key.with_name("text").write_bytes(b"no database, but readable by its owner only" * 100)
    key.with_name("text").chmod(0o600)
    for name, reason in (("readable", "read or written by others"), ("folder", "is a folder"), ("text", "not a key")):
        with pytest.raises((hbss.StateUnsafe, hbss.BadKey, IsADirectoryError), match=reason):
            state.move(key, f"sqlite:{key.with_name(name)}")
        with open_key(key) as handle:
            handle.sign(b"x")


def test_a_move_that_fails_halfway_says_how_to_go_on(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk of the new place is full when the old store has given up."""
    url = f"sqlite:{key.with_name('state.db')}"

    def full(*_: object) -> None:
        raise hbss.StateError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(SqliteEngine, "create", full)
        with pytest.raises(hbss.StateError, match=r"full\. The move has begun.*sqlite: to"):
            state.move(key, url)
    with pytest.raises(hbss.StateUnsafe, match="not on a copy of this file: hbss state move"):
        open_key(key)
    assert state.move(key, "sqlite:") == "sqlite:"
    with open_key(key) as handle:
        handle.sign(b"x")


def test_a_store_that_was_lost(key: Path) -> None:
    """The key refuses, and never starts over."""
    place = key.with_name("state.db")
    state.move(key, f"sqlite:{place}")
    with open_key(key) as handle:
        handle.sign(b"x")
    place.unlink()
    with pytest.raises(FileNotFoundError):
        open_key(key)
    create_key(key.with_name("another"), LMS)
    state.move(key.with_name("another"), f"sqlite:{place}")
    with pytest.raises(hbss.StateUnsafe, match="another key's store"):
        open_key(key)
    with pytest.raises(hbss.BadKey, match="holds state, but no key"):
        open_key(place)


# ---- the store in memory -------------------------------------------------------------------------------------------


def test_memory_says_so_loudly(key: Path) -> None:
    """It works, warns, and a forked child does not go on with it."""
    state.witness(key, str(key.with_name("witness")))
    with pytest.warns(RuntimeWarning, match="forgets every index"):
        state.move(key, "memory:")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with open_key(key) as handle:
            with handle.reserve(3) as batch:
                assert index_of(LMS, batch.sign(b"x")) == 0
            assert index_of(LMS, handle.sign(b"x")) == 3
            found = handle.status()
            assert (found.used, found.burned, found.remaining) == (2, 2, 27)
            with pytest.raises(hbss.KeyExhausted, match="27 are left"):
                handle.reserve(28)
            child = os.fork()
            if child == 0:
                status = 1
                with suppress(hbss.StateUnsafe):
                    open_key(key)
                    status = 2
                os._exit(0 if status == 1 else status)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


# ---- splitting -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [LMS, HSS, XMSSMT])
def test_a_split_never_overlaps(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both files sign, over subtree boundaries, with disjoint indices and the same inner trees."""
    key, other = tmp_path / "key", tmp_path / "other"
    create_key(key, name)
    with one_time_keys(monkeypatch) as signed:
        with open_key(key) as one:
            mine = [one.sign(b"x")]
        count = 20 if name == LMS else 50
        assert state.split(key, count, other) == range(1, 1 + count)
        with open_key(key) as one, open_key(other) as two:
            public = one.public_key()
            assert two.public_key() == public
            assert two.remaining == count
            theirs = two.sign_many([b"y"] * count)
            mine += one.sign_many([b"x"] * 10)
            with pytest.raises(hbss.KeyExhausted, match=f"all of its {count} signatures"):
                two.sign(b"y")
        for signature in theirs:
            public.verify(signature, b"y")
        assert [index_of(name, each) for each in theirs] == list(range(1, 1 + count))
        assert [index_of(name, each) for each in mine] == [0, *range(1 + count, 11 + count)]
    assert used_twice(signed) == []
    found = state.status(key)
    assert found.leases[0].signer == "split: given to other"
    assert (found.used, found.reserved, found.burned) == (11, count, 0)


def test_a_split_shares_signatures_of_inner_trees(tower: Path) -> None:
    """The boundary lies within a lower tree: both have the one signature of it."""
    with open_key(tower) as handle:
        handle.sign(b"x")
    state.split(tower, 40, tower.with_name("other"))
    with open_key(tower) as one, open_key(tower.with_name("other")) as two:
        for leaf in (0, 1):
            record = one._store.child(1, 0, leaf)
            assert record is not None
            assert record == two._store.child(1, 0, leaf)


@pytest.mark.parametrize("at", ["reserve", "create_file", "place"])
def test_an_interrupted_split_loses_and_shares_nothing(key: Path, monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    """Whatever the other file was to get is gone; there is no other file."""
    owner: object = {"reserve": SqliteStore, "create_file": keyfile, "place": creation}[at]
    real = getattr(owner, at)

    def interrupted(*arguments: object) -> None:
        real(*arguments) if at == "reserve" else None
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(owner, at, interrupted)
        with pytest.raises(KeyboardInterrupt):
            state.split(key, 5, key.with_name("other"))
    assert sorted(path.name for path in key.parent.iterdir()) == ["key", "key.lock", "key.tree"]
    with open_key(key) as handle:
        assert index_of(LMS, handle.sign(b"x")) == 5


def test_mistakes_of_a_split(key: Path) -> None:
    """They use up nothing."""
    with pytest.raises(FileExistsError):
        state.split(key, 5, key)
    with pytest.raises(hbss.KeyExhausted, match="32 signatures were asked for, 31 are left"):
        state.split(key, 32, key.with_name("other"))
    with pytest.raises(ValueError, match="at least one"):
        state.split(key, 0, key.with_name("other"))
    with pytest.raises(FileNotFoundError):
        state.split(key, 5, key.parent / "none" / "other")
    assert state.status(key).remaining == 31


# ---- engines of others ---------------------------------------------------------------------------------------------


def test_an_engine_by_entry_point(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package names its engine in the group hbss.stores."""

    class Entry:
        def load(self) -> SqliteEngine:
            return Plain()

    class Plain(SqliteEngine):
        def normal(self, url: str) -> str:
            return url

        def create(self, url: str, key_id: bytes, indices: range, epoch: int) -> None:
            super().create(url.replace("plain:", "sqlite:"), key_id, indices, epoch)

        def open(self, url: str, key_id: bytes, signer: str) -> SqliteStore:
            return super().open(url.replace("plain:", "sqlite:"), key_id, signer)

    def entry_points(*, group: str, name: str) -> list[Entry]:
        return [Entry()] if (group, name) == ("hbss.stores", "plain") else []

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)
    place = f"plain:{key.with_name('state.db')}"
    assert state.move(key, place) == place
    with open_key(key) as handle:
        handle.sign(b"x")
        assert isinstance(handle._store, SqliteStore)
