"""Something signed that a client sent, from the moment it is read until it is known what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from demo_chat import protocol, wire
from demo_chat.protocol import Refusal

SESSIONS = 8  # of one identity, the newest, whose messages are taken: the last ones may still be on their way


@dataclass(frozen=True)
class Claim:
    """Something signed, not yet verified. challenge: of the connection."""

    frame: wire.FromClient
    certificate: wire.Certificate
    hash: bytes
    signed: bytes
    challenge: bytes

    @property
    def use(self) -> bytes:
        """What the auditor remembers of its leaf."""
        return protocol.use_of_leaf(self.signed, self.frame.signature)

    def checks(self) -> list[protocol.Check]:
        """The signatures to verify; a message's certificate was verified with its hello."""
        own = protocol.session_check(self.certificate, self.signed, self.frame.signature)
        return [own] if isinstance(self.frame, wire.Post) else [protocol.certificate_check(self.certificate), own]

    def evidence(self) -> wire.MessageEvidence | wire.HelloEvidence:
        """It, for others to verify."""
        frame = self.frame
        if isinstance(frame, wire.Post):
            return wire.MessageEvidence(message=frame)
        signed = wire.SignedHello(leaf=frame.leaf, challenge=self.challenge, signature=frame.signature)
        return wire.HelloEvidence(hello=signed)


@dataclass(frozen=True)
class Found:
    """What is known already about a claim.

    certificate: hash of the one that its session key has. use: what its leaf was used for, and sequence and received of
    the message, if it was one. id_taken: its sender has another message of this id.
    """

    certificate: bytes | None = None
    use: bytes | None = None
    sequence: int = 0
    received: int = 0
    id_taken: bool = False


@dataclass(frozen=True)
class Verdict:
    """What became of a claim.

    sequence, received: of the message. evidence: of a reused leaf; None if it cannot be verified here, as another
    room's name is in its bytes, or has been shown already. certificates: of a good hello, those with which its identity
    may still send.
    """

    outcome: Literal["new", "duplicate", "reuse", "refused"]
    sequence: int = 0
    received: int = 0
    refusal: Refusal | None = None
    evidence: wire.Reuse | None = None
    certificates: tuple[wire.Certificate, ...] = ()


def judge(claim: Claim, found: Found) -> Verdict:
    """Of a verified claim: new, a duplicate, a reused leaf, or refused."""
    if found.certificate not in {None, claim.hash}:
        return refused("certificate", "this session key was introduced with another certificate; it can have one only")
    if found.use is not None:
        return Verdict("duplicate" if found.use == claim.use else "reuse", found.sequence, found.received)
    if found.id_taken:
        return refused("malformed", "you have sent another message with this id, signed with another leaf")
    return Verdict("new")


def refused(code: wire.Code, detail: str) -> Verdict:
    """A verdict that is a refusal."""
    return Verdict("refused", refusal=Refusal(code, detail))
