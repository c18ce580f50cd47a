"""What a killed process leaves behind: transactions, creations, locks. (`hbss.testing` kills at every other point.)"""

from __future__ import annotations

import os
import shutil
import signal
import struct
import time
from pathlib import Path

import pytest

from hbss import StateUnsafe, create_key, open_key
from hbss.stores.sqlite import SqliteStore
from tests.state_kit import LMS, WIDE, Signer, index_of, sqlite_store

# forking beside threads, as pytest-xdist's, is what is tested here; Python 3.12 and later warn of it
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")


class StopsHalfway(SqliteStore):
    """Is killed in the middle of a transaction of which part has reached the file, with its journal beside it."""

    def _claim(self, count: int, used: int) -> int:
        self._connection.execute("PRAGMA cache_size = 1")
        start = super()._claim(count, used)
        for leaf in range(500):
            self._connection.execute("INSERT INTO child VALUES (?, 1, 0, ?, zeroblob(4000), x'')", (self.key_id, leaf))
        os.kill(os.getpid(), signal.SIGKILL)
        return start


def test_a_signer_rolls_back_a_dead_ones_transaction(tmp_path: Path) -> None:
    """A transaction that was cut off leaves nothing but the indices that it was about, and the key goes on."""
    key = tmp_path / "key"
    create_key(key, LMS)
    size = key.stat().st_size
    child = os.fork()
    if child == 0:
        sqlite_store(key, StopsHalfway).reserve(3)
        os._exit(1)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    assert key.stat().st_size > size
    assert Path(f"{key}-journal").stat().st_size > 0
    with open_key(key) as handle:
        assert handle.remaining == 28
        handle.public_key().verify(handle.sign(b"x"), b"x")
    assert key.stat().st_size == size
    assert not Path(f"{key}-journal").exists()


def journal_of(content: bytes) -> bytes:
    """A rollback journal that puts a whole file back (SQLite's file format, section 3)."""
    page, sector = int.from_bytes(content[16:18], "big"), 512
    pages = [content[at : at + page] for at in range(0, len(content), page)]
    header = bytes.fromhex("d9d505f920a163d7") + struct.pack(">5I", len(pages), 0, len(pages), sector, page)
    records = (
        struct.pack(">I", number) + each + struct.pack(">I", sum(each[at] for at in range(page - 200, 0, -200)))
        for number, each in enumerate(pages, 1)
    )
    return header.ljust(sector, b"\0") + b"".join(records)


def test_a_journal_of_long_ago_brings_no_index_back(tmp_path: Path) -> None:
    """A file that was renamed without the journal of a dead signer, signed, and got its name back."""
    key, journal = tmp_path / "key", tmp_path / "key-journal"
    create_key(key, LMS)
    before = key.read_bytes()
    with open_key(key) as handle:
        handle.sign_many([b"x"] * 3)
    journal.write_bytes(journal_of(before))
    journal.chmod(0o600)
    with open_key(key) as handle:
        assert not journal.exists(), "SQLite has put it back"
        assert index_of(LMS, handle.sign(b"x")) == 3
        assert handle.status().burned == 3


def test_a_killed_creation_leaves_no_key(tmp_path: Path) -> None:
    """What is left has no name that anything opens, and the same key can be made again."""
    key = tmp_path / "key"
    child = os.fork()
    if child == 0:
        create_key(key, LMS, lambda done, total: os.kill(os.getpid(), signal.SIGKILL))
        os._exit(1)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    assert os.listdir(tmp_path) == ["key.new"]
    create_key(key, LMS)
    with open_key(key) as handle:
        assert handle.remaining == 31


@pytest.mark.parametrize("step", ["rename", "link", "unlink"])
def test_a_creation_killed_while_placing(tmp_path: Path, step: str) -> None:
    """Just after each of the last steps: the key is there and signs, or it is refused until what is left is removed."""
    key = tmp_path / "key"
    child = os.fork()
    if child == 0:
        real = getattr(os, step)

        def dying(*arguments: Path, **options: int) -> None:
            real(*arguments, **options)
            if Path(arguments[0]).name in ("key", "tree"):
                os.kill(os.getpid(), signal.SIGKILL)

        setattr(os, step, dying)
        create_key(key, LMS)
        os._exit(1)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    if step == "rename":
        with pytest.raises(FileExistsError, match=r"key\.tree exists already"):
            create_key(key, LMS)
        shutil.rmtree(tmp_path / "key.tree")
        create_key(key, LMS)
    elif step == "link":
        with pytest.raises(StateUnsafe, match="2 hard links"):
            open_key(key)
        with pytest.raises(FileExistsError, match="key exists already"):
            create_key(key, LMS)  # and sweeps out what is left of the other
    with open_key(key) as handle:
        assert handle.remaining == 31
        handle.public_key().verify(handle.sign(b"x"), b"x")


def test_a_busy_signer_starves_nobody(tmp_path: Path) -> None:
    """While one process signs as fast as it can, another gets its turns."""
    key = tmp_path / "key"
    create_key(key, WIDE)
    signer = Signer(key)
    signer.wait_for_one()
    before = sqlite_store(key).describe().next
    with open_key(key) as handle:
        mine = [index_of(WIDE, handle.sign(b"x")) for _ in range(20)]
    signer.kill()
    assert mine[-1] - before < 20 * 20, "a turn in twenty, at the least"


def test_the_lock_of_a_killed_signer_is_free(tmp_path: Path) -> None:
    """A dead process holds up nobody."""
    key = tmp_path / "key"
    create_key(key, WIDE)
    signer = Signer(key)
    signer.wait_for_one()
    signer.kill()
    start = time.monotonic()
    with open_key(key) as handle:
        handle.sign(b"x")
    assert time.monotonic() - start < 5
