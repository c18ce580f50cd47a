"""The index of an audit as a file: kept, gone on with, damaged, cut off."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import hbss
from hbss import audit
from hbss.audit import index as index_module
from tests.audit_kit import POOL, ROOT, key, sign
from tests.state_kit import HSS, LMS


def test_an_index_is_kept_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two audits with one index find what one audit finds, whatever the size of a batch; names and counts stay."""
    monkeypatch.setattr(index_module, "_BATCH", 3)
    monkeypatch.setattr(index_module, "_TREES", 2)
    pool = [*POOL[HSS], (b"malformed", b"")]
    public, path = key(HSS).public_key(), tmp_path / "index"
    path.touch()  # as mktemp does
    for part in (pool[:4], pool[4:], []):
        report = audit.find_reuse(public, part, path)
    whole = audit.find_reuse(public, pool)
    assert whole.reused > 3
    assert report == whole


def test_an_index_file_of_something_else(tmp_path: Path) -> None:
    """Another key's, no index, a key file, cut off, in use, a folder: refused with a reason, and left as it was."""
    public = key(LMS).public_key()
    path = tmp_path / "index"
    audit.find_reuse(public, [sign(LMS, leaf, b"honest") for leaf in range(32)], path)
    whole = path.read_bytes()

    def refused(match: str, kind: type[Exception] = ValueError) -> None:
        before = path.read_bytes()
        with pytest.raises(kind, match=match):
            audit.Audit(public, path)
        assert path.read_bytes() == before

    with pytest.raises(ValueError, match=f"another key .fingerprint {public.fingerprint()}"):
        audit.Audit(key(LMS, 1).public_key(), path)
    assert path.read_bytes() == whole
    with audit.Audit(public, path) as first:
        refused("in use by another audit", OSError)
        first.add(sign(LMS, 3, b"another"))
        first._index.write()
        refused("in use by another audit", OSError)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refused("damaged")
    path.write_bytes(b"this is no index of an audit" * 100)
    refused("no index of an audit")
    path.unlink()
    hbss.create_key(path, LMS)
    refused("another program's SQLite file")
    with hbss.open_key(path) as still:
        still.public_key().verify(still.sign(b"works"), b"works")
    path.unlink()
    path.write_bytes(whole)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    refused("another version")
    with pytest.raises(OSError, match="cannot be read or written"):
        audit.Audit(public, tmp_path)
    with pytest.raises(OSError, match="cannot be read or written"):
        audit.Audit(public, tmp_path / "missing" / "index")


def test_a_page_of_the_index_is_damaged(tmp_path: Path) -> None:
    """Noticed when it is read: no report is made of it."""
    public, path = key(HSS).public_key(), tmp_path / "index"
    signatures = [sign(HSS, index, b"%d" % index) for index in range(1024)]
    audit.find_reuse(public, signatures, path)
    data = bytearray(path.read_bytes())
    for page in range(6, len(data) // 4096):
        data[page * 4096 : page * 4096 + 64] = os.urandom(64)
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"damaged .*give all signatures again"):
        audit.find_reuse(public, [], path)


def test_a_killed_audit_leaves_an_index_that_is_only_behind(tmp_path: Path) -> None:
    """SIGKILL after some batches: the next audit goes on, and given everything again it finds everything."""
    public, path = key(LMS).public_key(), tmp_path / "index"
    program = (
        "import os, sys, hbss\nfrom hbss.audit import Audit, index\nindex._BATCH = 4\n"
        "audited = Audit(hbss.load_public_key(bytes.fromhex(sys.argv[1])), sys.argv[2])\n"
        "for line in sys.stdin: audited.add(bytes.fromhex(line))\n"
        "os.kill(os.getpid(), 9)"
    )
    signatures = [sign(LMS, leaf, message) for leaf in range(7) for message in (b"a", b"b")]
    done = subprocess.run(
        [sys.executable, "-c", program, public.der().hex(), path], text=True, cwd=ROOT,
        input="".join(f"{each.hex()}\n" for each in signatures), capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == -9, done.stderr
    behind = audit.find_reuse(public, [], path)
    assert (behind.signatures, behind.reused) == (12, 6)
    assert audit.find_reuse(public, signatures, path).reused == 7


def test_an_exception_keeps_what_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The block that fails does not write its last batch, and lets go of the file."""
    monkeypatch.setattr(index_module, "_BATCH", 4)
    public, path = key(LMS).public_key(), tmp_path / "index"

    def interrupted() -> Iterator[bytes]:
        yield from (sign(LMS, leaf, b"honest") for leaf in range(7))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        audit.find_reuse(public, interrupted(), path)
    assert audit.find_reuse(public, [], path).signatures == 4


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite's own limit on pages stands for it: the index keeps what it had, and goes on later."""
    monkeypatch.setattr(index_module, "_BATCH", 50)
    public, path = key(HSS).public_key(), tmp_path / "index"
    signatures = [sign(HSS, index, b"%d" % index) for index in range(1024)]
    audited = audit.Audit(public, path)
    audited._index._connection.execute("PRAGMA max_page_count = 12").fetchone()
    with pytest.raises(OSError, match="no space left for the index"):
        list(map(audited.add, signatures))
    with pytest.raises(ValueError, match="closed"):
        audited.add(signatures[0])
    audited.close()
    kept = audit.find_reuse(public, [], path)
    assert 0 < kept.signatures < 1024
    assert kept.leaves == kept.signatures
    whole = audit.find_reuse(public, signatures, path)
    assert (whole.ok, whole.leaves) == (True, 1024)
