"""What must be measured in a process of its own: another backend, and the memory that making a key takes.

python -m benchmarks.child figures   < sets and operations as JSON; the backend is HBSS_BACKEND's
python -m benchmarks.child memory SET CACHE_BYTES   ("default" for what create_key does by itself, 0 for no key)
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict, cast

import hbss
from hbss.bench.acts import Budget, Subject
from hbss.bench.run import Figure, figure

WHOLE = str(1 << 40)  # more cache than any tree needs


class Memory(TypedDict):
    """The most memory that a process had, in bytes; set: whose key it made, or none."""

    what: str
    set: str
    bytes: int


def figures(backend: str, wanted: Sequence[tuple[str, Sequence[str]]], budget: Budget) -> list[Figure]:
    """Operations of sets on another backend."""
    order = json.dumps({"wanted": wanted, "budget": vars(budget)})
    return cast("list[Figure]", _run({**os.environ, "HBSS_BACKEND": backend}, order, "figures"))


def memory(name: str) -> list[Memory]:
    """Of Python with hbss, and of making a key of this set with the default budget and with the whole tree kept."""
    cases = (("Python with hbss", "0"), ("default budget", "default"), ("whole tree", WHOLE))
    return [
        Memory(what=what, set=name if cache != "0" else "", bytes=cast(int, _run(None, "", "memory", name, cache)))
        for what, cache in cases
    ]


def _run(environment: dict[str, str] | None, order: str, *words: str) -> object:
    command = [sys.executable, "-m", "benchmarks.child", *words]
    folder = Path(__file__).parent.parent
    done = subprocess.run(
        command, input=order, env=environment, cwd=folder, stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout)


def _figures() -> list[Figure]:
    order = json.load(sys.stdin)
    found = []
    for name, operations in order["wanted"]:
        with Subject(name, Budget(**order["budget"])) as subject:
            found += [figure(subject, operation) for operation in operations]
    return found


def _memory(name: str, cache: str) -> int:
    with tempfile.TemporaryDirectory(prefix="hbss-bench-") as folder:
        if cache == "default":
            hbss.create_key(Path(folder) / "key", name)
        elif cache != "0":
            hbss.create_key(Path(folder) / "key", name, cache_bytes=int(cache))
    return _most()


def _most() -> int:
    """VmHWM: getrusage's figure would begin with what the parent had."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError("this system does not say how much memory a process had (VmHWM in /proc/self/status)")


if __name__ == "__main__":
    print(json.dumps(_figures() if sys.argv[1] == "figures" else _memory(*sys.argv[2:])))
