"""What the backend named by HBSS_BACKEND computes, as JSON: run by test_kernels.py, once per backend, as a backend is
chosen once per process. Counts and lengths are chosen around the widest kernel's lanes and the ends of blocks."""

from __future__ import annotations

import hashlib
import json
import random

from hbss import _native

LANES = 32  # of the widest kernel
COUNTS = range(2 * LANES + 2)
LENGTHS = [0, 1, 2, *range(53, 58), *range(61, 66), *range(117, 122), *range(125, 130), 183, 246, 400]

# For each hash function at least one set of each scheme that has it, with every n.
SETS = [
    "LMS_SHA256_M32_H5_W1", "LMS_SHA256_M32_H5_W8", "LMS_SHA256_M24_H5_W4", "LMS_SHAKE_M32_H5_W2",
    "LMS_SHAKE_M24_H5_W8",
    "XMSS-SHA2_10_192", "XMSS-SHA2_10_256", "XMSS-SHA2_10_512", "XMSS-SHAKE_10_256", "XMSS-SHAKE_10_512",
    "XMSS-SHAKE256_10_192", "XMSS-SHAKE256_10_256", "XMSSMT-SHA2_20/4_256",
    "SLH-DSA-SHA2-128f", "SLH-DSA-SHA2-192f", "SLH-DSA-SHA2-256f", "SLH-DSA-SHAKE-128f", "SLH-DSA-SHAKE-192f",
]  # fmt: skip


def bodies(length: int, count: int) -> bytes:
    return random.Random(1000 * length + count).randbytes(length * count)


def hash_many(length: int) -> str:
    """One digest over the results of every count."""
    results = (_native.hash_many(1, bodies(length, count), length, count) for count in COUNTS)
    return hashlib.sha256(b"".join(results)).hexdigest()


def of_set(name: str) -> dict[str, str]:
    """A key's subtrees of every height, parents of every count, one-time signatures, and a whole SLH-DSA signature."""
    row = next(row for row in _native.sets() if row.name == name)
    rng = random.Random(name)
    secret, public_seed, root = (rng.randbytes(n) for n in (row.secret_len, row.public_seed_len, row.n))
    key = _native.Key.from_seeds(name, secret, public_seed, root)
    hp, tree = row.h // row.d, (1 << (row.h - row.h // row.d)) - 1
    last = (1 << hp) - 1
    found = {f"tree {h}": bytes(key.tree(0, tree, 1 << (hp - 1), h)) for h in range(min(hp, 5))}
    for count in COUNTS[1:]:
        if count <= 1 << (hp - 1):
            found[f"parents {count}"] = bytes(key.parents(0, tree, 1, 0, rng.randbytes(2 * count * row.n)))
    for i in range(6):
        digest, path = rng.randbytes(row.n), rng.randbytes(hp * row.n)
        found[f"leaf {i}"] = key.sign_leaf(0, tree, last - i % (last + 1), rng.randbytes(row.n), digest, path)
    values = rng.randbytes((row.len1 + row.len2) * row.n)
    found["recover"] = key.ots_recover(last, rng.randbytes(row.n), values)
    found["digest"] = b"".join(key.digest(0, root, [rng.randbytes(length)]) for length in range(0, 300, 11))
    if row.scheme == "SLH-DSA":
        r, digest = rng.randbytes(row.n), rng.randbytes(row.m)
        found["signature"] = key.slhdsa_sign(r, digest)
    return {what: hashlib.sha256(value).hexdigest() for what, value in found.items()}


def main() -> None:
    results = {f"hash_many {length}": {"all counts": hash_many(length)} for length in LENGTHS}
    print(json.dumps({"backend": _native.backend_name()} | results | {name: of_set(name) for name in SETS}))


if __name__ == "__main__":
    main()
