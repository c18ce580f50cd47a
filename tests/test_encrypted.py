"""Private keys under a password: OpenSSL reads ours, we read its own, and a file cannot ask for too much."""

from __future__ import annotations

import hashlib
import os
import pty
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyasn1.codec.der.decoder import decode
from pyasn1.codec.der.encoder import encode
from pyasn1_alt_modules import rfc5958, rfc8018

import hbss
from hbss.cli.app import run
from hbss.encoding import der, encrypted, pem
from tests.openssl_kit import OpenSSL
from tests.some_keys import private

PASSWORD = "Passwort für Ünïcode".encode()


@pytest.fixture(scope="module")
def sealed() -> bytes:
    """A key under a password, in DER."""
    return private().der(PASSWORD)


def test_round_trips(sealed: bytes) -> None:
    """DER and PEM, str and bytes, and a key that is bound to a pre-hash."""
    raw = private().private_bytes_raw()
    for data in sealed, private().pem(PASSWORD.decode()):
        for password in PASSWORD, bytearray(PASSWORD), PASSWORD.decode():
            assert hbss.load_private_key(data, password).private_bytes_raw() == raw
    assert private().der(PASSWORD) != sealed, "salt and initial value are drawn anew"
    bound = hbss.PrivateKey.from_raw("SLH-DSA-SHA2-128f", raw, prehash="SHA2-256")
    assert hbss.load_private_key(bound.pem(b"x"), b"x").prehash == "SHA2-256"


def test_mistakes(sealed: bytes) -> None:
    """A wrong, missing, empty or needless password."""
    with pytest.raises(hbss.BadKey, match="the password is wrong, or the encrypted private key is damaged"):
        hbss.load_private_key(sealed, b"wrong")
    with pytest.raises(hbss.BadKey, match="is encrypted: its password is needed"):
        hbss.load_private_key(sealed)
    with pytest.raises(ValueError, match="is not encrypted: leave the password out"):
        hbss.load_private_key(private().der(), b"x")
    with pytest.raises(ValueError, match="empty password"):
        private().pem(b"")
    with pytest.raises(TypeError, match="the password must be bytes-like, not int"):
        private().pem(7)  # type: ignore[arg-type]
    with pytest.raises(hbss.BadKey, match="this is a public key"):
        hbss.load_private_key(private().public_key().der(), b"x")
    with pytest.raises(hbss.BadKey, match="expected a PEM block of PUBLIC KEY"):
        hbss.load_public_key(private().pem(b"x"))


def test_what_is_written(sealed: bytes) -> None:
    """PBES2 with scrypt and AES-256-CBC as RFC 8018 and RFC 7914 have them, and the same bytes again."""
    info, rest = decode(sealed, asn1Spec=rfc5958.EncryptedPrivateKeyInfo())
    assert not rest
    assert encode(info) == sealed
    assert info["encryptionAlgorithm"]["algorithm"] == rfc8018.id_PBES2
    scheme, _ = decode(info["encryptionAlgorithm"]["parameters"], asn1Spec=rfc8018.PBES2_params())
    assert str(scheme["keyDerivationFunc"]["algorithm"]) == "1.3.6.1.4.1.11591.4.11"
    assert scheme["encryptionScheme"]["algorithm"] == rfc8018.aes256_CBC_PAD


# ---- OpenSSL -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["SLH-DSA-SHA2-128f", "SLH-DSA-SHAKE-256f"])
def test_openssl_reads_ours_and_we_its_own(openssl: OpenSSL, kind: str) -> None:
    """Both ways, with the memory that OpenSSL allows scrypt by default."""
    key = hbss.generate(kind)
    assert openssl.read_private(key.pem(PASSWORD), PASSWORD) == key.private_bytes_raw()
    with pytest.raises(RuntimeError):
        openssl.read_private(key.pem(PASSWORD), b"wrong")
    theirs = openssl.keygen(kind)
    read = hbss.load_private_key(openssl.write_private(theirs, PASSWORD), PASSWORD)
    assert read.public_key().public_bytes_raw() == openssl.public(theirs)


# ---- what others may write -----------------------------------------------------------------------------------------


def algorithm(oid: str, *parameters: bytes) -> bytes:
    return der.encode(der.SEQUENCE, der.encode_oid(oid), *parameters)


def pbkdf2(rounds: int, *more: bytes) -> bytes:
    salt = der.encode(der.OCTET_STRING, b"salt")
    return algorithm("1.2.840.113549.1.5.12", der.encode(der.SEQUENCE, salt, der.encode_integer(rounds), *more))


def scrypt(n: int, r: int, p: int) -> bytes:
    salt = der.encode(der.OCTET_STRING, b"salt")
    return algorithm("1.3.6.1.4.1.11591.4.11", der.encode(der.SEQUENCE, salt, *map(der.encode_integer, (n, r, p))))


AES = {16: "2.16.840.1.101.3.4.1.2", 24: "2.16.840.1.101.3.4.1.22", 32: "2.16.840.1.101.3.4.1.42"}


def file(derivation: bytes, key: bytes = bytes(32), cipher: str = "", scheme: str = "1.2.840.113549.1.5.13") -> bytes:
    """A file whose key for AES is known."""
    iv, plain = bytes(16), private().der()
    padding = 16 - len(plain) % 16
    encryptor = encrypted._cipher(key, iv).encryptor()
    content = encryptor.update(plain + bytes([padding]) * padding) + encryptor.finalize()
    parts = derivation, algorithm(cipher or AES[len(key)], der.encode(der.OCTET_STRING, iv))
    return der.encode(
        der.SEQUENCE, algorithm(scheme, der.encode(der.SEQUENCE, *parts)), der.encode(der.OCTET_STRING, content)
    )


@pytest.mark.parametrize("size", AES)
@pytest.mark.parametrize("name", ["sha1", "sha256", "sha512"])
def test_pbkdf2_is_read(size: int, name: str) -> None:
    """With every AES, and with SHA-1 where a file names no hash."""
    oids = {"sha256": "1.2.840.113549.2.9", "sha512": "1.2.840.113549.2.11"}
    prf = [algorithm(oids[name], b"\5\0")] if name in oids else []
    key = hashlib.pbkdf2_hmac(name, PASSWORD, b"salt", 1000, size)
    for length in ([], [der.encode_integer(size)]):
        data = file(pbkdf2(1000, *length, *prf), key)
        assert hbss.load_private_key(data, PASSWORD).public_key() == private().public_key()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (file(pbkdf2(10_000_001)), "asks for 10,000,001 rounds"),
        (file(pbkdf2(0)), "asks for 0 rounds"),
        (file(pbkdf2(1, algorithm("1.2.3"))), "an unknown hash: 1.2.3"),
        (file(scrypt(1 << 20, 8, 1)), "more than 256 MiB"),
        (file(scrypt(1 << 62, 1 << 40, 1 << 40)), "more than 256 MiB"),
        (file(scrypt(1 << 14, 8, 1 << 20)), "more than 256 MiB, or for too much work"),
        (file(scrypt(3, 8, 1)), "impossible parameters"),
        (file(scrypt(16, 0, 1)), "impossible parameters"),
        (file(algorithm("1.2.3", der.encode(der.SEQUENCE))), "another function than scrypt or PBKDF2: 1.2.3"),
        (file(pbkdf2(1), cipher="1.2.3"), "another cipher than AES-CBC: 1.2.3"),
        (file(pbkdf2(1), scheme="1.2.3"), "another scheme than PBES2"),
    ],
)
def test_what_is_refused(data: bytes, says: str) -> None:
    """By name, at once, and without the memory that was asked for."""
    with pytest.raises(hbss.BadKey, match=says):
        hbss.load_private_key(data, PASSWORD)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_any_bytes(data: st.DataObject) -> None:
    """A damaged file is a BadKey, unless it looks like one without a password; a changed one is never another key."""
    whole = bytearray(file(pbkdf2(1), hashlib.pbkdf2_hmac("sha1", PASSWORD, b"salt", 1, 32)))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    try:
        key = hbss.load_private_key(bytes(whole), PASSWORD)
    except ValueError:  # BadKey is one
        return
    assert key.private_bytes_raw() == private().private_bytes_raw()


# ---- the command line ----------------------------------------------------------------------------------------------


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An encrypted key, made on the command line, in the folder where we are."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HBSS_PASSWORD", "first")
    assert run(["keygen", "--encrypt", "SLH-DSA-SHA2-128f", "k"]) == 0
    assert pem.read(Path("k").read_bytes())[0] == "ENCRYPTED PRIVATE KEY"
    assert Path("k").stat().st_mode & 0o777 == 0o600
    Path("f").write_bytes(b"data")
    return tmp_path / "k"


def descriptor(data: bytes) -> str:
    """A pipe with something to read."""
    out, into = os.pipe()
    os.write(into, data)
    os.close(into)
    return str(out)


def test_a_password_from_the_environment_or_a_descriptor(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The descriptor comes first; its first line is the password."""
    assert run(["sign", "k", "f"]) == 0
    assert run(["verify", "k.pub", "f", "f.sig"]) == 0
    monkeypatch.setenv("HBSS_PASSWORD", "wrong")
    together = descriptor(b"first\nsecond\n")
    assert run(["--password-fd", together, "password", "k", "--new-password-fd", together]) == 0
    assert (
        run(["--password-fd", descriptor(b"second"), "password", "k", "--new-password-fd", descriptor(b"first")]) == 0
    )
    assert run(["--password-fd", "987", "sign", "k", "f"]) == 2
    for data in b"first", b"first\n", b"first\r\nsecond\n":
        assert run(["--password-fd", descriptor(data), "sign", "k", "f"]) == 0
    assert run(["--password-fd", descriptor(b""), "sign", "k", "f"]) == 2
    assert run(["sign", "k", "f"]) == 2


def test_changing_and_removing_it(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is replaced whole, where a link leads to, too."""
    before = hbss.load_private_key(key.read_bytes(), "first").private_bytes_raw()
    Path("link").symlink_to(key)
    monkeypatch.setenv("HBSS_NEW_PASSWORD", "second")
    assert run(["password", "link"]) == 0
    assert Path("link").is_symlink()
    assert hbss.load_private_key(key.read_bytes(), "second").private_bytes_raw() == before
    assert run(["password", "k"]) == 2, "the first is no longer good"
    monkeypatch.setenv("HBSS_PASSWORD", "second")
    assert run(["password", "--new-password-fd", descriptor(b"third"), "k"]) == 0
    monkeypatch.setenv("HBSS_PASSWORD", "third")
    assert run(["password", "--remove", "k"]) == 0
    assert hbss.load_private_key(key.read_bytes()).private_bytes_raw() == before
    assert key.stat().st_mode & 0o777 == 0o600
    monkeypatch.delenv("HBSS_PASSWORD")
    assert run(["password", "k"]) == 0, "a key that had none needs no old one"
    assert hbss.load_private_key(key.read_bytes(), "second").private_bytes_raw() == before


def test_mistakes_on_the_command_line(
    key: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], without_terminal: None
) -> None:
    """One line, no password in it, and the file as it was."""
    before = key.read_bytes()
    monkeypatch.setenv("HBSS_PASSWORD", "hunter2")
    for words, says in [
        (["sign", "k", "f"], "the password is wrong"),
        (["password", "--remove", "k"], "the password is wrong"),
    ]:
        capsys.readouterr()
        assert run(words) == 2
        said = capsys.readouterr().err
        assert says in said
        assert "hunter2" not in said
    monkeypatch.delenv("HBSS_PASSWORD")
    assert run(["sign", "k", "f"]) == 2
    assert "no terminal to ask at: set HBSS_PASSWORD" in capsys.readouterr().err
    assert run(["keygen", "--encrypt", "SLH-DSA-SHA2-128f", "new"]) == 2
    assert not Path("new").exists()
    assert key.read_bytes() == before


@pytest.fixture
def without_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a service, whoever runs the tests."""
    monkeypatch.setattr("hbss.cli.password._has_terminal", lambda: False)


def test_a_password_is_asked_for_at_the_terminal(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a terminal of its own: it is not shown, and a new one is typed twice."""
    before = hbss.load_private_key(key.read_bytes(), "first").private_bytes_raw()

    def at_terminal(words: list[str], answers: list[bytes]) -> tuple[int, bytes]:
        child, terminal = pty.fork()
        if child == 0:
            for variable in ("HBSS_PASSWORD", "HBSS_NEW_PASSWORD"):
                os.environ.pop(variable, None)
            os._exit(run(words))
        seen = b""
        for answer in answers:
            while not seen.endswith(b": "):
                seen += os.read(terminal, 1024)
            os.write(terminal, answer + b"\n")
            seen += b"|"
        while part := _rest(terminal):
            seen += part
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), seen

    status, seen = at_terminal(["sign", "k", "f"], [b"first"])
    assert status == 0, seen
    assert b"first" not in seen
    status, seen = at_terminal(["password", "k"], [b"first", b"new one", b"new one"])
    assert status == 0, seen
    assert hbss.load_private_key(key.read_bytes(), "new one").private_bytes_raw() == before


def _rest(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1024)
    except OSError:  # the other side is closed
        return b""
