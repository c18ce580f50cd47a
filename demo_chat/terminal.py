"""Lines in and out of the terminal client."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from concurrent.futures import CancelledError
from contextlib import suppress

from demo_chat import protocol
from demo_chat.reader import Badge, Seen

WAITING = 64  # lines that are read ahead


def line(seen: Seen) -> str:
    """A message on one line: time, badge, sender with 80 bits of the key's fingerprint, text, note."""
    clock = time.strftime("%H:%M", time.localtime(seen.time / 1000)) if seen.time else "--:--"
    key = "" if seen.identity is None else f" [{protocol.fingerprint(seen.identity)}]"
    sender = f"somebody who says to be {seen.name}" if seen.badge is Badge.FAILED else seen.name
    note = f"  ({seen.badge.name.lower()}: {seen.note})" if seen.note else ""
    return f"{clock} {seen.badge.value} {printable(sender)}{key}: {printable(seen.text)}{printable(note)}"


def printable(text: str) -> str:
    """Text that can do nothing to a terminal: whatever is not shown as itself is written as an escape."""
    return "".join(character if character.isprintable() else _escape(character) for character in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def read_lines(lines: asyncio.Queue[bytes | None], loop: asyncio.AbstractEventLoop) -> None:
    """Standard input into the queue, line by line and None at its end, by a thread of its own.

    Pipes, files and terminals are read alike, and no faster than lines are sent.
    """

    def put(item: bytes | None) -> None:
        asyncio.run_coroutine_threadsafe(lines.put(item), loop).result()

    def read() -> None:
        rest = b""
        while chunk := os.read(0, 65536):  # not sys.stdin, whose lock would be held when the process ends
            *whole, rest = (rest + chunk).split(b"\n")
            for each in whole:
                put(each)
        if rest:
            put(rest)
        put(None)

    def run() -> None:
        with suppress(CancelledError, RuntimeError):  # nobody waits for lines any more
            read()

    threading.Thread(target=run, name="stdin", daemon=True).start()


def show(text: str) -> None:
    """What others say, on standard output; nowhere if nobody reads that any more, as after `| head`."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def tell(text: str) -> None:
    """What this program says, on standard error."""
    print(f"hbss-chat-client: {printable(text)}", file=sys.stderr, flush=True)
