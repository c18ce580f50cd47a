"""Fixtures of the chat's tests. A folder for session keys, a server for a whole module, and people in its room."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo_chat import session
from tests.chat_kit import Join, Person, Service, serving


@pytest.fixture(scope="session")
def keys() -> Iterator[Path]:
    """Where session keys lie."""
    with session.folder() as where:
        yield Path(where)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One server for the tests of a module, which do not disturb each other."""
    with serving(tmp_path_factory.mktemp("chat") / "chat.db", allowed={"http://localhost:5174"}) as running:
        yield running


@pytest.fixture
def join(service: Service, keys: Path) -> Iterator[Join]:
    """Lets somebody in: join("alice")."""
    people: list[Person] = []

    def let_in(name: str, at: Service = service, **options: Any) -> Person:
        people.append(Person(at, name, keys, **options))
        return people[-1]

    yield let_in
    for person in people:
        person.leave()
