"""Stateful keys under a password: made, opened, changed; what is bound to what; and what the file gives away."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

import hbss
from hbss import creation, draft, state
from hbss.cli.app import run
from hbss.encoding import passwords, sealed
from hbss.errors import BadKey
from hbss.stores.keyfile import KeyFile
from tests.resume_kit import SLOW, Interrupted, stop_after
from tests.state_kit import HSS, LMS, XMSSMT, alter

WRITTEN = sealed.LOG_N


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less work for scrypt, as files may ask for."""
    monkeypatch.setattr(sealed, "LOG_N", 10)


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A key under the password "first"."""
    monkeypatch.chdir(tmp_path)
    hbss.create_key("key", LMS, password="first")
    return tmp_path / "key"


def secret_of(path: Path, password: bytes | None = b"first") -> bytes:
    with closing(KeyFile(path, password=password)) as file:
        return file.key.secret


@pytest.mark.parametrize("name", [LMS, HSS, XMSSMT])
def test_signing(tmp_path: Path, name: str) -> None:
    """The same key, whichever way its password is written; the state goes on through all openings."""
    path = tmp_path / "key"
    hbss.create_key(path, name, password="pässword")
    spellings: list[str | bytes | bytearray] = ["pässword", "pässword".encode(), bytearray("pässword".encode())]
    for number, password in enumerate(spellings):
        with hbss.open_key(path, password=password) as key:
            assert key.status().next == number
            key.public_key().verify(key.sign(b"data"), b"data")
    assert state.status(path).used == 3
    assert state.public_key(path) == key.public_key()
    assert state.is_sealed(path)


def test_no_secret_in_any_file(key: Path) -> None:
    """Neither the seeds nor the password, nor after a change or a removal and a new one what was there before."""
    secret = secret_of(key)
    state.set_password(key, "second", password="first")
    assert secret_of(key, b"second") == secret
    for path in [key, *key.parent.rglob("*")]:
        if path.is_file():
            assert not any(part in path.read_bytes() for part in (secret, b"second"))


def test_a_password_that_comes_later(tmp_path: Path) -> None:
    """The bare seeds are overwritten in the file; its trees never had them."""
    path = tmp_path / "key"
    hbss.create_key(path, LMS)
    with closing(KeyFile(path)) as file:
        secret = file.key.secret
    assert secret in path.read_bytes()
    with hbss.open_key(path) as signer:
        state.set_password(path, "first")
        signer.public_key().verify(signer.sign(b"data"), b"data")  # who is at work goes on
    assert secret not in path.read_bytes()
    assert secret_of(path) == secret
    state.set_password(path, None, password="first")
    assert not state.is_sealed(path)
    with hbss.open_key(path) as signer:
        assert signer.status().next == 1


@pytest.mark.parametrize("password", [None, "wrong", "First"])
def test_without_the_password(key: Path, password: str | None) -> None:
    """Nothing that signs or that says who keeps the state; nothing is changed."""
    before = key.read_bytes()
    says = "is under a password: give it" if password is None else "the password is wrong"
    acts: list[Callable[[], object]] = [
        lambda: hbss.open_key(key, password=password),
        lambda: state.witness(key, str(key) + ".witness", password=password),
        lambda: state.move(key, "sqlite:" + str(key) + ".state", password=password),
        lambda: state.split(key, 3, str(key) + ".other", password=password),
        lambda: state.recover(key, skip_to=3, password=password),
        lambda: state.set_password(key, "mine", password=password),
        lambda: state.set_password(key, None, password=password),
    ]
    for act in acts:
        with pytest.raises(BadKey, match=says):
            act()
    assert key.read_bytes() == before
    assert sorted(path.name for path in key.parent.iterdir()) == ["key", "key.lock", "key.tree"]


def test_passwords_that_are_none(key: Path, tmp_path: Path) -> None:
    """An empty one, and one where none is."""
    with pytest.raises(ValueError, match="an empty password"):
        hbss.open_key(key, password="")
    hbss.create_key(tmp_path / "bare", LMS)
    with pytest.raises(ValueError, match="under no password: leave the password out"):
        hbss.open_key(tmp_path / "bare", password="first")
    with pytest.raises(TypeError, match="password must be bytes-like"):
        hbss.open_key(key, password=7)  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore:the witness .* lies on the same disk:RuntimeWarning")
def test_an_operator_with_the_password(key: Path) -> None:
    """Witness, split, move and recovery; what is split off is under the same password."""
    with pytest.warns(RuntimeWarning, match="same disk"):
        state.witness(key, "witness", password="first")
    assert state.split(key, 5, "other", password="first") == range(5)
    state.move(key, f"sqlite:{key}.state", password="first")
    state.recover(key, skip_to=10, password="first")
    with hbss.open_key(key, password="first") as one, hbss.open_key("other", password="first") as two:
        public = one.public_key()
        public.verify(one.sign(b"one"), b"one")
        public.verify(two.sign(b"two"), b"two")
        assert (one.status().next, two.status().next) == (11, 1)
    found = state.status(key)
    assert (found.remaining, found.authority) == (20, f"sqlite:{key}.state")


def value_of(path: Path) -> bytes:
    with closing(sqlite3.connect(path)) as connection:
        (value,) = connection.execute("SELECT value FROM secret").fetchone()
    assert isinstance(value, bytes)
    return value


def test_sealed_bytes_belong_to_one_file(key: Path, tmp_path: Path) -> None:
    """Those of a part split off hold the same seeds under the same password, and do not open in its place."""
    state.split(key, 5, "other", password="first")
    alter(key, f"UPDATE secret SET value = x'{value_of(tmp_path / 'other').hex()}'")
    with pytest.raises(BadKey, match="of another key"):
        hbss.open_key(key, password="first")


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE key SET public_key = zeroblob(60)", "is damaged or of another key"),
        ("UPDATE key SET set_name = 'LMS_SHA256_M32_H5_W8'", "is damaged or of another key"),
        ("UPDATE term SET key_id = zeroblob(16)", "is damaged or of another key"),
        ("UPDATE term SET authority = 'memory:'", "what it says of its store does not fit its key"),
        ("UPDATE secret SET value = x'01'", "is cut off: it has 1 bytes"),
        ("UPDATE secret SET value = zeroblob(100)", "is sealed in form 0"),
    ],
)
def test_what_was_changed_in_the_file(key: Path, statement: str, says: str) -> None:
    """Who keeps the state, too, is under the seeds: whoever can write the file, but has no password, cannot say it."""
    alter(key, statement)
    with pytest.raises((BadKey, hbss.StateUnsafe), match=says):
        hbss.open_key(key, password="first")


def test_sealed_bytes_are_no_seeds(key: Path) -> None:
    """Whatever the file says of them."""
    alter(key, "UPDATE secret SET sealed = 0")
    with pytest.raises(BadKey, match="its secret has 80 bytes; LMS_SHA256_M32_H5_W4 has 32"):
        hbss.open_key(key)


def test_every_bit_counts_and_no_file_asks_for_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parameters are under the tag, and bounded before any work is done."""
    good = sealed.seal(b"the secret", b"password", b"owner", b"")
    assert sealed.unseal(good, b"password", b"owner", b"") == b"the secret"
    for owner in [(), (b"owner",), (b"own", b"er"), (b"", b"owner")]:
        with pytest.raises(BadKey, match="wrong"):
            sealed.unseal(good, b"password", *owner)
    monkeypatch.setattr(passwords, "MOST_MEMORY", 1 << 20)  # so that no try takes long
    for bit in range(8 * len(good)):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BadKey):
            sealed.unseal(bytes(bad), b"password", b"owner", b"")
    for length in range(len(good)):
        with pytest.raises(BadKey):
            sealed.unseal(good[:length], b"password", b"owner", b"")
    monkeypatch.undo()
    for head in [(1, 63, 8, 1), (1, 255, 255, 255), (1, 17, 0, 1), (1, 17, 8, 0), (1, 0, 8, 1), (1, 20, 8, 1)]:
        with pytest.raises(BadKey, match=r"scrypt"):
            sealed.unseal(bytes(head) + good[4:], b"password", b"owner", b"")


def test_what_is_written_is_what_is_said(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Form 1, N = 2^17, r = 8, p = 1, and fresh salt and nonce each time."""
    monkeypatch.setattr(sealed, "LOG_N", WRITTEN)
    state.set_password(key, "first", password="first")
    first = value_of(key)
    state.set_password(key, "first", password="first")
    assert first[:4] == value_of(key)[:4] == bytes((1, 17, 8, 1))
    assert first[4:20] != value_of(key)[4:20]
    assert first[20:32] != value_of(key)[20:32]


def test_an_unfinished_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its seeds are sealed from the first moment; it goes on with its password, and with no other or none."""
    monkeypatch.setattr(draft, "PATIENCE", 0.0)
    key = tmp_path / "key"
    with pytest.raises(Interrupted):
        creation.create(key, SLOW, stop_after(3), keep=True, password=b"first")
    found, is_sealed = creation.unfinished(key)
    assert (found.name, is_sealed) == (SLOW, True)
    kept = draft.read_seeds(tmp_path / "key.new")
    assert kept is not None
    secret = bytes(kept.open(b"first").secret)
    assert not any(secret in path.read_bytes() for path in (tmp_path / "key.new").rglob("*") if path.is_file())
    for password, says in [(None, "is under a password: give it"), ("wrong", "the password is wrong")]:
        with pytest.raises(BadKey, match=says):
            hbss.create_key(key, SLOW, resume=True, password=password)
    hbss.create_key(key, SLOW, resume=True, password="first")
    assert secret_of(key) == secret
    with pytest.raises(Interrupted):
        creation.create(tmp_path / "bare", SLOW, stop_after(3), keep=True)
    with pytest.raises(ValueError, match="under no password"):
        hbss.create_key(tmp_path / "bare", SLOW, resume=True, password="first")


def test_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """keygen, sign, state, password; what needs no password asks for none."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("hbss.cli.password._has_terminal", lambda: False)
    Path("file").write_bytes(b"data")
    monkeypatch.setenv("HBSS_PASSWORD", "hunter2")
    assert run(["keygen", "--encrypt", LMS, "key"]) == 0
    assert run(["sign", "key", "file"]) == run(["verify", "key.pub", "file", "file.sig"]) == 0
    assert run(["state", "split", "key", "--count", "3", "-o", "other"]) == 0
    assert Path("other.pub").read_bytes() == Path("key.pub").read_bytes()
    monkeypatch.setenv("HBSS_NEW_PASSWORD", "hunter3")
    assert run(["password", "key"]) == 0
    capsys.readouterr()
    assert run(["sign", "key", "file"]) == 2
    said = capsys.readouterr().err
    assert "the password is wrong" in said
    assert "hunter" not in said
    monkeypatch.setenv("HBSS_PASSWORD", "hunter3")
    assert run(["password", "--remove", "key"]) == 0
    monkeypatch.delenv("HBSS_PASSWORD")
    assert run(["sign", "key", "file"]) == 0
    assert run(["state", "status", "other"]) == run(["inspect", "other"]) == 0
    capsys.readouterr()
    assert run(["sign", "other", "file"]) == 2
    assert "no terminal to ask at: set HBSS_PASSWORD" in capsys.readouterr().err


def test_an_interrupted_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """keygen --resume asks for the password of what was begun."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(draft, "PATIENCE", 0.0)
    with pytest.raises(Interrupted):
        creation.create("key", SLOW, stop_after(3), keep=True, password=b"first")
    monkeypatch.setattr("hbss.cli.password._has_terminal", lambda: False)
    assert run(["keygen", "--resume", "key"]) == 2
    monkeypatch.setenv("HBSS_PASSWORD", "first")
    assert run(["keygen", "--resume", "key"]) == 0
    assert state.is_sealed("key")
    assert not os.path.exists("key.new")
