"""hbss state, and what signing says of a key that comes to its end."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import hbss
from hbss.cli.app import run
from tests.state_kit import HSS, LMS, index_of

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a key and a message in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "message").write_bytes(b"a message\n")
    hbss.create_key("key", LMS)
    return tmp_path


def said(capsys: Captured, *args: str, status: int = 0) -> str:
    """What a command says, on both channels."""
    capsys.readouterr()
    assert run(args) == status
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return out + err


def test_memory_is_not_for_the_command_line(folder: Path, capsys: Captured) -> None:
    """The key would be lost with the process."""
    for command in ("move", "witness"):
        assert "the key would be lost" in said(capsys, "state", command, "key", "memory:", status=2)
    said(capsys, "sign", "key", "message")


def test_status(folder: Path, capsys: Captured) -> None:
    """Everything that is known, for people and for programs."""
    said(capsys, "sign", "key", "message")
    with hbss.open_key("key", signer="the night shift") as key:
        key.reserve(4)
    text = said(capsys, "state", "status", "key")
    for part in (LMS, "kept in the key file, epoch 0", "none: an old copy", "0 to 30, the next is 5",
                 "1 used, 0 burned, 4 reserved, 26 left", "1 to 4 by the night shift, 20"):  # fmt: skip
        assert part in text, text
    found = json.loads(said(capsys, "state", "status", "key", "--json"))
    assert (found["used"], found["burned"], found["reserved"], found["remaining"], found["next"]) == (1, 0, 4, 26, 5)
    assert found["leases"][0]["signer"] == "the night shift"
    assert found["authority"] == "sqlite:"


def test_low(folder: Path, capsys: Captured) -> None:
    """A line on stderr from a tenth on, or from where one likes; an exit status of its own, with everything done."""
    assert "left" not in said(capsys, "sign", "key", "message")
    assert "29 signatures are left" in said(capsys, "sign", "key", "message", "--warn-below", "30")
    (folder / "message.sig").unlink()
    low = said(capsys, "sign", "key", "message", "--warn-below", "29", "--fail-low", status=3)
    assert "28 signatures are left" in low
    with hbss.open_key("key") as key:
        key.public_key().verify((folder / "message.sig").read_bytes(), b"a message\n")
        key.sign_many([b"x"] * 26)
    assert "2 signatures are left" in said(capsys, "state", "status", "key", "--fail-low", status=3)
    assert "1 signatures are left" in said(capsys, "sign", "key", "message")
    said(capsys, "sign", "key", "message")
    assert "none is left" in said(capsys, "state", "status", "key")
    assert "make a new key" in said(capsys, "sign", "key", "message", status=2)


def test_witness_and_recovery(folder: Path, capsys: Captured) -> None:
    """An old copy next to its witness is refused, and recovered."""
    text = said(capsys, "state", "witness", "key", "seen")
    assert "hbss: warning: the witness" in text
    assert "same disk" in text
    shutil.copy("key", "old")
    said(capsys, "sign", "key", "message")
    shutil.move("old", "key")
    (folder / "key").chmod(0o600)
    assert "has gone back" in said(capsys, "sign", "key", "message", status=2)
    assert "has seen all below index 1" in said(capsys, "state", "status", "key")
    assert "epoch 1, next index 1, 30 signatures left" in said(capsys, "state", "recover", "key")
    said(capsys, "sign", "key", "message")
    assert index_of(LMS, (folder / "message.sig").read_bytes()) == 1
    assert "no witness any more" in said(capsys, "state", "witness", "key", "--remove")
    assert "either a PLACE or --remove" in said(capsys, "state", "witness", "key", status=2)


def test_recovery_by_hand(folder: Path, capsys: Captured) -> None:
    """From the newest signature, or a number."""
    said(capsys, "sign", "key", "message")
    assert "no witness" in said(capsys, "state", "recover", "key", status=2)
    assert "next index 1," in said(capsys, "state", "recover", "key", "--signature", "message.sig")
    assert "epoch 2, next index 9, 22" in said(capsys, "state", "recover", "key", "--skip-to", "9")
    assert "beyond the end" in said(capsys, "state", "recover", "key", "--skip-to", "99", status=2)
    assert "can be none of this key" in said(capsys, "state", "recover", "key", "--signature", "message", status=2)


def test_move(folder: Path, capsys: Captured) -> None:
    """To a file of state and back."""
    assert "kept by sqlite:" in said(capsys, "state", "move", "key", "sqlite:state.db")
    said(capsys, "sign", "key", "message")
    assert f"kept by sqlite:{folder}/state.db, epoch 1" in said(capsys, "state", "status", "key")
    assert "already" in said(capsys, "state", "move", "key", "sqlite:state.db", status=2)
    assert "no store is known" in said(capsys, "state", "move", "key", "redis://host", status=2)
    assert "kept in the key file" in said(capsys, "state", "move", "key", "sqlite:")
    shutil.move("state.db", "gone")
    said(capsys, "sign", "key", "message")


def test_split(folder: Path, capsys: Captured) -> None:
    """The other file has its own public key file, and its own indices."""
    hbss.create_key("tower", HSS)
    assert "40 signatures, indices 0 to 39" in said(capsys, "state", "split", "tower", "--count", "40", "-o", "second")
    for name, index in (("tower", 40), ("second", 0)):
        said(capsys, "sign", name, "message", "-o", f"{name}.sig")
        said(capsys, "verify", "second.pub", "message", f"{name}.sig")
        assert index_of(HSS, (folder / f"{name}.sig").read_bytes()) == index
    assert "reserved    0 to 39 by split: given to second" in said(capsys, "state", "status", "tower")
    assert "exists already" in said(capsys, "state", "split", "tower", "--count", "4", "-o", "second", status=2)
    assert "left" in said(capsys, "state", "split", "tower", "--count", "1000", "-o", "third", status=2)
    assert not list(folder.glob("third*"))


@pytest.mark.parametrize(
    "args", [["status"], ["witness", "w"], ["move", "sqlite:x"], ["split", "--count", "1", "-o", "o"], ["recover"]]
)
def test_a_key_that_is_none(folder: Path, capsys: Captured, args: list[str]) -> None:
    """One line, whatever the command."""
    for name in ("missing", "message"):
        text = said(capsys, "state", args[0], name, *args[1:], status=2)
        assert text.startswith("hbss: ")
        assert text.count("\n") == 1
        assert name in text
