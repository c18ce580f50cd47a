"""The tutorial is a notebook: its outputs, its text alternatives and its pictures are what its code gives now."""

from __future__ import annotations

import re

import pytest

from hbss import drawing

pytest.importorskip("matplotlib")

from docs.pictures import notebook

AGAIN = "run `python -m docs.pictures` and look at what has changed"


@pytest.fixture(scope="module")
def made() -> tuple[str, dict[str, bytes]]:
    return notebook.run(notebook.PAGE.read_text(encoding="utf-8"))


def test_outputs_and_alternatives(made: tuple[str, dict[str, bytes]]) -> None:
    assert made[0] == notebook.PAGE.read_text(encoding="utf-8"), AGAIN


def test_pictures(made: tuple[str, dict[str, bytes]]) -> None:
    """Byte for byte; another matplotlib than the one that drew the kept ones has to write the same words into them."""
    kept = {path.name: path.read_bytes() for path in notebook.FOLDER.glob("*.svg")}
    assert set(made[1]) == set(kept) == {f"{name}.svg" for name in notebook.PAINTERS}
    for name, svg in made[1].items():
        same_hand = drawing.version().encode() in kept[name]
        assert (svg == kept[name]) if same_hand else (words(svg) == words(kept[name])), f"{name}: {AGAIN}"


def words(svg: bytes) -> list[bytes]:
    found = re.findall(rb">([^<>]+)</(?:text|tspan)>", svg)
    assert len(found) > 5
    return found


def test_every_picture_has_an_alternative(made: tuple[str, dict[str, bytes]]) -> None:
    alternatives = re.findall(r"!\[(.*?)\]\(pictures/", made[0])
    assert len(alternatives) == len(notebook.PAINTERS)
    assert all(len(each) > 80 and not set(each) & set("[]\n") for each in alternatives)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("```python\nprint(1 + 1)\n```\n", "```python\nprint(1 + 1)\n```\n\n```\n2\n```\n"),
        ("```python\nprint(1)\n```\n\n```\n3\n4\n```\n", "```python\nprint(1)\n```\n\n```\n1\n```\n"),
        ("```python\nx = 1\n```\n\n```\n3\n```\n\nText.\n", "```python\nx = 1\n```\n\nText.\n"),
        ("```python\nx = 1\n```\n\n```sh\nls\n```\n", "```python\nx = 1\n```\n\n```sh\nls\n```\n"),
    ],
    ids=["missing", "stale", "needless", "another block"],
)
def test_outputs_are_put_right(before: str, after: str) -> None:
    assert notebook.run(before) == (after, {})
    assert notebook.run(after) == (after, {})
