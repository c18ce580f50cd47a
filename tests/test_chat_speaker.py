"""The terminal client's voice, in this process: an acknowledgement that is lost, sessions that follow each other."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import hbss
from demo_chat import protocol, session, wire
from demo_chat.checker import now
from demo_chat.client import Client
from demo_chat.identity import Names
from demo_chat.listener import Listener
from demo_chat.speaker import Answer, Speaker
from tests.chat_kit import HOUR, Join, Process, Service, process

pytest_plugins = ["tests.chat_fixtures"]


def test_a_lost_acknowledgement(tmp_path: Path, keys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The server dies after it has kept a message: the identical bytes are sent again, and shown once to everybody."""
    with process(tmp_path / "db") as running:

        async def scene() -> Process:
            typed: asyncio.Queue[bytes | None] = asyncio.Queue()
            speaker = Speaker(hbss.generate(protocol.IDENTITY_SET), "alice", str(keys), typed, commands=False)
            first: list[object] = []
            answered = speaker.answered

            def lose_the_first(frame: Answer, listener: Listener) -> None:
                if first:
                    answered(frame, listener)
                    return
                first.append(frame)
                running.kill()

            speaker.answered = lose_the_first  # type: ignore[method-assign]
            client = Client(running.origin, Names(tmp_path / "names", running.origin), speaker, patient=False)
            talking = asyncio.create_task(client.run())
            await typed.put(b"said once")
            await typed.put(None)
            while not first:
                await asyncio.sleep(0.01)
            again = await asyncio.to_thread(Process, tmp_path / "db", running.port)
            await talking
            assert not speaker.failed
            return again

        again = asyncio.run(scene())
    shown = capsys.readouterr().out.splitlines()
    assert [line.split("]: ")[1] for line in shown] == ["said once"]
    again.end()


def test_rotation(tmp_path: Path, keys: Path, service: Service, join: Join) -> None:
    """The next session takes over on the same connection, and its chain begins anew."""
    bob = join("bob")

    async def scene() -> None:
        typed: asyncio.Queue[bytes | None] = asyncio.Queue()
        speaker = Speaker(
            hbss.generate(protocol.IDENTITY_SET), "rotating", str(keys), typed, commands=False, renew_at=4
        )
        for number in range(7):
            await typed.put(str(number).encode())
        await typed.put(None)
        await Client(service.origin, Names(tmp_path / "names", service.origin), speaker, patient=False).run()
        assert not speaker.failed

    asyncio.run(scene())
    messages = [bob.expect(wire.Relayed).message for _ in range(7)]
    assert [message.text for message in messages] == [str(number) for number in range(7)]
    assert [message.leaf for message in messages] == [1, 2, 3, 1, 2, 3, 1]
    assert len({message.certificate for message in messages}) == 3
    assert [message.previous == protocol.NO_MESSAGE for message in messages] == [True, False, False] * 2 + [True]


def test_when_the_next_session_is_due(keys: Path, service: Service) -> None:
    """From leaf 900 on, or in the certificate's last hour."""
    own = session.Session(hbss.generate(protocol.IDENTITY_SET), service.origin, "main", "alice", keys, now())
    with own._key.reserve(898):
        pass
    own.message("with leaf 898", now())
    assert own.leaf == 899
    assert not own.is_due(now())
    own.message("with leaf 899", now())
    assert own.is_due(now())
    fresh = session.Session(hbss.generate(protocol.IDENTITY_SET), service.origin, "main", "alice", keys, now())
    assert not fresh.is_due(now() + 22 * HOUR)
    assert fresh.is_due(now() + 23 * HOUR + 1000)
