"""Making a stateful key: all of it, or nothing."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

import hbss
from hbss import create_key, open_key
from tests.state_kit import LMS, XMSS

# ---- creation ------------------------------------------------------------------------------------------------------


def test_what_creation_leaves(tower: Path) -> None:
    """The key, the first tree of every layer, and nothing else."""
    assert sorted(os.listdir(tower.parent)) == ["key", "key.tree"]
    assert sorted(os.listdir(tower.parent / "key.tree")) == ["0-0.nodes", "1-0.nodes"]
    leaves = struct.unpack_from(">I", (tower.parent / "key.tree" / "0-0.nodes").read_bytes(), 8)
    assert leaves == (1,), "the version of the format"


@pytest.mark.parametrize("taken", ["key", "key.tree", "key-journal", "key-wal", "key.new"])
def test_creation_overwrites_nothing(tmp_path: Path, taken: str) -> None:
    """Not even a journal, which SQLite would play into the new key; nor a link that leads nowhere."""
    (tmp_path / taken).symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileExistsError, match=r"exists already|in the way"):
        create_key(tmp_path / "key", LMS)
    assert sorted(os.listdir(tmp_path)) == [taken]


def test_a_name_taken_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    """Another key of the same name appears while the trees are built."""

    def progress(done: int, total: int) -> None:
        if done == total:
            (tmp_path / "key").write_bytes(b"somebody else's")

    with pytest.raises(FileExistsError):
        create_key(tmp_path / "key", LMS, progress)
    assert (tmp_path / "key").read_bytes() == b"somebody else's"
    assert os.listdir(tmp_path) == ["key"]


@pytest.mark.parametrize(
    ("name", "error", "reason"),
    [
        ("SLH-DSA-SHA2-128f", ValueError, "hbss.generate"),
        ("+".join(["LMS_SHA256_M32_H25_W8"] * 3), ValueError, "total height of 75"),
        ("LMS_SHA256_M32_H5_W5", hbss.UnknownParameterSet, "did you mean"),
        (7, TypeError, "named by a str"),
    ],
)
def test_sets_that_cannot_be_created(tmp_path: Path, name: str, error: type[Exception], reason: str) -> None:
    """Each says what to do instead, and leaves nothing."""
    with pytest.raises(error, match=reason):
        create_key(tmp_path / "key", name)
    assert os.listdir(tmp_path) == []


def test_progress_counts_all_leaves(tmp_path: Path) -> None:
    """Rising from nothing to the sum of all first trees."""
    seen: list[tuple[int, int]] = []
    create_key(tmp_path / "key", "LMS_SHA256_M32_H10_W8+LMS_SHA256_M32_H5_W4", lambda *step: seen.append(step))
    assert {total for _, total in seen} == {1024 + 32}
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert seen[0][0] == 0
    assert seen[-1][0] == 1056
    assert len(seen) > 8, "pieces small enough to see them pass"


@pytest.mark.parametrize("at", [1, 5, 33, 34])
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_creation_leaves_nothing(tmp_path: Path, at: int, error: type[BaseException]) -> None:
    """Ctrl-C, or a callback that raises, at the start, in the middle and at the very end."""
    calls = 0

    def progress(done: int, total: int) -> None:
        nonlocal calls
        calls += 1
        if calls == at or done == total:
            raise error

    with pytest.raises(error):
        create_key(tmp_path / "key", "LMS_SHA256_M32_H10_W8+LMS_SHA256_M32_H5_W4", progress)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("call", ["link", "unlink", "rename"])
def test_an_interrupt_while_placing_leaves_nothing_half_made(
    tmp_path: Path, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Just after each of the last steps: either everything has its name or nothing has."""
    real = getattr(os, call)

    def interrupted(*arguments: Path, **options: int) -> None:
        real(*arguments, **options)
        if Path(arguments[0]).name in ("key", "tree"):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, call, interrupted)
        with pytest.raises(KeyboardInterrupt):
            create_key(tmp_path / "key", LMS)
    left = sorted(os.listdir(tmp_path))
    assert left in ([], ["key", "key.tree"])
    if left:
        with open_key(tmp_path / "key") as handle:
            handle.public_key().verify(handle.sign(b"x"), b"x")


def test_keys_differ(tmp_path: Path) -> None:
    """Seeds, identifiers and public keys are drawn anew."""
    for name in ("one", "two"):
        create_key(tmp_path / name, XMSS)
    with open_key(tmp_path / "one") as one, open_key(tmp_path / "two") as two:
        assert one.public_key() != two.public_key()
        assert one._opened.term.key_id != two._opened.term.key_id
        assert one._opened.key.secret[:32] != one._opened.key.secret[32:]


@pytest.mark.parametrize(
    "name",
    ["a key", "what?mode=ro", "50%#1", "-key", "schlüssel", "key\n2", b"\xff".decode("utf-8", "surrogateescape")],
)
def test_any_file_name(tmp_path: Path, name: str) -> None:
    """SQLite is given the path as a URI, in which some characters mean something else."""
    create_key(tmp_path / name, LMS)
    with open_key(tmp_path / name) as handle:
        handle.public_key().verify(handle.sign(b"x"), b"x")
    assert sorted(os.listdir(tmp_path)) == sorted([name, f"{name}.lock", f"{name}.tree"])


def test_a_later_chdir_changes_nothing(tower: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path means the folder of the moment it was opened in."""
    monkeypatch.chdir(tower.parent)
    with open_key("key") as handle:
        monkeypatch.chdir("/")
        handle.public_key().verify(handle.sign(b"x"), b"x")
