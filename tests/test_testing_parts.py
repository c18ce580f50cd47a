"""The crash kit proves itself: every planted bug is caught by the part that it names; honest stores pass the same."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from hbss.testing import (
    Creating,
    Findings,
    HandingOn,
    KeySubject,
    Moving,
    RollingBack,
    Share,
    Signing,
    Splitting,
    StoreSubject,
    clock_jumps,
    contract,
    every_fault,
    kill_at_every_label,
    power_cuts,
    random_kills,
    rival_at_every_label,
)
from hbss.testing.plan import SQLITE
from hbss.testing.planted import BUGS, Bug, PlantedStore
from hbss.testing.scenarios import Scenario
from hbss.testing.shim import PLANS
from hbss.testing.subjects import HSS, XMSSMT
from tests.journal_store import JournalSubject

pytest_plugins = ["tests.testing_fixtures"]

STORE = StoreSubject(SQLITE)
KEY = KeySubject(HSS)
SPARSE = Share(7, 60)
SCENARIOS: list[Scenario] = [
    Signing(STORE), HandingOn(STORE), Signing(KEY), Signing(KeySubject(XMSSMT)), Creating(HSS),
    Moving(KEY, "sqlite:{folder}/elsewhere"), Splitting(KEY), RollingBack(KeySubject(HSS, witness="{folder}/witness")),
    RollingBack(KeySubject(HSS, witness="{folder}/witness"), recovers=True),
]  # fmt: skip
each_scenario = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)


def clean(found: Findings) -> bool:
    """Whether a part found nothing that should not be."""
    assert found.shown == []
    return not found.reuse and not found.wrong


# ---- planted bugs --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_caught(lab: ProcessPoolExecutor, bug: Bug) -> None:
    """By name, with any seed."""
    found = lab.submit(bug.find, SQLITE, bug.name, 5).result()
    assert found.part == bug.part
    assert found.reuse


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_the_honest_store_passes_the_same(lab: ProcessPoolExecutor, bug: Bug) -> None:
    """The part that catches a bug finds nothing where there is none."""
    found = lab.submit(bug.find, SQLITE, "", 5).result()
    assert found.part == bug.part
    assert clean(found)


def test_random_kills_find_a_bug(lab: ProcessPoolExecutor) -> None:
    """Signing before commit is the bug that they are for."""
    assert lab.submit(random_kills, PlantedStore(SQLITE, "sign before commit"), 3, 10).result().reuse
    found = lab.submit(random_kills, STORE, 3, 10).result()
    assert clean(found)
    assert found.released > 10


# ---- honest stores -------------------------------------------------------------------------------------------------


@each_scenario
def test_faults(lab: ProcessPoolExecutor, scenario: Scenario) -> None:
    """A few of all calls."""
    found = lab.submit(every_fault, scenario, PLANS, SPARSE).result()
    assert clean(found)
    assert found.events["kills"]
    assert found.events["faults"]


@each_scenario
def test_power_losses(lab: ProcessPoolExecutor, scenario: Scenario) -> None:
    """A few of all cuts."""
    found = lab.submit(power_cuts, scenario, 3, 20).result()
    assert clean(found)
    assert found.events == {"power losses": 20}


def test_power_loss_after_a_fault(lab: ProcessPoolExecutor) -> None:
    """A flush fails, and then the power does."""
    plan = next(plan for plan in PLANS if plan.name.startswith("flush"))
    found = lab.submit(power_cuts, Signing(STORE), 3, 60, (plan, 2)).result()
    assert clean(found)
    assert found.events == {"power losses": 60}


def test_a_second_power_loss(lab: ProcessPoolExecutor) -> None:
    """While the next signer recovers from the first: a journal that is rolled back halfway, and again."""
    found = lab.submit(power_cuts, Signing(STORE), 3, 12, None, 4).result()
    assert clean(found)
    assert sum(times for kind, times in found.details.items() if kind.startswith("second")) > 30


@each_scenario
def test_kills_at_labels(lab: ProcessPoolExecutor, scenario: Scenario) -> None:
    """A few of all labels."""
    found = lab.submit(kill_at_every_label, scenario, SPARSE, 1).result()
    assert clean(found)
    assert found.events["kills"] >= 3


def test_rivals_at_labels(lab: ProcessPoolExecutor) -> None:
    """A few of all labels."""
    found = lab.submit(rival_at_every_label, STORE, SPARSE).result()
    assert clean(found)
    assert found.events["rivals"] >= 3


def test_a_clock_that_jumps(lab: ProcessPoolExecutor) -> None:
    """Nothing depends on it."""
    found = lab.submit(clock_jumps, STORE, 3, 5).result()
    assert clean(found)
    assert found.released > 5


# ---- a store by somebody else --------------------------------------------------------------------------------------


def test_the_contract_of_a_foreign_store(lab: ProcessPoolExecutor) -> None:
    """Every clause."""
    found = lab.submit(contract, JournalSubject()).result()
    assert clean(found)
    assert found.events["clauses"] == 12


@pytest.mark.parametrize("weak", ["", "file", "folder", "rename"])
def test_power_losses_of_a_foreign_store(lab: ProcessPoolExecutor, weak: str) -> None:
    """Which flush a store that replaces its file leaves out: of the file, of the folder, or the second file at all."""
    found = lab.submit(power_cuts, Signing(JournalSubject(weak=weak)), 3).result()
    if not weak:
        assert clean(found)
    elif weak == "folder":
        assert found.reuse
    else:
        assert any("damaged" in text for text in found.shown)


def test_faults_and_kills_of_a_foreign_store(lab: ProcessPoolExecutor) -> None:
    """The shim and the labels see its calls as they see SQLite's."""
    found = lab.submit(every_fault, Signing(JournalSubject()), PLANS, Share(0, 6)).result()
    found.add(lab.submit(kill_at_every_label, Signing(JournalSubject()), SPARSE, 1, ("tests.journal_store",)).result())
    found.add(lab.submit(random_kills, JournalSubject(), 1, 5).result())
    assert clean(found)
    assert sum(found.events.values()) > 20


# ---- what a part says when something else is wrong -----------------------------------------------------------------


class Stumbles(Signing):
    """A signer with a bug of another kind."""

    def act(self, folder: Path, out: object) -> None:
        """Fail."""
        raise KeyError("no such thing")


def test_an_error_of_another_kind_is_a_finding(lab: ProcessPoolExecutor) -> None:
    """Not a refusal."""
    found = lab.submit(every_fault, Stumbles(STORE), PLANS[1:2]).result()
    assert found.wrong
    assert "KeyError: 'no such thing'" in found.shown[0]
