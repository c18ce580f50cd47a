"""The chart of signatures per second, drawn as SVG with matplotlib (`pip install -e '.[plots]'`)."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from benchmarks import state_rates
from benchmarks.measure import Spread
from benchmarks.state import Found

# colours of Okabe and Ito, which every kind of eye tells apart, and a mark of its own
STYLES = {
    state_rates.SQLITE: {"color": "#0072B2", "marker": "o"},
    state_rates.APART: {"color": "#56B4E9", "marker": "s"},
    state_rates.WITNESSED: {"color": "#009E73", "marker": "^"},
    state_rates.POSTGRES: {"color": "#D55E00", "marker": "D"},
    state_rates.MEMORY: {"color": "#777777", "marker": "x", "linestyle": ":"},
}


def chart(found: Found) -> str:
    """SVG, a panel for every number of signers; the same figures give the same text. ImportError without matplotlib."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    signers = sorted({row["signers"] for row in found["rates"]})
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "hbss", "font.size": 9}):
        figure = Figure(figsize=(3 * len(signers) + 1, 3.6), layout="constrained")
        FigureCanvasSVG(figure)
        panels: Any = figure.subplots(1, len(signers), sharey=True, squeeze=False)
        for panel, count in zip(panels[0], signers, strict=True):
            draw(panel, found, count)
        panels[0][0].set_ylabel("signatures per second")
        figure.supxlabel("indices a reservation takes = what a crash of its signer loses at most", fontsize=9)
        figure.legend(*panels[0][0].get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()


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


def write(found: Found, path: Path) -> bool:
    """Draw to a file; whether there is a matplotlib to do it."""
    try:
        drawn = chart(found)
    except ImportError:
        return False
    path.write_text(drawn, encoding="utf-8")
    return True
