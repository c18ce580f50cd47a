"""The WebAssembly module in Node and in Chromium: key work beside its limit, and what a page feels of it.

The limit of an act is its hash calls (hbss.costs, the top tree at hand) times what the module's own kernel takes for
one, measured before and after it in the same engine; efficiency is limit / time. `wasm.mjs` does the work.
"""

from __future__ import annotations

import functools
import gzip
import http.server
import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypedDict

from benchmarks.measure import ROOT, Machine, Spread, machine
from hbss import costs
from hbss.params import rows

SESSION, IDENTITY = "LMS_SHA256_M32_H10_W4", "SLH-DSA-SHA2-128s"
LONG_TASK = 50  # ms: what a browser calls long


class Act(TypedDict):
    """One act: milliseconds; hash calls, and how near it comes to them, where that can be said."""

    ms: Spread
    hashes: float | None
    efficiency: Spread | None


class Engine(TypedDict):
    """What was measured in one engine. kernels: ns per hash call. first: ms of the first key, while it compiles."""

    name: str
    acts: dict[str, Act]
    kernels: dict[str, Spread]
    first: dict[str, float]


class Page(TypedDict):
    """What a page sees of the Worker: its start, key work, verifications meanwhile; and the page's tasks over 50 ms."""

    start_ms: float
    ms: dict[str, Spread]
    long_tasks_ms: list[float]


class Report(TypedDict):
    """All of it. bytes: of the module and of the scripts, as they are and compressed by gzip."""

    machine: Machine
    engines: list[Engine]
    page: Page
    bytes: dict[str, list[int]]


def hashes() -> dict[str, float]:
    """Hash calls of the acts that are little else."""
    session, identity = (costs.split([rows()[name]]) for name in (SESSION, IDENTITY))
    return {
        "keygen_lms": session.keygen.total, "sign_lms": session.sign_cached.total, "verify_lms": session.verify.total,
        "keygen_slhdsa": identity.keygen.total, "sign_slhdsa": identity.sign_cached.total,
        "verify_slhdsa": identity.verify.total,
    }  # fmt: skip


def measure(rounds: int, tell: Callable[[str], None]) -> Report:
    """Everything; some seconds a round. FileNotFoundError if Node or Chromium is missing."""
    tell("Node ...")
    engines = [in_node(rounds)]
    tell("Chromium ...")
    browser, page = in_chromium(rounds)
    return Report(machine=machine(), engines=[*engines, browser], page=page, bytes=sizes())


def in_node(rounds: int) -> Engine:
    """By `node`."""
    node = found("node", "nodejs")
    script = f"""
        globalThis.crypto ??= (await import("node:crypto")).webcrypto;
        const {{ measure }} = await import({json.dumps(str(ROOT / "benchmarks" / "wasm.mjs"))});
        console.log(JSON.stringify(await measure({rounds})));
    """
    done = subprocess.run([node, "--input-type=module", "-e", script], capture_output=True, text=True, check=True)
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return _engine(f"Node {version}", json.loads(done.stdout))


def in_chromium(rounds: int) -> tuple[Engine, Page]:
    """By the system's Chromium: in a page, and by the Worker behind it."""
    from playwright.sync_api import sync_playwright  # of the extra `test`

    with _served() as origin, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=found("chromium", "chromium-browser"))
        page = browser.new_page()
        page.goto(f"{origin}/tests/wasm/page.html")
        call = "async ([f, rounds]) => (await import('/benchmarks/wasm.mjs'))[f](rounds)"
        engine = _engine(f"Chromium {browser.version}", page.evaluate(call, ["measure", rounds]))
        page.reload()
        worker = page.evaluate(call, ["behindWorker", rounds])
        browser.close()
    times = {name: Spread.of(ms) for name, ms in worker["times"].items()}
    return engine, Page(start_ms=worker["start"], ms=times, long_tasks_ms=worker["long"])


def sizes() -> dict[str, list[int]]:
    """The module and the scripts: bytes, and bytes by gzip."""
    folder = ROOT / "demo_chat" / "static"
    groups = {"hbss.wasm": [folder / "hbss.wasm"], "hbss*.js": sorted(folder.glob("hbss*.js"))}
    contents = {name: [path.read_bytes() for path in paths] for name, paths in groups.items()}
    return {
        name: [sum(map(len, each)), sum(len(gzip.compress(data, 9)) for data in each)]
        for name, each in contents.items()
    }


def text(found: Report) -> str:
    """For the terminal."""
    lines = []
    for engine in found["engines"]:
        lines += [engine["name"], *(f"  {name:18} {ns.median:7.1f} ns" for name, ns in engine["kernels"].items())]
        for name, act in engine["acts"].items():
            near = f"{act['efficiency'].median:7.0%} of the limit" if act["efficiency"] else ""
            lines.append(f"  {name:18} {act['ms'].median:7.2f} ms {near}")
        lines.append(f"  {'first keygen_lms':18} {engine['first']['keygen_lms']:7.2f} ms")
    page = found["page"]
    lines.append(f"behind the Worker, which is ready after {page['start_ms']:.0f} ms")
    lines += [f"  {name:18} {ms.median:7.2f} ms, at most {ms.greatest:.2f}" for name, ms in page["ms"].items()]
    lines.append(f"  tasks of the page over {LONG_TASK} ms: {page['long_tasks_ms'] or 'none'}")
    lines += [f"{name}: {plain:,} bytes, {packed:,} by gzip" for name, (plain, packed) in found["bytes"].items()]
    return "\n".join(lines)


def _engine(name: str, measured: dict[str, Any]) -> Engine:
    calls, acts = hashes(), {}
    for act, triples in measured["times"].items():
        near = [calls[act] * (before + after) / 2 / (1e6 * ms) for before, ms, after in triples] if act in calls else []
        acts[act] = Act(
            ms=Spread.of([ms for _, ms, _ in triples]), hashes=calls.get(act),
            efficiency=Spread.of(near) if near else None,
        )  # fmt: skip
    kernels = {kernel: Spread.of(ns) for kernel, ns in measured["kernels"].items()}
    return Engine(name=name, acts=acts, kernels=kernels, first=measured["first"])


def found(*names: str) -> str:
    """Where one of these programs is; FileNotFoundError if none is there."""
    for name in names:
        if path := shutil.which(name):
            return path
    raise FileNotFoundError(f"{names[0]} is needed and not installed")


@contextmanager
def _served() -> Iterator[str]:
    """This folder's files, at an origin of their own."""

    class Files(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Files, directory=str(ROOT)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
