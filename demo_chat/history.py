"""What outlives the server: messages, the certificates under them, and what every leaf was used for. One SQLite file.

Looking a claim up, judging it and keeping it happen in one transaction, and what `settle` returns is on the disk: only
then may it be relayed or acknowledged. Many claims share a transaction, and so one wait for the disk.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from demo_chat import wire
from demo_chat.claim import SESSIONS, Claim, Found, Verdict, judge
from demo_chat.errors import ChatError

APPLICATION = 0x68627363  # "hbsc", in the file's header: SQLite's application_id
VERSION = 2

SCHEMA = """
CREATE TABLE certificate (
    hash BLOB PRIMARY KEY, session BLOB NOT NULL UNIQUE, identity BLOB NOT NULL, origin TEXT NOT NULL,
    issued INTEGER NOT NULL, expires INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX certificate_identity ON certificate (identity, issued);
CREATE TABLE message (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, received INTEGER NOT NULL, origin TEXT NOT NULL, room TEXT NOT NULL,
    certificate BLOB NOT NULL REFERENCES certificate, identity BLOB NOT NULL, id BLOB NOT NULL, body TEXT NOT NULL,
    UNIQUE (identity, id));
CREATE INDEX message_room ON message (origin, room, sequence);
CREATE INDEX message_certificate ON message (certificate);
CREATE TABLE audit (
    session BLOB NOT NULL, leaf INTEGER NOT NULL, use BLOB NOT NULL, room TEXT NOT NULL, expires INTEGER NOT NULL,
    sequence INTEGER REFERENCES message, hello TEXT, evidence TEXT,
    PRIMARY KEY (session, leaf)) WITHOUT ROWID;
CREATE INDEX audit_expires ON audit (expires);
"""


class History:
    """The file, for one origin and one room; others' messages may lie in it too. For one thread at a time."""

    def __init__(self, path: Path, origin: str, room: str) -> None:
        self._origin, self._room = origin, room
        try:
            with suppress(FileExistsError):  # what is said in the room is no business of the machine's other users
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            self._db = sqlite3.connect(path, isolation_level=None, timeout=5, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise ChatError(f"the history {path} cannot be opened: {_why(error)}") from None
        try:
            self._prepare(path)
        except sqlite3.Error as error:
            self._db.close()
            raise ChatError(f"the history {path} cannot be used: {_why(error)}") from None
        except ChatError:
            self._db.close()
            raise

    def _prepare(self, path: Path) -> None:
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.execute("PRAGMA synchronous = FULL")  # a commit is on the disk when it returns
        with self._transaction():
            (application,), (version,) = (
                self._db.execute(f"PRAGMA {name}").fetchone() for name in ("application_id", "user_version")
            )
            if application == version == 0 and not self._db.execute("SELECT 1 FROM sqlite_master").fetchone():
                for statement in SCHEMA.split(";"):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA application_id = {APPLICATION}")
                self._db.execute(f"PRAGMA user_version = {VERSION}")
            elif application != APPLICATION:
                raise ChatError(f"the history {path} is another program's database; choose another file with --db")
            elif version != VERSION:
                raise ChatError(
                    f"the history {path} has format {version}, and this is format {VERSION}; choose another file"
                )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    # ---- reading

    def recent(self, count: int) -> list[tuple[wire.Entry, wire.Certificate]]:
        """The last messages of this room, the oldest first, each with its certificate. ChatError if damaged."""
        try:
            rows = self._db.execute(
                "SELECT sequence, received, message.body, certificate.body FROM message "
                "JOIN certificate ON certificate.hash = message.certificate "
                "WHERE message.origin = ? AND room = ? ORDER BY sequence DESC LIMIT ?",
                (self._origin, self._room, count),
            ).fetchall()
            return [
                (
                    wire.Entry(sequence=sequence, received=received, message=wire.Message.model_validate_json(message)),
                    wire.Certificate.model_validate_json(certificate),
                )
                for sequence, received, message, certificate in reversed(rows)
            ]
        except (sqlite3.Error, ValidationError) as error:
            raise ChatError(f"the history cannot be read: {_why(error)}") from None

    def reuses(self, count: int) -> list[wire.Reuse]:
        """What is known of leaves that signed twice, of the sessions of the last messages. ChatError if damaged."""
        try:
            rows = self._db.execute(
                "SELECT evidence FROM audit JOIN certificate USING (session) WHERE evidence IS NOT NULL AND room = ? "
                "AND certificate.hash IN "
                "(SELECT certificate FROM message WHERE origin = ? AND room = ? ORDER BY sequence DESC LIMIT ?)",
                (self._room, self._origin, self._room, count),
            ).fetchall()
            return [wire.Reuse.model_validate_json(evidence) for (evidence,) in rows]
        except (sqlite3.Error, ValidationError) as error:
            raise ChatError(f"the history cannot be read: {_why(error)}") from None

    def counts(self) -> dict[str, int]:
        """Rows of each table."""
        tables = ("certificate", "message", "audit")
        return {table: self._db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}

    # ---- judging and keeping

    def settle(self, claims: Sequence[Claim], now: int) -> list[Verdict]:
        """What becomes of verified claims, one after another; what is new is durable on return."""
        if not claims:
            return []
        with self._transaction():
            return [self._settle(claim, now) for claim in claims]

    def _settle(self, claim: Claim, now: int) -> Verdict:
        found = self._find(claim)
        verdict = judge(claim, found)
        if verdict.outcome == "reuse":
            return replace(verdict, evidence=self._evidence(claim))
        if verdict.outcome == "refused":
            return verdict
        if isinstance(claim.frame, wire.Post):
            if verdict.outcome == "duplicate":
                return verdict
            return replace(verdict, sequence=self._keep_message(claim, claim.frame, now), received=now)
        if verdict.outcome == "new":
            self._keep_hello(claim)
        return replace(verdict, certificates=self._still_sending(claim.certificate.identity, now))

    def _find(self, claim: Claim) -> Found:
        session = claim.certificate.session
        known = self._db.execute("SELECT hash FROM certificate WHERE session = ?", (session,)).fetchone()
        used = self._db.execute(
            "SELECT use, message.sequence, received FROM audit LEFT JOIN message USING (sequence) "
            "WHERE session = ? AND leaf = ?",
            (session, claim.frame.leaf),
        ).fetchone()
        taken = (
            isinstance(claim.frame, wire.Post)
            and self._db.execute(
                "SELECT 1 FROM message WHERE identity = ? AND id = ?", (claim.certificate.identity, claim.frame.id)
            ).fetchone()
        )
        use, sequence, received = used or (None, None, None)
        return Found(known and known[0], use, sequence or 0, received or 0, bool(taken))

    def _keep_message(self, claim: Claim, frame: wire.Post, now: int) -> int:
        body = frame.model_dump_json(exclude={"type"})
        sequence = self._db.execute(
            "INSERT INTO message (received, origin, room, certificate, identity, id, body) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (now, self._origin, self._room, claim.hash, claim.certificate.identity, frame.id, body),
        ).lastrowid
        assert sequence is not None
        self._keep_use(claim, sequence, None)
        return sequence

    def _keep_hello(self, claim: Claim) -> None:
        own = claim.certificate
        self._db.execute(
            "INSERT OR IGNORE INTO certificate (hash, session, identity, origin, issued, expires, body) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (claim.hash, own.session, own.identity, own.origin, own.issued, own.expires, own.model_dump_json()),
        )
        self._keep_use(claim, None, claim.evidence().model_dump_json())

    def _keep_use(self, claim: Claim, sequence: int | None, hello: str | None) -> None:
        own = claim.certificate
        self._db.execute(
            "INSERT INTO audit (session, leaf, use, room, expires, sequence, hello) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (own.session, claim.frame.leaf, claim.use, self._room, own.expires, sequence, hello),
        )

    def _evidence(self, claim: Claim) -> wire.Reuse | None:
        """What the leaf signed, to be shown now and kept; None if there is one, or the bytes name another room."""
        place = (claim.certificate.session, claim.frame.leaf)
        hello, message, room, shown = self._db.execute(
            "SELECT hello, body, audit.room, evidence FROM audit LEFT JOIN message USING (sequence) "
            "WHERE session = ? AND leaf = ?",
            place,
        ).fetchone()
        if shown or room != self._room:
            return None
        first: wire.Evidence
        if hello is not None:
            first = wire.HelloEvidence.model_validate_json(hello)
        else:
            first = wire.MessageEvidence(message=wire.Message.model_validate_json(message))
        found = wire.Reuse(
            certificate=claim.certificate, leaf=claim.frame.leaf, first=first, second=claim.evidence()
        )  # fmt: skip
        self._db.execute(
            "UPDATE audit SET evidence = ? WHERE session = ? AND leaf = ?", (found.model_dump_json(), *place)
        )
        return found

    def _still_sending(self, identity: bytes, now: int) -> tuple[wire.Certificate, ...]:
        rows = self._db.execute(
            "SELECT body FROM certificate WHERE identity = ? AND origin = ? AND expires > ? "
            "ORDER BY issued DESC LIMIT ?",
            (identity, self._origin, now, SESSIONS),
        )
        return tuple(wire.Certificate.model_validate_json(body) for (body,) in rows)

    def forget(self, now: int) -> None:
        """Drop the audit of expired certificates, which sign nothing any more, and those that no message needs.

        Evidence stays as long as the messages of its session.
        """
        with self._transaction():
            self._db.execute(
                "DELETE FROM audit WHERE expires <= ? AND (evidence IS NULL OR session NOT IN "
                "(SELECT session FROM certificate JOIN message ON certificate.hash = message.certificate))",
                (now,),
            )
            self._db.execute(
                "DELETE FROM certificate WHERE expires <= ? AND hash NOT IN (SELECT certificate FROM message)", (now,)
            )


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return str(error).splitlines()[0]
