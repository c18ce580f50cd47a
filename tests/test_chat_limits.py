"""Whoever asks for too much is stopped, and the others do not notice."""

from __future__ import annotations

import itertools
import socket
import sqlite3
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from demo_chat import server, wire
from demo_chat.checker import now
from tests.chat_kit import ROOMY, Person, Service, Socket, serving, wait_for

pytest_plugins = ["tests.chat_fixtures"]


def stats(service: Service) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{service.origin}/stats").json()
    return found


def test_no_hello(tmp_path: Path) -> None:
    """Ten seconds by default, here a fraction of one."""
    assert ROOMY.hello_seconds == 10
    with serving(tmp_path / "db", limits=replace(ROOMY, hello_seconds=0.2)) as service:
        silent = Socket(service.port)
        silent.expect(wire.Challenge)
        assert silent.closed() == (1008, "no good hello within 0.2 seconds")


def test_too_many_connections_from_an_address(tmp_path: Path, keys: Path) -> None:
    """Those that are there stay; when one goes another may come."""
    with serving(tmp_path / "db", limits=replace(ROOMY, per_address=2)) as service:
        alice, silent = Person(service, "alice", keys), Socket(service.port)
        silent.expect(wire.Challenge)
        code, reason = Socket(service.port).closed()
        assert (code, reason) == (1008, "there are 2 connections from your address already")
        silent.leave()
        wait_for(lambda: stats(service)["connections"] == 1)
        bob = Person(service, "bob", keys)
        alice.say("still here")
        assert bob.hears() == "still here"
        alice.leave()
        bob.leave()


def test_the_room_is_full(tmp_path: Path) -> None:
    """Of any addresses."""
    with serving(tmp_path / "db", limits=replace(ROOMY, connections=1)) as service:
        first = Socket(service.port)
        first.expect(wire.Challenge)
        assert Socket(service.port).closed()[0] == 1013
        first.leave()


def test_frames_too_fast(tmp_path: Path, keys: Path) -> None:
    """Refused, not closed; the same bytes are accepted later."""
    with serving(tmp_path / "db", limits=replace(ROOMY, burst=3, per_second=4)) as service:
        alice, bob = Person(service, "alice", keys), Person(service, "bob", keys)
        messages = {message.id: message for message in (alice.session.message(f"{n}", now()) for n in range(10))}
        for message in messages.values():
            alice.send(message)
        refused, waiting = 0, set(messages)
        while waiting:
            frame = alice.receive()
            if isinstance(frame, wire.Accepted):
                waiting.remove(frame.id)
            elif isinstance(frame, wire.Refused):
                assert frame.code == "rate"
                assert frame.id is not None
                refused += 1
                time.sleep(0.3)
                alice.send(messages[frame.id])
        assert refused
        assert {bob.hears() for _ in messages} == {f"{n}" for n in range(10)}
        alice.leave()
        bob.leave()


def test_session_keys_too_fast(tmp_path: Path, keys: Path) -> None:
    """One a second and connection."""
    with serving(tmp_path / "db", limits=replace(ROOMY, hello_pause=1000)) as service:
        alice = Person(service, "alice", keys)
        first, second = (alice.new_session().hello(alice.challenge) for _ in range(2))
        time.sleep(1.1)
        alice.send(first)
        alice.send(second)
        alice.expect(wire.Renewed)
        assert alice.refusal().code == "rate"
        time.sleep(1.1)
        alice.send(second)
        alice.expect(wire.Renewed)
        alice.leave()


def test_frames_too_long(tmp_path: Path, keys: Path) -> None:
    """65,536 bytes are the most; who sends more is closed by the protocol below, 1009."""
    with serving(tmp_path / "db") as service:
        alice, bob = Person(service, "alice", keys), Person(service, "bob", keys)
        bob.send(" " * 65_536)
        assert bob.refusal().code == "malformed"
        assert bob.closed()[0] == 1008
        carol = Person(service, "carol", keys)
        carol.send(" " * 65_537)
        assert carol.closed()[0] == 1009
        alice.say("undisturbed")
        alice.leave()


def test_more_to_verify_than_may_wait(tmp_path: Path, keys: Path) -> None:
    """While the disk is slow, here locked by somebody else, claims wait. Who finds the queue full is closed: 1013."""
    with serving(tmp_path / "db", limits=replace(ROOMY, checks=2)) as service:
        people = [Person(service, name, keys) for name in ("a", "b", "c", "d")]
        holding = sqlite3.connect(service.db, isolation_level=None)
        holding.execute("BEGIN IMMEDIATE")
        messages = [person.session.message(person.name, now()) for person in people]
        people[0].send(messages[0])  # the checker takes it, and waits for the lock
        wait_for(lambda: stats(service)["verified"] == 9)  # two for each hello before
        for person, message in zip(people[1:3], messages[1:3], strict=True):
            person.send(message)
        wait_for(lambda: stats(service)["waiting"] == 2)
        people[3].send(messages[3])
        assert people[3].refusal().code == "full"
        assert people[3].closed()[0] == 1013
        holding.execute("COMMIT")
        holding.close()
        for person, message in zip(people[:3], messages[:3], strict=True):
            assert person.expect(wire.Accepted).id == message.id
            person.leave()


def test_a_slow_reader(tmp_path: Path, keys: Path) -> None:
    """It is closed with 4008 when its queue is full; everybody else gets everything, in time."""
    with serving(tmp_path / "db", limits=replace(ROOMY, outgoing=20)) as service:
        alice, bob = Person(service, "alice", keys), Person(service, "bob", keys)
        slow = Person(service, "slow", keys, sock=unread(service.port), max_queue=1)
        number = 0
        while "slow" not in stats(service)["frames"]:
            assert number < 900
            alice.say(f"{number} " + "x" * 3000)
            assert bob.hears().startswith(f"{number} ")
            number += 1
        alice.say("undisturbed")
        assert bob.hears() == "undisturbed"
        heard = itertools.count()
        with pytest.raises(ConnectionClosed):  # nothing is left out before
            all(slow.hears().startswith(f"{number} ") for number in heard)
        assert next(heard) > 5
        assert slow.closed() == (4008, "you read too slowly")
        assert bob.expect(wire.Left).name == "slow"
        alice.leave()
        bob.leave()


def test_who_never_reads_again_is_given_up(tmp_path: Path, keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its connection does not stay for ever: the system ends it after a time without any progress."""
    monkeypatch.setattr(server, "STUCK", 2000)
    with serving(tmp_path / "db", limits=replace(ROOMY, outgoing=5)) as service:
        alice = Person(service, "alice", keys)
        Person(service, "slow", keys, sock=unread(service.port), max_queue=1)
        while (found := stats(service))["connections"] == 2 and "slow" not in found["frames"]:
            alice.say("x" * 3000)
        wait_for(lambda: stats(service)["connections"] == 1)
        assert stats(service)["online"] == 1
        alice.leave()


def unread(port: int) -> socket.socket:
    """A connection whose system keeps little of what its program does not read."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.connect(("127.0.0.1", port))
    return plain
