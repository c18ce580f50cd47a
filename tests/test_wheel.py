"""What users install: a wheel built from the source archive, in an environment that has no compiler."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = [
    "csrc",
    "hbss",
    "demo_chat",
    "tests",
    "docs",
    "benchmarks",
    ".ci",
    "setup.py",
    "pyproject.toml",
    "MANIFEST.in",
    "Makefile",
    "mkdocs.yml",
]
NOT_SOURCE = shutil.ignore_patterns("__pycache__", "*.so", "*.o", "_hbss.c")

USE = """
import hbss
assert "site-packages" in hbss.__file__, hbss.__file__
key = hbss.generate("SLH-DSA-SHA2-128f")
key.public_key().verify(key.sign(b"data"), b"data")
hbss.create_key("test.key", "LMS_SHA256_M32_H5_W8")
with hbss.open_key("test.key") as key:
    key.public_key().verify(key.sign(b"data"), b"data")
print("signed")
"""


def run(*command: str | Path, cwd: Path, path: str | None = None) -> str:
    environment = {**os.environ, "PATH": path or os.environ["PATH"]}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source archive, built from a copy of this tree."""
    folder = tmp_path_factory.mktemp("wheel")
    tree = folder / "tree"
    tree.mkdir()
    for name in [*SOURCE, *(path.name for path in ROOT.glob("*.md")), "LICENSE"]:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tree / name, ignore=NOT_SOURCE)
        else:
            shutil.copy2(ROOT / name, tree / name)
    backend = f"import setuptools.build_meta as b; b.build_sdist({str(folder)!r})"
    run(sys.executable, "-c", backend, cwd=tree)
    (sdist,) = folder.glob("hbss-*.tar.gz")
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", folder, sdist, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.mark.long
def test_one_wheel_for_all_pythons(wheel: Path) -> None:
    """The wheel says cp310-abi3, and holds the package, its types and its licence; of C only the crash kit's shim."""
    name, _version, python, abi, _platform = wheel.stem.split("-")
    assert (name, python, abi) == ("hbss", "cp310", "abi3")
    files = zipfile.ZipFile(wheel).namelist()
    assert {"hbss/__init__.py", "hbss/py.typed", "hbss/_hbss.abi3.so"} <= set(files)
    assert any(file.endswith("/LICENSE") for file in files)
    assert {file.split("/")[0].split("-")[0] for file in files} == {"hbss", "demo_chat"}
    assert [file for file in files if file.endswith((".c", ".h", ".inc"))] == ["hbss/testing/shim.c"]


@pytest.mark.long
def test_it_signs_where_no_compiler_is(wheel: Path, tmp_path: Path) -> None:
    """Installed into a fresh environment whose PATH leads to no compiler, it signs and verifies, stateful or not."""
    venv.create(tmp_path / "env", with_pip=True)
    path = str(tmp_path / "env" / "bin")
    assert not any(shutil.which(compiler, path=path) for compiler in ("gcc", "cc", "clang"))
    python = tmp_path / "env" / "bin" / "python"
    run(python, "-m", "pip", "install", "--only-binary", ":all:", wheel, cwd=tmp_path, path=path)
    assert run(python, "-c", USE, cwd=tmp_path, path=path) == "signed\n"
