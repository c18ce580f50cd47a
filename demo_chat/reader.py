"""What a receiver does with all that the server says: it believes nothing that it has not verified itself.

Nothing is dropped in silence: a message that fails is shown as failed. The server's word is only who is online, and in
which order messages of different senders came.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import Enum

import hbss
from demo_chat import protocol, wire
from demo_chat.identity import Names
from demo_chat.protocol import Refusal


class Badge(Enum):
    """What verifying gave, and the sign for it."""

    VERIFIED = "✓"
    FAILED = "✗"
    REUSED = "☠"  # a leaf that signed two things: whoever holds both may be able to forge a third
    ANOTHER = "≠"  # good, but by another key than the one this name is known by
    GAP = "…"  # good, but messages of this session before it are missing


@dataclass(frozen=True)
class Seen:
    """A message as it is to be shown. name: stated, and proven unless the badge is FAILED."""

    badge: Badge
    name: str
    identity: bytes | None
    text: str
    time: int
    note: str = ""


class Reader:
    """One receiver, for as long as its process runs."""

    def __init__(self, origin: str, room: str, names: Names) -> None:
        self._origin, self._room, self._names = origin, room, names
        self._certificates: dict[bytes, wire.Certificate] = {}
        self._bad: dict[bytes, Refusal] = {}  # certificates, by hash, that do not hold
        self._uses: dict[tuple[bytes, int], set[bytes]] = {}  # (session key, leaf): what it was used for; honestly one
        self._last: dict[bytes, bytes] = {}  # session key: hash of its last message
        self._reused: dict[bytes, int] = {}  # session key: a leaf that it used twice
        self._shown: set[tuple[bytes, int]] = set()  # of those, what the server has shown

    def certificate(self, certificate: wire.Certificate) -> bytes:
        """Take note of a certificate, good or bad; returns its hash."""
        hash = protocol.certificate_hash(certificate)
        if hash not in self._certificates:
            self._certificates[hash] = certificate
            try:
                protocol.check_certificate(certificate, self._origin)
                _verify(protocol.certificate_check(certificate))
            except Refusal as refusal:
                self._bad[hash] = refusal
        return hash

    def message(self, message: wire.Message) -> Seen | None:
        """How a message is to be shown; None if it was shown before."""
        certificate = self._certificates.get(message.certificate)
        if certificate is None:
            note = "the server has not shown the certificate"
            return Seen(Badge.FAILED, "?", None, message.text, message.time, note)
        try:
            signed = self._verified(certificate, message)
        except Refusal as refusal:
            name = certificate.name if message.certificate not in self._bad else "?"
            return Seen(Badge.FAILED, name, None, message.text, message.time, refusal.detail)
        badge, note = self._judge(certificate, message, signed)
        if badge is None:
            return None
        return Seen(badge, certificate.name, certificate.identity, message.text, message.time, note)

    def _judge(self, certificate: wire.Certificate, message: wire.Message, signed: bytes) -> tuple[Badge | None, str]:
        """Of a verified message: was its leaf used before, does it follow the last one, is it by the known key."""
        place = (certificate.session, message.leaf)
        use = protocol.use_of_leaf(signed, message.signature)
        uses = self._uses.setdefault(place, set())
        if use in uses:
            return None, ""
        uses.add(use)
        if len(uses) > 1:
            self._reused[certificate.session] = message.leaf
        last = self._last.get(certificate.session)
        self._last[certificate.session] = hashlib.sha256(signed).digest()
        if certificate.session in self._reused:
            return Badge.REUSED, _twice(self._reused[certificate.session])
        if not self._names.knows(certificate.name, certificate.identity):
            return Badge.ANOTHER, f"another {certificate.name} than the one known by this name"
        if last is not None and last != message.previous:
            return Badge.GAP, "messages before this one are missing, or not in their order"
        return Badge.VERIFIED, ""

    def reuse(self, frame: wire.Reuse) -> Seen | None:
        """The server says that a leaf signed two things, and shows both: believed if both verify; once, then None."""
        place = (frame.certificate.session, frame.leaf)
        if place in self._shown:
            return None
        hash = self.certificate(frame.certificate)
        try:
            first, second = (self._use(hash, frame, each) for each in (frame.first, frame.second))
            if first == second:
                raise Refusal("reuse", "it is the same one twice")
        except Refusal as refusal:
            note = f"the server accuses this session of using a leaf twice, but: {refusal.detail}"
            return Seen(Badge.FAILED, frame.certificate.name, None, "", 0, note)
        self._reused[frame.certificate.session] = frame.leaf
        self._shown.add(place)
        return Seen(Badge.REUSED, frame.certificate.name, frame.certificate.identity, "", 0, _twice(frame.leaf))

    def _use(self, hash: bytes, frame: wire.Reuse, half: wire.MessageEvidence | wire.HelloEvidence) -> bytes:
        """What the leaf was used for, by one half of the evidence, verified."""
        if isinstance(half, wire.MessageEvidence):
            if (half.message.certificate, half.message.leaf) != (hash, frame.leaf):
                raise Refusal("reuse", "a message of it is of another certificate or leaf")
            return protocol.use_of_leaf(self._verified(frame.certificate, half.message), half.message.signature)
        hello = half.hello
        if hello.leaf != frame.leaf:
            raise Refusal("reuse", "a hello of it is of another leaf")
        signed = protocol.hello_bytes(self._origin, self._room, hash, hello.leaf, hello.challenge)
        self._verify(hash, frame.certificate, signed, hello.leaf, hello.signature)
        return protocol.use_of_leaf(signed, hello.signature)

    def _verified(self, certificate: wire.Certificate, message: wire.Message) -> bytes:
        """The signed bytes of a message that holds; Refusal if it does not."""
        protocol.check_time(message.time, certificate)
        signed = protocol.message_bytes(self._origin, self._room, message)
        self._verify(message.certificate, certificate, signed, message.leaf, message.signature)
        return signed

    def _verify(self, hash: bytes, certificate: wire.Certificate, signed: bytes, leaf: int, signature: bytes) -> None:
        if hash in self._bad:
            raise self._bad[hash]
        protocol.check_leaf(leaf, signature)
        _verify(protocol.session_check(certificate, signed, signature))


def _twice(leaf: int) -> str:
    return f"leaf {leaf} of this session has signed two different things: do not trust it"


def _verify(check: protocol.Check) -> None:
    try:
        check.key.verify(check.signature, check.data, check.context)
    except hbss.InvalidSignature:
        raise check.otherwise from None
