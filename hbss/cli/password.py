"""Where passwords come from, and hbss password.

A descriptor, else an environment variable, else the terminal; never the command line, which every user of the machine
can read.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import click

import hbss
from hbss import files, state
from hbss.encoding import keyfile
from hbss.stores.database import is_database

VARIABLE, NEW_VARIABLE = "HBSS_PASSWORD", "HBSS_NEW_PASSWORD"
FROM_DESCRIPTOR = {VARIABLE: "hbss --password-fd N COMMAND ...", NEW_VARIABLE: "--new-password-fd N"}
LONGEST = 1 << 16  # bytes


def load(name: str) -> hbss.PrivateKey:
    """An SLH-DSA private key from its file; of an encrypted one the password is asked for. BadKey names the file."""
    data = Path(name).read_bytes()
    try:
        if not keyfile.is_encrypted(data):
            return hbss.load_private_key(data)
        return hbss.load_private_key(data, of_existing(name))
    except hbss.BadKey as error:
        raise hbss.BadKey(f"{name} is no private key: {error}") from None


def of_stateful(name: str) -> bytes | None:
    """The password of a stateful key, if it has one."""
    return of_existing(name) if state.is_sealed(name) else None


def of_existing(name: str) -> bytes:
    """The password of a key that has one."""
    return given(_descriptor(), VARIABLE, f"Password of {name}")


def for_new_key(name: str) -> bytes:
    """The password of a key that is to be made."""
    return given(_descriptor(), VARIABLE, f"Password of {name}", new=True)


def _descriptor() -> int | None:
    """What `hbss --password-fd` says."""
    found: int | None = click.get_current_context().find_root().params.get("password_fd")
    return found


def given(descriptor: int | None, variable: str, prompt: str, new: bool = False) -> bytes:
    """A password; new: typed twice at the terminal. A usage error if there is none."""
    if descriptor is not None:
        return _checked(_from_descriptor(descriptor))
    if variable in os.environ:
        return _checked(os.fsencode(os.environ[variable]))
    if not _has_terminal():
        raise click.UsageError(
            f"a password is needed and there is no terminal to ask at: set {variable}, or name a descriptor "
            f"({FROM_DESCRIPTOR[variable]})"
        )
    return _checked(str(click.prompt(prompt, hide_input=True, confirmation_prompt=new, err=True)).encode())


def _from_descriptor(descriptor: int) -> bytes:
    """The first line of it, and no byte more: a second password or a message may follow."""
    found = bytearray()
    try:
        while len(found) < LONGEST and (byte := os.read(descriptor, 1)) not in (b"", b"\n"):
            found += byte
    except OSError as error:
        raise click.UsageError(f"no password can be read from descriptor {descriptor}: {error.strerror}") from None
    return bytes(found.removesuffix(b"\r"))


def _has_terminal() -> bool:
    try:
        with open("/dev/tty"):
            return True
    except OSError:
        return False


def _checked(password: bytes) -> bytes:
    if not password:
        raise click.UsageError("an empty password protects nothing")
    return password


@click.command()
@click.argument("key")
@click.option("--new-password-fd", type=click.IntRange(0), metavar="N", help="Read the new one from this descriptor.")
@click.option("--remove", is_flag=True, help="Leave KEY without a password.")
def password(key: str, new_password_fd: int | None, remove: bool) -> None:
    """Give KEY a password, another one, or none.

    The old one is asked for if there is one (HBSS_PASSWORD, hbss --password-fd N), then the new one
    (HBSS_NEW_PASSWORD). An SLH-DSA key's file is replaced at once and whole, in a stateful key's file the seeds are;
    copies of the old ones stay as they are.
    """
    ask = partial(given, new_password_fd, NEW_VARIABLE, f"New password of {key}", new=True)
    if is_database(key):
        old = of_stateful(key)
        state.set_password(key, None if remove else ask(), password=old)
    else:
        private = load(key)
        secret = None if remove else ask()
        with files.written(Path(key).resolve(), 0o600) as file:  # what a link leads to, and not the link
            file.write(private.pem(secret))
    click.echo(f"{key}: {'no password any more' if remove else 'under a new password'}", err=True)
