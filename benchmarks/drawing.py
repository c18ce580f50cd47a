"""What all charts share: SVG by matplotlib (the extra `plots`), colours, labels that keep out of each other's way.

The ground is white, so that a chart is the same on a light page and on a dark one. The same figures give the same file,
which names the JSON that it was drawn from.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Sequence
from typing import Any

# colours of Okabe and Ito, which every kind of eye tells apart; their yellow is too light for lines on white
BLUE, RED, GREEN, ORANGE, SKY, PINK, GREY = "#0072B2", "#D55E00", "#009E73", "#E69F00", "#56B4E9", "#CC79A7", "#777777"
COLOURS = (BLUE, RED, GREEN, ORANGE, PINK, SKY, GREY)
MARKS = ("o", "D", "^", "s", "v", "P", "X")

Draw = Callable[[Any, Any], None]  # (a figure of matplotlib, what was measured)


def svg(draw: Draw, found: object, source: str, form: str = "svg") -> bytes:
    """The file of a chart; form: "png" to look at it. ImportError without matplotlib."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "hbss", "font.size": 9}):
        figure = Figure(layout="constrained", dpi=110)
        FigureCanvasAgg(figure)
        draw(figure, found)
        out = io.BytesIO()
        metadata = {"Date": None, "Source": source} if form == "svg" else None
        figure.savefig(out, format=form, metadata=metadata)
    return out.getvalue()


def version() -> str:
    """What draws, as an SVG of it says."""
    import matplotlib

    return f"Matplotlib v{matplotlib.__version__}"


def plain(value: float, _: int = 0) -> str:
    """A number as it is written by hand."""
    return f"{value:,.6g}"


def logarithmic(
    panel: Any, axis: str = "y", show: Callable[[float, int], str] = plain, parts: Sequence[float] = (1,)
) -> None:
    """A logarithmic axis with plain numbers and a grid; parts: of a decade, that have a number."""
    from matplotlib.ticker import LogLocator, NullFormatter

    getattr(panel, f"set_{axis}scale")("log")
    found = getattr(panel, f"{axis}axis")
    found.set_major_locator(LogLocator(subs=parts))
    found.set_major_formatter(show)
    found.set_minor_formatter(NullFormatter())
    panel.grid(which="major", axis=axis, color="#dddddd", linewidth=0.6)
    panel.set_axisbelow(True)


def powers(panel: Any, exponents: Sequence[int], every: int = 1) -> None:
    """An x axis of powers of two."""
    panel.set_xscale("log", base=2)
    panel.set_xticks([2.0**each for each in exponents[::every]], [f"$2^{{{each}}}$" for each in exponents[::every]])
    panel.minorticks_off()


def label(panel: Any, points: Sequence[tuple[float, float, float, str]]) -> None:
    """Names beside points (x, y, area), each at the first place that is free; where none is, there is no name."""
    from matplotlib.transforms import Bbox

    renderer = panel.figure.canvas.get_renderer()
    panel.figure.draw_without_rendering()  # so that the axes have their place
    pixels = panel.figure.dpi / 72
    taken = []
    for x, y, area, _ in points:
        centre, half = panel.transData.transform((x, y)), area**0.5 / 2 * pixels
        taken.append(Bbox([centre - half, centre + half]))
    inside = panel.get_window_extent(renderer)
    for x, y, area, name in points:
        beside = area**0.5 / 2 + 3
        beyond = ((0, beside + 4, "center"), (0, -beside - 4, "center"))
        sides = ((beside, "left"), (-beside, "right"))
        for right, up, across in [
            *((right, up, across) for (right, across), up in itertools.product(sides, (0, 8, -8))),
            *beyond,
            *((right, up, across) for (right, across), up in itertools.product(sides, (16, -16, 24, -24))),
        ]:
            text = panel.annotate(
                name, (x, y), xytext=(right, up), textcoords="offset points", fontsize=7, color="#333333", ha=across,
                va="center",
            )  # fmt: skip
            box = text.get_window_extent(renderer).padded(1)
            if inside.contains(*box.min) and inside.contains(*box.max) and box.count_overlaps(taken) == 0:
                taken.append(box)
                break
            text.remove()
