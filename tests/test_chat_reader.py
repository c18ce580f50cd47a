"""What a receiver makes of what the server says, if the server may say anything."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

import hbss
from demo_chat import identity, protocol, terminal, wire
from demo_chat.checker import now
from demo_chat.errors import ChatError
from demo_chat.identity import Names
from demo_chat.reader import Badge, Reader, Seen
from demo_chat.session import Session
from tests.chat_kit import HOUR, copied

pytest_plugins = ["tests.chat_fixtures"]

ORIGIN = "http://localhost:8000"


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return Reader(ORIGIN, "main", Names(tmp_path / "names", ORIGIN))


def someone(keys: Path, name: str = "alice", *, origin: str = ORIGIN, at: int | None = None) -> Session:
    return Session(hbss.generate(protocol.IDENTITY_SET), origin, "main", name, keys, at or now())


def sent(session: Session, text: str = "text", time: int | None = None) -> wire.Post:
    """A message that is in the room."""
    message = session.message(text, time or now())
    session.accepted(message)
    return message


def badge(seen: Seen | None) -> Badge:
    assert seen is not None
    return seen.badge


def test_a_good_message(reader: Reader, keys: Path) -> None:
    """Verified, and shown once, however often the server sends it."""
    alice = someone(keys)
    reader.certificate(alice.certificate)
    message = sent(alice)
    seen = reader.message(message)
    assert seen == Seen(Badge.VERIFIED, "alice", alice.certificate.identity, "text", message.time)
    assert reader.message(message) is None


def test_messages_that_fail_are_shown_as_failed(reader: Reader, keys: Path) -> None:
    """With what is wrong; never as good, never dropped; and they prove no identity."""
    alice, other, past = someone(keys), someone(keys, origin="http://other"), someone(keys, at=now() - 25 * HOUR)
    for session in (alice, other, past):
        reader.certificate(session.certificate)
    forged = alice.certificate.model_copy(update={"name": "bob"})
    reader.certificate(forged)
    good = sent(alice)
    for message, why in (
        (good.model_copy(update={"text": "changed"}), "does not belong"),
        (good.model_copy(update={"leaf": 5}), "leaf"),
        (good.model_copy(update={"certificate": bytes(32)}), "not shown the certificate"),
        (good.model_copy(update={"certificate": protocol.certificate_hash(forged)}), "not one by its identity key"),
        (sent(other), "is for http://other"),
        (sent(past), "outside its certificate"),
        (sent(alice, time=now() + 25 * HOUR), "outside its certificate"),
    ):
        seen = reader.message(message)
        assert badge(seen) is Badge.FAILED
        assert seen is not None
        assert why in seen.note
        assert seen.identity is None
    assert badge(reader.message(good)) is Badge.VERIFIED


def test_an_old_message_under_an_expired_certificate(reader: Reader, keys: Path) -> None:
    """Yesterday's history is still good today."""
    yesterday = now() - 30 * HOUR
    alice = someone(keys, at=yesterday)
    reader.certificate(alice.certificate)
    assert badge(reader.message(sent(alice, time=yesterday + HOUR))) is Badge.VERIFIED


def test_gaps(reader: Reader, keys: Path) -> None:
    """A message that is held back, or two that change places, break the chain of their session."""
    alice = someone(keys)
    reader.certificate(alice.certificate)
    messages = [sent(alice, text) for text in "abcde"]
    order = [1, 2, 4, 3]  # the history begins with b, which is no gap; d and e have changed places
    found = [badge(reader.message(messages[number])) for number in order]
    assert found == [Badge.VERIFIED, Badge.VERIFIED, Badge.GAP, Badge.GAP]


def test_a_reused_leaf_is_seen_without_the_server(reader: Reader, keys: Path) -> None:
    """The reader is an auditor of its own: a server that relays both does not hide it."""
    alice = someone(keys)
    twin = copied(alice)
    reader.certificate(alice.certificate)
    assert badge(reader.message(sent(alice, "one"))) is Badge.VERIFIED
    assert badge(reader.message(sent(twin, "two"))) is Badge.REUSED
    assert badge(reader.message(sent(alice, "three"))) is Badge.REUSED, "the session is not trusted any more"


def test_evidence_is_verified(reader: Reader, keys: Path) -> None:
    """Two uses of one leaf, hellos or messages, shown once; anything less is an accusation that is shown as false."""
    alice = someone(keys)
    twin = copied(alice)
    hello, message = alice.hello(bytes(32)), twin.message("said with leaf 0", now())
    halves = (
        wire.HelloEvidence(hello=wire.SignedHello(leaf=0, challenge=bytes(32), signature=hello.signature)),
        wire.MessageEvidence(message=message),
    )
    proof = wire.Reuse(certificate=alice.certificate, leaf=0, first=halves[0], second=halves[1])
    altered = wire.MessageEvidence(message=message.model_copy(update={"text": "never said"}))
    later = wire.MessageEvidence(message=alice.message("leaf 1", now()))
    for update in (
        {"second": halves[0]},
        {"first": altered},
        {"second": later},
        {"leaf": 1},
        {"certificate": someone(keys, "bob").certificate},
        {"certificate": alice.certificate.model_copy(update={"name": "bob"})},
    ):
        assert badge(reader.reuse(proof.model_copy(update=update))) is Badge.FAILED
    seen = reader.reuse(proof)
    assert seen is not None
    assert (seen.badge, seen.name, seen.identity) == (Badge.REUSED, "alice", alice.certificate.identity)
    assert badge(reader.message(sent(alice))) is Badge.REUSED
    assert reader.reuse(proof) is None, "it comes with every welcome"


def test_another_of_the_same_name(tmp_path: Path, keys: Path) -> None:
    """The first key under a name is believed, also after a restart; another one is shown as another until accepted."""
    first, second, elsewhere = someone(keys), someone(keys), Names(tmp_path / "names", "http://other")
    names = Names(tmp_path / "names", ORIGIN)
    reader = Reader(ORIGIN, "main", names)
    for session in (first, second):
        reader.certificate(session.certificate)
    assert badge(reader.message(sent(first))) is Badge.VERIFIED
    assert badge(reader.message(sent(second))) is Badge.ANOTHER
    again = Names(tmp_path / "names", ORIGIN)
    reader = Reader(ORIGIN, "main", again)
    for session in (first, second):
        reader.certificate(session.certificate)
    assert badge(reader.message(sent(second))) is Badge.ANOTHER
    again.accept("alice", second.certificate.identity)
    assert badge(reader.message(sent(second))) is Badge.VERIFIED
    assert badge(reader.message(sent(first))) is Badge.VERIFIED
    assert elsewhere.knows("alice", second.certificate.identity), "a name belongs to a server's origin"
    assert again.knows("alice", first.certificate.identity)
    assert not Names(tmp_path / "names", ORIGIN).knows("alice", bytes(32)), "writing for one origin keeps the others"


# ---- what lies on the disk


def test_an_identity_is_made_once_and_is_private(tmp_path: Path) -> None:
    """Readable by its owner only, by any program that knows PKCS#8; and refused when it was not kept so."""
    path = tmp_path / "new" / "identity.pem"
    key, made = identity.load_or_make(path)
    again, made_again = identity.load_or_make(path)
    assert (made, made_again) == (True, False)
    assert again.public_key() == key.public_key() == hbss.load_private_key(path.read_bytes()).public_key()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    with pytest.raises(ChatError, match="chmod 600"):
        identity.load_or_make(path)


@pytest.mark.parametrize(
    ("content", "why"), [(b"", "is no identity"), (hbss.generate("SLH-DSA-SHA2-128f").pem(), "SLH-DSA-SHA2-128f")]
)
def test_what_is_no_identity(tmp_path: Path, content: bytes, why: str) -> None:
    """Another kind of file, another kind of key."""
    (tmp_path / "key").touch(0o600)
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(ChatError, match=why):
        identity.load_or_make(tmp_path / "key")


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({ORIGIN: {"alice": ["xx"]}}), json.dumps({ORIGIN: []})])
def test_damaged_names_are_not_forgotten_silently(tmp_path: Path, content: str) -> None:
    """To begin anew would believe whoever comes first."""
    (tmp_path / "names").write_text(content)
    with pytest.raises(ChatError, match="cannot be read"):
        Names(tmp_path / "names", ORIGIN)


# ---- the terminal


def test_nothing_reaches_the_terminal_that_is_not_shown() -> None:
    """Control characters, bidi controls and line ends are written as escapes; letters of any script are not."""
    assert terminal.printable("\x1b[2J\r\n\u202e\u200b\x9b") == r"\x1b[2J\r\n\u202e\u200b\x9b"
    assert terminal.printable("Zoë 李雷 \U0001f600 <b>") == "Zoë 李雷 \U0001f600 <b>"
    assert terminal.printable("\ud800") == r"\ud800"


def test_a_line(keys: Path) -> None:
    """Badge, sender, 80 bits of the fingerprint, text; of a failed message what it says to be, and why it failed."""
    key = someone(keys).certificate.identity
    good = terminal.line(Seen(Badge.VERIFIED, "alice", key, "hi", now()))
    assert good[6:].startswith(f"✓ alice [{protocol.fingerprint(key)}]: hi")
    bad = terminal.line(Seen(Badge.FAILED, "ali\x1bce", None, "hi", now(), "why"))
    assert bad[6:] == r"✗ somebody who says to be ali\x1bce: hi  (failed: why)"
