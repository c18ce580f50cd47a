"""hbss keygen, hbss pubkey"""

from __future__ import annotations

from pathlib import Path

import click

import hbss
from hbss import files
from hbss.cli import io
from hbss.stateful import StatefulPrivateKey, create_key, open_key


@click.command()
@click.argument("set")
@click.argument("key")
def keygen(set: str, key: str) -> None:
    """Make a key of parameter set SET: KEY, and its public key KEY.pub.

    A stateful KEY is one file with its state, and KEY.tree beside it; an SLH-DSA key is PKCS#8. Nothing is overwritten.
    """
    chosen = hbss.parameter_set(set)
    public_file = Path(f"{key}.pub")
    files.refuse_taken(Path(key), public_file)
    public = _make_stateful(key, chosen) if chosen.stateful else _make_stateless(key, chosen)
    try:
        with files.written(public_file, new=True) as file:
            file.write(public.pem())
    except BaseException:
        click.echo(f"hbss: {key} was made, but not {public_file}: write it with hbss pubkey {key}", err=True)
        raise
    click.echo(f"{key}: {chosen.name}, {_budget(chosen)}; public key in {public_file}", err=True)
    click.echo(f"fingerprint {public.fingerprint()}", err=True)


def _make_stateful(key: str, chosen: hbss.ParameterSet) -> hbss.PublicKey:
    with io.progress(f"building the trees of {chosen.name}") as report:
        create_key(key, chosen, report)
    with open_key(key) as made:
        return made.public_key()


def _make_stateless(key: str, chosen: hbss.ParameterSet) -> hbss.PublicKey:
    made = hbss.generate(chosen)
    with files.written(Path(key), 0o600, new=True) as file:
        file.write(made.pem())
    return made.public_key()


def _budget(chosen: hbss.ParameterSet) -> str:
    return f"{chosen.capacity - 1:,} signatures" if chosen.stateful else "no state"


@click.command()
@click.argument("key")
@click.option("-o", "--output", default=io.STANDARD, help="Where to write it (default: standard output).")
def pubkey(key: str, output: str) -> None:
    """Write the public key of KEY in PEM."""
    private = io.open_private(key)
    pem = private.public_key().pem()
    if isinstance(private, StatefulPrivateKey):
        private.close()
    io.refuse_same(output, key)
    with io.output(output) as write:
        write(pem)
