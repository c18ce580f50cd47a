"""What decides in the crash kit: the invariant, the model of a disk whose power is cut, and the labels of points."""

from __future__ import annotations

import os
import random
import sys
from contextlib import closing
from pathlib import Path

import pytest

import hbss
from hbss.testing import StoreSubject, checks
from hbss.testing.checks import Account, Use
from hbss.testing.disk import SECTOR, Disk, Record
from hbss.testing.points import At, labelled
from tests.state_kit import HSS, LMS, XMSSMT

# ---- the invariant -------------------------------------------------------------------------------------------------


def use(leaf: int, value: bytes = b"", layer: int = 0) -> Use:
    """A use with a short value."""
    return Use(layer, leaf, value.ljust(32, b"\0"))


def test_a_leaf_that_signs_twice_is_found() -> None:
    """On layer 0 even the same value counts twice; above, a tree's one signature may return."""
    assert checks.reused([use(1, b"a"), use(2, b"a"), use(0, b"x", 1), use(0, b"x", 1)]) == []
    assert checks.reused([use(1, b"a"), use(1, b"a")]) == ["leaf 1 of layer 0 was released 2 times"]
    assert checks.reused([use(0, b"x", 1), use(0, b"y", 1)]) == ["leaf 0 of layer 1 was released 2 times"]


@pytest.mark.parametrize(
    ("account", "wrong"),
    [
        (Account(0, 4, 31, leased=1, used=3), ""),
        (Account(0, 4, 31, leased=0, used=2), ""),
        (Account(0, 3, 31, leased=0, used=0), "never handed out"),
        (Account(2, 4, 31, leased=0, used=0), "never handed out"),
        (Account(0, 4, 31, leased=3, used=2), "more than the 4 handed out"),
        (Account(0, 9, 31, leased=0, used=4), "counts 4 as used, and 3"),
        (Account(0, 4, 3, leased=0, used=0), "impossible"),
    ],
)
def test_accounts(account: Account, wrong: str) -> None:
    """What a store says has to add up with what was released: leaves 0, 1 and 3."""
    found = checks.unaccounted(account, [use(0), use(1), use(3), use(0, b"", 1)])
    assert (found == []) if not wrong else any(wrong in text for text in found)


def test_a_record_that_a_kill_cut_off_does_not_count() -> None:
    """Whole records before it do."""
    data = use(7, b"a").packed() + use(8, b"b", 1).packed()
    assert checks.unpack(data) == [use(7, b"a"), use(8, b"b", 1)]
    assert checks.unpack(data[:-1]) == [use(7, b"a")]


@pytest.mark.parametrize("name", [LMS, HSS, XMSSMT, "XMSS-SHA2_10_256"])
def test_uses_in_signatures(tmp_path: Path, name: str) -> None:
    """Real signatures: leaves follow from the index, inner parts stay the same, and no byte is left out."""
    hbss.create_key(tmp_path / "key", name)
    with hbss.open_key(tmp_path / "key") as key:
        one, two = key.sign_many([b"one", b"two"])
    found = hbss.parameter_set(name)
    first, second = checks.uses_in(name, one), checks.uses_in(name, two)
    assert [use.layer for use in first] == list(range(found.layers))
    assert (first[0].leaf, second[0].leaf) == (0, 1)
    assert first[0].value != second[0].value
    assert first[1:] == second[1:]
    assert checks.reused(first + second) == []
    for at in random.Random(1).sample(range(len(one) // 2, len(one)), 20):
        damaged = one[:at] + bytes([one[at] ^ 1]) + one[at + 1 :]
        assert sum(a != b for a, b in zip(first, checks.uses_in(name, damaged), strict=True)) == 1


# ---- the disk ------------------------------------------------------------------------------------------------------


class Played:
    """A folder with one file `a`, of 1,000 bytes, on which records are played by hand."""

    def __init__(self, folder: Path) -> None:
        (folder / "a").write_bytes(b"0" * 1000)
        (folder / "sub").mkdir()
        self.folder = folder
        self.disk = Disk(folder)
        self.inodes = {name: os.stat(folder / name).st_ino for name in ("a", ".", "sub")}

    def do(self, kind: str, name: str = "a", first: int = 0, one: bytes = b"", two: str = "") -> None:
        """One record; paths are names in the folder."""
        if kind in "CDULR":
            one = os.fsencode(self.folder / name)
        if kind in "CD":
            self.inodes[name] = 1 << 40 | len(self.inodes)
        inode = self.inodes.get(name, 0)
        self.disk.follow(Record(kind, inode, first, 0, one, os.fsencode(self.folder / two)))

    def files(self, *kept: int) -> dict[str, bytes]:
        """The files after a cut that kept only these of the pending changes."""
        pending = self.disk.pending
        image = self.disk.image({place: range(pending[place].parts()) for place in kept})
        return {path: content for path, node, content in image.walk(self.disk.root) if not node.is_folder}


@pytest.fixture
def played(tmp_path: Path) -> Played:
    """Such a folder."""
    return Played(tmp_path)


def test_only_what_was_flushed_is_sure(played: Played) -> None:
    """A write may be lost until its file is flushed, and of two writes either may be."""
    played.do("W", first=0, one=b"1")
    played.do("W", first=1, one=b"2")
    assert [played.files(*kept)["a"][:2] for kept in ((), (0,), (1,), (0, 1))] == [b"00", b"10", b"02", b"12"]
    played.do("S")
    assert played.disk.pending == []
    assert played.files()["a"][:2] == b"12"


def test_flushing_a_file_does_not_flush_its_name(played: Played) -> None:
    """Neither a new name nor one that was removed: that takes a flush of the folder."""
    played.do("C", "b", first=0o100600)
    played.do("W", "b", one=b"new")
    played.do("S", "b")
    played.do("U", "a")
    assert set(played.files()) == {"a"}
    assert set(played.files(0)) == {"a", "b"}
    assert set(played.files(1)) == set()
    played.do("S", ".")
    assert played.files() == {"b": b"new"}


def test_a_rename_between_folders_needs_both_flushed(played: Played) -> None:
    """It happens whole or not at all."""
    played.do("R", "a", two="sub/a")
    played.do("S", "sub")
    assert set(played.files()) == {"a"}
    assert set(played.files(0)) == {"sub/a"}
    played.do("S", ".")
    assert set(played.files()) == {"sub/a"}


def test_a_hard_link_is_one_file(played: Played, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Also when the disk is written out."""
    played.do("L", "a", two="b")
    played.do("W", first=0, one=b"1")
    target = tmp_path_factory.mktemp("out")
    played.disk.image({0: range(1), 1: range(9)}).write(played.disk.root, target)
    assert (target / "a").stat().st_nlink == 2
    assert (target / "b").read_bytes()[:1] == b"1"


def test_a_write_is_torn_at_sectors(played: Played) -> None:
    """Each sector by itself; a file that did not grow does not show what lies beyond its end."""
    played.do("W", first=500, one=b"x" * 1000)  # from sector 0 into sector 2, and 500 bytes beyond the end
    (change,) = played.disk.pending
    assert change.parts() == 4
    torn = {parts: played.disk.image({0: set(parts)}) for parts in ((1,), (2, 3), (0, 3))}
    content = {
        parts: next(data for path, _, data in image.walk(played.disk.root) if path == "a")
        for parts, image in torn.items()
    }
    assert content[(1,)] == b"0" * 500 + b"x" * 12 + b"0" * 488
    assert content[(2, 3)] == b"0" * SECTOR + b"x" * 488
    assert content[(0, 3)] == b"0" * 1000 + bytes(24) + b"x" * 476


def test_a_failed_flush_loses_what_it_should_have_flushed(played: Played) -> None:
    """A later flush that succeeds does not make up for it."""
    played.do("W", first=0, one=b"1")
    played.do("s")
    played.do("W", first=1, one=b"2")
    played.do("S")
    assert played.files()["a"][:2] == b"02"
    assert played.files(0)["a"][:2] == b"12"


def test_a_truncation_may_be_lost(played: Played) -> None:
    """As any other change."""
    played.do("T", first=3)
    assert [len(played.files(*kept)["a"]) for kept in ((), (0,))] == [1000, 3]


def test_a_call_that_the_model_does_not_know_is_refused(played: Played) -> None:
    """A log with something unknown proves nothing."""
    with pytest.raises(ValueError, match="does not know this call"):
        played.disk.follow(Record("X", 0, 0, 0, b"mmap", b"/somewhere"))


# ---- labelled points -----------------------------------------------------------------------------------------------


def test_labels_are_read_off_the_source(tmp_path: Path) -> None:
    """Every step of a reservation has one, in order."""
    subject, met = StoreSubject("sqlite:{folder}/state"), list[str]()
    subject.create(tmp_path)
    with closing(subject.open(tmp_path)) as session:
        with labelled(met.append):
            session.sign(lambda uses: None)
        assert sys.getprofile() is None
    steps = [
        "before hbss.testing.subjects.sign: indices = self.store.reserve(",
        "before hbss.stores.sqlitefile.transaction: self._connection.execute('BEGIN IMMEDIATE')",
        "after hbss.stores.sqlitefile.transaction: self._connection.execute('BEGIN IMMEDIATE')",
        "after hbss.stores.sqlite._claim: changed = self.execute('UPDATE state SET next",
        "before hbss.stores.sqlitefile.transaction: self._connection.execute('COMMIT')",
        "after hbss.stores.sqlitefile.transaction: self._connection.execute('COMMIT')",
        "after hbss.testing.subjects.sign: indices = self.store.reserve(",
        "before hbss.testing.subjects.sign: release(uses)",
        "after hbss.testing.subjects.sign: release(uses)",
    ]
    places = [next(i for i, label in enumerate(met) if label.startswith(step)) for step in steps[:-3]]
    places += [len(met) - 1 - next(i for i, label in enumerate(met[::-1]) if label.startswith(s)) for s in steps[-3:]]
    assert places == sorted(places)


def test_a_point_counts_how_often_it_was_met(monkeypatch: pytest.MonkeyPatch) -> None:
    """The signal comes at the n-th time, once."""
    sent: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append(number))
    point = At("here", 9, nth=2)
    for label in ("here", "there", "here", "here"):
        point(label)
    assert sent == [9]
