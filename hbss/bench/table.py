"""The figures as text that fits 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hbss.bench.measure import Spread
from hbss.units import size, time

if TYPE_CHECKING:
    from hbss.bench.run import Figure, Found

WIDTH = 100
_NAME = 44  # an HSS of three levels is longer, and is cut


def text(found: Found) -> str:
    """All that was found: the machine, the kernels, a line for every figure, what several threads gain, the reading."""
    reading = [line for sentence in found["reading"] for line in _wrapped(sentence)]
    parts = [list(_head(found)), list(_figures(found)), list(_threads(found)), reading]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _head(found: Found) -> Iterator[str]:
    machine = found["machine"]
    yield from _wrapped(f"{machine['cpu']}, {machine['processors']} processors, {machine['system']}")
    compiled = f", compiled by {machine['compiler']}" if machine["compiler"] else ""
    yield from _wrapped(f"hbss {machine['hbss']}, Python {machine['python']}, backend {machine['backend']}{compiled}")
    for row in found["kernels"]:
        best = f"{row['best']:.1f} ns a hash call in the kernel {row['kernel']} ({row['lanes']} lanes)"
        yield f"{row['function']}: {best}, {row['block']:.0f} ns in one lane"


def _figures(found: Found) -> Iterator[str]:
    yield f"{'set':{_NAME}} {'operation':12} {'time':>10} {'signature':>10} {'of limit':>9} {'of model':>9}"
    for row in found["figures"]:
        line = f"{_cut(row['set'])} {row['operation']:12} {time(row['seconds'].median):>10} "
        line += f"{size(row['signature_size']):>10} {_share(row['efficiency']):>9} {_share(row['of_model']):>9}"
        yield line.rstrip()
    notes = [f"{row['operation']}{_of(row)}: {row['note']}" for row in found["figures"] if row["note"]]
    for note in dict.fromkeys(notes):
        yield from _wrapped(note)
    for omitted in found["skipped"]:
        yield from _wrapped(f"{omitted['operation']} of {omitted['set']} was not measured: {omitted['reason']}")


def _threads(found: Found) -> Iterator[str]:
    if found["threads"]:
        yield f"{'gain by threads':{_NAME}} {'threads':>7} {'bare kernel':>12} {'keygen':>9} {'verify_each':>12}"
    for row in found["threads"]:
        kernel, keygen, verify = (row[each].median for each in ("kernel", "keygen", "verify_each"))
        yield f"{_cut(row['set'])} {row['threads']:>7} {kernel:>11.2f}x {keygen:>8.2f}x {verify:>11.2f}x"


def _of(row: Figure) -> str:
    """Notes on keygen are each of one set."""
    return f" of {row['set']}" if row["operation"] == "keygen" else ""


def _share(ratio: Spread | None) -> str:
    return "" if ratio is None else f"{ratio.median:.0%}"


def _cut(name: str) -> str:
    return f"{name if len(name) <= _NAME else name[: _NAME - 1] + '…':{_NAME}}"


def _wrapped(sentence: str) -> list[str]:
    return textwrap.wrap(sentence, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
