"""hbss audit: which signatures it takes, what it says, and its exit statuses."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import pytest

import hbss
from hbss.cli.app import run
from tests.audit_kit import key, sign
from tests.state_kit import HSS, LMS, XMSSMT
from tests.test_cli import fails, works

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with a public key, and three messages with honest signatures."""
    monkeypatch.chdir(tmp_path)
    Path("key.pub").write_bytes(key(LMS).public_key().pem())
    for index, name in enumerate(("a", "b", "c")):
        put(name, LMS, index)
    return tmp_path


def put(name: str, key_name: str, index: int) -> None:
    """A message, and its signature at an index."""
    Path(name).write_text(name)
    Path(f"{name}.sig").write_bytes(sign(key_name, index, name.encode()))


def finds(capfd: Capture, *args: str) -> str:
    """Run an audit that must find a reuse; returns what it wrote on stdout."""
    capfd.readouterr()
    assert run(("audit", *args)) == 1
    out, err = capfd.readouterr()
    assert err == ""
    return out


def audits(capfd: Capture, *args: str) -> str:
    """Run an audit that must find no reuse; returns what it wrote on stdout."""
    return works(capfd, "audit", *args)


# ---- findings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [(), ("--with-messages",)])
def test_no_reuse(folder: Path, capfd: Capture, options: tuple[str, ...]) -> None:
    """Status 0, a summary, and a sentence on what was not verified."""
    out = audits(capfd, "--key", "key.pub", "a.sig", "c.sig", *options)
    assert "2 signatures compared, by 2 one-time keys of layer 0; highest index 2, 1 below it not seen\n" in out
    assert ("could not be verified whole" in out) == (not options)
    assert out.endswith("no reuse found\n")


@pytest.mark.parametrize("name", [LMS, HSS, XMSSMT])
def test_reuse(folder: Path, capfd: Capture, name: str) -> None:
    """Status 1, one line a finding with place and files, and the verdict at the end."""
    Path("key.pub").write_bytes(key(name).public_key().pem())
    for message in ("a", "b", "c"):
        put(message, name, 3)
    put("d", name, 4)
    *findings, summary, verdict = finds(capfd, "--key", "key.pub", "--with-messages", ".").splitlines()
    assert findings == ["REUSE: layer 0, tree 0, leaf 3 signed 3 values: ./a.sig, ./b.sig, ./c.sig"]
    assert summary.startswith("4 signatures compared, by 2 one-time keys")
    assert verdict == "REUSE: 1 one-time key signed more than one value; trust the key no more"


def test_json(folder: Path, capfd: Capture) -> None:
    """The whole report, of a good key and of a bad one."""
    found = json.loads(audits(capfd, "--key", "key.pub", "--json", "a.sig", "--with-messages"))
    assert found == {
        "ok": True, "findings": [], "reused": 0, "signatures": 1, "unverified": 0, "malformed": 0, "invalid": 0,
        "refused": [], "leaves": 1, "highest": 0, "unused": 0,
    }  # fmt: skip
    put("d", LMS, 2)
    Path("e.sig").touch()
    found = json.loads(finds(capfd, "--key", "key.pub", "--json", "."))
    assert (found["ok"], found["reused"], found["malformed"], found["unverified"]) == (False, 1, 1, 4)
    finding = found["findings"][0]
    assert (finding["layer"], finding["tree"], finding["leaf"], finding["values"]) == (0, 0, 2, 2)
    assert finding["proven"] is False
    assert [use["name"] for use in finding["uses"]] == ["./c.sig", "./d.sig"]
    reason = "malformed: its head does not say that the key has 1 level(s)"
    assert found["refused"] == [{"name": "./e.sig", "reason": reason}]


def test_json_of_nothing(folder: Path, capfd: Capture) -> None:
    """Where no signature of the key was found there is neither a yes nor a no."""
    Path("e.sig").touch()
    assert run(["audit", "--key", "key.pub", "--json", "e.sig"]) == 2
    assert json.loads(capfd.readouterr().out)["ok"] is None


def test_limit(folder: Path, capfd: Capture) -> None:
    """What is not shown is counted."""
    for index, name in enumerate(("A", "B", "C")):
        put(name, LMS, index)
    out = finds(capfd, "--key", "key.pub", "--limit", "1", ".")
    assert out.count("REUSE: layer") == 1
    assert "and 2 more (--limit)\n" in out
    assert "REUSE: 3 one-time keys" in out


# ---- which signatures ----------------------------------------------------------------------------------------------


def test_folders_and_files(folder: Path, capfd: Capture) -> None:
    """A folder means every *.sig below it; the same file twice is no reuse."""
    Path("deep/er").mkdir(parents=True)
    put("deep/er/d", LMS, 3)
    Path("deep/other").write_text("no signature")
    out = audits(capfd, "--key", "key.pub", "--with-messages", ".", "a.sig", "deep")
    assert "6 signatures compared, by 4 one-time keys" in out


def test_list(folder: Path, capfd: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a file or standard input; a message in the list is verified, and --with-messages pairs the others."""
    Path("moved").write_text("b")
    Path("list").write_text("a.sig\n\nb.sig\tmoved\r\n")
    assert "1 signature came without a message" in audits(capfd, "--key", "key.pub", "--list", "list")
    out = audits(capfd, "--key", "key.pub", "--list", "list", "--with-messages", "c.sig")
    assert "3 signatures compared" in out
    assert "without a message" not in out
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(Path("list").read_bytes())))
    assert "2 signatures compared" in audits(capfd, "--key", "key.pub", "--list", "-")
    for line in ("a.sig\t\n", "\ta\n", "a.sig\ta\tb\n"):
        Path("list").write_text(f"b.sig\tb\n{line}")
        assert "list, line 2: expected" in fails(capfd, "audit", "--key", "key.pub", "--list", "list")


def test_standard_input(folder: Path, capfd: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """One signature, or the key; one of them at a time."""
    for name, args in (("a.sig", ("key.pub", "-")), ("key.pub", ("-", "a.sig"))):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(Path(name).read_bytes())))
        assert "1 signature compared" in audits(capfd, "--key", *args)
    assert "only one of" in fails(capfd, "audit", "--key", "-", "-")
    assert "only one of" in fails(capfd, "audit", "--key", "key.pub", "-", "--list", "-")


def test_a_name_that_is_no_text(folder: Path, capfd: Capture) -> None:
    """Files have the names they have."""
    name = os.fsdecode(b"\xff.sig")
    Path(name).write_bytes(sign(LMS, 0, b"another"))
    assert "a.sig (unverified), ./\\udcff.sig (unverified)" in finds(capfd, "--key", "key.pub", ".")


# ---- signatures that do not count ----------------------------------------------------------------------------------


def test_damaged_signatures(folder: Path, capfd: Capture) -> None:
    """Verified, a damaged one is named and accuses nobody; unverified, the report says what it may be."""
    good = Path("a.sig").read_bytes()
    Path("d.sig").write_bytes(good[:40] + bytes([good[40] ^ 1]) + good[41:])
    Path("d").write_text("a")
    Path("e.sig").write_bytes(good[:-1])
    Path("e").write_text("a")
    out = audits(capfd, "--key", "key.pub", "--with-messages", ".")
    assert "not compared: ./d.sig: does not verify\n" in out
    assert "not compared: ./e.sig: malformed: " in out
    assert "not compared: 1 malformed, 1 that do not verify\n" in out
    out = finds(capfd, "--key", "key.pub", ".")
    assert "leaf 0 signed 2 values: ./a.sig (unverified), ./d.sig (unverified)" in out
    assert "a damaged or foreign one can look like a reuse" in out


def test_the_wrong_key(folder: Path, capfd: Capture) -> None:
    """If no signature is one of the key, the audit cannot tell."""
    Path("other.pub").write_bytes(key(LMS, 1).public_key().pem())
    assert run(("audit", "--key", "other.pub", "--with-messages", "a.sig", "b.sig")) == 2
    out, err = capfd.readouterr()
    assert "2 that do not verify" in out
    assert "no signature of this key was seen" in out
    assert "REUSE" not in out
    assert err == "hbss: none of them is a signature of other.pub, so nothing can be said about that key\n"


# ---- the index -----------------------------------------------------------------------------------------------------


def test_an_index_goes_on(folder: Path, capfd: Capture) -> None:
    """The second run knows the signatures of the first; alone it repeats the report."""
    assert "2 signatures" in audits(capfd, "--key", "key.pub", "--index", "kept", "a.sig", "b.sig")
    put("d", LMS, 1)
    out = finds(capfd, "--key", "key.pub", "--index", "kept", "d.sig")
    assert "leaf 1 signed 2 values: b.sig (unverified), d.sig (unverified)" in out
    assert finds(capfd, "--key", "key.pub", "--index", "kept") == out


def test_an_index_of_something_else(folder: Path, capfd: Capture) -> None:
    """One line each, status 2."""
    audits(capfd, "--key", "key.pub", "--index", "kept", "a.sig")
    Path("other.pub").write_bytes(key(LMS, 1).public_key().pem())
    assert "index of another key" in fails(capfd, "audit", "--key", "other.pub", "--index", "kept", "a.sig")
    assert "no index of an audit" in fails(capfd, "audit", "--key", "key.pub", "--index", "a.sig", "b.sig")
    Path("kept").write_bytes(Path("kept").read_bytes()[:5000])
    assert "remove it and give all signatures again" in fails(
        capfd, "audit", "--key", "key.pub", "--index", "kept", "."
    )


# ---- mistakes ------------------------------------------------------------------------------------------------------


def test_mistakes(folder: Path, capfd: Capture) -> None:
    """One line each, exit status 2, naming what was given and what to do."""
    Path("empty").mkdir()
    Path("d.sig").write_bytes(sign(LMS, 3, b"d"))
    Path("slh.pub").write_bytes(hbss.generate("SLH-DSA-SHA2-128f").public_key().pem())
    for expected, *args in (
        ("Missing option '--key'", "a.sig"),
        ("name signatures, a folder of them, or a --list", "--key", "key.pub"),
        ("absent.sig: No such file", "--key", "key.pub", "a.sig", "absent.sig"),
        ("d: No such file", "--key", "key.pub", "--with-messages", "d.sig"),
        ("does not end in .sig", "--key", "key.pub", "--with-messages", "a"),
        ("absent: No such file", "--key", "absent", "a.sig"),
        ("absent: No such file", "--key", "key.pub", "--list", "absent"),
        ("a.sig is no public key", "--key", "a.sig", "a.sig"),
        ("no file in the folder empty ends in .sig", "--key", "key.pub", "empty"),
        ("keeps no state", "--key", "slh.pub", "a.sig"),
        ("--limit", "--key", "key.pub", "--limit", "-1", "a.sig"),
        ("cannot be read or written", "--key", "key.pub", "--index", "absent/kept", "a.sig"),
    ):
        assert expected in fails(capfd, "audit", *args)
