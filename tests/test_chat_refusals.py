"""What is refused on the wire, that it disturbs nobody, and that nothing of it is kept."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import hbss
from demo_chat import protocol, wire
from demo_chat.checker import now
from demo_chat.session import Session
from tests.chat_kit import HOUR, ROOMY, Join, Person, Service, Socket, changed, serving

pytest_plugins = ["tests.chat_fixtures"]


@pytest.fixture
def watcher(join: Join) -> Iterator[Person]:
    """Somebody who must not notice anything."""
    person = join("watcher")
    yield person
    assert person.quiet()


def newcomer(service: Service) -> tuple[Socket, bytes]:
    """A connection, and its challenge."""
    socket = Socket(service.port)
    return socket, socket.expect(wire.Challenge).challenge


def refused_hello(service: Service, hello: wire.Hello | str) -> str:
    """The code of the refusal, after which the connection is closed."""
    socket, _ = newcomer(service)
    socket.send(hello)
    code = socket.refusal().code
    assert socket.closed()[0] == 1008
    return code


def session_for(service: Service, keys: Path, **other: object) -> Session:
    """Of a new identity; other: place or time that are not the server's."""
    options = {"origin": service.origin, "room": service.room, "name": "mallory", "where": keys, "now": now(), **other}
    return Session(hbss.generate(protocol.IDENTITY_SET), **options)  # type: ignore[arg-type]


# ---- hellos


def test_a_replayed_hello_is_refused(service: Service, join: Join, watcher: Person) -> None:
    """Another connection has another challenge: a recorded hello fakes nobody."""
    alice = join("alice")
    watcher.expect(wire.Joined)
    assert refused_hello(service, alice.hello) == "signature"


def test_a_replayed_certificate_is_refused(service: Service, join: Join, watcher: Person, keys: Path) -> None:
    """It is public; without the session key behind it nobody gets in with it."""
    alice = join("alice")
    watcher.expect(wire.Joined)
    socket, challenge = newcomer(service)
    own = session_for(service, keys).hello(challenge)
    socket.send(own.model_copy(update={"certificate": alice.session.certificate}))
    assert socket.refusal().code == "signature"
    assert socket.closed()[0] == 1008


def test_a_session_key_has_one_certificate(service: Service, join: Join, watcher: Person) -> None:
    """A second one for it, even by the same identity, would make evidence that names the other one worthless."""
    alice = join("alice")
    watcher.expect(wire.Joined)
    second = protocol.issue(
        alice.identity, protocol.session_key(alice.session.certificate.session), service.origin, "alice", now()
    )
    alice.session.certificate, alice.session.hash = second, protocol.certificate_hash(second)
    alice.send(alice.session.hello(alice.challenge))
    assert alice.refusal().code == "certificate"


def test_a_forged_certificate_is_refused(service: Service, join: Join, keys: Path, watcher: Person) -> None:
    """Signed by another key, or changed after it was signed."""
    alice = join("alice")
    watcher.expect(wire.Joined)
    for forge in ({"identity": alice.key}, {"name": "alice"}, {"expires": now() + HOUR}, {"signature": bytes(7856)}):
        socket, challenge = newcomer(service)
        mallory = session_for(service, keys)
        mallory.certificate = mallory.certificate.model_copy(update=forge)
        mallory.hash = protocol.certificate_hash(mallory.certificate)
        socket.send(mallory.hello(challenge))
        assert socket.refusal().code == "certificate"
        assert socket.closed()[0] == 1008


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"origin": "http://chat.example"}, "origin"),
        ({"room": "other"}, "signature"),
        ({"name": "mal\u202elory"}, "name"),
        ({"now": now() - 25 * HOUR}, "expired"),
        ({"now": now() + HOUR}, "time"),
    ],
)
def test_a_certificate_or_hello_for_elsewhere(
    service: Service, keys: Path, watcher: Person, change: dict[str, object], code: str
) -> None:
    """Well signed, but for another origin, room or time; or with a name that is none."""
    socket, challenge = newcomer(service)
    socket.send(session_for(service, keys, **change).hello(challenge))
    assert socket.refusal().code == code
    assert socket.closed()[0] == 1008


def test_a_leaf_that_is_not_the_signatures(service: Service, keys: Path, watcher: Person) -> None:
    """The number that is stated must be the one that signed."""
    socket, challenge = newcomer(service)
    hello = session_for(service, keys).hello(challenge)
    socket.send(hello.model_copy(update={"leaf": 1}))
    assert socket.refusal().code == "leaf"


def test_a_message_before_the_hello(service: Service, keys: Path, watcher: Person) -> None:
    """There is no presence and no message without a hello."""
    assert refused_hello(service, session_for(service, keys).message("hi", now()).model_dump_json()) == "malformed"


# ---- messages


def test_a_replayed_message_is_refused(join: Join, watcher: Person) -> None:
    """Mallory, who is in with an identity of her own, cannot send what Alice signed."""
    alice, mallory = join("alice"), join("mallory")
    message, _ = alice.say("once")
    for kind in (wire.Joined, wire.Joined, wire.Relayed):
        watcher.expect(kind)
    mallory.send(message)
    refusal = mallory.refusal()
    assert (refusal.code, refusal.id) == ("certificate", message.id)


def test_a_message_that_was_tampered_with_is_refused(join: Join, watcher: Person) -> None:
    """Any field, and the signature itself; what was signed is still accepted afterwards."""
    alice = join("alice")
    message = alice.session.message("pay Bob 10", now())
    broken = bytearray(message.signature)
    broken[100] ^= 1
    tampered = [
        changed(message, "text", value="pay Bob 1000"),
        message.model_copy(update={"id": bytes(16)}).model_dump_json(),
        changed(message, "time", value=message.time + 1),
        message.model_copy(update={"previous": bytes([1]) * 32}).model_dump_json(),
        message.model_copy(update={"signature": bytes(broken)}).model_dump_json(),
    ]
    for frame in tampered:
        alice.send(frame)
        assert alice.refusal().code == "signature"
    alice.send(message)
    alice.expect(wire.Accepted)
    watcher.expect(wire.Relayed)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"text": "x" * 4001}, "too_long"),
        ({"text": " \n "}, "malformed"),
        ({"time": now() + HOUR}, "time"),
        ({"time": 0}, "time"),
        ({"leaf": 7}, "leaf"),
        ({"certificate": bytes(32)}, "certificate"),
    ],
)
def test_a_message_that_breaks_a_rule(join: Join, watcher: Person, change: dict[str, object], code: str) -> None:
    """Refused by its id; the connection stays, and the next message is accepted."""
    alice = join("alice")
    watcher.expect(wire.Joined)
    message = alice.session.message("text", now()).model_copy(update=change)
    alice.send(message)
    refusal = alice.refusal()
    assert (refusal.code, refusal.id) == (code, message.id)
    alice.say("fine")
    assert watcher.hears() == "fine"


def test_a_message_for_another_room(tmp_path: Path, keys: Path, service: Service, join: Join) -> None:
    """The room is in the signed bytes, and each server puts its own there."""
    alice = join("alice")
    alice.session._room = "other"
    alice.send(alice.session.message("elsewhere", now()))
    assert alice.refusal().code == "signature"


def test_names_and_texts_pass_as_they_are(join: Join) -> None:
    """Markup, right-to-left, four-byte characters: bytes in, the same bytes out."""
    bob = join("bob")
    for name in ("<img src=x onerror=alert(1)>", "שלום", "\U0001f600\U0001f601"):
        person = join(name)
        assert bob.expect(wire.Joined).name == name
        for text in (
            "<script>alert(1)</script>",
            "\u202emirror",
            "\U0001f600" * 1000,
            'quote " \\ \u2028 end',
            "a\x00b",
        ):
            person.say(text)
            assert bob.hears() == text
        person.leave()


def test_a_certificate_that_expires_while_connected(tmp_path: Path, keys: Path) -> None:
    """From then on the session signs nothing; a new session key may."""
    with serving(tmp_path / "db", limits=ROOMY) as service:
        identity = hbss.generate(protocol.IDENTITY_SET)
        session = Session(identity, service.origin, "main", "alice", keys, now())
        key = protocol.session_key(session.certificate.session)
        session.certificate = protocol.issue(identity, key, service.origin, "alice", now(), 2000)
        session.hash = protocol.certificate_hash(session.certificate)
        alice = Person(service, "alice", keys, identity=identity, session=session)
        message = session.message("late", now())
        time.sleep(max(0, session.certificate.expires - now()) / 1000 + 0.01)
        alice.send(message)
        assert alice.refusal().code == "expired"
        alice.session = alice.new_session()
        alice.send(alice.session.hello(alice.challenge))
        alice.expect(wire.Renewed)
        alice.say("again")
        alice.leave()
