"""Leases, status, witness, moving, splitting, recovering: what a program and its operator do with a key's state."""

from __future__ import annotations

import copy
import importlib.metadata
import os
import pickle
import shutil
import threading
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


@pytest.fixture
def tower(tmp_path: Path) -> Path:
    """A fresh HSS key of 32 * 32 leaves."""
    create_key(tmp_path / "key", HSS)
    return tmp_path / "key"


# ---- leases and status ---------------------------------------------------------------------------------------------


def test_a_batch_signs_with_what_it_reserved(key: Path) -> None:
    """One durable write, then signatures in order; the rest is burned and counted."""
    with open_key(key) as handle:
        handle.sign(b"0")
        with handle.reserve(8) as batch:
            assert batch.indices == range(1, 9)
            signatures = [batch.sign(b"1"), *batch.sign_many([b"2", b"3"])]
            assert batch.remaining == 5
            found = handle.status()
            assert (found.used, found.burned, found.reserved, found.remaining) == (1, 0, 8, 22)
        found = handle.status()
        assert (found.used, found.burned, found.reserved, found.remaining) == (4, 5, 0, 22)
        assert [index_of(LMS, each) for each in signatures] == [1, 2, 3]
        assert index_of(LMS, handle.sign(b"9")) == 9
    for text, signature in zip((b"1", b"2", b"3"), signatures, strict=True):
        handle.public_key().verify(signature, text)
    assert state.status(key).used == 5, "closing settles what is left"


def test_a_batch_ends(key: Path) -> None:
    """With its block, with its last index, and with its key."""
    with open_key(key) as handle:
        with handle.reserve(2) as batch:
            with pytest.raises(hbss.KeyExhausted, match="3 signatures were asked for, 2 of 2 are left in this batch"):
                batch.sign_many([b"x"] * 3)
            batch.sign_many([b"x"] * 2)
            with pytest.raises(hbss.KeyExhausted, match="reserve another"):
                batch.sign(b"x")
        with pytest.raises(hbss.HandleDead, match="burned"):
            batch.sign(b"x")
        batch.close()
        assert batch.remaining == 0
        longer = handle.reserve(3)
    with pytest.raises(hbss.HandleDead, match="closed"):
        longer.sign(b"x")
    assert state.status(key).reserved == 3, "nobody said what became of it"


@pytest.mark.parametrize("count", [0, -1, 1.5, "2", None])
def test_a_batch_of_no_size(key: Path, count: object) -> None:
    """A reservation takes at least one, and whole ones."""
    with open_key(key) as handle:
        with pytest.raises(ValueError, match="at least one index"):
            handle.reserve(count)  # type: ignore[arg-type]
        assert handle.remaining == 31


def test_a_batch_cannot_be_copied(key: Path) -> None:
    """Its copy would use the same indices."""
    with open_key(key) as handle, handle.reserve(2) as batch:
        for act in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="copied or pickled"):
                act(batch)


def test_an_error_burns_what_was_to_be_signed(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a batch too: the index that failed is not tried again."""
    with open_key(key) as handle, handle.reserve(3) as batch:
        with monkeypatch.context() as patch:
            patch.setattr(handle._tower, "sign", lambda index, data: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                batch.sign(b"x")
        assert index_of(LMS, batch.sign(b"x")) == 1
        batch.close()
        found = handle.status()
        assert (found.used, found.burned) == (1, 2)


def test_threads_share_a_batch(tower: Path) -> None:
    """No index twice."""
    released: list[bytes] = []
    with open_key(tower) as handle, handle.reserve(40) as batch:
        threads = [
            threading.Thread(target=lambda: released.extend(batch.sign(b"x") for _ in range(10))) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(index_of(HSS, each) for each in released) == list(range(40))


def test_who_reserved_what(key: Path) -> None:
    """A signer that died leaves its lease, with its name and time."""
    child = os.fork()
    if child == 0:
        handle = open_key(key, signer="the night shift")
        handle.reserve(5)
        os._exit(0)
    os.waitpid(child, 0)
    found = state.status(key)
    (lease,) = found.leases
    assert (lease.start, lease.stop, lease.epoch, lease.signer) == (0, 5, 0, "the night shift")
    assert (found.used, found.burned, found.reserved, found.remaining) == (0, 0, 5, 26)
    with open_key(key) as handle:
        handle.sign(b"x")
        assert handle.status().leases == found.leases
        assert str(os.getpid()) not in lease.signer


def test_status_while_signing_adds_up(tower: Path) -> None:
    """Numbers of one moment, whatever others do."""
    stop = threading.Event()

    def sign() -> None:
        with open_key(tower) as own:
            while not stop.is_set() and own.remaining:
                own.sign(b"x")

    thread = threading.Thread(target=sign)
    thread.start()
    try:
        for _ in range(20):
            found = state.status(tower)
            assert found.used + found.burned + found.reserved + found.remaining == 1023
            assert found.burned == 0
    finally:
        stop.set()
        thread.join()


def test_on_low(key: Path) -> None:
    """The callback hears of every signature below the threshold, and of none above."""
    heard: list[int] = []
    with open_key(key, on_low=heard.append, warn_below=29) as handle:
        for _ in range(4):
            handle.sign(b"x")
        handle.sign_many([b"x"] * 5)
    assert heard == [28, 27, 22]
    with open_key(key, on_low=heard.append) as handle:
        handle.sign_many([b"x"] * 20)
        assert heard[-1] == 2, "a tenth of 31"


# ---- the witness ---------------------------------------------------------------------------------------------------


@pytest.fixture
def watched(key: Path) -> Path:
    """A key with a witness and three signatures, and an older copy of it."""
    state.witness(key, str(key.with_name("witness")))
    with open_key(key) as handle:
        handle.sign(b"x")
    shutil.copy(key, key.with_name("old"))
    with open_key(key) as handle:
        handle.sign_many([b"x", b"x"])
    return key


def _put_back(key: Path) -> None:
    os.replace(key.with_name("old"), key)
    key.chmod(0o600)


def test_an_old_copy_is_refused(watched: Path) -> None:
    """Both numbers, and the way out."""
    _put_back(watched)
    with pytest.raises(hbss.StateRolledBack, match=r"next index 1;.*next index 3\..*hbss state recover"):
        open_key(watched)
    found = state.status(watched)
    assert (found.next, found.seen) == (1, 3)
    after = state.recover(watched)
    assert (after.epoch, after.next, after.seen) == (1, 3, 3)
    with open_key(watched) as handle:
        assert index_of(LMS, handle.sign(b"x")) == 3


def test_a_copy_put_back_under_an_open_key(watched: Path) -> None:
    """The state goes back while a signer is open, as with a machine's snapshot: the next reservation notices."""
    with open_key(watched) as handle:
        handle._opened.witness.raise_to(0, 7)  # type: ignore[union-attr]
        with pytest.raises(hbss.StateRolledBack, match=r"next index 3;.*next index 7"):
            handle.sign(b"x")
    assert state.status(watched).used == 3


def test_the_witness_is_told_before_release(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the moment a one-time key signs, reservation and witness are both ahead of it."""
    state.witness(key, str(key.with_name("witness")))
    with open_key(key) as handle:
        sign = handle._tower.sign
        seen: list[tuple[int, int, int]] = []

        def looking(index: int, data: memoryview) -> bytes:
            assert handle._opened.witness is not None
            seen.append((index, handle._opened.witness.mark().next, handle._store.describe().next))
            return sign(index, data)

        monkeypatch.setattr(handle._tower, "sign", looking)
        handle.sign(b"x")
        with handle.reserve(3) as batch:
            batch.sign(b"x")
    assert seen == [(0, 1, 1), (1, 4, 4)]


def test_a_witness_that_cannot_be_written_burns_the_index(watched: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is released that the witness does not know."""
    with open_key(watched) as handle, monkeypatch.context() as patch, one_time_keys(monkeypatch) as signed:

        def fails(self: SqliteStore, epoch: int, next: int) -> None:
            raise hbss.StateError("the disk of the witness is full")

        patch.setattr(SqliteStore, "advance", fails)
        with pytest.raises(hbss.StateError, match="of the witness is full"):
            handle.sign(b"x")
        assert not signed
    found = state.status(watched)
    assert (found.next, found.used, found.burned) == (4, 3, 1)


@pytest.mark.parametrize("how", ["removed", "emptied", "cut", "of another key"])
def test_a_lost_witness_is_an_error(watched: Path, how: str) -> None:
    """It fails closed, and nothing is used up."""
    file = watched.with_name("witness")
    if how == "removed":
        file.unlink()
    elif how == "emptied":
        file.write_bytes(b"")
    elif how == "cut":
        os.truncate(file, file.stat().st_size // 2)
    else:
        file.unlink()
        create_key(watched.with_name("another"), LMS)
        state.witness(watched.with_name("another"), str(file))
    with pytest.raises((hbss.StateError, hbss.BadKey, FileNotFoundError), match="witness"):
        open_key(watched)
    with pytest.raises((hbss.StateError, hbss.BadKey, FileNotFoundError)):
        state.recover(watched)


def test_a_witness_on_the_same_disk_is_said(key: Path) -> None:
    """It protects from a copy of the file, not from one of the disk."""
    with pytest.warns(RuntimeWarning, match="same disk"):
        url = state.witness(key, str(key.with_name("witness")))
    assert url == f"sqlite:{key.with_name('witness')}"
    with pytest.raises(ValueError, match="somewhere else"):
        state.witness(key, str(key))
    with pytest.raises(ValueError, match="no such folder"):
        state.witness(key, str(key.with_name("none") / "witness"))
    with open_key(key) as handle:
        handle.sign(b"x")
    assert state.witness(key, None) == ""
    key.with_name("witness").unlink()
    with open_key(key) as handle:
        handle.sign(b"x")


def test_nothing_washes_a_rollback(watched: Path) -> None:
    """An old copy cannot be moved, split or given another witness as if it were the newest."""
    _put_back(watched)
    for act in (
        lambda: state.move(watched, f"sqlite:{watched.with_name('state.db')}"),
        lambda: state.split(watched, 1, watched.with_name("other")),
        lambda: state.witness(watched, str(watched.with_name("second witness"))),
    ):
        with pytest.raises(hbss.StateRolledBack, match="next index 3"):
            act()
    assert sorted(path.name for path in watched.parent.iterdir() if path.suffix not in (".lock", ".tree")) == [
        "key", "witness",
    ]  # fmt: skip


def test_two_keys_share_a_witness_file(watched: Path, tmp_path: Path) -> None:
    """Each has its own row in it."""
    create_key(tmp_path / "second", LMS)
    state.witness(tmp_path / "second", str(watched.with_name("witness")))
    with open_key(tmp_path / "second") as handle:
        handle.sign(b"x")
    assert (state.status(watched).seen, state.status(tmp_path / "second").seen) == (3, 1)


def test_concurrent_signers_with_a_witness(tower: Path) -> None:
    """Two handles that reserve in turns never accuse one another."""
    state.witness(tower, str(tower.with_name("witness")))
    failed: list[BaseException] = []

    def sign() -> None:
        try:
            with open_key(tower) as handle:
                for _ in range(15):
                    handle.sign(b"x")
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=sign) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert state.status(tower).seen == 45


# ---- recovering ----------------------------------------------------------------------------------------------------


def test_recovery_needs_to_know_how_far(key: Path) -> None:
    """Without a witness, from a number or from the newest signature."""
    with pytest.raises(ValueError, match="no witness"):
        state.recover(key)
    with open_key(key) as handle:
        signatures = handle.sign_many([b"x"] * 4)
        after = state.recover(key, signature=signatures[2])
        assert (after.epoch, after.next) == (1, 4), "never back"
        with pytest.raises(hbss.StateFenced, match="epoch 1, this signer at 0"):
            handle.sign(b"x")
    after = state.recover(key, skip_to=9)
    assert (after.epoch, after.next, after.burned, after.used) == (2, 9, 5, 4)
    with pytest.raises(ValueError, match="beyond the end"):
        state.recover(key, skip_to=32)
    with pytest.raises(ValueError, match="can be none of this key"):
        state.recover(key, signature=b"short")
    with open_key(key) as handle:
        assert index_of(LMS, handle.sign(b"x")) == 9
    assert state.recover(key, skip_to=31).remaining == 0


@pytest.mark.parametrize("name", [HSS, XMSSMT])
def test_recovery_of_a_tower(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An old copy lacks signatures of inner trees: they come out the same, so no one-time key signs two values."""
    key = tmp_path / "key"
    create_key(key, name)
    shutil.copy(key, tmp_path / "old")
    with one_time_keys(monkeypatch) as signed:
        with open_key(key) as handle:
            newest = [handle.sign(b"%d" % i) for i in range(40)][-1]
        _put_back(key)
        state.recover(key, signature=newest)
        with open_key(key) as handle:
            assert index_of(name, handle.sign(b"x")) == 40
    assert used_twice(signed) == []


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
