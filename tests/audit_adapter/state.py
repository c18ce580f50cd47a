"""The state functions of the audit adapter, one process a call: `state.py keygen SET KEY`, `sign "" KEY`,
`skip "" KEY`; input and output by pipe.

Signing is `hbss.open_key(path).sign(message)` and nothing else. Only making a key departs from what users do: the
auditor chooses the seeds, which hbss draws.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from unittest import mock

import hbss
from hbss import _native, draft


def keygen(name: str, path: str, seed: bytes) -> bytes:
    """Make a key of these seeds; returns its public key."""
    rest = bytearray(seed)

    def serve(length: int) -> bytes:
        taken = bytes(rest[:length])
        del rest[:length]
        return taken or _native.random_bytes(length)

    with mock.patch.object(draft, "random_bytes", serve):
        hbss.create_key(path, name)
    with hbss.open_key(path) as key:
        return key.public_key().public_bytes_raw()


def sign(_: str, path: str, message: bytes) -> bytes:
    """The next signature, as any user gets it."""
    with hbss.open_key(path) as key:
        return key.sign(message)


def skip(_: str, path: str, number: bytes) -> bytes:
    """Burn indices by reserving them. The last leaf of a key is set aside and never signs data, so that the end which
    the auditor looks for, two leaves ahead of `next`, comes one leaf earlier."""
    with hbss.open_key(path) as key:
        key.reserve(int.from_bytes(number, "big") - 1 - key.status().next).close()
    return b""


VERBS: dict[str, Callable[[str, str, bytes], bytes]] = {"keygen": keygen, "sign": sign, "skip": skip}


def main() -> None:
    verb, name, path = sys.argv[1:]
    try:
        sys.stdout.buffer.write(VERBS[verb](name, path, sys.stdin.buffer.read()))
    except hbss.HbssError as error:
        sys.exit(f"{verb}: {type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
