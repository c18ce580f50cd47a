"""What the tests of the crash kit begin with; a module names this file in its `pytest_plugins`."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import pytest

from hbss.testing import laboratory


@pytest.fixture(scope="session")
def lab() -> Iterator[ProcessPoolExecutor]:
    """A process under the shim."""
    with laboratory() as pool:
        yield pool
