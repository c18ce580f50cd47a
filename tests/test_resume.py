"""A key generation that is interrupted or killed goes on: nothing done twice, never two keys of one seed."""

from __future__ import annotations

import os
import random
import signal
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from hbss import creation, draft
from tests.resume_kit import (
    LARGE,
    SLOW,
    THREE,
    TOWER,
    Interrupted,
    Place,
    begin,
    check,
    child,
    first_pieces,
    note,
    resume,
    secret_of,
    stop_after,
)
from tests.state_kit import HSS, LMS, XMSSMT

pytest_plugins = ["tests.resume_fixtures"]

# forking beside threads is what is tested here; Python 3.12 and later warn of it
pytestmark = [
    pytest.mark.usefixtures("small"), pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning"),
]  # fmt: skip


# ---- going on ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "pieces"), [(LARGE, 1), (LARGE, 50), (LARGE, 127), (TOWER, 3), (TOWER, 7), (TOWER, 60), (THREE, 5)]
)
def test_what_was_done_is_not_done_again(tmp_path: Path, computed: list[Place], name: str, pieces: int) -> None:
    """The second run computes the pieces that the first one had not finished, each once, and makes the same key."""
    key = tmp_path / "key"
    begin(key, name, pieces)
    secret = secret_of(key)
    computed.clear()
    seen: list[tuple[int, int]] = []
    resume(key, name, lambda *step: seen.append(step))
    again = [place for place in computed if place.height > 0]  # the leaves of the last check have height 0
    assert len(set(again)) == len(again)
    assert seen[0][0] == sum(1 << place.height for place in first_pieces(name, pieces))
    assert seen[0][0] + sum(1 << place.height for place in again) == seen[-1][0] == seen[-1][1]
    assert check(key) == secret


def test_many_trees_of_one_key(tmp_path: Path) -> None:
    """XMSS^MT, interrupted again and again in every layer."""
    key = tmp_path / "key"
    begin(key, XMSSMT, 20)
    secret = secret_of(key)
    rounds = 0
    while not key.exists():
        rounds += 1
        with suppress(Interrupted):
            resume(key, XMSSMT, stop_after(20))
    assert rounds > 2
    assert check(key) == secret


def test_a_python_program_that_is_run_again(tmp_path: Path) -> None:
    """An interrupt at every point of a generation that may be resumed: the next call goes on, or begins."""
    key = tmp_path / "key"
    for pieces in (0, 1, 0, 1, 0, 1):
        with pytest.raises(Interrupted):
            resume(key, LMS, stop_after(pieces))
    resume(key, LMS)
    check(key)


def test_nothing_is_left_unless_it_is_asked_for(tmp_path: Path) -> None:
    """The default, even after much work."""
    with pytest.raises(Interrupted):
        creation.create(tmp_path / "key", LARGE, stop_after(50))
    assert os.listdir(tmp_path) == []


def test_a_short_generation_writes_no_seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is kept within the first second, nor flushed for it."""
    monkeypatch.setattr(draft, "PATIENCE", 60.0)
    flushed: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        flushed.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(Interrupted):
        resume(tmp_path / "key", LARGE, stop_after(50))
    assert os.listdir(tmp_path) == []
    assert flushed == []
    resume(tmp_path / "key", LARGE)
    assert not [name for name in flushed if "seeds" in name or "pieces" in name]


def test_what_lies_in_the_folder(tmp_path: Path) -> None:
    """One folder and its files, for the owner only; the seeds are durable before the first piece is written."""
    begin(tmp_path / "key", TOWER, 20)
    folder = tmp_path / "key.new"
    assert sorted(os.listdir(folder)) == ["pieces-0", "pieces-1", "seeds", "tree"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE((folder / name).stat().st_mode) for name in ("seeds", "pieces-0", "pieces-1")} == {0o600}


def test_seeds_before_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of the calls: the seeds are flushed, get their name, which is flushed; then pieces are written."""
    calls: list[str] = []

    def spy(name: str) -> None:
        real = getattr(os, name)

        def called(target: int | Path, *rest: object) -> object:
            path = os.readlink(f"/proc/self/fd/{target}") if isinstance(target, int) else str(target)
            calls.append(f"{name} {Path(path).name.split('.', 1)[0] if '.tmp' in path else Path(path).name}")
            return real(target, *rest)

        monkeypatch.setattr(os, name, called)

    for name in ("fsync", "replace", "write"):
        spy(name)
    monkeypatch.setattr(draft, "FLUSH", 0.0)
    begin(tmp_path / "key", LARGE, 2)
    expected = ["fsync seeds", "replace seeds", "fsync key.new", f"fsync {tmp_path.name}", "write pieces-0"]
    assert calls[:5] == expected
    assert "fsync pieces-0" in calls[5:]


# ---- killed --------------------------------------------------------------------------------------------------------


def test_killed_at_random_moments(tmp_path: Path) -> None:
    """SIGKILL again and again; the work so far only grows, and the key is the one that was begun."""
    key = tmp_path / "key"
    done, secrets = [0], set()
    for _ in range(200):
        process = child(lambda: resume(key, SLOW))
        time.sleep(random.uniform(0.0, 0.1))
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        if key.exists():
            break
        if (tmp_path / "key.new" / "seeds").exists():
            secret = secret_of(key)
            if not secret:
                break  # the key was made, and had no name yet
            secrets.add(secret)
            with pytest.raises(Interrupted):
                resume(key, SLOW, lambda now, total: note(done, now))
    with suppress(FileExistsError):
        resume(key, SLOW)
    assert len(done) > 1, "no kill came while there was something to lose"
    assert done == sorted(done)
    secrets.add(check(key))
    assert len(secrets) == 1


STEPS = ("mkdir", "write", "replace", "rename", "link", "unlink", "rmdir")


@pytest.mark.parametrize("name", [LMS, pytest.param(HSS, marks=pytest.mark.long)])
def test_killed_after_every_step(tmp_path: Path, name: str) -> None:
    """Just after the n-th call that changes a file, for every n: what is left goes on, or the key stands and signs."""
    steps = 0
    while True:
        folder = tmp_path / str(steps)
        folder.mkdir()
        key = folder / "key"
        process = child(lambda key=key, last=steps: _dying(key, name, last))  # type: ignore[misc]
        _, status = os.waitpid(process, 0)
        if not os.WIFSIGNALED(status):
            assert status == 0
            break
        before = secret_of(key) if (folder / "key.new" / "seeds").exists() and not key.exists() else b""
        try:
            resume(key, name)
        except FileExistsError:
            assert not (folder / "key.new").exists(), "the key stood already, and what was left is gone"
        secret = check(key)
        assert before in (b"", secret)
        steps += 1
    assert steps > 12


def _dying(key: Path, name: str, last: int) -> None:
    calls = 0

    def dies(real: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **options: object) -> object:
            nonlocal calls
            result = real(*arguments, **options)
            if calls == last:
                os.kill(os.getpid(), signal.SIGKILL)
            calls += 1
            return result

        return call

    for step in STEPS:
        setattr(os, step, dies(getattr(os, step)))
    resume(key, name)


def test_what_is_left_of_a_key_that_was_made_is_nothing(tmp_path: Path) -> None:
    """Killed after the key has its one name; then the key is moved away, and its name is used for another."""
    key = tmp_path / "key"
    begin(key, LMS, 2)
    secret = secret_of(key)
    process = child(lambda: _dying_at_the_end(key))
    assert os.WIFSIGNALED(os.waitpid(process, 0)[1])
    assert (tmp_path / "key.new" / "seeds").exists()
    (tmp_path / "elsewhere").mkdir()
    key.rename(tmp_path / "elsewhere" / "key")
    (tmp_path / "key.tree").rename(tmp_path / "elsewhere" / "key.tree")
    with pytest.raises(FileNotFoundError, match="no unfinished key"):
        creation.unfinished(key)
    assert check(tmp_path / "elsewhere" / "key") == secret
    (tmp_path / "elsewhere").rename(tmp_path.parent / f"{tmp_path.name}-elsewhere")
    creation.create(key, LMS, None)
    assert check(key) != secret


def _dying_at_the_end(key: Path) -> None:
    real = os.unlink

    def unlink(path: Path, **options: int) -> None:
        real(path, **options)
        if Path(path).name == "key":
            os.kill(os.getpid(), signal.SIGKILL)

    os.unlink = unlink  # type: ignore[assignment]
    resume(key, LMS)


def test_the_seeds_are_out_before_the_key_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unfinished key that outlives its key cannot be made a second time."""
    key = tmp_path / "key"
    begin(key, LMS, 2)
    secret = secret_of(key)
    link = os.link

    def watched(source: Path, target: Path) -> None:
        assert secret not in (tmp_path / "key.new" / "seeds").read_bytes()
        link(source, target)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", watched)
        with pytest.raises(KeyboardInterrupt):
            resume(key, LMS)
    assert sorted(os.listdir(tmp_path)) == ["key.new"], "taken back as a whole"
    found, sealed = creation.unfinished(key)
    assert (found.name, sealed) == (LMS, False)
    resume(key, LMS)
    assert check(key) == secret
