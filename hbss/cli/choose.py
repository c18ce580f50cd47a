"""hbss choose"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math

import click
from rich.console import Console
from rich.table import Table

from hbss import choosing, drawing
from hbss.choosing import Choice, Needs
from hbss.cli import io
from hbss.units import duration, size


def whole_number(value: str) -> int:
    """A whole number, also as 1e6; ValueError, of which click makes a usage error, if it is none or enormous."""
    try:
        number = float(value.replace(",", ""))
    except ValueError:
        number = math.nan
    if not number.is_integer() or abs(number) > MOST:
        raise ValueError(f"{value} is no whole number of use here, such as 250000 or 1e6")
    return int(number)


MOST = 1 << 64
POSITIVE = click.FloatRange(min=0, min_open=True)


@click.command()
@click.option(
    "--signatures", type=whole_number, default="1", show_default=True, help="That one key must make, such as 1e6."
)
@click.option("--per-day", type=POSITIVE, help="How many a day: says how long a key lasts.")
@click.option("--signature-bytes", type=whole_number, help="Of a signature at most.")
@click.option("--sign-ms", type=POSITIVE, help="To sign at most, in milliseconds.")
@click.option("--verify-ms", type=POSITIVE, help="To verify at most.")
@click.option("--keygen-s", type=POSITIVE, help="To make a key at most, in seconds.")
@click.option("--hash-bits", type=whole_number, help="Of the hash at least: 128 (SLH-DSA only), 192, 256 or 512.")
@click.option("--approved", is_flag=True, help="Only sets approved by SP 800-208 or FIPS 205.")
@click.option("--stateless", is_flag=True, help="Only SLH-DSA, which has no index to keep.")
@click.option("--cnsa", is_flag=True, help="Only single trees of LMS or XMSS, as CNSA 2.0 has them.")
@click.option(
    "--prefer", type=click.Choice(choosing.PREFERENCES), default="signature", show_default=True,
    help="What to order by: the signature's size, or the time to sign, verify or make a key.",
)  # fmt: skip
@click.option("--limit", type=click.IntRange(1), default=10, show_default=True, help="How many sets to show at most.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, times in seconds.")
@click.option("--plot", metavar="FILE", help="Draw all sets and the chosen ones, .svg or .png.")
def choose(
    signatures: int, per_day: float | None, signature_bytes: int | None, sign_ms: float | None,
    verify_ms: float | None, keygen_s: float | None, hash_bits: int | None, approved: bool, stateless: bool,
    cnsa: bool, prefer: str, limit: int, as_json: bool, plot: str | None,
) -> None:  # fmt: skip
    """Which parameter sets suit a use, the best first, and what to heed.

    Times are those of this machine, one thread: counted hash calls in its fastest kernel, which real ones come near
    to. `hbss bench SET` measures.
    """
    needs = Needs(
        signatures=signatures, per_day=per_day, signature_bytes=signature_bytes, sign=_seconds(sign_ms),
        verify=_seconds(verify_ms), keygen=keygen_s, hash_bits=hash_bits, approved=approved, stateless=stateless,
        single_tree=cnsa,
    )  # fmt: skip
    form = "" if plot is None else drawing.file_format(plot)
    with contextlib.ExitStack() as stack:
        if form:
            io.need_plots()
        picture = None if plot is None else stack.enter_context(io.output(plot))
        found = choosing.choose(needs, prefer, limit)
        if not found.offers:
            raise click.ClickException(_nothing(needs, found))
        if picture is not None:
            picture(choosing.draw(found, form))
    if as_json:
        click.echo(json.dumps([_plain(offer) for offer in found.offers], indent=2))
    else:
        _show(needs, found)


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def _plain(offer: choosing.Offer) -> dict[str, object]:
    return {**dataclasses.asdict(offer), "set": offer.set.name, "signature_bytes": offer.set.signature_size}


def _nothing(needs: Needs, found: Choice) -> str:
    """What to say where no set fits, and which single wish is in the way."""
    lacking = "; ".join(f"{count:,} lack {title}" for title, count in found.refused.items())
    said = f"no set has all of this: {choosing.described(needs)}. Of {found.sets:,} sets {lacking}"
    for title, count in sorted(found.spoiled.items(), key=lambda item: -item[1])[:1]:
        said += f". {count:,} would do but for one thing: {title}"
    return said


def _show(needs: Needs, found: Choice) -> None:
    table = Table(box=None)
    table.add_column("set", no_wrap=True)
    for title in ("signature", "public key", "signatures", "make a key", "sign", "verify"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("why")
    for offer in found.offers:
        table.add_row(
            offer.set.name, size(offer.signature), size(offer.set.public_key_size),
            f"2^{offer.set.capacity.bit_length() - 1}", duration(offer.keygen), duration(offer.sign),
            duration(offer.verify), ", ".join(offer.reasons),
        )  # fmt: skip
    console = Console()
    console.width = max(console.width, 140)  # the names must not be cut
    console.print(table)
    click.echo(f"\n{choosing.described(needs)}: {found.meeting:,} of {found.sets:,} sets; the rest is beaten by these.")
    for warning, names in _by_warning(found).items():
        click.echo(f"! {warning}: {'all' if len(names) == len(found.offers) else ', '.join(names)}")


def _by_warning(found: Choice) -> dict[str, list[str]]:
    """Each warning once, with the sets that it is about."""
    warnings: dict[str, list[str]] = {}
    for offer in found.offers:
        for warning in offer.warnings:
            warnings.setdefault(warning, []).append(offer.set.name)
    return warnings
