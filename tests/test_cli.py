"""The command line: what it writes, its exit statuses, and one clear line for every mistake."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import hbss
from hbss import _native, files
from hbss.cli.app import run
from tests.state_kit import LMS, XMSS

SLH = "SLH-DSA-SHA2-128f"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder with a message in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "message").write_bytes(b"a message\n")
    return tmp_path


def fails(capsys: pytest.CaptureFixture[str], *args: str, status: int = 2) -> str:
    """Run a command that must fail, with one line on stderr and nothing on stdout; returns the line."""
    capsys.readouterr()
    assert run(args) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"hbss: [^\n]+\n", err), err
    assert "Traceback" not in err
    return err


def works(capfd: pytest.CaptureFixture[str], *args: str) -> str:
    """Run a command that must succeed; returns what it wrote on stdout."""
    capfd.readouterr()
    assert run(args) == 0
    return capfd.readouterr().out


def process(*args: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """The command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "hbss.cli", *args], capture_output=True, timeout=60,
        env={**os.environ, "PYTHONPATH": str(Path(hbss.__file__).parent.parent), **environment},
    )  # fmt: skip


# ---- what works ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [LMS, XMSS, SLH])
def test_keygen_sign_verify(folder: Path, capfd: pytest.CaptureFixture[str], name: str) -> None:
    """The three commands, of a stateful and a stateless key."""
    works(capfd, "keygen", name, "my.key")
    assert (folder / "my.key").stat().st_mode & 0o777 == 0o600
    works(capfd, "sign", "my.key", "message")
    works(capfd, "verify", "my.key.pub", "message", "message.sig")
    public = hbss.load_public_key((folder / "my.key.pub").read_bytes())
    public.verify((folder / "message.sig").read_bytes(), b"a message\n")
    assert works(capfd, "pubkey", "my.key") == (folder / "my.key.pub").read_text()
    works(capfd, "pubkey", "my.key", "-o", "again")
    assert (folder / "again").read_bytes() == (folder / "my.key.pub").read_bytes()
    assert not [file for file in folder.iterdir() if ".tmp" in file.name or ".new" in file.name]


def test_a_bad_signature_is_status_1(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Another message, another key, a malformed signature."""
    for name in ("one", "two"):
        works(capfd, "keygen", LMS, name)
    works(capfd, "sign", "one", "message", "-o", "sig")
    (folder / "other").write_bytes(b"another message\n")
    for args in (("one.pub", "other", "sig"), ("two.pub", "message", "sig"), ("one.pub", "message", "message")):
        assert "BAD signature" in fails(capfd, "verify", *args, status=1)
    works(capfd, "verify", "one.pub", "message", "sig")


def test_standard_input_and_output(folder: Path) -> None:
    """A dash is one of them, wherever a file is read or written."""
    assert process("keygen", LMS, "key").returncode == 0
    signed = subprocess.run(
        [sys.executable, "-m", "hbss.cli", "sign", "key", "-"], input=b"piped", capture_output=True, check=True,
        env={**os.environ, "PYTHONPATH": str(Path(hbss.__file__).parent.parent)},
    )  # fmt: skip
    hbss.load_public_key((folder / "key.pub").read_bytes()).verify(signed.stdout, b"piped")


def test_verify_from_standard_input(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any one of the three, and only one."""
    works(capfd, "keygen", LMS, "key")
    works(capfd, "sign", "key", "message", "-o", "sig")
    names = ["key.pub", "message", "sig"]
    for i, name in enumerate(names):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((folder / name).read_bytes())))
        works(capfd, "verify", *names[:i], "-", *names[i + 1 :])
    assert "only one of" in fails(capfd, "verify", "-", "-", "sig")


def test_sets(capfd: pytest.CaptureFixture[str]) -> None:
    """Every set has a line, and every field is in the JSON."""
    text = works(capfd, "sets")
    for each in hbss.parameter_sets():
        assert each.name in text
    found = json.loads(works(capfd, "sets", "--json"))
    assert [each["name"] for each in found] == [each.name for each in hbss.parameter_sets()]
    assert found[0]["signature_size"] == hbss.parameter_sets()[0].signature_size
    approved = json.loads(works(capfd, "sets", "--json", "--scheme", "XMSS", "--approved"))
    assert [each["name"] for each in approved] == [each.name for each in hbss.parameter_sets("XMSS", True)]


def test_version_and_help(capfd: pytest.CaptureFixture[str]) -> None:
    """The version names the kernel; the help names every command, and is what no argument gives."""
    version = works(capfd, "--version")
    assert version.startswith("hbss ")
    assert _native.backend_name() in version
    assert _native.kernels("SHA-256")[0][0] in version
    text = works(capfd, "--help")
    assert all(command in text for command in ("keygen", "sign", "verify", "pubkey", "sets"))
    assert works(capfd) == text


# ---- mistakes ------------------------------------------------------------------------------------------------------


def test_mistakes(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """One line each, exit status 2, naming what was given and what to do."""
    works(capfd, "keygen", LMS, "key")
    works(capfd, "sign", "key", "message", "-o", "sig")
    works(capfd, "keygen", LMS, "other")
    works(capfd, "keygen", SLH, "slh")
    (folder / "text").write_text("no key")
    (folder / "open").write_bytes(b"")
    for expected, *args in (
        ("did you mean LMS_SHA256_M32_H5_W", "keygen", "LMS_SHA256_M32_H5_W5", "new"),
        ("unknown scheme", "sets", "--scheme", "RSA"),
        ("Missing argument 'KEY'", "keygen", LMS),
        ("No such command 'frobnicate'", "frobnicate"),
        ("No such option", "sign", "--index", "5", "key", "message"),
        ("key exists already", "keygen", LMS, "key"),
        ("key exists already", "keygen", SLH, "key"),
        ("nowhere: No such file", "keygen", LMS, "nowhere/key"),
        ("total height of 75", "keygen", "+".join(["LMS_SHA256_M32_H25_W8"] * 3), "new"),
        ("missing: No such file", "sign", "missing", "message"),
        ("missing: No such file", "sign", "key", "missing"),
        ("nowhere/sig: No such file", "sign", "key", "message", "-o", "nowhere/sig"),
        ("text is no private key", "sign", "text", "message"),
        ("key.pub is no private key", "sign", "key.pub", "message"),
        ("is empty", "sign", "open", "message"),
        (". is a folder", "sign", ".", "message"),
        ("overwrite key", "sign", "key", "message", "-o", "./key"),
        ("overwrite message", "sign", "key", "message", "-o", "message"),
        ("overwrite key", "pubkey", "key", "-o", "key"),
        ("other holds a private key", "sign", "key", "message", "-o", "other"),
        ("slh holds a private key", "pubkey", "key", "-o", "slh"),
        ("slh holds a private key", "bench", LMS, "--quick", "--operation", "verify", "--json", "slh"),
        ("made in a file", "keygen", LMS, "-"),
        ("slh is not a key file with a state", "state", "status", "slh"),
        ("key.pub is not a key file with a state", "state", "status", "key.pub"),
        ("message is no private key", "password", "message"),
        ("missing: No such file", "verify", "missing", "message", "sig"),
        ("hbss pubkey writes the public key", "verify", "key", "message", "sig"),
        ("text is no public key", "verify", "text", "message", "sig"),
        ("key is no public key", "verify", "key", "message", "sig"),
        ("missing: No such file", "verify", "key.pub", "message", "missing"),
        ("missing: No such file", "pubkey", "missing"),
    ):
        (folder / "open").chmod(0o600)
        assert expected in fails(capfd, *args)
    assert not (folder / "new").exists()
    with hbss.open_key("key") as key:
        assert key.remaining == 30, "no mistake costs an index"
    assert works(capfd, "pubkey", "slh") == (folder / "slh.pub").read_text(), "nor a key"


@pytest.mark.parametrize(("closed", "says"), [("<&-", "input is closed"), (">&-", "output is closed")])
def test_a_closed_channel(folder: Path, capfd: pytest.CaptureFixture[str], closed: str, says: str) -> None:
    """One line before an index is used, also where the shell has closed what - stands for."""
    works(capfd, "keygen", LMS, "key")
    command = [
        sys.executable,
        "-m",
        "hbss.cli",
        "sign",
        "key",
        *(("-",) if closed == "<&-" else ("message", "-o", "-")),
    ]
    environment = {**os.environ, "PYTHONPATH": str(Path(hbss.__file__).parent.parent)}
    done = subprocess.run(f"{shlex.join(command)} {closed}", shell=True, stderr=subprocess.PIPE, env=environment)
    assert done.returncode == 2
    assert re.fullmatch(rf"hbss: [^\n]*{says}[^\n]*\n", done.stderr.decode())
    with hbss.open_key("key") as key:
        assert key.remaining == 31


def test_a_missing_extra_is_one_line(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names what to install, and says nothing of a bad signature."""
    monkeypatch.setitem(sys.modules, "cryptography", None)
    monkeypatch.setenv("HBSS_PASSWORD", "a password")
    for module in [name for name in sys.modules if name.startswith("cryptography.")]:
        monkeypatch.setitem(sys.modules, module, None)
    assert "pip install 'hbss[x509]'" in fails(capfd, "keygen", SLH, "new", "--encrypt")


def test_an_unsafe_key_is_one_line(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Readable by others, a link, exhausted: the library's own words."""
    works(capfd, "keygen", LMS, "key")
    (folder / "key").chmod(0o644)
    assert "chmod 600" in fails(capfd, "sign", "key", "message")
    (folder / "key").chmod(0o600)
    (folder / "link").symlink_to("key")
    assert "symbolic link" in fails(capfd, "sign", "link", "message")
    with hbss.open_key("key") as key:
        key.sign_many([b"x"] * 31)
    assert "make a new key" in fails(capfd, "sign", "key", "message")
    assert not (folder / "message.sig").exists()


def test_a_taken_public_name_is_seen_before_any_work(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """KEY.pub is as precious as KEY."""
    (folder / "key.pub").write_text("mine")
    assert "key.pub exists already" in fails(capfd, "keygen", LMS, "key")
    assert sorted(os.listdir(folder)) == ["key.pub", "message"]


def test_a_public_key_that_cannot_be_written(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """KEY is whole then, and the message says how to get KEY.pub."""
    written = files.written

    def full(path: Path, *args: int, **options: bool) -> object:
        if path.name == "key.pub":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return written(path, *args, **options)

    monkeypatch.setattr(files, "written", full)
    assert run(["keygen", LMS, "key"]) == 2
    err = capfd.readouterr().err
    assert "key was made, but not key.pub: write it with hbss pubkey key" in err
    assert "No space left" in err
    works(capfd, "sign", "key", "message", "-o", "/dev/null")


@pytest.mark.parametrize("target", ["/dev/full", "-"])
def test_a_burned_index_is_named(folder: Path, target: str) -> None:
    """The signature could not be written after its index was used: said so, with what is left, and a failure."""
    assert process("keygen", LMS, "key").returncode == 0
    with open("/dev/full", "wb") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "hbss.cli", "sign", "key", "message", "-o", target], stdout=full,
            stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(Path(hbss.__file__).parent.parent)},
        )  # fmt: skip
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert "the index that it used is burned, 30 signatures are left" in ended.stderr
    assert os.path.exists("/dev/full")


def test_a_wrong_backend(folder: Path) -> None:
    """HBSS_BACKEND is a user's mistake like any other."""
    for args in (("--version",), ("keygen", LMS, "key"), ("sets",)):
        ended = process(*args, HBSS_BACKEND="abacus")
        if ended.returncode == 0:
            assert args == ("sets",), "the list of sets needs no kernel"
            continue
        assert ended.returncode == 2
        assert ended.stderr.count(b"\n") == 1
        assert b"HBSS_BACKEND='abacus'" in ended.stderr
    assert os.listdir(folder) == ["message"]


def test_without_click(folder: Path) -> None:
    """The library needs no click; the command says how to get it."""
    (folder / "click.py").write_text("raise ModuleNotFoundError('No module named click', name='click')")
    ended = process("sets", PYTHONPATH=f"{folder}:{Path(hbss.__file__).parent.parent}")
    assert ended.returncode == 2
    assert ended.stderr.decode() == "hbss: the command line needs click: pip install 'hbss[cli]'\n"


def test_interrupted_keygen(folder: Path) -> None:
    """Ctrl-C while trees are built: one line, status 130, and nothing left."""
    running = subprocess.Popen(
        [sys.executable, "-m", "hbss.cli", "keygen", "LMS_SHA256_M32_H20_W8", "key"], stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(hbss.__file__).parent.parent)},
    )  # fmt: skip
    deadline = time.monotonic() + 20
    while not list(folder.glob("key.new*")):
        assert time.monotonic() < deadline, "the key generation did not start"
        time.sleep(0.01)
    time.sleep(0.2)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=20)
    assert running.returncode == 130
    assert err.strip() == "hbss: interrupted"
    assert os.listdir(folder) == ["message"]


def test_progress_on_a_terminal(folder: Path) -> None:
    """A bar with the count of leaves, on standard error only when that is a terminal."""
    terminal, line = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "hbss.cli", "keygen", "LMS_SHA256_M32_H10_W8", "key"], stderr=line,
        env={**os.environ, "PYTHONPATH": str(Path(hbss.__file__).parent.parent), "TERM": "xterm", "COLUMNS": "120"},
    ) as running:  # fmt: skip
        os.close(line)
        seen = bytearray()
        with contextlib.suppress(OSError):  # the end of a terminal
            while part := os.read(terminal, 4096):
                seen += part
    os.close(terminal)
    assert running.returncode == 0
    assert b"1,024 of 1,024 leaves" in seen
    assert b"LMS_SHA256_M32_H10_W8, 1,023 signatures" in seen


def test_a_key_is_not_opened_while_it_is_open(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signing opens the key file through SQLite only, whatever is signed."""
    assert run(["keygen", LMS, "key"]) == 0
    opened: list[str] = []

    def note(event: str, values: tuple[object, ...]) -> None:
        if event == "open" and watching:
            opened.append(str(values[0]))

    watching = True
    sys.addaudithook(note)  # for good, as such hooks are
    assert run(["sign", "key", "message"]) == 0
    watching = False
    assert "message" in opened
    assert not {"key", str(Path("key").resolve())} & set(opened)
