"""Coverage-guided fuzzing of everything that reads bytes: `make fuzz`, ten minutes by default.

Each target has its share of the time, in a process of its own that may take 1 GiB and ten seconds for an input. What is
no refusal ends the run; the bytes stay in `build/fuzz`, and `python -m tests.fuzz NAME FILE` runs them again.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["hbss"]):
    from tests.fuzz_targets import run, targets

OUT = Path(__file__).parent.parent / "build" / "fuzz"


def main() -> int:
    """Exit status 1 if a target gave what it may not."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("name", nargs="?", help="one target (default: all, one after another)")
    parser.add_argument("file", nargs="?", type=Path, help="bytes to run once")
    parser.add_argument("--seconds", type=int, default=600, help="for all targets together (default: %(default)s)")
    given = parser.parse_args()
    if given.file is not None:
        run(targets()[given.name], given.file.read_bytes())
        return 0
    if given.name is not None:
        return fuzz(given.name, given.seconds)
    share = max(1, given.seconds // len(targets()))
    for name in targets():
        words = [sys.executable, "-m", "tests.fuzz", name, "--seconds", str(share)]
        done = subprocess.run(words, stderr=subprocess.PIPE, text=True, check=False)
        lines = done.stderr.splitlines()
        if done.returncode:
            print("\n".join(lines[-40:]))
            return 1
        print(f"{name}: {next((line for line in reversed(lines) if line.startswith('Done')), lines[-1])}", flush=True)
    return 0


def fuzz(name: str, seconds: int) -> int:
    """Does not return: libFuzzer ends the process."""
    target, corpus = targets()[name], OUT / name
    corpus.mkdir(parents=True, exist_ok=True)
    for i, seed in enumerate(target.seeds()):
        (corpus / f"seed-{i}").write_bytes(seed)
    options = [f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=1024", "-max_len=100000"]
    atheris.Setup(
        [sys.argv[0], str(corpus), f"-artifact_prefix={OUT}/{name}-", *options], lambda data: run(target, data)
    )
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
