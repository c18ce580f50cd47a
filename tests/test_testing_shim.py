"""The shim: which call it hits, what it logs, and that it leaves everything else alone."""

from __future__ import annotations

import errno
import itertools
import os
import sqlite3
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from hbss.testing import ShimMissing, shim
from hbss.testing.disk import Record, read_log
from hbss.testing.shim import FAIL, KILL, SHORT, SYNC, UNLINK, WRITE, Plan

pytest_plugins = ["tests.testing_fixtures"]


def _three_writes(folder: Path, plan: Plan, nth: int) -> tuple[list[object], int]:
    """What became of three writes of four bytes, and how many calls were counted."""
    descriptor = os.open(folder / "file", os.O_RDWR | os.O_CREAT)
    outside = os.open(folder.parent / "outside", os.O_WRONLY | os.O_CREAT)
    results: list[object] = []
    shim.watch(folder)
    shim.plan(plan, nth)
    try:
        for _ in range(3):
            assert os.write(outside, b"....") == 4
            try:
                results.append(os.write(descriptor, b"1234"))
            except OSError as error:
                results.append(errno.errorcode[error.errno or 0])
        return results, shim.met()
    finally:
        shim.rest()
        os.close(outside)
        os.close(descriptor)


@pytest.mark.parametrize(
    ("plan", "nth", "results"),
    [
        (Plan("", WRITE, FAIL, errno.ENOSPC), 2, [4, "ENOSPC", 4]),
        (Plan("", WRITE, FAIL, errno.EIO, onwards=True), 2, [4, "EIO", "EIO"]),
        (Plan("", WRITE, SHORT, errno.ENOSPC), 1, [2, "ENOSPC", 4]),
        (Plan("", WRITE, SHORT, errno.ENOSPC, onwards=True), 1, [2, "ENOSPC", "ENOSPC"]),
        (Plan("", WRITE, FAIL, errno.EIO), 4, [4, 4, 4]),
        (Plan("", SYNC, FAIL, errno.EIO), 1, [4, 4, 4]),
    ],
)
def test_the_nth_call_is_hit(
    lab: ProcessPoolExecutor, tmp_path: Path, plan: Plan, nth: int, results: list[object]
) -> None:
    """And no other one, neither of another kind nor outside of the folder."""
    folder = tmp_path / "watched"
    folder.mkdir()
    found, calls = lab.submit(_three_writes, folder, plan, nth).result()
    assert found == results
    assert calls == (3 if plan.kinds & WRITE else 0)
    assert (tmp_path / "outside").stat().st_size == 12


def _killed(folder: Path) -> tuple[bool, int]:
    from hbss.testing.processes import Out, in_child

    def work(out: Out) -> None:
        shim.watch(folder)
        shim.plan(Plan("", WRITE, KILL), 2)
        for _ in range(3):
            with open(folder / "file", "ab", buffering=0) as file:
                file.write(b"x")

    return in_child(work).killed, (folder / "file").stat().st_size


def test_a_call_can_be_the_last(lab: ProcessPoolExecutor, tmp_path: Path) -> None:
    """The process is killed before the call."""
    assert lab.submit(_killed, tmp_path).result() == (True, 1)


def _logged(folder: Path, log: Path) -> None:
    with open(log, "ab") as file:
        shim.watch(folder)
        shim.log(file.fileno())
        try:
            _do_everything(folder)
        finally:
            shim.rest()


def _do_everything(folder: Path) -> None:
    descriptor = os.open(folder / "a", os.O_RDWR | os.O_CREAT, 0o600)
    os.write(descriptor, b"one")
    os.pwrite(descriptor, b"two", 10)
    os.fsync(descriptor)
    os.ftruncate(descriptor, 5)
    os.fdatasync(descriptor)
    os.close(descriptor)
    shim.mark(b"mark")
    os.mkdir(folder / "sub")
    os.link(folder / "a", folder / "sub" / "b")
    os.rename(folder / "a", folder / "c")
    os.unlink(folder / "c")
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
    (folder / "sub" / "b").write_bytes(b"new")


def test_everything_that_changes_files_is_logged(lab: ProcessPoolExecutor, tmp_path: Path) -> None:
    """In order, and with the data."""
    folder = tmp_path.resolve() / "watched"
    folder.mkdir()
    lab.submit(_logged, folder, tmp_path / "log").result()
    found = [
        (record.kind, record.first, Path(os.fsdecode(record.one)).name if record.kind in "CDULR" else record.one)
        for record in read_log((tmp_path / "log").read_bytes())
    ]
    assert found == [
        ("C", 0o100600, "a"), ("W", 0, b"one"), ("W", 10, b"two"), ("S", 0, b""), ("T", 5, b""), ("S", 0, b""),
        ("M", 0, b"mark"), ("D", found[7][1], "sub"), ("L", 0, "a"), ("R", 0, "a"), ("U", 0, "c"), ("S", 0, b""),
        ("T", 0, b""), ("W", 0, b"new"),
    ]  # fmt: skip


def _transaction(folder: Path, log: Path) -> None:
    with closing(sqlite3.connect(folder / "database", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE one (two)")
        connection.execute("PRAGMA synchronous = EXTRA")
        with open(log, "ab") as file:
            shim.watch(folder)
            shim.log(file.fileno())
            try:
                connection.execute("INSERT INTO one VALUES (3)")
            finally:
                shim.rest()


def test_a_transaction_of_sqlite_is_seen_whole(lab: ProcessPoolExecutor, tmp_path: Path) -> None:
    """The journal is made, flushed with its name, then the file is, then the journal goes, and so does its name."""
    lab.submit(_transaction, tmp_path, tmp_path / "log").result()
    records: list[Record] = read_log((tmp_path / "log").read_bytes())
    kinds = "".join(record.kind for record in records)
    assert kinds.startswith("C")
    assert kinds.endswith("US")
    assert kinds.count("S") >= 4
    assert set(kinds) <= set("CWSUTP")


def _times() -> list[float]:
    shim.move_clock(7)
    try:
        return [time.time() for _ in range(50)] + [time.monotonic(), time.monotonic()]
    finally:
        shim.move_clock_back()


def test_the_calendar_jumps_and_the_steady_clock_does_not(lab: ProcessPoolExecutor) -> None:
    """Either way, by years."""
    *calendar, one, two = lab.submit(_times).result()
    steps = [later - earlier for earlier, later in itertools.pairwise(calendar)]
    assert min(steps) < -1e6 < 1e6 < max(steps)
    assert 0 <= two - one < 10


def test_without_the_shim_nothing_is_pretended() -> None:
    """In a process that does not run under it, every order to it is an error."""
    with pytest.raises(ShimMissing, match="does not run under the shim"):
        shim.plan(Plan("", UNLINK, FAIL), 1)
