"""An open store on a PostgreSQL server: connected, connected again when that was lost, and dead after a fork."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from hbss.errors import StateError
from hbss.stores import forks
from hbss.stores import postgres_schema as schema
from hbss.stores.postgres_link import Link, psycopg, translated

TIMEOUT = 10.0  # seconds to wait for other signers; the server gets up to four times as long before it counts as lost


class Session(forks.Handle):
    """A handle on one server. Every method may be called from any thread; after a fork the child's handle is dead."""

    def __init__(self, url: str, signer: str, timeout: float) -> None:
        super().__init__(url)
        self.url = url
        self.signer = signer
        self._timeout = timeout
        self._busy = False
        self._link: Link | None = None
        forks.register(self)

    def close(self) -> None:
        """Disconnect; further use raises HandleDead."""
        if self._dead or os.getpid() != self._pid:
            return
        with self._mutex:
            self._dead = "it was closed"
            self._drop()

    # ---- transactions

    @contextmanager
    def transaction(self) -> Iterator[Link]:
        """Durable when the block has ended; after any exception it may or may not have happened."""
        self._check_alive()  # before the lock: in a forked child nobody may be left to release it
        with self._mutex, translated(self.url):
            self._check_alive()
            if self._busy:
                raise StateError("this handle is at work: it was called from within itself, by a signal handler")
            self._busy = True
            try:
                link = self._begin()
                yield link
                link.commit()
            except BaseException:
                if self._link is not None and not self._link.roll_back():
                    self._link = None
                raise
            finally:
                self._busy = False

    def _begin(self) -> Link:
        if self._link is not None:
            try:
                self._link.begin()
            except psycopg.OperationalError:
                self._drop()  # nothing has been asked for yet, so nothing is lost by asking again
            else:
                return self._link
        link = Link(self.url, self.signer, self._timeout)
        try:
            link.begin()
            schema.verify(link)
        except BaseException:
            link.close()
            raise
        self._link = link
        return link

    def _drop(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None

    def _abandon(self) -> None:
        if self._link is not None:
            self._link.abandon()
            self._link = None
