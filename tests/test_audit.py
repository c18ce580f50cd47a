"""pq-verify's auditor of stateful libraries, run on hbss: published vectors, malformed signatures, the key's state."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import vectors

ROOT = Path(__file__).resolve().parent.parent
ADAPTER = ROOT / "tests" / "audit_adapter"
STATES = {"LMS state", "XMSS state", "XMSS^MT state"}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The adapter and csrc in one shared library."""
    compiler = shutil.which("gcc") or shutil.which("clang")
    assert compiler, "the audit needs a C compiler, as the extension does: apt-get install gcc"
    target = tmp_path_factory.mktemp("audit") / "hbss_audit.so"
    header = vectors.folder().parent / "harness" / "hbs"
    sources = [str(path) for path in (ROOT / "csrc").rglob("*.c") if "wasm" not in path.relative_to(ROOT).parts]
    subprocess.run(
        [compiler, "-std=gnu11", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", str(target),
         f'-DHBSS_PYTHON="{sys.executable}"', f'-DHBSS_STATE_PY="{ADAPTER / "state.py"}"',
         "-I", str(header), "-I", str(ROOT / "csrc"), str(ADAPTER / "adapter.c"), *sources],
        check=True,
    )  # fmt: skip
    return target


def audit(library: Path, call: str, folder: Path) -> dict[str, Any]:
    """What the auditor found. Its copies of key files must not be readable by others, or hbss would refuse them."""
    script = f"import json, sys; from pq_verify.hbs_audit import *; print(json.dumps({call}), file=sys.stderr)"
    environment = os.environ | {"TMPDIR": str(folder), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script, str(library)],
        env=environment, umask=0o077, capture_output=True, text=True, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stderr.splitlines()[-1])
    return found


def test_key_states_and_a_share_of_the_vectors(library: Path, tmp_path: Path) -> None:
    """One key of each scheme through its life, no leaf issued twice; one vector of key generation and signing a set."""
    call = "pqverify_audit_hbs(sys.argv[1], budget=2_600_000, per_group=1)"
    found = audit(library, call, tmp_path)
    assert found["failures"] == []
    assert found["verified"]
    assert set(found["detail"]) >= STATES
    assert found["not_applicable_total"] == 0


@pytest.mark.long
def test_the_whole_audit(library: Path, tmp_path: Path) -> None:
    """As `pq-verify --audit-hbs` runs it."""
    found = audit(library, "pqverify_audit_hbs(sys.argv[1])", tmp_path)
    assert found["failures"] == []
    assert found["verified"]
    assert set(found["detail"]) >= STATES
    assert found["not_applicable_total"] == 0
