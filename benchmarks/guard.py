"""Speed that cannot be lost unnoticed on a noisy machine: the work of a few acts is counted, not timed.

    python -m benchmarks guard            what differs from the record
    python -m benchmarks guard --record   write the record anew

tests/c/guard.c does the acts with fixed seeds, straight through csrc. Three things are counted per hash call:

* cost: how often the best backend's kernels run, each run weighed with its nanoseconds. It rises when lanes run idle,
  and is the same on every CPU and with every compiler.
* kernel, around: instructions of the portable backend inside of its compression functions, and outside (callgrind).
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypedDict, cast

from benchmarks.measure import RESULTS, ROOT

RECORD = RESULTS / "guard.json"
DRIVER = ROOT / "tests" / "c" / "guard.c"
WIDE, NARROW = "avx512-shani", "portable"

# nanoseconds of one run of a kernel, by function and lanes; they only weigh runs against each other
WEIGHTS = {
    ("SHA-256", 1): 42, ("SHA-256", 4): 75, ("SHA-256", 16): 155, ("SHA-256", 32): 240, ("SHA-512", 1): 165,
    ("SHA-512", 8): 224, ("SHA-512", 16): 330, ("SHAKE", 1): 230, ("SHAKE", 8): 216,
}  # fmt: skip
EXACT, SAME, OTHER = 0.02, 0.03, 0.3  # tolerances: of runs; of instructions by the same compiler, by another

Runs = dict[str, dict[tuple[str, int], int]]


class Act(TypedDict):
    """What was counted of one act. hashes: its hash calls; the rest is per hash call, None if it was not counted."""

    hashes: int
    cost: float
    kernel: float | None
    around: float | None


class Record(TypedDict):
    """What was counted, and what compiled it."""

    compiler: str
    acts: dict[str, Act]


def compiler() -> str:
    """What compiles the driver, and its version."""
    return subprocess.run(["gcc", "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]


def compiled(folder: Path) -> Path:
    """The driver with the whole core, compiled as the extension is, with one process for each processor."""
    sources = [
        DRIVER,
        *(path for path in sorted((ROOT / "csrc").rglob("*.c")) if "wasm" not in path.relative_to(ROOT).parts),
    ]
    count = os.cpu_count() or 1
    flags = ["-std=gnu11", "-O2", "-fvisibility=hidden", "-I", str(ROOT / "csrc")]
    parts = [folder / f"{i}.o" for i in range(count)]
    jobs = [
        subprocess.Popen(["gcc", *flags, "-r", "-o", str(part), *map(str, sources[i::count])])
        for i, part in enumerate(parts)
    ]
    statuses = [job.wait() for job in jobs]
    if any(statuses):
        raise RuntimeError("gcc could not compile the driver; it has said why")
    program = folder / "guard"
    subprocess.run(["gcc", *map(str, parts), "-o", str(program)], check=True)
    return program


def runs(program: Path, backend: str) -> Runs:
    """How often kernels run, by act, function and lanes."""
    done = subprocess.run([str(program), backend], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"the driver failed: {done.stdout}{done.stderr}")
    found: Runs = {}
    for line in done.stdout.splitlines():
        act, function, lanes, times = line.split()
        found.setdefault(act, {})[function, int(lanes)] = int(times)
    return found


def instructions(program: Path) -> dict[str, tuple[int, int]]:
    """Instructions of every act on the portable backend, inside of the compression functions and outside of them."""
    if shutil.which("valgrind") is None:
        return {}
    options = ["--tool=callgrind", "--compress-strings=no", "--callgrind-out-file=callgrind"]
    subprocess.run(["valgrind", *options, str(program)], cwd=program.parent, capture_output=True, check=True)
    found = {}
    for dump in program.parent.glob("callgrind.*"):
        lines = dump.read_text(encoding="utf-8").splitlines()
        (act,) = (line.split()[-1] for line in lines if line.startswith("desc: Trigger: Client Request:"))
        (whole,) = (int(line.split()[1]) for line in lines if line.startswith("summary:"))
        kernel = _in_kernels(lines)
        found[act] = kernel, whole - kernel
    return found


def _in_kernels(lines: Iterable[str]) -> int:
    """Instructions of a dump in the compression functions themselves: lines of `position count` after their `fn=`."""
    total, inside, calling = 0, False, False
    for line in lines:
        if line.startswith("fn="):
            inside = line.endswith(("_compress", "_rounds", "_value"))
        elif inside and re.match(r"[+*\d-]", line) and not calling:
            total += int(line.split()[1])
        calling = line.startswith("calls=")  # what follows is the cost of what was called
    return total


def count() -> Record:
    """Compile, run and count."""
    with tempfile.TemporaryDirectory(prefix="hbss-guard-") as name:
        program = compiled(Path(name))
        needed, wide, executed = runs(program, NARROW), runs(program, WIDE), instructions(program)
    acts = {}
    for act, narrow in needed.items():
        hashes = sum(narrow.values())
        cost = sum(WEIGHTS[kernel] * times for kernel, times in wide[act].items())
        kernel, around = executed.get(act, (None, None))
        acts[act] = Act(
            hashes=hashes, cost=round(cost / hashes, 2),
            kernel=None if kernel is None else round(kernel / hashes, 1),
            around=None if around is None else round(around / hashes, 1),
        )  # fmt: skip
    return Record(compiler=compiler(), acts=acts)


def load(path: Path = RECORD) -> Record:
    """What was recorded."""
    return cast(Record, json.loads(path.read_text(encoding="utf-8")))


def save(found: Record, path: Path = RECORD) -> None:
    """Keep what was counted; RuntimeError without instructions, as a record lacks nothing."""
    if any(act["around"] is None for act in found["acts"].values()):
        raise RuntimeError("instructions were not counted: install valgrind, with its headers, and record again")
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def changes(recorded: Record, found: Record) -> tuple[list[str], list[str]]:
    """Figures that are greater than recorded by more than their tolerance, and those that are less."""
    if set(recorded["acts"]) != set(found["acts"]):
        return [f"the acts are not those of the record: {', '.join(sorted(found['acts']))}"], []
    instruction = SAME if _major(recorded) == _major(found) else OTHER
    tolerances = {"hashes": EXACT, "cost": EXACT, "kernel": instruction, "around": instruction}
    lost: list[str] = []
    gained: list[str] = []
    for (act, was), (figure, tolerance) in itertools.product(recorded["acts"].items(), tolerances.items()):
        before, now = _number(was, figure), _number(found["acts"][act], figure)
        if before is None or now is None or abs(now - before) <= tolerance * before:
            continue
        line = f"{act}: {figure} {before:,} -> {now:,} ({now / before - 1:+.1%})"
        (lost if now > before else gained).append(line)
    return lost, gained


def _number(act: Mapping[str, object], figure: str) -> float | None:
    return cast("float | None", act[figure])


def _major(record: Record) -> str:
    """`gcc (...) 12` of `gcc (...) 12.2.0`."""
    return record["compiler"].split()[0] + " " + record["compiler"].split()[-1].split(".")[0]


def text(found: Record) -> str:
    """The figures as a table."""
    head = f"{'act':20} {'hash calls':>10} {'cost':>8} {'kernel':>9} {'around':>9}   per hash call"
    lines = [found["compiler"], "", head]
    for name, act in found["acts"].items():
        inside, outside = (f"{act[key]:.1f}" if act[key] is not None else "-" for key in ("kernel", "around"))
        lines.append(f"{name:20} {act['hashes']:>10,} {act['cost']:>8.2f} {inside:>9} {outside:>9}")
    return "\n".join(lines)
