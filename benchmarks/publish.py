"""Put the figures of one run into docs/benchmarks.md, so that no figure there is without its JSON.

    python -m benchmarks publish benchmarks/results/NAME-state.json

The page marks the place by two comments; a test holds what stands between them against the file that they name.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import cast

from benchmarks import state_tables
from benchmarks.measure import RESULTS, ROOT
from benchmarks.state import Found

PAGE = ROOT / "docs" / "benchmarks.md"
PICTURE = "state-rates.svg"  # beside the page
PLACE = re.compile(r"(?<=<!-- figures of )(\S+)( -->\n)(.*?)(?=<!-- end of figures -->)", re.DOTALL)


def load(path: Path) -> Found:
    """The figures of a run."""
    return cast(Found, json.loads(path.read_text(encoding="utf-8")))


def section(found: Found) -> str:
    """What stands between the comments."""
    return f"\n{state_tables.text(found, PICTURE)}\n\n"


def publish(result: Path, page: Path = PAGE) -> None:
    """Write the figures of a run, and its chart beside the page; ValueError if the page has no place for them."""
    whole = page.read_text(encoding="utf-8")
    if not PLACE.search(whole):
        raise ValueError(f"{page} does not say where its figures go: <!-- figures of none --> <!-- end of figures -->")
    text = section(load(result))
    shutil.copyfile(result.with_suffix(".svg"), page.with_name(PICTURE))
    page.write_text(PLACE.sub(lambda found: result.name + found[2] + text, whole), encoding="utf-8")


def differences(page: Path = PAGE, results: Path = RESULTS) -> list[str]:
    """What is wrong with the figures of a page; nothing, if each is from the file that is named."""
    places = PLACE.findall(page.read_text(encoding="utf-8"))
    wrong = [] if places else [f"{page.name} has no figures"]
    for name, _, text in places:
        if not (results / name).is_file():
            wrong.append(f"{name} is not in {results}")
            continue
        if text != section(load(results / name)):
            wrong.append(f"{page.name} differs from {name}")
        if page.with_name(PICTURE).read_bytes() != (results / name).with_suffix(".svg").read_bytes():
            wrong.append(f"{PICTURE} is not the chart of {name}")
    return wrong
