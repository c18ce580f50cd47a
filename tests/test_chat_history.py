"""What outlives the server: the file by itself, and a server that is killed and started again."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest

import hbss
from demo_chat import protocol, wire
from demo_chat.checker import now
from demo_chat.claim import Claim
from demo_chat.errors import ChatError
from demo_chat.history import History
from demo_chat.session import Session
from tests.chat_kit import HOUR, Person, copied, process

pytest_plugins = ["tests.chat_fixtures"]

ORIGIN = "http://localhost:8000"
CHALLENGE = b"c" * 32


@pytest.fixture
def session(keys: Path) -> Session:
    return Session(hbss.generate(protocol.IDENTITY_SET), ORIGIN, "main", "alice", keys, now())


def hello_of(session: Session) -> Claim:
    frame = session.hello(CHALLENGE)
    signed = protocol.hello_bytes(ORIGIN, "main", session.hash, frame.leaf, CHALLENGE)
    return Claim(frame, session.certificate, session.hash, signed, CHALLENGE)


def message_of(session: Session, text: str) -> Claim:
    frame = session.message(text, now())
    return Claim(frame, session.certificate, session.hash, session.signed_bytes(frame), CHALLENGE)


def outcomes(history: History, *claims: Claim, at: int | None = None) -> list[str]:
    return [verdict.outcome for verdict in history.settle(claims, at or now())]


# ---- the file


def test_leaves_are_remembered_over_a_restart(tmp_path: Path, session: Session) -> None:
    """What is sent again is a duplicate with the same number; another use is a reuse, whose evidence is given once."""
    twin = copied(session)
    claims = [hello_of(session), message_of(session, "one"), message_of(session, "two")]
    history = History(tmp_path / "db", ORIGIN, "main")
    kept = history.settle(claims, now())
    assert [(verdict.outcome, verdict.sequence) for verdict in kept] == [("new", 0), ("new", 1), ("new", 2)]
    history.close()

    again = History(tmp_path / "db", ORIGIN, "main")
    assert [entry.message.text for entry, _ in again.recent(20)] == ["one", "two"]
    assert [entry.message.text for entry, _ in again.recent(1)] == ["two"]
    same = again.settle(claims, now() + HOUR)
    assert [verdict.outcome for verdict in same] == ["duplicate"] * 3
    assert (same[2].sequence, same[2].received) == (2, kept[2].received)
    for used in (message_of(twin, "a message instead of the hello"), message_of(twin, "uno")):
        first, second = again.settle([used, used], now())
        assert (first.outcome, second.outcome) == ("reuse", "reuse")
        assert first.evidence is not None
        assert second.evidence is None
    again.close()


def test_evidence_is_kept_for_those_who_come_later(tmp_path: Path, session: Session) -> None:
    """Over a restart, and over the end of the certificate; as long as the messages of the session are shown."""
    twin = copied(session)
    history = History(tmp_path / "db", ORIGIN, "main")
    outcomes(history, hello_of(session), message_of(session, "one"))
    assert history.reuses(20) == []
    twin.leaf = 1
    (verdict,) = history.settle([message_of(twin, "other")], now())
    assert verdict.evidence is not None
    outcomes(history, message_of(session, "two"))
    history.forget(now() + 25 * HOUR)
    assert history.counts()["audit"] == 1
    history.close()
    again = History(tmp_path / "db", ORIGIN, "main")
    assert [each.model_dump_json() for each in again.reuses(20)] == [verdict.evidence.model_dump_json()]
    again.close()
    other = History(tmp_path / "db", ORIGIN, "other")
    assert other.reuses(20) == []
    other.close()


def test_claims_of_one_batch_see_each_other(tmp_path: Path, session: Session) -> None:
    """They share a transaction, and are judged one after another."""
    history = History(tmp_path / "db", ORIGIN, "main")
    first = hello_of(session)
    twin = copied(session)
    one, other = message_of(session, "one"), message_of(twin, "other")
    assert outcomes(history, first, one, other, one, first) == ["new", "new", "reuse", "duplicate", "duplicate"]
    history.close()


def test_rooms_share_the_audit_and_nothing_else(tmp_path: Path, session: Session) -> None:
    """A leaf counts everywhere; its evidence is only for the room whose name is in its bytes."""
    here = History(tmp_path / "db", ORIGIN, "main")
    outcomes(here, hello_of(session))
    twin = copied(session)
    outcomes(here, message_of(session, "here"))
    here.close()
    there = History(tmp_path / "db", ORIGIN, "other")
    assert there.recent(20) == []
    twin._room = "other"
    (verdict,) = there.settle([message_of(twin, "there")], now())
    assert (verdict.outcome, verdict.evidence) == ("reuse", None)
    there.close()
    elsewhere = History(tmp_path / "db", "http://localhost:9000", "main")
    assert elsewhere.recent(20) == []
    elsewhere.close()


def test_what_has_expired_is_forgotten(tmp_path: Path, keys: Path, session: Session) -> None:
    """Audit and unused certificates go when they expire, not before; messages and theirs stay."""
    silent = Session(hbss.generate(protocol.IDENTITY_SET), ORIGIN, "main", "silent", keys, now())
    history = History(tmp_path / "db", ORIGIN, "main")
    outcomes(history, hello_of(session), message_of(session, "kept"), hello_of(silent))
    history.forget(now() + 23 * HOUR)
    assert history.counts() == {"certificate": 2, "message": 1, "audit": 3}
    history.forget(now() + 24 * HOUR)
    assert history.counts() == {"certificate": 1, "message": 1, "audit": 0}
    ((entry, certificate),) = history.recent(20)
    assert (entry.message.text, certificate) == ("kept", session.certificate)
    history.close()


def test_a_failed_batch_leaves_nothing(tmp_path: Path, session: Session) -> None:
    """A message whose certificate no hello brought cannot come from the room; what came with it is not kept either."""
    history = History(tmp_path / "db", ORIGIN, "main")
    first, second = hello_of(session), message_of(session, "one")
    with pytest.raises(sqlite3.IntegrityError):
        history.settle([second, first], now())
    assert history.counts() == {"certificate": 0, "message": 0, "audit": 0}
    assert outcomes(history, first, second) == ["new", "new"]
    history.close()


def test_the_file_is_its_owners(tmp_path: Path) -> None:
    """What is said in the room is not for the machine's other users."""
    History(tmp_path / "db", ORIGIN, "main").close()
    assert stat.S_IMODE((tmp_path / "db").stat().st_mode) == 0o600


def test_other_files_are_refused(tmp_path: Path) -> None:
    """Another program's database, a later format, no database at all, a folder, a place that is not there."""
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE t (x)")
    other.close()
    History(tmp_path / "later.db", ORIGIN, "main").close()
    later = sqlite3.connect(tmp_path / "later.db")
    later.execute("PRAGMA user_version = 3")
    later.close()
    (tmp_path / "text").write_text("not a database, " * 100)
    for path, said in (
        ("other.db", "another program's"),
        ("later.db", "format 3"),
        ("text", "not a database"),
        (".", "cannot be opened"),
        ("nowhere/db", "No such file"),
    ):
        with pytest.raises(ChatError, match=said):
            History(tmp_path / path, ORIGIN, "main")


def test_a_damaged_row_is_one_clear_error(tmp_path: Path, session: Session) -> None:
    """The server does not start with it."""
    history = History(tmp_path / "db", ORIGIN, "main")
    outcomes(history, hello_of(session), message_of(session, "one"))
    history.close()
    damaged = sqlite3.connect(tmp_path / "db", isolation_level=None)
    damaged.execute("UPDATE message SET body = '{}'")
    damaged.close()
    history = History(tmp_path / "db", ORIGIN, "main")
    with pytest.raises(ChatError, match="cannot be read"):
        history.recent(20)
    history.close()


# ---- a server that is killed


def test_killed_and_started_again(tmp_path: Path, keys: Path) -> None:
    """History, duplicates and audit are there: what was acknowledged was on the disk before."""
    with process(tmp_path / "db") as running:
        alice = Person(running, "alice", keys)
        twin = copied(alice.session)
        message, accepted = alice.say("said before the end")
        running.kill()
    with process(tmp_path / "db", running.port) as running:
        bob = Person(running, "bob", keys)
        (entry,) = bob.welcome.history
        assert (entry.message.text, entry.sequence) == ("said before the end", accepted.sequence)
        again = Person(running, "alice", keys, identity=alice.identity, session=alice.session)
        again.send(message)
        assert again.expect(wire.Accepted) == accepted
        bob.expect(wire.Joined)
        again.send(twin.message("said otherwise", now()))
        assert again.refusal().code == "reuse"
        evidence = bob.expect(wire.Reuse)
        assert isinstance(evidence.first, wire.MessageEvidence)
        assert evidence.first.message.text == "said before the end"
        again.say("and after")
        assert bob.hears() == "and after"
        assert running.end() == ""
