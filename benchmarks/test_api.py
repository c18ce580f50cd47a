"""The public names from end to end, files, locks and checks included, by pytest-benchmark.

    pytest benchmarks/test_api.py --benchmark-only

One set of every kind is taken. The kinds are read off the library's list: a scheme, a hash function, a length, and
SLH-DSA's small and fast sets.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import hbss
from hbss.bench.signers import in_memory

MESSAGES = [i.to_bytes(32, "big") for i in range(16)]
PATIENCE = 1 << 23  # hash calls of the top tree: keys that take longer to make are left out


def kind(found: hbss.ParameterSet) -> object:
    """Sets of one kind differ in height and width only."""
    return found.scheme, found.function, found.n, found.scheme == "SLH-DSA" and found.name[-1]


def sets() -> list[str]:
    """Of every kind the cheapest set to make a key of; an HSS too, which is in no list."""
    affordable = [found for found in hbss.parameter_sets() if found.keygen_hashes <= PATIENCE]
    affordable.sort(key=lambda found: (str(kind(found)), found.keygen_hashes))
    names = [next(group).name for _, group in itertools.groupby(affordable, kind)]
    return [*names, "LMS_SHA256_M32_H5_W8+LMS_SHA256_M32_H5_W8"]


SETS = sets()
STATELESS = [name for name in SETS if not hbss.parameter_set(name).stateful]
STATEFUL = [name for name in SETS if name not in STATELESS]


@pytest.fixture
def key(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """A key of the set that is asked for."""
    if request.param in STATELESS:
        yield hbss.generate(request.param)
        return
    hbss.create_key(tmp_path / "key", request.param)
    with hbss.open_key(tmp_path / "key") as opened:
        yield opened


@pytest.mark.parametrize("name", STATELESS)
def test_generate(benchmark: Any, name: str) -> None:
    """A new stateless key."""
    benchmark(hbss.generate, name)


@pytest.mark.parametrize("name", STATEFUL)
def test_create(benchmark: Any, name: str, tmp_path: Path) -> None:
    """A new stateful key: its file, its trees, its check."""
    paths = itertools.count()
    benchmark.pedantic(lambda: hbss.create_key(tmp_path / str(next(paths)), name), rounds=3)


@pytest.mark.parametrize("key", SETS, indirect=True)
def test_sign(benchmark: Any, key: Any) -> None:
    """One signature; a stateful key makes its index durable first."""
    benchmark.pedantic(key.sign, (MESSAGES[0],), rounds=10)


@pytest.mark.parametrize("key", STATEFUL, indirect=True)
def test_sign_in_memory(benchmark: Any, key: Any, tmp_path: Path) -> None:
    """One signature, the state in memory."""
    key.close()
    with in_memory(tmp_path / "key") as opened:
        benchmark.pedantic(opened.sign, (MESSAGES[0],), rounds=20)


@pytest.mark.parametrize("key", SETS, indirect=True)
def test_sign_many(benchmark: Any, key: Any) -> None:
    """Four signatures at once."""
    benchmark.pedantic(key.sign_many, (MESSAGES[:4],), rounds=3)


@pytest.mark.parametrize("key", SETS, indirect=True)
def test_verify(benchmark: Any, key: Any) -> None:
    """One verification."""
    benchmark(key.public_key().verify, key.sign(MESSAGES[0]), MESSAGES[0])


@pytest.mark.parametrize("key", SETS, indirect=True)
def test_verify_each(benchmark: Any, key: Any) -> None:
    """Sixteen signatures at once, on all processors."""
    signatures = key.sign_many(MESSAGES[:4]) * 4
    assert benchmark(hbss.verify_each, key.public_key(), MESSAGES[:4] * 4, signatures).all()
