"""One signer, as a process of its own: opens a key, says `ready`, and signs whenever its input says for how long.

    python -m benchmarks.state_signer KEY LEASE [URL]

URL: move the state there first, which is the only way to have it in memory. A line of input is `seconds most`; the
answer is `signatures seconds`. Only whole reservations are counted. It ends with its input.
"""

from __future__ import annotations

import sys
import time
import warnings

import hbss

MESSAGE = bytes(32)


def reservation(key: hbss.StatefulPrivateKey, lease: int) -> None:
    """One reservation, and a signature with each of its indices."""
    if lease == 1:
        key.sign(MESSAGE)
        return
    with key.reserve(lease) as batch:
        for _ in range(lease):
            batch.sign(MESSAGE)


def sign_for(key: hbss.StatefulPrivateKey, lease: int, seconds: float, most: int) -> tuple[int, float]:
    """Sign for so long, or until another reservation would make it more than `most`; how many, and seconds taken."""
    made, start = 0, time.perf_counter()
    while True:
        reservation(key, lease)
        made += lease
        taken = time.perf_counter() - start
        if taken >= seconds or made + lease > most:
            return made, taken


def main(path: str, lease: int, url: str = "") -> None:
    """Serve orders from standard input."""
    warnings.simplefilter("ignore", RuntimeWarning)  # of the store in memory: that is what is being measured
    if url:
        hbss.state.move(path, url)
    with hbss.open_key(path) as key:
        reservation(key, lease)  # pages, statements and trees are in memory after it
        print("ready", flush=True)
        for line in sys.stdin:
            seconds, most = line.split()
            print(*sign_for(key, lease, float(seconds), int(most)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
