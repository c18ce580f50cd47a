"""Kills: at random moments, at every labelled point, and rivals that sign while a signer is held at one."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from hbss.errors import HbssError, KeyExhausted
from hbss.testing import checks, shim
from hbss.testing.checks import Account, Use
from hbss.testing.points import At, labelled
from hbss.testing.processes import Child, Out, in_child
from hbss.testing.scenarios import Scenario, Signing, sign_some
from hbss.testing.subjects import Subject
from hbss.testing.trials import ALL, KILLS, RIVALS, Bench, Findings, Share, judge, scratch, trial

LONGEST = 0.02  # seconds between two random kills
_BLOCKED = 0.1  # seconds after which a rival counts as waiting for the signer that is held


# ---- random moments ------------------------------------------------------------------------------------------------


def random_kills(
    subject: Subject,
    seed: int,
    kills: int,
    signers: int = 2,
    begin: Callable[[], None] = lambda: None,
    between: Callable[[random.Random], None] = lambda draw: None,
    part: str = "random kills",
) -> Findings:
    """Several processes sign all the time; one, drawn by lot, is killed at a random moment and replaced.

    begin: called in every signer first. between: called before every kill, such as to take the server away.
    """
    draw = random.Random(seed)
    found = Findings(part, subject.name)
    with scratch() as folder:
        created = in_child(lambda out: subject.create(folder))
        if created.error:
            found.found_wrong(created.error.strip().splitlines()[-1])
            return found

        def start() -> Child:
            return Child(lambda out: _sign_for_ever(subject, folder, out, begin))

        at_work = [start() for _ in range(signers)]
        uses: list[Use] = []
        for _ in range(kills):
            which = draw.randrange(signers)
            if draw.randrange(2):  # else it may not even have opened the key
                at_work[which].wait_for_release()
            between(draw)
            time.sleep(draw.uniform(0, LONGEST))
            uses += _killed(at_work[which], found)
            at_work[which] = start()
        for child in at_work:
            if not child.wait_for_release():
                found.found_wrong("a signer that nobody disturbed released nothing")
            uses += _killed(child, found)
        _balance(subject, folder, uses, found)
    return found


def clock_jumps(subject: Subject, seed: int, kills: int) -> Findings:
    """The same, while every signer's clock jumps by years, either way."""
    return random_kills(subject, seed, kills, begin=lambda: shim.move_clock(seed + os.getpid()), part="clock moved")


def _sign_for_ever(subject: Subject, folder: Path, out: Out, begin: Callable[[], None]) -> None:
    """Sign until killed; a store that refuses for now is asked again."""
    begin()
    random.seed(time.perf_counter_ns())
    while True:
        try:
            with closing(subject.open(folder)) as session:
                while True:
                    session.sign(out.release)
        except KeyExhausted:
            signal.pause()
        except (HbssError, OSError) as error:
            out.note(f"{type(error).__name__}: {error}")
            time.sleep(0.002)


def _killed(child: Child, found: Findings) -> list[Use]:
    ended = child.kill()
    found.count(KILLS)
    found.refused += len(ended.notes)
    if ended.error:
        found.found_wrong(f"a signer ended by itself: {ended.error.strip().splitlines()[-1]}")
    return ended.uses


def _balance(subject: Subject, folder: Path, uses: list[Use], found: Findings) -> None:
    """The invariant, and the store's own accounts."""

    def ask(out: Out) -> None:
        with closing(subject.open(folder)) as session:
            out.note(" ".join(map(str, session.account())))

    ended = in_child(ask)
    found.released += sum(use.layer == 0 for use in uses)
    for text in checks.reused(uses):
        found.found_reuse(text)
    if ended.error:
        found.found_wrong(f"at the end: {ended.error.strip().splitlines()[-1]}")
        return
    account = Account(*map(int, ended.notes[0].split()))
    found.lost += account.next - account.first - len({use.leaf for use in uses if use.layer == 0})
    for text in checks.unaccounted(account, uses):
        found.found_wrong(text)


# ---- labelled points -----------------------------------------------------------------------------------------------


def labels(bench: Bench, modules: tuple[str, ...], part: str = "") -> list[str]:
    """The labels that a scenario passes, in order, each as often as it is passed. part: only those that contain it."""

    @contextmanager
    def interference(out: Out) -> Iterator[None]:
        with labelled(out.note, *modules):
            yield

    ended = trial(bench, Findings("labels", bench.scenario.name), "while its labels were read", interference)
    return [note for note in ended.notes if note.startswith(("before ", "after ")) and part in note]


def kill_at_every_label(
    scenario: Scenario, share: Share = ALL, most: int = 2, modules: tuple[str, ...] = (), part: str = ""
) -> Findings:
    """Kill the signer at every label, the first time it passes there, the second, and so on up to `most`."""
    found = Findings("kills at labels", scenario.name)
    with scratch() as folder:
        bench = Bench(scenario, folder)
        times = Counter(labels(bench, modules, part))
        found.points = len(times)
        for label in share.of(times):
            for nth in range(1, min(times[label], most) + 1):
                _kill_at(bench, found, label, nth, modules)
    return found


def _kill_at(bench: Bench, found: Findings, label: str, nth: int, modules: tuple[str, ...]) -> None:
    @contextmanager
    def interference(out: Out) -> Iterator[None]:
        with labelled(At(label, signal.SIGKILL, nth), *modules):
            yield

    if trial(bench, found, f"killed {label}", interference).killed:
        found.count(KILLS, label)


# ---- rivals --------------------------------------------------------------------------------------------------------


def rival_at_every_label(
    subject: Subject, share: Share = ALL, modules: tuple[str, ...] = (), part: str = ""
) -> Findings:
    """Hold a signer at every label; meanwhile another one signs, or waits for it; then the first goes on."""
    found = Findings("rivals at labels", subject.name)
    with scratch() as folder:
        bench = Bench(Signing(subject), folder)
        passed = dict.fromkeys(labels(bench, modules, part))
        found.points = len(passed)
        for label in share.of(passed):
            _hold_at(bench, subject, found, label, modules)
    return found


def _hold_at(bench: Bench, subject: Subject, found: Findings, label: str, modules: tuple[str, ...]) -> None:
    prepared = bench.reset()

    def hold(out: Out) -> None:
        with labelled(At(label, signal.SIGSTOP), *modules):
            bench.scenario.act(bench.folder, out)

    child = Child(hold)
    if child.wait_for_stop():
        found.count(RIVALS, label)
    rival = Child(lambda out: void(sign_some(subject, bench.folder, out, 1)))
    rival.is_over(_BLOCKED)
    child.resume()
    second = rival.end()
    judge(bench.scenario, found, f"held {label}", [prepared, child.end()], second)


def void(value: object) -> None:
    """Nothing."""
