"""Work that is shared out over a `concurrent.futures.Executor`: threads unless the caller brings another one.

Threads gain because the C library runs without Python's lock. Whatever else an executor is made of, processes or other
machines, is sent the calls with their arguments, and may lose them: a call is a function of its arguments and nothing
else, so it is submitted again.
"""

from __future__ import annotations

import os
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from hbss.errors import WorkerLost

AHEAD = 256  # calls that are submitted before the first result is there: enough for a cluster of a hundred CPUs
ATTEMPTS = 4  # at one call

T = TypeVar("T")


def cpus() -> int:
    """How many CPUs this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def pool(executor: Executor | None = None) -> Iterator[Executor]:
    """The executor given, left running; or threads, one for each CPU this process may use, shut down at the end."""
    if executor is not None:
        yield executor
        return
    threads = ThreadPoolExecutor(cpus(), thread_name_prefix="hbss")
    try:
        yield threads
    finally:
        threads.shutdown(cancel_futures=True)


def is_local(executor: Executor | None) -> bool:
    """Whether the work stays in this process: arguments are not copied, and a call is never lost."""
    return executor is None or isinstance(executor, (ThreadPoolExecutor, Here))


def ordered(
    executor: Executor, call: Callable[..., T], tasks: Iterable[tuple[Any, ...]], workers: int = AHEAD
) -> Iterator[T]:
    """call(*task) of every task, in the tasks' order, at most `workers` of them submitted and not yet given back.

    What is not needed any more, after an exception, Ctrl-C or when the caller stops, is cancelled. An exception of
    `call` is raised here; if the work leaves this process, only after ATTEMPTS, as the cause of a WorkerLost.
    """
    left = (_Call(executor, _Task(call, task)) for task in tasks)
    waiting: deque[_Call[T]] = deque()
    try:
        waiting.extend(islice(left, workers))
        while waiting:
            while not waiting[0].settled():
                waiting[0].submit()
            yield waiting.popleft().take()
            waiting.extend(islice(left, 1))
    finally:
        for each in waiting:
            each.future.cancel()


def finished(
    executor: Executor, call: Callable[..., T], tasks: Iterable[tuple[Any, ...]], workers: int = AHEAD
) -> Iterator[T]:
    """As `ordered`, but each result as soon as it is there, whatever its task's place."""
    done: SimpleQueue[_Call[T]] = SimpleQueue()
    left = (_Call(executor, _Task(call, task), done.put) for task in tasks)
    waiting: set[_Call[T]] = set()
    try:
        waiting.update(islice(left, workers))
        while waiting:
            first = done.get()
            if not first.settled():
                first.submit()
                continue
            waiting.remove(first)
            yield first.take()
            waiting.update(islice(left, 1))
    finally:
        for each in waiting:
            each.future.cancel()


class Here(Executor):
    """Does a call where it is submitted: a thread takes longer to begin than a small one to be done."""

    def submit(self, call: Callable[..., T], /, *arguments: Any, **named: Any) -> Future[T]:
        """The result, or what was raised, at once; an interrupt is not for the future."""
        future: Future[T] = Future()
        try:
            future.set_result(call(*arguments, **named))
        except Exception as error:
            future.set_exception(error)
        return future


class _Task(Generic[T]):
    """A call with its arguments, which may be secret: neither a log nor a scheduler's name for it shows them."""

    __name__ = "hbss"

    def __init__(self, call: Callable[..., T], arguments: tuple[Any, ...]) -> None:
        self._call, self._arguments = call, arguments

    def __call__(self) -> T:
        return self._call(*self._arguments)

    def __repr__(self) -> str:
        return f"<{self._call.__name__}>"

    def __dask_tokenize__(self) -> str:
        """Dask names a task by a digest of its arguments, and takes a second attempt for the first one's failure."""
        return uuid.uuid4().hex


class _Call(Generic[T]):
    """A task that has been submitted; `tell` hears when an attempt is over."""

    def __init__(
        self, executor: Executor, task: _Task[T], tell: Callable[[_Call[T]], object] = lambda call: None
    ) -> None:
        self._executor, self._task, self._tell = executor, task, tell
        self._attempts = 0
        self.submit()

    def submit(self) -> None:
        """Submit it, once more if it was lost."""
        self._attempts += 1
        self.future: Future[T]
        try:
            self.future = self._executor.submit(self._task)
        except Exception as error:  # of a pool that is broken: found when its turn comes, after what is finished
            self.future = Future()
            self.future.set_exception(error)
        self.future.add_done_callback(lambda _: self._tell(self))

    def settled(self) -> bool:
        """Wait for the end of an attempt: True if the result is there, False if it is worth another attempt."""
        try:
            self.future.result()
        except Exception as error:
            if is_local(self._executor):
                raise
            if self._attempts < ATTEMPTS and not isinstance(error, BrokenExecutor):
                return False
            raise WorkerLost(f"the executor lost work: {type(error).__name__}: {error}") from error
        return True

    def take(self) -> T:
        """The result, which is there; it is not kept here, as a future and what waits for it hold each other."""
        future = self.future
        del self.future
        return future.result()
