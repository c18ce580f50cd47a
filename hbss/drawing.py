"""What all pictures share: matplotlib (the extra `plots`), the two formats, colours, how sets look and are called.

The ground is white, so that a picture is the same on a light page and on a dark one. The same content gives the same
SVG.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import Any

FORMATS = ("svg", "png")

# colours of Okabe and Ito, which every kind of eye tells apart; their yellow is too light for lines on white
BLUE, RED, GREEN, ORANGE, SKY, PINK, GREY = "#0072B2", "#D55E00", "#009E73", "#E69F00", "#56B4E9", "#CC79A7", "#777777"

# of hash chains: what only the signer knows; and of what a signature shows, what anybody computes from it
HIDDEN = "#e4e4e4"
LIGHT = {BLUE: "#b3d4e8", RED: "#f2cdb0"}

# a colour and a mark of its own for every scheme
SCHEMES = {"LMS": (BLUE, "o"), "HSS": (SKY, "s"), "XMSS": (GREEN, "^"), "XMSSMT": (ORANGE, "v"), "SLH-DSA": (RED, "D")}

Paint = Callable[[Any], None]  # on a figure of matplotlib


def file_format(name: str) -> str:
    """`svg` or `png`; ValueError for a name that ends otherwise."""
    ending = PurePath(name).suffix.lower().lstrip(".")
    if ending not in FORMATS:
        raise ValueError(f"a chart is an .svg or a .png file; {name} is neither")
    return ending


def require() -> None:
    """ImportError unless pictures can be drawn."""
    import matplotlib  # noqa: F401


def render(
    paint: Paint, form: str = "svg", *, size: tuple[float, float] | None = None, dpi: int = 110, source: str = ""
) -> bytes:
    """The file of a picture; size: in inches; source: what it was drawn from, to be written into an SVG.

    ImportError without matplotlib.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "hbss", "font.size": 9}):
        figure = Figure(figsize=size, layout="constrained", dpi=dpi)
        FigureCanvasAgg(figure)
        paint(figure)
        out = io.BytesIO()
        metadata = {"Date": None, **({"Source": source} if source else {})} if form == "svg" else None
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


def short(name: str) -> str:
    """A set's name without what all sets have."""
    parts = [part.replace("LMS_SHA256_M32_", "LMS ").replace("SLH-DSA-", "SLH-") for part in name.split("+")]
    return "+".join([parts[0], *(part.removeprefix("LMS ") for part in parts[1:])])
