"""Sharing out work over executors: order, bounds, cancelling, losses."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, suppress
from typing import Any

import pytest

import hbss
from hbss import WorkerLost, workers

Runner = Callable[..., Iterator[int]]
RUNNERS = [workers.ordered, workers.finished]


def squares(count: int) -> Iterable[tuple[int]]:
    return ((i,) for i in range(count))


def square(i: int) -> int:
    return i * i


def unevenly(i: int) -> int:
    time.sleep((i % 3) / 5000)
    return i * i


class ByHand(Executor):
    """Runs nothing by itself: `losses` says how often each call is lost before it is done."""

    def __init__(self, losses: Callable[[int], int]) -> None:
        self.attempts: list[int] = []
        self.shut = False
        self._losses = losses

    def submit(self, call: Callable[..., Any], /, *arguments: Any, **_: Any) -> Future[Any]:
        future: Future[Any] = Future()
        number = call()
        self.attempts.append(number)
        if self.attempts.count(number) > self._losses(number):
            future.set_result(number)
        elif number % 2:
            future.cancel()
            future.set_running_or_notify_cancel()
        else:
            future.set_exception(ConnectionError("the machine is gone"))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self.shut = True


def number(i: int) -> int:
    return i


# ---- the pool ------------------------------------------------------------------------------------------------------


def test_threads_for_the_cpus_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for those of the machine; where nobody can tell, for them."""
    with workers.pool() as threads:
        assert isinstance(threads, ThreadPoolExecutor)
        assert threads._max_workers == workers.cpus() == len(os.sched_getaffinity(0))
    with pytest.raises(RuntimeError, match="after shutdown"):
        threads.submit(square, 1)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {3, 7, 9})
    assert workers.cpus() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    assert workers.cpus() == os.cpu_count()


def test_an_executor_that_was_given_is_left_running() -> None:
    """It is the caller's, also after an exception."""
    given = ByHand(lambda i: 0)
    with suppress(KeyError), workers.pool(given) as used:
        assert used is given
        raise KeyError
    assert not given.shut


# ---- here ----------------------------------------------------------------------------------------------------------


def test_a_small_tree_begins_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """To begin one takes longer than the 8 leaves of a key do; larger trees have theirs."""
    monkeypatch.setattr(threading.Thread, "start", interrupted)
    hbss.generate("SLH-DSA-SHA2-128f")
    with pytest.raises(KeyboardInterrupt):
        hbss.generate("SLH-DSA-SHA2-128s")


def interrupted(*_: object) -> int:
    raise KeyboardInterrupt


@pytest.mark.parametrize("run", RUNNERS)
def test_calls_are_done_where_they_are_submitted(run: Runner) -> None:
    """Results and errors as from threads; an interrupt comes at once."""
    here = workers.Here()
    assert list(run(here, square, squares(5))) == [0, 1, 4, 9, 16]
    with pytest.raises(ZeroDivisionError):
        list(run(here, (1).__floordiv__, [(0,)]))
    with pytest.raises(KeyboardInterrupt):
        list(run(here, interrupted, squares(1)))


# ---- threads -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 7, 1000])
def test_results_in_order(count: int) -> None:
    """Also where later tasks are done first."""
    with workers.pool() as pool:
        found = list(workers.ordered(pool, unevenly, squares(count)))
        assert found == [i * i for i in range(count)]
        assert sorted(workers.finished(pool, square, squares(count))) == found


def test_what_is_done_comes_first() -> None:
    """In order of completion, a task that takes long holds up no other."""
    release = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        found = workers.finished(pool, lambda i: 0 if i else int(release.wait(10)), squares(5))
        assert [next(found) for _ in range(4)] == [0] * 4
        release.set()
        assert list(found) == [1]


@pytest.mark.parametrize("run", RUNNERS)
def test_only_so_many_are_submitted_ahead(run: Runner) -> None:
    """However many tasks there are, and whatever the caller does with the results."""
    taken = 0

    def tasks() -> Iterator[tuple[int]]:
        nonlocal taken
        for i in range(100):
            taken += 1
            yield (i,)

    with workers.pool() as pool:
        for done, _ in enumerate(run(pool, square, tasks(), workers=5)):
            assert taken == min(100, done + 5)


@pytest.mark.parametrize("run", RUNNERS)
def test_who_stops_waits_for_nothing(run: Runner) -> None:
    """What was submitted ahead is cancelled when the caller stops, and when a call fails."""
    began: list[int] = []

    def slowly(i: int) -> int:
        began.append(i)
        time.sleep(0.01)
        if i == 3:
            raise LookupError("as it was raised")
        return i

    with ThreadPoolExecutor(1) as pool:
        found = run(pool, slowly, squares(100))
        assert next(found) == 0
        found.close()  # type: ignore[attr-defined]
    assert len(began) < 50  # a few; how many, a busy machine decides
    began.clear()
    with ThreadPoolExecutor(1) as pool, pytest.raises(LookupError, match="as it was raised"):
        list(run(pool, slowly, squares(100)))
    assert len(began) < 50


@pytest.mark.parametrize("run", RUNNERS)
def test_an_interrupt_is_heard(run: Runner) -> None:
    """While the main thread waits for a result, and soon."""
    pause = threading.Event()
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with workers.pool() as pool, ExitStack() as stack:
            stack.callback(pause.set)  # before the pool waits for its threads
            with pytest.raises(KeyboardInterrupt):
                list(run(pool, lambda i: pause.wait(10), squares(100)))
            assert not pause.is_set()
    finally:
        signal.signal(signal.SIGINT, handler)


# ---- other executors -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("run", RUNNERS)
def test_what_is_lost_is_submitted_again(run: Runner) -> None:
    """Whether it failed or was cancelled; each call up to ATTEMPTS times."""
    flaky = ByHand(lambda i: i % workers.ATTEMPTS)
    assert sorted(run(flaky, number, squares(20), workers=3)) == list(range(20))
    assert [flaky.attempts.count(i) for i in range(20)] == [1 + i % workers.ATTEMPTS for i in range(20)]


@pytest.mark.parametrize("run", RUNNERS)
@pytest.mark.parametrize(("bad", "cause"), [(4, ConnectionError), (5, CancelledError)])
def test_an_executor_that_loses_everything_is_given_up(run: Runner, bad: int, cause: type[Exception]) -> None:
    """With the cause; what was done before is given back first."""
    dead = ByHand(lambda i: 1000 if i == bad else 0)
    found: list[int] = []
    with pytest.raises(WorkerLost, match=cause.__name__) as caught:
        found.extend(run(dead, number, squares(20), workers=3))
    assert found[:bad] == list(range(bad))
    assert type(caught.value.__cause__) is cause
    assert dead.attempts.count(bad) == workers.ATTEMPTS


@pytest.mark.parametrize("run", RUNNERS)
def test_a_process_pool_that_breaks(run: Runner) -> None:
    """One dead process is the end of such a pool: no second attempt, and what was finished is given back."""
    found: list[int] = []
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        with pytest.raises(WorkerLost, match="BrokenProcessPool") as caught:
            found.extend(run(pool, dies_at, ((i, 12) for i in range(40)), workers=4))
        assert isinstance(caught.value.__cause__, BrokenProcessPool)
        with pytest.raises(WorkerLost, match="BrokenProcessPool"):
            list(run(pool, square, squares(3)))
    assert len(found) >= 9, "the last was submitted when so many had been given back"
    assert 12 not in found


def dies_at(i: int, last: int) -> int:
    if i == last:
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGKILL)
    return i


def test_a_task_shows_nothing_of_its_arguments() -> None:
    """Logs show what is submitted; and Dask names a task by digests, and takes equal names for equal results."""
    task = workers._Task(square, (b"secret",))
    again = pickle.loads(pickle.dumps(task))
    for each in (task, again):
        assert repr(each) == str(each) == "<square>"
    assert task.__dask_tokenize__() != task.__dask_tokenize__()
    assert again._arguments == (b"secret",)
