"""Whatever is sent: the server goes on, the others notice nothing, and the sender gets an answer or a close code."""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed

from demo_chat import wire
from demo_chat.checker import now
from demo_chat.claim import Claim
from demo_chat.room import Close, Room, Send
from tests.chat_kit import PATIENCE, Join, Person, Service, Socket
from tests.chat_room_kit import NOW, ORIGIN, certificate, hello, let_in, post

pytest_plugins = ["tests.chat_fixtures"]

CLOSES = {1008, 1009, 1013}

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["hello", "message", "AAAA"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
several = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a frame."""
    yield path
    if isinstance(node, dict):
        for key, value in node.items():
            yield from places(value, (*path, key))


@st.composite
def spoilt(draw: st.DrawFn, frames: list[str]) -> str:
    """A good frame in which one value is another, or missing, or whose text is damaged."""
    text = draw(st.sampled_from(frames))
    how = draw(st.sampled_from(["value", "missing", "extra", "letter", "cut"]))
    if how == "letter":
        at = draw(st.integers(0, len(text) - 1))
        return text[:at] + draw(st.characters()) + text[at + 1 :]
    if how == "cut":
        return text[: draw(st.integers(0, len(text)))]
    whole = json.loads(text)
    *path, last = draw(st.sampled_from([place for place in places(whole) if place]))
    node = whole
    for part in path:
        node = node[part]
    if how == "missing":
        del node[last]
    else:
        node[last if how == "value" else draw(st.text(max_size=8))] = draw(values)
    return json.dumps(whole)


own = certificate(1, 0)
frames = [hello(certificate(1, 1)).model_dump_json(), post(own, 1, 1).model_dump_json()]


@settings(max_examples=400, deadline=None)
@given(st.none() | st.text() | values.map(json.dumps) | spoilt(frames), st.booleans())
def test_the_room_answers_everything(text: str | None, inside: bool) -> None:
    """A claim, a refusal or an end; never an exception."""
    room = Room(ORIGIN, "main")
    if inside:
        let_in(room, 1, own)
    else:
        room.enter(1, "address", bytes(32), NOW)
    heard = room.hear(1, text, NOW + 2000)
    if isinstance(heard, Claim):
        assert all(check.data for check in heard.checks())
        return
    sent = heard[0]
    assert isinstance(sent, Send)
    assert isinstance(sent.frame, wire.Refused)
    assert sent.frame.detail
    assert inside or isinstance(heard[1], Close)


class Mallory:
    """Comes back whenever she is thrown out."""

    def __init__(self, service: Service, join: Join, inside: bool) -> None:
        self._service, self._join = service, join
        self._person = join("mallory") if inside else None
        self._socket: Socket = self._person or Socket(service.port)

    def frames(self) -> list[str]:
        """Good frames of hers: a message, and a hello for her next session, of a challenge that has passed."""
        person = self._person or self._join("mallory")
        message = person.session.message("good", now())
        return [message.model_dump_json(), person.new_session().hello(person.challenge).model_dump_json()]

    def send(self, frame: str | bytes) -> None:
        """Each frame is answered, or ends the connection with a code that says why."""
        for _ in range(2):  # once more if the connection was ended by the frame before
            closed = self._try(frame)
            if closed is None:
                return
            assert closed in CLOSES
            self._come_back()

    def _try(self, frame: str | bytes) -> int | None:
        """The close code, if it is not answered."""
        try:
            self._socket.send(frame)
            while not isinstance(self._socket.receive(), (wire.Accepted, wire.Refused, wire.Renewed, wire.Welcome)):
                pass
        except ConnectionClosed as end:
            return end.rcvd.code if end.rcvd else 1006
        return None

    def _come_back(self) -> None:
        if self._person is None:
            self._socket = Socket(self._service.port)
        else:
            known = {"identity": self._person.identity, "session": self._person.session}
            self._socket = self._person = self._join("mallory", **known)


@pytest.fixture
def talking(join: Join) -> Iterator[tuple[Person, Person]]:
    """Two people whom nothing disturbs: afterwards a message still takes its way."""
    alice, bob = join("alice"), join("bob")
    yield alice, bob
    alice.say("undisturbed")
    while (frame := bob.receive()).type in {"certificate", "joined", "left", "reuse"}:
        pass
    assert isinstance(frame, wire.Relayed)
    assert frame.message.text == "undisturbed"


@pytest.mark.parametrize("inside", [False, True])
def test_spoilt_frames(service: Service, join: Join, talking: tuple[Person, Person], inside: bool) -> None:
    """Good frames with one thing wrong, and any JSON, before and after the hello."""
    mallory = Mallory(service, join, inside)
    good = mallory.frames()

    @several
    @given(spoilt(good) | values.map(json.dumps))
    def send(frame: str) -> None:
        mallory.send(frame)

    send()


def test_random_frames(service: Service, join: Join, talking: tuple[Person, Person]) -> None:
    """Text and bytes without any sense."""
    mallory = Mallory(service, join, True)

    @several
    @given(st.text() | st.binary())
    def send(frame: str | bytes) -> None:
        mallory.send(frame)

    send()


def test_random_bytes_instead_of_frames(service: Service, talking: tuple[Person, Person]) -> None:
    """Below the WebSocket: bytes that are no HTTP, and bytes that are no frames after a good handshake."""
    source = random.Random(1)
    handshake = (
        f"GET /ws HTTP/1.1\r\nHost: localhost:{service.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()
    for number in range(30):
        with socket.create_connection(("127.0.0.1", service.port), PATIENCE) as raw:
            raw.sendall((handshake if number % 2 else b"") + source.randbytes(source.randrange(1, 2000)))
            raw.shutdown(socket.SHUT_WR)
            while raw.recv(65536):
                pass
