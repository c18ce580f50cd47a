"""The bytes that are signed, and what is accepted as a name, a text, a certificate, an origin."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path
from typing import Any

import pytest

import hbss
from demo_chat import protocol
from demo_chat.protocol import Refusal
from demo_chat.session import Session
from tests.chat_kit import HOUR

pytest_plugins = ["tests.chat_fixtures"]

ORIGIN = "http://localhost:8000"
NOW = 1_800_000_000_000


def field(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def number(value: int) -> bytes:
    return field(struct.pack(">Q", value))


@pytest.fixture(scope="module")
def identity() -> hbss.PrivateKey:
    return hbss.generate("SLH-DSA-SHA2-128s")


@pytest.fixture(scope="module")
def session(identity: hbss.PrivateKey, keys: Path) -> Session:
    return Session(identity, ORIGIN, "main", "Zoë", keys, NOW)


# ---- signed bytes


def test_a_certificate_is_signed_as_documented(identity: hbss.PrivateKey, session: Session) -> None:
    """Built here again from the documentation."""
    found = session.certificate
    body = field(ORIGIN.encode()) + field("Zoë".encode()) + field(found.identity) + field(found.session)
    body += number(NOW) + number(NOW + 24 * HOUR)
    identity.public_key().verify(found.signature, body, b"hbss-chat/1 cert")
    assert protocol.certificate_hash(found) == hashlib.sha256(body + field(found.signature)).digest()
    assert (len(found.identity), len(found.session), len(found.signature)) == (32, 60, 7856)


def test_hello_and_message_are_signed_as_documented(identity: hbss.PrivateKey, keys: Path) -> None:
    """The stated leaf is in the bytes and in the signature; a message names the one before."""
    session = Session(identity, ORIGIN, "main", "Zoë", keys, NOW)
    key = hbss.PublicKey.from_raw("LMS_SHA256_M32_H10_W4", session.certificate.session)
    place = field(ORIGIN.encode()) + field(b"main") + field(session.hash)
    hello = session.hello(b"c" * 32)
    key.verify(hello.signature, field(b"hbss-chat/1 hello") + place + number(0) + field(b"c" * 32))
    previous = bytes(32)
    for leaf, text in ((1, "first"), (2, "zwölf \N{GRINNING FACE}")):
        message = session.message(text, NOW + leaf)
        signed = field(b"hbss-chat/1 msg") + place + number(leaf) + field(message.id) + field(previous)
        signed += number(NOW + leaf) + field(text.encode())
        key.verify(message.signature, signed)
        assert struct.unpack(">II", message.signature[:8]) == (0, leaf)
        session.accepted(message)
        previous = hashlib.sha256(signed).digest()


def test_a_refused_message_leaves_no_gap(identity: hbss.PrivateKey, keys: Path) -> None:
    """The next message follows the last one that was accepted."""
    session = Session(identity, ORIGIN, "main", "Zoë", keys, NOW)
    first, second = session.message("refused", NOW), session.message("accepted", NOW)
    assert first.previous == second.previous == bytes(32)
    assert first.leaf != second.leaf


def test_the_randomiser_belongs_to_the_use_of_a_leaf(session: Session) -> None:
    """The same bytes, signed twice by one leaf with two randomisers, are two uses."""
    assert protocol.use_of_leaf(b"bytes", b"signature") != protocol.use_of_leaf(b"bytes", b"signaturf")
    assert protocol.use_of_leaf(b"bytes", b"signature") != protocol.use_of_leaf(b"byte", b"ssignature")


def test_fingerprints_are_those_of_hbss(session: Session) -> None:
    """The first 80 bits of what `hbss inspect` shows."""
    whole = protocol.identity_key(session.certificate.identity).fingerprint()
    shown = protocol.fingerprint(session.certificate.identity)
    assert shown.replace(" ", "") == whole[:20]


def test_the_safety_phrase_is_the_same_on_both_sides() -> None:
    """30 digits of both keys, whoever computes them; built here again from the documentation."""
    mine, theirs = bytes(32), b"\xff" * 32
    whole = hashlib.sha256(field(b"hbss-chat/1 safety phrase") + field(mine) + field(theirs)).hexdigest()
    digits = str(int(whole, 16))[-30:]
    assert protocol.safety_phrase(mine, theirs) == protocol.safety_phrase(theirs, mine)
    assert protocol.safety_phrase(mine, theirs).split(" ") == [digits[at : at + 5] for at in range(0, 30, 5)]
    assert protocol.safety_phrase(mine, b"\xfe" * 32) != protocol.safety_phrase(mine, theirs)


# ---- names and texts

GOOD_NAMES = [
    "a", "Alice", "Alice B. Carroll", "x" * 32, "Zoë", "李雷", "עברית", "اسم", "\U0001f600", "<b>bold</b>", "a&b",
    "'\"`", "\U0001f600" * 32, "नमस्ते", "한글",
]  # fmt: skip
BAD_NAMES = [
    "", "x" * 33, " alice", "alice ", "al  ice", "al\tice", "al\nice", "al\x00ice", "al\x7fice", "al\x9bice",
    "al\u202eice", "al\u2066ice", "al\u200fice", "al\u200bice", "al\u200dice", "al\ufeffice", "al\u00adice",
    "al\u2028ice", "al\u2029ice", "al\U000e0041ice", "al\ud800ice", "Zoe\u0308", "\u212b", "\u00a0", "al\u3000ice",
    "\u3164", "\u2800", "\u115f",
]  # fmt: skip


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_a_good_name(name: str) -> None:
    """Any script, markup too: it is only ever shown as text."""
    protocol.check_name(name)


@pytest.mark.parametrize("name", BAD_NAMES, ids=ascii)
def test_a_bad_name(name: str) -> None:
    """What could look like another name, or like nothing."""
    with pytest.raises(Refusal) as refused:
        protocol.check_name(name)
    assert refused.value.code == "name"


@pytest.mark.parametrize(
    "text", ["x", "x" * 4000, "é" * 2000, "\U0001f600" * 1000, "<script>", "\u202eevil", "a\nb", " x "]
)
def test_a_good_text(text: str) -> None:
    """Up to 4,000 bytes of UTF-8, whatever they say."""
    protocol.check_text(text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "malformed"),
        (" \n\t", "malformed"),
        ("\ud800", "malformed"),
        ("x" * 4001, "too_long"),
        ("é" * 2001, "too_long"),
    ],
    ids=ascii,
)
def test_a_bad_text(text: str, code: str) -> None:
    """Bytes are counted, not characters."""
    with pytest.raises(Refusal) as refused:
        protocol.check_text(text)
    assert refused.value.code == code


# ---- certificates


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"origin": "http://localhost:8001"}, "origin"),
        ({"origin": "https://localhost:8000"}, "origin"),
        ({"name": "a\u200bb"}, "name"),
        ({"session": bytes(60)}, "certificate"),
        ({"expires": NOW}, "certificate"),
        ({"expires": NOW + 24 * HOUR + 1}, "certificate"),
        ({"issued": NOW + HOUR, "expires": NOW + 2 * HOUR}, "time"),
        ({"issued": NOW - 25 * HOUR, "expires": NOW - HOUR}, "expired"),
    ],
)
def test_a_certificate_that_lets_nobody_in(session: Session, change: dict[str, Any], code: str) -> None:
    """Each rule by itself, whatever the signature."""
    protocol.check_certificate(session.certificate, ORIGIN, NOW)
    with pytest.raises(Refusal) as refused:
        protocol.check_certificate(session.certificate.model_copy(update=change), ORIGIN, NOW)
    assert refused.value.code == code


def test_an_expired_certificate_is_right_under_an_old_message(session: Session) -> None:
    """Without a time only what is always wrong is refused."""
    old = session.certificate.model_copy(update={"issued": 0, "expires": HOUR})
    protocol.check_certificate(old, ORIGIN)
    protocol.check_time(HOUR, old)
    with pytest.raises(Refusal):
        protocol.check_time(HOUR + 1, old)


# ---- origins


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://LocalHost:8000/", "http://localhost:8000"),
        ("http://example.org:80", "http://example.org"),
        ("https://example.org:443/", "https://example.org"),
        ("https://example.org:80", "https://example.org:80"),
        ("ws://localhost:8000", "http://localhost:8000"),
        ("wss://example.org", "https://example.org"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_origins_are_written_as_browsers_write_them(url: str, origin: str) -> None:
    """Lower case, and without the usual port."""
    assert protocol.origin_of(url) == origin


@pytest.mark.parametrize(
    "url",
    ["", "localhost:8000", "ftp://localhost", "http://", "http://localhost/chat", "http://a@localhost", "http://localhost?x",
     "http://localhost#x", "http://localhost:x", "http://localhost:99999", "http://münchen.example", "http://a b"],
)  # fmt: skip
def test_what_is_no_origin(url: str) -> None:
    """An address with a path, without a scheme, and the like."""
    with pytest.raises(ValueError, match=r"."):
        protocol.origin_of(url)
