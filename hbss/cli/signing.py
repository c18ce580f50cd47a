"""hbss sign, hbss verify"""

from __future__ import annotations

from collections.abc import Callable

import click

import hbss
from hbss.cli import io, low, pace
from hbss.stateful import StatefulPrivateKey


@click.command()
@click.argument("key")
@click.argument("file")
@click.option("-o", "--output", help="Where to write the signature (default: FILE.sig).")
@low.options
def sign(key: str, file: str, output: str | None, warn_below: int | None, fail_low: bool) -> int:
    """Sign FILE with KEY. It is read in pieces, twice for an SLH-DSA key."""
    target = output or (io.STANDARD if file == io.STANDARD else f"{file}.sig")
    io.refuse_same(target, key, file)
    tell = low.Low(fail_low)
    private = io.open_private(key, tell, warn_below)
    with pace.FileProgress(f"reading {file}") as so_far:
        write_signed(private, target, lambda: _sign_file(private, file, so_far))
    return tell.status


def _sign_file(private: hbss.PrivateKey | StatefulPrivateKey, file: str, so_far: pace.FileProgress) -> bytes:
    try:
        return private.sign_file(io.source(file), progress=so_far)
    except (OSError, KeyboardInterrupt):
        if so_far.begun and isinstance(private, StatefulPrivateKey):
            click.echo(
                f"hbss: {file} was not read to its end: the index that was reserved for it is burned, "
                f"{private.remaining} signatures are left",
                err=True,
            )
        raise


def write_signed(private: hbss.PrivateKey | StatefulPrivateKey, target: str, make: Callable[[], bytes]) -> None:
    """Write what `make` signs with this key, which is closed in the end; say so if that cost an index for nothing."""
    if isinstance(private, StatefulPrivateKey):
        with private:
            _write_stateful(private, target, make)
    else:
        with io.output(target) as write:
            write(make())


def _write_stateful(private: StatefulPrivateKey, target: str, make: Callable[[], bytes]) -> None:
    signed = False
    try:
        with io.output(target) as write:
            result = make()
            signed = True
            write(result)
    except (OSError, KeyboardInterrupt) as error:
        if not signed:
            raise
        reason = error.strerror if isinstance(error, OSError) else "interrupted"
        place = "standard output" if target == io.STANDARD else target
        raise click.ClickException(
            f"{place} could not be written ({reason}): the index that it used is burned, "
            f"{private.remaining} signatures are left"
        ) from None


@click.command()
@click.argument("pub")
@click.argument("file")
@click.argument("sig")
def verify(pub: str, file: str, sig: str) -> None:
    """Check that SIG is a signature of FILE by the key PUB. Exit status: 0 good, 1 bad, 2 cannot tell."""
    if [pub, file, sig].count(io.STANDARD) > 1:
        raise click.UsageError("only one of PUB, FILE and SIG can be standard input")
    public = io.load_public(pub)
    signature = io.read(sig)
    with pace.FileProgress(f"reading {file}") as so_far:
        public.verify_file(signature, io.source(file), progress=so_far)
    click.echo("good signature", err=True)
