"""What becomes of an open store when the process forks: the parent goes on, the child's copy is dead.

SQLite must not be used, nor even closed, through a fork: a child that closes a connection could roll back its parent's
transaction.
"""

from __future__ import annotations

import ctypes
import os
import weakref
from typing import Protocol


class Forkable(Protocol):
    """An open store."""

    def before_fork(self) -> None:
        """Called in the parent, before."""

    def after_fork_in_parent(self) -> None:
        """Called in the parent, after."""

    def after_fork_in_child(self) -> None:
        """Called in the child."""


_open: weakref.WeakSet[Forkable] = weakref.WeakSet()
_forking: list[Forkable] = []


def register(store: Forkable) -> None:
    """Take part in every fork from now on."""
    _open.add(store)


def leak(thing: object) -> None:
    """Keep an object from ever being finalised in this process."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


def _before() -> None:
    _forking[:] = list(_open)
    for store in _forking:
        store.before_fork()


def _in_parent() -> None:
    while _forking:
        _forking.pop().after_fork_in_parent()


def _in_child() -> None:
    while _forking:
        _forking.pop().after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
