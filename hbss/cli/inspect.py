"""hbss inspect"""

from __future__ import annotations

import json

import click

from hbss import inspection, state
from hbss.cli import io
from hbss.stores.database import is_database


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--key", metavar="PUB", help="The public key of a bare signature: then it is read exactly.")
@click.option("--json", "as_json", is_flag=True, help="A list, with one object for each file.")
def inspect(files: tuple[str, ...], key: str | None, as_json: bool) -> int:
    """Say what each FILE is: key, signature, certificate, request, CMS, COSE. Nothing is verified.

    A bare signature of XMSS or SLH-DSA names no set: its candidates are listed by length, or --key says which. Exit
    status: 2 if one of them is nothing that hbss knows.
    """
    public = None if key is None else io.load_public(key)
    found, status = [], 0
    for name in files:
        try:
            found.append((name, _stateful(name) if _is_stateful(name) else inspection.inspect(io.read(name), public)))
        except ValueError as error:
            click.echo(f"hbss: {name}: {error}", err=True)
            status = 2
    if as_json:
        click.echo(json.dumps([{"file": name, "kind": each.kind, **each.facts} for name, each in found], indent=2))
        return status
    for name, each in found:
        click.echo(f"{name}: {each.kind}")
        for title, value in each.facts.items():
            click.echo(f"  {title}: {', '.join(map(str, value)) if isinstance(value, list) else value}")
    return status


def _is_stateful(name: str) -> bool:
    return name != io.STANDARD and is_database(name)


def _stateful(name: str) -> inspection.Finding:
    """A stateful key, which is opened by nothing but its store."""
    found = state.status(name)
    return inspection.Finding(
        "stateful private key",
        {
            "set": found.set_name,
            "fingerprint": found.fingerprint,
            "password": "yes" if state.is_sealed(name) else "no",
            "state kept in": "its own file" if found.authority == "sqlite:" else found.authority,
            "witness": found.witness or "none",
            "epoch": found.epoch,
            "next index": found.next,
            "signatures left": found.remaining,
        },
    )
