"""A PostgreSQL server of one's own: made in a temporary folder, started, killed with SIGKILL, started again, ended."""

from __future__ import annotations

import ctypes
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from hbss.testing import folders

SUPERUSER = "operator"
SETTINGS = """
listen_addresses = '127.0.0.1'
shared_buffers = 16MB
max_connections = 40
wal_level = replica
max_wal_senders = 4
min_wal_size = 32MB
max_wal_size = 128MB
logging_collector = off
"""


class ServerMissing(RuntimeError):
    """PostgreSQL's server is not installed."""


def programs() -> Path:
    """The folder of the server's programs, of the newest version; ServerMissing if there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: float(path.parts[-3]))
    in_path = shutil.which("postgres")
    if found:
        return found[-1].parent
    if in_path:
        return Path(in_path).resolve().parent
    raise ServerMissing("PostgreSQL's server is not installed; on Debian: apt-get install postgresql")


class Server:
    """One server. `port` stays the same when it is started again."""

    def __init__(self, folder: Path, bin: Path) -> None:
        self.folder, self.bin, self.data = folder, bin, folder / "data"
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._user = "postgres" if os.getuid() == 0 else None  # PostgreSQL refuses to run as root

    def initialise(self) -> None:
        """Make the cluster."""
        self.folder.chmod(0o755)
        if self._user:
            shutil.chown(self.folder, self._user)
        self.run(
            "initdb", "-D", self.data, "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync",
            "--wal-segsize=1",
        )  # fmt: skip
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as file:
            file.write(f"{SETTINGS}unix_socket_directories = '{self.folder}'\n")

    def run(self, program: str, *arguments: object, input: str | None = None) -> str:
        """One of the server's programs, as its user; RuntimeError if it fails. Returns what it printed."""
        done = subprocess.run(
            [self.bin / program, *map(str, arguments)], user=self._user, extra_groups=[] if self._user else None,
            cwd=self.folder, capture_output=True, text=True, timeout=60, input=input, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr}")
        return done.stdout

    def start(self, wait: bool = True) -> None:
        """Start the server, and wait until it takes connections."""
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                [self.bin / "postgres", "-D", self.data, "-p", str(self.port)], user=self._user,
                extra_groups=[] if self._user else None, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True, preexec_fn=_die_with_parent,
            )  # fmt: skip
        if wait:
            self.wait()

    def wait(self) -> None:
        """Until it takes connections; RuntimeError if it ends instead."""
        import psycopg

        deadline = time.monotonic() + 60
        while True:
            with suppress(psycopg.OperationalError):
                psycopg.connect(self.url(), connect_timeout=2).close()
                return
            if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server does not start: {(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL to the server and to all of its processes, the first one first."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        while rest := _processes_in(self.data):
            for pid in rest:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.005)

    def stop(self) -> None:
        """An orderly end; a kill if it does not come."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=20)
        self.kill()

    def url(self, database: str = "postgres", user: str = SUPERUSER, port: int = 0) -> str:
        """The URL of a database."""
        return f"postgresql://{user}@127.0.0.1:{port or self.port}/{database}?sslmode=disable"


_Kind = TypeVar("_Kind", bound=Server)


@contextmanager
def running_server(kind: type[_Kind]) -> Iterator[_Kind]:
    """A fresh server of this class, for as long as the block lasts; ServerMissing if it is not installed."""
    bin = programs()
    with temporary_folder() as folder:
        server = kind(folder, bin)
        try:
            server.initialise()
            server.start()
            yield server
        finally:
            server.stop()


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that the server's user can reach, with a path short enough for a socket's."""
    with folders.temporary_folder("hbss-pg-") as folder:
        folder.chmod(0o755)
        yield folder


def _die_with_parent() -> None:
    """Linux: SIGQUIT, on which a server ends at once, when this process dies in whatever way."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGQUIT)


def _free_port() -> int:
    """One below those that the system gives to outgoing connections: while the server is down, none may take it."""
    for port in random.sample(range(20000, 32000), 200):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no port is free between 20000 and 32000")


def _processes_in(folder: Path) -> list[int]:
    """The processes that work in a folder: every process of a server does so in its data."""
    found = []
    for entry in os.listdir("/proc") if os.path.isdir("/proc") else []:
        with suppress(OSError):
            if entry.isdigit() and os.readlink(f"/proc/{entry}/cwd") == str(folder):
                found.append(int(entry))
    return found
