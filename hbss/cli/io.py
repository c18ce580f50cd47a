"""What the commands read and write. `-` is standard input or output.

A key file is never opened here while it may be SQLite's: see `open_private`.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

import hbss
from hbss import drawing, files
from hbss.cli import password
from hbss.reading import File
from hbss.stateful import OnLow, StatefulPrivateKey, open_key
from hbss.stores.database import is_database

STANDARD = "-"
_HEAD = 1 << 12  # bytes within which a PEM file says what it is


def standard_input() -> BinaryIO:
    """An error if the shell has closed it."""
    if sys.stdin is None:
        raise click.UsageError("standard input is closed, and - means to read from it")
    return sys.stdin.buffer


def read(name: str) -> bytes:
    """A whole file, or standard input."""
    return standard_input().read() if name == STANDARD else Path(name).read_bytes()


def source(name: str) -> File:
    """What is to be read in pieces: a file, or standard input."""
    return standard_input() if name == STANDARD else name


def load_public(name: str) -> hbss.PublicKey:
    """A public key; BadKey names its file."""
    try:
        return hbss.load_public_key(read(name))
    except hbss.BadKey as error:
        raise hbss.BadKey(f"{name} is no public key: {error}") from None


@contextmanager
def output(name: str) -> Iterator[Callable[[bytes], object]]:
    """Where to write a result: a new file that takes its name at the end of the block, or standard output.

    The file is made at the start, so that a place where nothing can be written is noticed before anything is used up.
    ValueError if it would replace a private key, or what keeps the state of one.
    """
    if name == STANDARD:
        if sys.stdout is None:
            raise click.UsageError("standard output is closed; say with -o where to write")
        yield lambda data: _write_all(sys.stdout.fileno(), data)
        return
    _refuse_key(name)
    if os.path.exists(name) and not stat.S_ISREG(os.stat(name).st_mode):
        with open(name, "wb", buffering=0) as device:  # renaming would replace the device or pipe itself
            yield lambda data: _write_all(device.fileno(), data)
    else:
        with files.written(Path(name)) as file:
            yield file.write


def _refuse_key(name: str) -> None:
    if not os.path.isfile(name):
        return
    if not is_database(name):  # else nothing but SQLite may open it
        with open(name, "rb") as file:
            if b"PRIVATE KEY-----" not in file.read(_HEAD):
                return
    raise ValueError(f"{name} holds a private key, or its state: writing there would destroy it; choose another name")


def need_plots() -> None:
    """A clear error, before anything is done, unless charts can be drawn."""
    try:
        drawing.require()
    except ImportError:
        raise click.ClickException("charts need matplotlib: pip install 'hbss[plots]'") from None


def refuse_same(target: str, *others: str) -> None:
    """ValueError if writing `target` would replace one of the other files, under whatever name."""
    for other in others:
        if target != STANDARD and other != STANDARD and files.same(target, other):
            raise ValueError(f"writing {target} would overwrite {other}; choose another name with -o")


def _write_all(descriptor: int, data: bytes) -> None:
    """Past Python's buffers, which would try again at exit what has failed here."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def open_private(
    name: str, on_low: OnLow | None = None, warn_below: int | None = None
) -> StatefulPrivateKey | hbss.PrivateKey:
    """A private key of either kind; of a stateful one, see `hbss.open_key`.

    SQLite is asked first whether the file is its own. Only what it denies is opened and read as PEM: closing any
    descriptor of a stateful key's file would drop the locks that this process holds on it.
    """
    if is_database(name):
        return open_key(name, on_low=on_low, warn_below=warn_below, password=password.of_stateful(name))
    return password.load(name)
