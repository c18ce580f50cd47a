"""The figures as a chart, SVG or PNG by the file's ending, drawn with matplotlib (the extra `plots`).

Left, signature size against the time to verify: a point is a set, its mark the scheme, and what is further down and to
the left is better. Right, bars of signing and of making a key, on one scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hbss import drawing
from hbss.drawing import SCHEMES, logarithmic, short
from hbss.params import parameter_set
from hbss.units import time

if TYPE_CHECKING:
    from hbss.bench.run import Figure, Found

LABELS = 24  # points at most that have their names beside them: with more, none could be read
BARS = {"keygen": "#BBBBBB", "sign": "#56B4E9", "sign_api": "#0072B2", "verify": "#D55E00", "verify_each": "#E69F00"}


def draw(found: Found, form: str) -> bytes:
    """The chart as a file of this format; the same figures give the same SVG. ImportError without matplotlib."""
    rows = found["figures"]
    if not rows:
        raise ValueError("nothing was measured, so there is nothing to draw")
    names = list(dict.fromkeys(row["set"] for row in rows))
    verified = [row for row in rows if row["operation"] in ("verify", "verify_each")]

    def paint(figure: Any) -> None:
        panels = figure.subplots(1, 2 if verified else 1, squeeze=False)[0]
        if verified:
            scatter(panels[0], verified)
        bars(panels[-1], rows, names)
        figure.suptitle(_title(found), fontsize=9)

    return drawing.render(paint, form, size=(12, max(4.5, 1.8 + 0.5 * len(names))), dpi=150)


def _title(found: Found) -> str:
    machine = found["machine"]
    return f"hbss {machine['hbss']} on {machine['cpu']}, backend {machine['backend']}, one thread"


def scatter(panel: Any, rows: Sequence[Figure]) -> None:
    """Signature size against the time to verify, of one signature or else in batches."""
    operation = "verify" if any(row["operation"] == "verify" for row in rows) else "verify_each"
    points = sorted((row for row in rows if row["operation"] == operation), key=lambda row: row["seconds"].median)
    places = {row["set"]: (row["signature_size"], row["seconds"].median) for row in points}
    for scheme, (colour, mark) in SCHEMES.items():
        of_scheme = [place for name, place in places.items() if parameter_set(name).scheme == scheme]
        if of_scheme:
            x, y = zip(*of_scheme, strict=True)
            panel.scatter(x, y, s=40, color=colour, marker=mark, label=scheme, zorder=3)
    largest = max(size for size, _ in places.values())
    for number, (name, place) in enumerate(places.items() if len(places) <= LABELS else ()):
        left = place[0] > largest / 2  # its label would leave the panel on the other side
        panel.annotate(
            short(name), place, fontsize=7, color="#333333", ha="right" if left else "left",
            xytext=(-6 if left else 6, 4 if number % 2 else -9), textcoords="offset points",
        )  # fmt: skip
    panel.set_xlabel("signature, bytes")
    panel.set_ylabel("verify one signature" if operation == "verify" else "verify in batches, time of one signature")
    panel.set_title("size and verification: lower left is better", fontsize=9)
    panel.margins(0.15)
    logarithmic(panel, "x", lambda value, _: f"{value:,.0f}", (1, 2, 5))
    logarithmic(panel, "y", lambda value, _: time(value, round_=True), (1, 2, 5))
    panel.legend(frameon=False, fontsize=8)


def bars(panel: Any, rows: Sequence[Figure], names: Sequence[str]) -> None:
    """The time of each operation of each set."""
    operations = [each for each in BARS if any(row["operation"] == each for row in rows)]
    height = 0.8 / len(operations)
    for place, operation in enumerate(operations):
        of_set = {row["set"]: row["seconds"].median for row in rows if row["operation"] == operation}
        at = [names.index(name) + (place - (len(operations) - 1) / 2) * height for name in of_set]
        drawn = panel.barh(at, list(of_set.values()), height * 0.9, color=BARS[operation], label=operation)
        panel.bar_label(drawn, [time(value) for value in of_set.values()], padding=2, fontsize=6)
    panel.set_yticks(range(len(names)), [short(name) for name in names], fontsize=8)
    panel.set_ylim(len(names) - 0.4, -0.6)
    panel.set_xlabel("time of one")
    panel.margins(x=0.2)
    logarithmic(panel, "x", lambda value, _: time(value, round_=True))
    panel.legend(frameon=False, fontsize=8, ncols=len(operations), loc="lower center", bbox_to_anchor=(0.5, 1.0))
