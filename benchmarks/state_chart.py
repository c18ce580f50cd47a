"""The chart of a run of `make bench-state`."""

from __future__ import annotations

from typing import Any

from benchmarks import state_rates
from benchmarks.drawing import BLUE, GREEN, GREY, RED, SKY
from benchmarks.measure import Spread
from benchmarks.state import Found

STYLES = {
    state_rates.SQLITE: {"color": BLUE, "marker": "o"},
    state_rates.APART: {"color": SKY, "marker": "s"},
    state_rates.WITNESSED: {"color": GREEN, "marker": "^"},
    state_rates.POSTGRES: {"color": RED, "marker": "D"},
    state_rates.MEMORY: {"color": GREY, "marker": "x", "linestyle": ":"},
}


def rates(figure: Any, found: Found) -> None:
    """Signatures per second: a panel for every number of signers."""
    signers = sorted({row["signers"] for row in found["rates"]})
    figure.set_size_inches(3 * len(signers) + 1, 3.6)
    panels = figure.subplots(1, len(signers), sharey=True, squeeze=False)[0]
    for panel, count in zip(panels, signers, strict=True):
        draw(panel, found, count)
    panels[0].set_ylabel("signatures per second")
    figure.supxlabel("indices a reservation takes = what a crash of its signer loses at most", fontsize=9)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False)


def draw(panel: Any, found: Found, signers: int) -> None:
    """One panel: a line for every store, its bars from the least to the greatest figure."""
    for store, style in STYLES.items():
        rows = [row for row in found["rates"] if (row["store"], row["signers"]) == (store, signers)]
        if not rows:
            continue
        values = [Spread(*row["per_second"]) for row in rows]
        bars = [[each.median - each.least for each in values], [each.greatest - each.median for each in values]]
        panel.errorbar(
            [row["lease"] for row in rows], [each.median for each in values], bars, label=store, markersize=4,
            linewidth=1.2, capsize=2, **style,
        )  # fmt: skip
    leases = sorted({row["lease"] for row in found["rates"]})
    panel.set_xscale("log", base=2)
    panel.set_yscale("log")
    panel.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    panel.set_xticks(leases, [str(lease) for lease in leases])
    panel.minorticks_off()
    panel.grid(axis="y", color="#dddddd", linewidth=0.6)
    panel.set_title(f"{signers} signer{'s' * (signers > 1)}", fontsize=9)


CHARTS = {
    "state-rates.svg": (rates, "Signatures per second by store, size of a reservation and number of signers"),
}
