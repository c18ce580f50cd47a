"""Batches: verify_each says of every element what verify says of it, verify_all all or nothing, sign_many as sign."""

from __future__ import annotations

import multiprocessing
import pickle
import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import hbss
from hbss import _native, batch, workers
from tests import vectors
from tests.some_keys import FAST, private
from tests.some_keys import signed as fast_signature
from tests.test_properties import MESSAGE, NAMES, flipped, signed
from tests.test_vectors_slhdsa import accepted as accepted_slhdsa


class Element(NamedTuple):
    """One element of a batch."""

    key: hbss.PublicKey
    message: bytes
    signature: bytes
    context: bytes | None = None

    def holds(self) -> bool:
        """What verify says."""
        try:
            self.key.verify(self.signature, self.message, self.context)
        except hbss.InvalidSignature:
            return False
        return True


def each(elements: Sequence[Element], executor: Executor | None = None) -> list[bool]:
    """What verify_each says."""
    columns = [list(column) for column in zip(*elements, strict=True)] or [[], [], [], []]
    found = hbss.verify_each(*columns, executor=executor)
    assert found.dtype == np.bool_
    assert found.shape == (len(elements),)
    return [bool(good) for good in found]


def good(name: str) -> Element:
    """A good signature of a set."""
    return Element(signed(name).public, MESSAGE, signed(name).signature)


LMS = good("LMS_SHAKE_M32_H5_W4")
FOREIGN = good("LMS_SHA256_M24_H5_W8")


@pytest.fixture
def small_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of a few signatures are cut into tasks for threads, as large ones are."""
    monkeypatch.setattr(batch, "LEAST_CALLS", 1 << 8)
    monkeypatch.setattr(batch, "MOST_CALLS", 1 << 11)


# ---- others' vectors -----------------------------------------------------------------------------------------------


def element(case: vectors.Case) -> Element:
    family = "HSS" if case.set.startswith("LMS") else case.set
    context = case.context if family.startswith("SLH-DSA") else None
    return Element(hbss.PublicKey.from_raw(family, case.public), case.message, case.signature, context)


SOURCES: dict[str, Callable[[], list[vectors.Case]]] = {
    "LMS, NIST and KAT": lambda: vectors.lms("sigVer") + vectors.lms("sigGen"),
    "HSS, liboqs and RFC 8554": vectors.hss,
    "XMSS, KAT": lambda: vectors.xmss("sigVer") + vectors.xmss("sigGen"),
    "XMSS and XMSS^MT, liboqs": vectors.xmss_liboqs,
    "SLH-DSA, NIST": lambda: [c for c in vectors.slhdsa("sigVer") + vectors.slhdsa("sigGen") if c.interface == "pure"],
}


@pytest.mark.parametrize("source", SOURCES)
def test_every_vector(source: str) -> None:
    """A whole source as one batch: what verify says, which is what the vector says."""
    cases = SOURCES[source]()
    elements = [element(case) for case in cases]
    found = each(elements)
    assert len(cases) >= 20
    assert found == [case.valid for case in cases]
    assert found == [one.holds() for one in elements]


def test_every_vector_of_all_sources_in_any_order() -> None:
    """All sets in one batch, shuffled."""
    cases = [case for source in SOURCES.values() for case in source()]
    random.Random(4).shuffle(cases)
    assert len({case.set for case in cases}) > 100
    assert each([element(case) for case in cases]) == [case.valid for case in cases]


def test_every_encoded_slhdsa_message() -> None:
    """The internal and the pre-hashed interface, which batches reach below verify_each only."""
    cases = vectors.slhdsa("sigVer") + vectors.slhdsa("sigGen")
    keys = [hbss.PublicKey.from_raw(case.set, case.public)._key for case in cases]
    claims = [(key, case.signature, b"", vectors.encoded(case)) for key, case in zip(keys, cases, strict=True)]
    assert {case.interface for case in cases} > {"internal", "pure", "SHA2-256", "SHAKE-256"}
    assert list(_native.verify_each(claims)) == [case.valid for case in cases] == [accepted_slhdsa(c) for c in cases]


# ---- good and bad ones, mixed --------------------------------------------------------------------------------------

CHANGES = ("none", "flip", "cut", "longer", "empty", "message", "context", "key", "other signature")


@st.composite
def elements(draw: st.DrawFn) -> Element:
    """A good signature of some set, or what is left of it after one change."""
    one, other = good(draw(st.sampled_from(NAMES))), good(draw(st.sampled_from(NAMES)))
    match draw(st.sampled_from(CHANGES)):
        case "flip":
            return one._replace(signature=flipped(one.signature, draw(st.integers(0, 8 * len(one.signature) - 1))))
        case "cut":
            return one._replace(signature=one.signature[: draw(st.integers(0, len(one.signature) - 1))])
        case "longer":
            return one._replace(signature=one.signature + draw(st.binary(min_size=1, max_size=99)))
        case "empty":
            return one._replace(signature=b"")
        case "message":
            return one._replace(message=draw(st.binary(max_size=300)))
        case "context" if one.key.scheme == "SLH-DSA":
            return one._replace(context=draw(st.binary(max_size=255)))
        case "key":
            return one._replace(key=other.key)
        case "other signature":
            return one._replace(signature=other.signature)
    return one


mixed = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@mixed
@given(mix=st.lists(elements(), max_size=40))
def test_any_mix(mix: list[Element]) -> None:
    """Keys of every family, good and bad: element by element what verify says, in the order given."""
    assert each(mix) == [one.holds() for one in mix]


@mixed
@given(mix=st.lists(elements(), max_size=40))
def test_any_mix_in_tasks(small_tasks: None, mix: list[Element]) -> None:
    """The same when threads share it."""
    assert each(mix) == [one.holds() for one in mix]


def test_a_thousand() -> None:
    """Good and bad ones at random places of a large batch come back at their places; so do its indices."""
    draw, names = random.Random(9), [name for name in NAMES if "SLH-DSA" not in name]
    bad = [draw.random() < 0.3 for _ in range(1000)]
    batch = [good(draw.choice(names))._replace(message=b"another" if wrong else MESSAGE) for wrong in bad]
    assert each(batch) == [not wrong for wrong in bad]
    with pytest.raises(hbss.InvalidSignature) as caught:
        hbss.verify_all(*zip(*batch, strict=True))
    assert caught.value.indices == tuple(np.flatnonzero(bad))


def test_one_and_none() -> None:
    """A batch of one is a batch; of none there is an empty array, and nothing for verify_all to be content with."""
    assert each([LMS]) == [True]
    assert each([LMS._replace(message=b"")]) == [False]
    assert each([]) == []
    assert hbss.verify_each(LMS.key, [], []).shape == (0,)
    with pytest.raises(ValueError, match="nothing was verified"):
        hbss.verify_all([], [], [])
    with pytest.raises(ValueError, match="nothing was verified"):
        hbss.verify_all(LMS.key, [], [])


def test_one_key_and_one_context_for_all() -> None:
    """A PublicKey, and a bytes-like context, stand for every element; None is none."""
    key, messages = private(), [b"a", b"b", b"c"]
    for context in (None, b"", b"greeting", bytearray(b"greeting"), memoryview(b"greeting")):
        signatures = key.sign_many(messages, context)
        hbss.verify_all(key.public_key(), messages, signatures, context)
        hbss.verify_all([key.public_key()] * 3, messages, signatures, [context] * 3)
        assert not hbss.verify_each(key.public_key(), messages, signatures, b"other").any()
    assert list(hbss.verify_each(key.public_key(), messages, signatures, [b"greeting", None, b""])) == [
        True,
        False,
        False,
    ]


def test_bytes_like_elements() -> None:
    """bytearrays, memoryviews, rows of an array, and iterables that can be read once."""
    elements = [LMS, LMS._replace(message=MESSAGE[::-1]), LMS]
    for kind in (bytes, bytearray, memoryview):
        messages, signatures = ([kind(x) for x in column] for column in list(zip(*elements, strict=True))[1:3])
        assert list(hbss.verify_each(LMS.key, messages, signatures)) == [True, False, True]
        assert list(hbss.verify_each(LMS.key, iter(messages), iter(signatures))) == [True, False, True]
    rows = [np.array([list(x) for x in column], np.uint8) for column in list(zip(*elements, strict=True))[1:3]]
    assert list(hbss.verify_each(LMS.key, *rows)) == [True, False, True]


def test_a_bound_key_hashes_first() -> None:
    """Elements of keys that are bound to a pre-hash, signed by sign_many, beside others."""
    bound = hbss.PrivateKey.from_raw(FAST, private().private_bytes_raw(), prehash="SHA2-256")
    messages = [b"a", b"", b"c"]
    elements = [
        Element(bound.public_key(), content, signature)
        for content, signature in zip(messages, bound.sign_many(messages), strict=True)
    ]
    elements += [elements[0]._replace(message=b"b"), elements[0]._replace(key=private().public_key()), good(FAST)]
    assert each(elements) == [one.holds() for one in elements] == [True, True, True, False, False, True]


# ---- the caller's mistakes -----------------------------------------------------------------------------------------

Arguments = tuple[Any, ...]
THREE: Arguments = ([LMS.key] * 3, [LMS.message] * 3, [LMS.signature] * 3)


def at_one(column: int, wrong: object) -> Arguments:
    """THREE with one wrong element at position 1."""
    return tuple([x[0], wrong, x[2]] if i == column else x for i, x in enumerate(THREE))


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ((THREE[0], THREE[1], THREE[2][:2]), ValueError, "3 keys, 3 messages, 2 signatures"),
        ((THREE[0][:1], THREE[1], THREE[2]), ValueError, "1 keys, 3 messages, 3 signatures"),
        ((LMS.key, [], THREE[2]), ValueError, "0 messages, 3 signatures"),
        ((*THREE, [None]), ValueError, "3 signatures, 1 contexts"),
        (at_one(0, LMS.key.public_bytes_raw()), TypeError, "position 1: a key must be a PublicKey, not bytes"),
        (at_one(0, None), TypeError, "position 1: a key must be a PublicKey, not NoneType"),
        (at_one(1, "text"), TypeError, "position 1: the data must be bytes-like, not str"),
        (at_one(2, None), TypeError, "position 1: the signature must be bytes-like, not NoneType"),
        (at_one(2, np.zeros(9, np.uint8)[::2]), TypeError, "position 1: .*contiguous"),
        ((*THREE, [None, b"", None]), ValueError, "position 1: LMS has no context"),
        ((*THREE, b""), ValueError, "position 0: LMS has no context"),
        ((private().public_key(), *THREE[1:], [b"", None, bytes(256)]), ValueError, "position 2: .*255 bytes; got 256"),
        ((private().public_key(), *THREE[1:], [b"", "text", b""]), TypeError, "position 1: the context must be bytes"),
        ((LMS.key, MESSAGE, THREE[2]), TypeError, "messages must be a sequence"),
        ((LMS.key, THREE[1], LMS.signature), TypeError, "signatures must be a sequence"),
        ((LMS.key.public_bytes_raw(), THREE[1], THREE[2]), TypeError, "keys must be a sequence"),
        ((LMS.key, "abc", THREE[2]), TypeError, "messages must be a sequence"),
        ((LMS.key, 3, THREE[2]), TypeError, "messages must be a sequence.*not int"),
        ((*THREE, "abc"), TypeError, "contexts must be a sequence"),
    ],
)  # fmt: skip
def test_mistakes(monkeypatch: pytest.MonkeyPatch, arguments: Arguments, error: type[Exception], text: str) -> None:
    """Wrong types, lengths and questions are errors with the position, before anything is verified."""
    monkeypatch.delattr(_native, "verify_each")
    for ask in (hbss.verify_each, hbss.verify_all):
        with pytest.raises(error, match=text) as caught:
            ask(*arguments)
        assert type(caught.value) is error


def test_errors_are_those_of_verify() -> None:
    """What a batch refuses in one element verify refuses by the same exception."""
    for one in (
        LMS._replace(context=b""), good(FAST)._replace(context=bytes(256)),
        LMS._replace(message="text"), LMS._replace(signature=None), good(FAST)._replace(context=7),  # type: ignore[arg-type]
    ):  # fmt: skip
        with pytest.raises((TypeError, ValueError)) as alone:
            one.holds()
        with pytest.raises(type(alone.value)) as together:
            each([good(FAST), one])
        assert str(together.value) == f"position 1: {alone.value}"


def test_an_if_is_not_an_answer() -> None:
    """The truth of several elements is an error, as numpy has it."""
    with pytest.raises(ValueError, match="ambiguous"):
        bool(hbss.verify_each(*THREE))


# ---- verify_all ----------------------------------------------------------------------------------------------------


def test_verify_all() -> None:
    """None if all are good; else the positions of all others, the first of them in the text too."""
    assert hbss.verify_all(*THREE) is None  # type: ignore[func-returns-value]
    with pytest.raises(hbss.InvalidSignature, match=r"1 of 3 signatures .* at 1$") as caught:
        hbss.verify_all(*at_one(2, FOREIGN.signature))
    assert caught.value.indices == (1,)
    with pytest.raises(hbss.InvalidSignature, match=r"20 of 20 .* at 0, 1, 2, 3, 4, 5, 6, 7, \.\.\.$") as caught:
        hbss.verify_all(LMS.key, [b""] * 20, [LMS.signature] * 20)
    assert caught.value.indices == tuple(range(20))
    assert all(type(i) is int for i in caught.value.indices)


def test_the_exception_can_be_pickled() -> None:
    """With its positions; one that verify raises has none."""
    error = pickle.loads(pickle.dumps(hbss.InvalidSignature("text", [3, 5])))
    assert (str(error), error.indices) == ("text", (3, 5))
    with pytest.raises(hbss.InvalidSignature) as caught:
        LMS.key.verify(b"", b"")
    assert caught.value.indices == pickle.loads(pickle.dumps(caught.value)).indices == ()


# ---- who does the work ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    """Two processes that know nothing of this one's memory."""
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        yield pool


def some(count: int) -> tuple[list[Element], list[bool]]:
    """Elements of every family, each third one bad, and which are good."""
    batch = [good(NAMES[i % len(NAMES)]) for i in range(count)]
    return [one._replace(message=b"") if i % 3 == 1 else one for i, one in enumerate(batch)], [
        i % 3 != 1 for i in range(count)
    ]


def test_processes(small_tasks: None, processes: ProcessPoolExecutor) -> None:
    """Keys, contexts and every kind of bytes-like object reach other processes."""
    elements, expected = some(40)
    assert each(elements, processes) == expected
    for kind in (bytearray, memoryview, lambda data: np.frombuffer(data, np.uint8)):
        other = [one._replace(message=kind(one.message), signature=kind(one.signature)) for one in elements]  # type: ignore[arg-type]
        assert each(other, processes) == expected
    key = private()
    signatures = key.sign_many([b"a", b"b"], b"context")
    hbss.verify_all(key.public_key(), [b"a", b"b"], signatures, b"context", executor=processes)


class Recording(ThreadPoolExecutor):
    """Counts what it is given."""

    tasks = 0

    def submit(self, *args: Any, **more: Any) -> Any:
        self.tasks += 1
        return super().submit(*args, **more)


def test_the_executor_given_does_the_work(small_tasks: None) -> None:
    """It gets several tasks, and is left running."""
    elements, expected = some(30)
    with Recording(3) as pool:
        assert each(elements, pool) == each(elements) == expected
        assert pool.tasks > 3
        assert pool.submit(len, b"12").result() == 2


def test_small_batches_stay_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """No thread is started for what takes less time than that; long messages count."""
    elements, expected = some(5)  # their keys may still have to be made, which needs the pool
    monkeypatch.delattr(workers, "pool")
    assert each(elements) == expected
    with pytest.raises(AttributeError, match="pool"):
        hbss.verify_each(LMS.key, [bytes(8 << 20)] * 2, [LMS.signature] * 2)


def test_long_messages_go_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """One at a time, so that no call of C is long; the verdicts are the same."""
    elements, expected = some(30)
    monkeypatch.setattr(batch, "PIECE", len(MESSAGE) - 1)
    monkeypatch.delattr(_native, "verify_each")
    assert each(elements) == expected


@pytest.mark.parametrize("answer", [b"", b"\1", b"\1" * 1000])
def test_a_broken_worker_is_no_success(small_tasks: None, monkeypatch: pytest.MonkeyPatch, answer: bytes) -> None:
    """Too few or too many verdicts are an error, whatever they say."""
    monkeypatch.setattr(_native, "verify_each", lambda claims: answer)
    with pytest.raises(ValueError, match="zip"):
        each(some(30)[0])


def test_an_error_of_a_worker_comes_out(small_tasks: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is raised here, and no verdict is made up."""

    def broken(claims: Sequence[_native.Claim]) -> bytes:
        raise MemoryError("out of memory")

    monkeypatch.setattr(_native, "verify_each", broken)
    with pytest.raises(MemoryError, match="out of memory"):
        each(some(30)[0])


# ---- sign_many of SLH-DSA ------------------------------------------------------------------------------------------


def test_sign_many() -> None:
    """In order, and what sign makes; hedged unless asked."""
    key, messages = private(), [b"%d" % i for i in range(9)]
    for context in (None, b"context"):
        one_by_one = [key.sign(each, context, deterministic=True) for each in messages]
        assert key.sign_many(messages, context, deterministic=True) == one_by_one
        assert key.sign_many(messages, context, deterministic=True, double_check=True) == one_by_one
    hedged = key.sign_many([b"0", b"0"])
    assert hedged[0] != hedged[1]
    hbss.verify_all(key.public_key(), [b"0", b"0"], hedged)
    assert key.sign_many([b"message"], deterministic=True) == [fast_signature()]
    assert key.sign_many([]) == []


def test_sign_many_takes_an_executor(processes: ProcessPoolExecutor) -> None:
    """Of threads; to other processes a private key does not go."""
    with Recording(2) as pool:
        found = private().sign_many([b"a", b"b", b"c"], deterministic=True, executor=pool)
        assert pool.tasks == 3
    assert found == private().sign_many([b"a", b"b", b"c"], deterministic=True)
    with pytest.raises(TypeError, match="its own process, not in a ProcessPoolExecutor"):
        private().sign_many([b"a", b"b"], executor=processes)


def test_mistakes_in_sign_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """The errors of sign, before anything is signed."""
    monkeypatch.delattr(_native.Key, "slhdsa_sign")
    with pytest.raises(TypeError, match="the data must be bytes-like, not str"):
        private().sign_many([b"a", "b"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="255 bytes; got 256"):
        private().sign_many([b"a"], bytes(256))
    with pytest.raises(TypeError, match="bytes-like, not int"):
        private().sign_many(b"abc")  # type: ignore[arg-type]


def test_sign_many_double_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A computing error in any of them: no signature leaves."""
    real, runs = _native.Key.slhdsa_sign, iter(range(6))

    def faulty(self: _native.Key, *args: Any) -> bytes:
        signature = bytearray(real(self, *args))
        signature[5000] ^= next(runs) == 3
        return bytes(signature)

    monkeypatch.setattr(_native.Key, "slhdsa_sign", faulty)
    with pytest.raises(hbss.HbssError, match="nothing was released"):
        private().sign_many([b"a", b"b", b"c"], double_check=True)
