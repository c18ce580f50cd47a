"""A run of `make bench` as text: what the terminal shows, and what docs/benchmarks.md holds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from benchmarks import targets
from benchmarks.compare import Compared
from benchmarks.hashing import Found
from benchmarks.kernels import ANCHOR, ratio
from benchmarks.markdown import measured_on, middle, table
from benchmarks.measure import Spread
from hbss.units import size, time

MARK = {True: "yes", False: "**no**", None: "–"}


def conditions(found: Found) -> str:
    """Where these figures are from."""
    machine = found["machine"]
    return measured_on(
        machine, str(machine["system"]), str(machine["compiler"]), f"hbss {machine['hbss']}",
        f"backend {machine['backend']}", f"{found['minutes']:.0f} minutes",
    )  # fmt: skip


def reached(found: Found) -> list[str]:
    """The figures to reach."""
    rows = [[_coded(row.what), row.target, row.measured, MARK[row.reached]] for row in targets.rows(found)]
    return table(["what", "target", "measured: median (least–greatest)", "reached"], rows)


def _coded(what: str) -> str:
    """Names of sets as code."""
    return re.sub(r"\b(?:LMS_|XMSS(?:MT)?-|SLH-DSA-)[\w/+-]+", r"`\g<0>`", what)


def kernels(found: Found) -> list[str]:
    """Nanoseconds of every kernel."""
    anchor = next(row for row in found["kernels"] if row["kernel"] == ANCHOR)
    rows = [
        [
            row["function"], row["kernel"], f"`{row['backend']}`", str(row["lanes"]), _spread(row["ns"]),
            f"{ratio(anchor, row).median:.2f}×" if row["function"] == "SHA-256" else "",
        ]
        for row in found["kernels"]
    ]  # fmt: skip
    return table(["function", "kernel", "of backend", "lanes", "ns a hash call", "of hashlib's rate"], rows, left=3)


def efficiency(found: Found) -> list[str]:
    """Every operation: count × nanoseconds = limit, and how near it comes."""
    rows = [
        [
            f"`{row['set']}`", row["operation"], f"{sum(row['hashes'].values()):,.0f}", time(row["limit"]),
            time(middle(row["seconds"])), _share(row["efficiency"]), "" if row["model"] is None else time(row["model"]),
            _share(row["of_model"]),
        ]
        for row in found["figures"]
    ]  # fmt: skip
    head = ["set", "operation", "hash calls", "limit", "measured", "of limit", "model of one", "of model"]
    return table(head, rows, left=2)


def threads(found: Found) -> list[str]:
    """What threads gain."""
    rows = [
        [f"`{row['set']}`", str(row["threads"]), *(_times(row[key]) for key in ("kernel", "keygen", "verify_each"))]
        for row in found["threads"]
    ]
    return table(["set", "threads", "bare kernel", "keygen", "verify_each"], rows)


def evenness(found: Found) -> list[str]:
    """How long signing takes, and the slowest of it."""
    rows = [
        [
            f"`{row['set']}`", f"{row['signatures']:,}", *(time(value) for value in row["seconds"].values()),
            f"{row['hashes']['p50']:,.0f}", f"{row['hashes']['max']:,.0f}",
        ]
        for row in found["evenness"]
    ]  # fmt: skip
    names = list(found["evenness"][0]["seconds"]) if found["evenness"] else []
    return table(["set", "signatures", *names, "hash calls, p50", "max"], rows)


def peers(found: Compared) -> list[str]:
    """Pairs, each measured in turns."""
    rows = [
        [
            f"{pair['peer']} {pair['version']} ({pair['note']})", f"`{pair['set']}`", pair["act"],
            time(middle(pair["ours"])), time(middle(pair["theirs"])), _times(pair["ratio"]),
        ]
        for pair in found["pairs"]
    ]  # fmt: skip
    return table(["peer", "set", "act", "hbss", "peer", "their time ÷ ours"], rows, left=3)


def references(found: Compared) -> list[str]:
    """Signatures of another kind."""
    rows = [
        [
            f"{row['scheme']} ({row['version']})", size(row["signature_size"]), time(middle(row["keygen"])),
            time(middle(row["sign"])), time(middle(row["verify"])),
        ]
        for row in found["references"]
    ]  # fmt: skip
    return table(["scheme", "signature", "keygen", "sign", "verify"], rows)


def omitted(found: Found) -> list[str]:
    """What was not measured, a line each."""
    rows = [f"* {row['operation']} of `{row['set']}`: {row['reason']}" for row in found["skipped"]]
    return [*rows, *(f"* {line}" for line in found["compared"]["missing"])]


def text(found: Found, pictures: Mapping[str, str]) -> str:
    """All of it; pictures: captions by file, for a page, and none for the terminal."""
    lines = [conditions(found), "", "### The figures to reach", "", *reached(found), ""]
    lines += ["### Charts", ""] * bool(pictures)
    for name, caption in pictures.items():
        lines += [f"![{caption}]({name})", ""]
    parts = {
        "Kernels": kernels(found),
        "Every operation beside its limit": efficiency(found),
        "Threads": threads(found),
        "Signing through the ends of subtrees": evenness(found),
        "Beside other implementations": peers(found["compared"]),
        "Signatures of another kind, for reference": references(found["compared"]),
        "Left out": omitted(found),
    }
    for title, rows in parts.items():
        if rows:
            lines += [f"### {title}", "", *rows, ""]
    return "\n".join(lines).rstrip("\n")


def _spread(figure: Any) -> str:
    least, median, greatest = Spread(*figure)
    return f"{median:.1f} ({least:.1f}–{greatest:.1f})"


def _times(figure: Any) -> str:
    least, median, greatest = Spread(*figure)
    return f"{median:.3g} ({least:.3g}–{greatest:.3g})"


def _share(figure: Any) -> str:
    return "" if figure is None else f"{middle(figure):.0%}"
