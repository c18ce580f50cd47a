"""How many hash calls a parameter set needs, counted from its shape alone.

A call is one compression of SHA-256 or SHA-512, or one permutation of Keccak; padding counts. What one key needs only
once does not: the whole blocks of a constant prefix (XMSS's `toByte(3) || SEED`, SLH-DSA's padded PK.seed) are taken as
cached. Messages are 32 bytes and random, so that chains have their average lengths. The three counts are

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


def calls(function: str, length: int, constant: int = 0) -> int:
    """Hash calls for a message of `length` bytes of which the first `constant` bytes belong to the key."""
    block = _BLOCK[function]
    return math.ceil((length + _PADDING[function]) / block) - constant // block


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
    scheme = rows[0].scheme
    if scheme == "LMS":
        return _hss(rows)
    return _slhdsa(rows[0]) if scheme == "SLH-DSA" else _xmss(rows[0])


# ---- LMS and HSS (RFC 8554, sections 4 and 5) ----------------------------------------------------------------------

_LMS_HEAD = 16 + 4 + 2  # I, q or a node's number, a tag or a chain's number


def _hss(levels: Sequence[SetRow]) -> Costs:
    top, bottom = levels[0], levels[-1]
    chains = bottom.len1 + bottom.len2
    message = _lms_message(bottom, MESSAGE)
    randomizer = calls(bottom.function, _LMS_HEAD + 1 + bottom.n)
    sign = chains + average_steps(bottom.lg_w, bottom.len1, bottom.len2) + randomizer + message
    verify = float(message)
    for row, child in zip(levels, [*levels[1:], None], strict=True):
        verify += _lms_climb(row) + (0 if child is None else _lms_message(row, child.public_len))
    return Costs(_lms_tree(top), round(sign), round(verify))


def _lms_message(row: SetRow, length: int) -> int:
    return calls(row.function, _LMS_HEAD + row.n + length)


def _lms_leaf(row: SetRow) -> int:
    """From chain ends to a node of the tree: K, then the leaf's hash."""
    chains = row.len1 + row.len2
    return calls(row.function, _LMS_HEAD + chains * row.n) + calls(row.function, _LMS_HEAD + row.n)


def _lms_tree(row: SetRow) -> int:
    leaf = (row.len1 + row.len2) * (1 << row.lg_w) + _lms_leaf(row)
    return (leaf << row.h) + ((1 << row.h) - 1) * calls(row.function, _LMS_HEAD + 2 * row.n)


def _lms_climb(row: SetRow) -> float:
    steps = (row.len1 + row.len2) * ((1 << row.lg_w) - 1) - average_steps(row.lg_w, row.len1, row.len2)
    return steps + _lms_leaf(row) + row.h * calls(row.function, _LMS_HEAD + 2 * row.n)


# ---- XMSS and XMSS^MT (RFC 8391, sections 3 and 4; SP 800-208, section 5) ------------------------------------------


def _xmss(row: SetRow) -> Costs:
    n, pad, chains = row.n, 4 if row.n == 24 else row.n, row.len1 + row.len2
    prf = calls(row.function, pad + n + 32, pad + n)
    step = 2 * prf + calls(row.function, pad + 2 * n)
    node = 3 * prf + calls(row.function, pad + 3 * n)
    secret = calls(row.function, pad + 2 * n + 32, pad + 2 * n)
    leaf, height, average = (chains - 1) * node, row.h // row.d, average_steps(row.lg_w, row.len1, row.len2)
    whole = chains * ((1 << row.lg_w) - 1)
    keygen = (chains * secret + whole * step + leaf << height) + ((1 << height) - 1) * node
    randomizer, message = calls(row.function, pad + n + 32), calls(row.function, pad + 3 * n + MESSAGE)
    sign = chains * secret + average * step + randomizer + message
    verify = message + row.d * ((whole - average) * step + leaf + height * node)
    return Costs(keygen, round(sign), round(verify))


# ---- SLH-DSA (FIPS 205, sections 5 to 11) --------------------------------------------------------------------------


def _slhdsa(row: SetRow) -> Costs:
    chains, height = row.len1 + row.len2, row.h // row.d
    whole, average = chains * ((1 << row.lg_w) - 1), average_steps(row.lg_w, row.len1, row.len2)
    f, h, pack, roots = (_tweakable(row, values) for values in (1, 2, chains, row.k))
    tree = (chains * f + whole * f + pack << height) + ((1 << height) - 1) * h
    forest = row.k * ((2 * f << row.a) + ((1 << row.a) - 1) * h) + roots
    prf, digest = _slhdsa_message(row)
    verify = digest + row.k * (f + row.a * h) + roots + row.d * ((whole - average) * f + pack + height * h)
    return Costs(tree, prf + digest + forest + row.d * tree, round(verify))


def _tweakable(row: SetRow, values: int) -> int:
    """T_l, with F = T_1 and H = T_2; PRF costs what F does. Section 11.2: category 1 knows SHA-256 only."""
    if row.function != "SHA-256":
        return calls(row.function, row.n + 32 + values * row.n)
    return calls("SHA-256" if row.n == 16 or values == 1 else "SHA-512", 22 + values * row.n)


def _slhdsa_message(row: SetRow) -> tuple[int, int]:
    """PRF_msg and H_msg; the message has its two bytes for an empty context before it."""
    n, message = row.n, 2 + MESSAGE
    if row.function != "SHA-256":
        return calls(row.function, 2 * n + message), calls(row.function, 3 * n + message)
    function, out = ("SHA-256", 32) if n == 16 else ("SHA-512", 64)
    block = _BLOCK[function]
    hmac = calls(function, block + n + message) + calls(function, block + out)
    mgf1 = math.ceil(row.m / out) * calls(function, 2 * n + out + 4)
    return hmac, calls(function, 3 * n + message) + mgf1
