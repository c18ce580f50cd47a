"""Parameter sets far too small for use: few enough leaves to look at every one. Real in everything but the heights."""

from __future__ import annotations

from tests.model.params import Set

LMS = [
    Set("toy-LMS-SHA256-24", "LMS", "SHA-256", 24, 3, 4, code=0xE0000001, ots_code=0xE0000101),
    Set("toy-LMS-SHA256-32", "LMS", "SHA-256", 32, 2, 2, code=0xE0000002, ots_code=0xE0000102),
    Set("toy-LMS-SHAKE-32", "LMS", "SHAKE256", 32, 4, 1, code=0xE0000003, ots_code=0xE0000103),
    Set("toy-LMS-SHAKE-24", "LMS", "SHAKE256", 24, 2, 8, code=0xE0000004, ots_code=0xE0000104),
]
XMSS = [
    Set("toy-XMSS-SHA256-32", "XMSS", "SHA-256", 32, 3, 4),
    Set("toy-XMSS-SHA256-24", "XMSS", "SHA-256", 24, 2, 4),
    Set("toy-XMSS-SHA512-64", "XMSS", "SHA-512", 64, 2, 4),
    Set("toy-XMSS-SHAKE128-32", "XMSS", "SHAKE128", 32, 2, 4),
    Set("toy-XMSS-SHAKE256-24", "XMSS", "SHAKE256", 24, 2, 4),
    Set("toy-XMSSMT-SHA256-8", "XMSSMT", "SHA-256", 8, 6, 4, 3),
    Set("toy-XMSSMT-SHAKE256-24", "XMSSMT", "SHAKE256", 24, 4, 4, 2),
]
SLHDSA = [
    Set("toy-SLH-SHA2-16", "SLH-DSA", "SHA-256", 16, 6, 4, 3, a=4, k=6),
    Set("toy-SLH-SHA2-24", "SLH-DSA", "SHA-256", 24, 4, 4, 2, a=3, k=5),
    Set("toy-SLH-SHAKE-32", "SLH-DSA", "SHAKE256", 32, 6, 4, 2, a=5, k=4),
]
SLHDSA_ONE_LAYER = Set("toy-SLH-one-layer", "SLH-DSA", "SHA-256", 16, 4, 2, 1, a=4, k=6)
# Short enough to change every byte, one at a time.
SHORT = [
    Set("toy-LMS-short", "LMS", "SHA-256", 8, 2, 4, code=0xE0000005, ots_code=0xE0000105),
    Set("toy-XMSS-short", "XMSS", "SHA-256", 8, 2, 4),
    Set("toy-XMSSMT-short", "XMSSMT", "SHAKE256", 8, 4, 4, 2),
    Set("toy-SLH-short", "SLH-DSA", "SHAKE256", 8, 4, 4, 2, a=4, k=8),
]


def seed(length: int, number: int = 0) -> bytes:
    """Test seeds: fixed bytes that differ by `number`."""
    return bytes((i * 29 + 3 + 101 * number) % 256 for i in range(length))
