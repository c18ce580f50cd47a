"""The targets of `make fuzz` take their seeds, and refuse a few thousand changed ones as they should."""

from __future__ import annotations

import random

import pytest

from tests import fuzz_targets
from tests.fuzz_targets import Target

NAMES = list(fuzz_targets.targets())


@pytest.fixture(params=NAMES)
def target(request: pytest.FixtureRequest) -> Target:
    return fuzz_targets.targets()[request.param]


def test_seeds_are_taken(target: Target) -> None:
    for seed in target.seeds():
        target.read(seed)


def test_changed_seeds(target: Target) -> None:
    """Cuts, copies, and changed bytes, mostly near the beginning, where the structure is."""
    chance = random.Random(205)
    seeds = target.seeds()
    for _ in range(30 if target.read in (fuzz_targets.read_encrypted, fuzz_targets.read_sealed) else 300):
        data = bytearray(chance.choice(seeds))
        for _ in range(chance.randint(1, 4)):
            at = min(chance.randrange(len(data) or 1), chance.choice((60, 200, 100_000)))
            data[at : at + chance.randint(0, 3)] = chance.choice((b"", chance.randbytes(2), bytes(data[:at][-20:])))
        fuzz_targets.run(target, bytes(data))
