"""What is accepted as a frame: exactly what the protocol says, in the one way to write it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hbss
from demo_chat import wire
from demo_chat.session import Session
from tests.chat_room_kit import NOW, ORIGIN

pytest_plugins = ["tests.chat_fixtures"]


@pytest.fixture(scope="module")
def session(keys: Path) -> Session:
    return Session(hbss.generate("SLH-DSA-SHA2-128s"), ORIGIN, "main", "Zoë", keys, NOW)


def post(session: Session) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(session.message("text", NOW).model_dump_json())
    return found


def test_frames_come_back_as_they_went(session: Session) -> None:
    """Every kind of frame, through text."""
    message = session.message("text", NOW)
    entry = wire.Entry(sequence=1, received=2, message=message)
    present = wire.Present(name="Zoë", identity=session.certificate.identity)
    half = wire.MessageEvidence(message=message)
    hello = wire.HelloEvidence(hello=wire.SignedHello(leaf=0, challenge=bytes(32), signature=bytes(2512)))
    frames: list[wire.FromServer] = [
        wire.Challenge(protocol=wire.PROTOCOL, origin=ORIGIN, room="main", challenge=bytes(32)),
        wire.Welcome(
            certificate=bytes(32), online=[present], certificates=[session.certificate], history=[entry], now=3
        ),
        wire.Renewed(certificate=bytes(32)),
        wire.Announced(certificate=session.certificate),
        wire.Joined(name="Zoë", identity=present.identity),
        wire.Left(name="Zoë", identity=present.identity),
        wire.Relayed(sequence=1, received=2, message=message),
        wire.Accepted(id=bytes(16), sequence=1, received=2),
        wire.Refused(id=None, code="rate", detail="too fast"),
        wire.Reuse(certificate=session.certificate, leaf=0, first=hello, second=half),
    ]  # fmt: skip
    assert {frame.type for frame in frames} == {kind.model_fields["type"].default for kind in wire.FromServer.__args__}
    for frame in frames:
        again = wire.from_server(frame.model_dump_json())
        assert again.model_dump_json() == frame.model_dump_json()
    assert '"type":"message","certificate"' not in frames[6].model_dump_json()
    assert wire.from_client(message.model_dump_json()) == message


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame.pop("leaf"),
        lambda frame: frame.update(extra=1),
        lambda frame: frame.update(type="shout"),
        lambda frame: frame.pop("type"),
        lambda frame: frame.update(leaf="1"),
        lambda frame: frame.update(leaf=1.0),
        lambda frame: frame.update(leaf=True),
        lambda frame: frame.update(leaf=-1),
        lambda frame: frame.update(leaf=1024),
        lambda frame: frame.update(time=2**53),
        lambda frame: frame.update(text=5),
        lambda frame: frame.update(text=None),
        lambda frame: frame.update(id=frame["id"][:-2]),
        lambda frame: frame.update(id=frame["id"] + "===="),
        lambda frame: frame.update(id=f" {frame['id'][1:]}"),
        lambda frame: frame.update(id=f"{frame['id'][:-1]}\n"),
        lambda frame: frame.update(id="-_" + frame["id"][2:]),
        lambda frame: frame.update(id="é" * 24),
        lambda frame: frame.update(signature=frame["signature"][:-8]),
    ],
)
def test_a_frame_is_exact_or_malformed(session: Session, change: Callable[[dict[str, Any]], object]) -> None:
    """Nothing is guessed, converted or ignored."""
    frame = post(session)
    wire.from_client(json.dumps(frame))
    change(frame)
    with pytest.raises(wire.Malformed):
        wire.from_client(json.dumps(frame))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"message"', "[" * 100_000, '{"type":"\\ud800"}', "\x00"])
def test_what_is_no_frame_is_malformed(text: str) -> None:
    """Short, deep or strange: one error."""
    with pytest.raises(wire.Malformed):
        wire.from_client(text)


@given(st.binary(min_size=16, max_size=16), st.integers(1, 15))
def test_base64_has_one_way_to_be_written(data: bytes, bits: int) -> None:
    """The unused bits at the end are zero; pydantic's own type would not mind."""
    text = base64.b64encode(data).decode()
    assert wire.Accepted.model_validate_json(json.dumps({"id": text, "sequence": 1, "received": 1})).id == data
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    loose = text[:21] + alphabet[alphabet.index(text[21]) | bits] + text[22:]
    assert base64.b64decode(loose) == data
    with pytest.raises(ValueError, match="canonical"):
        wire.Accepted.model_validate_json(json.dumps({"id": loose, "sequence": 1, "received": 1}))
