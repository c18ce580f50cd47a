"""Pictures of hash chains: what a signature shows of them, and what that gives away.

Grey is what only the signer knows, the full colour what a signature shows, the light one what anybody computes from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hbss import drawing

Page = dict[str, Any]  # the variables of the page's code
Picture = tuple[bytes, str]  # the SVG, and what it shows in words

WIDTH = 5.0  # inches: the letters keep their size on a narrow screen
_PLACES = 16
_CHAIN = {
    "only the signer knows": drawing.HIDDEN, "in the signature": drawing.BLUE,
    "anybody computes": drawing.LIGHT[drawing.BLUE],
}  # fmt: skip


def bare(panel: Any, across: tuple[float, float], up: tuple[float, float]) -> None:
    """A panel without axes."""
    panel.set_xlim(*across)
    panel.set_ylim(*up)
    panel.axis("off")


def box(panel: Any, at: tuple[float, float], size: tuple[float, float], colour: str, **how: Any) -> None:
    """A filled rectangle; at: its lower left corner."""
    from matplotlib.patches import Rectangle

    panel.add_patch(Rectangle(at, *size, facecolor=colour, **how))


def legend(figure: Any, entries: dict[str, str], columns: int = 3) -> None:
    """What the colours mean, under the picture."""
    from matplotlib.patches import Patch

    patches = [Patch(facecolor=colour, label=of) for of, colour in entries.items()]
    figure.legend(handles=patches, loc="outside lower center", ncols=columns, fontsize=8.5, frameon=False)


def chain(page: Page) -> Picture:
    """One chain in two rows, with the first digits of all its values."""
    values = [page["chain"](page["secret"], place).hex()[:6] for place in range(_PLACES)]
    number = page["number"]

    def paint(figure: Any) -> None:
        panel = figure.subplots()
        bare(panel, (-0.05, 8.05), (-0.1, 2.5))
        for place, value in enumerate(values):
            row, column = divmod(place, 8)
            at = column, 1.4 * (1 - row)
            public = place == _PLACES - 1
            box(panel, at, (0.9, 0.7), drawing.GREEN if public else _fill(place, number, drawing.BLUE))
            centre, ink = at[0] + 0.45, "white" if place == number or public else "black"
            panel.text(centre, at[1] + 0.33, value, ha="center", va="center", fontsize=8.5, family="monospace",
                       color=ink)  # fmt: skip
            panel.text(centre, at[1] + 0.78, f"{place}", ha="center", va="bottom", fontsize=8.5, color=drawing.GREY)
        legend(figure, {**_CHAIN, "the public key": drawing.GREEN}, columns=2)

    return drawing.render(paint, size=(WIDTH, 2.1)), (
        f"A chain of {_PLACES} values, each the hash of the one before. Those at places 0 to {number - 1} only the "
        f"signer knows; the value at place {number}, {values[number]}, is the signature; from there anybody computes "
        f"the rest, up to the public key {values[-1]} at place {_PLACES - 1}"
    )


def _strip(panel: Any, y: float, shown: int, colour: str, label: str) -> None:
    """A chain as a row of cells."""
    for place in range(_PLACES):
        box(panel, (place + 0.06, y + 0.1), (0.88, 0.8), _fill(place, shown, colour))
    panel.text(-0.3, y + 0.5, label, ha="right", va="center", fontsize=9)
    _number(panel, y, shown)


def _fill(place: int, shown: int, colour: str) -> str:
    return drawing.HIDDEN if place < shown else colour if place == shown else drawing.LIGHT[colour]


def _number(panel: Any, y: float, place: int) -> None:
    panel.text(place + 0.5, y + 0.47, f"{place}", ha="center", va="center", fontsize=8.5, color="white")


def _wanted(panel: Any, y: float, place: int, known: int) -> None:
    """The place that a forger needs: framed if it is known, else crossed out."""
    if place >= known:
        box(panel, (place + 0.02, y + 0.06), (0.96, 0.88), "none", edgecolor="black", linewidth=1.8, zorder=3)
    else:
        panel.scatter([place + 0.5], [y + 0.5], s=70, color="black", marker="x", linewidths=1.8, zorder=3)


def _strips(panel: Any, rows: int) -> None:
    """Room for chains under one another, and the numbers of their places."""
    bare(panel, (-5.4, _PLACES + 0.1), (-0.1, rows + 0.9))
    for place in range(0, _PLACES, 5):
        panel.text(place + 0.5, rows + 0.1, f"{place}", ha="center", va="bottom", fontsize=8.5, color=drawing.GREY)


def _colours(digits: Sequence[int], of_checksum: int) -> list[str]:
    return [drawing.BLUE] * (len(digits) - of_checksum) + [drawing.RED] * of_checksum


def _names(message: int, of_checksum: int) -> list[str]:
    return [f"digit {i}" for i in range(1, message + 1)] + [f"checksum {i}" for i in range(1, of_checksum + 1)]


def checksum(page: Page) -> Picture:
    """The signature of a number, without and with its checksum, and what its successor needs."""
    number, wanted = page["number"], page["wanted"]
    shown = number, _PLACES - 1 - number

    def paint(figure: Any) -> None:
        alone, both = figure.subplots(2, 1, height_ratios=(1.9, 2.9))
        _strips(alone, 1)
        _strip(alone, 0, number, drawing.BLUE, "number")
        _wanted(alone, 0, wanted[0], number)
        alone.set_title(f"one chain: {wanted[0]} can be forged (framed)", fontsize=9, loc="left")
        _strips(both, 2)
        for row, colour, label in (0, drawing.BLUE, "number"), (1, drawing.RED, "checksum"):
            _strip(both, 1 - row, shown[row], colour, label)
            _wanted(both, 1 - row, wanted[row], shown[row])
        both.set_title(f"with the checksum: {wanted[0]} lacks a value (crossed out)", fontsize=9, loc="left")
        legend(figure, _CHAIN)

    return drawing.render(paint, size=(WIDTH, 2.6)), (
        f"Above, one chain that shows place {number}: place {wanted[0]}, which a forger wants, can be computed. "
        f"Below, the same chain and that of the checksum, which shows place {shown[1]}: the forger needs its place "
        f"{wanted[1]}, which only the signer knows"
    )


def winternitz(page: Page) -> Picture:
    """The chains of a toy signature."""
    digest = page["alice"]
    digits = page["digits"](digest)
    values = [value.hex()[:6] for value in page["signature"]]

    def paint(figure: Any) -> None:
        panel = figure.subplots()
        _strips(panel, len(digits))
        panel.set_xlim(-5.4, _PLACES + 4.6)
        for row, (digit, colour, label) in enumerate(zip(digits, _colours(digits, 2), _names(4, 2), strict=True)):
            y = len(digits) - 1 - row
            _strip(panel, y, digit, colour, label)
            panel.text(_PLACES + 0.4, y + 0.47, f"{values[row]}…", va="center", fontsize=8.5, family="monospace")
        panel.text(_PLACES + 0.4, len(digits) + 0.1, "signature", va="bottom", fontsize=8.5, color=drawing.GREY)
        legend(figure, {"only the signer knows": drawing.HIDDEN, "message": drawing.BLUE, "checksum": drawing.RED})

    return drawing.render(paint, size=(WIDTH, 2.3)), (
        f"Six chains of {_PLACES} places. The four digits of the digest {digest.hex()} show the places "
        f"{_list(digits[:4])}, the two of the checksum the places {_list(digits[4:])}"
    )


def reuse(page: Page) -> Picture:
    """What two signatures of one toy key show, and where a forgery stands."""
    both = [page["digits"](page[name]) for name in ("alice", "bob")]
    lowest, forged = page["lowest"], page["digits"](page["mallory"])

    def paint(figure: Any) -> None:
        panel = figure.subplots()
        _strips(panel, len(lowest))
        for row, (low, colour, label) in enumerate(zip(lowest, _colours(lowest, 2), _names(4, 2), strict=True)):
            y = len(lowest) - 1 - row
            _strip(panel, y, low, colour, label)
            higher = max(digits[row] for digits in both)
            if higher > low:
                box(panel, (higher + 0.06, y + 0.1), (0.88, 0.8), colour)
                _number(panel, y, higher)
            _wanted(panel, y, forged[row], low)
        panel.set_title("two signatures of one key, and a third that nobody made (framed)", fontsize=9, loc="left")
        legend(figure, {"still secret": drawing.HIDDEN, "message": drawing.BLUE, "checksum": drawing.RED})

    return drawing.render(paint, size=(WIDTH, 2.5)), (
        f"The six chains again, now with the places of two signatures. The lower ones are {_list(lowest)}, and from "
        f"there on everything is known; the forged message needs the places {_list(forged)}, none of them lower"
    )


def forger(page: Page) -> Picture:
    """What two signatures show of a real key's chains, and how a forger's work falls with every further one."""
    first, second = page["signed"][:2]
    work = page["work"]

    def paint(figure: Any) -> None:
        above, below = figure.subplots(2, 1, height_ratios=(1.1, 1))
        _two_signatures(above, first, second)
        _falling(below, work)
        for panel in above, below:
            panel.spines[["top", "right"]].set_visible(False)
        legend(figure, {"still secret": drawing.HIDDEN, "known: message": drawing.LIGHT[drawing.BLUE],
                        "known: checksum": drawing.LIGHT[drawing.RED]})  # fmt: skip

    return drawing.render(paint, size=(WIDTH, 4.6)), (
        f"Above, {len(first)} chains and the places that two signatures show of them; all above the lower one of each "
        f"is known. Below, how many hashes a forger needs: 2 to the power of {work[0]:.0f} after one signature, "
        f"{work[1]:.0f} after two, {work[2]:.0f} after three and {work[-1]:.0f} after {len(work)}"
    )


def _two_signatures(panel: Any, first: Sequence[int], second: Sequence[int]) -> None:
    places, last, colours = range(len(first)), _PLACES - 1, _colours(first, 3)
    lowest = [min(pair) for pair in zip(first, second, strict=True)]
    known = [last - low for low in lowest]
    panel.bar(places, lowest, color=drawing.HIDDEN)
    panel.bar(places, known, bottom=lowest, color=[drawing.LIGHT[each] for each in colours])
    for digits, mark in (first, "o"), (second, "D"):
        panel.scatter(places, digits, s=9, marker=mark, c=colours, zorder=2, clip_on=False)
    panel.set_title(f"two signatures of one key with {len(first)} chains", fontsize=9, loc="left")
    panel.set_xlabel("chain")
    panel.set_ylabel("place")
    panel.margins(x=0.01)
    panel.set_ylim(0, last)
    panel.set_yticks(range(0, _PLACES, 5))


def _falling(panel: Any, work: Sequence[float]) -> None:
    bars = panel.bar(range(1, len(work) + 1), work, color=drawing.RED, width=0.7)
    panel.bar_label(bars, [f"$2^{{{bits:.0f}}}$" for bits in work], fontsize=9, padding=2)
    panel.set_title("hashes that a forger needs", fontsize=9, loc="left")
    panel.set_xlabel("signatures by one key")
    panel.set_yticks([])
    panel.set_ylim(0, 1.15 * max(work))
    panel.spines["left"].set_visible(False)


def _list(numbers: Sequence[int]) -> str:
    return ", ".join(str(number) for number in numbers[:-1]) + f" and {numbers[-1]}"
