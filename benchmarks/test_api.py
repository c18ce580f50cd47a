"""The public names from end to end, files, locks and checks included; run by pytest-benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import hbss

STATEFUL = (
    "LMS_SHA256_M32_H10_W8",
    "LMS_SHA256_M32_H5_W8+LMS_SHA256_M32_H5_W8",
    "XMSS-SHA2_10_256",
    "XMSSMT-SHA2_20/4_256",
)
STATELESS = ("SLH-DSA-SHA2-128s", "SLH-DSA-SHA2-128f", "SLH-DSA-SHAKE-128f")
DATA = bytes(1000)


@pytest.mark.parametrize("name", STATELESS)
def test_generate(benchmark: Any, name: str) -> None:
    """A new stateless key."""
    benchmark(hbss.generate, name)


@pytest.mark.parametrize("name", STATELESS)
def test_sign_without_state(benchmark: Any, name: str) -> None:
    """One signature."""
    benchmark(hbss.generate(name).sign, DATA)


@pytest.mark.parametrize("name", STATEFUL)
def test_sign_with_state(benchmark: Any, name: str, tmp_path: Path) -> None:
    """One signature, its index made durable first."""
    hbss.create_key(tmp_path / "key", name)
    with hbss.open_key(tmp_path / "key") as key:
        benchmark.pedantic(key.sign, (DATA,), rounds=20)


@pytest.mark.parametrize("name", [*STATEFUL, *STATELESS])
def test_verify(benchmark: Any, name: str, tmp_path: Path) -> None:
    """One verification."""
    if hbss.parameter_set(name).stateful:
        hbss.create_key(tmp_path / "key", name)
        with hbss.open_key(tmp_path / "key") as key:
            public, signature = key.public_key(), key.sign(DATA)
    else:
        private = hbss.generate(name)
        public, signature = private.public_key(), private.sign(DATA)
    benchmark(public.verify, signature, DATA)
