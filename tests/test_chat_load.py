"""Many clients at once, each message signed and verified; and the benchmark that measures it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from benchmarks import chat, chat_load, chat_tables
from benchmarks.chat_load import Material, Peer, Tally
from tests.chat_kit import PATIENCE, ROOMY, serving
from tests.test_chat_limits import unread

pytest_plugins = ["tests.chat_fixtures"]


@pytest.mark.parametrize("clients", [20, pytest.param(100, marks=pytest.mark.long)])
def test_everybody_gets_everything(tmp_path: Path, keys: Path, clients: int) -> None:
    """Whatever ten of them send at once; but for one who does not read, and is disconnected."""
    senders, each = 10, 40
    with serving(tmp_path / "db", limits=replace(ROOMY, outgoing=60)) as service:
        material = Material(service.origin, senders, each, keys)

        async def scene() -> tuple[Tally, int]:
            tally = Tally()
            peers = await chat_load.connect(material, clients, tally)
            slow = Peer(material.sessions[0], [], Tally())
            await asyncio.get_running_loop().create_connection(lambda: slow, sock=unread(service.port))
            await slow.welcomed
            slow.transport.pause_reading()
            for number in range(1, each + 1):
                for peer in peers[:senders]:
                    peer.send()
                while tally.relayed < number * senders * (clients - 1):
                    await asyncio.sleep(0.01)
            slow.transport.resume_reading()
            code = await asyncio.wait_for(slow.lost, PATIENCE)
            await chat_load.disconnect(peers)
            return tally, code

        tally, code = asyncio.run(asyncio.wait_for(scene(), 3 * PATIENCE))
        stats = httpx.get(f"{service.origin}/stats").json()
    assert tally.accepted == senders * each
    assert tally.relayed == senders * each * (clients - 1)
    assert code == 4008
    assert stats["frames"]["slow"] == 1
    assert stats["verified"] == senders * each + 2 * (clients + 1)


def test_the_benchmark_runs() -> None:
    """A short run, whose figures mean little: everything is measured and said."""
    found = chat.measure(chat.QUICK)
    assert [rate["clients"] for rate in found["rates"]] == [4, 8]
    for rate in found["rates"]:
        assert 0 < rate["verified"].least <= rate["verified"].greatest
        assert rate["trusted"].least > 0
        assert rate["cost"].median == pytest.approx(1 - rate["verified"].median / rate["trusted"].median)
    for latency in found["latencies"]:
        assert latency["deliveries_seen"] > 0
        assert 0 < latency["p50"] <= latency["p99"]
    assert found["memory"]["first"].least > 10
    said = chat_tables.server(found, {})
    assert f"{found['rates'][0]['verified'].median:,.0f}" in said
    assert "slow readers" in said
