"""The two commands, hbss-chat and hbss-chat-client: their options, and every mistake as one line on standard error."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from demo_chat.errors import ChatError

EXTRA = {"fastapi", "starlette", "uvicorn", "websockets", "pydantic"}
IDENTITY = Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config", "hbss-chat", "identity.pem")


def serve() -> None:
    """The entry point of `hbss-chat`."""
    parser = argparse.ArgumentParser("hbss-chat", description="A chat whose every message is signed and verified.")
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen at (default: %(default)s)")
    add("--port", type=int, default=8000, help="port to listen at; 0: a free one (default: %(default)s)")
    add("--db", type=Path, default=Path("hbss-chat.db"), metavar="FILE", help="the history (default: %(default)s)")
    add("--origin", metavar="URL", help="how browsers name this server (default: http://localhost:PORT)")
    add("--room", default="main", help="the room's name (default: %(default)s)")
    add("--allow-origin", action="append", default=[], metavar="URL", help="another front end that may use the chat")
    add("--tls-cert", type=Path, metavar="FILE", help="certificate chain, PEM")
    add("--tls-key", type=Path, metavar="FILE", help="its private key, PEM")
    _run(parser)


def talk() -> None:
    """The entry point of `hbss-chat-client`."""
    parser = argparse.ArgumentParser("hbss-chat-client", description="The chat in a terminal, or in a pipe.")
    add = parser.add_argument
    add("--name", required=True, help="what others see")
    add("--url", default="http://localhost:8000", help="the server (default: %(default)s)")
    add("--identity", type=Path, default=IDENTITY, metavar="FILE", help="your key (default: %(default)s)")
    _run(parser)


def _run(parser: argparse.ArgumentParser) -> None:
    arguments = parser.parse_args()
    try:
        from demo_chat import commands  # only now: it needs the extra

        act = commands.serve if parser.prog == "hbss-chat" else commands.talk
        status = act(arguments)
    except ModuleNotFoundError as error:
        if error.name not in EXTRA:
            raise
        status = _say(parser.prog, f"the chat needs {error.name}: pip install 'hbss[demo]'")
    except ChatError as error:
        status = _say(parser.prog, str(error))
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)


def _say(program: str, text: str) -> int:
    print(f"{program}: {text}", file=sys.stderr)
    return 2
