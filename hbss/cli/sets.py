"""hbss sets"""

from __future__ import annotations

import dataclasses
import json

import click
from rich.console import Console
from rich.table import Table

import hbss


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Everything that is known of each set, as JSON.")
@click.option("--scheme", help="Only LMS, XMSS, XMSSMT or SLH-DSA.")
@click.option("--approved", is_flag=True, help="Only sets approved by SP 800-208 or FIPS 205.")
def sets(as_json: bool, scheme: str | None, approved: bool) -> None:
    """List the parameter sets. An HSS joins LMS sets by `+`, the top one first."""
    found = hbss.parameter_sets(scheme, True if approved else None)
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(each) for each in found], indent=2))
        return
    table = Table(box=None)
    for title in ("set", "approved"):
        table.add_column(title, no_wrap=True)
    for title in ("public key", "signature", "signatures", "keygen hashes"):
        table.add_column(title, justify="right", no_wrap=True)
    for each in found:
        table.add_row(
            each.name, "yes" if each.approved else "no", f"{each.public_key_size} B", f"{each.signature_size:,} B",
            f"2^{each.capacity.bit_length() - 1}", f"2^{each.keygen_hashes.bit_length() - 1}",
        )  # fmt: skip
    console = Console()
    console.width = max(console.width, 100)  # the names must not be cut
    console.print(table)
