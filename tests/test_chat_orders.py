"""The rules of the room in any order of events: what holds of every talk, whoever comes, sends, repeats and goes."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from demo_chat import protocol, wire
from demo_chat.claim import Claim, Found, Verdict, judge
from demo_chat.room import Act, Close, Limits, Room, Send
from tests.chat_room_kit import NOW, ORIGIN, certificate, hear, hello, post


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
            proof = wire.Reuse(
                certificate=heard.certificate, leaf=heard.frame.leaf, first=first.evidence(), second=heard.evidence()
            )
            verdict = Verdict("reuse", evidence=proof)
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
