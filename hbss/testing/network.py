"""The way to a server, and the server itself: cut, delayed and doubled at every message; killed and started again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import urlsplit, urlunsplit

from hbss.testing.kills import random_kills
from hbss.testing.processes import Out
from hbss.testing.proxy import CUT, DELAY, DUPLICATE, WAYS, Bytes, Fault, PostgresMessages, Proxy, Splitter
from hbss.testing.scenarios import Scenario, Signing
from hbss.testing.subjects import StoreSubject
from hbss.testing.trials import ALL, FAULTS, SERVER, Bench, Findings, Share, scratch, trial

_MET = "messages: "
TROUBLES = {
    "cut instead of a message": Fault("", 0, CUT),
    "cut after a message": Fault("", 0, CUT, after=True),
    "message delayed": Fault("", 0, DELAY, seconds=0.02),
    "message doubled": Fault("", 0, DUPLICATE),
}
SPLITTERS: dict[str, Callable[[], Splitter]] = {"postgresql": PostgresMessages, "postgres": PostgresMessages}


Kind = Callable[[StoreSubject], Scenario]


def every_message(
    subject: StoreSubject, kind: Kind = Signing, share: Share = ALL, faults: tuple[str, ...] = tuple(TROUBLES)
) -> Findings:
    """Run a scenario of this kind once for every fault at every message, each way, until a run has no more messages."""
    found = Findings("network", kind(subject).name)
    with scratch() as folder:
        bench = Bench(kind(subject), folder)
        for name in faults:
            for way in WAYS:
                nth = share.first % share.step + 1
                while _is_hit(bench, subject, kind, found, name, replace(TROUBLES[name], way=way, at=nth)):
                    found.count(FAULTS, name)
                    nth += share.step
    return found


def _is_hit(bench: Bench, subject: StoreSubject, kind: Kind, found: Findings, name: str, fault: Fault) -> bool:
    """One run through a proxy of its own; whether there was an n-th message."""
    url = urlsplit(subject.url)

    @contextmanager
    def interference(out: Out) -> Iterator[None]:
        with Proxy(url.hostname or "127.0.0.1", url.port or 5432, SPLITTERS.get(url.scheme, Bytes)) as proxy:
            place = f"{url.netloc.rpartition('@')[0]}@127.0.0.1:{proxy.port}"
            through = replace(subject, url=urlunsplit(url._replace(netloc=place)))
            bench.scenario = kind(through)  # in the signer's process alone
            proxy.arm(fault)
            yield
            out.note(f"{_MET}{int(proxy.fired)}")

    ended = trial(bench, found, f"{name}, {fault.way}, number {fault.at}", interference)
    return f"{_MET}1" in ended.notes


def server_kills(seed: int, kills: int) -> Findings:
    """Signers of a fresh PostgreSQL server are killed, and every so often so is the server."""
    from hbss.testing.postgres_server import Server, running_server

    outages = 0

    def outage(draw: random.Random) -> None:
        nonlocal outages
        if draw.random() < 0.25:
            server.kill()
            time.sleep(draw.uniform(0, 0.05))
            server.start()
            outages += 1

    with running_server(Server) as server:
        found = random_kills(StoreSubject(server.url()), seed, kills, between=outage, part="server kills")
    found.count(SERVER, times=outages)
    return found
