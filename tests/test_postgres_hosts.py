"""Two hosts share one key on a PostgreSQL server that is killed and restarted again and again."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import hbss
from hbss import audit, state
from tests.postgres_kit import Server, running_server
from tests.state_kit import WIDE, index_of

SIGNER = """
import os, struct, sys, time
import hbss
with hbss.open_key("key") as key, open("released", "ab", buffering=0) as out:
    done = 0
    while done < int(sys.argv[1]):
        message = os.urandom(16)
        try:
            signature = key.sign(message)
        except hbss.StateError:
            time.sleep(0.02)  # the server is away; the index that was asked for is lost
            continue
        out.write(struct.pack(">I", len(signature)) + message + signature)
        done += 1
"""


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of this test's own, as it is killed."""
    with running_server() as running:
        yield running


def _host(folder: Path, key: Path, count: int) -> subprocess.Popen[bytes]:
    """A process with a home and copies of its own: of the key file, and of nothing else."""
    folder.mkdir()
    shutil.copy(key, folder / "key")
    environment = {**os.environ, "HOME": str(folder), "PYTHONPATH": str(Path(hbss.__file__).parent.parent)}
    return subprocess.Popen([sys.executable, "-c", SIGNER, str(count)], cwd=folder, env=environment)


def _released(folder: Path) -> Iterator[tuple[bytes, bytes]]:
    """Messages and signatures of a host."""
    data, at = (folder / "released").read_bytes(), 0
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        yield data[at + 4 : at + 20], data[at + 20 : at + 20 + length]
        at += 20 + length


@pytest.mark.parametrize(
    ("count", "pause"), [(300, 0.7), pytest.param(10_000, 3.0, marks=pytest.mark.long)], ids=["600", "20000"]
)
def test_two_hosts_share_a_key(tmp_path: Path, server: Server, count: int, pause: float) -> None:
    """No index twice, every signature good, and what the kills cost is counted."""
    key = tmp_path / "key"
    hbss.create_key(key, WIDE)
    state.move(key, server.url())
    hosts = [_host(tmp_path / name, key, count) for name in ("east", "west")]
    kills = 0
    while not all((tmp_path / name / "released").exists() for name in ("east", "west")):
        assert all(host.poll() is None for host in hosts)
        time.sleep(0.02)
    while any(host.poll() is None for host in hosts):
        time.sleep(pause)
        server.kill()
        server.start()
        kills += 1
    assert [host.returncode for host in hosts] == [0, 0]
    with hbss.open_key(key) as opened:
        public, found = opened.public_key(), opened.status()
    signed = [pair for name in ("east", "west") for pair in _released(tmp_path / name)]
    assert len({index_of(WIDE, signature) for _, signature in signed}) == len(signed) == 2 * count
    with audit.Audit(public) as audited:
        for message, signature in signed:
            audited.add(signature, message)
        report = audited.report()
    assert report.ok, report
    assert (report.signatures, report.unverified) == (2 * count, 0)
    assert found.used + found.burned + found.reserved == found.next
    assert kills > 0
    assert 0 <= found.next - 2 * count <= 2 * (kills + 1), "a kill costs at most the index in use of each host"
