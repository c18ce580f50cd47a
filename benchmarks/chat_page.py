"""The chat's page in Chromium: what it weighs, how soon it is there, and whether key work ever holds it up.

A round is a browser that has never been here: first visit, messages, the details of one, and a reload. Tasks over 50 ms
are counted by the browser itself. Key work beside its limit, in the same browser, is measured as in wasm.py.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from benchmarks import wasm
from benchmarks.measure import ROOT, Machine, Spread, machine

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MESSAGES = 20
TARGETS = {"weight": 150_000, "efficiency": 0.6, "ready_ms": 1000}

OBSERVE = """
    window.longTasks = [];
    new PerformanceObserver((list) => longTasks.push(...list.getEntries().map((each) => each.duration)))
        .observe({ type: "longtask", buffered: true });
"""


LOADED = """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
    .map((each) => [new URL(each.name).pathname, each.transferSize, each.decodedBodySize])"""


class Weight(TypedDict):
    """Of a first visit, page and Worker: files, and bytes as they travel (with headers) and as they are read."""

    files: int
    transferred: int
    content: int


class Report(TypedDict):
    """All of it. ms: from asking for the page until the form is there, from choosing a name until one is in the room,
    and so on. long_tasks_ms: the page's tasks over 50 ms, in any round."""

    machine: Machine
    engine: wasm.Engine
    weight: Weight
    ms: dict[str, Spread]
    long_tasks_ms: dict[str, list[float]]


class Visit:
    """One browser that has never been here."""

    def __init__(self, browser: Browser, origin: str) -> None:
        self._origin = origin
        self._context = browser.new_context()
        self.page: Page = self._context.new_page()
        self.page.add_init_script(OBSERVE)

    def open(self) -> None:
        """The first visit, until the form is there."""
        self.page.goto(self._origin)
        self.page.locator("#choose").wait_for()

    def enter(self, number: int) -> None:
        """An identity, a session key and its certificate, and the room."""
        self.page.locator("#name").fill(f"Visitor {number}")
        self.page.locator("#choose button.main").click()
        self._is_in()

    def talk(self) -> None:
        """Messages one after another, each until it is verified."""
        for number in range(MESSAGES):
            verified = self.page.locator(".message.is-verified").count()
            self.page.locator("#text").fill(f"message {number}")
            self.page.locator("#text").press("Enter")
            self.page.locator(".message.is-verified").nth(verified).wait_for()

    def details(self) -> None:
        """The picture of a signature, and every hash of it."""
        self.page.locator(".badge").last.click()
        self.page.get_by_text("Every hash, as text").click()
        self.page.locator(".hashes").wait_for()

    def again(self) -> None:
        """A reload: a new session key, and the history."""
        self.page.reload()
        self._is_in()

    def long_tasks(self) -> list[float]:
        """Since the page was loaded; the browser is late to tell."""
        self.page.wait_for_timeout(200)
        found: list[float] = self.page.evaluate("longTasks.splice(0)")
        return found

    def weight(self) -> Weight:
        """Of what was loaded, by the browser's own account; what came from its cache weighs nothing."""
        loaded = self.page.evaluate(LOADED)
        for worker in self.page.workers:
            loaded += worker.evaluate(LOADED)
        _, transferred, content = zip(*(each for each in loaded if each[1]), strict=True)
        return Weight(files=len(content), transferred=sum(transferred), content=sum(content))

    def _is_in(self) -> None:
        self.page.locator("#state.is-online").wait_for()

    def end(self) -> None:
        """Close it."""
        self._context.close()


def measure(rounds: int, tell: Callable[[str], None]) -> Report:
    """Everything; about ten seconds a round. FileNotFoundError if Chromium is missing."""
    from playwright.sync_api import sync_playwright  # of the extra `test`

    tell("the module in Chromium ...")
    engine, _ = wasm.in_chromium(rounds)
    times: dict[str, list[float]] = {}
    long_tasks: dict[str, list[float]] = {}
    with served() as origin, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=wasm.found("chromium", "chromium-browser"))
        for number in range(rounds):
            tell(f"visit {number + 1} of {rounds} ...")
            visit = Visit(browser, origin)
            acts: dict[str, Callable[[], None]] = {
                "form": visit.open, "first entry": partial(visit.enter, number),
                f"{MESSAGES} messages": visit.talk, "details": visit.details, "reload": visit.again,
            }  # fmt: skip
            for name, act in acts.items():
                start = time.perf_counter()
                act()
                times.setdefault(name, []).append(1000 * (time.perf_counter() - start))
                long_tasks.setdefault(name, []).extend(visit.long_tasks())
                if name == "first entry":
                    weight = visit.weight()
            visit.end()
        browser.close()
    ms = {name: Spread.of(each) for name, each in times.items()}
    return Report(machine=machine(), engine=engine, weight=weight, ms=ms, long_tasks_ms=long_tasks)


@contextmanager
def served() -> Iterator[str]:
    """The chat's server, as users start it."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "demo_chat", "--port", "0", "--db", str(Path(folder) / "chat.db")]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            try:
                said = process.stdout.readline() if process.stdout else ""
                origin = re.search(r"http://localhost:\d+", said)
                if origin is None:
                    raise RuntimeError(f"the server ended with status {process.wait()}; it has said why")
                yield origin[0]
            finally:
                process.terminate()
