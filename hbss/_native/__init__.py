"""The only package that touches the C extension: bytes in, bytes out, a status becomes an exception.

Everything here may be called from several threads at once: an expanded key is constant, and cffi releases the GIL. A
`Way` alone is for one thread at a time.
"""

from hbss._native.key import Key, Way
from hbss._native.library import (
    FUNCTIONS,
    SCHEMES,
    SetRow,
    backend_name,
    backends,
    hash_many,
    kernels,
    run_kernel,
    sets,
)
from hbss._native.memory import random_bytes, wipe
from hbss._native.verification import Claim, Verification, verify_each

__all__ = [
    "FUNCTIONS", "SCHEMES", "Claim", "Key", "SetRow", "Verification", "Way", "backend_name", "backends", "hash_many",
    "kernels", "random_bytes", "run_kernel", "sets", "verify_each", "wipe",
]  # fmt: skip
