"""hbss state status | witness | move | split | recover"""

from __future__ import annotations

import dataclasses
import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

import click

from hbss import files
from hbss import state as care
from hbss.cli import io, low, password
from hbss.status import KeyStatus, is_low
from hbss.stores.keyfile import HERE


@click.group()
def state() -> None:
    """The state of a stateful key: who keeps it, what is left, and what to do after a restore."""


@state.command()
@click.argument("key")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
@low.options
def status(key: str, as_json: bool, warn_below: int | None, fail_low: bool) -> int:
    """What is used, burned, reserved by whom and when, and left; where the state is kept, and who watches."""
    found = care.status(key)
    if as_json:
        click.echo(json.dumps(_as_dict(found), indent=2))
    else:
        click.echo("\n".join(f"{name:<12}{text}" for name, text in _lines(found)))
    tell = low.Low(fail_low)
    if is_low(found.remaining, found.limit - found.first, warn_below):
        tell(found.remaining)
    return tell.status


@state.command()
@click.argument("key")
@click.argument("place", required=False)
@click.option("--remove", is_flag=True, help="Have no witness any more.")
def witness(key: str, place: str | None, remove: bool) -> None:
    """From now on record every reservation at PLACE too, before a signature is released.

    PLACE is the path of a file on another disk, or the URL of a store on another machine. An old copy of the state is
    then noticed, and refused. --remove asks the witness a last time, if it answers.
    """
    if (place is None) != remove:
        raise click.UsageError("give either a PLACE or --remove")
    _refuse_memory(place)
    with _warnings_on_stderr():
        url = care.witness(key, place, password=password.of_stateful(key))
    click.echo(f"{key}: {f'the witness is {url}' if url else 'there is no witness any more'}", err=True)


@state.command()
@click.argument("key")
@click.argument("url")
def move(key: str, url: str) -> None:
    """Let the store at URL keep the state of KEY: `postgresql://...`, `sqlite:PATH`, or `sqlite:` for KEY itself.

    The old store refuses for good before the new one accepts. If this is interrupted, KEY does not sign until the same
    command has been run again.
    """
    _refuse_memory(url)
    with _warnings_on_stderr():
        target = care.move(key, url, password=password.of_stateful(key))
    click.echo(f"{key}: the state is kept {_where(target)} now", err=True)


@state.command()
@click.argument("key")
@click.option("--count", type=click.IntRange(min=1), required=True, help="How many signatures to give away.")
@click.option("-o", "--output", required=True, help="The key file to write; OUTPUT.pub is written too.")
def split(key: str, count: int, output: str) -> None:
    """Give the next COUNT signatures of KEY to a new key file of the same public key.

    Both can sign at the same time, and neither ever uses an index of the other: this is the backup that cannot overlap.
    """
    if output == io.STANDARD:
        raise click.UsageError("a key is written to a file: name it")
    public_file = Path(f"{output}.pub")
    files.refuse_taken(public_file)
    indices = care.split(key, count, output, password=password.of_stateful(key))
    with files.written(public_file, new=True) as file:
        file.write(care.public_key(output).pem())
    click.echo(
        f"{output}: {count:,} signatures, indices {indices.start} to {indices.stop - 1}, which {key} has given up",
        err=True,
    )


@state.command()
@click.argument("key")
@click.option("--signature", help="The newest signature that was released: all up to its index is skipped.")
@click.option("--skip-to", type=click.IntRange(min=0), help="The first index that may be used again.")
def recover(key: str, signature: str | None, skip_to: int | None) -> None:
    """After a restore or a failover: begin a new epoch above every index that may have been used.

    Stop all signers of KEY first. With a witness it is known how far to skip; else say it by one of the options, and
    rather skip too many than one too few.
    """
    newest = None if signature is None else io.read(signature)
    found = care.recover(key, skip_to=skip_to, signature=newest, password=password.of_stateful(key))
    click.echo(f"{key}: epoch {found.epoch}, next index {found.next}, {found.remaining:,} signatures left", err=True)


def _as_dict(found: KeyStatus) -> dict[str, object]:
    counted = {"remaining": found.remaining, "reserved": found.reserved, "burned": found.burned}
    leases = [lease._asdict() for lease in found.leases]
    known = dataclasses.asdict(found)
    return {"set": known.pop("set_name"), **known, **counted, "leases": leases}


def _lines(found: KeyStatus) -> Iterator[tuple[str, str]]:
    yield "key", f"{found.set_name}, fingerprint {found.fingerprint}"
    yield "state", f"kept {_where(found.authority)}, epoch {found.epoch}"
    if found.seen is None:
        yield "witness", "none: an old copy of the state would not be noticed"
    else:
        gone_back = found.seen > found.next
        yield (
            "witness",
            f"{found.witness}, has seen all below index {found.seen}"
            + (": MORE than the store, which is an old copy and must not sign" if gone_back else ""),
        )
    yield (
        "indices",
        f"{found.first} to {found.limit - 1}, the next is {found.next}" if found.remaining else "none is left",
    )
    yield (
        "signatures",
        f"{found.used:,} used, {found.burned:,} burned, {found.reserved:,} reserved, {found.remaining:,} left",
    )
    for lease in found.leases:
        when = datetime.fromtimestamp(lease.at, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
        yield "reserved", f"{lease.start} to {lease.stop - 1} by {lease.signer}, {when}, epoch {lease.epoch}"


def _where(authority: str) -> str:
    return "in the key file" if authority == HERE else f"by {authority}"


def _refuse_memory(url: str | None) -> None:
    if url == "memory:":
        raise click.UsageError("memory: ends with this command, and the key would be lost; it is for tests in Python")


@contextmanager
def _warnings_on_stderr() -> Iterator[None]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for each in caught:
        click.echo(f"hbss: warning: {each.message}", err=True)
