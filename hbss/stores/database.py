"""How hbss talks to SQLite: opening, settings, and what its exceptions mean for a signer."""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from hbss.errors import BadKey, StateError, StateUnsafe, StoreBusy
from hbss.stores import guards

# read back after they are set: a build of SQLite may ignore a pragma without a word
PRAGMAS: dict[str, str | int] = {"journal_mode": "delete", "synchronous": 3}  # 3: EXTRA
if sys.platform == "darwin":
    PRAGMAS["fullfsync"] = 1  # there a plain fsync does not reach the medium


def connect(path: Path, timeout: float) -> sqlite3.Connection:
    try:
        return sqlite3.connect(
            f"{path.as_uri()}?mode=rw", uri=True, timeout=timeout, isolation_level=None, check_same_thread=False
        )
    except sqlite3.OperationalError:
        raise StateUnsafe(f"{path} cannot be opened for reading and writing; check its permissions") from None


def immutable(path: Path) -> sqlite3.Connection:
    """To look at a file as it is, whatever state it is in: neither locked nor written to, its journal not put back."""
    return sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)


def set_pragmas(connection: sqlite3.Connection, pragmas: Mapping[str, str | int]) -> None:
    """Set them, and refuse unless what is needed has been taken."""
    for name, value in pragmas.items():
        connection.execute(f"PRAGMA {name} = {value}")
    for name, value in PRAGMAS.items():
        taken = pragma(connection, name)
        if taken != value:
            raise StateUnsafe(f"SQLite does not take {name} = {value} (it says {taken}): it cannot keep keys here")


def pragma(connection: sqlite3.Connection, name: str) -> object:
    """The value of a setting."""
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def refuse_wal_files(path: Path) -> None:
    for suffix in ("-wal", "-shm"):
        if os.path.lexists(f"{path}{suffix}"):
            raise StateUnsafe(f"{path} was used in WAL mode: {path}{suffix} lies beside it; it must not sign any more")


def is_database(path: str | os.PathLike[str]) -> bool:
    """Whether SQLite takes a file for one of its own; asked of SQLite, as nothing else may open a key file.

    FileNotFoundError if there is none. A file that SQLite cannot read for another reason counts as a database.
    """
    found = guards.resolve(path)
    mode = os.stat(found).st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        return False  # a pipe would be waited for
    try:
        with closing(immutable(found)) as connection:
            connection.execute("PRAGMA schema_version").fetchone()
    except sqlite3.DatabaseError as error:
        return "not a database" not in str(error)
    return True


def no_key(path: Path) -> str:
    """What to say of a file that SQLite does not take for one of its own."""
    return (
        f"{path} is not a key file with a state: it is no SQLite file, or its beginning is damaged (SLH-DSA keys have "
        "none: hbss.load_private_key reads them)"
    )


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Exceptions of SQLite become ours; whatever was being reserved counts as used."""
    try:
        yield
    except sqlite3.Error as error:
        text = str(error)
        if "locked" in text:
            raise StoreBusy(f"another program holds {path}; no index was used, try again") from None
        if "not a database" in text:
            raise BadKey(no_key(path)) from None
        if "malformed" in text or isinstance(error, sqlite3.IntegrityError):
            raise StateUnsafe(f"{path} is damaged ({text}); it must not sign any more") from None
        if "readonly" in text:
            raise StateError(
                f"{path}, its folder or its disk cannot be written to; no index was used. Make them writable, then try "
                "again"
            ) from None
        raise StateError(f"{path}: {text}; nothing was signed, and what was being reserved counts as used") from None
