"""hbss.js and its Worker in a real Chromium, under a strict Content Security Policy with trusted types."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import ConsoleMessage, Page

import hbss
from tests import vectors, wasm_kit
from tests.browser_kit import POLICY, Serve, needs_chromium
from tests.wasm_kit import needs_node

pytest_plugins = ["tests.browser_fixtures"]
pytestmark = needs_chromium

PAGE = "/tests/wasm/page.html"
STATIC = "/demo_chat/static"


@pytest.fixture
def loud(page: Page) -> Iterator[list[str]]:
    """What a page complains of; whoever expects something clears the list."""
    heard: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            heard.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: heard.append(str(error)))
    yield heard
    assert heard == []


def call(page: Page, module: str, function: str, *given: Any) -> Any:
    """What a function of a module answers in the page; an error if the answer does not come within minutes."""
    script = """async ([module, name, given]) => {
        const late = new Promise((_, fail) => setTimeout(() => fail(new Error(`no answer from ${name}`)), 300_000));
        return Promise.race([late, (await import(module))[name](...given)]);
    }"""
    return page.evaluate(script, [module, function, list(given)])


def broken(became: dict[str, str]) -> dict[str, str]:
    return {name: what for name, what in became.items() if what != "kept"}


def test_known_answers(page: Page, serve: Serve, loud: list[str]) -> None:
    """A share of the vectors of every family and kind, as in Node."""
    questions = [
        *wasm_kit.lms_verifications()[::23], *wasm_kit.xmss_verifications()[::5],
        *wasm_kit.slhdsa_verifications("sigVer")[::17], *wasm_kit.slhdsa_verifications("sigGen")[::61],
        *wasm_kit.slhdsa_keys()[::11], *wasm_kit.slhdsa_signatures("SLH-DSA-SHA2-128f"),
        *wasm_kit.slhdsa_signatures("SLH-DSA-SHAKE-192f"),
        wasm_kit.stateful_signatures("LMS_SHA256_M32_H10_W4", vectors.lms("sigGen")),
        wasm_kit.stateful_signatures("LMS_SHAKE_M24_H5_W8", vectors.lms("sigGen")),
    ]  # fmt: skip
    assert {each.answer for each in questions if isinstance(each.answer, str)} == {"good", "InvalidSignature"}
    page.goto(serve() + PAGE)
    found = call(page, "/tests/wasm/answers.mjs", "answers", [each.task for each in questions])
    assert wasm_kit.wrong(questions, found) == []


def test_rules(page: Page, serve: Serve, loud: list[str]) -> None:
    """Those that hold in Node."""
    page.goto(serve() + PAGE)
    became = call(page, "/tests/wasm/rules.mjs", "rules")
    assert (len(became), broken(became)) == (24, {})


def test_rules_of_the_worker(page: Page, serve: Serve, loud: list[str]) -> None:
    page.goto(serve() + PAGE)
    became = call(page, "/tests/wasm/worker.mjs", "rules")
    loud[:] = [each for each in loud if "404" not in each]  # the module that is not there
    assert (len(became), broken(became)) == (13, {})


@pytest.mark.parametrize("allowed", ["trusted-types hbss-worker", "worker-src 'self'"])
def test_a_page_that_may_not_start_it_is_told(page: Page, serve: Serve, loud: list[str], allowed: str) -> None:
    """One clear error, not a Worker that never answers."""
    assert allowed in POLICY
    page.goto(serve(POLICY.replace(allowed, f"{allowed.split()[0]} 'none'")) + PAGE)
    told = call(page, "/tests/wasm/worker.mjs", "refusal")
    assert told[0] == "WorkerLost"
    assert told[1].startswith("the Worker of hbss ")
    assert loud
    loud.clear()


def test_the_policy_gives_no_other_address(page: Page, serve: Serve, loud: list[str]) -> None:
    """A script that gets into the page cannot start a Worker of its own by it, nor make the policy again."""
    page.goto(serve() + PAGE)
    again = "trustedTypes.createPolicy('hbss-worker', { createScriptURL: (url) => url })"
    told = page.evaluate(f"""async () => {{
        await import('{STATIC}/hbss-client.js');
        const caught = (act) => {{ try {{ act(); return "done"; }} catch (error) {{ return error.name; }} }};
        return [caught(() => {again}), caught(() => new Worker("{PAGE}"))];
    }}""")
    assert told == ["TypeError", "TypeError"]
    assert loud
    loud.clear()


def test_a_page_of_another_origin(page: Page, serve: Serve, loud: list[str]) -> None:
    """A front end that is served elsewhere uses the files where they are, if their server allows it."""
    files, front = serve("", open=True), serve("")
    page.goto(front + PAGE)
    made = call(page, "/tests/wasm/worker.mjs", "elsewhere", files + STATIC)
    assert made == hbss.parameter_set("LMS_SHA256_M32_H5_W8").signature_size


@needs_node
def test_the_benchmark_runs(tmp_path: Path) -> None:
    """Its JSON has both engines, and hash calls beside times. A process of its own: it drives a browser, too."""
    command = [sys.executable, "-m", "benchmarks", "wasm", "--quick", "--results", str(tmp_path)]
    done = subprocess.run(command, cwd=wasm_kit.ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.glob("*-wasm.json")
    found = json.loads(path.read_text(encoding="utf-8"))
    assert [each["name"].split()[0] for each in found["engines"]] == ["Node", "Chromium"]
    for engine in found["engines"]:
        assert engine["kernels"]["SHA-256 vec128"][0] > 0
        for name in ("keygen_lms", "sign_slhdsa"):
            assert engine["acts"][name]["efficiency"][0] > 0
    assert (
        found["engines"][0]["acts"]["keygen_lms"]["hashes"] == hbss.parameter_set("LMS_SHA256_M32_H10_W4").keygen_hashes
    )
    assert set(found["page"]["ms"]) == {"keygen_lms", "sign_slhdsa", "verify_meanwhile"}
