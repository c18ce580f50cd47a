"""hbss keygen, hbss pubkey"""

from __future__ import annotations

import shlex
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

import hbss
from hbss import creation, files, workers
from hbss.cli import io, pace, password
from hbss.draft import draft_folder
from hbss.stores.database import is_database


@click.command(options_metavar="[--resume] [--jobs N] [--encrypt]")
@click.argument("set", metavar="SET", required=False)
@click.argument("key", metavar="KEY", required=False)
@click.option("--resume", is_flag=True, help="Go on with a KEY that was interrupted; SET need not be given.")
@click.option("--jobs", type=click.IntRange(1), metavar="N", help="Threads (default: one for each CPU it may use).")
@click.option("--encrypt", is_flag=True, help="Put KEY under a password (--password-fd, HBSS_PASSWORD, or asked for).")
def keygen(set: str | None, key: str | None, resume: bool, jobs: int | None, encrypt: bool) -> None:
    """Make a key of parameter set SET: KEY, and its public key KEY.pub.

    A stateful KEY is one file with its state, and KEY.tree beside it; an SLH-DSA key is PKCS#8. Nothing is overwritten.
    A stateful key that takes long is made in KEY.new, and if that is interrupted, --resume goes on with it.
    """
    if resume and key is None:
        set, key = None, set
    if key == io.STANDARD:
        raise click.UsageError("a key is made in a file: name it")
    if key is None:
        raise click.UsageError("Missing argument " + ("'KEY'." if set or resume else "'SET'."))
    waiting = creation.unfinished(key) if resume else None
    chosen = hbss.parameter_set(set or (waiting[0] if waiting else ""))
    public_file = Path(f"{key}.pub")
    files.refuse_taken(*([] if resume else [Path(key)]), public_file)
    secret = password.for_new_key(key) if encrypt else None
    if waiting is not None and waiting[1]:
        secret = secret or password.of_existing(f"the unfinished {key}")
    if chosen.stateful or resume:
        public = _make_stateful(key, chosen, resume, jobs, secret)
    else:
        public = _make_stateless(key, chosen, secret)
    try:
        with files.written(public_file, new=True) as file:
            file.write(public.pem())
    except BaseException:
        click.echo(f"hbss: {key} was made, but not {public_file}: write it with hbss pubkey {key}", err=True)
        raise
    click.echo(f"{key}: {chosen.name}, {_budget(chosen)}; public key in {public_file}", err=True)
    click.echo(f"fingerprint {public.fingerprint()}", err=True)


def _make_stateful(
    key: str, chosen: hbss.ParameterSet, resume: bool, jobs: int | None, secret: bytes | None
) -> hbss.PublicKey:
    threads = ThreadPoolExecutor(jobs or workers.cpus())
    with threads, pace.shown(f"building the trees of {chosen.name}") as so_far:
        try:
            creation.create(key, chosen, so_far, resume=resume, keep=True, executor=threads, password=secret)
        except BaseException:
            if so_far.begun:
                _say_what_is_left(key)
            raise
    return hbss.state.public_key(key)


def _say_what_is_left(key: str) -> None:
    draft = draft_folder(Path(key))
    if draft.exists():
        click.echo(
            f"hbss: {draft} holds the seeds of the unfinished key and the work so far: go on with hbss keygen --resume "
            f"{shlex.quote(key)}, or remove it with rm -r {shlex.quote(str(draft))}",
            err=True,
        )


def _make_stateless(key: str, chosen: hbss.ParameterSet, secret: bytes | None) -> hbss.PublicKey:
    made = hbss.generate(chosen)
    with files.written(Path(key), 0o600, new=True) as file:
        file.write(made.pem(secret))
    return made.public_key()


def _budget(chosen: hbss.ParameterSet) -> str:
    return f"{chosen.capacity - 1:,} signatures" if chosen.stateful else "no state"


@click.command()
@click.argument("key")
@click.option("-o", "--output", default=io.STANDARD, help="Where to write it (default: standard output).")
def pubkey(key: str, output: str) -> None:
    """Write the public key of KEY in PEM. A stateful key's needs no password."""
    io.refuse_same(output, key)
    public = hbss.state.public_key(key) if is_database(key) else password.load(key).public_key()
    with io.output(output) as write:
        write(public.pem())
