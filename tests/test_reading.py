"""Signing and verifying files: in pieces, from any place, through pipes, and what is refused."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import pytest

import hbss
from hbss import reading
from hbss import unsafe_known_answers as known
from hbss.cli import app, pace
from tests.some_keys import FAST, STATEFUL, private

CONTENT = bytes(range(256)) * 20_000  # five pieces


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of several pieces."""
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def key(tmp_path: Path) -> Iterator[hbss.StatefulPrivateKey]:
    """A small stateful key, open."""
    hbss.create_key(tmp_path / "key", STATEFUL["LMS"])
    with hbss.open_key(tmp_path / "key") as found:
        yield found


@contextmanager
def piped(data: bytes) -> Iterator[BinaryIO]:
    """A pipe that somebody writes these bytes to."""
    out, into = os.pipe()

    def write() -> None:
        with suppress(BrokenPipeError), os.fdopen(into, "wb") as end:  # not everybody reads to the end
            end.write(data)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with os.fdopen(out, "rb") as end:
            yield end
    finally:
        writer.join()


@pytest.mark.parametrize("scheme", STATEFUL)
def test_a_stateful_key_reads_once(tmp_path: Path, file: Path, scheme: str) -> None:
    """A path, a file from where it stands, a pipe; the first signature, which is verified meanwhile, and later ones."""
    hbss.create_key(tmp_path / "key", STATEFUL[scheme])
    with hbss.open_key(tmp_path / "key") as key:
        public = key.public_key()
        for _ in range(2):
            public.verify(key.sign_file(file), CONTENT)
            with file.open("rb") as opened:
                opened.seek(1_000_000)
                public.verify(key.sign_file(opened), CONTENT[1_000_000:])
            with piped(CONTENT) as pipe:
                signature = key.sign_file(pipe)
        with piped(CONTENT) as pipe:
            public.verify_file(signature, pipe)
        public.verify_file(signature, str(file))
        with key.reserve(2) as batch:
            public.verify_file(batch.sign_file(file), io.BytesIO(CONTENT))
            assert batch.remaining == 1
        with pytest.raises(hbss.InvalidSignature):
            public.verify_file(signature, io.BytesIO(CONTENT + b"."))
        with pytest.raises(hbss.InvalidSignature):
            public.verify_file(signature[:-1], io.BytesIO(CONTENT))


@pytest.mark.parametrize("scheme", STATEFUL)
def test_what_verification_needs_before_the_message(scheme: str) -> None:
    """`unsigned` agrees with the signature but in its zeros: what depends on the message, and the path."""
    key = known.KnownAnswerKey(STATEFUL[scheme], bytes(96)[: 64 if "XMSS" in scheme else 24 if scheme == "HSS" else 32],
                               bytes(16 if scheme in ("LMS", "HSS") else 32))  # fmt: skip
    tree = key._tree(0, 0)
    lowest = key._family.sign_message(3, tree, 3, (b"message",), tree.root)
    unsigned = key._family.unsigned(3, tree.spot, 3)
    assert len(unsigned) == len(lowest)
    assert all(one in (0, other) for one, other in zip(unsigned, lowest, strict=True))


@pytest.mark.parametrize("prehash", [None, "SHA2-256"])
def test_slhdsa_signs_what_sign_signs(file: Path, prehash: str | None) -> None:
    """Byte by byte, if deterministic; under a context; from a file, from a place in it, from a pipe."""
    key = hbss.PrivateKey.from_raw(FAST, private().private_bytes_raw(), prehash=prehash)
    signature = key.sign(CONTENT, b"context", deterministic=True)
    assert key.sign_file(file, b"context", deterministic=True) == signature
    assert key.sign_file(file, b"context", deterministic=True, double_check=True) == signature
    with piped(CONTENT) as pipe:
        assert key.sign_file(pipe, b"context", deterministic=True) == signature
    key.public_key().verify_file(signature, file, b"context")
    with file.open("rb") as opened:
        opened.seek(1_000_000)
        key.public_key().verify(key.sign_file(opened), CONTENT[1_000_000:])
    with pytest.raises(hbss.InvalidSignature):
        key.public_key().verify_file(signature, file)


def test_progress(file: Path, key: hbss.StatefulPrivateKey) -> None:
    """Bytes read, of bytes in all: once, twice or four times the length, and 0 for what has no end yet."""
    seen: list[tuple[int, int]] = []
    signature = key.sign_file(file, progress=lambda *each: seen.append(each))
    assert seen == [(min(i << 20, len(CONTENT)), len(CONTENT)) for i in range(6)]
    seen.clear()
    key.public_key().verify_file(signature, file, progress=lambda *each: seen.append(each))
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    for double_check in (False, True):
        private().sign_file(file, double_check=double_check, progress=lambda *each: seen.append(each))
        assert seen[-1] == ((2 + 2 * double_check) * len(CONTENT),) * 2
    with piped(CONTENT) as pipe:
        key.sign_file(pipe, progress=lambda *each: seen.append(each))
    assert seen[-1] == (len(CONTENT), 0)


class Failing(io.BytesIO):
    """A file that cannot be read to its end."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() > 2_000_000:
            raise OSError(5, "Input/output error")
        return super().read(size)


def test_what_costs_an_index_and_what_does_not(tmp_path: Path, file: Path, key: hbss.StatefulPrivateKey) -> None:
    """Nothing is reserved for what cannot be opened; an index goes with what fails while it is read."""
    assert key.remaining == 31
    for wrong, error, says in [
        (tmp_path / "none", FileNotFoundError, "none"),
        (tmp_path, IsADirectoryError, "directory"),
        (tmp_path / "key", ValueError, "is the file of the key that signs"),
        (b"bytes", TypeError, "a file is its path, or open in binary; not bytes"),
    ]:
        with pytest.raises(error, match=says):
            key.sign_file(wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="has no context"):
        key.sign_file(file, b"context")  # type: ignore[arg-type]
    assert key.remaining == 31
    with pytest.raises(OSError, match="Input/output"):
        key.sign_file(Failing(CONTENT))
    with pytest.raises(TypeError, match="opened in binary"), file.open(encoding="latin-1") as text:
        key.sign_file(text)  # type: ignore[arg-type]
    assert key.remaining == 29
    key.public_key().verify(key.sign_file(file), CONTENT)
    assert key.status().burned == 2


def test_a_pipe_that_has_nothing_yet(key: hbss.StatefulPrivateKey) -> None:
    """Without blocking it is not taken for the end of a message."""
    out, into = os.pipe()
    os.set_blocking(out, False)
    with os.fdopen(out, "rb", buffering=0) as end, pytest.raises(ValueError, match="open it blocking"):
        key.sign_file(end)
    os.close(into)


def test_slhdsa_and_what_it_cannot_read_twice(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    """A stream above the limit, unless the key is bound to a pre-hash; a file that shrinks."""
    monkeypatch.setattr(reading, "SPOOL", 3_000_000)
    bound = hbss.PrivateKey.from_raw(FAST, private().private_bytes_raw(), prehash="SHA2-256")
    with piped(CONTENT) as pipe:
        bound.public_key().verify_file(bound.sign_file(pipe), file)
    with piped(CONTENT) as pipe, pytest.raises(ValueError, match="save it to a file, or sign its hash"):
        private().sign_file(pipe)

    def shrink(done: int, total: int) -> None:
        if done == len(CONTENT):
            os.truncate(file, 1000)

    with pytest.raises(ValueError, match="the file changed while it was read"):
        private().sign_file(file, progress=shrink)


CAPSULE = (
    "import sys; from hbss.cli.app import run; status = run(sys.argv[1:]);"
    "print(status, *(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
)


def through_a_pipe(*words: str, megabytes: int) -> tuple[int, int]:
    """Exit status and most memory, in KiB, of a command that reads zeros from a pipe."""
    command = [sys.executable, "-c", CAPSULE, *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        piece = bytes(1_000_000)
        for _ in range(megabytes):
            child.stdin.write(piece)
        child.stdin.close()
        status, kibibytes = map(int, child.stdout.read().split())  # its own; rusage would count the parent's too
    return status, kibibytes


def test_the_commands_hold_no_more_than_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """LMS signs and verifies 300 MB through a pipe in the memory that 10 MB take."""
    monkeypatch.chdir(tmp_path)
    assert app.run(["keygen", STATEFUL["LMS"], "key"]) == 0
    small, large = (through_a_pipe("sign", "key", "-", "-o", f"{size}.sig", megabytes=size) for size in (10, 300))
    verified = through_a_pipe("verify", "key.pub", "-", "300.sig", megabytes=300)
    assert small[0] == large[0] == verified[0] == 0
    assert max(large[1], verified[1]) < small[1] + 8 * 1024


@pytest.mark.parametrize("length", [3_000_000, 6_000_000])
def test_the_commands_show_how_far_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], length: int
) -> None:
    """Of what is long (here: 5 MB), and of nothing else."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pace, "LARGE", 5_000_000)
    monkeypatch.setattr(pace, "LINES", 0.0)
    Path("file").write_bytes(bytes(length))
    assert app.run(["keygen", STATEFUL["LMS"], "key"]) == 0
    capsys.readouterr()
    assert app.run(["sign", "key", "file"]) == app.run(["verify", "key.pub", "file", "file.sig"]) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if "reading file: " in line]
    assert bool(lines) == (length > 5_000_000)
    assert all("of 6 MB" in line for line in lines)


def test_an_interrupted_reading_says_what_it_cost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while a pipe has nothing yet."""
    monkeypatch.chdir(tmp_path)
    assert app.run(["keygen", STATEFUL["LMS"], "key"]) == 0
    command = [sys.executable, "-c", CAPSULE, "sign", "key", "-", "-o", "x"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stderr is not None
        while hbss.state.status("key").remaining == 31:
            assert child.poll() is None
        time.sleep(0.1)
        child.send_signal(signal.SIGINT)
        said = [line for line in child.stderr.read().decode().splitlines() if line]
    assert said == [
        "hbss: - was not read to its end: the index that was reserved for it is burned, 30 signatures are left",
        "hbss: interrupted",
    ]
    assert not Path("x").exists()


def test_the_key_itself_is_not_signed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would change under its own signature."""
    monkeypatch.chdir(tmp_path)
    assert app.run(["keygen", STATEFUL["LMS"], "key"]) == 0
    capsys.readouterr()
    assert app.run(["sign", "key", "key", "-o", "x"]) == 2
    assert capsys.readouterr().err.startswith("hbss: key is the file of the key that signs")
    with hbss.open_key("key") as key:
        assert key.remaining == 31
