"""Leases and status: reserving many indices at once, and what the store knows of them."""

from __future__ import annotations

import copy
import os
import pickle
import threading
from pathlib import Path

import pytest

import hbss
from hbss import open_key, state
from tests.state_kit import HSS, LMS, index_of

pytestmark = pytest.mark.filterwarnings("ignore:the witness .* lies on the same disk:RuntimeWarning")


# ---- leases and status ---------------------------------------------------------------------------------------------


def test_a_batch_signs_with_what_it_reserved(key: Path) -> None:
    """One durable write, then signatures in order; the rest is burned and counted."""
    with open_key(key) as handle:
        handle.sign(b"0")
        with handle.reserve(8) as batch:
            assert batch.indices == range(1, 9)
            signatures = [batch.sign(b"1"), *batch.sign_many([b"2", b"3"])]
            assert batch.remaining == 5
            found = handle.status()
            assert (found.used, found.burned, found.reserved, found.remaining) == (1, 0, 8, 22)
        found = handle.status()
        assert (found.used, found.burned, found.reserved, found.remaining) == (4, 5, 0, 22)
        assert [index_of(LMS, each) for each in signatures] == [1, 2, 3]
        assert index_of(LMS, handle.sign(b"9")) == 9
    for text, signature in zip((b"1", b"2", b"3"), signatures, strict=True):
        handle.public_key().verify(signature, text)
    assert state.status(key).used == 5, "closing settles what is left"


def test_a_batch_ends(key: Path) -> None:
    """With its block, with its last index, and with its key."""
    with open_key(key) as handle:
        with handle.reserve(2) as batch:
            with pytest.raises(hbss.KeyExhausted, match="3 signatures were asked for, 2 of 2 are left in this batch"):
                batch.sign_many([b"x"] * 3)
            batch.sign_many([b"x"] * 2)
            with pytest.raises(hbss.KeyExhausted, match="reserve another"):
                batch.sign(b"x")
        with pytest.raises(hbss.HandleDead, match="burned"):
            batch.sign(b"x")
        batch.close()
        assert batch.remaining == 0
        longer = handle.reserve(3)
    with pytest.raises(hbss.HandleDead, match="closed"):
        longer.sign(b"x")
    assert state.status(key).reserved == 3, "nobody said what became of it"


@pytest.mark.parametrize("count", [0, -1, 1.5, "2", None])
def test_a_batch_of_no_size(key: Path, count: object) -> None:
    """A reservation takes at least one, and whole ones."""
    with open_key(key) as handle:
        with pytest.raises((ValueError, TypeError), match=r"at least one index|number of indices"):
            handle.reserve(count)  # type: ignore[arg-type]
        assert handle.remaining == 31


def test_a_batch_cannot_be_copied(key: Path) -> None:
    """Its copy would use the same indices."""
    with open_key(key) as handle, handle.reserve(2) as batch:
        for act in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="copied or pickled"):
                act(batch)


def test_an_error_burns_what_was_to_be_signed(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a batch too: the index that failed is not tried again."""
    with open_key(key) as handle, handle.reserve(3) as batch:
        with monkeypatch.context() as patch:
            patch.setattr(handle._tower, "sign", lambda index, data: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                batch.sign(b"x")
        assert index_of(LMS, batch.sign(b"x")) == 1
        batch.close()
        found = handle.status()
        assert (found.used, found.burned) == (1, 2)


def test_threads_share_a_batch(tower: Path) -> None:
    """No index twice."""
    released: list[bytes] = []
    with open_key(tower) as handle, handle.reserve(40) as batch:
        threads = [
            threading.Thread(target=lambda: released.extend(batch.sign(b"x") for _ in range(10))) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(index_of(HSS, each) for each in released) == list(range(40))


def test_who_reserved_what(key: Path) -> None:
    """A signer that died leaves its lease, with its name and time."""
    child = os.fork()
    if child == 0:
        handle = open_key(key, signer="the night shift")
        handle.reserve(5)
        os._exit(0)
    os.waitpid(child, 0)
    found = state.status(key)
    (lease,) = found.leases
    assert (lease.start, lease.stop, lease.epoch, lease.signer) == (0, 5, 0, "the night shift")
    assert (found.used, found.burned, found.reserved, found.remaining) == (0, 0, 5, 26)
    with open_key(key) as handle:
        handle.sign(b"x")
        assert handle.status().leases == found.leases
        assert str(os.getpid()) not in lease.signer


def test_status_while_signing_adds_up(tower: Path) -> None:
    """Numbers of one moment, whatever others do."""
    stop = threading.Event()

    def sign() -> None:
        with open_key(tower) as own:
            while not stop.is_set() and own.remaining:
                own.sign(b"x")

    thread = threading.Thread(target=sign)
    thread.start()
    try:
        for _ in range(20):
            found = state.status(tower)
            assert found.used + found.burned + found.reserved + found.remaining == 1023
            assert found.burned == 0
    finally:
        stop.set()
        thread.join()


def test_on_low(key: Path) -> None:
    """The callback hears of every signature below the threshold, and of none above."""
    heard: list[int] = []
    with open_key(key, on_low=heard.append, warn_below=29) as handle:
        for _ in range(4):
            handle.sign(b"x")
        handle.sign_many([b"x"] * 5)
    assert heard == [28, 27, 22]
    with open_key(key, on_low=heard.append) as handle:
        handle.sign_many([b"x"] * 20)
        assert heard[-1] == 2, "a tenth of 31"
