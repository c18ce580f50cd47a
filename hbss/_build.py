"""How the C extension is built: cffi reads the declarations straight out of csrc/hbss.h."""

from __future__ import annotations

import re
from pathlib import Path

from cffi import FFI

ROOT = Path(__file__).resolve().parent.parent
CSRC = ROOT / "csrc"


def declarations() -> str:
    """The part of hbss.h between its two marker comments, without the attributes that cffi does not read."""
    text = (CSRC / "hbss.h").read_text(encoding="utf-8")
    text = text.split("/* cffi reads from here */", 1)[1].split("/* cffi reads to here */", 1)[0]
    return re.sub(r"\bHBSS_CHECKED\b", "", text)


ffi = FFI()
ffi.cdef(declarations())
ffi.set_source(
    "hbss._hbss",
    '#include "hbss.h"',
    sources=sorted(
        str(path.relative_to(ROOT)) for path in CSRC.rglob("*.c") if "wasm" not in path.relative_to(ROOT).parts
    ),
    include_dirs=["csrc"],
    py_limited_api=True,
    # no -march: a kernel file states its own target, and the CPU is asked at run time
    extra_compile_args=["-std=gnu11", "-O2", "-fvisibility=hidden"],
)
