"""What a signature is made of, drawn: the path from its leaf to the root, and how far it walks each hash chain.

    svg = draw(public, signature, b"hello")   # needs matplotlib: pip install 'hbss[plots]'

LMS and XMSS, and of HSS and XMSS^MT the lowest tree, which signs the message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from hbss import drawing
from hbss._native import Key, SetRow
from hbss.keys import PublicKey
from hbss.message import pieces, view
from hbss.params import HSS_HEADER, hss_form, index_len
from hbss.signature import reader

if TYPE_CHECKING:
    from typing_extensions import Buffer
else:
    Buffer = object

__all__ = ["Explanation", "draw", "read"]

_PATH, _COMPUTED, _MESSAGE, _CHECKSUM = drawing.ORANGE, drawing.BLUE, drawing.BLUE, drawing.RED


class Explanation(NamedTuple):
    """What the one-time key and the tree that signed a message did."""

    set_name: str
    """Of the lowest tree."""
    number: int
    """Of the signature among all of its key."""
    leaf: int
    """In the lowest tree, from the left."""
    height: int
    """Of that tree."""
    last: int
    """The last place of a chain, w - 1; the secret value is at place 0."""
    digits: list[int]
    """The place of the value that each chain shows: first the message's, then the checksum's."""
    checksum_digits: int
    """How many of them are the checksum's."""
    path: list[bytes]
    """The neighbours from the leaf up, which the signature contains."""


def read(public: PublicKey, signature: Buffer, message: Buffer) -> Explanation:
    """What a signature shows of the chains and the tree; InvalidSignature if it is none of this message by this key.

    ValueError for SLH-DSA, whose messages are signed by a forest of trees.
    """
    content, signed = bytes(view(message, "message")), bytes(view(signature, "signature"))
    if public.scheme == "SLH-DSA":
        raise ValueError("SLH-DSA signs messages with FORS, not with chains: there is no such picture of it")
    public.verify(signed, content)
    found = reader(public).read(signed)
    leaf = found.uses[0].leaf
    if public.scheme in ("LMS", "HSS"):
        raw = found.links[-1].child if found.links else public.public_bytes_raw()[HSS_HEADER:]
        key, index = Key.from_public("LMS", hss_form(1, raw)), leaf
        row = key.set
        height, path_at = row.h, len(signed) - row.h * row.n
    else:
        key, index = Key.from_public(public.scheme, public.public_bytes_raw()), found.number
        row = key.set
        height, path_at = row.h // row.d, index_len(row) + (1 + row.len1 + row.len2) * row.n
    digest = key.digest(index, found.randomizer, pieces(content))
    path = [signed[path_at + i * row.n : path_at + (i + 1) * row.n] for i in range(height)]
    last = (1 << row.lg_w) - 1
    return Explanation(row.name, found.number, leaf, height, last, _digits(row, digest), row.len2, path)


def draw(public: PublicKey, signature: Buffer, message: Buffer, form: str = "svg") -> bytes:
    """The picture of `read`, as SVG or PNG; ImportError without matplotlib."""
    found = read(public, signature, message)

    def paint(figure: Any) -> None:
        tree, chains = figure.subplots(2, 1, height_ratios=(1.4, 1))
        _paint_tree(tree, found)
        _paint_chains(chains, found)
        figure.legend(loc="outside lower center", ncols=2, fontsize=8.5, frameon=False)

    return drawing.render(paint, form, size=(5, 5.8), source=f"{found.set_name}, index {found.number}")


def _digits(row: SetRow, digest: bytes) -> list[int]:
    """Base w, and the checksum, which grows where a digit shrinks (RFC 8554, section 4.4; RFC 8391, section 2.6)."""
    found = _base_w(int.from_bytes(digest, "big"), row.lg_w, row.len1)
    checksum = sum(((1 << row.lg_w) - 1) - digit for digit in found)
    return found + _base_w(checksum, row.lg_w, row.len2)


def _base_w(number: int, lg_w: int, count: int) -> list[int]:
    return [number >> lg_w * (count - 1 - i) & (1 << lg_w) - 1 for i in range(count)]


# ---- painting ------------------------------------------------------------------------------------------------------


def _paint_tree(panel: Any, found: Explanation) -> None:
    """The path at its own scale: each level's two nodes stand side by side, the left one left."""
    at = 0.0
    for level, neighbour in enumerate(found.path):
        right = found.leaf >> level & 1
        beside = at + (-1 if right else 1)
        above = (at + beside) / 2
        panel.plot([at, above, beside], [level, level + 1, level], color=drawing.GREY, linewidth=1, zorder=1)
        panel.scatter([at], [level], s=50, color=_COMPUTED, zorder=2)
        panel.scatter([beside], [level], s=50, color=_PATH, marker="s", zorder=2)
        panel.annotate(neighbour[:3].hex() + "…", (beside, level), (-7 if right else 7, 0), fontsize=8,
                       textcoords="offset points", ha="right" if right else "left", va="center")  # fmt: skip
        at = above
    panel.scatter([at], [found.height], s=65, color=drawing.GREEN, marker="D", zorder=2)
    panel.annotate("root", (at, found.height), (9, 0), textcoords="offset points", fontsize=8.5, va="center")
    panel.annotate(f"leaf {found.leaf}", (0, 0), (0, -14), textcoords="offset points", fontsize=8.5, ha="center")
    panel.scatter([], [], s=45, color=_COMPUTED, label="node that the verifier computes")
    panel.scatter([], [], s=45, color=_PATH, marker="s", label="node in the signature")
    panel.set_title(
        f"{found.set_name}: from leaf {found.leaf} of {2**found.height:,} to the root", fontsize=9, loc="left"
    )
    panel.set_ylabel("height")
    panel.set_ylim(-0.9, found.height + 0.5)
    panel.margins(x=0.3)
    panel.set_xticks([])
    panel.yaxis.get_major_locator().set_params(integer=True)
    panel.spines[["top", "right", "bottom"]].set_visible(False)


def _paint_chains(panel: Any, found: Explanation) -> None:
    """Every chain from its secret below to its public end above, and the place that the signature shows."""
    message = len(found.digits) - found.checksum_digits
    for of, colour, places in (
        ("message", _MESSAGE, range(message)), ("checksum", _CHECKSUM, range(message, len(found.digits))),
    ):  # fmt: skip
        shown = found.digits[places.start : places.stop]
        rest = [found.last - digit for digit in shown]
        panel.bar(places, shown, color=drawing.HIDDEN, label="only the signer knows" if of == "message" else None)
        panel.bar(places, rest, bottom=shown, color=drawing.LIGHT[colour])
        panel.scatter(places, shown, s=9, color=colour, zorder=2, clip_on=False, label=f"value in the signature: {of}")
    panel.set_title(f"its one-time key: {len(found.digits)} chains of {found.last + 1} places", fontsize=9, loc="left")
    panel.set_xlabel("chain")
    panel.set_ylabel("place")
    panel.margins(x=0.01)
    panel.set_ylim(0, found.last)
    panel.yaxis.get_major_locator().set_params(integer=True)
    panel.spines[["top", "right"]].set_visible(False)
