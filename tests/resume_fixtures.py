"""Fixtures of the tests of interrupted key generation."""

from __future__ import annotations

import pytest

from hbss import draft, treecache
from hbss._native import Key
from tests.resume_kit import Place


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of eight leaves or so, kept from the first one on: a small key behaves as a large one."""
    monkeypatch.setattr(draft, "PATIENCE", 0.0)
    monkeypatch.setattr(treecache, "PIECE_CALLS", 10_000)


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[Place]:
    """Every subtree that is computed from the seeds, from here on."""
    seen: list[Place] = []
    compute = Key.tree

    def counted(self: Key, *place: int) -> bytearray:
        seen.append(Place(self.set.name, *place))
        return compute(self, *place)

    monkeypatch.setattr(Key, "tree", counted)
    return seen
