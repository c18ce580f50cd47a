"""Stateful keys through the public names: signing to the end, subtree boundaries, handles."""

from __future__ import annotations

import copy
import os
import pickle
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

import hbss
from hbss import create_key, open_key
from hbss.stores import NOTHING, Spent
from hbss.stores.sqlite import SqliteStore
from tests.state_kit import HSS, LMS, XMSS, XMSSMT, index_of

# forking beside threads, as pytest-xdist's, is what is tested here; Python 3.12 and later warn of it
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")


# ---- signing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [LMS, HSS, XMSS, XMSSMT, f"{LMS}+LMS_SHAKE_M24_H5_W8+LMS_SHA256_M24_H5_W2"])
def test_every_family_signs_and_verifies(tmp_path: Path, name: str) -> None:
    """A round trip of each, at the indices in order, with sizes and numbers as the parameter set says."""
    create_key(tmp_path / "key", name)
    with open_key(tmp_path / "key") as handle:
        found, public = handle.parameter_set, handle.public_key()
        assert found == hbss.parameter_set(name)
        assert handle.remaining == found.capacity - 1
        signatures = [handle.sign(b"message %d" % i) for i in range(3)] + handle.sign_many([b"message 3", b"message 4"])
        assert handle.remaining == found.capacity - 6
    assert [index_of(name, signature) for signature in signatures] == list(range(5))
    assert {len(signature) for signature in signatures} == {found.signature_size}
    for i, signature in enumerate(signatures):
        public.verify(signature, b"message %d" % i)
        with pytest.raises(hbss.InvalidSignature):
            public.verify(signature, b"message %d" % (i + 1))
    assert hbss.load_public_key(public.pem()) == public


def test_a_key_ends_before_its_last_leaf(tmp_path: Path) -> None:
    """2^5 leaves make 31 signatures; the last leaf is set aside and stays so."""
    create_key(tmp_path / "key", LMS)
    with open_key(tmp_path / "key") as handle:
        signatures = [handle.sign(b"x") for _ in range(30)]
        with pytest.raises(hbss.KeyExhausted, match="2 signatures were asked for, 1 are left"):
            handle.sign_many([b"x", b"x"])
        signatures.append(handle.sign(b"x"))
        assert [index_of(LMS, signature) for signature in signatures] == list(range(31))
        for _ in range(3):
            assert handle.remaining == 0
            with pytest.raises(hbss.KeyExhausted, match="make a new key"):
                handle.sign(b"x")
    with open_key(tmp_path / "key") as handle, pytest.raises(hbss.KeyExhausted):
        handle.sign(b"x")


@pytest.mark.parametrize("name", [HSS, XMSSMT])
def test_subtree_boundaries(tmp_path: Path, name: str) -> None:
    """Over the ends of three subtrees, and by one reservation over another: all verify, all indices are in order."""
    create_key(tmp_path / "key", name)
    with open_key(tmp_path / "key") as handle:
        public = handle.public_key()
        for index in range(70):
            signature = handle.sign(b"%d" % index)
            assert index_of(name, signature) == index
            public.verify(signature, b"%d" % index)
        many = handle.sign_many([b"%d" % index for index in range(70, 140)])
    for index, signature in enumerate(many, 70):
        assert index_of(name, signature) == index
        public.verify(signature, b"%d" % index)
    assert sorted(os.listdir(tmp_path / "key.tree"))[0] == "0-4.nodes"


def test_the_last_subtree_of_a_tower(tower: Path) -> None:
    """The last signatures of an HSS key, and its end."""
    with open_key(tower) as handle:
        handle._store.reserve(1020)
        signatures = [handle.sign(b"x") for _ in range(3)]
        assert [index_of(HSS, signature) for signature in signatures] == [1020, 1021, 1022]
        for signature in signatures:
            handle.public_key().verify(signature, b"x")
        with pytest.raises(hbss.KeyExhausted):
            handle.sign(b"x")


@pytest.mark.parametrize(
    "data",
    [b"data", bytearray(b"data"), memoryview(b"data"), memoryview(b"-data-")[1:5], np.frombuffer(b"data", np.uint16)],
    ids=lambda data: type(data).__name__,
)
def test_bytes_like_messages(tower: Path, data: bytes) -> None:
    """Everything that has bytes signs as these bytes."""
    with open_key(tower) as handle:
        handle.public_key().verify(handle.sign(data), b"data")


def test_long_and_empty_messages(tower: Path) -> None:
    """Nothing depends on the length."""
    long = bytes(range(256)) * 40_000
    with open_key(tower) as handle:
        for data in (b"", long):
            handle.public_key().verify(handle.sign(data), data)


def test_what_is_told_of_the_end_is_checked_first(tower: Path) -> None:
    """A callback that cannot be called would cost the first signature."""
    with pytest.raises(TypeError, match="on_low"):
        open_key(tower, on_low=3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="warn_below"):
        open_key(tower, warn_below="3")  # type: ignore[arg-type]
    with open_key(tower) as handle:
        with pytest.raises(TypeError, match="number of indices"):
            handle.reserve("3")  # type: ignore[arg-type]
        with pytest.raises(hbss.KeyExhausted, match="none was used"):
            handle.reserve(10**30)
        assert handle.remaining == 1023


def test_mistakes_cost_no_index(tower: Path) -> None:
    """A wrong type, a context, an empty list: refused before anything is reserved."""
    with open_key(tower) as handle:
        for wrong in ("text", 5, None, [b"x"]):
            with pytest.raises(TypeError, match="bytes-like"):
                handle.sign(wrong)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="bytes-like"):
            handle.sign_many([b"good", "bad"])  # type: ignore[list-item]
        for context in (b"", b"context"):
            with pytest.raises(ValueError, match="no context"):
                handle.sign(b"x", context)  # type: ignore[arg-type]
        assert handle.sign_many([]) == []
        assert handle.remaining == 1023


def test_sign_many_reserves_once(tower: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One durable commit for the lot."""
    counts: list[int] = []
    reserve = SqliteStore.reserve

    def counted(self: SqliteStore, count: int, spent: Spent = NOTHING) -> range:
        counts.append(count)
        return reserve(self, count, spent)

    monkeypatch.setattr(SqliteStore, "reserve", counted)
    with open_key(tower) as handle:
        handle.sign_many([b"x"] * 10)
    assert counts == [10]


def test_a_batch_that_ends_while_an_index_is_reserved(tower: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a signal handler, which the handle's own lock lets in: both are accounted for."""
    reserve = SqliteStore.reserve
    with open_key(tower) as handle:
        batch = handle.reserve(3)
        handle.sign(b"x")

        def interrupted(self: SqliteStore, count: int, spent: Spent = NOTHING) -> range:
            for _ in spent:
                batch.close()
            return reserve(self, count, spent)

        monkeypatch.setattr(SqliteStore, "reserve", interrupted)
        handle.sign(b"y")
        found = handle.status()
    assert (found.used, found.burned, found.leases) == (2, 3, ())


# ---- handles -------------------------------------------------------------------------------------------------------


def test_a_handle_cannot_be_copied(tower: Path) -> None:
    """Nor pickled, nor printed with its secrets."""
    with open_key(tower) as handle:
        for act in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="copied or pickled"):
                act(handle)
        secret = handle._opened.key.secret
        for text in (repr(handle), str(handle), repr(handle._store), repr(handle._opened), repr(handle._opened.key)):
            assert secret.hex() not in text
            assert repr(secret)[2:-1] not in text
        assert not isinstance(handle, hbss.PrivateKey)


def test_a_closed_handle_is_dead(tower: Path) -> None:
    """It keeps its public key, and nothing else."""
    handle = open_key(tower)
    with handle:
        signature = handle.sign(b"x")
    handle.close()
    with pytest.raises(hbss.HandleDead, match="closed"):
        handle.sign(b"x")
    with pytest.raises(hbss.HandleDead, match="closed"):
        handle.remaining  # noqa: B018
    handle.public_key().verify(signature, b"x")


def _in_threads(count: int, act: Callable[[], None]) -> list[threading.Thread]:
    """Threads that have begun to run `act`."""
    threads = [threading.Thread(target=act) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads


def _in_child(act: Callable[[], int]) -> int:
    """The exit status of a forked child that runs `act`."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = act()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_forked_handle_is_dead(tower: Path) -> None:
    """The child's copy refuses and can be closed, the child can open its own, and the parent goes on."""
    handle = open_key(tower)
    handle.sign(b"0")

    def child() -> int:
        for act in (lambda: handle.sign(b"x"), lambda: handle.remaining, lambda: handle._store.reserve(1)):
            with pytest.raises(hbss.HandleDead, match="fork"):
                act()
        handle.close()
        with open_key(tower) as own:
            return 0 if index_of(HSS, own.sign(b"1")) == 1 else 3

    assert _in_child(child) == 0
    assert index_of(HSS, handle.sign(b"2")) == 2
    handle.close()


def test_a_fork_while_others_sign(tower: Path) -> None:
    """Children forked in the middle of other threads' reservations die or live without harm to the parent."""
    released: list[bytes] = []
    with open_key(tower) as handle:
        threads = _in_threads(3, lambda: released.extend(handle.sign(b"x") for _ in range(20)))
        statuses = [_in_child(lambda: 0) for _ in range(10)]
        for thread in threads:
            thread.join()
    assert statuses == [0] * 10
    assert sorted(index_of(HSS, signature) for signature in released) == list(range(60))


def test_threads_share_a_handle(tower: Path) -> None:
    """One lock a handle: no index twice, all good."""
    released: list[bytes] = []
    with open_key(tower) as handle:
        for thread in _in_threads(8, lambda: released.extend(handle.sign(b"x") for _ in range(5))):
            thread.join()
        for signature in released:
            handle.public_key().verify(signature, b"x")
    assert sorted(index_of(HSS, signature) for signature in released) == list(range(40))


def test_signing_from_within_signing_is_refused(tower: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As from a signal handler: an error, not a deadlock and not two users of one transaction."""
    with open_key(tower) as handle:
        sign = handle._tower.sign

        def interrupted(index: int, data: Iterable[bytes | memoryview]) -> bytes:
            with pytest.raises(hbss.StateError, match="within itself"):
                handle.sign(b"inner")
            return sign(index, data)

        monkeypatch.setattr(handle._tower, "sign", interrupted)
        handle.public_key().verify(handle.sign(b"outer"), b"outer")
        assert handle.remaining == 1022


def test_closing_from_within_signing_waits(tower: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A handler that closes the key and ends the process neither hangs nor tears the store from under the signature."""
    handle = open_key(tower)
    tower_sign = handle._tower.sign

    def closing(index: int, parts: Iterable[bytes | memoryview]) -> bytes:
        handle.close()
        return tower_sign(index, parts)

    monkeypatch.setattr(handle._tower, "sign", closing)
    handle.public_key().verify(handle.sign(b"x"), b"x")
    with pytest.raises(hbss.HandleDead, match="closed"):
        handle.sign(b"y")
    with open_key(tower) as again:
        assert (again.status().used, again.status().reserved) == (1, 0)


def test_status_while_a_file_is_read(tower: Path, tmp_path: Path) -> None:
    """A progress callback may ask how things stand: the index is leased then, and the signature is made."""
    (tmp_path / "file").write_bytes(b"x" * 100)
    seen: list[int] = []
    with open_key(tower) as handle:
        signature = handle.sign_file(tmp_path / "file", progress=lambda *_: seen.append(handle.status().reserved))
        handle.public_key().verify(signature, b"x" * 100)
        assert set(seen) == {1}
        assert handle.status().used == 1


def test_threads_that_fork_at_once_leave_the_key_usable(tower: Path) -> None:
    """Each fork lets go of the locks that it took, and of no others."""

    def fork() -> None:
        child = os.fork()
        if not child:
            os._exit(0)
        os.waitpid(child, 0)

    with open_key(tower) as handle:
        threads = [threading.Thread(target=fork) for _ in range(2)]
        with handle._store._mutex:  # type: ignore[attr-defined]  # a transaction is under way
            for thread in threads:
                thread.start()
            time.sleep(0.1)
        for thread in threads:
            thread.join(20)
        assert not any(thread.is_alive() for thread in threads)
        signer = threading.Thread(target=handle.sign, args=(b"x",))
        signer.start()
        signer.join(20)
        assert not signer.is_alive()


def test_two_handles_take_turns(tower: Path) -> None:
    """Handles of one key see each other's indices, over a subtree boundary too."""
    with open_key(tower) as one, open_key(tower) as two:
        signatures = [(one, two)[i % 2].sign(b"x") for i in range(70)]
        assert one.remaining == two.remaining == 1023 - 70
    assert [index_of(HSS, signature) for signature in signatures] == list(range(70))
