"""hbss cert self | request | issue | verify"""

from __future__ import annotations

import datetime
import functools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

import hbss
from hbss.cli import io, low, signing

if TYPE_CHECKING:
    from cryptography import x509


def needs_cryptography(command: Callable[..., Any]) -> Callable[..., Any]:
    """A clear error where the extra `x509` is missing."""

    @functools.wraps(command)
    def checked(*args: Any, **more: Any) -> Any:
        try:
            import hbss.x509  # noqa: F401
        except ModuleNotFoundError as error:
            raise click.ClickException(str(error)) from None
        return command(*args, **more)

    return checked


name_option = click.option("--name", required=True, metavar="NAME", help='Of the subject, such as "CN=Root,O=Example".')
days_option = click.option(
    "--days", type=click.FloatRange(min=0, min_open=True), help="How long it is valid (default: 365)."
)
endless_option = click.option("--no-end", is_flag=True, help="Valid without end (to 9999-12-31).")
trust_option = click.option(
    "--trust", multiple=True, metavar="CERT", help="Trusted: one certificate, or several in PEM; may be repeated."
)
dns_option = click.option("--dns", multiple=True, metavar="HOST", help="A name of the subject's host; may be repeated.")
output_option = click.option("-o", "--output", required=True, help="Where to write it, in PEM.")


@click.group()
def cert() -> None:
    """X.509 certificates and requests with hash-based keys (RFC 9802, RFC 9909)."""


@cert.command("self")
@click.argument("key")
@name_option
@days_option
@endless_option
@click.option("--path-length", type=click.IntRange(0), metavar="N", help="How many more authorities may follow below.")
@click.option("--end", is_flag=True, help="Of an end, which may issue nothing (default: of an authority).")
@output_option
@low.options
@needs_cryptography
def self_signed(
    key: str, name: str, days: float | None, no_end: bool, path_length: int | None, end: bool, output: str,
    warn_below: int | None, fail_low: bool,
) -> int:  # fmt: skip
    """A certificate of KEY, signed by KEY: a root."""
    from hbss import x509

    if end and path_length is not None:
        raise click.UsageError("--path-length is for an authority, not for an end")

    def make(private: Any) -> Any:
        return x509.self_signed(private, _name(name), days=_days(days, no_end), ca=not end, path_length=path_length)

    return _write(key, output, make, warn_below, fail_low)


@cert.command()
@click.argument("key")
@name_option
@dns_option
@output_option
@low.options
@needs_cryptography
def request(key: str, name: str, dns: tuple[str, ...], output: str, warn_below: int | None, fail_low: bool) -> int:
    """A request (PKCS #10) for a certificate of KEY, signed by KEY."""
    from hbss import x509

    return _write(key, output, lambda private: x509.request(private, _name(name), _hosts(dns)), warn_below, fail_low)


@cert.command()
@click.argument("key")
@click.argument("issuer")
@click.argument("subject")
@click.option("--name", metavar="NAME", help="Of the subject; needed for a public key, else the request's.")
@days_option
@endless_option
@dns_option
@click.option("--ca", is_flag=True, help="The subject may issue certificates itself.")
@click.option("--path-length", type=click.IntRange(0), metavar="N", help="How many more authorities may follow below.")
@output_option
@low.options
@needs_cryptography
def issue(
    key: str, issuer: str, subject: str, name: str | None, days: float | None, no_end: bool, dns: tuple[str, ...],
    ca: bool, path_length: int | None, output: str, warn_below: int | None, fail_low: bool,
) -> int:  # fmt: skip
    """A certificate for SUBJECT, a request or any public key, signed by KEY, whose own certificate is ISSUER.

    Of a request the name and the hosts are taken, unless --name or --dns say others; other wishes in it are not.
    """
    from hbss import x509

    if path_length is not None and not ca:
        raise click.UsageError("--path-length is for an authority: say --ca as well")
    authority = load(issuer)
    who, public, hosts = _subject(subject)
    who = who if name is None else _name(name)
    if who is None:
        raise click.UsageError(f"{subject} is a public key and has no name: say --name")
    extensions = _hosts(dns) or hosts

    def make(private: Any) -> Any:
        return x509.issue(
            private, authority, who, public, days=_days(days, no_end), ca=ca, path_length=path_length,
            extensions=extensions,
        )  # fmt: skip

    return _write(key, output, make, warn_below, fail_low)


@cert.command()
@click.argument("certificates", nargs=-1, required=True, metavar="CERT...")
@trust_option
@click.option("--at", type=click.DateTime(), metavar="TIME", help="The moment that counts, in UTC (default: now).")
@needs_cryptography
def verify(certificates: tuple[str, ...], trust: tuple[str, ...], at: datetime.datetime | None) -> None:
    """Check a chain, the end's CERT first, up to a trusted one; or with no --trust that a request signs itself.

    Exit status: 0 good, 1 bad, 2 cannot tell.
    """
    from hbss import x509

    if not trust:
        asked = None if len(certificates) > 1 else _request(io.read(certificates[0]))
        if asked is None:
            raise click.UsageError("say what is trusted: --trust CERT")
        x509.verify_request(asked)
        click.echo("good request", err=True)
        return
    moment = None if at is None else at.replace(tzinfo=datetime.timezone.utc)
    x509.verify_chain(load_all(certificates), load_all(trust), at=moment)
    click.echo("good chain", err=True)


def _write(key: str, output: str, make: Callable[[Any], Any], warn_below: int | None, fail_low: bool) -> int:
    """Have `make` sign with the key of that name, and write in PEM what it made."""
    from cryptography.hazmat.primitives.serialization import Encoding

    io.refuse_same(output, key)
    tell = low.Low(fail_low)
    private = io.open_private(key, tell, warn_below)
    signing.write_signed(private, output, lambda: bytes(make(private).public_bytes(Encoding.PEM)))
    return tell.status


def _days(days: float | None, no_end: bool) -> float | None:
    if no_end and days is not None:
        raise click.UsageError("say --days or --no-end, not both")
    return None if no_end else days or 365


def _name(text: str) -> x509.Name:
    from cryptography import x509

    try:
        return x509.Name.from_rfc4514_string(text)
    except ValueError as error:
        raise click.UsageError(f'{text!r} is no name such as "CN=Root,O=Example": {error}') from None


def _hosts(dns: tuple[str, ...]) -> list[tuple[Any, bool]]:
    from cryptography import x509

    return [(x509.SubjectAlternativeName([x509.DNSName(host) for host in dns]), False)] if dns else []


def load(name: str) -> x509.Certificate:
    """The one certificate of a file, in PEM or DER; BadKey names the file."""
    found = load_all((name,))
    if len(found) > 1:
        raise hbss.BadKey(f"{name} has {len(found)} certificates, and one is wanted")
    return found[0]


def load_all(names: Iterable[str]) -> list[x509.Certificate]:
    """The certificates of files, in order: each one in DER, or any number in PEM. BadKey names the file."""
    from cryptography import x509

    found = []
    for name in names:
        data = io.read(name)
        try:
            found += x509.load_pem_x509_certificates(data) if _is_pem(data) else [x509.load_der_x509_certificate(data)]
        except (ValueError, x509.InvalidVersion):
            raise hbss.BadKey(f"{name} is no certificate") from None
    return found


def _request(data: bytes) -> x509.CertificateSigningRequest | None:
    """A request in PEM or DER; None if it is none."""
    from cryptography import x509

    try:
        return x509.load_pem_x509_csr(data) if _is_pem(data) else x509.load_der_x509_csr(data)
    except (ValueError, x509.InvalidVersion):
        return None


def _is_pem(data: bytes) -> bool:
    return data.lstrip().startswith(b"-----")


def _subject(name: str) -> tuple[x509.Name | None, Any, list[tuple[Any, bool]]]:
    """Name, key and hosts of a request that signs itself, or the key alone of a public key."""
    from cryptography import exceptions, x509
    from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key

    from hbss.x509 import public_key, verify_request
    from hbss.x509.fields import field_of

    data = io.read(name)
    asked = _request(data)
    if asked is not None:
        verify_request(asked)
        hosts = [
            (each.value, each.critical)
            for each in field_of(asked, "extensions")
            if isinstance(each.value, x509.SubjectAlternativeName)
        ]
        return field_of(asked, "subject"), public_key(asked), hosts
    try:
        return None, hbss.load_public_key(data), []
    except hbss.BadKey as error:
        try:
            return None, (load_pem_public_key if _is_pem(data) else load_der_public_key)(data), []
        except (ValueError, exceptions.UnsupportedAlgorithm):
            raise hbss.BadKey(f"{name} is neither a request nor a public key: {error}") from None
