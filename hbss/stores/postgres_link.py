"""One connection to a PostgreSQL server, and transactions on it that are durable or end in an exception."""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from hbss.errors import StateError, StateUnsafe, StoreBusy
from hbss.stores import forks

try:
    import psycopg as psycopg  # imported from here by the rest of the engine
except ImportError:
    raise StateError(
        "state on a PostgreSQL server needs the package psycopg, which is not installed: pip install 'hbss[postgres]'"
    ) from None

OLDEST = 120000  # version 12, as server_version_num counts

# Settings are LOCAL to the transaction: a pooler may give the next one another session, or even another server; so all
# of it is asked every time. The first column, `origin`, tells a server that was restored or promoted from what it was.
# tcp_keepalives: the server looks whether we are still there, else it holds the locks of a machine that died for hours.
_BEGIN = """BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL search_path = pg_catalog;
SET LOCAL client_min_messages = notice;
SET LOCAL tcp_keepalives_idle = 10;
SET LOCAL tcp_keepalives_interval = 5;
SET LOCAL tcp_keepalives_count = 3;
SET LOCAL lock_timeout = {lock};
SET LOCAL statement_timeout = {statement};
SET LOCAL idle_in_transaction_session_timeout = {statement};
SELECT CASE WHEN pg_is_in_recovery() THEN NULL ELSE concat_ws(' ',
    'cluster', (SELECT system_identifier FROM pg_control_system()), 'table', to_regclass('hbss.hbss_state')::oid,
    'timeline', left(pg_walfile_name(pg_current_wal_lsn()), 8)) END,
  current_setting('transaction_read_only'), current_setting('fsync'), current_setting('full_page_writes'),
  set_config('synchronous_commit',
    CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, true)"""

_TRANSPORT = {  # so that the loss of a server that says nothing is noticed in about half a minute
    "keepalives": 1, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 20000,
}  # fmt: skip


class Link:
    """A connection. Not for threads: its store lets in one at a time."""

    def __init__(self, url: str, signer: str, timeout: float) -> None:
        """Connect; StateError if that cannot be done. timeout: seconds to wait for the server, or for other signers."""
        self.url = url
        self.origin = ""
        self._timeout = timeout
        self._notices: list[str] = []
        self._question = 0
        self._watch: threading.Timer | None = None
        self._guard = threading.Lock()
        try:
            self._connection: psycopg.Connection[tuple[Any, ...]] = psycopg.connect(
                url, autocommit=True, prepare_threshold=None, connect_timeout=max(2, round(timeout)),
                application_name=f"hbss {signer}"[:63], client_encoding="utf8", **_TRANSPORT,  # type: ignore[arg-type]
            )  # fmt: skip
        except psycopg.Error as error:
            raise StateError(
                f"{url} cannot be reached ({_line(error)}); no index was used. Look after the server, then try again"
            ) from None
        self._connection.add_notice_handler(lambda diag: self._notices.append(diag.message_primary or "a warning"))
        if self._connection.info.server_version < OLDEST:
            self.close()
            raise StateUnsafe(f"{url} is a server older than PostgreSQL 12, which cannot keep keys")

    def begin(self) -> None:
        """Start a transaction, on a server that keeps what it commits; StateUnsafe if it does not."""
        if self._connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            raise psycopg.OperationalError("an interrupt left a transaction open")
        self._start_watch()
        lock = round(self._timeout * 1000)
        cursor = self._connection.execute(_BEGIN.format(lock=lock, statement=lock * 3 // 2).encode())
        tags = [cursor.statusmessage]
        while cursor.nextset():
            tags.append(cursor.statusmessage)
        if tags != ["BEGIN", *["SET"] * 8, "SELECT 1"]:
            raise psycopg.OperationalError("the answers of the server are not those to our questions")
        self._check_server(*cursor.fetchall()[0])

    def run(self, statement: str, values: Sequence[object] | Mapping[str, object] = ()) -> list[tuple[Any, ...]]:
        """One statement of the transaction, and the rows that it returns.

        Every row carries the number of its question: an answer twice, or one to an earlier question, means that
        something between us and the server is broken.
        """
        self._question += 1
        asked = re.sub(r"^SELECT |(?<= )RETURNING ", rf"\g<0>{self._question}::int8, ", statement, count=1)
        cursor = self._connection.execute(asked.encode(), values or None)
        rows = cursor.fetchall() if cursor.description else []
        verb, count = statement.split(maxsplit=1)[0], str(len(rows))
        answer = (cursor.statusmessage or "").split(" ")
        wrong = answer[0] != verb or cursor.nextset() or (cursor.description and answer[-1] != count)
        if wrong or any(row[0] != self._question for row in rows):
            raise psycopg.OperationalError("the answers of the server are not those to our questions")
        return [row[1:] for row in rows]

    def commit(self) -> None:
        """End the transaction: it is durable when this returns; after an exception it may be."""
        self._notices.clear()
        answer = self._connection.execute("COMMIT").statusmessage
        if answer != "COMMIT":  # that of a failed transaction answers ROLLBACK
            raise psycopg.OperationalError(f"the server answered {answer} to COMMIT")
        if self._notices:  # above all: a wait for a standby was cancelled, and the commit is on this server only
            raise psycopg.OperationalError(f"COMMIT came with a warning: {'; '.join(self._notices)}")
        self._end_watch()

    def roll_back(self) -> bool:
        """Give the transaction up. Returns whether the connection can still be used; it is closed if not."""
        status = self._connection.info.transaction_status
        open_states = psycopg.pq.TransactionStatus.INTRANS, psycopg.pq.TransactionStatus.INERROR
        with suppress(psycopg.Error):
            if status in open_states and self._connection.execute("ROLLBACK").statusmessage == "ROLLBACK":
                self._end_watch()
                return True
        self.close()
        return False

    def close(self) -> None:
        """Disconnect; a transaction that is open is rolled back by the server."""
        self._end_watch()
        self._connection.close()

    def abandon(self) -> None:
        """In a forked child: let go without a word to the server, which would end the parent's session."""
        with suppress(psycopg.Error, OSError):
            os.close(self._connection.fileno())  # else the server would not notice the death of the parent
        forks.leak(self._connection)

    # ---- the server

    def _check_server(
        self, origin: str | None, read_only: str, fsync: str, full_page_writes: str, synchronous_commit: str
    ) -> None:
        if origin is None:
            raise StateUnsafe(
                f"{self.url} is a standby, or is still recovering: it cannot be written to; no index was used"
            )
        if read_only != "off":
            raise StateUnsafe(f"{self.url} is set to read-only; no index was used")
        for name, value in ("fsync", fsync), ("full_page_writes", full_page_writes):
            if value != "on":
                raise StateUnsafe(
                    f"{self.url} runs with {name} = {value}: after a crash it may forget what it has committed. "
                    f"It must not keep keys until {name} is on"
                )
        if synchronous_commit not in ("on", "remote_apply"):
            raise StateUnsafe(f"{self.url} does not take synchronous_commit = on; it cannot keep keys")
        self.origin = origin

    # ---- a server, or a machine on the way, that says nothing more

    def _start_watch(self) -> None:
        self._watch = threading.Timer(4 * self._timeout, self._cut, [self._connection.fileno()])
        self._watch.daemon = True
        self._watch.start()

    def _end_watch(self) -> None:
        with self._guard:  # from here on the timer does nothing, and the number of the socket may be given to others
            if self._watch is not None:
                self._watch.cancel()
                self._watch = None

    def _cut(self, number: int) -> None:
        with self._guard:
            if self._watch is not None:
                with suppress(OSError), socket.socket(fileno=os.dup(number)) as ours:
                    ours.shutdown(socket.SHUT_RDWR)


@contextmanager
def translated(url: str) -> Iterator[None]:
    """Exceptions of psycopg become ours; whatever was being reserved counts as used."""
    try:
        yield
    except psycopg.Error as error:
        raise _meaning(url, error) from None


def _meaning(url: str, error: psycopg.Error) -> StateError:
    line, kinds = _line(error), psycopg.errors
    if isinstance(error, (kinds.LockNotAvailable, kinds.DeadlockDetected, kinds.SerializationFailure)):
        return StoreBusy(f"another signer holds the state at {url}; no index was used, try again")
    if isinstance(error, kinds.InsufficientPrivilege):
        return StateError(
            f"{url}: {line}; no index was used. Let the owner of the schema hbss grant this role what a signer needs"
        )
    if isinstance(error, (psycopg.IntegrityError, kinds.UndefinedTable, kinds.UndefinedColumn)):
        return StateUnsafe(f"{url} refuses: {line}; its state is not as it should be, and nothing was signed")
    return StateError(
        f"{url}: {line}; nothing was signed, and what was being reserved counts as used. The next call connects again"
    )


def _line(error: psycopg.Error) -> str:
    """What the server or libpq says, in one line; neither ever repeats a password."""
    return " ".join((error.diag.message_primary or str(error)).split())[:300]
