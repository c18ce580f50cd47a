"""What this runs on: the package, its compiler, the processor."""

from __future__ import annotations

import functools
import importlib.metadata
import platform
import re
from pathlib import Path

from hbss import _native

_COMPILER = re.compile(rb"GCC: \([^)\0]*\) [\d.]+|(?:Debian |Ubuntu |Apple )?clang version [^\0]+")


def version() -> str:
    """Of the installed package."""
    try:
        return importlib.metadata.version("hbss")
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"


@functools.cache
def compiler() -> str:
    """What compiled the extension; empty if its file does not say."""
    for path in Path(_native.__file__).parent.parent.glob("_hbss.*"):
        found = _COMPILER.search(path.read_bytes())
        if found:
            return found[0].decode("ascii", errors="replace").strip()
    return ""


def cpu() -> str:
    """What the processor calls itself, and which of the instructions that kernels use it has."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    fields = dict(line.replace("\t", "").split(":", 1) for line in lines if ":" in line)
    flags = {"avx2", "avx512f", "sha_ni"} & set(fields.get("flags", "").split())
    named = " ".join(fields.get(key, "").strip() for key in ("model name", "cpu family", "model"))
    return f"{named} ({', '.join(sorted(flags))})"
