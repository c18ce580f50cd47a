"""hbss cms sign | verify"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import BinaryIO

import click

from hbss.cli import cert, io, low, signing


@click.group()
def cms() -> None:
    """CMS signatures with certificates, beside a file or around it (RFC 9708, RFC 9814)."""


@cms.command()
@click.argument("key")
@click.argument("file")
@click.option("--cert", "certificate", metavar="CERT", help="The certificate of KEY (default: the key is named).")
@click.option("--chain", multiple=True, metavar="CERT", help="Certificates above it, to put along; may be repeated.")
@click.option("--around", is_flag=True, help="Put FILE into the message (default: the message is beside it).")
@click.option("--time", is_flag=True, help="State the time of signing.")
@click.option("-o", "--output", help="Where to write the message, in DER (default: FILE.p7s, or FILE.p7m around it).")
@low.options
@cert.needs_cryptography
def sign(
    key: str, file: str, certificate: str | None, chain: tuple[str, ...], around: bool, time: bool, output: str | None,
    warn_below: int | None, fail_low: bool,
) -> int:  # fmt: skip
    """Sign FILE with KEY. It is read once and not held, unless it goes into the message."""
    from hbss import cms

    target = output or (io.STANDARD if file == io.STANDARD else file + (".p7m" if around else ".p7s"))
    io.refuse_same(target, key, file)
    own = None if certificate is None else cert.load(certificate)
    above = cert.load_all(chain)
    moment = datetime.datetime.now(datetime.timezone.utc) if time else None
    tell = low.Low(fail_low)
    with _content(file) as content:  # closed after the key, in case it is the key's own file
        private = io.open_private(key, tell, warn_below)
        signing.write_signed(
            private, target,
            lambda: cms.sign(private, content, detached=not around, certificate=own, chain=above, signing_time=moment),
        )  # fmt: skip
    return tell.status


@cms.command()
@click.argument("message")
@click.argument("file", required=False)
@cert.trust_option
@click.option("--key", metavar="PUB", help="Instead: the public key of the signer.")
@click.option("--at", type=click.DateTime(), metavar="TIME", help="The moment that counts, in UTC (default: now).")
@click.option("-o", "--output", help="Where to write what MESSAGE is around, once it is found good.")
@cert.needs_cryptography
def verify(
    message: str, file: str | None, trust: tuple[str, ...], key: str | None, at: datetime.datetime | None,
    output: str | None,
) -> None:  # fmt: skip
    """Check MESSAGE, which is around its content or beside FILE. Exit status: 0 good, 1 bad, 2 cannot tell."""
    from hbss import cms

    if bool(trust) == (key is not None):
        raise click.UsageError("say what is trusted: --trust CERT, or --key PUB")
    if message == file == io.STANDARD:
        raise click.UsageError("only one of MESSAGE and FILE can be standard input")
    if file is not None and output is not None:
        raise click.UsageError("-o is for a message around its content, not for one beside FILE")
    if output is not None:
        io.refuse_same(output, message)
    data = io.read(message)
    with nullcontext() if file is None else _content(file) as content:
        if key is not None:
            cms.verify(data, io.load_public(key), content)
            who = ""
        else:
            moment = None if at is None else at.replace(tzinfo=datetime.timezone.utc)
            found = cms.verify_trusted(data, cert.load_all(trust), content, at=moment)
            who = f" of {found.subject.rfc4514_string()}"
    if output is not None:
        with io.output(output) as write:
            write(cms.describe(data).content or b"")
    click.echo(f"good signature{who}", err=True)


@contextmanager
def _content(name: str) -> Iterator[BinaryIO]:
    if name == io.STANDARD:
        yield io.standard_input()
    else:
        with open(name, "rb") as file:
            yield file
