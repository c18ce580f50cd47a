"""What the two commands do."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

import hbss
from demo_chat import identity, protocol, server, session, terminal
from demo_chat.client import Client
from demo_chat.errors import ChatError
from demo_chat.history import History
from demo_chat.identity import Names
from demo_chat.speaker import Speaker


def serve(arguments: argparse.Namespace) -> int:
    """Run the server until it is told to end."""
    if (arguments.tls_cert is None) != (arguments.tls_key is None):
        raise ChatError("--tls-cert and --tls-key belong together")
    _check_name("--room", arguments.room)
    allowed = {_origin(url) for url in arguments.allow_origin}
    scheme = "http" if arguments.tls_cert is None else "https"
    with server.listen(arguments.host, arguments.port) as listener:
        origin = _origin(arguments.origin or f"{scheme}://localhost:{listener.getsockname()[1]}")
        history = History(arguments.db, origin, arguments.room)
        app = server.build(origin, history, arguments.room, allowed)
        running = server.runner(app, arguments.tls_cert, arguments.tls_key)
        print(f"hbss-chat: point a browser at {origin} · history in {arguments.db} · Ctrl-C ends it", flush=True)
        if arguments.host not in {"127.0.0.1", "::1", "localhost"} and origin.startswith("http:"):
            print(
                "hbss-chat: without TLS browsers make keys at localhost only; for other machines give --tls-cert, "
                "--tls-key and --origin https://NAME:PORT (hbss-chat-client works without)",
                file=sys.stderr, flush=True,
            )  # fmt: skip
        running.run([listener])
    return 0


def _origin(url: str) -> str:
    try:
        return protocol.origin_of(url)
    except ValueError as error:
        raise ChatError(str(error)) from None


def _check_name(option: str, name: str) -> None:
    try:
        protocol.check_name(name)
    except protocol.Refusal as refusal:
        raise ChatError(f"{option}: {refusal.detail}") from None


def talk(arguments: argparse.Namespace) -> int:
    """Be in the room until standard input ends."""
    origin, path = _origin(arguments.url), arguments.identity.expanduser()
    _check_name("--name", arguments.name)
    key, made = identity.load_or_make(path)
    public = key.public_key().public_bytes_raw()
    if made:
        terminal.tell(f"made a new identity in {path}: [{protocol.fingerprint(public)}]")
    names = Names(path.with_name(f"{path.name}.names.json"), origin)
    if not names.knows(arguments.name, public):
        raise ChatError(f"the name {arguments.name} is known here by another key than yours; choose another name")
    for each in (signal.SIGTERM, signal.SIGHUP):  # so that the folder with the session key goes in any case
        signal.signal(each, lambda number, _: sys.exit(128 + number))
    with session.folder() as where:
        return asyncio.run(_converse(origin, arguments.name, key, names, where))


async def _converse(origin: str, name: str, key: hbss.PrivateKey, names: Names, where: str) -> int:
    """0 if every line was sent and acknowledged."""
    interactive = sys.stdin.isatty()
    typed: asyncio.Queue[bytes | None] = asyncio.Queue(terminal.WAITING)
    terminal.read_lines(typed, asyncio.get_running_loop())
    speaker = Speaker(key, name, where, typed, commands=interactive)
    await Client(origin, names, speaker, patient=interactive).run()
    return int(speaker.failed)
