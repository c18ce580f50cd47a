"""What the tests of the audit share: keys that sign at any index, and what a report says."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import hbss
from hbss import audit
from hbss.audit.report import Report
from hbss.params import rows
from hbss.treecache import Tree
from hbss.unsafe_known_answers import KnownAnswerKey
from tests.state_kit import HSS, LMS, XMSS, XMSSMT

ROOT = Path(__file__).resolve().parent.parent
FOUR_SCHEMES = [LMS, HSS, XMSS, XMSSMT]

Place = tuple[int, int, int]  # layer, tree, leaf
Signed = tuple[bytes, bytes]  # signature, message


@cache
def key(name: str, number: int = 0) -> KnownAnswerKey:
    """A key that signs at any index, as often as it is told."""
    row = rows()[name.split("+")[0]]
    return KnownAnswerKey(name, bytes([number]) * row.secret_len, bytes([number]) * row.public_seed_len)


@cache
def sign(name: str, index: int, message: bytes) -> bytes:
    return key(name).sign(index, message)


def places(report: Report) -> dict[Place, int]:
    """Where a key was used for how many values."""
    return {(each.layer, each.tree, each.leaf): each.values for each in report.findings}


def both_ways(public: hbss.PublicKey, signed: list[Signed]) -> Report:
    """The report with messages, after it was seen that the one without finds the same places."""
    verified = audit.find_reuse(public, signed)
    bare = audit.find_reuse(public, [signature for signature, _ in signed])
    assert verified.unverified == verified.malformed == verified.invalid == bare.malformed == bare.invalid == 0
    assert bare.unverified == bare.signatures == verified.signatures == len(signed)
    assert places(bare) == places(verified)
    assert all(each.proven for each in verified.findings)
    assert bare.leaves == verified.leaves
    assert bare.highest == verified.highest
    return verified


def two_lower_sets() -> Iterator[Signed]:
    """One top key, below whose leaf 1 hang trees of two parameter sets. Their one-time keys have the same secrets."""
    for lower in ("LMS_SHA256_M32_H5_W4", "LMS_SHA256_M32_H5_W8"):
        message = lower.encode()
        yield sign(f"{LMS}+{lower}", 32 + 7, message), message


def hung(q: int, child: KnownAnswerKey, leaf: int, message: bytes) -> Signed:
    """An HSS signature below leaf q of the top tree, by a child key with seeds of its own."""
    public = child.public_key().public_bytes_raw()[4:]
    top, lower = sign(LMS, q, public), child.sign(leaf, message)
    return b"\0\0\0\1" + top[4:] + public + lower[4:], message


def hss_public() -> hbss.PublicKey:
    """The HSS key of two levels whose top tree is the LMS key's."""
    return hbss.PublicKey.from_raw("HSS", b"\0\0\0\2" + key(LMS).public_key().public_bytes_raw()[4:])


def xmssmt_with_another_root(index: int, message: bytes) -> bytes:
    """A node of the lowest tree's path is damaged, so that layer 1 signs another root than the tree's."""
    known = key(XMSSMT)
    low, parent = known._tree(0, index >> 5), known._tree(1, index >> 10)
    nodes = bytearray(low.nodes)
    nodes[((index & 31) ^ 1) * low.spot.n] ^= 1
    damaged, leaf = Tree(low.spot, nodes), index >> 5 & 31
    root = damaged.climb(index & 31, damaged.path(index & 31))
    honest = sign(XMSSMT, index, message)
    lowest = known._family.sign_message(index, damaged, index & 31, [message], root)
    second = known._family.sign_tree(parent, leaf, root, parent.root)
    return known._family.join(index, lowest, second) + honest[3 + len(lowest) + len(second) :]


POOL: dict[str, list[Signed]] = {
    LMS: [(sign(LMS, i, m), m) for i in (0, 1, 2) for m in (b"a", b"b")],
    HSS: [(sign(HSS, i, m), m) for i in (0, 33) for m in (b"a", b"b")]
    + [*two_lower_sets(), hung(2, key(LMS, 1), 4, b"x"), hung(2, key(LMS, 2), 4, b"y")],
    XMSSMT: [(sign(XMSSMT, i, m), m) for i in (0, 1, 1 << 15) for m in (b"a", b"b")]
    + [(xmssmt_with_another_root(i, b"z"), b"z") for i in (2, (1 << 15) + 1)],
}
