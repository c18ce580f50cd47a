"""hbss bench"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace

import click

import hbss
from hbss import drawing, workers
from hbss.bench import plots, table
from hbss.bench.run import OPERATIONS, QUICK, Budget, Found, measure
from hbss.cli import io
from hbss.params import SCHEMES

DEFAULT = (
    "LMS_SHA256_M32_H10_W4", "LMS_SHA256_M32_H10_W8", "LMS_SHA256_M32_H10_W8+LMS_SHA256_M32_H10_W8",
    "XMSS-SHA2_10_256", "XMSSMT-SHA2_20/2_256",
    "SLH-DSA-SHA2-128s", "SLH-DSA-SHA2-128f", "SLH-DSA-SHAKE-128s", "SLH-DSA-SHAKE-128f",
)  # fmt: skip


@click.command()
@click.argument("sets", nargs=-1, metavar="[SET|SCHEME]...")
@click.option(
    "--operation", "operations", multiple=True, type=click.Choice(OPERATIONS), help="Only this one; may be repeated."
)
@click.option("--seconds", type=click.FloatRange(0), help="Of each figure (default: 0.5).")
@click.option("--quick", is_flag=True, help="A short run, whose figures mean little.")
@click.option("--threads", is_flag=True, help="Also what all processors together gain.")
@click.option(
    "--json", "as_json", metavar="FILE", help="Write everything that was found as JSON (-: instead of the table)."
)
@click.option("--plot", metavar="FILE", help="Draw a chart, .svg or .png.")
def bench(
    sets: tuple[str, ...], operations: tuple[str, ...], seconds: float | None, quick: bool, threads: bool,
    as_json: str | None, plot: str | None,
) -> None:  # fmt: skip
    """Measure hbss on this machine: some sets in about a minute, or any SET, or all sets of a SCHEME.

    Times are of one thread. `of limit` is how near a time comes to that of the hash calls which the standard
    prescribes, in the fastest kernel of this machine; `of model` allows for the calls of a single signature that wait
    for one another.
    """
    names = list(dict.fromkeys(name for each in sets or DEFAULT for name in _names(each)))
    budget = QUICK if quick else Budget()
    if seconds is not None:
        budget = replace(budget, seconds=seconds)
    with _files(as_json, plot) as write:
        found = measure(names, operations or OPERATIONS, budget, _tell, workers.cpus() if threads else 1)
        write(found)
    if as_json != io.STANDARD:
        click.echo(table.text(found))


def _names(given: str) -> list[str]:
    """A set's own name, or the names of all sets of a scheme."""
    if given == "HSS":
        raise ValueError("an HSS is any list of LMS sets: name them, the top one first, joined by '+'")
    if given in SCHEMES:
        return [each.name for each in hbss.parameter_sets(given)]
    return [hbss.parameter_set(given).name]


@contextlib.contextmanager
def _files(as_json: str | None, plot: str | None) -> Iterator[Callable[[Found], None]]:
    """Where the results go: files that are made before anything is measured, and named when all is written."""
    with contextlib.ExitStack() as stack:
        form = "" if plot is None else drawing.file_format(plot)
        if form:
            io.need_plots()
        picture = None if plot is None else stack.enter_context(io.output(plot))
        text = None if as_json is None else stack.enter_context(io.output(as_json))

        def write(found: Found) -> None:
            if text is not None:
                text(json.dumps(found, indent=1).encode() + b"\n")
            if picture is not None:
                picture(plots.draw(found, form))

        yield write


def _tell(line: str) -> None:
    click.echo(f"hbss: measuring {line}", err=True)
