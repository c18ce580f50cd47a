"""Measure, print, and write benchmarks/results/.

python -m benchmarks            hashing: the kernels, and how close key generation, signing and verifying come to them
python -m benchmarks state      what keeping state costs
python -m benchmarks publish    put the figures of a run of `state` into docs/benchmarks.md
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks import chart, efficiency, kernels, publish, state, state_opening, state_tables
from benchmarks.measure import RESULTS, Spread, machine, save


def show_kernels(anchor: Spread, rows: list[kernels.Kernel]) -> None:
    """One line a kernel."""
    print("\nanchor: hashlib.sha256 over 1 MiB", end=", ")
    print(f"{anchor.median:.2f} ns per 64-byte block ({anchor.least:.2f} .. {anchor.greatest:.2f})\n")
    print(f"{'function':9} {'backend':10} {'kernel':16} {'lanes':>5} {'ns a call':>10}   of the anchor's rate")
    for row in rows:
        rate = f"{row['anchors']:.2f}x" if row["function"] == "SHA-256" else ""
        named = f"{row['function']:9} {row['backend']:10} {row['kernel']:16}"
        print(f"{named} {row['lanes']:>5} {row['ns'].median:>10.2f}   {rate}")


def show_scalar(scalar: dict[str, Spread]) -> None:
    """The portable kernel beside OpenSSL's scalar code."""
    ours, theirs = scalar["portable"].median, scalar["OpenSSL"].median
    print(f"\nportable {ours:.1f} ns, OpenSSL without vector code {theirs:.1f} ns: {ours / theirs:.2f}x its time")


def show_acts(rows: list[efficiency.Act]) -> None:
    """One line an act."""
    print(f"\n{'set':24} {'act':7} {'hash calls':>11} {'time':>12} {'efficiency':>11}")
    for row in rows:
        ms = row["seconds"].median * 1e3
        print(f"{row['set']:24} {row['act']:7} {row['hashes']:>11,} {ms:>9.3f} ms {row['efficiency'].median:>11.0%}")


def hashing(arguments: argparse.Namespace) -> None:
    """The anchor, the kernels and the acts."""
    about = machine()
    print(", ".join(f"{key}: {value}" for key, value in about.items() if value))
    anchor = kernels.anchor()
    rows = kernels.kernels(anchor)
    show_kernels(anchor, rows)
    scalar = kernels.portable_and_scalar_openssl()
    show_scalar(scalar)
    acts = [act for name in efficiency.TREES for act in efficiency.acts(name)]
    show_acts(acts)
    if not arguments.no_save:
        found = {"machine": about, "anchor": anchor, "kernels": rows, "without vector code": scalar, "acts": acts}
        save(found, about["commit"], folder=arguments.results)


def keeping_state(arguments: argparse.Namespace) -> None:
    """The stores, opening a key, and a signature beside a commit; a chart beside the JSON."""
    budget = state.QUICK if arguments.quick else state.Budget()
    if arguments.large:
        budget = replace(budget, trees=budget.trees + state_opening.LARGE)
    found = state.measure(arguments.folder, budget, arguments.postgres)
    print(state_tables.text(found))
    if not arguments.no_save:
        path = save(found, found["machine"]["commit"], "-state", arguments.results)
        if not chart.write(found, path.with_suffix(".svg")):
            print("no chart: matplotlib is missing; pip install -e '.[plots]'")


def publishing_figures(arguments: argparse.Namespace) -> None:
    """A run's figures and chart, into the docs."""
    try:
        publish.publish(arguments.json)
    except (OSError, ValueError) as error:
        raise SystemExit(f"nothing was published: {error}") from None


def main(words: Sequence[str] | None = None) -> None:
    """Run one section; words: as on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    saving = argparse.ArgumentParser(add_help=False)
    saving.add_argument("--no-save", action="store_true", help="print only")
    saving.add_argument("--results", type=Path, default=RESULTS, metavar="FOLDER", help="where the JSON goes")
    sections = parser.add_subparsers(metavar="SECTION")
    sections.add_parser("hashing", parents=[saving], help="the default").set_defaults(run=hashing)
    stores = sections.add_parser("state", parents=[saving], help="what keeping state costs")
    stores.set_defaults(run=keeping_state)
    stores.add_argument("--quick", action="store_true", help="a short run, whose figures mean little")
    stores.add_argument("--large", action="store_true", help="open a key of 2^20 leaves as well")
    stores.add_argument("--folder", type=Path, help="where keys and server lie meanwhile (default: a temporary folder)")
    stores.add_argument(
        "--postgres", metavar="URL", help="of a database, where some states stay (default: own server; '': none)"
    )
    publishing = sections.add_parser("publish", help="put figures into docs/benchmarks.md")
    publishing.add_argument("json", type=Path)
    publishing.set_defaults(run=publishing_figures)
    arguments = parser.parse_args((sys.argv[1:] if words is None else words) or ["hashing"])
    arguments.run(arguments)


if __name__ == "__main__":
    main()
