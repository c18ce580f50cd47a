"""What may be wrong with an unfinished key: damage is not trusted, and every refusal says what to do."""

from __future__ import annotations

import os
import random
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from hbss import BadKey, StateError, StateUnsafe, StoreBusy, creation, treecache
from hbss._native import Key
from hbss.treefolder import TreeFolder
from tests.resume_kit import (
    LARGE,
    TOWER,
    Interrupted,
    Place,
    begin,
    check,
    child,
    note,
    resume,
    secret_of,
    stop_after,
)
from tests.state_kit import HSS, LMS

pytest_plugins = ["tests.resume_fixtures"]

# forking beside threads is what is tested here; Python 3.12 and later warn of it
pytestmark = [
    pytest.mark.usefixtures("small"), pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning"),
]  # fmt: skip


# ---- damage --------------------------------------------------------------------------------------------------------


def _flip(data: bytearray) -> None:
    data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def _cut(data: bytearray) -> None:
    del data[random.randrange(1, len(data)) :]


def _zero(data: bytearray) -> None:
    at = random.randrange(len(data) - 300)
    data[at : at + 300] = bytes(300)


def _lengthen(data: bytearray) -> None:
    data += os.urandom(700)


def _lose(data: bytearray) -> None:
    del data[100:117]


def _repeat(data: bytearray) -> None:
    data += bytes(data)


def _empty(data: bytearray) -> None:
    data.clear()


@pytest.mark.parametrize("damage", [_flip, _cut, _zero, _lengthen, _lose, _repeat, _empty])
def test_a_damaged_piece_is_computed_again(tmp_path: Path, damage: Callable[[bytearray], None]) -> None:
    """Whatever became of the file: the key is right, and its secret the one that was begun."""
    key = tmp_path / "key"
    begin(key, TOWER, 40)
    secret = secret_of(key)
    for name in ("pieces-0", "pieces-1"):
        file = tmp_path / "key.new" / name
        data = bytearray(file.read_bytes())
        damage(data)
        file.write_bytes(data)
    with pytest.raises(Interrupted):
        resume(key, TOWER, stop_after(10))  # appends to what is damaged
    resume(key, TOWER)
    assert check(key) == secret


def test_only_the_damaged_piece_is_computed_again(tmp_path: Path, computed: list[Place]) -> None:
    """One flipped bit costs one piece."""
    key = tmp_path / "key"
    begin(key, LARGE, 128)
    file = tmp_path / "key.new" / "pieces-0"
    data = bytearray(file.read_bytes())
    _flip(data)
    file.write_bytes(data)
    computed.clear()
    resume(key, LARGE)
    assert len([place for place in computed if place.height > 0]) == 1
    check(key)


def test_a_torn_piece_costs_no_other(tmp_path: Path) -> None:
    """The end of the file was lost: what is appended after that counts."""
    key = tmp_path / "key"
    begin(key, LARGE, 50)
    file = tmp_path / "key.new" / "pieces-0"
    os.truncate(file, file.stat().st_size - 10)
    with pytest.raises(Interrupted):
        resume(key, LARGE, stop_after(20))
    first: list[int] = []
    with pytest.raises(Interrupted):
        resume(key, LARGE, lambda now, total: note(first, now))
    assert first == [(49 + 20) * 8]


def test_pieces_of_another_key_are_not_taken(tmp_path: Path) -> None:
    """Nor those of another layer."""
    key, other = tmp_path / "key", tmp_path / "elsewhere" / "key"
    other.parent.mkdir()
    for each in (key, other):
        begin(each, HSS, 8)
    pieces = (other.parent / "key.new" / "pieces-1").read_bytes()
    (tmp_path / "key.new" / "pieces-1").write_bytes(pieces)
    (other.parent / "key.new" / "pieces-0").write_bytes(pieces)
    first: list[int] = []
    for each in (key, other):
        with pytest.raises(Interrupted):
            resume(each, HSS, lambda now, total: note(first, now))
    assert first == [4 * 8, 4 * 8]
    resume(other, HSS)
    check(other)


def test_damaged_seeds_make_no_key(tmp_path: Path) -> None:
    """Any bit, any length: refused, with what to do, and left as it was."""
    key = tmp_path / "key"
    begin(key, LMS, 2)
    file = tmp_path / "key.new" / "seeds"
    whole = file.read_bytes()
    bad = [whole[:length] for length in range(len(whole))] + [whole + b"\0", bytes(len(whole))]
    for at in range(len(whole)):
        bad.append(whole[:at] + bytes([whole[at] ^ 1 << random.randrange(8)]) + whole[at + 1 :])
    for data in bad:
        file.write_bytes(data)
        with pytest.raises(BadKey, match="damaged"):
            creation.unfinished(key)
    with pytest.raises(BadKey, match=r"remove .*key\.new and begin again"):
        resume(key, LMS)
    with pytest.raises(BadKey, match="damaged"):
        creation.create(key, LMS, None)
    assert file.read_bytes() == bad[-1]
    file.write_bytes(whole)
    resume(key, LMS)
    check(key)


def test_finished_trees_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that is wrong, wherever it is, and a file that is not what was written: no key gets a name."""
    compute, parents, save = Key.tree, Key.parents, TreeFolder.save

    def wrong_leaves(self: Key, layer: int, tree: int, first: int, height: int) -> bytearray:
        nodes = compute(self, layer, tree, first, height)
        for leaf in range(1 << height) if height else ():
            nodes[leaf * 32] ^= 1
        return nodes

    def wrong_parents(self: Key, *place: int) -> bytearray:
        nodes = parents(self, *place)  # type: ignore[arg-type]
        if random.random() < 0.5:
            nodes[-1] ^= 1
        return nodes

    def wrong_file(self: TreeFolder, tree: treecache.Tree, layer: int, number: int) -> None:
        save(self, tree, layer, number)
        with open(self.path / f"{layer}-{number}.nodes", "r+b") as file:
            file.seek(2000)
            file.write(b"\0\0\0\0")

    for owner, name, wrong in (
        (Key, "tree", wrong_leaves),
        (Key, "parents", wrong_parents),
        (TreeFolder, "save", wrong_file),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, wrong)
            with pytest.raises(StateError, match="not the one that was built"):
                creation.create(tmp_path / "key", LARGE, None)
        assert os.listdir(tmp_path) == []


# ---- refusals ------------------------------------------------------------------------------------------------------


def test_another_set(tmp_path: Path) -> None:
    """Named, and nothing is lost."""
    begin(tmp_path / "key", LARGE, 5)
    with pytest.raises(ValueError, match=f"unfinished key of {LARGE}, not of {LMS}"):
        resume(tmp_path / "key", LMS)
    resume(tmp_path / "key", LARGE)
    check(tmp_path / "key")


def test_an_unfinished_key_is_not_begun_again(tmp_path: Path) -> None:
    """Both ways out are named, and it stays as it was."""
    begin(tmp_path / "key", LARGE, 5)
    before = secret_of(tmp_path / "key")
    with pytest.raises(FileExistsError, match=r"key\.new holds the seeds .* --resume.*remove that folder"):
        creation.create(tmp_path / "key", LARGE, None)
    assert secret_of(tmp_path / "key") == before


def test_two_at_once(tmp_path: Path) -> None:
    """Whoever comes second is told, both before and after there is something to go on with."""
    key = tmp_path / "key"

    def second(done: int, total: int) -> None:
        for keep in (True, False):
            with pytest.raises(StoreBusy, match="another process is making this key"):
                creation.create(key, LARGE, None, resume=keep, keep=keep)
        if done == total:
            calls.append(done)

    calls: list[int] = []
    creation.create(key, LARGE, second)
    assert calls
    check(key)


def test_the_key_exists(tmp_path: Path) -> None:
    """Beside an unfinished one of the same name: neither is touched."""
    key = tmp_path / "key"
    begin(key, LARGE, 5)
    key.write_text("mine")
    for name in (LARGE, LMS):
        with pytest.raises((FileExistsError, ValueError), match=r"key exists already|not of"):
            resume(key, name)
    assert key.read_text() == "mine"
    key.unlink()
    resume(key, LARGE)
    check(key)


def test_something_else_of_that_name(tmp_path: Path) -> None:
    """A file, a link, a folder of somebody else's: not ours to empty."""
    key, folder = tmp_path / "key", tmp_path / "key.new"
    folder.write_text("mine")
    with pytest.raises(FileExistsError, match=r"key\.new is in the way"):
        resume(key, LMS)
    folder.unlink()
    (tmp_path / "mine").mkdir(0o700)
    folder.symlink_to("mine")
    with pytest.raises(FileExistsError, match=r"key\.new is in the way"):
        resume(key, LMS)
    folder.unlink()
    (tmp_path / "mine").rename(folder)
    (folder / "notes").write_text("mine")
    with pytest.raises(FileExistsError, match="it holds notes; move it away"):
        resume(key, LMS)
    assert (folder / "notes").read_text() == "mine"


def test_seeds_that_others_can_read(tmp_path: Path) -> None:
    """The folder or the file opened up, or a second name: refused like such a key."""
    key, folder = tmp_path / "key", tmp_path / "key.new"
    begin(key, LMS, 2)
    folder.chmod(0o755)
    with pytest.raises(FileExistsError, match="others can read it"):
        resume(key, LMS)
    folder.chmod(0o700)
    (folder / "seeds").chmod(0o644)
    with pytest.raises(StateUnsafe, match="chmod 600"):
        resume(key, LMS)
    (folder / "seeds").chmod(0o600)
    (tmp_path / "copy").hardlink_to(folder / "seeds")
    with pytest.raises(StateUnsafe, match="2 hard links"):
        resume(key, LMS)
    (tmp_path / "copy").unlink()
    resume(key, LMS)
    check(key)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """One OSError, and nothing made; run as nobody, since root may write anywhere."""
    place = tmp_path / "place"
    place.mkdir(0o755)
    process = child(lambda: _as_nobody(place / "key"))
    assert os.waitpid(process, 0)[1] == 0
    assert os.listdir(place) == []


def _as_nobody(key: Path) -> None:
    os.chdir(key.parent)  # its parents are closed to others
    if os.geteuid() == 0:
        os.seteuid(65534)
    else:
        os.chmod(".", 0o555)
    for keep in (False, True):
        with pytest.raises(PermissionError):
            os.mkdir("key.new")
        with pytest.raises(PermissionError):
            creation.create(Path("key"), LMS, None, resume=keep, keep=keep)


@pytest.mark.parametrize("limit", [100, 2_000, 20_000, 33_000])
def test_a_full_disk(tmp_path: Path, limit: int) -> None:
    """No file may grow beyond a limit: an error, what was kept is whole, and with room again it goes on."""
    key = tmp_path / "key"
    process = child(lambda: _limited(key, limit))
    assert os.waitpid(process, 0)[1] == 0
    assert not key.exists()
    if limit > 100:
        secret = secret_of(key)
        first: list[int] = []
        with pytest.raises(Interrupted):
            resume(key, LARGE, lambda now, total: note(first, now))
        assert first[0] > 0
    resume(key, LARGE)
    assert check(key) == secret if limit > 100 else check(key)


def _limited(key: Path, limit: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    with pytest.raises((OSError, StateError), match=r"File too large|full|disk"):
        resume(key, LARGE)
