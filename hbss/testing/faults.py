"""Faults: every single call to the files fails, or writes short, or is the last of its process.

The calls are counted, not drawn: for each plan the scenario runs again and again, with the first, the second, the third
call hit, until a run has no more calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from hbss.testing import shim
from hbss.testing.processes import Out
from hbss.testing.scenarios import Scenario
from hbss.testing.shim import KILL, PLANS, Plan
from hbss.testing.trials import ALL, FAULTS, KILLS, Bench, Findings, Share, scratch, trial

_MET = "calls: "


def every_fault(scenario: Scenario, plans: Iterable[Plan] = PLANS, share: Share = ALL) -> Findings:
    """Run a scenario once for every call that each plan can hit."""
    found = Findings("faults", scenario.name)
    with scratch() as folder:
        bench = Bench(scenario, folder)
        for plan in plans:
            nth = share.first % share.step + 1
            while _is_hit(bench, found, plan, nth):
                found.count(KILLS if plan.how == KILL else FAULTS, plan.name)
                nth += share.step
    return found


def _is_hit(bench: Bench, found: Findings, plan: Plan, nth: int) -> bool:
    """One run; whether there was an n-th call."""

    @contextmanager
    def interference(out: Out) -> Iterator[None]:
        shim.watch(bench.folder)
        shim.plan(plan, nth)
        try:
            yield
        finally:
            met = shim.met()
            shim.rest()
            out.note(f"{_MET}{met}")

    ended = trial(bench, found, f"{plan.name}, call {nth}", interference)
    return ended.killed or any(int(note.removeprefix(_MET)) >= nth for note in ended.notes if note.startswith(_MET))
