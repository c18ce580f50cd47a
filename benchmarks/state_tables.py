"""The figures of `benchmarks.state` as text: what the terminal shows, and what docs/benchmarks.md holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.markdown import measured_on, middle, table
from benchmarks.state import Found
from benchmarks.state_commit import DURABLE, LIMIT


def milliseconds(figure: Any) -> str:
    """A spread of seconds, by its median: three digits, in seconds from ten of them on."""
    value = middle(figure) * 1e3
    if value >= 9995:
        return f"{value / 1e3:.1f} s"
    return f"{value:,.0f} ms" if value >= 99.5 else f"{value:.3g} ms"


def rounded(value: float) -> str:
    """A rate by its first two digits; the third changes with every run."""
    return f"{float(f'{value:.2g}'):,.0f}" if value >= 10 else f"{value:.2g}"


def rates(found: Found) -> list[str]:
    """Signatures per second."""
    signers = sorted({row["signers"] for row in found["rates"]})
    rows: dict[tuple[str, int], dict[int, str]] = {}
    for row in found["rates"]:
        rows.setdefault((row["store"], row["lease"]), {})[row["signers"]] = rounded(middle(row["per_second"]))
    head = ["store", "a reservation takes", *[f"{n} signer{'s' * (n > 1)}" for n in signers], "a crash loses at most"]
    return table(
        head,
        [
            [store, str(lease), *[cells.get(n, "") for n in signers], str(lease)]
            for (store, lease), cells in rows.items()
        ],
    )


def openings(found: Found) -> list[str]:
    """Milliseconds until a key is open, and until it has signed."""
    head = ["set", "tree files", "`open_key`", "first signature", "files not in memory", "no tree files"]
    return table(
        head,
        [
            [
                f"`{row['set']}`", f"{row['tree_bytes'] / 1024:,.0f} KiB", milliseconds(row["open"]),
                milliseconds(row["warm"]), milliseconds(row["cold"]) if row["dropped"] else "",
                milliseconds(row["rebuilt"]),
            ]
            for row in found["openings"]
        ],
    )  # fmt: skip


def costs(found: Found) -> list[str]:
    """A signature beside a commit, and what lies between them."""
    commit = found["commit"]
    acts = (
        ("flush of one page", commit["flush"]), ("bare commit", commit["commit"]),
        ("reservation of one index", commit["reservation"]), ("signature", commit["signature"]),
    )  # fmt: skip
    rows = [[name, milliseconds(cost["seconds"]), milliseconds(cost["processor"])] for name, cost in acts]
    return table(["one", "by the clock", "of which on the processor"], rows)


def verdict(found: Found) -> str:
    """The rule for a signature by the SQLite store, and whether it holds."""
    commit = found["commit"]
    ratio = f"A signature takes {middle(commit['ratio']):.2f} times a bare commit"
    if commit["holds"] is None:
        return f"{ratio}; a commit takes less than {DURABLE * 1e3:.0f} ms here, so the limit of {LIMIT} does not apply."
    return f"{ratio}; the limit is {LIMIT}, and it {'holds' if commit['holds'] else 'does not hold'}."


def conditions(found: Found) -> str:
    """Where these figures are from."""
    place = found["place"]
    return measured_on(
        found["machine"],
        f"file system {place['file_system'] or 'unknown'}", f"SQLite {place['sqlite']}", place["postgresql"],
        f"load before {place['load']:.1f}",
    )  # fmt: skip


def text(found: Found, pictures: Mapping[str, str]) -> str:
    """All of it; pictures: captions by file, for a page, and none for the terminal."""
    return "\n".join([
        conditions(found), "",
        f"Signatures per second with `{found['place']['set']}`:", "", *rates(found), "",
        *(line for name, caption in pictures.items() for line in (f"![{caption}]({name})", "")),
        "From the call of `open_key`:", "", *openings(found), "",
        "A signature by the SQLite store, one index a reservation, beside a bare commit:", "", *costs(found), "",
        verdict(found),
    ])  # fmt: skip
