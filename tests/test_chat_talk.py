"""People talk: what reaches whom, what is kept, reconnecting, duplicates, rotation, a reused leaf."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from demo_chat import protocol, wire
from demo_chat.checker import now
from tests.chat_kit import Join, Person, Service, copied, serving

pytest_plugins = ["tests.chat_fixtures"]


def verify(message: wire.Message, certificate: wire.Certificate, service: Service) -> None:
    """As a receiver does, by hand."""
    assert protocol.certificate_hash(certificate) == message.certificate
    check = protocol.certificate_check(certificate)
    check.key.verify(check.signature, check.data, check.context)
    signed = protocol.message_bytes(service.origin, service.room, message)
    protocol.session_key(certificate.session).verify(message.signature, signed)


def test_a_message_reaches_all_others_and_is_acknowledged(service: Service, join: Join) -> None:
    """Everybody else gets it with what is needed to verify it; the sender gets its number."""
    alice, bob, carol = join("alice"), join("bob"), join("carol")
    message, accepted = alice.say("hello")
    for other in (bob, carol):
        relayed = other.expect(wire.Relayed)
        assert relayed.message.text == "hello"
        assert (relayed.sequence, relayed.received) == (accepted.sequence, accepted.received)
        shown = [each for each in other.welcome.certificates if each.name == "alice"]
        verify(relayed.message, shown[0], service)
        assert relayed.message.signature == message.signature
    assert alice.quiet()


def test_a_newcomer_is_announced_with_certificate_first(join: Join) -> None:
    """The certificate comes before anything that is signed under it; presence has its own frames."""
    alice = join("alice")
    dave = join("dave")
    assert alice.expect(wire.Announced).certificate == dave.session.certificate
    joined = alice.receive()
    assert joined == wire.Joined(name="dave", identity=dave.key)
    assert {"alice", "dave"} <= {present.name for present in dave.welcome.online}
    dave.leave()
    assert alice.expect(wire.Left) == wire.Left(name="dave", identity=dave.key)


def test_history_can_be_verified_by_somebody_who_comes_late(tmp_path: Path, keys: Path) -> None:
    """The last 20 messages, in their order, with every certificate that they need, also of those who left."""
    with serving(tmp_path / "db") as service:
        alice, bob = (Person(service, name, keys) for name in ("alice", "bob"))
        for number in range(15):
            alice.say(f"a{number}")
            bob.say(f"b{number}")
        alice.leave()
        bob.leave()
        late = Person(service, "late", keys)
        entries = late.welcome.history
        assert [entry.message.text for entry in entries] == [f"{who}{n}" for n in range(5, 15) for who in "ab"]
        assert [entry.sequence for entry in entries] == list(range(entries[0].sequence, entries[0].sequence + 20))
        known = {protocol.certificate_hash(each): each for each in late.welcome.certificates}
        assert {each.name for each in known.values()} == {"alice", "bob", "late"}
        for entry in entries:
            verify(entry.message, known[entry.message.certificate], service)
        late.leave()


def test_two_tabs_of_one_identity(join: Join) -> None:
    """Each tab has a session of its own; one sees what the other sends; presence counts people."""
    watcher = join("watcher")
    one = join("alice")
    two = join("alice", identity=one.identity)
    assert one.session.certificate.session != two.session.certificate.session
    one.say("from the first tab")
    assert two.hears() == "from the first tab"
    one.leave()
    two.say("still here")
    seen: list[wire.FromServer] = []
    while not seen or not isinstance(seen[-1], wire.Relayed) or seen[-1].message.text != "still here":
        seen.append(watcher.receive())
    assert [frame.type for frame in seen if isinstance(frame, (wire.Joined, wire.Left))] == ["joined"]
    two.leave()
    watcher.expect(wire.Left)


def test_a_duplicate_is_acknowledged_alike_and_not_relayed(join: Join) -> None:
    """Identical bytes, sent again on the same or on another connection, by the same identity."""
    alice, bob = join("alice"), join("bob")
    message, accepted = alice.say("once")
    alice.send(message)
    assert alice.expect(wire.Accepted) == accepted
    alice.leave()
    again = join("alice", identity=alice.identity, session=alice.session)
    again.send(message)
    assert again.expect(wire.Accepted) == accepted
    again.say("twice")
    assert [bob.hears(), bob.hears()] == ["once", "twice"]


def test_reconnecting_keeps_the_session_and_takes_the_next_leaf(join: Join) -> None:
    """A fresh challenge is a new thing to sign, so the hello takes a leaf of its own; the chain of messages goes on."""
    alice, bob = join("alice"), join("bob")
    first, _ = alice.say("before")
    alice.leave()
    again = join("alice", identity=alice.identity, session=alice.session)
    second, _ = again.say("after")
    assert (alice.hello.leaf, first.leaf, again.hello.leaf, second.leaf) == (0, 1, 2, 3)
    digest = hashlib.sha256(alice.session.signed_bytes(first)).digest()
    assert second.previous == digest
    assert [bob.hears(), bob.hears()] == ["before", "after"]


def test_a_message_of_an_earlier_session_arrives_late(join: Join) -> None:
    """Signed before the page renewed its key and lost its connection: it is taken, and its certificate shown again."""
    alice = join("alice")
    message = alice.session.message("signed with the old key", now())
    alice.leave()
    bob = join("bob")
    again = join("alice", identity=alice.identity)
    bob.expect(wire.Announced)
    again.send(message)
    again.expect(wire.Accepted)
    assert bob.expect(wire.Announced).certificate == alice.session.certificate
    assert bob.hears() == "signed with the old key"


def test_rotation(service: Service, join: Join) -> None:
    """A second hello over the same challenge introduces the next key; both may sign from then on."""
    alice, bob = join("alice"), join("bob")
    old, new = alice.session, alice.new_session()
    alice.send(new.hello(alice.challenge))
    assert alice.expect(wire.Renewed).certificate == new.hash
    assert bob.expect(wire.Announced).certificate == new.certificate
    late = old.message("old key", now())
    alice.send(late)
    alice.expect(wire.Accepted)
    alice.session = new
    message, _ = alice.say("new key")
    assert message.previous == protocol.NO_MESSAGE
    assert [bob.hears(), bob.hears()] == ["old key", "new key"]
    carol = join("carol")
    assert {old.hash, new.hash} <= {protocol.certificate_hash(each) for each in carol.welcome.certificates}
    verify(message, new.certificate, service)


def test_rotation_keeps_identity_and_name(join: Join) -> None:
    """A connection cannot become somebody else, nor take another name."""
    alice, bob = join("alice"), join("bob")
    alice.send(bob.new_session().hello(alice.challenge))
    assert alice.refusal().code == "certificate"
    alice.name = "alicia"
    alice.send(alice.new_session().hello(alice.challenge))
    assert alice.refusal().code == "certificate"
    alice.say("still alice")
    assert bob.hears() == "still alice"


@pytest.mark.parametrize("same_text", [False, True])
def test_a_reused_leaf_is_shown_to_everybody(join: Join, same_text: bool) -> None:
    """Evidence that each can verify; only once; the second message is refused, and the first one stays.

    The same text signed with another time is another message: what counts are the bytes.
    """
    alice, bob = join("alice"), join("bob")
    twin = copied(alice.session)
    first, _ = alice.say("I owe you 10")
    second = twin.message("I owe you 10" if same_text else "I owe you 1", now() + 1)
    assert first.leaf == second.leaf
    for turn in range(2):
        alice.send(second)
        refusal = alice.refusal()
        assert (refusal.code, refusal.id) == ("reuse", second.id)
        if turn == 0:
            evidence = bob.expect(wire.Reuse)
            assert evidence.certificate == alice.session.certificate
            assert isinstance(evidence.first, wire.MessageEvidence)
            assert isinstance(evidence.second, wire.MessageEvidence)
            assert evidence.first.message.signature == first.signature
            assert evidence.second.message.signature == second.signature
    assert bob.quiet()
    carol = join("carol")
    assert carol.expect(wire.Reuse) == evidence, "who comes later is told as well"
    alice.leave()
    for number in range(20):
        bob.say(f"message {number}")
        carol.hears()
    assert join("dora").quiet(), "but not when nothing of that session is shown any more"


def test_a_hello_can_be_half_of_the_evidence(service: Service, join: Join) -> None:
    """Leaf 0 signed a hello; a copy of the key signs a message with it."""
    bob = join("bob")
    alice = join("alice")
    lazy = alice.new_session()
    twin = copied(lazy)
    alice.send(lazy.hello(alice.challenge))
    alice.expect(wire.Renewed)
    message = twin.message("signed with the leaf of the hello", now())
    alice.send(message)
    assert alice.refusal().code == "reuse"
    evidence = bob.expect(wire.Reuse)
    assert isinstance(evidence.first, wire.HelloEvidence)
    hello = evidence.first.hello
    signed = protocol.hello_bytes(service.origin, service.room, lazy.hash, hello.leaf, hello.challenge)
    protocol.session_key(lazy.certificate.session).verify(hello.signature, signed)


def test_one_id_names_one_message(join: Join) -> None:
    """Another message under a known id, signed with a fresh leaf, is refused and disturbs nobody."""
    alice, bob = join("alice"), join("bob")
    first, _ = alice.say("first")
    signed_later = alice.session.message("second", now())
    same_id = signed_later.model_copy(update={"id": first.id})
    signature = sign_again(alice, same_id)
    alice.send(same_id.model_copy(update={"leaf": signature[0], "signature": signature[1]}))
    refusal = alice.refusal()
    assert (refusal.code, refusal.id) == ("malformed", first.id)
    assert bob.hears() == "first"
    assert bob.quiet()


def sign_again(person: Person, message: wire.Post) -> tuple[int, bytes]:
    """Sign a message as it stands, with the next leaf."""
    with person.session._key.reserve(1) as batch:
        leaf = batch.indices.start
        return leaf, batch.sign(person.session.signed_bytes(message.model_copy(update={"leaf": leaf})))
