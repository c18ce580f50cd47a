"""The C core by itself: under sanitizers through its door, the depth of its stack, and what depends on its secrets."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

CSRC = Path(__file__).resolve().parent.parent / "csrc"
SOURCES = sorted(str(path) for path in CSRC.rglob("*.c") if "wasm" not in path.relative_to(CSRC).parts)
HERE = Path(__file__).resolve().parent / "c"

# no local variable is zero by luck
PATTERN = "-ftrivial-auto-var-init=pattern"

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")


def compiled(folder: Path, name: str, *flags: str, compiler: str = "gcc") -> Path:
    """A program of tests/c with the whole core, its files compiled side by side."""
    jobs, objects = [], []
    for i, source in enumerate([str(HERE / f"{name}.c"), *SOURCES]):
        objects.append(str(folder / f"{i}.o"))
        command = [compiler, "-std=gnu11", "-Wall", "-Wextra", "-Werror", *flags, "-I", str(CSRC)]
        command += ["-c", source, "-o", objects[-1]]
        jobs.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
        if len(jobs) >= 2 * (os.cpu_count() or 1):
            finish(jobs.pop(0))
    for job in jobs:
        finish(job)
    subprocess.run([compiler, *flags, *objects, "-pthread", "-o", str(folder / name)], check=True)
    return folder / name


def finish(job: subprocess.Popen[str]) -> None:
    errors = job.communicate()[1]
    assert job.returncode == 0, errors


def test_the_door_under_sanitizers(tmp_path: Path) -> None:
    """Bad arguments, truncated and random input, round trips: the right status, and no sanitizer speaks."""
    program = compiled(
        tmp_path, "door", "-O1", "-g1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", PATTERN
    )
    environment = {**os.environ, "ASAN_OPTIONS": "detect_stack_use_after_return=1"}
    done = subprocess.run([str(program)], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr[-5000:]
    assert done.stdout.startswith("169 sets, ")


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_the_stack_stays_below_64_kib_and_keeps_no_secret(tmp_path: Path, compiler: str) -> None:
    """Every act of every set, on every backend, on a painted stack, compiled as the extension is."""
    if shutil.which(compiler) is None:
        pytest.skip(f"needs {compiler}")
    program = compiled(tmp_path, "stack", "-O2", "-fvisibility=hidden", compiler=compiler)
    done = subprocess.run([str(program)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "portable: " in done.stdout


def test_every_kernel_agrees_with_the_portable_one(tmp_path: Path) -> None:
    """Verb by verb, and the text of the 512-bit kernels also without AVX-512, under sanitizers."""
    program = compiled(
        tmp_path, "kernels", "-O1", "-g1", "-Wno-psabi", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"
    )
    done = subprocess.run([str(program)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr[-5000:]
    assert int(done.stdout.split()[0]) >= 9


def memcheck(program: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = ["valgrind", "--quiet", "--error-exitcode=9", str(program), *words]
    return subprocess.run(command, capture_output=True, text=True)


def test_no_branch_or_index_depends_on_a_secret(tmp_path: Path) -> None:
    """All that uses seeds, for every family and hash, on every backend that valgrind runs; what is planted is seen."""
    if shutil.which("valgrind") is None:
        pytest.skip("needs valgrind")
    header = "#include <valgrind/memcheck.h>"
    if subprocess.run(["gcc", "-E", "-"], input=header, capture_output=True, text=True).returncode:
        pytest.skip("needs valgrind's memcheck.h")
    program = compiled(tmp_path, "secrets", "-O2", "-g1", "-DHBSS_CHECK_SECRETS")
    done = memcheck(program)
    assert done.returncode == 0, done.stdout + done.stderr[-5000:]
    assert "portable" in done.stdout
    assert not done.stderr
    for plant in ("branch", "index"):
        done = memcheck(program, plant)
        assert done.returncode == 9, done.stdout + done.stderr
        assert "ninitialised value" in done.stderr
