"""Packages of npm that tests use, in their one version, installed once into build/."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
from pathlib import Path

import pytest

PACKAGES = {"axe-core": "4.14.1", "typescript": "5.9.3"}
FOLDER = Path(__file__).resolve().parent.parent / "build" / "npm"

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm (Debian: apt-get install npm)")


def installed() -> Path:
    """The folder node_modules, with exactly these packages; several processes may ask at once."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = json.dumps({"private": True, "dependencies": PACKAGES})
        done = FOLDER / "done.json"
        if not done.exists() or done.read_text() != wanted:
            (FOLDER / "package.json").write_text(wanted)
            command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
            subprocess.run(command, cwd=FOLDER, check=True)
            done.write_text(wanted)
    return FOLDER / "node_modules"


def script(name: str) -> str:
    """The text of a package's file."""
    return (installed() / name).read_text(encoding="utf-8")
