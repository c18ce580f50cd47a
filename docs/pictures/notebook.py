"""A page as a notebook: its code is run, its outputs stand under it, its pictures are drawn from its variables."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any

from docs.pictures import chains, trees

FOLDER = Path(__file__).resolve().parent
PAGE = FOLDER.parent / "tutorial.md"

PAINTERS = {
    each.__name__: each
    for each in (
        chains.chain, chains.checksum, chains.winternitz, chains.reuse, chains.forger,
        trees.merkle, trees.xmss, trees.layout, trees.towers,
    )
}  # fmt: skip

# a block of Python with the block of its output, if it has one; or a picture, alone on its line
_CELL = re.compile(
    r"^```python\n(?P<code>.*?)^```\n(?:\n```\n.*?^```\n)?|^!\[.*?\]\(pictures/(?P<picture>\w+)\.svg\)$",
    re.MULTILINE | re.DOTALL,
)


def run(page: str) -> tuple[str, dict[str, bytes]]:
    """The page with the outputs and text alternatives that its code gives now, and its pictures by file name."""
    variables: dict[str, Any] = {"__name__": "__main__"}
    drawn: dict[str, bytes] = {}

    def cell(found: re.Match[str]) -> str:
        if name := found["picture"]:
            drawn[f"{name}.svg"], alternative = PAINTERS[name](variables)
            return f"![{alternative}](pictures/{name}.svg)"
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(found["code"], PAGE.name, "exec"), variables)
        output = printed.getvalue()
        return f"```python\n{found['code']}```\n" + (f"\n```\n{output}```\n" if output else "")

    return _CELL.sub(cell, page), drawn
