"""SLH-DSA: the 12 sets of FIPS 205, table 2."""

from __future__ import annotations

from tests.model.params import Set

# (size, n, h, d, a, k, category); lg_w is 4 everywhere
_SIZES = (
    ("128s", 16, 63, 7, 12, 14, 1),
    ("128f", 16, 66, 22, 6, 33, 1),
    ("192s", 24, 63, 7, 14, 17, 3),
    ("192f", 24, 66, 22, 8, 33, 3),
    ("256s", 32, 64, 8, 14, 22, 5),
    ("256f", 32, 68, 17, 9, 35, 5),
)
_FUNCTIONS = {"SHA2": "SHA-256", "SHAKE": "SHAKE256"}

SETS = {
    f"SLH-DSA-{family}-{size}": Set(
        f"SLH-DSA-{family}-{size}", "SLH-DSA", function, n, h, 4, d, category=category, a=a, k=k
    )
    for family, function in _FUNCTIONS.items()
    for size, n, h, d, a, k, category in _SIZES
}
