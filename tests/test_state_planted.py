"""The checks are checked: each bug that loses state in practice is planted, and must be found by the check that the
real store passes."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from hbss import StatefulPrivateKey, StateUnsafe, ahead, create_key
from hbss.errors import StateError
from hbss.stateful import Message
from hbss.stores import NOTHING, ChildSignature, Spent, database
from hbss.stores.sqlite import SqliteStore
from tests.state_kit import (
    HSS,
    LMS,
    accepted_backwards,
    damaged_tree,
    one_time_keys,
    opened,
    settings_hold,
    signer,
    sqlite_store,
    used_twice,
)

# forking beside threads, as pytest-xdist's, is what is tested here; Python 3.12 and later warn of it
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")

# ---- reservation returned after an error ---------------------------------------------------------------------------


class GivesBack(SqliteStore):
    """After an error, the next call gets the indices that the failed one had."""

    _last: range | None = None

    def reserve(self, count: int, spent: Spent = NOTHING) -> range:
        taken, self._last = self._last or super().reserve(count, spent), None
        return taken

    def give_back(self, taken: range) -> None:
        self._last = taken


class GivingBack(StatefulPrivateKey):
    """A signer that returns its reservation when signing fails, so that nothing is lost."""

    def _sign_messages(self, messages: list[Message]) -> list[bytes]:
        start = self._store.describe().next
        try:
            return super()._sign_messages(messages)
        except OSError:
            assert isinstance(self._store, GivesBack)
            self._store.give_back(range(start, start + len(messages)))
            raise


@pytest.mark.parametrize(
    ("signer", "store", "found"), [(StatefulPrivateKey, SqliteStore, False), (GivingBack, GivesBack, True)]
)
def test_reservation_returned_after_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    signer: type[StatefulPrivateKey], store: type[SqliteStore], found: bool,
) -> None:  # fmt: skip
    """An error after the one-time key has signed: the same one-time key must not sign the next message."""
    create_key(tmp_path / "key", LMS)

    def fails(*_: object) -> bytes:
        raise OSError("no memory for the result")

    with signer(opened(tmp_path / "key", store)) as handle, one_time_keys(monkeypatch) as signed:
        handle.sign(b"zero")  # a later signature is joined once, at its end
        with monkeypatch.context() as patch:
            patch.setattr(handle._tower._family, "join", fails)
            with pytest.raises(OSError, match="no memory"):
                handle.sign(b"one")
        handle.sign(b"two")
    assert bool(used_twice(signed)) == found


# ---- lock dropped by opening the file ------------------------------------------------------------------------------

PROBE = """
import contextlib, sys
from hbss import StoreBusy
from hbss.stores.lock import FileLock
from tests.state_kit import sqlite_store
if sys.argv[2] == "bare":
    FileLock.held = lambda self: contextlib.nullcontext()
try:
    print(sqlite_store(sys.argv[1], timeout=0.2).reserve(1).start)
except StoreBusy:
    print("busy")
"""


class Rival(SqliteStore):
    """In the middle of a reservation, another process tries to make one."""

    bare = False
    rival = ""

    def _look(self) -> None:
        """What the signer does to the file meanwhile."""

    def _claim(self, count: int, used: int) -> int:
        self._read_state()
        self._look()
        kind = "bare" if self.bare else "locked"
        probe = [sys.executable, "-c", PROBE, str(self.path), kind]
        self.rival = subprocess.run(probe, capture_output=True, text=True, check=True).stdout.strip()
        return super()._claim(count, used)


class BareRival(Rival):
    """Without flock: SQLite's own lock alone."""

    bare = True

    def __init__(self, path: Path, key_id: bytes, signer: str = "", timeout: float = 10) -> None:
        super().__init__(path, key_id, signer, timeout)
        self._file_lock.held = contextlib.nullcontext  # type: ignore[method-assign, assignment]


class Opens(Rival):
    """Looks into the file, as a backup or an inspection would."""

    def _look(self) -> None:
        with open(self.path, "rb") as file:
            file.read(16)


class BareOpens(BareRival, Opens):
    """The same without flock."""


@pytest.mark.parametrize(("store", "found"), [(Rival, False), (BareRival, False), (Opens, False), (BareOpens, True)])
def test_lock_dropped_by_opening_the_file(tmp_path: Path, store: type[Rival], found: bool) -> None:
    """Two processes get the same index if the file is opened and closed during a reservation and flock is not held."""
    create_key(tmp_path / "key", LMS)
    made = sqlite_store(tmp_path / "key", store)
    assert isinstance(made, Rival)
    if found:
        with pytest.raises(StateUnsafe, match="lease"):  # a second net: no two leases begin at the same index
            made.reserve(1)
    else:
        assert made.reserve(1) == range(1)
    made.close()
    assert made.rival == ("0" if found else "busy")


# ---- child root signed twice ---------------------------------------------------------------------------------------


class Forgets(SqliteStore):
    """Makes the signature of an inner tree anew whenever it is needed."""

    def child(self, layer: int, tree: int, leaf: int) -> ChildSignature | None:
        return None

    def record_child(self, layer: int, tree: int, leaf: int, made: ChildSignature) -> ChildSignature:
        return made


@pytest.mark.parametrize(("store", "found"), [(SqliteStore, False), (Forgets, True)])
def test_child_root_signed_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: type[SqliteStore], found: bool
) -> None:
    """A lower tree that is built again and comes out differently: the leaf above it signs one value, ever."""
    key = tmp_path / "key"
    create_key(key, HSS)
    with one_time_keys(monkeypatch) as signed:
        with signer(key, store) as handle:
            handle.sign(b"one")
        (tmp_path / "key.tree" / "0-0.nodes").unlink()
        monkeypatch.setattr(ahead, "build", damaged_tree)
        with signer(key, store) as handle, pytest.raises(StateError):
            handle.sign(b"two")
    assert bool(used_twice(signed)) == found


# ---- INSERT OR REPLACE, and every other way back -------------------------------------------------------------------


def _key_with_a_child(folder: Path) -> Path:
    key = folder / "key"
    create_key(key, HSS)
    with signer(key, SqliteStore) as handle:
        handle.sign(b"so that there is something to lower")
    return key


def test_nothing_is_accepted_backwards(tmp_path: Path) -> None:
    """The real file refuses every statement that would bring something back."""
    assert accepted_backwards(_key_with_a_child(tmp_path)) == []


@pytest.mark.parametrize(
    ("trigger", "accepted"),
    [
        ("state_insert", "state replaced"),
        ("state_update", "next lowered"),
        ("state_delete", "state deleted"),
        ("child_insert", "child replaced"),
        ("child_update", "child changed"),
        ("child_delete", "child deleted"),
        ("key_insert", "key row replaced"),
        ("key_update", "key row changed"),
        ("key_delete", "key row deleted"),
        ("term_insert", "term put in front"),
        ("term_update", "term changed"),
        ("term_delete", "term deleted"),
    ],
)
def test_insert_or_replace(tmp_path: Path, trigger: str, accepted: str) -> None:
    """Without its trigger a statement is accepted: the check sees that, and the key is not opened any more."""
    key = _key_with_a_child(tmp_path)
    with contextlib.closing(sqlite3.connect(key, isolation_level=None)) as connection:
        connection.execute(f"DROP TRIGGER {trigger}")
    found = accepted_backwards(key)
    if trigger == "key_insert":  # a second row also breaks CHECK (one = 1), and the same row changes nothing
        assert found == []
    else:
        assert accepted in found
    with pytest.raises(StateUnsafe, match="altered"):
        sqlite_store(key)


# ---- weaker pragmas ------------------------------------------------------------------------------------------------


class Faster(SqliteStore):
    """Turns the flushes off once everything has been checked."""

    def __init__(self, path: Path, key_id: bytes, signer: str = "", timeout: float = 10) -> None:
        super().__init__(path, key_id, signer, timeout)
        self._connection.execute("PRAGMA synchronous = NORMAL")


class Weaker(SqliteStore):
    """Asks for less from the start."""

    pragmas = {**database.PRAGMAS, "synchronous": 1}  # noqa: RUF012


def test_weaker_pragmas(tmp_path: Path) -> None:
    """The settings are what durability needs; a connection with less is noticed by the check, or by the store."""
    create_key(tmp_path / "key", LMS)
    with contextlib.closing(sqlite_store(tmp_path / "key")) as real:
        assert settings_hold(real)
    with contextlib.closing(sqlite_store(tmp_path / "key", Faster)) as weak:
        assert not settings_hold(weak)
    with pytest.raises(StateUnsafe, match="synchronous"):
        sqlite_store(tmp_path / "key", Weaker)


# ---- WAL ---------------------------------------------------------------------------------------------------------


def test_wal_switched_on_behind_an_open_key(tmp_path: Path) -> None:
    """Another program turns the file to WAL while it is open: the next reservation refuses."""
    key = tmp_path / "key"
    create_key(key, LMS)
    with signer(key, SqliteStore) as handle:
        handle.sign(b"x")
        with contextlib.closing(sqlite3.connect(key)) as other:
            assert other.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)
        with pytest.raises(StateUnsafe, match="WAL"):
            handle.sign(b"x")
    assert os.path.exists(key)
