"""Where the one-time signatures lie in a signature, and which one-time keys made them.

LMS and HSS: RFC 8554, sections 5.4 and 6.2. XMSS and XMSS^MT: RFC 8391, sections 4.1.8 and 4.2.3.
"""

from __future__ import annotations

import functools
import struct
from hashlib import sha256
from typing import NamedTuple, Protocol

from hbss._native import Key, SetRow
from hbss.errors import BadKey, InvalidSignature
from hbss.keys import PublicKey
from hbss.params import HSS_HEADER, hss_form, index_len, lms_row, rows

_LMS_HEAD = 8  # u32(q) || u32(LM-OTS type)
_TREE_ID = slice(8, 24)  # I in an LMS public key: u32(type) || u32(LM-OTS type) || I || root


class Malformed(ValueError):
    """No key of this kind makes such a signature."""


class OneTime(NamedTuple):
    """One one-time signature: the place of its key, and what it gave away."""

    layer: int
    tree: bytes
    """What its key's hashes take in for the tree: the number (XMSS, XMSS^MT) or I (LMS, HSS)."""
    number: int
    """Of the tree, counted from the left of its layer."""
    leaf: int
    value: bytes
    """SHA-256 of randomiser and chain values."""


class Link(NamedTuple):
    """An inner level of an HSS signature: an LMS key, its LMS signature, and the LMS key that it signed."""

    parent: bytes
    signature: bytes
    child: bytes


class Reading(NamedTuple):
    """What a signature says: its index, its one-time signatures from the lowest layer up, its inner levels (HSS)."""

    number: int
    """The index."""
    randomizer: bytes
    """Of the lowest layer: r (XMSS, XMSS^MT) or C (LMS, HSS)."""
    uses: list[OneTime]
    links: list[Link]


class Reader(Protocol):
    """Takes signatures of one key apart."""

    def read(self, signature: bytes) -> Reading:
        """Malformed, saying what is wrong, if it can be none."""


def reader(public: PublicKey) -> Reader:
    """How the signatures of a key are read. ValueError for SLH-DSA."""
    if public.scheme == "SLH-DSA":
        raise ValueError("an SLH-DSA key keeps no state and counts no one-time keys: there is nothing to audit")
    row = rows()[public.top_set.name]
    return _Hss(public, row) if row.scheme == "LMS" else _Xmss(row)


class _Xmss:
    """XMSS is XMSS^MT with one layer; only the index is written otherwise."""

    def __init__(self, row: SetRow) -> None:
        self._row, self._height = row, row.h // row.d
        self._index_len = index_len(row)
        self._chains_len = (row.len1 + row.len2) * row.n

    def read(self, signature: bytes) -> Reading:
        """index || r || chain values || path || chain values || path ..."""
        row = self._row
        if len(signature) != row.signature_len:
            raise Malformed(f"{len(signature)} bytes instead of {row.signature_len}")
        number = index = int.from_bytes(signature[: self._index_len], "big")
        if index >> row.h:
            raise Malformed(f"index {index} is out of range: it is below 2^{row.h}")
        uses, at, end = [], self._index_len, self._index_len + row.n + self._chains_len
        r = signature[at : at + row.n]
        for layer in range(row.d):
            number, leaf = number >> self._height, number & ((1 << self._height) - 1)
            uses.append(OneTime(layer, number.to_bytes(8, "big"), number, leaf, sha256(signature[at:end]).digest()))
            at = end + self._height * row.n
            end = at + self._chains_len
        return Reading(index, r, uses, [])


class _Hss:
    """LMS is HSS with one level."""

    def __init__(self, public: PublicKey, row: SetRow) -> None:
        self._levels, self._head = public.levels, (public.levels - 1).to_bytes(HSS_HEADER, "big")
        self._top, self._top_public = _lms(row), public.public_bytes_raw()[HSS_HEADER:]

    def read(self, signature: bytes) -> Reading:
        """u32(levels - 1), then LMS signature || LMS key of every inner level from the top, then the lowest's."""
        if signature[:HSS_HEADER] != self._head:
            raise Malformed(f"its head does not say that the key has {self._levels} level(s)")
        at, lms, public, number = HSS_HEADER, self._top, self._top_public, 0
        uses: list[OneTime] = []
        links: list[Link] = []
        for layer in range(self._levels - 1, -1, -1):
            use = lms.read(layer, public[_TREE_ID], number, signature, at)
            c = signature[at + _LMS_HEAD : at + _LMS_HEAD + lms.n]
            uses.append(use)
            number = number << lms.height | use.leaf
            end = at + lms.size
            if layer:
                lms = self._child(signature, layer - 1, end)
                child = signature[end : end + lms.public_len]
                links.append(Link(public, signature[at:end], child))
                public, end = child, end + lms.public_len
            at = end
        if at != len(signature):
            raise Malformed(f"{len(signature)} bytes instead of {at}")
        uses.reverse()
        return Reading(number, c, uses, links)

    def _child(self, signature: bytes, layer: int, at: int) -> _Lms:
        """The set of the LMS public key that begins here."""
        row = lms_row(signature, at)
        if row is None:
            raise Malformed(f"the public key of layer {layer} has type codes that no LMS set has, or is cut off")
        return _lms(row)


@functools.cache
def _lms(row: SetRow) -> _Lms:
    return _Lms(row)


class _Lms:
    """One LMS signature: q || u32(LM-OTS type) || C || chain values || u32(LMS type) || path."""

    def __init__(self, row: SetRow) -> None:
        self.height, self.n, self.size, self.public_len = row.h, row.n, row.signature_len, row.public_len
        self._name, self._codes = row.name, (row.ots_code, row.code)
        self._end = row.signature_len - row.h * row.n - 4  # of the chain values
        self._numbers = struct.Struct(f">II{self._end - _LMS_HEAD}xI")

    def read(self, layer: int, tree: bytes, number: int, signature: bytes, at: int) -> OneTime:
        """The one-time signature in the LMS signature that begins here."""
        if len(signature) < at + self.size:
            raise Malformed(f"{len(signature)} bytes: it ends within the LMS signature of layer {layer}")
        leaf, ots_code, code = self._numbers.unpack_from(signature, at)
        if (ots_code, code) != self._codes:
            raise Malformed(f"the type codes of layer {layer} are not those of {self._name}")
        if leaf >> self.height:
            raise Malformed(f"leaf {leaf} of layer {layer} is out of range: it is below 2^{self.height}")
        return OneTime(layer, tree, number, leaf, sha256(signature[at + _LMS_HEAD : at + self._end]).digest())


@functools.lru_cache(maxsize=512)  # all signatures of one lower tree have the same link; at most 5 MB
def holds(link: Link) -> bool:
    """Whether an inner level's signature is good. It needs no message: what it signs is the key below."""
    try:
        Key.from_public("LMS", hss_form(1, link.parent)).verify(bytes(HSS_HEADER) + link.signature, [link.child])
    except (BadKey, InvalidSignature):
        return False
    return True
