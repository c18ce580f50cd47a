"""Compiles the core into a WebAssembly module: what `make wasm` does.

    python csrc/wasm/build.py demo_chat/static/hbss.wasm    # needs the compiler: pip install ziglang==0.17.1

The same sources give the same bytes in any folder, so the module is kept in the repository and CI makes it again. The
compiler is a hundred megabytes, and so no dependency of anything.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

ZIG = "0.17.1"
CSRC = Path(__file__).resolve().parent.parent
CACHE = CSRC.parent / "build" / "zig"

# -Os is as fast as -O3 here, as the kernels are unrolled by hand, and a fifth smaller. Vectors of 128 bits are SIMD128.
# This form of MAJ takes b ^ c from the round before, which saves one operation in each.
FLAGS = [
    "-target", "wasm32-freestanding", "-std=gnu11", "-Os", "-msimd128", "-mbulk-memory", "-ffreestanding", "-nostdlib",
    "-Iwasm", "-I.", "-DMAJ(a,b,c)=((b)^(((a)^(b))&((b)^(c))))",
]  # fmt: skip
# The stack lies below the data, so that an overflow is a trap: a call of the core needs less than 64 KiB. -s: what is
# left out would name folders.
LINKING = ["-Wl,--no-entry", "-Wl,-z,stack-size=131072", "-Wl,--export=__heap_base", "-s"]


def exports() -> list[str]:
    """Every function of the door, and the module's own."""
    door = (CSRC / "hbss.h").read_text(encoding="utf-8").split("/* cffi reads from here */", 1)[1]
    names = re.findall(r"\b(hbss_\w+)\(", re.sub(r"/\*.*?\*/", "", door, flags=re.DOTALL))
    return [f"-Wl,--export={name}" for name in sorted({*names, "hbss_wasm_hash"})]


def sources() -> list[str]:
    """All of the core; what is for other machines compiles to nothing."""
    return sorted(path.relative_to(CSRC).as_posix() for path in CSRC.rglob("*.c"))


def build(out: Path) -> None:
    """Compile and link."""
    command = [sys.executable, "-m", "ziglang", "cc", *FLAGS, *sources(), *LINKING, *exports(), "-o", str(out)]
    caches = {"ZIG_GLOBAL_CACHE_DIR": str(CACHE), "ZIG_LOCAL_CACHE_DIR": str(CACHE)}
    subprocess.run(command, cwd=CSRC, env={**os.environ, **caches}, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="the module")
    out = parser.parse_args().out.resolve()
    try:
        found = importlib.metadata.version("ziglang")
    except importlib.metadata.PackageNotFoundError:
        found = "none"
    if found != ZIG:
        parser.exit(2, f"expected the compiler ziglang=={ZIG}, found {found}: pip install ziglang=={ZIG}\n")
    build(out)
    print(f"{out}: {out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
