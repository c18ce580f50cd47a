"""Measure, print, and write benchmarks/results/.

python -m benchmarks            kernels, operations beside their limits, threads, other backends, memory, peers
python -m benchmarks compare    the peers by themselves
python -m benchmarks state      what keeping state costs
python -m benchmarks wasm       the WebAssembly module in Node and in Chromium
python -m benchmarks chat       the chat's server under load: deliveries, what verifying costs, latency, memory
python -m benchmarks chat-page  the chat's page in Chromium: its weight, how soon it is there, its long tasks
python -m benchmarks guard      what the counted work of a few acts is, beside the record; exits with 1 if it grew
python -m benchmarks publish    put the figures of a run into docs/benchmarks.md
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import (
    chat,
    chat_page,
    chat_tables,
    compare,
    guard,
    hashing,
    hashing_tables,
    publish,
    state,
    state_opening,
    state_tables,
    wasm,
)
from benchmarks.measure import RESULTS, machine, save


def conclude(found: Mapping[str, Any], text: str, suffix: str, arguments: argparse.Namespace) -> None:
    """Show what was found, and keep it unless that is not wanted."""
    print(text)
    if not arguments.no_save:
        save(found, found["machine"]["commit"], suffix, arguments.results)


def measure_hashing(arguments: argparse.Namespace) -> None:
    """All that depends on hashing."""
    found = hashing.measure(hashing.QUICK if arguments.quick else hashing.Budget(), tell)
    conclude(found, hashing_tables.text(found, {}), "-hashing", arguments)


def compare_peers(arguments: argparse.Namespace) -> None:
    """The peers only."""
    found = compare.measure(compare.QUICK if arguments.quick else compare.Budget(), tell)
    said = [*hashing_tables.peers(found), "", *hashing_tables.references(found), "", *found["missing"]]
    conclude({"machine": machine(), "compared": found}, "\n".join(said), "-compare", arguments)


def measure_state(arguments: argparse.Namespace) -> None:
    """The stores, opening a key, and a signature beside a commit."""
    budget = state.QUICK if arguments.quick else state.Budget()
    if arguments.large:
        budget = replace(budget, trees=budget.trees + state_opening.LARGE)
    found = state.measure(arguments.folder, budget, arguments.postgres)
    conclude(found, state_tables.text(found, {}), "-state", arguments)


def measure_wasm(arguments: argparse.Namespace) -> None:
    """The WebAssembly module."""
    found = wasm.measure(2 if arguments.quick else 15, tell)
    conclude(found, wasm.text(found), "-wasm", arguments)


def measure_chat(arguments: argparse.Namespace) -> None:
    """The worked demo's server under load."""
    found = chat.measure(chat.QUICK if arguments.quick else chat.Budget())
    conclude(found, chat_tables.server(found, {}), "-chat", arguments)


def measure_page(arguments: argparse.Namespace) -> None:
    """The worked demo's page in a browser."""
    found = chat_page.measure(2 if arguments.quick else 10, tell)
    conclude(found, chat_tables.page(found, {}), "-chatpage", arguments)


def guard_work(arguments: argparse.Namespace) -> None:
    """Counted work: shown beside the record, or recorded."""
    found = guard.count()
    print(guard.text(found))
    if arguments.record:
        guard.save(found)
        return
    lost, gained = guard.changes(guard.load(), found)
    for title, lines in (("more work than recorded", lost), ("less work than recorded; record it", gained)):
        if lines:
            print(f"\n{title}:", *lines, sep="\n  ")
    if lost:
        raise SystemExit(1)


def publish_figures(arguments: argparse.Namespace) -> None:
    """A run's figures and charts, into the docs."""
    try:
        publish.publish(arguments.json)
    except (OSError, ValueError, ImportError) as error:
        raise SystemExit(f"nothing was published: {error}") from None


def tell(line: str) -> None:
    """Progress, beside the output."""
    print(line, file=sys.stderr, flush=True)


def main(words: Sequence[str] | None = None) -> None:
    """Run one section; words: as on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    saving = argparse.ArgumentParser(add_help=False)
    saving.add_argument("--quick", action="store_true", help="a short run, whose figures mean little")
    saving.add_argument("--no-save", action="store_true", help="print only")
    saving.add_argument("--results", type=Path, default=RESULTS, metavar="FOLDER", help="where the JSON goes")
    sections = parser.add_subparsers(metavar="SECTION")
    sections.add_parser("hashing", parents=[saving], help="the default").set_defaults(run=measure_hashing)
    sections.add_parser("compare", parents=[saving], help="the peers by themselves").set_defaults(run=compare_peers)
    stores = sections.add_parser("state", parents=[saving], help="what keeping state costs")
    stores.set_defaults(run=measure_state)
    stores.add_argument("--large", action="store_true", help="open a key of 2^20 leaves as well")
    stores.add_argument("--folder", type=Path, help="where keys and server lie meanwhile (default: a temporary folder)")
    stores.add_argument(
        "--postgres", metavar="URL", help="of a database, where some states stay (default: own server; '': none)"
    )
    engines = sections.add_parser("wasm", parents=[saving], help="the WebAssembly module in Node and in Chromium")
    engines.set_defaults(run=measure_wasm)
    talking = sections.add_parser("chat", parents=[saving], help="the chat's server under load")
    talking.set_defaults(run=measure_chat)
    looking = sections.add_parser("chat-page", parents=[saving], help="the chat's page in Chromium")
    looking.set_defaults(run=measure_page)
    guarding = sections.add_parser("guard", help="counted work of a few acts, beside the record")
    guarding.set_defaults(run=guard_work)
    guarding.add_argument("--record", action="store_true", help="write the record anew")
    publishing = sections.add_parser("publish", help="put figures into docs/benchmarks.md")
    publishing.add_argument("json", type=Path)
    publishing.set_defaults(run=publish_figures)
    given = list(sys.argv[1:] if words is None else words)
    if not given or given[0] in {"--quick", "--no-save", "--results"}:
        given.insert(0, "hashing")
    arguments = parser.parse_args(given)
    if not getattr(arguments, "no_save", True):
        arguments.results.mkdir(parents=True, exist_ok=True)  # now, not when all has been measured
    arguments.run(arguments)


if __name__ == "__main__":
    main()
