"""hbss cms: messages beside a file and around it, pipes, and mistakes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import hbss
from hbss.cli import app
from tests.some_keys import private

CONTENT = b"firmware 1.4.2" * 1000


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """The commands in a folder with a root, a release key under it, and a file."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> int:
        return app.run([part for word in words for part in word.split()])

    Path("root.key").write_bytes(private().pem())
    assert call("cert self root.key --name CN=Root --no-end -o root.pem") == 0
    assert call("keygen LMS_SHA256_M32_H5_W8 release.key") == 0
    assert call("cert request release.key --name CN=Releases -o release.csr") == 0
    assert call("cert issue root.key root.pem release.csr -o release.pem") == 0
    Path("file").write_bytes(CONTENT)
    return call


def test_beside_and_around(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("cms sign release.key file --cert release.pem --time") == 0
    assert (
        run("cms verify file.p7s file --trust root.pem") == run("cms verify file.p7s file --key release.key.pub") == 0
    )
    assert run("cms sign release.key file --around --chain root.pem") == 0
    assert run("cms verify file.p7m --trust release.pem -o back") == 0
    assert Path("back").read_bytes() == CONTENT
    assert "good signature of CN=Releases" in capsys.readouterr().err
    Path("file").write_bytes(CONTENT + b".")
    assert run("cms verify file.p7s file --trust root.pem") == 1
    assert "BAD signature: the content is not what was signed" in capsys.readouterr().err
    assert run("cms verify file.p7m --trust root.pem -o other") == 1
    assert not Path("other").exists()


def test_standard_input(run: Callable[..., int], tmp_path: Path) -> None:
    """Through a pipe, in another process; of 200 MB no more than pieces are held."""
    capsule = (
        "import sys; from hbss.cli.app import run; status = run(sys.argv[1:]);"
        "print(status, *(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    words = ["cms", "sign", "release.key", "-", "-o", "piped.p7s"]
    with subprocess.Popen(
        [sys.executable, "-c", capsule, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=False
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        for _ in range(200):
            child.stdin.write(bytes(1_000_000))
        child.stdin.close()
        status, kibibytes = map(int, child.stdout.read().split())  # the most that it held; rusage counts the parent too
    assert status == 0
    assert kibibytes < 150 * 1024
    with Path("large").open("wb") as file:
        file.truncate(200_000_000)
    assert run("cms verify piped.p7s large --key release.key.pub") == 0


def test_mistakes(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    """Each is one line, and costs nothing."""
    assert run("cms sign release.key file") == 0
    capsys.readouterr()
    for words, says in {
        "cms verify file.p7s file": "say what is trusted",
        "cms verify file.p7s --key release.key.pub": "the content is detached: give it",
        "cms verify - - --key release.key.pub": "only one of MESSAGE and FILE",
        "cms verify file.p7s file --key release.key.pub -o x": "-o is for a message around its content",
        "cms sign release.key file --cert root.pem": "is of another key than the one that signs",
        "cms sign release.key missing": "missing: No such file",
        "cms sign release.key file -o file": "would overwrite file",
        "cms sign release.key file --cert file": "file is no certificate",
    }.items():
        assert run(words) == 2
        said = capsys.readouterr().err
        assert says in said
        assert said.count("\n") == 1
    assert run("cms verify file file --key release.key.pub") == 1
    assert "BAD signature: the message is no CMS SignedData" in capsys.readouterr().err
    with hbss.open_key("release.key") as key:
        assert key.remaining == 29  # the request and the first message
