"""The rules of the room by themselves: nothing is verified, nothing is written, time is what the test says."""

from __future__ import annotations

import pytest

from demo_chat import wire
from demo_chat.claim import Claim, Found, Verdict, judge, refused
from demo_chat.room import Close, Limits, Room, Send
from tests.chat_kit import HOUR
from tests.chat_room_kit import NOW, ORIGIN, certificate, claim_of, code_of, hear, hello, let_in, post, signature


def test_nothing_is_sent_to_those_who_are_not_in() -> None:
    """A connection that has not said a good hello hears its challenge and its refusal, no more."""
    room = Room(ORIGIN, "main")
    room.enter(1, "address", bytes(32), NOW)
    acts = let_in(room, 2, certificate(2, 0))
    assert all(1 not in act.to for act in acts if isinstance(act, Send))
    assert room.online() == [wire.Present(name="person 2", identity=bytes([2]) * 32)]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"origin": "http://localhost:9"}, "origin"),
        ({"name": "a\u200bb"}, "name"),
        ({"session": bytes(60)}, "certificate"),
        ({"expires": NOW + 25 * HOUR}, "certificate"),
        ({"issued": NOW - 2 * HOUR, "expires": NOW}, "expired"),
        ({"issued": NOW + 6 * 60_000}, "time"),
    ],
)
def test_a_refused_first_hello_ends_the_connection(change: dict[str, object], code: str) -> None:
    """With its code, and 1008."""
    room = Room(ORIGIN, "main")
    room.enter(1, "address", bytes(32), NOW)
    assert code_of(hear(room, 1, hello(certificate(1, 0, **change)))) == (code, 1008)


def test_what_a_message_must_have() -> None:
    """Each rule has its code, and the connection stays."""
    room, own = Room(ORIGIN, "main"), certificate(1, 0)
    let_in(room, 1, own)
    assert isinstance(hear(room, 1, post(own, 1, 1)), Claim)
    other = certificate(2, 0)
    late = NOW + HOUR
    for frame, now, code in (
        (post(other, 1, 1), NOW, "certificate"),
        (post(own, 1, 1).model_copy(update={"leaf": 2}), NOW, "leaf"),
        (post(own, 1, 1, time=NOW - 1), NOW, "time"),
        (post(own, 1, 1, time=NOW + 5 * 60_000 + 1), NOW, "time"),
        (post(own, 1, 1, time=NOW + 1), late, "expired"),
        (post(own, 1, 1, text="x" * 4001), NOW, "too_long"),
        (post(own, 1, 1, text="  "), NOW, "malformed"),
    ):
        assert code_of(hear(room, 1, frame, now)) == (code, None)


def test_a_message_that_was_typed_offline_may_be_old() -> None:
    """Its time lies within the certificate; how long ago does not matter."""
    room, own = Room(ORIGIN, "main"), certificate(1, 0)
    let_in(room, 1, own)
    assert isinstance(hear(room, 1, post(own, 1, 1, time=NOW), NOW + HOUR - 1), Claim)


def test_a_message_before_the_hello_and_a_malformed_frame_end_the_connection() -> None:
    """Malformed frames do so at any time, also binary ones."""
    room, own = Room(ORIGIN, "main"), certificate(1, 0)
    room.enter(1, "address", bytes(32), NOW)
    assert code_of(hear(room, 1, post(own, 1, 1))) == ("malformed", 1008)
    let_in(room, 2, own)
    for text in ("{}", "", None):
        assert code_of(room.hear(2, text, NOW)) == ("malformed", 1008)


def test_rates() -> None:
    """A bucket of frames for each connection; one certificate a second."""
    room, own = Room(ORIGIN, "main", limits=Limits(burst=3, per_second=2)), certificate(1, 0)
    let_in(room, 1, own)  # one frame
    assert isinstance(hear(room, 1, post(own, 1, 1)), Claim)
    assert isinstance(hear(room, 1, post(own, 2, 2)), Claim)
    assert code_of(hear(room, 1, post(own, 3, 3))) == ("rate", None)
    assert isinstance(hear(room, 1, post(own, 3, 3), NOW + 500), Claim)
    assert code_of(hear(room, 1, post(own, 4, 4), NOW + 500)) == ("rate", None)
    assert code_of(hear(room, 1, post(own, 4, 4), NOW - HOUR)) == ("rate", None)  # a clock that is put back
    assert code_of(hear(room, 1, hello(own, 5), NOW + 999)) == ("rate", None)
    assert isinstance(hear(room, 1, hello(own, 5), NOW + 1500), Claim)


def test_caps() -> None:
    """Of one address, and of the room."""
    room = Room(ORIGIN, "main", limits=Limits(connections=3, per_address=2))
    for who, address in ((1, "a"), (2, "a"), (3, "b")):
        assert isinstance(room.enter(who, address, bytes(32), NOW)[0], Send)
    room.leave(3)
    (close,) = room.enter(4, "a", bytes(32), NOW)
    assert isinstance(close, Close)
    assert close.code == 1008
    room.enter(5, "b", bytes(32), NOW)
    (close,) = room.enter(6, "c", bytes(32), NOW)
    assert isinstance(close, Close)
    assert close.code == 1013


def test_late() -> None:
    """Ten seconds for a good hello; whoever is in, or gone, is not late."""
    room = Room(ORIGIN, "main")
    let_in(room, 1, certificate(1, 0))
    room.enter(2, "address", bytes(32), NOW)
    assert room.late(1) == room.late(3) == []
    pending = claim_of(hear(room, 2, hello(certificate(2, 0))))
    assert room.late(2) == [Close(2, 1008, "no good hello within 10 seconds")]
    assert room.settle(2, pending, Verdict("new"), NOW) == []


def test_sessions_without_end() -> None:
    """Of one connection the last eight are kept and shown to newcomers; an older one is announced again when used."""
    room, all_of_them = Room(ORIGIN, "main", limits=Limits(hello_pause=0)), [certificate(1, n) for n in range(10)]
    room.enter(1, "address", bytes(32), NOW)
    for own in all_of_them:
        claim = claim_of(hear(room, 1, hello(own)))
        room.settle(1, claim, Verdict("new", certificates=tuple(all_of_them[:8])), NOW)
    (*_, sent) = let_in(room, 2, certificate(2, 0))
    assert isinstance(sent, Send)
    assert isinstance(sent.frame, wire.Welcome)
    assert sent.frame.certificates == [*all_of_them[2:], certificate(2, 0)]
    late = room.settle(1, claim_of(hear(room, 1, post(all_of_them[0], 1, 1))), Verdict("new", 1, NOW), NOW)
    assert [act.frame.type for act in late if isinstance(act, Send)] == ["certificate", "message", "accepted"]


def test_a_claim_whose_connection_has_gone() -> None:
    """A message that was kept is relayed, with its certificate; a hello lets nobody in."""
    room, own = Room(ORIGIN, "main"), certificate(1, 0)
    let_in(room, 1, own)
    let_in(room, 2, certificate(2, 0))
    claim = claim_of(hear(room, 1, post(own, 1, 1)))
    again = claim_of(hear(room, 1, hello(own, 2), NOW + 1000))
    room.leave(1)
    acts = room.settle(1, claim, Verdict("new", 7, NOW), NOW)
    sent = [(act.to, act.frame.type) for act in acts if isinstance(act, Send)]
    assert sent == [((2,), "certificate"), ((2,), "message")]
    assert room.settle(1, again, Verdict("new"), NOW) == []
    assert room.settle(1, claim, refused("signature", "bad"), NOW) == []
    assert room.settle(1, claim, Verdict("duplicate", 7, NOW), NOW) == []


def test_judging() -> None:
    """What is known of a claim decides; what a leaf was used for comes first."""
    room, own = Room(ORIGIN, "main"), certificate(1, 0)
    let_in(room, 1, own)
    claim = claim_of(hear(room, 1, post(own, 1, 1)))
    assert judge(claim, Found()).outcome == "new"
    assert judge(claim, Found(claim.hash)).outcome == "new"
    assert judge(claim, Found(bytes(32))).outcome == "refused"
    assert judge(claim, Found(claim.hash, claim.use, 3, 4)) == Verdict("duplicate", 3, 4)
    assert judge(claim, Found(claim.hash, bytes(32), 3, 4)).outcome == "reuse"
    assert judge(claim, Found(claim.hash, None, id_taken=True)).outcome == "refused"
    resigned = post(own, 1, 1).model_copy(update={"signature": signature(1, 1)})
    assert judge(claim_of(hear(room, 1, resigned)), Found(claim.hash, claim.use)).outcome == "reuse"
