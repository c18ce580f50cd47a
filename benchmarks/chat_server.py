"""The chat's server as a process of its own, on one core and without limits of rate.

    python -m benchmarks.chat_server DB CORE verified|trusted

trusted: every signature counts as good, which shows what verifying costs. It says its origin when it listens.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import hbss
from demo_chat import server
from demo_chat.checker import VerifyEach
from demo_chat.history import History
from demo_chat.room import Limits

LIMITS = Limits(connections=5000, per_address=5000, burst=10**9, per_second=10**9, hello_pause=0, checks=5000)


def trust(
    keys: Sequence[hbss.PublicKey],
    messages: Sequence[bytes],
    signatures: Sequence[bytes],
    contexts: Sequence[bytes | None],
) -> list[bool]:
    """In the place of `hbss.verify_each`."""
    return [True] * len(keys)


def main(db: str, core: str, mode: str) -> None:
    """Serve until a signal."""
    if int(core) >= 0:
        os.sched_setaffinity(0, {int(core)})
    listener = server.listen("127.0.0.1", 0)
    origin = f"http://localhost:{listener.getsockname()[1]}"
    verify: VerifyEach = trust if mode == "trusted" else hbss.verify_each
    app = server.build(origin, History(Path(db), origin, "main"), limits=LIMITS, verify_each=verify)
    runner = server.runner(app)
    print(origin, flush=True)
    runner.run([listener])


if __name__ == "__main__":
    main(*sys.argv[1:])
