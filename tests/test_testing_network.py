"""The crash kit on PostgreSQL: a real server, the way to it, and its end."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor

import pytest

from hbss.testing import (
    HandingOn,
    KeySubject,
    Moving,
    RollingBack,
    Share,
    Signing,
    StoreSubject,
    contract,
    every_message,
    kill_at_every_label,
    random_kills,
)
from hbss.testing.network import TROUBLES, server_kills
from hbss.testing.planted import PlantedStore
from hbss.testing.subjects import HSS
from tests.postgres_kit import Server

pytest_plugins = ["tests.testing_fixtures", "tests.postgres_fixtures"]


@pytest.fixture
def subject(postgres: Server) -> StoreSubject:
    """A store on a real server."""
    return StoreSubject(postgres.url())


def test_the_contract(lab: ProcessPoolExecutor, subject: StoreSubject) -> None:
    """Every clause."""
    found = lab.submit(contract, subject).result()
    assert found.shown == []
    assert found.events["clauses"] == 12


@pytest.mark.parametrize("fault", TROUBLES)
def test_a_fault_at_a_message(lab: ProcessPoolExecutor, subject: StoreSubject, fault: str) -> None:
    """At a few of all messages, each way."""
    found = lab.submit(every_message, subject, Signing, Share(5, 60), (fault,)).result()
    assert found.shown == []
    assert found.events["faults"] >= 2


def test_a_cut_is_felt(lab: ProcessPoolExecutor, subject: StoreSubject) -> None:
    """The faults do happen: the signer is refused for a moment."""
    found = lab.submit(every_message, subject, HandingOn, Share(20, 100), ("cut instead of a message",)).result()
    assert found.shown == []
    assert found.refused


@pytest.mark.parametrize(("bug", "caught"), [("sign before commit", True), ("", False)])
def test_random_kills(lab: ProcessPoolExecutor, subject: StoreSubject, bug: str, caught: bool) -> None:
    """A planted bug is caught here as well, and the honest store passes."""
    tested = PlantedStore(subject.url, bug) if bug else subject
    assert bool(lab.submit(random_kills, tested, 3, 12).result().reuse) == caught


def test_kills_at_labels(lab: ProcessPoolExecutor, subject: StoreSubject) -> None:
    """Signing, moving a key there, and a witness that is there."""
    moving = Moving(KeySubject(HSS), subject.url)
    watched = RollingBack(KeySubject(HSS, witness=subject.url))
    for scenario in (Signing(subject), moving, watched):
        found = lab.submit(kill_at_every_label, scenario, Share(5, 150), 1).result()
        assert found.shown == []
        assert found.events["kills"]


@pytest.mark.long
def test_cuts_find_a_bug(lab: ProcessPoolExecutor, subject: StoreSubject) -> None:
    """A reservation that is given back after the connection was lost."""
    tested = PlantedStore(subject.url, "reservation given back after an error")
    assert lab.submit(every_message, tested, Signing, Share(3, 6), ("cut instead of a message",)).result().reuse


@pytest.mark.long
def test_the_server_is_killed(lab: ProcessPoolExecutor) -> None:
    """And started again, while signers sign and are killed."""
    found = lab.submit(server_kills, 3, 40).result()
    assert found.shown == []
    assert found.events["server kills"]  # how many depends on the pace of the machine
