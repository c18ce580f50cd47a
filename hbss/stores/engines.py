"""Which engine keeps the state at a URL: those of hbss, and those that other packages name in their entry points."""

from __future__ import annotations

import importlib
import importlib.metadata
from pathlib import Path
from typing import cast

from hbss.errors import StateUnsafe
from hbss.stores import StateStore, StoreEngine, sqlite

GROUP = "hbss.stores"
OURS = {
    "sqlite": "hbss.stores.sqlite:ENGINE",
    "memory": "hbss.stores.memory:ENGINE",
    "postgresql": "hbss.stores.postgres:ENGINE",
    "postgres": "hbss.stores.postgres:ENGINE",
}


def engine(url: str) -> StoreEngine:
    """The engine of a URL; StateUnsafe if nothing that is installed knows its scheme."""
    scheme = url.partition(":")[0]
    if scheme in OURS:
        module, _, name = OURS[scheme].partition(":")
        return cast(StoreEngine, getattr(importlib.import_module(module), name))
    for entry in importlib.metadata.entry_points(group=GROUP, name=scheme):
        return cast(StoreEngine, entry.load())
    useful = ", ".join(sorted(OURS.keys() - {"memory"}))
    raise StateUnsafe(
        f"no store is known for {scheme}: URLs; there are {useful}. Is the package that brings it installed?"
    )


def normal(place: str) -> str:
    """The URL of a place as it is to be kept. A path is one of an SQLite file; ValueError or StateUnsafe otherwise."""
    scheme = place.partition(":")[0]
    if scheme == place or len(scheme) < 2 or not scheme.isalnum():  # one letter: a drive of Windows
        place = f"{sqlite.SCHEME}{Path(place).absolute()}"
    return engine(place).normal(place)


def open_store(url: str, key_id: bytes, signer: str) -> StateStore:
    """The store of a state that exists."""
    return engine(url).open(url, key_id, signer)
