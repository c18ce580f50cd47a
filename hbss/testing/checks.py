"""The invariant: what has left the signers of one key, and whether a one-time key was used for two values.

These functions only look at what was released. They are the same for every store, for honest ones and for those with a
planted bug.
"""

from __future__ import annotations

import hashlib
import struct
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from hbss.params import ParameterSet, index_len, parameter_set, rows_of

_RECORD = struct.Struct(">BQ32s")


class Use(NamedTuple):
    """One use of a one-time key. layer: 0 signs messages; leaf: its number in its layer; value: what it released."""

    layer: int
    leaf: int
    value: bytes

    def packed(self) -> bytes:
        """As bytes of a fixed length."""
        return _RECORD.pack(*self)


def unpack(data: bytes) -> list[Use]:
    """The uses in a row of packed ones, of which the last may have been cut off by a kill."""
    whole = len(data) - len(data) % _RECORD.size
    return [Use(*fields) for fields in _RECORD.iter_unpack(data[:whole])]


def reused(uses: Iterable[Use]) -> list[str]:
    """Every one-time key that was used wrongly: for two messages, or for two values of an inner tree.

    An inner tree's signature comes with every signature under it, so on the layers above 0 the same value may return.
    """
    values: dict[tuple[int, int], list[bytes]] = defaultdict(list)
    for layer, leaf, value in uses:
        seen = values[layer, leaf]
        if layer == 0 or value not in seen:
            seen.append(value)
    return [
        f"leaf {leaf} of layer {layer} was released {len(seen)} times"
        for (layer, leaf), seen in sorted(values.items())
        if len(seen) > 1
    ]


class Account(NamedTuple):
    """What a store says of its indices at the end: first .. next-1 were handed out; leased and used are its counts."""

    first: int
    next: int
    limit: int
    leased: int
    used: int


def unaccounted(account: Account, uses: Iterable[Use]) -> list[str]:
    """What does not add up between a store's numbers and what was released."""
    leaves = {use.leaf for use in uses if use.layer == 0}
    handed = account.next - account.first
    wrong = []
    if not 0 <= account.first <= account.next <= account.limit:
        wrong.append(f"the store's numbers are impossible: {account}")
    outside = sorted(leaf for leaf in leaves if not account.first <= leaf < account.next)
    if outside:
        wrong.append(f"{len(outside)} released leaves were never handed out, such as {outside[0]}: {account}")
    if account.used + account.leased > handed:
        wrong.append(f"{account.used} used and {account.leased} leased are more than the {handed} handed out")
    if account.used > len(leaves):
        wrong.append(f"the store counts {account.used} as used, and {len(leaves)} were released")
    return wrong


def uses_in(name: str, signature: bytes) -> list[Use]:
    """What a signature of a stateful key shows of its one-time keys, from layer 0 up.

    The value of a layer is all of its part of the signature, in HSS with the public key that it signs: whatever differs
    there, in two signatures that share the one-time key, makes two values.
    """
    found = parameter_set(name)
    index, parts = _hss_parts(found, signature) if found.levels else _xmss_parts(found, signature)
    heights = found.heights[::-1]
    return [
        Use(layer, index >> sum(heights[:layer]), hashlib.sha256(part).digest()) for layer, part in enumerate(parts)
    ]


def _hss_parts(found: ParameterSet, signature: bytes) -> tuple[int, list[bytes]]:
    """The index, and the parts by layer. Written are u32(levels - 1), and from the top down signature and child key."""
    index, at, parts = 0, 4, []
    for i, (level, height) in enumerate(zip(found.levels, found.heights, strict=True)):
        below = parameter_set(found.levels[i + 1]).public_key_size - 4 if i + 1 < len(found.levels) else 0
        size = parameter_set(level).signature_size - 4 + below
        index = index << height | int.from_bytes(signature[at : at + 4], "big")
        parts.append(signature[at : at + size])
        at += size
    return index, parts[::-1]


def _xmss_parts(found: ParameterSet, signature: bytes) -> tuple[int, list[bytes]]:
    """The index, and the parts by layer. Written are index, randomiser, and from the bottom up one part a layer."""
    width = index_len(rows_of(found)[0])
    head = width + found.n
    size = (len(signature) - head) // found.layers  # all layers are of one height
    parts = [signature[at : at + size] for at in range(head, len(signature), size)]
    parts[0] = signature[width:head] + parts[0]
    return int.from_bytes(signature[:width], "big"), parts
