"""Every reason not to open a key file, or to stop using an open one."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hbss import BadKey, StateError, StateUnsafe, create_key, open_key
from hbss.stores import guards
from hbss.stores.sqlite import SqliteStore
from tests.state_kit import LMS, alter, sqlite_store

# ---- reasons not to open a file ------------------------------------------------------------------------------------


def test_a_missing_file(tmp_path: Path) -> None:
    """Nothing is created by opening."""
    with pytest.raises(FileNotFoundError):
        sqlite_store(tmp_path / "key")
    assert list(tmp_path.iterdir()) == []


def test_a_symbolic_link(key: Path) -> None:
    """A link to a key has another lock and journal than the key."""
    link = key.with_name("link")
    link.symlink_to(key)
    with pytest.raises(StateUnsafe, match="symbolic link"):
        sqlite_store(link)


def test_a_linked_folder_is_followed(key: Path) -> None:
    """Only the key itself must have one name: its folder is resolved, so that the lock is the same."""
    folder = key.with_name("folder")
    folder.symlink_to(key.parent)
    with contextlib.closing(sqlite_store(folder / "key")) as opened:
        assert opened.path == key.resolve()


def test_a_hard_link(key: Path) -> None:
    """So has a second name."""
    os.link(key, key.with_name("other"))
    with pytest.raises(StateUnsafe, match="2 hard links"):
        sqlite_store(key)
    os.unlink(key.with_name("other"))
    sqlite_store(key).close()


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o660])
def test_readable_by_others(key: Path, mode: int) -> None:
    """A secret that others could read or change."""
    key.chmod(mode)
    with pytest.raises(StateUnsafe, match=rf"mode {mode:04o}.*chmod 600"):
        sqlite_store(key)


def test_a_created_key_is_its_owners_only(key: Path) -> None:
    """Whatever the umask says."""
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.stat().st_nlink == 1


@pytest.mark.parametrize("how", ["replaced", "moved", "linked", "opened up"])
def test_a_file_that_changes_while_open(key: Path, store: SqliteStore, how: str) -> None:
    """What the name means is looked at before every reservation."""
    if how == "replaced":
        shutil.copy(key, key.with_name("copy"))
        os.replace(key.with_name("copy"), key)
        key.chmod(0o600)
    elif how == "moved":
        key.rename(key.with_name("elsewhere"))
    elif how == "linked":
        os.link(key, key.with_name("second"))
    else:
        key.chmod(0o644)
    expected = {"replaced": "replaced", "moved": "gone", "linked": "hard links", "opened up": "by others"}
    with pytest.raises(StateUnsafe, match=expected[how]):
        store.reserve(1)


def test_wal_mode(key: Path) -> None:
    """Even without a log beside it; and the file is left as it is."""
    with contextlib.closing(sqlite3.connect(key)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    for _ in range(2):
        with pytest.raises(StateUnsafe, match="WAL"):
            sqlite_store(key)


@pytest.mark.parametrize("suffix", ["-wal", "-shm"])
def test_a_log_beside_it(key: Path, suffix: str) -> None:
    """A log may hold later state than the file: it is not even opened."""
    Path(f"{key}{suffix}").touch()
    with pytest.raises(StateUnsafe, match="WAL"):
        sqlite_store(key)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE key SET checksum = zeroblob(32)",
        "UPDATE key SET set_name = 'LMS_SHA256_M32_H10_W4'",
        "UPDATE key SET public_key = zeroblob(60)",
        "UPDATE secret SET value = zeroblob(32)",
    ],
)
def test_a_row_that_does_not_fit_its_checksum(key: Path, statement: str) -> None:
    """Every field of the unchanging row is under the checksum."""
    alter(key, statement)
    with pytest.raises(StateUnsafe, match="checksum"):
        sqlite_store(key)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE state SET key_id = zeroblob(16)",
        "DELETE FROM state",
    ],
)
def test_a_state_that_is_not_its_keys(key: Path, statement: str) -> None:
    """A state is found by the name that the key file gives it, or not at all."""
    alter(key, statement)
    with pytest.raises(StateUnsafe, match="no state of this key"):
        open_key(key)


def test_a_limit_beyond_the_key(key: Path) -> None:
    """The last leaf is set aside; a state that allows it is damaged."""
    alter(key, "UPDATE state SET lim = 32")
    with pytest.raises(StateUnsafe, match=r"index 32 is the limit.*31 signatures"):
        open_key(key)


@pytest.mark.parametrize(
    ("statement", "error", "reason"),
    [
        ("DELETE FROM key", BadKey, "no key"),
        ("DELETE FROM term", StateUnsafe, "does not say where"),
        ("UPDATE term SET authority = 'memory:'", StateUnsafe, "of its store"),
        ("UPDATE term SET witness = 'memory:'", StateUnsafe, "of its store"),
        ("UPDATE term SET key_id = zeroblob(16)", StateUnsafe, "of its store"),
        ("UPDATE term SET ready = 0", StateUnsafe, "of its store"),
        ("UPDATE term SET number = 2", StateUnsafe, "of its store"),
        ("INSERT INTO term SELECT 2, key_id, authority, witness, 1, checksum FROM term", StateUnsafe, "of its store"),
    ],
)
def test_a_key_file_that_does_not_fit_together(key: Path, statement: str, error: type[Exception], reason: str) -> None:
    """The key, and what it says of its store, are under checksums keyed from the seed."""
    alter(key, statement)
    with pytest.raises(error, match=reason):
        open_key(key)


def test_rows_of_another_key(key: Path) -> None:
    """The state of one key in the file of another."""
    other = key.with_name("other")
    create_key(other, LMS)
    with contextlib.closing(sqlite3.connect(other)) as connection:
        (name,) = connection.execute("SELECT hex(key_id) FROM state").fetchone()
    alter(key, f"UPDATE state SET key_id = x'{name}'")
    with pytest.raises(StateUnsafe, match="no state of this key"):
        open_key(key)


@pytest.mark.parametrize("statement", ["DROP TRIGGER state_update", "CREATE TABLE more (x)", "DROP TABLE child"])
def test_an_altered_schema(key: Path, statement: str) -> None:
    """The guards in the file must be the ones it was made with."""
    with contextlib.closing(sqlite3.connect(key)) as connection:
        connection.execute(statement)
    with pytest.raises(StateUnsafe, match="altered"):
        sqlite_store(key)


def test_a_truncated_file(key: Path) -> None:
    """Half a key is no key."""
    os.truncate(key, key.stat().st_size // 2)
    with pytest.raises(StateUnsafe, match="malformed"):
        sqlite_store(key)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"SQLite format 3\0", "not a key file"),
        (b"-----BEGIN PRIVATE KEY-----\n" * 100, "not a key file"),
        (bytes(100_000), "not a key file"),
    ],
)
def test_a_file_that_is_no_key(tmp_path: Path, content: bytes, reason: str) -> None:
    """Each is a BadKey that names the file."""
    file = tmp_path / "file"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(BadKey, match=reason):
        sqlite_store(file)


def test_another_programs_database(tmp_path: Path) -> None:
    """An SQLite file, but none of ours; it stays as it was."""
    file = tmp_path / "file"
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE t (x)")
    file.chmod(0o600)
    before = file.read_bytes()
    with pytest.raises(BadKey, match="not a key of hbss"):
        sqlite_store(file)
    assert file.read_bytes() == before


@pytest.mark.parametrize("version", [1, 7])
def test_another_format(key: Path, version: int) -> None:
    """A file of an earlier or a later version says which, and is left as it is."""
    alter(key, f"PRAGMA user_version = {version}")
    before = key.read_bytes()
    with pytest.raises(BadKey, match=rf"format {version}; .*Nothing was changed"):
        open_key(key)
    assert key.read_bytes() == before


def test_not_a_file(tmp_path: Path) -> None:
    """Folders and pipes."""
    with pytest.raises(IsADirectoryError):
        sqlite_store(tmp_path)
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(StateUnsafe, match="not a regular file"):
        sqlite_store(tmp_path / "pipe")


# ---- folders -------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder_of_another() -> Iterator[Path]:
    """A folder with a key, for a user whom modes hold back; root is not."""
    folder = Path(tempfile.mkdtemp(prefix="hbss-readonly-"))
    try:
        create_key(folder / "key", LMS)
        if os.getuid() == 0:
            for path in [folder, *folder.rglob("*")]:
                os.chown(path, 65534, 65534)
        yield folder
    finally:
        folder.chmod(0o700)
        shutil.rmtree(folder)


def _as_nobody(act: Callable[[], str]) -> str:
    """What `act` returns in a child that is not root."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        if os.getuid() == 0:
            os.setgid(65534)
            os.setuid(65534)
        os.write(write, act().encode())
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with open(read, encoding="utf-8") as file:
        return file.read()


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("locked_before", [False, True])
def test_a_folder_that_cannot_be_written(folder_of_another: Path, locked_before: bool) -> None:
    """Neither lock nor journal can be made there: refused, and afterwards the key is as it was."""
    key = folder_of_another / "key"

    def attempt() -> str:
        try:
            with open_key(key) as handle:
                handle.sign(b"x")
        except StateError as error:
            return str(error)
        return "signed"

    assert not locked_before or _as_nobody(attempt) == "signed"
    folder_of_another.chmod(0o500)
    expected = "cannot be written to; no index was used" if locked_before else "lock file .* Permission denied"
    assert re.search(expected, _as_nobody(attempt))
    folder_of_another.chmod(0o700)
    assert _as_nobody(attempt) == "signed"


# ---- file systems --------------------------------------------------------------------------------------------------

MOUNTS = r"""22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
23 22 0:21 / /proc rw - proc proc rw
40 22 0:40 / /home rw,relatime shared:5 master:2 - nfs4 server:/home rw
41 40 254:1 / /home/local rw - xfs /dev/vdb rw
42 22 0:42 / /mnt/my\040share rw - cifs //server/share rw
43 22 0:43 / /mnt/ssh rw - fuse.sshfs me@server: rw
44 22 0:44 / /mnt/over rw - ext4 /dev/vdc rw
45 44 0:45 / /mnt/over rw - 9p host rw
46 22 0:46 / /homestead rw - btrfs /dev/vdd rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/root/key", "ext4"),
        ("/key", "ext4"),
        ("/home/me/key", "nfs4"),
        ("/home/local/me/key", "xfs"),
        ("/homestead/key", "btrfs"),
        ("/mnt/my share/key", "cifs"),
        ("/mnt/ssh/a/b/key", "fuse.sshfs"),
        ("/mnt/over/key", "9p"),
    ],
)
def test_the_file_system_of_a_path(path: str, kind: str) -> None:
    """The longest mount point wins, of equal ones the last; names are compared part by part, escapes undone."""
    assert guards.filesystem(Path(path), guards.mount_points(MOUNTS)) == kind


@pytest.mark.parametrize(
    "kind", ["nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "glusterfs", "lustre", "fuse.sshfs", "fuse"]
)
def test_a_network_file_system(key: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Neither opened nor created there."""
    mounts = key.with_name("mountinfo")
    mounts.write_text(f"1 0 0:1 / / rw - ext4 /dev/vda rw\n2 1 0:2 / {key.parent} rw - {kind} host rw\n")
    monkeypatch.setattr(guards, "MOUNTS", str(mounts))
    with pytest.raises(StateUnsafe, match=f"of type {kind}"):
        sqlite_store(key)
    with pytest.raises(StateUnsafe, match=f"of type {kind}"):
        create_key(key.with_name("new"), LMS)
    assert not key.with_name("new").exists()


def test_a_file_that_is_mounted_by_itself(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As into a container: its journal would not lie beside its other name."""
    mounts = key.with_name("mountinfo")
    mounts.write_text(f"1 0 0:1 / / rw - ext4 /dev/vda rw\n2 1 0:1 /real/key {key} rw - ext4 /dev/vda rw\n")
    monkeypatch.setattr(guards, "MOUNTS", str(mounts))
    with pytest.raises(StateUnsafe, match=r"mounted by itself.*mount the folder"):
        sqlite_store(key)


def test_an_unknown_file_system(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be found out is refused."""
    monkeypatch.setattr(guards, "MOUNTS", str(key.with_name("nowhere")))
    with pytest.raises(StateUnsafe, match="/proc"):
        sqlite_store(key)
