"""What the campaign runs: pieces of a few seconds, each a part of the kit on one subject with a share of its events."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hbss.testing import kills, network
from hbss.testing.contract import contract
from hbss.testing.faults import every_fault
from hbss.testing.key_scenarios import Creating, Moving, RollingBack, Splitting
from hbss.testing.power import power_cuts
from hbss.testing.scenarios import HandingOn, Scenario, Signing
from hbss.testing.shim import KILL, PLANS
from hbss.testing.subjects import HSS, WIDE, XMSSMT, KeySubject, StoreSubject
from hbss.testing.trials import Findings, Share

SQLITE = "sqlite:{folder}/state"
PART = 16  # a round takes every 16th call or message,
POINTS = 8  # and every 8th labelled point
CUTS = 160  # power cuts of one piece


@dataclass(frozen=True)
class Piece:
    """Something to run in the laboratory."""

    function: Callable[..., Findings]
    arguments: tuple[object, ...]


def pieces(url: str, seed: int, own_server: bool) -> Iterator[Piece]:
    """Without end: one round after another, each with other shares and other draws.

    own_server: whether the URL leads to a server that the campaign has started, and may start others like.
    """
    yield Piece(contract, (StoreSubject(url),))
    for turn in itertools.count():
        share, draw = Share(turn, PART), seed + turn * 1000
        yield from _store(url, share, draw, own_server)
        yield from _keys(url, share, draw)


def _store(url: str, share: Share, seed: int, own_server: bool) -> Iterator[Piece]:
    """One round with a bare store and its thin signers."""
    store = StoreSubject(url)
    yield Piece(kills.random_kills, (store, seed, 150))
    for kind in (Signing, HandingOn):
        if store.is_local:
            yield from _files(kind(store), share, seed)
        else:
            yield Piece(network.every_message, (store, kind, share))
        yield Piece(kills.kill_at_every_label, (kind(store), share._replace(step=POINTS)))
    yield Piece(kills.rival_at_every_label, (store, share._replace(step=POINTS)))
    yield Piece(kills.clock_jumps, (store, seed, 30))
    if own_server:
        yield Piece(network.server_kills, (seed, 60))


def _keys(url: str, share: Share, seed: int) -> Iterator[Piece]:
    """One round with whole keys that keep their state there."""
    here = url == SQLITE
    yield Piece(kills.random_kills, (KeySubject(WIDE, "" if here else url), seed, 50))
    key, kept = KeySubject(HSS), KeySubject(HSS, "" if here else url)
    watched = KeySubject(HSS, witness="{folder}/witness" if here else url)
    found: list[Scenario] = [Signing(kept), RollingBack(watched), RollingBack(watched, recovers=True)]
    found += [Moving(key, "sqlite:{folder}/elsewhere" if here else url), Splitting(kept)]
    found += [Signing(KeySubject(XMSSMT)), Creating(HSS)] if here else []
    for scenario in found:
        if scenario.is_local:
            yield from _files(scenario, share, seed)
        else:  # the side of it that lies in the key file
            yield Piece(every_fault, (scenario, PLANS, share))
        yield Piece(kills.kill_at_every_label, (scenario, share._replace(step=POINTS)))


def _files(scenario: Scenario, share: Share, seed: int) -> Iterator[Piece]:
    """Faults and power losses: where everything is in files that the shim can see."""
    draw = random.Random(seed)
    yield Piece(every_fault, (scenario, PLANS, share))
    yield Piece(power_cuts, (scenario, seed, CUTS))
    fault = draw.choice([plan for plan in PLANS if plan.how != KILL]), draw.randrange(1, 60)
    yield Piece(power_cuts, (scenario, seed, CUTS // 2, fault))
    yield Piece(power_cuts, (scenario, seed + 1, CUTS // 8, None, 4))
