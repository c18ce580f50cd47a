"""The witness, and recovering: what went back is noticed, and what comes then."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterable
from pathlib import Path

import pytest

import hbss
from hbss import create_key, open_key, state
from hbss.stores import StoreState
from hbss.stores.sqlite import SqliteStore
from hbss.stores.witness import Witness
from tests.state_kit import HSS, LMS, XMSS, XMSSMT, index_of, one_time_keys, put_back, used_twice

pytestmark = pytest.mark.filterwarnings("ignore:the witness .* lies on the same disk:RuntimeWarning")


# ---- the witness ---------------------------------------------------------------------------------------------------


def test_an_old_copy_is_refused(watched: Path) -> None:
    """Both numbers, and the way out."""
    put_back(watched)
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

        def looking(index: int, data: Iterable[bytes | memoryview]) -> bytes:
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
    put_back(watched)
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


def test_others_sign_meanwhile(watched: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What they do between a look at the witness and one at the store is no rollback."""
    with open_key(watched) as other:
        mark = Witness.mark

        def busy(witness: Witness) -> StoreState:
            if witness is other._opened.witness:
                return mark(witness)
            other.sign(b"x")
            found = mark(witness)
            other.sign(b"x")
            return found

        monkeypatch.setattr(Witness, "mark", busy)
        with open_key(watched) as handle:
            handle.sign(b"x")
        found = state.status(watched)
        assert found.seen is not None
        assert found.seen <= found.next


@pytest.mark.parametrize("ahead", [1, 3])
def test_copies_that_sign_at_once(watched: Path, ahead: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have looked at the witness before either told it: the second notices, and signs nothing."""
    clone = watched.with_name("clone")
    shutil.copy(watched, clone)
    clone.chmod(0o600)
    with open_key(watched) as one, open_key(clone) as two, one_time_keys(monkeypatch) as signed:
        witness = two._opened.witness
        assert witness is not None
        mark = witness.mark()
        monkeypatch.setattr(witness, "mark", lambda: mark)
        for _ in range(ahead):
            one.sign(b"x")
        with pytest.raises(hbss.StateRolledBack, match="there is another one that signs"):
            two.sign(b"y")
        monkeypatch.undo()
    assert not used_twice(signed)
    assert state.status(clone).burned == 1


def test_signers_of_one_store_are_no_copies(watched: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One reserves, others do and tell the witness, then the first tells it, whose mark lies beyond: that is right."""
    with open_key(watched) as one, open_key(watched) as two:
        raise_to = Witness.raise_to

        def late(witness: Witness, epoch: int, next: int) -> StoreState:
            if witness is one._opened.witness:
                two.sign_many([b"x", b"x"])
            return raise_to(witness, epoch, next)

        monkeypatch.setattr(Witness, "raise_to", late)
        assert index_of(LMS, one.sign(b"y")) == 3
        assert index_of(LMS, two.sign(b"z")) == 6
    assert state.status(watched).seen == 7


def test_a_witness_is_not_given_up_to_hide_a_copy(watched: Path) -> None:
    """One that answers and has seen more speaks a last time; one that is lost need not be asked."""
    put_back(watched)
    with pytest.raises(hbss.StateRolledBack, match="next index 3"):
        state.witness(watched, None)
    assert state.status(watched).seen == 3
    watched.with_name("witness").unlink()
    assert state.witness(watched, None) == ""


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
        put_back(key)
        state.recover(key, signature=newest)
        with open_key(key) as handle:
            assert index_of(name, handle.sign(b"x")) == 40
    assert used_twice(signed) == []


@pytest.mark.parametrize("name", [LMS, HSS, XMSS, XMSSMT])
def test_another_keys_signature_says_nothing(tmp_path: Path, name: str) -> None:
    """Its index would be skipped to, and indices above it used again; a signature of the key itself counts."""
    mine, other = tmp_path / "mine", tmp_path / "other"
    for path in (mine, other):
        create_key(path, name)
    with open_key(other) as handle:
        foreign = handle.sign(b"x")
    with open_key(mine) as handle:
        handle.sign_many([b"y"] * 40 if name == HSS else [b"y"] * 2)  # of HSS up to a second tree
        own = handle.sign(b"z")
    before = state.status(mine)
    with pytest.raises(ValueError, match=r"was not made by .*mine, but by another key"):
        state.recover(mine, signature=foreign)
    assert state.status(mine) == before
    assert state.recover(mine, signature=own).next == before.next == index_of(name, own) + 1
