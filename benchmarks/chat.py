"""The chat's server under load: deliveries per second with verifying and without, latency, memory with a slow reader.

The server has one core and the clients another. Two servers run at once, one that verifies and one that trusts, and
take turns, so that both meet the same minutes of the machine. Messages are signed before the clock starts.
"""

from __future__ import annotations

import asyncio
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypedDict

from benchmarks import chat_load
from benchmarks.chat_load import Material, Peer, Tally
from benchmarks.measure import ROOT, Machine, Spread, machine
from demo_chat.session import folder


@dataclass(frozen=True)
class Budget:
    """How much is measured."""

    clients: tuple[int, ...] = (100, 500)
    rounds: int = 3  # of each server, by turns
    seconds: float = 5  # of a round
    steady_seconds: float = 10
    memory_seconds: float = 30
    sessions: int = 30  # that send at the same time
    messages: int = 960  # of each session, signed before


QUICK = Budget(
    clients=(4, 8), rounds=1, seconds=0.3, steady_seconds=0.3, memory_seconds=0.5, sessions=4, messages=300
)  # fmt: skip


class Rate(TypedDict):
    """Deliveries per second, one round after another; cost: what part of them verifying takes away."""

    clients: int
    verified: Spread
    trusted: Spread
    cost: Spread


class Latency(TypedDict):
    """Milliseconds from when a message was to be sent until a client had it, at half of the greatest rate."""

    clients: int
    messages_per_second: float
    deliveries_seen: int
    p50: float
    p99: float


class Memory(TypedDict):
    """MiB of the server while somebody does not read, in the first and the last third of the time."""

    clients: int
    slow_readers: int
    first: Spread
    last: Spread


class Found(TypedDict):
    """Everything that was measured. cores: of the server and of the clients; -1 if the machine has one only."""

    machine: Machine
    cores: tuple[int, int]
    rates: list[Rate]
    latencies: list[Latency]
    memory: Memory


class Server(NamedTuple):
    """A running server, what is sent to it, and what came from it."""

    pid: int
    material: Material
    tally: Tally


def measure(budget: Budget = Budget()) -> Found:
    """Measure everything, in a folder that is removed afterwards."""
    found = sorted(os.sched_getaffinity(0))
    cores = (found[0], found[1]) if len(found) > 1 else (-1, -1)
    with tempfile.TemporaryDirectory(prefix="hbss-bench-") as where, folder() as keys, ExitStack() as stack:
        servers = {}
        for mode in ("verified", "trusted"):
            pid, origin = stack.enter_context(server(Path(where, mode), cores[0], mode))
            material = Material(origin, budget.sessions, budget.messages, Path(keys))
            servers[mode] = Server(pid, material, Tally())
        if cores[1] >= 0:
            os.sched_setaffinity(0, {cores[1]})
        try:
            rates, latencies, memory = asyncio.run(scene(budget, servers))
        finally:
            os.sched_setaffinity(0, found)
    return Found(machine=machine(), cores=cores, rates=rates, latencies=latencies, memory=memory)


@contextmanager
def server(db: Path, core: int, mode: str) -> Iterator[tuple[int, str]]:
    """Its process and its origin."""
    command = [sys.executable, "-m", "benchmarks.chat_server", str(db), str(core), mode]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            origin = (process.stdout.readline() if process.stdout else "").strip()
            if not origin:
                raise RuntimeError(f"the server ended with status {process.wait()}; it has said why")
            yield process.pid, origin
        finally:
            process.terminate()


async def scene(budget: Budget, servers: dict[str, Server]) -> tuple[list[Rate], list[Latency], Memory]:
    """All that happens while the servers run."""
    rates, latencies = [], []
    for count in budget.clients:
        peers = {mode: await chat_load.connect(each.material, count, each.tally) for mode, each in servers.items()}
        rate = await rates_of(budget, servers, peers, count)
        rates.append(rate)
        latencies.append(await latency(budget, servers["verified"], peers["verified"], rate))
        for group in peers.values():
            await chat_load.disconnect(group)
    return rates, latencies, await memory(budget, servers["verified"], budget.clients[0])


async def rates_of(budget: Budget, servers: dict[str, Server], peers: dict[str, list[Peer]], count: int) -> Rate:
    """Both servers by turns."""
    found: dict[str, list[float]] = {mode: [] for mode in servers}
    for _ in range(budget.rounds):
        for mode, each in servers.items():
            found[mode].append(await chat_load.rush(peers[mode], each.material, each.tally, budget.seconds))
    costs = [1 - with_it / without for with_it, without in zip(found["verified"], found["trusted"], strict=True)]
    return Rate(
        clients=count, verified=Spread.of(found["verified"]), trusted=Spread.of(found["trusted"]),
        cost=Spread.of(costs),
    )  # fmt: skip


async def latency(budget: Budget, server: Server, peers: list[Peer], rate: Rate) -> Latency:
    """At half of what the verifying server has just delivered."""
    per_second = rate["verified"].median / (rate["clients"] - 1) / 2
    seen = await chat_load.steady(peers, server.material, server.tally, per_second, budget.steady_seconds)
    cuts = statistics.quantiles([1000 * each for each in seen], n=100)
    return Latency(
        clients=rate["clients"], messages_per_second=per_second, deliveries_seen=len(seen), p50=cuts[49], p99=cuts[98]
    )


async def memory(budget: Budget, server: Server, count: int) -> Memory:
    """The server's memory while its clients talk and one, again and again, does not read."""
    peers = await chat_load.connect(server.material, count, server.tally)
    talking = asyncio.create_task(chat_load.steady(peers, server.material, server.tally, 20, budget.memory_seconds))
    samples: list[float] = []
    slow: list[Peer] = []
    while not talking.done():
        if not slow or slow[-1].lost.done():
            slow += await chat_load.connect(server.material, 1, server.tally)
            slow[-1].transport.pause_reading()
        samples.append(resident(server.pid))
        await asyncio.sleep(0.1)
    await talking
    for peer in slow:
        peer.transport.abort()
    await chat_load.disconnect(peers)
    third = max(1, len(samples) // 3)
    return Memory(
        clients=count, slow_readers=len(slow), first=Spread.of(samples[:third]), last=Spread.of(samples[-third:])
    )


def resident(pid: int) -> float:
    """MiB of memory that a process has now (VmRSS, which is Linux's to say)."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0
