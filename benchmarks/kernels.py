"""The anchor, every kernel beside it, and the portable kernel beside OpenSSL without its vector code."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from typing import TypedDict

from benchmarks.measure import Spread, kernel_ns, seconds
from hbss import _native

MEGABYTE = bytes(1 << 20)
BLOCKS = (1 << 20) // 64 + 1  # the padding is a block of its own
REPEATS = 7

# OpenSSL on x86: SSSE3 and AVX off in the first word, AVX2 and SHA in the second (see OPENSSL_ia32cap(3))
NO_VECTORS = "~0x1000020000000000:~0x20000020"


class Kernel(TypedDict):
    """What was measured of one kernel."""

    backend: str
    function: str
    kernel: str
    lanes: int
    ns: Spread
    anchors: float


def anchor_ns() -> float:
    """Nanoseconds per 64-byte block of hashlib.sha256 over 1 MiB."""
    return seconds(lambda: hashlib.sha256(MEGABYTE).digest()) / BLOCKS * 1e9


def anchor() -> Spread:
    """The anchor, several times."""
    return Spread.of([anchor_ns() for _ in range(REPEATS)])


def kernels(anchor: Spread) -> list[Kernel]:
    """Every kernel of every backend that this machine can run; a kernel that several backends share once."""
    found: dict[tuple[str, str], Kernel] = {}
    for backend, supported in _native.backends().items():
        if not supported:
            continue
        for function in ("SHA-256", "SHA-512", "SHAKE256"):
            for i, (name, lanes) in enumerate(_native.kernels(function, backend)):
                if (function, name) in found:
                    continue
                ns = Spread.of([kernel_ns(function, i, lanes, backend) for _ in range(REPEATS)])
                found[function, name] = Kernel(
                    backend=backend,
                    function=function,
                    kernel=name,
                    lanes=lanes,
                    ns=ns,
                    anchors=anchor.median / ns.median,
                )
    return list(found.values())


def _portable_ns() -> float:
    *_, (_, lanes) = listed = _native.kernels("SHA-256", "portable")
    return kernel_ns("SHA-256", len(listed) - 1, lanes, "portable")


def portable_and_scalar_openssl() -> dict[str, Spread]:
    """ns per block of the portable kernel and of hashlib, in a process where OpenSSL sees no vector instructions."""
    environment = {**os.environ, "OPENSSL_ia32cap": NO_VECTORS}
    child = subprocess.run(
        [sys.executable, "-m", "benchmarks.kernels"], env=environment, capture_output=True, text=True, check=True
    )
    return {name: Spread.of(values) for name, values in json.loads(child.stdout).items()}


if __name__ == "__main__":  # the child of portable_and_scalar_openssl
    print(json.dumps({
        "OpenSSL": [anchor_ns() for _ in range(REPEATS)],
        "portable": [_portable_ns() for _ in range(REPEATS)],
    }))  # fmt: skip
