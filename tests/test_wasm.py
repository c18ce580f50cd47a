"""The WebAssembly module: the one in the repository is what the sources give."""

from __future__ import annotations

import shutil
import subprocess
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
STATIC = ROOT / "demo_chat" / "static"
COMPILER = "ziglang==0.17.1"


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.long
def test_the_module_is_what_the_sources_give(tmp_path: Path) -> None:
    """Compiled in two folders, by a compiler in an environment of its own, it is byte for byte the one that is kept."""
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", COMPILER, cwd=tmp_path)
    for place in ("one", "another place/deeper"):
        shutil.copytree(ROOT / "csrc", tmp_path / place / "csrc")
        run(python, tmp_path / place / "csrc" / "wasm" / "build.py", f"{place}.wasm", cwd=tmp_path)
        assert (tmp_path / f"{place}.wasm").read_bytes() == (STATIC / "hbss.wasm").read_bytes(), (
            "demo_chat/static/hbss.wasm is not what csrc gives: run `make wasm` and commit it"
        )


def test_it_is_built_by_the_compiler_that_is_pinned(tmp_path: Path) -> None:
    """Another would give other bytes: build.py and the Makefile name the same; without it there is one clear line."""
    assert f"pip-version-check {COMPILER}\n" in (ROOT / "Makefile").read_text(encoding="utf-8")
    venv.create(tmp_path / "env", with_pip=False)
    command = [tmp_path / "env" / "bin" / "python", ROOT / "csrc" / "wasm" / "build.py", tmp_path / "out.wasm"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"expected the compiler {COMPILER}, found none: pip install {COMPILER}\n"
