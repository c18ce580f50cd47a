"""Frames of nobody's signature, for the tests of the room's rules, which leave verifying to others."""

from __future__ import annotations

import struct

from demo_chat import protocol, wire
from demo_chat.claim import Claim, Verdict
from demo_chat.room import Act, Close, Room, Send
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
