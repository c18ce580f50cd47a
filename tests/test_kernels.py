"""Every backend that this machine can run computes what the portable one does, and that is what hashlib does."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from hbss import _native
from tests import kernel_digests

ROOT = Path(__file__).resolve().parent.parent
BACKENDS = _native.backends()
USABLE = [name for name, usable in BACKENDS.items() if usable]


def run(backend: str, *command: str) -> subprocess.CompletedProcess[str]:
    """A Python process with this backend."""
    environment = os.environ | {"HBSS_BACKEND": backend}
    return subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True)


@cache
def digests(backend: str) -> dict[str, Any]:
    done = run(backend, "-m", "tests.kernel_digests")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found.pop("backend") == backend
    return found


def test_portable_hashes_are_those_of_hashlib() -> None:
    """Counts 0 to 2 * 32 + 1, lengths around the ends of blocks."""
    for length in kernel_digests.LENGTHS:
        whole = hashlib.sha256()
        for count in kernel_digests.COUNTS:
            data = kernel_digests.bodies(length, count)
            for i in range(count):
                whole.update(hashlib.sha256(b"\x01" + data[i * length : (i + 1) * length]).digest())
        assert digests("portable")[f"hash_many {length}"] == {"all counts": whole.hexdigest()}, length


@pytest.mark.parametrize("backend", [name for name in USABLE if name != "portable"])
def test_backends_agree_with_portable(backend: str) -> None:
    """Trees, parents, one-time signatures, recoveries, digests and signatures, named where they differ."""
    expected, found = digests("portable"), digests(backend)
    assert expected.keys() == found.keys()
    wrong = [f"{name}: {what}" for name, row in expected.items() for what in row if found[name][what] != row[what]]
    assert wrong == []


def test_the_counts_reach_past_the_widest_kernel() -> None:
    lanes = [n for backend in BACKENDS for f in _native.FUNCTIONS for _, n in _native.kernels(f, backend)]
    assert max(lanes) <= kernel_digests.LANES
    assert {row.function for row in _native.sets() if row.name in kernel_digests.SETS} == set(_native.FUNCTIONS)


@pytest.mark.parametrize("backend", ["nonsense", *(name for name, usable in BACKENDS.items() if not usable)])
def test_a_backend_that_cannot_run_is_a_clear_error(backend: str) -> None:
    """Never an illegal instruction: one line that names what can run here."""
    done = run(backend, "-c", "import hbss; hbss.generate('SLH-DSA-SHA2-128f')")
    assert done.returncode == 1
    assert f"ValueError: HBSS_BACKEND={backend!r}" in done.stderr.splitlines()[-1]
    assert "portable" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("backend", USABLE)
def test_the_backend_named_is_the_one_used(backend: str) -> None:
    done = run(backend, "-c", "from hbss import _native; print(_native.backend_name())")
    assert done.stdout.strip() == backend
