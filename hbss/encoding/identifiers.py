"""Object identifiers of key algorithms: RFC 9802 (HSS/LMS, XMSS, XMSS^MT) and RFC 9909 (SLH-DSA, HashSLH-DSA)."""

from __future__ import annotations

from typing import NamedTuple

from hbss.errors import BadKey


class Algorithm(NamedTuple):
    """What an identifier says about a key: its family, and for SLH-DSA the set and perhaps the one pre-hash allowed."""

    family: str
    """`LMS` (HSS included), `XMSS`, `XMSSMT` or `SLH-DSA`."""
    set_name: str | None = None
    """SLH-DSA's set; the stateful families' keys carry their own codes."""
    prehash: str | None = None
    """The hash that a HashSLH-DSA key is bound to; None for pure SLH-DSA."""


_SLHDSA_ARC = "2.16.840.1.101.3.4.3"
_SLHDSA_PURE, _SLHDSA_PREHASH = 20, 35  # the first numbers of the two runs of twelve
_SLHDSA_SETS = [
    f"SLH-DSA-{function}-{bits}{speed}" for function in ("SHA2", "SHAKE") for bits in (128, 192, 256) for speed in "sf"
]


def bound_hash(set_name: str) -> str:
    """The pre-hash that RFC 9909 binds to an SLH-DSA set in its HashSLH-DSA identifier."""
    small = "-128" in set_name
    if "-SHAKE-" in set_name:
        return "SHAKE128" if small else "SHAKE256"
    return "SHA2-256" if small else "SHA2-512"


ALGORITHMS = {
    "1.2.840.113549.1.9.16.3.17": Algorithm("LMS"),
    "1.3.6.1.5.5.7.6.34": Algorithm("XMSS"),
    "1.3.6.1.5.5.7.6.35": Algorithm("XMSSMT"),
    **{f"{_SLHDSA_ARC}.{_SLHDSA_PURE + i}": Algorithm("SLH-DSA", name) for i, name in enumerate(_SLHDSA_SETS)},
    **{
        f"{_SLHDSA_ARC}.{_SLHDSA_PREHASH + i}": Algorithm("SLH-DSA", name, bound_hash(name))
        for i, name in enumerate(_SLHDSA_SETS)
    },
}
AKP_SETS = ("SLH-DSA-SHA2-128s", "SLH-DSA-SHAKE-128s")
"""The sets that COSE and JOSE have names for, by draft-ietf-cose-sphincs-plus: as Algorithm Key Pairs."""
IDENTIFIERS = {algorithm: oid for oid, algorithm in ALGORITHMS.items()}


def algorithm(oid: str) -> Algorithm:
    """What this identifier stands for; BadKey naming it if it is none of hbss's."""
    found = ALGORITHMS.get(oid)
    if found is None:
        raise BadKey(f"the key's algorithm {oid} is not one of the hash-based signature schemes")
    return found
