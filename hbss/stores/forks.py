"""What becomes of an open store when the process forks: the parent goes on, the child's copy is dead.

A connection must not be used, nor even closed, through a fork: a child that closes SQLite's could roll back its
parent's transaction, and one that closes a server's could end its parent's session.
"""

from __future__ import annotations

import ctypes
import os
import threading
import weakref

from hbss.errors import HandleDead


class Handle:
    """What every open store has: one lock for its threads, and an end, by closing it or by a fork.

    where: what messages call the store.
    """

    def __init__(self, where: object) -> None:
        self._where = where
        self._mutex = threading.RLock()
        self._pid = os.getpid()
        self._dead = ""

    def _check_alive(self) -> None:
        if self._dead:
            raise HandleDead(f"this handle of {self._where} is dead: {self._dead}; open the key again")
        if os.getpid() != self._pid:  # a fork that Python did not see
            raise HandleDead(f"this handle of {self._where} is dead: another process opened it; open the key again")

    def _abandon(self) -> None:
        """In a forked child: let go of what the parent goes on using, without touching it."""
        raise NotImplementedError

    def before_fork(self) -> None:
        """No transaction may be under way while the process is copied."""
        self._mutex.acquire()

    def after_fork_in_parent(self) -> None:
        """Go on."""
        self._mutex.release()

    def after_fork_in_child(self) -> None:
        """Die."""
        self._dead = "the process forked, and its parent goes on using it"
        self._abandon()
        self._mutex.release()


_open: weakref.WeakSet[Handle] = weakref.WeakSet()
_turn = threading.Lock()  # two threads may fork at once
_forking: list[Handle] = []


def register(store: Handle) -> None:
    """Take part in every fork from now on."""
    with _turn:
        _open.add(store)


def leak(thing: object) -> None:
    """Keep an object from ever being finalised in this process."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


def _before() -> None:
    _turn.acquire()
    _forking[:] = list(_open)
    for store in _forking:
        store.before_fork()


def _in_parent() -> None:
    while _forking:
        _forking.pop().after_fork_in_parent()
    _turn.release()


def _in_child() -> None:
    while _forking:
        _forking.pop().after_fork_in_child()
    _turn.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
