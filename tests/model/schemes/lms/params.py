"""LMS: 20 tree types times 4 widths (RFC 8554 section 5.1, RFC 9858). All are approved by SP 800-208."""

from __future__ import annotations

from tests.model.params import Set

_FAMILIES = (
    ("SHA256_M32", "SHA-256", 32),
    ("SHA256_M24", "SHA-256", 24),
    ("SHAKE_M32", "SHAKE256", 32),
    ("SHAKE_M24", "SHAKE256", 24),
)


def _sets() -> list[Set]:
    found = []
    for f, (family, function, n) in enumerate(_FAMILIES):
        for i, h in enumerate((5, 10, 15, 20, 25)):
            for j, w in enumerate((1, 2, 4, 8)):
                name, code, ots_code = f"LMS_{family}_H{h}_W{w}", 5 + 5 * f + i, 1 + 4 * f + j
                found.append(Set(name, "LMS", function, n, h, w, code=code, ots_code=ots_code))
    return found


SETS = {p.name: p for p in _sets()}
BY_CODES = {(p.code, p.ots_code): p for p in SETS.values()}
