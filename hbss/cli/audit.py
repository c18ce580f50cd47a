"""hbss audit"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import click

from hbss.audit import Audit, Report
from hbss.cli import io

SUFFIX = ".sig"


class Given(NamedTuple):
    """Where a signature is, and where its message is, if that is known."""

    signature: str
    message: str | None


@click.command()
@click.argument("signatures", nargs=-1, metavar="[SIG]...")
@click.option("--key", required=True, metavar="PUB", help="The public key whose signatures these are.")
@click.option("--with-messages", is_flag=True, help="Verify each FILE.sig first; its message is FILE beside it.")
@click.option("--list", "listed", metavar="FILE", help="More signatures, a line each: SIG, or SIG, a tab and MESSAGE.")
@click.option("--index", metavar="FILE", help="Keep what was seen in FILE, and go on from there the next time.")
@click.option("--limit", default=1000, show_default=True, type=click.IntRange(0), help="Show at most so many findings.")
@click.option("--json", "as_json", is_flag=True, help="The report as JSON.")
def audit(
    signatures: tuple[str, ...],
    key: str,
    with_messages: bool,
    listed: str | None,
    index: str | None,
    limit: int,
    as_json: bool,
) -> int:
    """Search signatures of one key for a one-time key that signed two values.

    SIG is a file, or a folder: then every *.sig in it. LMS, HSS, XMSS and XMSS^MT are audited on every layer. Exit
    status: 0 no reuse, 1 reuse, 2 cannot tell (a file is missing, or no signature of this key was found).
    """
    if not (signatures or listed or index):
        raise click.UsageError("name signatures, a folder of them, or a --list")
    if [key, listed, *signatures].count(io.STANDARD) > 1:
        raise click.UsageError("only one of PUB, SIG and --list can be standard input")
    with Audit(io.load_public(key), index) as audited:
        for signature, message in _given(signatures, listed, with_messages):
            audited.add(io.read(signature), None if message is None else io.read(message), signature)
        report = audited.report(limit)
    _show(report, as_json)
    if report.highest is None:
        raise click.ClickException(f"none of them is a signature of {key}, so nothing can be said about that key")
    return 0 if report.ok else 1


# ---- which signatures ----------------------------------------------------------------------------------------------


def _given(names: Iterable[str], listed: str | None, with_messages: bool) -> Iterator[Given]:
    """All signatures; with_messages: each with its message, which has its name beside it unless the list says more."""
    for name in names:
        for signature in _files(name):
            yield Given(signature, _beside(signature) if with_messages else None)
    for signature, message in () if listed is None else _lines(listed):
        yield Given(signature, _beside(signature) if with_messages and message is None else message)


def _files(name: str) -> Iterator[str]:
    """A file itself; of a folder every signature in it, in the order of the names."""
    if not os.path.isdir(name):
        yield name
        return
    found = False
    for folder, folders, files in os.walk(name, onerror=_raise):
        folders.sort()
        for file in sorted(files):
            if file.endswith(SUFFIX):
                found = True
                yield os.path.join(folder, file)
    if not found:
        raise ValueError(f"no file in the folder {name} ends in {SUFFIX}")


def _raise(error: OSError) -> None:
    raise error


def _lines(listed: str) -> Iterator[Given]:
    with click.open_file(listed, "rb") as lines:
        for number, line in enumerate(lines, 1):
            signature, *messages = os.fsdecode(line.rstrip(b"\r\n")).split("\t")
            if len(messages) > 1 or (messages and not (signature and messages[0])):
                raise ValueError(f"{listed}, line {number}: expected SIG, or SIG, a tab and MESSAGE")
            if signature:
                yield Given(signature, messages[0] if messages else None)


def _beside(signature: str) -> str:
    """The name of the message that a signature is named after."""
    if not signature.endswith(SUFFIX):
        raise ValueError(f"{signature} does not end in {SUFFIX}, so its message is not known: name it in a --list")
    return signature.removesuffix(SUFFIX)


# ---- what is shown -------------------------------------------------------------------------------------------------


def _show(report: Report, as_json: bool) -> None:
    if as_json:
        findings = [{**dataclasses.asdict(each), "proven": each.proven} for each in report.findings]
        ok = None if report.highest is None else report.ok  # nothing was compared, so nobody knows
        shown = {"ok": ok, **dataclasses.asdict(report), "unused": report.unused, "findings": findings}
        click.echo(json.dumps(shown, indent=2))
        return
    for finding in report.findings:
        click.echo(f"REUSE: {finding}")
    if report.reused > len(report.findings):
        click.echo(f"and {report.reused - len(report.findings):,} more (--limit)")
    for refused in report.refused:
        click.echo(f"not compared: {refused.name}: {refused.reason}")
    click.echo(str(report))
