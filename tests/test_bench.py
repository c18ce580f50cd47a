"""What hbss bench measures with, how it times, and what it says. (The command: test_cli_bench.py)"""

from __future__ import annotations

from pathlib import Path

import pytest

import hbss
from hbss import _native, costs, machine, units
from hbss.bench import limit, measure, model, run, signers, threads
from hbss.bench.acts import QUICK, Skipped, Subject
from hbss.bench.limit import Times
from hbss.bench.measure import Spread
from hbss.bench.sentences import sentences
from hbss.params import rows_of

LMS = "LMS_SHA256_M32_H5_W4"
FIXED = {name: Times(best=10, step=160, block=50) for name in ("SHA-256", "SHA-512", "SHAKE128", "SHAKE256")}


# ---- keys to measure with ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        LMS, "LMS_SHAKE_M24_H25_W8", "XMSS-SHA2_20_192", "XMSS-SHAKE_10_256", "XMSSMT-SHA2_60/12_256",
        "SLH-DSA-SHA2-192f", "LMS_SHA256_M32_H25_W8+LMS_SHA256_M24_H20_W4+LMS_SHAKE_M32_H5_W2", "SLH-DSA-SHAKE-128f",
    ],
)  # fmt: skip
def test_a_key_to_measure_with_signs_and_verifies(name: str) -> None:
    """However large its trees are; and its signatures are of one message only."""
    found = hbss.parameter_set(name)
    key = signers.signer(found)
    signature = key.whole(b"a message")
    assert len(signature) == found.signature_size
    key.public.verify(signature, b"a message")
    with pytest.raises(hbss.InvalidSignature):
        key.public.verify(signature, b"another")


def test_a_used_up_key_is_replaced() -> None:
    """LMS with height 5 has 31 signatures: one for warming up, and one chunk of 16."""
    with signers.MemoryKeys(hbss.parameter_set(LMS), 16) as keys:
        for _ in range(3):
            keys.prepare()
            keys.sign()


def test_large_trees_are_measured_by_a_part() -> None:
    """And the note says so."""
    with Subject("LMS_SHA256_M32_H20_W4", QUICK) as subject:
        act = subject.act("keygen")
        assert act.note == "scaled up from 2^7 of 2^20 leaves"
        assert act.scale == pytest.approx(2**13, rel=0.01)
        assert act.calls == {"SHA-256": 1107 * 2**20 + 2 * (2**20 - 1)}
        with pytest.raises(Skipped, match="making a key takes"):
            subject.act("sign_api")


def test_a_signature_s_share_of_the_next_trees() -> None:
    """A leaf of layer 0 each time, one of layer 1 every 32 times; and of a large tree a leaf below what is kept."""
    leaf = 4550 + 6 * 31 / 32
    share = Subject("XMSSMT-SHA2_20/4_256", QUICK)._share()
    assert share == {"SHA-256": pytest.approx(leaf * (1 + 1 / 32 + 1 / 1024))}
    assert Subject(LMS, QUICK)._share() == {}
    large = Subject("LMS_SHA256_M32_H20_W4", QUICK)._share()
    assert large["SHA-256"] == pytest.approx(1107 + 2, abs=0.5)


# ---- timing --------------------------------------------------------------------------------------------------------


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def thread_time(self) -> float:
        return self.now

    perf_counter = thread_time

    def move(self, seconds: float) -> None:
        self.now += seconds


def test_seconds_are_of_one_act(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short acts are repeated, and what is prepared is not counted."""
    clock, calls = Clock(), []
    monkeypatch.setattr(measure, "time", clock)

    def act() -> None:
        calls.append(1)
        clock.move(1e-4)

    assert measure.seconds(act) == pytest.approx(1e-4)
    assert len(calls) * 1e-4 >= measure.BATCH
    assert measure.seconds(act, prepare=lambda: clock.move(5)) == pytest.approx(1e-4)


@pytest.mark.parametrize(
    ("lanes", "narrow"), [((32, 16, 4, 1), 1), ((16, 8, 1), 1), ((8, 1), 0), ((4, 1), 0), ((1,), 0)]
)
def test_the_narrowest_kernel_of_many_lanes(lanes: tuple[int, ...], narrow: int) -> None:
    """Or the widest, where none has many."""
    assert limit.narrow(lanes) == narrow


def test_a_figure_is_made_of_ratios(monkeypatch: pytest.MonkeyPatch) -> None:
    """limit = calls x ns of the best kernel, the mean of before and after; efficiency = limit / time."""
    kernels = iter([FIXED, {**FIXED, "SHA-256": Times(20, 160, 50)}])
    monkeypatch.setattr(limit, "measured", lambda functions: next(kernels))
    monkeypatch.setattr(run, "seconds", lambda act, prepare: 2e-3)
    with Subject(LMS, QUICK) as subject:
        row = run.figure(subject, "sign")
    sign = costs.split(rows_of(LMS)).sign
    one = 2e-3 / QUICK.messages
    assert row["seconds"] == Spread(one, one, one)
    assert row["limit"] == pytest.approx(sign.total * 15e-9)
    assert row["efficiency"].median == pytest.approx(sign.total * 15e-9 / one)
    assert row["hashes"] == sign
    if limit.lanes("SHA-256") == 16:
        steps = model.mean_steps(4, 64, 3, 16, True)
        assert row["model"] == pytest.approx(((1 + 2) * 50 + 5 * 160 + steps * 160) * 1e-9)
    assert row["of_model"] == Spread(*[(row["model"] or 0) / one] * 3)


def test_gains_are_of_one_spell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three times as fast together: a gain of three, whatever a slow minute does to both."""
    clock = Clock()
    monkeypatch.setattr(threads, "time", clock)
    assert threads._gain(lambda: clock.move(0.03), lambda: clock.move(0.01)) == pytest.approx(3)


def test_threads_gain_something() -> None:
    """All three are measured, for a set whose tree and batch are small."""
    with Subject(LMS, QUICK) as subject:
        found = threads.gains(subject, 2)
    assert (found["set"], found["threads"]) == (LMS, 2)
    for each in (found["kernel"], found["keygen"], found["verify_each"]):
        assert 0.1 < each.median < 10


def test_the_compiler_is_read_from_the_extension(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it leaves in the file; nothing is made up where there is nothing."""
    monkeypatch.setattr(_native, "__file__", str(tmp_path / "_native" / "__init__.py"))
    read = machine.compiler.__wrapped__
    assert read() == ""
    (tmp_path / "_hbss.abi3.so").write_bytes(b"\x7fELF\0GCC: (Debian 12.2.0-14) 12.2.0\0more")
    assert read() == "GCC: (Debian 12.2.0-14) 12.2.0"
    (tmp_path / "_hbss.abi3.so").write_bytes(b"\x7fELF\0Debian clang version 19.1.7 (3)\0more")
    assert read() == "Debian clang version 19.1.7 (3)"


# ---- what is said --------------------------------------------------------------------------------------------------


def made_up(name: str, operation: str, seconds: float, efficiency: float = 0.5) -> run.Figure:
    """A figure without measuring."""
    found = hbss.parameter_set(name)
    return run.Figure(
        set=name, operation=operation, seconds=Spread(seconds, seconds, seconds), hashes={}, limit=efficiency * seconds,
        efficiency=Spread(efficiency, efficiency, efficiency), model=None, of_model=None,
        signature_size=found.signature_size, public_key_size=found.public_key_size, capacity=found.capacity, count=1,
        note="",
    )  # fmt: skip


def test_the_reading_says_who_is_first() -> None:
    """Of every operation that leaves a choice, of sizes, and how near the limit most comes."""
    small, fast, large = "LMS_SHA256_M32_H10_W8", "LMS_SHA256_M32_H10_W4", "SLH-DSA-SHA2-128f"
    assert sentences([
        made_up(small, "verify", 150e-6, 0.9), made_up(fast, "verify", 15e-6, 0.7),
        made_up(large, "verify", 1.5e-3, 0.2),
        made_up(large, "sign_api", 4.25e-3), made_up(small, "sign_api", 60e-6), made_up(fast, "keygen", 2),
    ]) == [
        f"Fastest to sign: {small} (60.0 µs; {large} 4.25 ms).",
        f"Fastest to verify: {fast} (15.0 µs; {large} 1.50 ms).",
        f"Smallest signature: {small} (1,456 B; {large} 17,088 B).",
        "Of what the kernels of this machine allow, half of the figures reach 50% or more; least: verify of "
        f"{large}, 20%.",
    ]  # fmt: skip


def test_the_reading_names_who_is_as_good() -> None:
    """Within what measurements differ by; and says nothing where there is no choice."""
    names = ["LMS_SHA256_M32_H10_W4", "LMS_SHA256_M32_H15_W4", "XMSS-SHA2_10_256"]
    rows = [made_up(name, "verify", seconds) for name, seconds in zip(names, (100e-6, 104e-6, 130e-6), strict=True)]
    first = f"Fastest to verify: {names[0]}, {names[1]} (100 µs; {names[2]} 130 µs)."
    assert sentences(rows)[0] == first
    assert sentences([]) == []
    assert sentences(rows[:1]) == ["Of what the kernels of this machine allow, half of the figures reach 50% or more."]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(3.2e-7, "0.32 µs"), (9.994e-6, "9.99 µs"), (1.234e-4, "123 µs"), (0.9996, "1.00 s"), (230.4, "230 s")],
)
def test_times_have_three_digits(seconds: float, shown: str) -> None:
    """And a unit that people can read."""
    assert units.time(seconds) == shown
