"""What the tests of the PostgreSQL store need of a real server, beyond what hbss.testing has."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest

from hbss.stores import KEY_ID_LEN
from hbss.stores.postgres import ENGINE, PostgresStore
from hbss.testing import postgres_server
from hbss.testing.postgres_server import SUPERUSER, ServerMissing, programs

WITH_PASSWORD = "with_password"  # the role that has to give one
ACCESS = f"""
local all all trust
host all {WITH_PASSWORD} 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
host replication all 127.0.0.1/32 trust
"""


class Server(postgres_server.Server):
    """A server that can be asked, set, copied and restored."""

    def initialise(self) -> None:
        """Make the cluster."""
        super().initialise()
        (self.data / "pg_hba.conf").write_text(ACCESS)

    def copy(self, folder: Path) -> Server:
        """Another server, with a copy of the data of this running one (pg_basebackup); not started."""
        other = Server(folder, self.bin)
        folder.mkdir(mode=0o755)
        if self._user:
            shutil.chown(folder, self._user)
        self.run("pg_basebackup", "-h", "127.0.0.1", "-p", self.port, "-U", SUPERUSER, "-D", other.data, "-c", "fast",
                 "-N", "-X", "stream")  # fmt: skip
        conf = other.data / "postgresql.conf"
        conf.write_text(conf.read_text().replace(f"'{self.folder}'", f"'{folder}'"))
        return other

    def dump(self, database: str) -> str:
        """A database as a backup (pg_dump)."""
        return self.run("pg_dump", "-h", "127.0.0.1", "-p", self.port, "-U", SUPERUSER, database)

    def read_back(self, database: str, dump: str) -> None:
        """Let a backup be what the database holds of hbss."""
        self.sql("DROP SCHEMA IF EXISTS hbss CASCADE", database=database)
        self.run("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", self.port, "-U", SUPERUSER,
                 database, input=dump)  # fmt: skip

    def sql(self, *statements: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run statements as the superuser, each by itself; the rows of the last."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.cursor()
            for statement in statements:
                cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def setting(self, name: str, value: str) -> Iterator[None]:
        """A setting of the whole server, for a while."""
        try:
            self._set(f"ALTER SYSTEM SET {name} = '{value}'", name, lambda now: now == value)
            yield
        finally:
            self._set(f"ALTER SYSTEM RESET {name}", name, lambda now: now != value)

    def _set(self, statement: str, name: str, done: Callable[[str], bool]) -> None:
        self.sql(statement, "SELECT pg_reload_conf()")
        deadline = time.monotonic() + 10
        while not done(self.sql(f"SHOW {name}")[0][0]):
            assert time.monotonic() < deadline, f"{name} was not taken"
            time.sleep(0.01)
        self.sql("CHECKPOINT")  # the checkpointer, which tells the others of standbys, has then taken it too

    @contextmanager
    def database(self) -> Iterator[str]:
        """A database that nobody else uses; yields its name."""
        name = f"test_{uuid.uuid4().hex}"
        self.sql(f"CREATE DATABASE {name}")
        try:
            yield name
        finally:
            self.sql(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def running_server() -> Iterator[Server]:
    """A fresh server. Where PostgreSQL is not installed the test is skipped, but fails in CI."""
    try:
        programs()
    except ServerMissing as missing:
        if os.environ.get("CI"):
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    with postgres_server.running_server(Server) as server:
        yield server


# ---- states -------------------------------------------------------------------------------------------------------


class State(NamedTuple):
    """A state on a server."""

    url: str
    key_id: bytes

    @contextmanager
    def opened(self, timeout: float = 10, signer: str = "test") -> Iterator[PostgresStore]:
        """A handle of it."""
        with closing(PostgresStore(self.url, self.key_id, signer, timeout)) as store:
            yield store


def new_state(url: str, count: int = 31) -> State:
    """A fresh state with so many indices."""
    key_id = os.urandom(KEY_ID_LEN)
    ENGINE.create(url, key_id, range(count), 0)
    return State(ENGINE.normal(url), key_id)
