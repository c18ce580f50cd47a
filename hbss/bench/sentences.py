"""What the figures say, in a few sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from hbss.units import size, time

if TYPE_CHECKING:
    from hbss.bench.run import Figure

Key = Callable[["Figure"], float]

CLOSE = 1.05  # times the least: then it is named as well, as measurements differ by so much
FEW = 3  # names in a sentence at most


def sentences(figures: Sequence[Figure]) -> list[str]:
    """Who is first at what, if there is a choice; and how near the machine's limit most of it comes."""
    said = []
    for operation, title in TITLES.items():
        rows = [row for row in figures if row["operation"] == operation]
        said += _first(rows, title, lambda row: row["seconds"].median, time)
    distinct = list({row["set"]: row for row in figures}.values())
    said += _first(distinct, "Smallest signature", lambda row: row["signature_size"], size)
    return said + _efficiency(figures)


TITLES = {
    "keygen": "Fastest to make a key",
    "sign_api": "Fastest to sign",
    "sign": "Fastest to sign in C",
    "verify": "Fastest to verify",
    "verify_each": "Fastest to verify in batches",
}


def _first(rows: Sequence[Figure], title: str, value: Key, shown: Callable[[float], str]) -> list[str]:
    """One sentence: the row with the least value, and who is as good as it."""
    if len({row["set"] for row in rows}) < 2:
        return []
    rows = sorted(rows, key=value)
    best, worst = value(rows[0]), value(rows[-1])
    if best == worst:
        return []
    equal = [row["set"] for row in rows if value(row) <= best * CLOSE]
    names = ", ".join(equal[:FEW]) + (f" and {len(equal) - FEW} more" if len(equal) > FEW else "")
    return [f"{title}: {names} ({shown(best)}; {rows[-1]['set']} {shown(worst)})."]


def _efficiency(figures: Iterable[Figure]) -> list[str]:
    rows = sorted(figures, key=lambda row: row["efficiency"].median)
    if not rows:
        return []
    middle, last = rows[len(rows) // 2]["efficiency"].median, rows[0]
    where = f"; least: {last['operation']} of {last['set']}, {last['efficiency'].median:.0%}" if len(rows) > 1 else ""
    return [f"Of what the kernels of this machine allow, half of the figures reach {middle:.0%} or more{where}."]
