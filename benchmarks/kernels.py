"""The anchor, every kernel beside it, and the portable kernel beside OpenSSL without its vector code."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import ssl
import subprocess
import sys
from collections.abc import Callable
from typing import TypedDict

from benchmarks.measure import Spread, kernel_ns, seconds
from hbss import _native

MEGABYTE = bytes(1 << 20)
BLOCKS = (1 << 20) // 64 + 1  # the padding is a block of its own
REPEATS = 7
ANCHOR = "hashlib"

# OpenSSL on x86: SSSE3 and AVX off in the first word, AVX2 and SHA in the second (see OPENSSL_ia32cap(3))
NO_VECTORS = "~0x1000020000000000:~0x20000020"


class Kernel(TypedDict):
    """What was measured of one kernel. rounds: of which `ns` is the spread; all kernels are measured once a round."""

    backend: str
    function: str
    kernel: str
    lanes: int
    ns: Spread
    rounds: list[float]


def ratio(above: Kernel, below: Kernel) -> Spread:
    """The times of one kernel divided by those of another, round by round."""
    return Spread.of([one / other for one, other in zip(above["rounds"], below["rounds"], strict=True)])


def anchor_ns() -> float:
    """Nanoseconds per 64-byte block of hashlib.sha256 over 1 MiB."""
    return seconds(lambda: hashlib.sha256(MEGABYTE).digest()) / BLOCKS * 1e9


def kernels(repeats: int = REPEATS, only: str | None = None) -> list[Kernel]:
    """The anchor, and every kernel of every backend (or of one) that this machine can run; shared ones once."""
    measured: dict[tuple[str, str], tuple[str, int, Callable[[], float]]] = {
        ("SHA-256", ANCHOR): (ssl.OPENSSL_VERSION.rsplit(" ", 3)[0], 1, anchor_ns)
    }
    for backend, supported in _native.backends().items():
        if not supported or only not in (None, backend):
            continue
        for function in ("SHA-256", "SHA-512", "SHAKE256"):
            for i, (name, lanes) in enumerate(_native.kernels(function, backend)):
                ns = functools.partial(kernel_ns, function, i, lanes, backend)
                measured.setdefault((function, name), (backend, lanes, ns))
    rounds = [[ns() for _, _, ns in measured.values()] for _ in range(repeats)]
    found = []
    for i, ((function, name), (backend, lanes, _)) in enumerate(measured.items()):
        values = [each[i] for each in rounds]
        found.append(Kernel(
            backend=backend, function=function, kernel=name, lanes=lanes, ns=Spread.of(values), rounds=values
        ))  # fmt: skip
    return found


def portable_and_scalar_openssl(repeats: int = REPEATS) -> list[Kernel]:
    """The portable kernel, then hashlib, in a process where OpenSSL sees no vector instructions."""
    child = subprocess.run(
        [sys.executable, "-m", "benchmarks.kernels", str(repeats)],
        env={**os.environ, "OPENSSL_ia32cap": NO_VECTORS}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = {row["kernel"]: row for row in json.loads(child.stdout) if row["function"] == "SHA-256"}
    return [found["portable"], found[ANCHOR]]


if __name__ == "__main__":  # the child of portable_and_scalar_openssl
    print(json.dumps(kernels(int(sys.argv[1]), "portable")))
