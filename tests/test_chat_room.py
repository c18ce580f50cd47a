"""The rules of the room by themselves: nothing is verified, nothing is written, time is what the test says."""

from __future__ import annotations

import struct
from collections.abc import Iterable

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from demo_chat import protocol, wire
from demo_chat.claim import Claim, Found, Verdict, judge, refused
from demo_chat.room import Act, Close, Limits, Room, Send
from tests.chat_kit import HOUR

ORIGIN = "http://localhost:8000"
NOW = 1_800_000_000_000
SESSION_HEAD = struct.pack(">III", 1, 6, 3)  # one level, LMS_SHA256_M32_H10, LMOTS_SHA256_N32_W4


def certificate(person: int, number: int, **change: object) -> wire.Certificate:
    """Of nobody's signature: the room leaves that to others."""
    return wire.Certificate(
        origin=ORIGIN, name=f"person {person}", identity=bytes([person]) * 32,
        session=SESSION_HEAD + bytes([person, number]) * 24, issued=NOW, expires=NOW + HOUR, signature=bytes(7856),
    ).model_copy(update=change)  # fmt: skip


def signature(leaf: int, filling: int = 0) -> bytes:
    return struct.pack(">II", 0, leaf) + bytes([filling]) * 2504


def hello(certificate: wire.Certificate, leaf: int = 0) -> wire.Hello:
    return wire.Hello(certificate=certificate, leaf=leaf, signature=signature(leaf))


def post(certificate: wire.Certificate, leaf: int, id: int, text: str = "text", time: int = NOW) -> wire.Post:
    return wire.Post(
        certificate=protocol.certificate_hash(certificate), leaf=leaf, id=id.to_bytes(16, "big"), previous=bytes(32),
        time=time, text=text, signature=signature(leaf),
    )  # fmt: skip


def hear(room: Room, who: int, frame: wire.FromClient, now: int = NOW) -> Claim | list[Act]:
    return room.hear(who, frame.model_dump_json(), now)


def claim_of(heard: Claim | list[Act]) -> Claim:
    assert isinstance(heard, Claim)
    return heard


def code_of(heard: Claim | list[Act]) -> tuple[str, int | None]:
    """The code of a refusal, and the close code that follows it."""
    assert not isinstance(heard, Claim)
    sent = heard[0]
    assert isinstance(sent, Send)
    assert isinstance(sent.frame, wire.Refused)
    close = heard[1] if len(heard) > 1 else None
    return sent.frame.code, close.code if isinstance(close, Close) else None


def let_in(room: Room, who: int, certificate: wire.Certificate) -> list[Act]:
    room.enter(who, "address", bytes([who]) * 32, NOW)
    return room.settle(who, claim_of(hear(room, who, hello(certificate))), Verdict("new"), NOW)


# ---- single rules


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
    assert room.late(2) == [Close(2, 1008, "no good hello within 10 seconds")]


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


# ---- any order of events


class Talk(RuleBasedStateMachine):
    """People come, talk, send again, reuse leaves and go, in any order; a dict stands for the history."""

    def __init__(self) -> None:
        super().__init__()
        self.room = Room(ORIGIN, "main", limits=Limits(hello_pause=0, burst=10**6, recent=5))
        self.inboxes: dict[int, list[wire.FromServer]] = {}
        self.uses: dict[tuple[bytes, int], tuple[Claim, int]] = {}
        self.ids: set[tuple[bytes, bytes]] = set()
        self.accepted: list[bytes] = []
        self.connections = 0
        self.ended: set[int] = set()

    def perform(self, acts: Iterable[Act]) -> list[Send]:
        sent = []
        for act in acts:
            if isinstance(act, Close):
                self.ended.add(act.who)
                continue
            sent.append(act)
            for who in act.to:
                self.inboxes[who].append(act.frame)
        for who in self.ended & self.room.clients.keys():
            self.perform(self.room.leave(who))
        return sent

    def settle(self, who: int, heard: Claim | list[Act]) -> list[Send]:
        """As checker and history do, with everything verified."""
        if not isinstance(heard, Claim):
            return self.perform(heard)
        place = (heard.certificate.session, heard.frame.leaf)
        first, sequence = self.uses.get(place, (None, 0))
        name = (heard.certificate.identity, heard.frame.id) if isinstance(heard.frame, wire.Post) else None
        verdict = judge(heard, Found(heard.hash, first.use if first else None, sequence, NOW, name in self.ids))
        if verdict.outcome == "new":
            if name is not None:
                self.accepted.append(heard.use)
                self.ids.add(name)
            verdict = Verdict("new", len(self.accepted), NOW)
            self.uses[place] = (heard, len(self.accepted))
        if verdict.outcome == "reuse" and first is not None:
            verdict = Verdict("reuse", first=first.evidence())
        return self.perform(self.room.settle(who, heard, verdict, NOW))

    def someone(self, data: st.DataObject) -> int:
        return data.draw(st.sampled_from(sorted(who for who, client in self.room.clients.items() if client.identity)))

    @rule(person=st.integers(0, 2), session=st.integers(0, 1), leaf=st.integers(0, 3))
    def come(self, person: int, session: int, leaf: int) -> None:
        self.connections += 1
        who = self.connections
        self.inboxes[who] = []
        self.perform(self.room.enter(who, "address", who.to_bytes(32, "big"), NOW))
        self.settle(who, hear(self.room, who, hello(certificate(person, session), leaf)))

    @precondition(lambda self: any(client.identity for client in self.room.clients.values()))
    @rule(data=st.data(), session=st.integers(0, 1), leaf=st.integers(0, 3))
    def renew(self, data: st.DataObject, session: int, leaf: int) -> None:
        who = self.someone(data)
        person = self.room.clients[who].identity[0]
        self.settle(who, hear(self.room, who, hello(certificate(person, session), leaf)))

    @precondition(lambda self: any(client.identity for client in self.room.clients.values()))
    @rule(
        data=st.data(),
        session=st.integers(0, 1),
        leaf=st.integers(0, 5),
        id=st.integers(0, 5),
        text=st.sampled_from("ab"),
    )
    def say(self, data: st.DataObject, session: int, leaf: int, id: int, text: str) -> None:
        who = self.someone(data)
        person = self.room.clients[who].identity[0]
        frame = post(certificate(person, session), leaf, id, data.draw(st.sampled_from("ab")))
        before = len(self.accepted)
        sent = self.settle(who, hear(self.room, who, frame))
        assert len([act for act in sent if isinstance(act.frame, wire.Relayed)]) == len(self.accepted) - before
        answers = [act.frame for act in sent if act.to == (who,)]
        assert answers or who in self.ended
        if isinstance(answers[-1], wire.Accepted):  # sent again it is answered alike, and not relayed
            (again,) = self.settle(who, hear(self.room, who, frame))
            assert (again.to, again.frame) == ((who,), answers[-1])

    @precondition(lambda self: self.room.clients)
    @rule(data=st.data())
    def go(self, data: st.DataObject) -> None:
        who = data.draw(st.sampled_from(sorted(self.room.clients)))
        self.perform(self.room.leave(who))
        self.ended.add(who)

    @invariant()
    def the_history_is_the_last_that_was_accepted(self) -> None:
        entries = [entry for entry, _ in self.room.recent]
        assert [entry.sequence for entry in entries] == list(range(1, len(self.accepted) + 1))[-5:]

    @invariant()
    def everything_relayed_can_be_verified(self) -> None:
        """Each inbox has the certificate before what is signed under it, and the welcome before anything else."""
        for inbox in self.inboxes.values():
            known: set[bytes] = set()
            for frame in inbox:
                if isinstance(frame, wire.Welcome):
                    known.update(protocol.certificate_hash(each) for each in frame.certificates)
                    assert all(entry.message.certificate in known for entry in frame.history)
                elif isinstance(frame, wire.Announced):
                    known.add(protocol.certificate_hash(frame.certificate))
                elif isinstance(frame, wire.Relayed):
                    assert frame.message.certificate in known

    @invariant()
    def presence_is_what_was_told(self) -> None:
        """Whoever replays joined and left over the welcome's list has the list of those who are there."""
        for who, client in self.room.clients.items():
            told: set[bytes] = set()
            for frame in self.inboxes[who]:
                if isinstance(frame, wire.Welcome):
                    told = {present.identity for present in frame.online}
                elif isinstance(frame, wire.Joined):
                    assert frame.identity not in told
                    told.add(frame.identity)
                elif isinstance(frame, wire.Left):
                    told.remove(frame.identity)
            if client.identity:
                assert told == {present.identity for present in self.room.online()}


TestTalk = Talk.TestCase
TestTalk.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
