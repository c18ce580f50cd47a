"""Put the figures of a run into docs/benchmarks.md, so that no figure there is without its JSON.

    python -m benchmarks publish benchmarks/results/NAME-hashing.json

The page marks a place for each kind of run by two comments. A test holds what stands between them, and the charts,
against the file that they name. The kind of a run is the end of its file's name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import chat_tables, drawing, hashing_charts, hashing_tables, state_chart, state_tables
from benchmarks.measure import RESULTS, ROOT

PAGE = ROOT / "docs" / "benchmarks.md"


class Kind(NamedTuple):
    """A kind of run: its figures as text, given the captions of its charts by file; and its charts."""

    text: Callable[[Any, Mapping[str, str]], str]
    charts: Mapping[str, tuple[drawing.Draw, str]]


KINDS = {
    "hashing": Kind(hashing_tables.text, hashing_charts.CHARTS),
    "state": Kind(state_tables.text, state_chart.CHARTS),
    "chat": Kind(chat_tables.server, {}),
    "chatpage": Kind(chat_tables.page, {}),
}


class Place(NamedTuple):
    """Where the figures of a kind stand on the page: what is between the comments, and the file that they name."""

    kind: str
    file: str
    text: str


def load(path: Path) -> Any:
    """The figures of a run."""
    return json.loads(path.read_text(encoding="utf-8"))


def kind_of(result: Path) -> str:
    """The kind of a run; ValueError if its name does not say one."""
    kind = result.stem.rsplit("-", 1)[-1]
    if kind not in KINDS:
        raise ValueError(f"{result.name} is no run that is published: its name ends with none of {', '.join(KINDS)}")
    return kind


def section(kind: str, found: Any) -> str:
    """What stands between the comments."""
    captions = {name: caption for name, (_, caption) in KINDS[kind].charts.items()}
    return f"\n\n{KINDS[kind].text(found, captions)}\n\n"


def publish(result: Path, page: Path = PAGE) -> None:
    """Write the figures of a run into the page and draw its charts beside it.

    ValueError if the page has no place for them; ImportError without matplotlib.
    """
    kind, whole, found = kind_of(result), page.read_text(encoding="utf-8"), load(result)
    old = next((place for place in places(whole) if place.kind == kind), None)
    if old is None:
        raise ValueError(f"{page} does not say where its figures go: {_begin(kind, 'none')} {_end(kind)}")
    charts = {name: drawing.svg(draw, found, result.name) for name, (draw, _) in KINDS[kind].charts.items()}
    new = _begin(kind, result.name) + section(kind, found) + _end(kind)
    page.write_text(whole.replace(_begin(kind, old.file) + old.text + _end(kind), new), encoding="utf-8")
    for name, data in charts.items():
        page.with_name(name).write_bytes(data)


def differences(page: Path = PAGE, results: Path = RESULTS) -> list[str]:
    """What is wrong with the figures of a page; nothing, if each is from the file that is named."""
    found = list(places(page.read_text(encoding="utf-8")))
    wrong = [f"{page.name} has no place for {kind}" for kind in KINDS if kind not in {place.kind for place in found}]
    for place in found:
        if place.file != "none":
            wrong += _wrong(place, page, results)
    return wrong


def _wrong(place: Place, page: Path, results: Path) -> Iterator[str]:
    result = results / place.file
    if not result.is_file():
        yield f"{place.file} is not in {results}"
        return
    if place.text != section(place.kind, load(result)):
        yield f"{page.name} differs from {place.file}"
    for name, (draw, _) in KINDS[place.kind].charts.items():
        path = page.with_name(name)
        drawn = path.read_bytes() if path.is_file() else b""
        named = place.file.encode() in drawn
        if not named or (_same_hand(drawn) and drawn != drawing.svg(draw, load(result), place.file)):
            yield f"{name} is not the chart of {place.file}"


def _same_hand(drawn: bytes) -> bool:
    """Whether the matplotlib that is installed, if any, drew this: another one may draw it differently."""
    try:
        return drawing.version().encode() in drawn
    except ImportError:
        return False


def places(whole: str) -> Iterator[Place]:
    """The places of a page."""
    for kind in KINDS:
        for match in re.finditer(rf"<!-- {kind}: (\S+) -->(.*?){re.escape(_end(kind))}", whole, re.DOTALL):
            yield Place(kind, match[1], match[2])


def _begin(kind: str, name: str) -> str:
    return f"<!-- {kind}: {name} -->"


def _end(kind: str) -> str:
    return f"<!-- end of {kind} -->"
