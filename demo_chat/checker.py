"""Verifying off the event loop: one thread takes all claims that wait, verifies them together, and keeps what is new.

The loop never waits for a hash or for the disk. While one batch is verified and written, the next one gathers, so under
load many signatures share the lanes of one call and many messages one commit. The queue is bounded; whoever finds it
full is told so.
"""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Protocol

import hbss
from demo_chat.claim import Claim, Verdict, refused
from demo_chat.history import History

BATCH = 64
FORGET_EVERY = 60 * 60 * 1000  # ms

Settled = list[tuple[int, Claim, Verdict]]


class VerifyEach(Protocol):
    """`hbss.verify_each`, or what the benchmark puts in its place to learn what verifying costs."""

    def __call__(
        self,
        keys: Sequence[hbss.PublicKey],
        messages: Sequence[bytes],
        signatures: Sequence[bytes],
        contexts: Sequence[bytes | None],
    ) -> Iterable[bool]: ...


def now() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class Checker:
    """The thread and its queue. deliver: called in that thread with what became of a batch, in order."""

    def __init__(
        self, history: History, most: int, verify_each: VerifyEach, deliver: Callable[[Settled], object]
    ) -> None:
        self._history, self._verify_each, self._deliver = history, verify_each, deliver
        self._queue: queue.Queue[tuple[int, Claim] | None] = queue.Queue(most)
        self._thread = threading.Thread(target=self._run, name="checker", daemon=True)
        self._forgotten = 0
        self._keeps = True  # the last batch could be kept
        self.verified = 0

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what is waiting, and end."""
        self._queue.put(None)
        self._thread.join()

    def submit(self, who: int, claim: Claim) -> bool:
        """Put a claim in the queue, if there is room."""
        try:
            self._queue.put_nowait((who, claim))
        except queue.Full:
            return False
        return True

    def healthy(self) -> bool:
        """Whether the thread runs, and could keep the last batch."""
        return self._thread.is_alive() and self._keeps

    def waiting(self) -> int:
        """Claims in the queue."""
        return self._queue.qsize()

    def _run(self) -> None:
        ended = False
        while not ended:
            jobs = self._next()
            ended = None in jobs
            batch = [job for job in jobs if job is not None]
            if batch:
                self._deliver(self._settle_or_refuse(batch))

    def _next(self) -> list[tuple[int, Claim] | None]:
        """Waits for something to do, and takes what else is there."""
        jobs = [self._queue.get()]
        with suppress(queue.Empty):
            while len(jobs) < BATCH:
                jobs.append(self._queue.get_nowait())
        return jobs

    def _settle_or_refuse(self, batch: list[tuple[int, Claim]]) -> Settled:
        """Nothing is relayed or acknowledged that could not be kept: a full disk, a damaged row, no memory."""
        try:
            settled = self._settle(batch)
        except Exception as error:
            if self._keeps:
                print(f"hbss-chat: nothing can be kept: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            self._keeps = False
            no = refused("full", "the server cannot keep anything at present; try again later")
            return [(who, claim, no) for who, claim in batch]
        self._keeps = True
        return settled

    def _settle(self, batch: list[tuple[int, Claim]]) -> Settled:
        moment = now()
        if moment - self._forgotten > FORGET_EVERY:
            self._history.forget(moment)
            self._forgotten = moment
        verdicts = self._verify([claim for _, claim in batch])
        good = [claim for (_, claim), verdict in zip(batch, verdicts, strict=True) if verdict is None]
        kept = iter(self._history.settle(good, moment))
        return [(who, claim, verdict or next(kept)) for (who, claim), verdict in zip(batch, verdicts, strict=True)]

    def _verify(self, claims: Sequence[Claim]) -> list[Verdict | None]:
        """A refusal for every claim that does not hold."""
        checks = [claim.checks() for claim in claims]
        keys, data, signatures, contexts, _ = zip(*(check for each in checks for check in each), strict=True)
        good = iter(self._verify_each(keys, data, signatures, contexts))
        self.verified += len(keys)
        found: list[Verdict | None] = []
        for each in checks:
            bad = [check.otherwise for check in each if not next(good)]
            found.append(Verdict("refused", refusal=bad[0]) if bad else None)
        return found
