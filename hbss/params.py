"""Parameter sets: what a name stands for, and what it costs.

The sets are the rows of the C library's table (csrc/schemes/*/params.c), seen by a user. HSS cannot be a row, as any
list of one to eight LMS trees is one: its name is the LMS names joined by `+`, the top tree first.
"""

from __future__ import annotations

import difflib
import functools
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from hbss import _native, costs
from hbss._native import SetRow
from hbss.errors import UnknownParameterSet

SCHEMES = ("LMS", "HSS", "XMSS", "XMSSMT", "SLH-DSA")
STATEFUL = ("LMS", "HSS", "XMSS", "XMSSMT")
MAX_LEVELS = 8  # of HSS: RFC 8554, section 6
HSS_HEADER = 4  # u32(L) before an LMS public key, u32(L-1) before a signature
_LMS_CODES = struct.Struct(">II")  # an LMS public key begins with them: u32(type) || u32(LM-OTS type) || I || root


@dataclass(frozen=True)
class ParameterSet:
    """One parameter set. Sizes are bytes as written by hbss (the LMS family in HSS form); counts are hash calls.

    Source: RFC 8554 and RFC 9858 (LMS, HSS), RFC 8391 and NIST SP 800-208 (XMSS, XMSS^MT), FIPS 205 (SLH-DSA).
    """

    name: str
    scheme: str
    """`LMS` (one tree), `HSS` (several), `XMSS`, `XMSSMT` or `SLH-DSA`."""
    standard: str
    approved: bool
    """Whether SP 800-208 or FIPS 205 approves the set. That says nothing about this software."""
    category: int | None
    """NIST's security category; None for the stateful schemes, which have none."""
    function: str
    """The hash function of the chains: `SHA-256`, `SHA-512`, `SHAKE128` or `SHAKE256` (of an HSS: the top tree's)."""
    n: int
    """Bytes of a node (of an HSS: the top tree's)."""
    height: int
    """Of all layers together."""
    heights: tuple[int, ...]
    """Of each layer, top first."""
    levels: tuple[str, ...]
    """The names of an LMS or HSS set's trees, top first; empty for other schemes."""
    public_key_size: int
    private_key_size: int
    """All seeds of the key: SEED, I (LMS, HSS: the top tree's, which the others follow from); SK_SEED, SK_PRF, SEED
    (XMSS, XMSS^MT); SK.seed, SK.prf, PK.seed and PK.root (SLH-DSA, its whole private key)."""
    signature_size: int
    capacity: int
    """How many signatures a key may make: 2^height; for SLH-DSA the 2^64 it is designed for."""
    keygen_hashes: int
    """Hash calls of the top tree, which the public key needs (`hbss.costs` says what is counted)."""
    sign_hashes: int
    """Hash calls of one signature, on average; a stateful key's trees are cached."""
    verify_hashes: int
    """Hash calls of one verification, on average."""

    @property
    def layers(self) -> int:
        """Trees above one another."""
        return len(self.heights)

    @property
    def stateful(self) -> bool:
        """Whether a key must never use an index twice."""
        return self.scheme in STATEFUL


@functools.cache
def rows() -> dict[str, SetRow]:
    """The C library's table, by name."""
    return {row.name: row for row in _native.sets()}


@functools.cache
def _lms_rows() -> dict[tuple[int, ...], SetRow]:
    return {(row.code, row.ots_code): row for row in rows().values() if row.scheme == "LMS"}


def lms_row(data: bytes, at: int = 0) -> SetRow | None:
    """The set of the LMS public key that begins here, by its type codes; None if there is none."""
    return _lms_rows().get(_LMS_CODES.unpack_from(data, at)) if len(data) >= at + _LMS_CODES.size else None


def hss_form(levels: int, bare: bytes) -> bytes:
    """An LMS public key as the key of so many levels of HSS (RFC 8554, section 6.1); of 0 levels: as it is."""
    return levels.to_bytes(HSS_HEADER, "big") + bare if levels else bare


def index_len(row: SetRow) -> int:
    """Bytes of the index at the head of an XMSS or XMSS^MT signature (RFC 8391, sections 4.1.8 and 4.2.3)."""
    return 4 if row.scheme == "XMSS" else (row.h + 7) // 8


@functools.cache
def _all() -> tuple[ParameterSet, ...]:
    return tuple(_describe(name, (row,)) for name, row in rows().items())


def parameter_sets(scheme: str | None = None, approved: bool | None = None) -> list[ParameterSet]:
    """Every set that is not made of others, in the order of the standards; an HSS is a list of LMS sets (`+`).

    scheme: only this one's ("LMS", "XMSS", "XMSSMT", "SLH-DSA"). approved: only those with this value of `approved`.
    ValueError for a scheme that does not exist.
    """
    if scheme is not None and scheme not in SCHEMES:
        raise ValueError(f"unknown scheme {scheme!r}; choose one of: {', '.join(SCHEMES)}")
    return [one for one in _all() if scheme in (None, one.scheme) and approved in (None, one.approved)]


def parameter_set(name: str | ParameterSet) -> ParameterSet:
    """The set of this name; an HSS is named by its LMS sets, top first, joined by `+`.

    UnknownParameterSet, with the nearest names, if there is none; a ParameterSet is returned as it is.
    """
    if isinstance(name, ParameterSet):
        return name
    if not isinstance(name, str):
        raise TypeError(f"a parameter set is named by a str, not by {type(name).__name__}")
    return _by_name(name)


@functools.lru_cache(maxsize=1024)
def _by_name(name: str) -> ParameterSet:
    parts = name.split("+")
    found = tuple(_row(part) for part in parts)
    if len(parts) > 1:
        for row in found:
            if row.scheme != "LMS":
                raise UnknownParameterSet(f"{row.name} cannot be a level of an HSS: only LMS sets are joined by '+'")
    if len(parts) > MAX_LEVELS:
        raise UnknownParameterSet(f"an HSS has 1 to {MAX_LEVELS} levels; {name!r} names {len(parts)}")
    return _describe(name, found)


def rows_of(name: str | ParameterSet) -> list[SetRow]:
    """The levels of a set as the C library has them, top first; one, unless it is an HSS."""
    found = parameter_set(name)
    return [rows()[level] for level in found.levels or (found.name,)]


def _row(name: str) -> SetRow:
    row = rows().get(name)
    if row is not None:
        return row
    folded = {known.casefold(): known for known in rows()}
    near = [folded[match] for match in difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.6)]
    hint = f"did you mean {' or '.join(near)}?" if near else "hbss.parameter_sets() and hbss sets list them all"
    raise UnknownParameterSet(f"there is no parameter set {name!r}; {hint}")


def _describe(name: str, levels: Sequence[SetRow]) -> ParameterSet:
    top = levels[0]
    lms = top.scheme == "LMS"
    header = HSS_HEADER if lms else 0
    heights = tuple(row.h // row.d for row in levels for _ in range(row.d))
    same = all((row.function, row.n) == (top.function, top.n) for row in levels)
    cost = costs.of(levels)
    return ParameterSet(
        name=name,
        scheme="HSS" if len(levels) > 1 else top.scheme,
        standard=_standard(levels),
        approved=same and all(row.approved for row in levels),
        category=top.category or None,
        function=top.function,
        n=top.n,
        height=sum(heights),
        heights=heights,
        levels=tuple(row.name for row in levels) if lms else (),
        public_key_size=header + top.public_len,
        private_key_size=4 * top.n if top.scheme == "SLH-DSA" else top.secret_len + top.public_seed_len,
        signature_size=header + sum(row.signature_len for row in levels) + sum(row.public_len for row in levels[1:]),
        capacity=1 << (64 if top.scheme == "SLH-DSA" else sum(heights)),
        keygen_hashes=cost.keygen,
        sign_hashes=cost.sign,
        verify_hashes=cost.verify,
    )


def _standard(levels: Sequence[SetRow]) -> str:
    """The document that defines the set; for an HSS all that define its levels."""
    row = levels[0]
    if row.scheme == "SLH-DSA":
        return "FIPS 205"
    if row.scheme == "LMS":
        return ", ".join(sorted({"RFC 8554" if each.code <= 9 else "RFC 9858" for each in levels}))
    last = 12 if row.scheme == "XMSS" else 32  # of RFC 8391's own numbers; SP 800-208 counts on
    return "RFC 8391" if row.code <= last else "SP 800-208"
