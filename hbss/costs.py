"""How many hash calls a parameter set needs, counted from its shape alone.

A call is one compression of SHA-256 or SHA-512, or one permutation of Keccak; padding counts. What one key needs only
once does not: the whole blocks of a constant prefix (XMSS's `toByte(3) || SEED`, SLH-DSA's padded PK.seed) are taken as
cached. Messages are 32 bytes and random, so that chains have their average lengths. The counts are

* keygen: the tree under the public key (the top tree, where there are several layers);
* sign: one signature while all trees of a stateful key are at hand; SLH-DSA builds its trees anew every time;
* verify: one signature.

They are the work that the standards prescribe, whatever the implementation; a measured time divided by a count says how
close an implementation comes to its hash.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hbss._native import SetRow

MESSAGE = 32
_BLOCK = {"SHA-256": 64, "SHA-512": 128, "SHAKE128": 168, "SHAKE256": 136}
_PADDING = {"SHA-256": 9, "SHA-512": 17, "SHAKE128": 1, "SHAKE256": 1}  # the fewest bytes of it


class Costs(NamedTuple):
    """Hash calls of the three acts, rounded to whole calls."""

    keygen: int
    sign: int
    verify: int


class Calls(dict[str, float]):
    """Hash calls by function: SLH-DSA-SHA2 above category 1 has two. An average number need not be whole."""

    def __add__(self, other: Calls) -> Calls:
        return Calls({name: self.get(name, 0) + other.get(name, 0) for name in {**self, **other}})

    def __mul__(self, times: float) -> Calls:
        return Calls({name: times * number for name, number in self.items()})

    @property
    def total(self) -> float:
        """Of all functions together."""
        return sum(self.values())


class Split(NamedTuple):
    """Hash calls of the acts by function, not rounded.

    sign_cached: with SLH-DSA's top tree at hand, as it is in a key that has signed; for other schemes the same as sign.
    """

    keygen: Calls
    sign: Calls
    sign_cached: Calls
    verify: Calls


class Pieces(NamedTuple):
    """Hash calls of the parts that every act is made of."""

    secret: Calls
    """A chain's first value."""
    step: Calls
    """A chain's step."""
    pack: Calls
    """From chain ends to a leaf."""
    node: Calls
    """From two nodes to their parent."""
    randomizer: Calls
    message: Calls
    """From a message to its digest."""
    roots: Calls
    """From FORS's roots to one value (SLH-DSA only)."""


def calls(function: str, length: int, constant: int = 0) -> Calls:
    """Hash calls for a message of `length` bytes of which the first `constant` bytes belong to the key."""
    block = _BLOCK[function]
    return Calls({function: math.ceil((length + _PADDING[function]) / block) - constant // block})


@functools.cache
def average_steps(lg_w: int, len1: int, len2: int) -> float:
    """Chain steps of signing a random digest, all chains together: the mean sum of message and checksum digits."""
    base = 1 << lg_w
    sums = np.array([1.0])  # the distribution of the sum of len1 digits
    for _ in range(len1):
        ramp = np.concatenate([sums, np.zeros(base - 1)]).cumsum()
        sums = (ramp - np.concatenate([np.zeros(base), ramp[:-base]])) / base
    checksum = np.arange(len(sums))  # base - 1 - digit is as likely as digit
    digits = sum((checksum >> (lg_w * i)) & (base - 1) for i in range(len2))
    return float(len1 * (base - 1) / 2 + (sums * digits).sum())


def of(rows: Sequence[SetRow]) -> Costs:
    """The costs of one set, or of an HSS given its levels, top first."""
    found = split(rows)
    return Costs(round(found.keygen.total), round(found.sign.total), round(found.verify.total))


def split(rows: Sequence[SetRow]) -> Split:
    """The same by function, and not rounded."""
    top, bottom = rows[0], rows[-1]
    part, leaf, keygen = pieces(bottom), signing_leaf(bottom), tree(top)
    message = part.randomizer + part.message
    verify = part.message
    for row, child in zip(rows, [*rows[1:], None], strict=True):
        verify += verifying_layer(row) * row.d + (Calls() if child is None else pieces(row, child.public_len).message)
    if top.scheme != "SLH-DSA":
        return Split(keygen, message + leaf, message + leaf, verify)
    forest = (part.secret + part.step) * (top.k << top.a) + part.node * (top.k * ((1 << top.a) - 1)) + part.roots
    opened = (part.step + part.node * top.a) * top.k + part.roots
    below = message + forest + keygen * (top.d - 1)
    return Split(keygen, below + keygen, below + leaf, verify + opened)


def tree(row: SetRow, height: int | None = None) -> Calls:
    """A tree with all its leaves, or a subtree of some height."""
    height = row.h // row.d if height is None else height
    part, chains = pieces(row), row.len1 + row.len2
    leaf = part.secret * chains + part.step * (chains * ((1 << row.lg_w) - 1)) + part.pack
    return leaf * (1 << height) + part.node * ((1 << height) - 1)


def signing_leaf(row: SetRow) -> Calls:
    """One-time key to chain values."""
    part, steps = pieces(row), average_steps(row.lg_w, row.len1, row.len2)
    return part.secret * (row.len1 + row.len2) + part.step * steps


def verifying_layer(row: SetRow) -> Calls:
    """Chain values to the root of their tree."""
    part, whole = pieces(row), (row.len1 + row.len2) * ((1 << row.lg_w) - 1)
    return part.step * (whole - average_steps(row.lg_w, row.len1, row.len2)) + part.pack + part.node * (row.h // row.d)


def pieces(row: SetRow, length: int = MESSAGE) -> Pieces:
    """The parts of a set; length: bytes of the message."""
    if row.scheme == "LMS":
        return _lms(row, length)
    return _slhdsa(row, length) if row.scheme == "SLH-DSA" else _xmss(row, length)


# ---- LMS (RFC 8554, sections 4 and 5) ------------------------------------------------------------------------------

_LMS_HEAD = 16 + 4 + 2  # I, q or a node's number, a tag or a chain's number


def _lms(row: SetRow, length: int) -> Pieces:
    one = calls(row.function, _LMS_HEAD + 1 + row.n)
    ends = calls(row.function, _LMS_HEAD + (row.len1 + row.len2) * row.n)  # K, then the leaf's hash
    return Pieces(
        secret=one, step=one, pack=ends + calls(row.function, _LMS_HEAD + row.n),
        node=calls(row.function, _LMS_HEAD + 2 * row.n), randomizer=one,
        message=calls(row.function, _LMS_HEAD + row.n + length), roots=Calls(),
    )  # fmt: skip


# ---- XMSS and XMSS^MT (RFC 8391, sections 3 and 4; SP 800-208, section 5) ------------------------------------------


def _xmss(row: SetRow, length: int) -> Pieces:
    n, pad = row.n, _xmss_pad(row)
    node = xmss_prf(row) * 3 + calls(row.function, pad + 3 * n)
    return Pieces(
        secret=calls(row.function, pad + 2 * n + 32, pad + 2 * n),
        step=xmss_prf(row) * 2 + calls(row.function, pad + 2 * n),
        pack=node * (row.len1 + row.len2 - 1), node=node, randomizer=calls(row.function, pad + n + 32),
        message=calls(row.function, pad + 3 * n + length), roots=Calls(),
    )  # fmt: skip


def xmss_prf(row: SetRow) -> Calls:
    """A key or a mask: two go into a step, three into a node."""
    pad = _xmss_pad(row)
    return calls(row.function, pad + row.n + 32, pad + row.n)


def _xmss_pad(row: SetRow) -> int:
    return 4 if row.n == 24 else row.n


# ---- SLH-DSA (FIPS 205, sections 5 to 11) --------------------------------------------------------------------------


def _slhdsa(row: SetRow, length: int) -> Pieces:
    f, h, ends, roots = (_tweakable(row, values) for values in (1, 2, row.len1 + row.len2, row.k))
    randomizer, message = _slhdsa_message(row, length)
    return Pieces(f, f, ends, h, randomizer, message, roots)


def _tweakable(row: SetRow, values: int) -> Calls:
    """T_l, with F = T_1 and H = T_2; PRF costs what F does. Section 11.2: category 1 knows SHA-256 only."""
    if row.function != "SHA-256":
        return calls(row.function, row.n + 32 + values * row.n)
    return calls("SHA-256" if row.n == 16 or values == 1 else "SHA-512", 22 + values * row.n)


def _slhdsa_message(row: SetRow, length: int) -> tuple[Calls, Calls]:
    """PRF_msg and H_msg; the message has its two bytes for an empty context before it."""
    n, message = row.n, 2 + length
    if row.function != "SHA-256":
        return calls(row.function, 2 * n + message), calls(row.function, 3 * n + message)
    function, out = ("SHA-256", 32) if n == 16 else ("SHA-512", 64)
    block = _BLOCK[function]
    hmac = calls(function, block + n + message) + calls(function, block + out)
    mgf1 = calls(function, 2 * n + out + 4) * math.ceil(row.m / out)
    return hmac, calls(function, 3 * n + message) + mgf1
