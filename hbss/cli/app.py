"""The group of commands, and what becomes of their mistakes: one line on stderr, and an exit status.

0: done, a good signature. 1: a bad signature. 2: anything that the user can put right. 3: done, but few signatures are
left (if --fail-low asks for that). 130: interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from hbss import _native, machine
from hbss.cli import audit, bench, cert, choose, cms, inspect, keygen, password, sets, signing, state
from hbss.errors import HbssError, InvalidCertificate, InvalidSignature


def _version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        kernel, lanes = _native.kernels("SHA-256")[0]
        click.echo(
            f"hbss {machine.version()} (backend {_native.backend_name()}, SHA-256 kernel {kernel}, {lanes} lanes)"
        )
        context.exit()


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Version and kernel."
)
@click.option(
    "--password-fd", type=click.IntRange(0), metavar="N", expose_value=True,
    help="Read the key's password from this descriptor (else HBSS_PASSWORD, else the terminal).",
)  # fmt: skip
def cli(password_fd: int | None) -> None:
    """Hash-based signatures: LMS, HSS, XMSS, XMSS^MT and SLH-DSA."""


for command in (
    keygen.keygen, keygen.pubkey, signing.sign, signing.verify, state.state, audit.audit, sets.sets, choose.choose,
    bench.bench, inspect.inspect, cert.cert, cms.cms, password.password,
):  # fmt: skip
    cli.add_command(command)


def run(args: Sequence[str]) -> int:
    """Run the command line; returns the exit status."""
    try:
        result = cli.main(list(args) or ["--help"], prog_name="hbss", standalone_mode=False)
    except InvalidSignature as error:
        return _say(f"BAD signature: {error}", 1)
    except InvalidCertificate as error:
        return _say(f"BAD certificate: {error}", 1)
    except click.ClickException as error:
        return _say(error.format_message(), 2)
    except (click.Abort, KeyboardInterrupt):
        return _say("interrupted", 130)
    except OSError as error:
        return _say(_describe(error), 2)
    except (HbssError, ValueError, ModuleNotFoundError) as error:  # the last: of an extra, and it says which
        return _say(str(error), 2)
    return result if isinstance(result, int) else 0


def _say(text: str, status: int) -> int:
    print("hbss:", " ".join(text.split()), file=sys.stderr)
    return status


def _describe(error: OSError) -> str:
    if error.strerror is None:
        return str(error)
    return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
