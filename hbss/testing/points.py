"""Labelled points: every place in the store's and the signer's code at which one of its statements calls something.

The labels are read off the source, so production code needs no hooks: `sys.setprofile` tells of every call and return,
and the statement that made the call is the label, such as

    before hbss.stores.sqlitefile.transaction: self._connection.execute('COMMIT')

A first run collects them; then a signer is killed, or stopped while a rival signs, at each.
"""

from __future__ import annotations

import ast
import functools
import importlib.metadata
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from hbss.stores import engines

_KNOWN = (
    "hbss.state",
    "hbss.stateful",
    "hbss.tower",
    "hbss.creation",
    "hbss.stores",
    "hbss.testing.subjects",
    "hbss.testing.planted",
)
_LONGEST = 100  # characters of a statement in a label


@contextmanager
def labelled(meet: Callable[[str], None], *others: str) -> Iterator[None]:
    """Call `meet` with the label of every point that is passed. others: more modules whose statements are points.

    Those of hbss are, and those of every engine that is installed.
    """
    modules = _KNOWN + _engines() + others

    def profile(frame: FrameType, event: str, argument: object) -> None:
        caller = frame if event in ("c_call", "c_return") else frame.f_back
        if caller is None or event == "c_exception":
            return
        name = caller.f_globals.get("__name__", "")
        if name.startswith(modules):
            when = "before" if event in ("call", "c_call") else "after"
            statement = _statement(caller.f_code.co_filename, caller.f_lineno)
            meet(f"{when} {name}.{caller.f_code.co_name}: {statement}")

    sys.setprofile(profile)
    try:
        yield
    finally:
        sys.setprofile(None)


class At:
    """Does something to this process the first time, or the n-th, that a label is met."""

    def __init__(self, label: str, number: int = signal.SIGKILL, nth: int = 1) -> None:
        self._label, self._number, self._left = label, number, nth

    def __call__(self, label: str) -> None:
        if label == self._label:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), self._number)


@functools.cache
def _engines() -> tuple[str, ...]:
    """The packages that bring an engine."""
    return tuple(entry.module.partition(".")[0] for entry in importlib.metadata.entry_points(group=engines.GROUP))


@functools.cache
def _statement(file: str, line: int) -> str:
    """The innermost statement at a line of a source file, on one line."""
    found = [node for node in _statements(file) if node.lineno <= line <= (node.end_lineno or node.lineno)]
    if not found:
        return f"line {line}"
    text = ast.unparse(max(found, key=lambda node: node.lineno)).splitlines()[0]
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


@functools.cache
def _statements(file: str) -> list[ast.stmt]:
    try:
        tree = ast.parse(Path(file).read_text(encoding="utf-8"))
    except (OSError, SyntaxError):
        return []
    return [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]
