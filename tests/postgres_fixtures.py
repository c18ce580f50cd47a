"""What the tests of the PostgreSQL store begin with; a module names this file in its `pytest_plugins`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hbss.stores.postgres import PostgresStore
from tests.postgres_kit import Server, State, new_state, running_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """One server for all tests of this process; whoever changes it changes it back."""
    with running_server() as server:
        yield server


@pytest.fixture
def state(postgres: Server) -> State:
    """A fresh state with 31 indices."""
    return new_state(postgres.url())


@pytest.fixture
def pg_store(state: State) -> Iterator[PostgresStore]:
    """An open handle of it."""
    with state.opened() as store:
        yield store


@pytest.fixture
def database(postgres: Server) -> Iterator[str]:
    """A database for tests that damage it."""
    with postgres.database() as name:
        yield name
