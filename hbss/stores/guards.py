"""Whether a key file lies where its state can be kept: one name, one owner, a local disk.

Only names and modes are looked at, never the content: closing *any* descriptor of the file would drop the locks that
SQLite holds on it in this process (POSIX locks belong to the process, not to the descriptor).
"""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from hbss.errors import StateUnsafe

MOUNTS = "/proc/self/mountinfo"

# Their locks or flushes are only promises of another machine or program.
REMOTE = frozenset(
    ("nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "9p", "afs", "ceph", "coda", "glusterfs", "lustre", "gpfs",
     "beegfs", "orangefs", "ocfs2", "gfs", "gfs2", "virtiofs", "vboxsf", "prl_fs", "fuse", "fuseblk")
)  # fmt: skip


def resolve(path: str | os.PathLike[str]) -> Path:
    """The absolute path of a key file, without links in its folder, so that a later chdir changes nothing.

    The last part is kept as it is: whether it is a link itself is for `check_file` to judge.
    """
    whole = Path(os.fspath(path))
    if not whole.name or whole.name == "..":
        raise IsADirectoryError(f"{whole} is a folder, not a key file")
    return whole.parent.resolve(strict=True) / whole.name


def check_file(path: Path) -> tuple[int, int]:
    """Refuse a key file that has more than one name, or more than one reader. Returns its device and inode."""
    found = os.lstat(path)
    if stat.S_ISLNK(found.st_mode):
        raise StateUnsafe(f"{path} is a symbolic link: a key must have one name; use the file it leads to")
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(f"{path} is a folder, not a key file")
    if not stat.S_ISREG(found.st_mode):
        raise StateUnsafe(f"{path} is not a regular file; a key cannot be kept there")
    if found.st_nlink != 1:
        raise StateUnsafe(
            f"{path} has {found.st_nlink} hard links: under two names its lock and journal are not the same; "
            f"remove the other names (find them with: find / -xdev -inum {found.st_ino})"
        )
    if os.name == "posix" and found.st_mode & 0o077:
        raise StateUnsafe(
            f"{path} can be read or written by others (mode {stat.S_IMODE(found.st_mode):04o}); "
            f"if nobody did, run: chmod 600 {path}"
        )
    return found.st_dev, found.st_ino


def check_same_file(path: Path, identity: tuple[int, int]) -> None:
    """Refuse if the name has come to mean another file since it was opened."""
    try:
        now = check_file(path)
    except FileNotFoundError:
        raise StateUnsafe(f"{path} is gone: it was moved or removed while it was open; open it again") from None
    if now != identity:
        raise StateUnsafe(f"{path} was replaced by another file while it was open; open it again if that was meant")


def check_place(path: Path) -> None:
    """Refuse a network or FUSE file system, and a file that is mounted. Linux only: other systems do not say."""
    if not sys.platform.startswith("linux"):
        return
    try:
        with open(MOUNTS, encoding="utf-8", errors="surrogateescape") as file:
            mounts = list(mount_points(file.read()))
    except OSError as error:
        raise StateUnsafe(f"cannot tell what file system {path} lies on: {error}; is /proc mounted?") from None
    if any(point == path for point, _ in mounts):
        raise StateUnsafe(
            f"{path} is mounted by itself: beside its other name lie another lock and another journal; mount the "
            "folder that it lies in"
        )
    kind = filesystem(path, mounts)
    if kind in REMOTE or kind.startswith("fuse."):
        raise StateUnsafe(
            f"{path} lies on a file system of type {kind}, whose locks and flushes cannot be relied on; "
            "keep the key on a local disk"
        )


def mount_points(text: str) -> Iterator[tuple[Path, str]]:
    """Where something is mounted, and of what type: the lines of mountinfo (proc(5))."""
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        fields = left.split(" ")
        if len(fields) >= 5 and right:
            point = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), fields[4])
            yield Path(point), right.split(" ")[0]


def filesystem(path: Path, mounts: Iterable[tuple[Path, str]]) -> str:
    """The type of the file system that holds an absolute path."""
    best, kind = -1, ""
    for point, of in mounts:
        # of mounts on the same point the last one is seen
        if len(point.parts) >= best and (point == path or point in path.parents):
            best, kind = len(point.parts), of
    return kind
