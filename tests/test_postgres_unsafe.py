"""Every reason not to trust a PostgreSQL server, its tables, its settings, or the way to it."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

import hbss
from hbss import StateError, StateRolledBack, StateUnsafe
from hbss import state as states
from hbss.stores import ChildSignature
from hbss.stores import postgres as engine
from hbss.stores import postgres_schema as schema
from hbss.stores.postgres import ENGINE, PostgresStore
from hbss.testing.postgres_server import temporary_folder
from tests.postgres_kit import WITH_PASSWORD, Server, State, new_state, running_server
from tests.state_kit import LMS

pytest_plugins = ["tests.postgres_fixtures"]

# ---- URLs ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("postgres://me@db.example/keys", "postgresql://me@db.example:5432/keys"),
        ("postgresql://db.example:6000/keys?sslmode=require", "postgresql://db.example:6000/keys?sslmode=require"),
        ("postgresql://[::1]/keys", "postgresql://[::1]:5432/keys"),
        ("postgresql:///keys?host=/run/pg", "postgresql:///keys?host=/run/pg&port=5432"),
        ("postgresql://a:1,b:2/k", "postgresql:///k?host=a,b&port=1,2"),
        ("postgresql://m%40e@h/k%2Fl", "postgresql://m%40e@h:5432/k%2Fl"),
        ("postgresql://h/k?sslrootcert=/a%20b&sslmode=x", "postgresql://h:5432/k?sslmode=x&sslrootcert=/a%20b"),
        ("postgresql://h/k?service=s", "postgresql://h:5432/k?service=s"),
    ],
)
def test_a_url_is_kept_whole(url: str, kept: str) -> None:
    """With the host, the port and the database; and once is enough."""
    assert ENGINE.normal(url) == kept
    assert ENGINE.normal(kept) == kept


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://me:hunter2@h/k", "PGPASSFILE"),
        ("postgresql://me@h/k?password=hunter2", "PGPASSFILE"),
        ("postgresql://h/k?sslpassword=hunter2", "PGPASSFILE"),
        ("postgresql://me:hunter2%zz@h/k", "not a URL"),
        ("postgresql://me:hunter2@h:x/k?nothing=1", "not a URL"),
        ("postgresql://me@h:5432", "name a host and a database"),
        ("postgresql:///keys", "name a host and a database"),
        ("postgresql://", "name a host and a database"),
        ("postgresql:hunter2", "not a URL"),
        ("postgresql://h/k?options=-csynchronous_commit%3Doff", "cannot set options"),
        ("postgresql://h/k?connect_timeout=0&application_name=x", "cannot set application_name, connect_timeout"),
    ],
)
def test_a_url_that_cannot_be_kept(url: str, says: str) -> None:
    """Says what to do, and never repeats a password."""
    with pytest.raises(ValueError, match=says) as caught:
        ENGINE.normal(url)
    assert "hunter" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


# ---- what cannot be reached ----------------------------------------------------------------------------------------


def test_a_server_that_is_not_there() -> None:
    """One line, and no index was used."""
    for call in (lambda url: ENGINE.create(url, bytes(16), range(3), 0), lambda url: ENGINE.open(url, bytes(16), "me")):
        with pytest.raises(StateError, match=r"cannot be reached.*refused.*no index was used") as caught:
            call("postgresql://me@127.0.0.1:1/keys")
        assert "\n" not in str(caught.value)


def test_a_database_that_is_not_there(postgres: Server) -> None:
    """Nor is one made."""
    with pytest.raises(StateError, match=r'cannot be reached.*"nowhere" does not exist'):
        ENGINE.create(postgres.url("nowhere"), bytes(16), range(3), 0)


def test_the_wrong_database(postgres: Server, state: State, database: str) -> None:
    """Without tables, and with the tables of other keys."""
    with pytest.raises(StateUnsafe, match="holds no state of hbss: is it the right database"):
        PostgresStore(postgres.url(database), state.key_id)
    new_state(postgres.url(database))
    with pytest.raises(StateUnsafe, match="holds no state of this key"):
        PostgresStore(postgres.url(database), state.key_id)


def test_a_password_comes_from_elsewhere(
    postgres: Server, state: State, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """From the environment or a file; and it is in no message, not even a wrong one."""
    url = postgres.url(user=WITH_PASSWORD)
    postgres.sql(f"CREATE ROLE {WITH_PASSWORD} SUPERUSER LOGIN PASSWORD 'correct horse'")
    try:
        monkeypatch.setenv("PGPASSWORD", "wrong horse")
        with pytest.raises(StateError, match="password authentication failed") as caught:
            PostgresStore(url, state.key_id)
        assert "horse" not in str(caught.value)
        monkeypatch.delenv("PGPASSWORD")
        (tmp_path / "pass").write_text(f"127.0.0.1:{postgres.port}:*:{WITH_PASSWORD}:correct horse\n")
        (tmp_path / "pass").chmod(0o600)
        monkeypatch.setenv("PGPASSFILE", str(tmp_path / "pass"))
        with State(url, state.key_id).opened() as store:
            assert store.reserve(1) == range(1)
            assert "horse" not in repr(vars(store))
    finally:
        postgres.sql(f"DROP ROLE {WITH_PASSWORD}")


def test_a_socket(postgres: Server, state: State) -> None:
    """A server of the same machine, without TCP."""
    by_socket = f"postgresql://operator@/postgres?host={postgres.folder}&port={postgres.port}"
    with State(by_socket, state.key_id).opened() as store:
        assert store.reserve(1) == range(1)


def test_a_server_that_is_too_old(postgres: Server, state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    """It lacks what is asked of it."""
    monkeypatch.setattr("hbss.stores.postgres_link.OLDEST", 999999)
    with pytest.raises(StateUnsafe, match="older than PostgreSQL 12"):
        PostgresStore(state.url, state.key_id)


# ---- roles ---------------------------------------------------------------------------------------------------------

GRANTS = re.findall(r"^    (GRANT .*?);", engine.__doc__ or "", re.MULTILINE)


def test_a_signer_needs_few_rights(postgres: Server, database: str) -> None:
    """Those that the documentation grants; they let it sign, and let it remove nothing that guards the state."""
    state = new_state(postgres.url(database))
    postgres.sql("CREATE ROLE signer LOGIN")
    try:
        as_signer = State(postgres.url(database, "signer"), state.key_id)
        with pytest.raises(StateError, match=r"permission denied.*grant this role"), as_signer.opened():
            pass
        assert len(GRANTS) == 4
        postgres.sql(*GRANTS, database=database)
        with as_signer.opened() as store:
            assert store.reserve(2) == range(2)
            assert store.reserve(1, {0: 2}) == range(2, 3)
            store.settle({2: 1})
            assert store.record_child(1, 0, 0, ChildSignature(b"a", b"b")) == (b"a", b"b")
            assert store.advance(1, 5).next == 3
            assert store.retire(b"s" * 16) == range(5, 31)
        with psycopg.connect(as_signer.url, autocommit=True) as connection:
            for statement in (
                "DELETE FROM hbss.hbss_state", "TRUNCATE hbss.hbss_child", "UPDATE hbss.hbss_child SET leaf = 9",
                "DROP TRIGGER hbss_state_back ON hbss.hbss_state", "DROP TABLE hbss.hbss_state",
                "ALTER TABLE hbss.hbss_state DISABLE TRIGGER ALL", "SET session_replication_role = replica",
                "CREATE OR REPLACE FUNCTION hbss.hbss_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'",
                "INSERT INTO hbss.hbss_state SELECT * FROM hbss.hbss_state", "CREATE TABLE hbss.mine (a int)",
            ):  # fmt: skip
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement.encode())
    finally:
        postgres.sql("DROP OWNED BY signer", database=database)
        postgres.sql("DROP ROLE signer")


# ---- statements that would bring something back --------------------------------------------------------------------

BACKWARDS = {
    "next lowered": "UPDATE hbss.hbss_state SET next = next - 1",
    "next lowered by a replica": "SET LOCAL session_replication_role = replica; UPDATE hbss.hbss_state SET next = 0",
    "epoch lowered": "UPDATE hbss.hbss_state SET epoch = epoch - 1",
    "limit raised": "UPDATE hbss.hbss_state SET lim = lim + 1",
    "limit lowered": "UPDATE hbss.hbss_state SET lim = lim - 1",
    "beginning changed": "UPDATE hbss.hbss_state SET first = first + 1",
    "used lowered": "UPDATE hbss.hbss_state SET used = used - 1",
    "key changed": "UPDATE hbss.hbss_state SET key_id = decode(repeat('00', 16), 'hex') WHERE successor IS NULL",
    "next beyond the limit": "UPDATE hbss.hbss_state SET next = lim + 1",
    "next nothing": "UPDATE hbss.hbss_state SET next = NULL",
    "server changed": "UPDATE hbss.hbss_state SET origin = 'another'",
    "state deleted": "DELETE FROM hbss.hbss_state",
    "state truncated": "TRUNCATE hbss.hbss_state",
    "state truncated with others": "TRUNCATE hbss.hbss_lease, hbss.hbss_state CASCADE",
    "state added again": "INSERT INTO hbss.hbss_state SELECT * FROM hbss.hbss_state",
    "state upserted": "INSERT INTO hbss.hbss_state SELECT * FROM hbss.hbss_state "
    "ON CONFLICT (key_id) DO UPDATE SET next = EXCLUDED.first",
    "taken back": "UPDATE hbss.hbss_state SET successor = NULL, handed = NULL",
    "taken back in another epoch": "UPDATE hbss.hbss_state SET successor = NULL, handed = NULL, epoch = epoch + 1",
    "handed to another": "UPDATE hbss.hbss_state SET successor = key_id WHERE successor IS NOT NULL",
    "more handed on": "UPDATE hbss.hbss_state SET handed = handed - 1",
    "half handed on": "UPDATE hbss.hbss_state SET successor = key_id WHERE successor IS NULL",
    "handed on and kept": "UPDATE hbss.hbss_state SET successor = key_id, handed = next WHERE successor IS NULL",
    "child changed": "UPDATE hbss.hbss_child SET signature = '\\x00'",
    "child moved": "UPDATE hbss.hbss_child SET leaf = leaf + 1",
    "child deleted": "DELETE FROM hbss.hbss_child",
    "child truncated": "TRUNCATE hbss.hbss_child",
    "child added again": "INSERT INTO hbss.hbss_child SELECT * FROM hbss.hbss_child",
    "child upserted": "INSERT INTO hbss.hbss_child SELECT * FROM hbss.hbss_child "
    "ON CONFLICT (key_id, layer, tree, leaf) DO UPDATE SET public = '\\x00'",
    "lease of nothing": "UPDATE hbss.hbss_lease SET stop = start",
}


def accepted_backwards(url: str) -> list[str]:
    """Which of the statements are not refused by the server itself, to its own superuser."""
    dump = [f"SELECT * FROM hbss.{table} ORDER BY key_id" for table in schema.COLUMNS]
    accepted = []
    with psycopg.connect(url, autocommit=True) as connection:
        for what, statement in BACKWARDS.items():
            before = [connection.execute(query.encode()).fetchall() for query in dump]
            connection.execute("BEGIN")
            with suppress(psycopg.IntegrityError):
                connection.execute(statement.encode())
                if [connection.execute(query.encode()).fetchall() for query in dump] != before:
                    accepted.append(what)
            connection.execute("ROLLBACK")
    return accepted


def test_the_server_refuses_to_go_back(postgres: Server, database: str) -> None:
    """Whoever asks; and without the triggers and checks it would not, so these are what refuses."""
    for name in (b"still in use....", b"handed on......."):
        ENGINE.create(postgres.url(database), name, range(2, 31), 1)
        with State(postgres.url(database), name).opened() as store:
            store.reserve(6)
            store.reserve(2, {2: 3})
            store.record_child(1, 0, 0, ChildSignature(b"a", b"b"))
            if name.startswith(b"handed"):
                store.retire(b"s" * 16)
    assert accepted_backwards(postgres.url(database)) == []
    postgres.sql(
        *(f"ALTER TABLE hbss.{table} DISABLE TRIGGER ALL" for table in schema.COLUMNS),
        *(
            f"ALTER TABLE hbss.{table} DROP CONSTRAINT {constraint.split()[1]}"
            for table, constraints in schema.CONSTRAINTS.items()
            for constraint in constraints
            if "CHECK" in constraint
        ),
        database=database,
    )
    still = {"next nothing", "key changed", "state added again", "child added again"}  # by NOT NULL and PRIMARY KEY
    assert set(BACKWARDS) - set(accepted_backwards(postgres.url(database))) <= still


# ---- tables that are not as they were ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TRIGGER hbss_state_back ON hbss.hbss_state",
        "ALTER TABLE hbss.hbss_state DISABLE TRIGGER hbss_state_back",
        "ALTER TABLE hbss.hbss_state ENABLE TRIGGER hbss_state_kept",
        "ALTER TABLE hbss.hbss_child DISABLE TRIGGER ALL",
        "CREATE OR REPLACE FUNCTION hbss.hbss_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "CREATE TRIGGER more BEFORE UPDATE ON hbss.hbss_state FOR EACH ROW EXECUTE FUNCTION hbss.hbss_refuse()",
        "ALTER TABLE hbss.hbss_state DROP CONSTRAINT hbss_state_pkey",
        "ALTER TABLE hbss.hbss_state DROP CONSTRAINT hbss_state_retired",
        "ALTER TABLE hbss.hbss_state ALTER next DROP NOT NULL",
        "ALTER TABLE hbss.hbss_state ALTER next SET DEFAULT 0",
        "ALTER TABLE hbss.hbss_lease ALTER stop TYPE numeric",
        "ALTER TABLE hbss.hbss_child ADD COLUMN note text",
        "ALTER TABLE hbss.hbss_state SET UNLOGGED",
        "ALTER TABLE hbss.hbss_state ENABLE ROW LEVEL SECURITY",
        "CREATE RULE nothing AS ON UPDATE TO hbss.hbss_state DO INSTEAD NOTHING",
        "CREATE TABLE more () INHERITS (hbss.hbss_child)",
        "DROP TABLE hbss.hbss_lease",
    ],
)
def test_an_altered_schema(postgres: Server, database: str, statement: str) -> None:
    """Is refused on opening, and by an open handle as soon as it connects again, and goes on being refused."""
    state = new_state(postgres.url(database))
    with state.opened(signer="altered") as store:
        postgres.sql(
            statement, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hbss altered'",
            database=database,
        )  # fmt: skip
        for _ in range(2):
            with pytest.raises(StateUnsafe, match=r"altered|does not exist"):
                store.reserve(1)
    with pytest.raises(StateUnsafe, match=r"altered|does not exist"):
        PostgresStore(state.url, state.key_id)
    with pytest.raises(StateUnsafe, match=r"altered|does not exist"):
        ENGINE.create(state.url, b"one key more....", range(3), 0)


# ---- settings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["fsync", "full_page_writes"])
def test_a_server_that_may_forget(postgres: Server, state: State, pg_store: PostgresStore, name: str) -> None:
    """Is refused on opening and by every open handle, until it is set right."""
    with postgres.setting(name, "off"):
        for call in (
            lambda: PostgresStore(state.url, state.key_id),
            lambda: pg_store.reserve(1),
            lambda: ENGINE.create(state.url, b"one key more....", range(3), 0),
        ):
            with pytest.raises(StateUnsafe, match=f"{name} = off: after a crash it may forget"):
                call()
    assert pg_store.reserve(1) == range(1)


def test_a_database_that_is_read_only(postgres: Server, database: str) -> None:
    """Whoever set it so meant it."""
    state = new_state(postgres.url(database))
    postgres.sql(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    with pytest.raises(StateUnsafe, match="set to read-only; no index was used"):
        PostgresStore(state.url, state.key_id)


def test_settings_of_a_role_do_not_count(postgres: Server, database: str) -> None:
    """Durable commits, levels of messages and the search path are set for each transaction."""
    state = new_state(postgres.url(database))
    for setting in (
        "synchronous_commit = off", "client_min_messages = error", "search_path = public, pg_catalog",
        "default_transaction_isolation = serializable", "bytea_output = escape", "lock_timeout = 1",
    ):  # fmt: skip
        postgres.sql(f"ALTER DATABASE {database} SET {setting}")
    with state.opened() as store, store.transaction() as link:
        names = "synchronous_commit", "client_min_messages", "search_path", "transaction_isolation", "lock_timeout"
        found = [link.run(f"SELECT current_setting('{name}')")[0][0] for name in names]
        assert found == ["on", "notice", "pg_catalog", "read committed", "10s"]
    postgres.sql(f"ALTER DATABASE {database} SET synchronous_commit = remote_apply")
    with state.opened() as store, store.transaction() as link:
        assert link.run("SELECT current_setting('synchronous_commit')") == [("remote_apply",)]


@pytest.mark.parametrize("how", ["pg_cancel_backend", "pg_terminate_backend", None])
def test_a_standby_that_does_not_answer(postgres: Server, state: State, how: str | None) -> None:
    """COMMIT waits for it, until somebody cancels that or we lose patience; the reservation counts as used.

    When it is cancelled, COMMIT succeeds, with a warning: the commit is on one server only.
    """
    with state.opened(timeout=10 if how else 0.1) as store:
        store.reserve(1)
        with postgres.setting("synchronous_standby_names", "nobody"), ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(store.reserve, 2)
            query = "FROM pg_stat_activity WHERE application_name = 'hbss test' AND wait_event = 'SyncRep'"
            while how and not postgres.sql(f"SELECT {how}(pid) {query}"):
                assert not waiting.done()
                time.sleep(0.01)
            with pytest.raises(StateError, match="counts as used") as caught:
                waiting.result(timeout=10)
        if how == "pg_cancel_backend":
            assert "a warning: canceling wait for synchronous replication" in str(caught.value)
    with state.opened() as store:
        assert store.reserve(1) == range(3, 4)


# ---- servers that are not the same any more ------------------------------------------------------------------------


def refuses_until_recovered(state: State, released: int) -> None:
    """Nothing is signed with a state on another server, until its epoch has been raised."""
    with state.opened() as store:
        seen = store.describe()
        assert seen.next < released, "nothing was lost, so this is no test"
        assert isinstance(store.leases(), list)
        for call in (
            lambda: store.reserve(1), lambda: store.settle({0: 1}), lambda: store.retire(b"s" * 16),
            lambda: store.child(1, 0, 0), lambda: store.record_child(1, 0, 0, ChildSignature(b"a", b"b")),
            lambda: store.advance(0, released),
        ):  # fmt: skip
            with pytest.raises(StateRolledBack, match=r"restored from a backup or failed over.*hbss state recover"):
                call()
        assert store.describe() == seen
        store.advance(1, released)
        assert store.reserve(1) == range(released, released + 1)
    with state.opened() as store:
        assert store.reserve(1) == range(released + 1, released + 2)


@pytest.mark.parametrize("ready", ["standby.signal", "recovery.signal"])
def test_a_server_that_took_over(postgres: Server, ready: str) -> None:
    """A copy refuses while it recovers; promoted, or restored to a point in time, it is noticed by its timeline."""
    state = new_state(postgres.url())
    with state.opened() as store, temporary_folder() as folder:
        store.reserve(3)
        other = postgres.copy(folder / "copy")
        store.reserve(4)  # the copy will not know of these
        (other.data / ready).touch()
        with open(other.data / "postgresql.conf", "a") as conf:
            conf.write("restore_command = 'false'\n")
        moved = State(state.url.replace(str(postgres.port), str(other.port)), state.key_id)
        try:
            other.start()
            if ready == "standby.signal":
                with pytest.raises(StateUnsafe, match="is a standby, or is still recovering"):
                    PostgresStore(moved.url, moved.key_id)
                other.run("pg_ctl", "promote", "-D", other.data, "-w")
            while other.sql("SELECT pg_is_in_recovery()") == [(True,)]:
                time.sleep(0.05)  # until it has found the end of what was written, and goes on by itself
            refuses_until_recovered(moved, store.describe().next)
        finally:
            other.stop()


@pytest.mark.parametrize("place", ["same", "other", pytest.param("cluster", marks=pytest.mark.long)])
def test_a_dump_that_was_read_back(postgres: Server, database: str, place: str) -> None:
    """Into the same database, into another, and into another cluster: these are not the tables that signed."""
    state = new_state(postgres.url(database))
    with state.opened() as store:
        store.reserve(3)
        dump = postgres.dump(database)
        store.reserve(4)
    if place == "same":
        postgres.read_back(database, dump)
        refuses_until_recovered(state, 7)
    elif place == "other":
        with postgres.database() as other:
            postgres.read_back(other, dump)
            refuses_until_recovered(State(postgres.url(other), state.key_id), 7)
    else:
        with running_server() as server:
            server.read_back("postgres", dump)
            refuses_until_recovered(State(server.url(), state.key_id), 7)


def test_a_snapshot_is_noticed_by_open_handles_only(postgres: Server, database: str) -> None:
    """A server put back by its disk says nothing of it, and whoever opens it then cannot know."""
    state = new_state(postgres.url(database))
    with state.opened() as store:
        store.advance(2, 9)
        for column, value, says in (("next", 5, "next index 5.*seen epoch 2, next index 9"), ("epoch", 1, "epoch 1,")):
            postgres.sql(
                "ALTER TABLE hbss.hbss_state DISABLE TRIGGER ALL", f"UPDATE hbss.hbss_state SET {column} = {value}",
                *(f"ALTER TABLE hbss.{t} ENABLE ALWAYS TRIGGER {x.split()[2]}" for t, x in schema.TRIGGERS),
                database=database,
            )  # fmt: skip
            for call in (store.describe, lambda: store.reserve(1)):
                with pytest.raises(StateRolledBack, match=f"gone back: .*{says}"):
                    call()
    with state.opened() as later:
        assert later.reserve(1) == range(5, 6)


def test_a_key_recovers_on_a_server_that_took_over(postgres: Server, database: str, tmp_path: Path) -> None:
    """What an operator does: nothing signs, until `recover` is told how far to skip."""
    key = tmp_path / "key"
    hbss.create_key(key, LMS)
    states.move(key, postgres.url(database))
    dump = postgres.dump(database)
    with hbss.open_key(key) as handle:
        newest = [handle.sign(b"released") for _ in range(3)][-1]
    postgres.read_back(database, dump)
    with pytest.raises(StateRolledBack, match="hbss state recover"), hbss.open_key(key) as handle:
        handle.sign(b"again")
    assert states.recover(key, signature=newest).next == 3
    with hbss.open_key(key) as handle:
        assert int.from_bytes(handle.sign(b"again")[4:8], "big") == 3
