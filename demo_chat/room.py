"""The rules of the chat as plain data: what came and what is known go in, what is to be done comes out.

No I/O, no clock, no randomness: time (milliseconds since 1970) and challenges are arguments. A frame becomes a claim,
something signed that is still to be verified; whoever verified it and looked it up brings back a verdict (claim.py);
and that becomes frames to send. So the same rules can serve several processes, once a bus carries the frames.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from demo_chat import protocol, wire
from demo_chat.claim import SESSIONS, Claim, Verdict
from demo_chat.protocol import Refusal

POLICY, BUSY, SLOW = 1008, 1013, 4008  # close codes


@dataclass(frozen=True)
class Limits:
    """What one client, one address and the whole room may use."""

    connections: int = 1000
    per_address: int = 64
    hello_seconds: float = 10  # from the challenge to a good hello
    hello_pause: int = 1000  # ms between two certificates to verify, of one connection
    burst: int = 40  # frames of one connection at once
    per_second: float = 10  # and for ever
    outgoing: int = 256  # frames that wait for one client to read them
    checks: int = 256  # claims that wait to be verified, of all
    recent: int = 20  # messages of the history


LIMITS = Limits()


@dataclass(frozen=True)
class Send:
    """A frame, and the connections that it goes to."""

    to: tuple[int, ...]
    frame: wire.FromServer


@dataclass(frozen=True)
class Close:
    """The end of a connection, after what was sent to it."""

    who: int
    code: int
    reason: str


Act = Send | Close


@dataclass
class Client:
    """One connection. Its name and identity are known from its first good hello on.

    certificates: by hash, those it may send with. announced: those of them that everybody has been sent.
    """

    address: str
    challenge: bytes
    frames: float  # that it may send at once
    counted: int  # when that was
    checked: int | None = None  # when its last certificate was given to be verified
    name: str = ""
    identity: bytes = b""
    certificates: dict[bytes, wire.Certificate] = field(default_factory=dict)
    announced: dict[bytes, wire.Certificate] = field(default_factory=dict)

    @property
    def present(self) -> wire.Present:
        """As others see it."""
        return wire.Present(name=self.name, identity=self.identity)


class Room:
    """Who is here, and what was said last."""

    def __init__(
        self, origin: str, name: str, recent: Iterable[tuple[wire.Entry, wire.Certificate]] = (),
        reuses: Iterable[wire.Reuse] = (), limits: Limits = LIMITS,
    ) -> None:  # fmt: skip
        self.origin, self.name, self.limits = origin, name, limits
        self.clients: dict[int, Client] = {}
        self.recent = deque(recent, maxlen=limits.recent)
        self.reuses = {each.certificate.session: each for each in reuses}  # one a session, for those who come later

    # ---- coming and going

    def enter(self, who: int, address: str, challenge: bytes, now: int) -> list[Act]:
        """A new connection."""
        if len(self.clients) >= self.limits.connections:
            return [Close(who, BUSY, "the room is full; try again later")]
        if sum(client.address == address for client in self.clients.values()) >= self.limits.per_address:
            return [Close(who, POLICY, f"there are {self.limits.per_address} connections from your address already")]
        self.clients[who] = Client(address, challenge, self.limits.burst, now)
        frame = wire.Challenge(protocol=wire.PROTOCOL, origin=self.origin, room=self.name, challenge=challenge)
        return [Send((who,), frame)]

    def late(self, who: int) -> list[Act]:
        """The time for a hello is over."""
        client = self.clients.get(who)
        if client is None or client.identity:
            return []
        del self.clients[who]  # whatever becomes of a hello that is being verified
        return [Close(who, POLICY, f"no good hello within {self.limits.hello_seconds:g} seconds")]

    def leave(self, who: int) -> list[Act]:
        """A connection has gone."""
        client = self.clients.pop(who, None)
        if client is None or not client.identity or self._is_here(client.identity):
            return []
        return [Send(self._others(), wire.Left(name=client.name, identity=client.identity))]

    def online(self) -> list[wire.Present]:
        """Every identity once, by the name of its oldest connection."""
        found: dict[bytes, wire.Present] = {}
        for client in self.clients.values():
            if client.identity:
                found.setdefault(client.identity, client.present)
        return list(found.values())

    # ---- what comes in

    def hear(self, who: int, text: str | None, now: int) -> Claim | list[Act]:
        """A frame from a client (None: it was binary): a claim to verify, or what to answer at once."""
        client = self.clients[who]
        try:
            frame = _read(text)
        except Refusal as refusal:
            return self._refuse(who, None, refusal, POLICY)
        try:
            self._count(client, now)
            if isinstance(frame, wire.Hello):
                return self._hello(client, frame, now)
            return self._message(client, frame, now)
        except Refusal as refusal:
            return self._refuse(who, frame, refusal)

    def _hello(self, client: Client, frame: wire.Hello, now: int) -> Claim:
        certificate = frame.certificate
        if client.checked is not None and 0 <= now - client.checked < self.limits.hello_pause:
            raise Refusal("rate", "a connection may introduce one session key a second")
        protocol.check_certificate(certificate, self.origin, now)
        if client.identity and (certificate.identity, certificate.name) != (client.identity, client.name):
            raise Refusal("certificate", "a connection keeps its identity and its name; make another connection")
        protocol.check_leaf(frame.leaf, frame.signature)
        client.checked = now
        hash = protocol.certificate_hash(certificate)
        signed = protocol.hello_bytes(self.origin, self.name, hash, frame.leaf, client.challenge)
        return Claim(frame, certificate, hash, signed, client.challenge)

    def _message(self, client: Client, frame: wire.Post, now: int) -> Claim:
        if not client.identity:
            raise Refusal("malformed", "a connection begins with a hello")
        certificate = client.certificates.get(frame.certificate)
        if certificate is None:
            raise Refusal("certificate", "no hello of yours has introduced this certificate")
        if certificate.expires <= now:
            raise Refusal("expired", "the session's certificate has expired: introduce a new session key")
        protocol.check_text(frame.text)
        protocol.check_leaf(frame.leaf, frame.signature)
        protocol.check_time(frame.time, certificate)
        if frame.time > now + protocol.AHEAD:
            raise Refusal("time", "the message's time lies in the future: one of the two clocks is off")
        signed = protocol.message_bytes(self.origin, self.name, frame)
        return Claim(frame, certificate, frame.certificate, signed, client.challenge)

    def _count(self, client: Client, now: int) -> None:
        """A bucket that fills by `per_second` and holds `burst`."""
        gained = max(0, now - client.counted) * self.limits.per_second / 1000
        client.frames, client.counted = min(self.limits.burst, client.frames + gained), now
        if client.frames < 1:
            raise Refusal("rate", f"too fast: {self.limits.per_second:g} a second; send the same bytes again later")
        client.frames -= 1

    # ---- what became of it

    def settle(self, who: int, claim: Claim, verdict: Verdict, now: int) -> list[Act]:
        """A claim has been verified, and what is new is durable. Its connection may have gone meanwhile."""
        if verdict.refusal is not None:
            return self._refuse(who, claim.frame, verdict.refusal) if who in self.clients else []
        if verdict.outcome == "reuse":
            return self._expose(who, claim, verdict)
        if isinstance(claim.frame, wire.Post):
            return self._relay(who, claim.frame, claim, verdict)
        return self._let_in(who, claim, verdict, now) if who in self.clients else []

    def busy(self, who: int) -> list[Act]:
        """More claims wait to be verified than may."""
        refusal = Refusal("full", "the server has too much to verify; try again later")
        return self._refuse(who, None, refusal, BUSY)

    def _relay(self, who: int, frame: wire.Post, claim: Claim, verdict: Verdict) -> list[Act]:
        accepted = wire.Accepted(id=frame.id, sequence=verdict.sequence, received=verdict.received)
        answer: list[Act] = [Send((who,), accepted)] if who in self.clients else []
        if verdict.outcome == "duplicate":
            return answer
        entry = wire.Entry(sequence=verdict.sequence, received=verdict.received, message=frame)
        self.recent.append((entry, claim.certificate))
        relayed = wire.Relayed(sequence=entry.sequence, received=entry.received, message=frame)
        return [*self._announce(who, claim), Send(self._others(who), relayed), *answer]

    def _let_in(self, who: int, claim: Claim, verdict: Verdict, now: int) -> list[Act]:
        client = self.clients[who]
        own = {protocol.certificate_hash(each): each for each in verdict.certificates}
        client.certificates = own | {claim.hash: claim.certificate}
        acts = self._announce(who, claim)
        if client.identity:
            return [*acts, Send((who,), wire.Renewed(certificate=claim.hash))]
        identity, name = claim.certificate.identity, claim.certificate.name
        if not self._is_here(identity):
            acts.append(Send(self._others(who), wire.Joined(name=name, identity=identity)))
        client.identity, client.name = identity, name
        welcome = self._welcome(claim.hash, now)
        known = (self.reuses.get(each.session) for each in welcome.certificates)
        return [*acts, Send((who,), welcome), *(Send((who,), each) for each in known if each is not None)]

    def _welcome(self, hash: bytes, now: int) -> wire.Welcome:
        return wire.Welcome(
            certificate=hash, online=self.online(), certificates=self._certificates(),
            history=[entry for entry, _ in self.recent], now=now,
        )  # fmt: skip

    def _certificates(self) -> list[wire.Certificate]:
        """Of every message in the history, and of everybody who is here."""
        found = {protocol.certificate_hash(certificate): certificate for _, certificate in self.recent}
        for client in self.clients.values():
            found.update(client.announced)
        return list(found.values())

    def _announce(self, who: int, claim: Claim) -> list[Act]:
        """The certificate to everybody else, unless this connection's was sent to them already.

        A late message may be signed under a session that was introduced on an earlier connection: then it goes out now.
        """
        client = self.clients.get(who)
        if client is not None:
            if claim.hash in client.announced:
                return []
            client.announced[claim.hash] = claim.certificate
            if len(client.announced) > SESSIONS:
                del client.announced[next(iter(client.announced))]  # the oldest
        return [Send(self._others(who), wire.Announced(certificate=claim.certificate))]

    def _expose(self, who: int, claim: Claim, verdict: Verdict) -> list[Act]:
        """Evidence to everybody who is in the room, the sender included; who comes later has it after the welcome."""
        detail = f"leaf {claim.frame.leaf} of this session key has signed something else before"
        acts = self._refuse(who, claim.frame, Refusal("reuse", detail)) if who in self.clients else []
        if verdict.evidence is None:
            return acts
        known = {certificate.session for certificate in self._certificates()}
        self.reuses = {session: each for session, each in self.reuses.items() if session in known}
        self.reuses[claim.certificate.session] = verdict.evidence
        return [Send(self._others(), verdict.evidence), *acts]

    def _refuse(self, who: int, frame: wire.FromClient | None, refusal: Refusal, close: int | None = None) -> list[Act]:
        """The refusal, which always ends a connection that has not been let in."""
        id = frame.id if isinstance(frame, wire.Post) else None
        acts: list[Act] = [Send((who,), wire.Refused(id=id, code=refusal.code, detail=refusal.detail))]
        if close is None and not self.clients[who].identity:
            close = BUSY if refusal.code == "full" else POLICY
        return acts if close is None else [*acts, Close(who, close, refusal.detail)]

    # ---- who

    def _others(self, who: int | None = None) -> tuple[int, ...]:
        return tuple(other for other, client in self.clients.items() if client.identity and other != who)

    def _is_here(self, identity: bytes) -> bool:
        return any(client.identity == identity for client in self.clients.values())


def _read(text: str | None) -> wire.FromClient:
    if text is None:
        raise Refusal("malformed", "a frame is text, not binary")
    try:
        return wire.from_client(text)
    except wire.Malformed as error:
        raise Refusal("malformed", str(error)) from None
