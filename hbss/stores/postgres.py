"""State on a PostgreSQL server (tested with 15, 12 at the least): several signers, on several machines, share one key.

The URL is `postgresql://user@host:port/database?sslmode=verify-full`. Passwords do not belong there, as it is kept in
the key file and shown: libpq finds them in PGPASSFILE (~/.pgpass), PGPASSWORD or a service file.

Why it is safe: a reservation is one transaction with one conditional UPDATE, and its indices are used only after COMMIT
has answered COMMIT, with `synchronous_commit` on and without any warning (when somebody cancels the wait for a standby,
COMMIT succeeds with one). Whatever else happens, the reservation counts as used. The tables refuse to go back
(`postgres_schema`). In every transaction the server is asked whether `fsync` and `full_page_writes` are on, and which
server it is.

What a signer's role needs, and no more, so that it cannot remove the triggers; the tables belong to whoever creates the
first state in the database:

    GRANT USAGE ON SCHEMA hbss TO signer;
    GRANT SELECT, UPDATE ON hbss.hbss_state TO signer;             -- and INSERT, if it is to create states
    GRANT SELECT, INSERT, DELETE ON hbss.hbss_lease TO signer;     -- a lease is removed when it is settled
    GRANT SELECT, INSERT ON hbss.hbss_child TO signer;

What is noticed: a state remembers the cluster (its system identifier), the timeline and the table that it lives in. A
promoted standby, a restore to a point in time and a dump that was read back differ in one of them; then nothing is
signed until an operator has raised the epoch with `hbss state recover`. A planned switch-over and `pg_upgrade` need
that too.

What is not noticed: a snapshot of the server's disk or machine that is put back (it is the same cluster on the same
timeline; only handles that were open notice that `next` fell), and an old primary that goes on running beside the
promoted one: signers that still reach it are not fenced. Shut it down first. A witness notices both.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from hbss.errors import StateError, StateRolledBack
from hbss.stores import (
    KEY_ID_LEN,
    NOTHING,
    ChildSignature,
    Lease,
    NoState,
    Spent,
    StoreState,
    check_count,
    check_limit,
    check_successor,
    refusal,
)  # fmt: skip
from hbss.stores import postgres_schema as schema
from hbss.stores.postgres_link import Link, translated
from hbss.stores.postgres_session import TIMEOUT, Session
from hbss.stores.postgres_url import normal

_STATE = (
    "SELECT key_id, epoch, first, next, lim, used, successor, handed, origin FROM hbss.hbss_state WHERE key_id = %s"
)


class _Row(NamedTuple):
    state: StoreState
    handed: int
    origin: str


class PostgresStore(Session):
    """One state on a server (hbss.stores.StateStore)."""

    def __init__(self, url: str, key_id: bytes, signer: str = "", timeout: float = TIMEOUT) -> None:
        super().__init__(normal(url), signer, timeout)
        self.key_id = key_id
        self._epoch = self._seen = 0  # what this handle has seen; the server must not be behind it
        try:
            self._epoch = self.describe().epoch
        except BaseException:
            self.close()
            raise

    def describe(self) -> StoreState:
        """The state as it is now, also where nothing may sign any more."""
        with self.transaction() as link:
            return self._read(link).state

    def reserve(self, count: int, spent: Spent = NOTHING) -> range:
        """Take `count` indices, durably."""
        check_count(count)
        with self.transaction() as link:
            used = self._end_leases(link, spent)
            rows = link.run(
                "UPDATE hbss.hbss_state SET next = next + %(count)s, used = used + %(used)s WHERE key_id = %(key)s "
                "AND epoch = %(epoch)s AND next <= lim - %(count)s AND origin = %(origin)s AND next >= %(seen)s "
                "AND successor IS NULL RETURNING next",
                {"count": count, "used": used, "key": self.key_id, "epoch": self._epoch, "origin": link.origin,
                 "seen": self._seen},
            )  # fmt: skip
            if len(rows) != 1:
                raise refusal(self.url, self._read_here(link).state, self._epoch, count)
            stop = int(rows[0][0])
            lease = (self.key_id, stop - count, stop, self._epoch, self.signer, time.time())
            link.run("INSERT INTO hbss.hbss_lease VALUES (%s, %s, %s, %s, %s, %s)", lease)
        self._seen = max(self._seen, stop)
        return range(stop - count, stop)

    def settle(self, spent: Spent) -> None:
        """Say what became of earlier reservations."""
        with self.transaction() as link:
            self._read_here(link)
            if used := self._end_leases(link, spent):
                link.run("UPDATE hbss.hbss_state SET used = used + %s WHERE key_id = %s", (used, self.key_id))

    def leases(self) -> list[Lease]:
        """The leases that have not been settled."""
        query = "SELECT start, stop, epoch, signer, at FROM hbss.hbss_lease WHERE key_id = %s ORDER BY start"
        with self.transaction() as link:
            return [Lease(*row) for row in link.run(query, [self.key_id])]

    def advance(self, epoch: int, next: int) -> StoreState:
        """Raise epoch and next to at least these, durably.

        A raised epoch takes this server for the state's own from now on; without one, StateRolledBack if it is another.
        """
        with self.transaction() as link:
            found = self._read(link, lock=True)
            check_limit(found.state, next)
            if epoch <= found.state.epoch:
                self._check_origin(link, found)
            after = found.state._replace(epoch=max(epoch, found.state.epoch), next=max(next, found.state.next))
            if after != found.state:
                link.run(
                    "UPDATE hbss.hbss_state SET epoch = %s, next = %s, origin = %s WHERE key_id = %s",
                    (after.epoch, after.next, link.origin, self.key_id),
                )
        self._seen = after.next
        if epoch == after.epoch:  # else somebody else has raised it, and this handle stays fenced
            self._epoch = epoch
        return found.state

    def retire(self, successor: bytes) -> range:
        """Hand on what is left."""
        with self.transaction() as link:
            found = self._read_here(link, lock=True)
            state, start = found.state, found.handed
            check_successor(self.url, state, successor)
            if state.successor is None:
                start = state.next
                link.run(
                    "UPDATE hbss.hbss_state SET successor = %s, handed = next, next = lim WHERE key_id = %s",
                    (successor, self.key_id),
                )
        return range(start, state.limit)

    def child(self, layer: int, tree: int, leaf: int) -> ChildSignature | None:
        """What the one-time key at this place signed."""
        with self.transaction() as link:
            self._read_here(link)
            return self._find_child(link, layer, tree, leaf)

    def record_child(self, layer: int, tree: int, leaf: int, made: ChildSignature) -> ChildSignature:
        """Record what a one-time key signs, unless that has been done; return what is recorded."""
        with self.transaction() as link:
            self._read_here(link)
            row = (self.key_id, layer, tree, leaf, made.public, made.signature)
            link.run("INSERT INTO hbss.hbss_child VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING", row)
            found = self._find_child(link, layer, tree, leaf)
            if found is None:
                raise StateError(f"{self.url} did not keep the signature of a tree; nothing was signed")
        return found

    # ---- the parts of a reservation

    def _end_leases(self, link: Link, spent: Spent) -> int:
        """Remove leases, and count what they used; one that is unknown, or too short for that, stays as it is."""
        return sum(
            used
            for start, used in spent.items()
            if link.run(
                "DELETE FROM hbss.hbss_lease WHERE key_id = %s AND start = %s AND stop - start >= %s RETURNING start",
                (self.key_id, start, used),
            )
        )

    # ---- reading

    def _read(self, link: Link, lock: bool = False) -> _Row:
        rows = link.run(_STATE + " FOR UPDATE" * lock, [self.key_id])
        if len(rows) != 1:
            raise NoState(
                f"{self.url} holds no state of this key: it is another server or database, or was restored from before "
                "the key was made; nothing was signed"
            )
        *fields, handed, origin = rows[0]
        state = StoreState(*fields)
        if state.epoch < self._epoch or state.next < self._seen:
            raise StateRolledBack(
                f"the state at {self.url} has gone back: it says epoch {state.epoch}, next index {state.next}; this "
                f"signer has seen epoch {self._epoch}, next index {self._seen}. It was restored from an old copy, and "
                "nothing was signed. Stop every signer of this key, then run: hbss state recover KEY"
            )
        self._seen = state.next
        return _Row(state, handed, origin)

    def _read_here(self, link: Link, lock: bool = False) -> _Row:
        """The state, of a server that is still the one that it was on."""
        found = self._read(link, lock)
        self._check_origin(link, found)
        return found

    def _check_origin(self, link: Link, found: _Row) -> None:
        if found.origin != link.origin:
            raise StateRolledBack(
                f"the server at {self.url} was restored from a backup or failed over: the state was last on "
                f"{found.origin}, and this is {link.origin}. It may be older than what was released, and nothing was "
                "signed. Stop every signer of this key and shut the old server down, then run: hbss state recover KEY"
            )

    def _find_child(self, link: Link, layer: int, tree: int, leaf: int) -> ChildSignature | None:
        rows = link.run(
            "SELECT public, signature FROM hbss.hbss_child "
            "WHERE key_id = %s AND layer = %s AND tree = %s AND leaf = %s",
            (self.key_id, layer, tree, leaf),
        )
        return ChildSignature(*rows[0]) if rows else None


class PostgresEngine:
    """States on PostgreSQL servers (hbss.stores.StoreEngine)."""

    def normal(self, url: str) -> str:
        """The URL with host, port and database, and without a password; the user may be left to each signer."""
        return normal(url)

    def create(self, url: str, key_id: bytes, indices: range, epoch: int) -> None:
        """Make a new state, and the tables if the database has none; StateError if the server cannot be reached, ..."""
        if len(key_id) != KEY_ID_LEN or indices.step != 1:
            raise ValueError(f"a state is named by {KEY_ID_LEN} bytes, and its indices follow one another")
        url = normal(url)
        with translated(url):
            link = Link(url, "create", TIMEOUT)
            try:
                link.begin()
                if not schema.exists(link):
                    schema.create(link)
                    link.commit()
                    link.begin()  # now that there is a table, `origin` can name it
                schema.verify(link)
                link.run(
                    "INSERT INTO hbss.hbss_state VALUES (%s, %s, %s, %s, %s, 0, NULL, NULL, %s) ON CONFLICT DO NOTHING",
                    (key_id, epoch, indices.start, indices.start, indices.stop, link.origin),
                )
                link.commit()
            finally:
                link.close()

    def open(self, url: str, key_id: bytes, signer: str) -> PostgresStore:
        """Open a state that exists."""
        return PostgresStore(url, key_id, signer)


ENGINE = PostgresEngine()
