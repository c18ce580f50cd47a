"""What the charts share beside `hbss.drawing`: axes of powers, and labels that keep out of each other's way.

An SVG names the JSON that it was drawn from.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from hbss import drawing
from hbss.drawing import BLUE, GREEN, GREY, ORANGE, PINK, RED, SKY, logarithmic, plain, version

__all__ = [
    "BLUE", "COLOURS", "GREEN", "GREY", "MARKS", "ORANGE", "PINK", "RED", "SKY", "Draw", "label", "logarithmic",
    "plain", "powers", "svg", "version",
]  # fmt: skip

COLOURS = (BLUE, RED, GREEN, ORANGE, PINK, SKY, GREY)
MARKS = ("o", "D", "^", "s", "v", "P", "X")

Draw = Callable[[Any, Any], None]  # (a figure of matplotlib, what was measured)


def svg(draw: Draw, found: object, source: str, form: str = "svg") -> bytes:
    """The file of a chart; form: "png" to look at it. ImportError without matplotlib."""
    return drawing.render(lambda figure: draw(figure, found), form, source=source)


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
