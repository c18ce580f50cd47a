"""What all the tables of figures are made of, for the terminal and for docs/benchmarks.md."""

from __future__ import annotations

from typing import Any

from benchmarks.measure import Machine, Spread


def middle(figure: Any) -> float:
    """The median of a spread, which JSON has made a list."""
    return Spread(*figure).median


def table(head: list[str], rows: list[list[str]], left: int = 1) -> list[str]:
    """Lines of Markdown; all columns but the first `left` are numbers."""
    line = ["---"] * left + ["---:"] * (len(head) - left)
    return [f"| {' | '.join(cells)} |" for cells in [head, line, *rows]]


def measured_on(machine: Machine, *more: str) -> str:
    """Where figures are from; more: what else matters, empty ones left out."""
    commit = f"commit {machine['commit']}{' and changes' if machine['changed since'] else ''}"
    parts = (
        str(machine["cpu"]), f"{machine['processors']} processors", f"Python {machine['python']}", *more, commit,
    )  # fmt: skip
    return f"Measured on {', '.join(part for part in parts if part)}."
