"""Pictures of trees: a path to the root, and which part of a signature is what."""

from __future__ import annotations

from typing import Any

from docs.pictures.chains import WIDTH, Page, Picture, bare, box, legend
from hbss import drawing

_PARTS = {
    "numbers": "#222222", "randomiser": drawing.GREY, "FORS": drawing.PINK, "chain values": drawing.BLUE,
    "path": drawing.ORANGE, "public key": drawing.GREEN,
}  # fmt: skip


def merkle(page: Page) -> Picture:
    """The whole toy tree, with the way of one leaf and its neighbours."""
    rows, index = page["rows"], page["index"]
    top = len(rows) - 1

    def paint(figure: Any) -> None:
        panel = figure.subplots()
        bare(panel, (-0.5, len(rows[0]) - 0.5), (-0.6, top + 0.4))
        for height, row in enumerate(rows):
            for number, node in enumerate(row):
                x, colour = _place(height, number), _role(rows, index, height, number)
                if height < top:
                    above = _place(height + 1, number >> 1)
                    panel.plot([x, above], [height, height + 1], color=drawing.GREY, linewidth=1, zorder=1)
                box(panel, (x - 0.4, height - 0.19), (0.8, 0.38), colour, zorder=2)
                ink = "white" if colour in (drawing.BLUE, drawing.GREEN) else "black"
                panel.text(x, height, node.hex()[:4], ha="center", va="center", fontsize=9, family="monospace",
                           color=ink, zorder=3)  # fmt: skip
        for number in range(len(rows[0])):
            panel.text(number, -0.5, f"{number}", ha="center", va="center", fontsize=9, color=drawing.GREY)
        legend(figure, {"computed by the verifier": drawing.BLUE, "in the signature": drawing.ORANGE,
                        "the root": drawing.GREEN, "not needed": drawing.HIDDEN}, 2)  # fmt: skip

    path = ", ".join(node.hex()[:4] for node in page["path"])
    return drawing.render(paint, size=(WIDTH, 2.9)), (
        f"A tree of {len(rows[0])} leaves. From leaf {index}, {rows[0][index].hex()[:4]}, the verifier climbs to the "
        f"root {page['root'].hex()[:4]} with the {top} neighbours {path}, which the signature contains"
    )


def _place(height: int, number: int) -> float:
    return (number + 0.5) * (1 << height) - 0.5


def _role(rows: list[list[bytes]], index: int, height: int, number: int) -> str:
    if height == len(rows) - 1:
        return drawing.GREEN
    way = index >> height
    return {way: drawing.BLUE, way ^ 1: drawing.ORANGE}.get(number, drawing.HIDDEN)


def xmss(page: Page) -> Picture:
    """What the library draws of a signature."""
    found = page["found"]
    return page["picture"], (
        f"Above, the path of {found.height} nodes from leaf {found.leaf} to the root. Below, the one-time key under "
        f"that leaf: {len(found.digits)} chains, each with the place that the signature shows, from {found.digits[0]} "
        f"of the first to {found.digits[-1]} of the last"
    )


def layout(page: Page) -> Picture:
    """The bytes of an XMSS signature: a cell is a hash of 32 bytes."""
    parts, row = page["parts"], 16 * 32
    checksum_from = parts["chain values"] - 32 * page["found"].checksum_digits

    def paint(figure: Any) -> None:
        panel = figure.subplots()
        bare(panel, (-0.3, row + 0.3), (-8.5, 0.1))
        box(panel, (0, -0.8), (parts["index"], 0.8), _PARTS["numbers"])
        box(panel, (parts["index"] + 1, -0.8), (30, 0.8), _PARTS["randomiser"])
        panel.text(45, -0.4, f"index, {parts['index']} bytes; randomiser, {parts['randomiser']} bytes", va="center")
        y = -2.0
        for name, cell in ("chain values", "chain values"), ("path", "nodes of the path"):
            panel.text(0, y + 0.1, f"{parts[name] // 32} {cell}, {parts[name]:,} bytes", va="bottom")
            for at in range(0, parts[name], 32):
                checksum = name == "chain values" and at >= checksum_from
                colour = drawing.RED if checksum else _PARTS[name]
                box(panel, (at % row + 1, y - 0.8 - at // row * 0.9), (30, 0.8), colour)
            y -= 0.9 * -(-parts[name] // row) + 0.9
        legend(figure, {"message's chains": drawing.BLUE, "checksum's chains": drawing.RED, "path": drawing.ORANGE})

    return drawing.render(paint, size=(WIDTH, 2.9)), (
        "The bytes of the signature to scale: "
        + ", ".join(f"{name} {size:,}" for name, size in parts.items())
        + f", together {sum(parts.values()):,}"
    )


def towers(page: Page) -> Picture:
    """Three signatures, each as its tower: beside a tree stand the bytes that its layer has in the signature."""
    xmssmt, hss, slhdsa = (page[f"in_{scheme}"] for scheme in ("xmssmt", "hss", "slhdsa"))
    leaves = {scheme: [f", leaf {leaf}" for leaf in page[f"{scheme}_leaves"]] for scheme in ("xmssmt", "hss")}
    signatures = {  # from the top; a signature of HSS has its layers so too, others from the lowest
        "XMSS^MT": (_labels(leaves["xmssmt"]), [xmssmt[0], *reversed(xmssmt[1:])]),
        "HSS": (_labels(leaves["hss"]), hss),
        "SLH-DSA": ([*_labels([""] * 7), "FORS"], [slhdsa[0], *reversed(slhdsa[1:])]),
    }

    def paint(figure: Any) -> None:
        panels = figure.subplots(3, 1, height_ratios=[len(rows) + 1.2 for _, rows in signatures.values()])
        for panel, (scheme, (labels, rows)) in zip(panels, signatures.items(), strict=True):
            bare(panel, (-1700, 3500), (-len(rows), 0))
            panel.set_title(f"{scheme}: {page['total'](rows):,} bytes", fontsize=9, loc="left")
            for row, (label, parts) in enumerate(zip(labels, rows, strict=True)):
                _layer(panel, -row - 1.0, label, parts)
        legend(figure, _PARTS)

    return drawing.render(paint, size=(WIDTH, 5.6)), (
        "Three towers to one scale, with the bytes that each layer has in a signature. XMSS^MT: four layers, each with "
        f"{_words(xmssmt[1])}. HSS: two, each with {_words(hss[-1])}, the upper one also with the lower one's public "
        f"key of {hss[1]['public key']}. SLH-DSA: seven, each with {_words(slhdsa[-1])}, and below them FORS with "
        f"{slhdsa[1]['FORS']:,}"
    )


def _labels(leaves: list[str]) -> list[str]:
    """Of the head, and of the layers from the top."""
    return ["head", *(f"layer {layer}{leaves[layer]}" for layer in reversed(range(len(leaves))))]


def _words(parts: dict[str, int]) -> str:
    return f"{parts['chain values']:,} bytes of chain values and a path of {parts['path']:,}"


def _layer(panel: Any, y: float, label: str, parts: dict[str, int]) -> None:
    """A tree, or FORS's forest, and its bytes."""
    grey = {"color": drawing.GREY, "linewidth": 0}
    if "path" in parts:
        panel.fill([-420, -250, -80], [y, y + 0.95, y], **grey)
    if "FORS" in parts:
        for x in range(-420, -80, 68):
            panel.fill([x, x + 34, x + 68], [y + 0.1, y + 0.6, y + 0.1], **grey)
    panel.text(-480, y + 0.45, label, ha="right", va="center", fontsize=8.5)
    at = 0
    for name, size in parts.items():
        box(panel, (at, y + 0.12), (size, 0.76), _PARTS[name])
        at += size
    panel.text(at + 40, y + 0.45, f"{at:,}", va="center", fontsize=8.5)
