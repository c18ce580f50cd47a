"""Key generation over processes and over a Dask cluster: the same key, whatever dies, and no seed in any log."""

from __future__ import annotations

import base64
import multiprocessing
import os
import pickle
import signal
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import dask
import pytest
from distributed import LocalCluster

from hbss import ParameterSet, WorkerLost, create_key, draft, open_key, parameter_set, treecache, workers
from hbss._native import Key
from hbss.params import rows, rows_of
from hbss.portable import PortableKey, portable
from hbss.stores.keyfile import KeyFile
from hbss.treecache import Building, Spot, pieces
from tests.resume_kit import LARGE, TOWER
from tests.state_kit import XMSSMT

MANY = "LMS_SHA256_M32_H15_W4"

pytest_plugins = ["tests.resume_fixtures"]
pytestmark = pytest.mark.usefixtures("fixed_seeds")


@pytest.fixture
def fixed_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same seeds for every key of one set."""

    def draw(found: ParameterSet) -> draft.Seeds:
        top = rows_of(found)[0]
        return draft.Seeds(
            found.name, bytearray(range(1, 1 + top.secret_len)), bytes(range(50, 50 + top.public_seed_len))
        )

    monkeypatch.setattr(draft, "draw_seeds", draw)


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    """Two processes that share nothing with this one."""
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """The client of a Dask cluster of three worker processes, which gives a task up with the first worker it loses."""
    options = {"n_workers": 3, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    local: Any = LocalCluster
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        local(**options) as at,
        at.get_client() as client,
    ):
        yield client


def content(key: Path) -> tuple[object, ...]:
    """All that a key is, its trees included."""
    with open_key(key) as handle:
        handle.public_key().verify(handle.sign(b"x"), b"x")
    with closing(KeyFile(key)) as file:
        row = file.key
    trees = sorted(key.with_name("key.tree").iterdir())
    return row.set_name, row.public_key, row.secret, [(each.name, each.read_bytes()) for each in trees]


def made(folder: Path, name: str, executor: Executor, progress: Callable[[int, int], None] | None = None) -> Path:
    folder.mkdir()
    create_key(folder / "key", name, progress, executor=executor)
    return folder / "key"


def single(folder: Path, name: str) -> tuple[object, ...]:
    """What one thread makes of the same seeds."""
    with ThreadPoolExecutor(1) as one:
        return content(made(folder, name, one))


# ---- processes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [LARGE, TOWER, XMSSMT])
def test_processes_make_the_same_key(tmp_path: Path, processes: ProcessPoolExecutor, name: str) -> None:
    """Single trees, HSS with seeds of its own in every layer, and XMSS^MT; progress counts all leaves of all layers."""
    steps: list[tuple[int, int]] = []
    key = made(tmp_path / "far", name, processes, lambda *step: steps.append(step))
    assert content(key) == single(tmp_path / "near", name)
    assert steps == sorted(steps)
    assert len(steps) > 2
    assert steps[0][0] == 0
    assert steps[-1][0] == steps[-1][1] == sum(1 << height for height in parameter_set(name).heights)


@pytest.mark.usefixtures("small")
def test_a_process_that_dies_costs_only_its_own_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pool is broken, and the error says how to go on; what was finished is not computed again."""
    monkeypatch.setattr(treecache, "LEAST_TASKS", 4 * workers.AHEAD)  # so that most of the work comes after the death
    key = tmp_path / "key"
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        victims: list[object] = []

        def progress(done: int, _: int) -> None:
            """Dies between two tasks: if one is killed while it writes a result, Python's pool may never hear of it."""
            if done >= 200 and not victims:
                victims.append(pool.submit(os._exit, 9))

        with pytest.raises(
            WorkerLost, match=r"BrokenProcessPool: .*key\.new holds what is finished: go on with resume"
        ):
            create_key(key, MANY, progress, resume=True, executor=pool)
        with pytest.raises(WorkerLost, match="nothing is left of this key: begin again, with resume=True"):
            create_key(tmp_path / "other", LARGE, executor=pool)
    assert sorted(os.listdir(tmp_path)) == ["key.new"]
    steps: list[tuple[int, int]] = []
    create_key(key, MANY, lambda *step: steps.append(step), resume=True)
    assert steps[0][0] >= 200
    assert content(key) == single(tmp_path / "near", MANY)


# ---- Dask ----------------------------------------------------------------------------------------------------------


def test_dask_makes_the_same_key_while_a_worker_is_killed(tmp_path: Path, cluster: Any) -> None:
    """SIGKILL when a quarter is done: others do its work, and progress never goes back."""
    before = set(cluster.run(os.getpid).values())
    steps: list[int] = []
    killed = 0

    def progress(done: int, total: int) -> None:
        nonlocal killed
        steps.append(done)
        if done > total // 4 and not killed:
            killed = min(before)
            os.kill(killed, signal.SIGKILL)

    key = made(tmp_path / "far", MANY, cluster.get_executor(), progress)
    assert killed
    assert killed not in cluster.run(os.getpid).values()
    assert steps == sorted(steps)
    assert content(key) == single(tmp_path / "near", MANY)


def test_a_killed_worker_is_not_the_end(tmp_path: Path, cluster: Any) -> None:
    """Dask gives a task up at once here; it is submitted again, with the same arguments."""
    tasks = [(tmp_path, i) for i in range(6)]
    assert list(workers.ordered(cluster.get_executor(), dies_twice, tasks)) == list(range(6))
    assert sorted(os.listdir(tmp_path)) == ["0", "1"]


def dies_twice(folder: Path, i: int) -> int:
    """Kills the process that it runs in, but not more than twice in all."""
    if i == 3:
        for mark in (folder / "0", folder / "1"):
            if not mark.exists():
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
    return i


# ---- seeds ---------------------------------------------------------------------------------------------------------


def traces(secret: bytes) -> Iterator[bytes]:
    """What a piece of a secret looks like in a text."""
    for at in range(len(secret) - 8):
        part = secret[at : at + 8]
        yield from (part, part.hex().encode(), repr(part)[2:-1].encode(), repr(list(part))[1:-1].encode())
        if at % 3 == 0:
            yield base64.b64encode(secret[at : at + 9])


@pytest.fixture
def carried() -> Iterator[tuple[Spot, bytes]]:
    """A place in a key that can be pickled, and its secret."""
    row = rows()[LARGE]
    secret, public_seed = os.urandom(row.secret_len), os.urandom(row.public_seed_len)
    spot = Spot(Key.from_seeds(LARGE, secret, public_seed), 0, 0)
    with portable([spot], bytearray(secret), public_seed) as spots:
        yield spots[0], secret


def test_no_log_shows_a_seed(
    tmp_path: Path, cluster: Any, carried: tuple[Spot, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    """Of a task that fails in the worker: neither the logs nor the exception nor a dump of the whole cluster."""
    spot, secret = carried
    with pytest.raises(WorkerLost, match="ValueError") as caught:
        list(workers.finished(cluster.get_executor(), refused, [(spot, [0])]))
    assert caught.value.__cause__ is not None
    cluster.dump_cluster_state(str(tmp_path / "state"), format="yaml")
    texts = {
        "exception": "".join(traceback.format_exception(caught.value)),
        "here": caplog.text,
        "scheduler": str(cluster.get_scheduler_logs()),
        "workers": str(cluster.get_worker_logs()),
        "dump": (tmp_path / "state.yaml").read_text(),
    }
    assert "Compute Failed" in texts["workers"], "nothing was logged that could have shown it"
    for name, text in texts.items():
        shown = [each for each in traces(secret) if each in text.encode()]
        assert not shown, f"{name} shows {shown[0]!r}"


def refused(spot: Spot, firsts: list[int]) -> object:
    """Fails with the arguments in its frame."""
    return pieces(spot, firsts, spot.height + 1, 32) and Key.tree(spot.key, 9, 9, 9, 99)


def test_a_key_travels_only_while_it_is_made(carried: tuple[Spot, bytes]) -> None:
    """As often as it takes; nothing prints its seeds; once its tree is built they are wiped, and none are sent."""
    spot, secret = carried
    key = spot.key
    assert isinstance(key, PortableKey)
    again = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(spot))))
    assert again.key.tree(0, 0, 8, 2) == key.tree(0, 0, 8, 2)
    for each in (spot, again, key, [again.key]):
        assert not [found for found in traces(secret) if found in f"{each!r} {each!s}".encode()]
    kept = key.secret
    with portable([spot], kept, key.public_seed) as spots:
        inner = spots[0].key
        assert isinstance(inner, PortableKey)
        held = memoryview(bytes(inner.secret))
        assert bytes(held) == secret
    assert not inner.secret
    with pytest.raises(TypeError, match="seeds are not sent any more"):
        pickle.dumps(inner)


# ---- how work is shared out ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "cache_bytes"),
    [
        (LARGE, 1 << 20),
        ("LMS_SHA256_M32_H25_W8", 4 << 20),
        ("LMS_SHA256_M32_H25_W1", 4 << 20),
        ("LMS_SHA256_M32_H20_W4", 1 << 40),
        ("XMSS-SHA2_20_256", 4 << 20),
    ],
)
def test_tasks_are_worth_their_way(name: str, cache_bytes: int) -> None:
    """A large tree goes out in about a second's work at a time, a small one in 64 tasks; only kept nodes come back."""
    row = rows()[name]
    spot = Spot(Key.from_seeds(name, bytes(row.secret_len), bytes(row.public_seed_len)), 0, 0)
    building = Building(spot, cache_bytes)
    share = building._share(1 << (spot.height - building.piece), treecache.TASK_CALLS)
    tasks = (1 << spot.height) // (share << building.piece)
    calls = treecache.leaf_calls(spot) * share << building.piece
    assert tasks >= 4
    assert tasks <= 64 or calls > treecache.TASK_CALLS // 2
    assert calls <= treecache.TASK_CALLS or share == 1
    back = tasks * share * building.piece_len
    assert back <= 2 * cache_bytes or building.base == spot.height // 2
    if name == LARGE:
        first, piece = pieces(spot, [0], building.piece, building.piece_len)[0]
        assert (first, len(piece)) == (0, building.piece_len)
