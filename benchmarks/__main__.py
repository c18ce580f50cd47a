"""Measure everything once, print ratios, and write benchmarks/results/."""

from __future__ import annotations

import argparse
import datetime
import json
from pathlib import Path

from benchmarks import efficiency, kernels
from benchmarks.measure import Spread, machine

RESULTS = Path(__file__).resolve().parent / "results"


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


def main() -> None:
    """Run everything; `--no-save` writes no file."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    arguments.add_argument("--no-save", action="store_true", help="print only")
    save = not arguments.parse_args().no_save

    about = machine()
    print(", ".join(f"{key}: {value}" for key, value in about.items() if value))
    anchor = kernels.anchor()
    rows = kernels.kernels(anchor)
    show_kernels(anchor, rows)
    scalar = kernels.portable_and_scalar_openssl()
    show_scalar(scalar)
    acts = [act for name in efficiency.TREES for act in efficiency.acts(name)]
    show_acts(acts)

    if save:
        now = datetime.datetime.now(datetime.timezone.utc)
        path = RESULTS / f"{now:%Y-%m-%dT%H%M%SZ}-{about['commit'] or 'no-commit'}.json"
        found = {"machine": about, "anchor": anchor, "kernels": rows, "without vector code": scalar, "acts": acts}
        path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        print(f"\nwritten to {path}; figures there are [least, median, greatest]")


if __name__ == "__main__":
    main()
