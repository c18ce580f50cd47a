"""XMSS and XMSS^MT: the sets of RFC 8391 (section 5) and of SP 800-208 (section 5)."""

from __future__ import annotations

from tests.model.params import Set

# (first OID of XMSS, first OID of XMSS^MT, name of the hash, n in bits, the function, approved by SP 800-208)
_FAMILIES = (
    (0x01, 0x01, "SHA2", 256, "SHA-256", True),
    (0x04, 0x09, "SHA2", 512, "SHA-512", False),
    (0x07, 0x11, "SHAKE", 256, "SHAKE128", False),
    (0x0A, 0x19, "SHAKE", 512, "SHAKE256", False),
    (0x0D, 0x21, "SHA2", 192, "SHA-256", True),
    (0x10, 0x29, "SHAKE256", 256, "SHAKE256", True),
    (0x13, 0x31, "SHAKE256", 192, "SHAKE256", True),
)
_TOWERS = ((20, 2), (20, 4), (40, 2), (40, 4), (40, 8), (60, 3), (60, 6), (60, 12))


def _sets() -> list[Set]:
    found = []
    for oid, oid_mt, label, bits, function, approved in _FAMILIES:
        n = bits // 8
        for i, h in enumerate((10, 16, 20)):
            found.append(Set(f"XMSS-{label}_{h}_{bits}", "XMSS", function, n, h, 4, code=oid + i, approved=approved))
        for i, (h, d) in enumerate(_TOWERS):
            name = f"XMSSMT-{label}_{h}/{d}_{bits}"
            found.append(Set(name, "XMSSMT", function, n, h, 4, d, code=oid_mt + i, approved=approved))
    return found


SETS = {p.name: p for p in _sets()}
BY_CODE = {(p.scheme, p.code): p for p in SETS.values()}
