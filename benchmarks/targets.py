"""The figures to reach, each beside what a run measured. Ratios only: they carry from machine to machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from benchmarks.hashing import LMS, XMSS, Found
from benchmarks.kernels import ANCHOR, ratio
from benchmarks.measure import Spread
from hbss.bench.run import Figure

MIB = 1 << 20


class Row(NamedTuple):
    """One figure to reach. reached: None where this machine or this run has no such figure."""

    what: str
    target: str
    measured: str
    reached: bool | None


def rows(found: Found) -> list[Row]:
    """All of them."""
    parts = kernels, keygen, signing, verifying, threads, evenness, backends, peers, memory
    return [row for part in parts for row in part(found)]


def at_least(what: str, target: float, ratio: Spread | None, percent: bool = True) -> Row:
    """A ratio that may not be smaller, by its median."""
    show = "{:.0%}".format if percent else "{:.3g}×".format
    if ratio is None:
        return Row(what, f"≥ {show(target)}", "not measured", None)
    least, median, greatest = ratio
    return Row(what, f"≥ {show(target)}", f"{show(median)} ({show(least)}–{show(greatest)})", median >= target)


def at_most(what: str, target: str, measured: str, reached: bool | None) -> Row:
    """A figure that may not be greater."""
    return Row(what, f"≤ {target}", measured, reached)


def kernels(found: Found) -> Iterator[Row]:
    """The kernels beside hashlib and beside each other."""
    of = {(row["function"], row["kernel"]): row for row in found["kernels"]}

    def gain(function: str, slower: str) -> Spread | None:
        wide = [row for (name, kernel), row in of.items() if name == function and kernel.startswith("avx512")]
        below = of.get((function, slower))
        return ratio(below, min(wide, key=lambda row: row["ns"][1])) if wide and below else None

    yield at_least("SHA-256 AVX-512, rate of `hashlib`", 4, gain("SHA-256", ANCHOR), percent=False)
    yield at_least("SHA-256 AVX-512, rate of SHA-NI×4", 2.2, gain("SHA-256", "shani4"), percent=False)
    yield at_least("SHA-512 AVX-512, rate of scalar", 7, gain("SHA-512", "portable"), percent=False)
    yield at_least("Keccak AVX-512, rate of scalar", 7, gain("SHAKE256", "portable"), percent=False)
    least, median, greatest = ratio(*found["scalar"])
    shown = f"{median:.2f}× ({least:.2f}×–{greatest:.2f}×)"
    yield at_most("SHA-256 scalar, time of OpenSSL's scalar", "1.3×", shown, median <= 1.3)


def of(rows: list[Figure], name: str, operation: str) -> Figure | None:
    """The figure of an operation of a set, if there is one."""
    return next((row for row in rows if (row["set"], row["operation"]) == (name, operation)), None)


def efficiency(found: Found, name: str, operation: str, target: float) -> Row:
    """An operation beside its limit."""
    row = of(found["figures"], name, operation)
    return at_least(f"{name} {operation}, of its limit", target, row and row["efficiency"])


def of_model(found: Found, name: str, operation: str, target: float) -> Row:
    """An operation beside the one-signature model."""
    row = of(found["figures"], name, operation)
    return at_least(f"{name} {operation}, of the one-signature model", target, row and row["of_model"])


def keygen(found: Found) -> Iterator[Row]:
    """Making keys."""
    for name, target in (LMS, 0.95), ("LMS_SHA256_M32_H10_W4", 0.85), (XMSS, 0.88):
        yield efficiency(found, name, "keygen", target)


def signing(found: Found) -> Iterator[Row]:
    """Signing: SLH-DSA by its limit, stateful keys with all of Python by the model."""
    for row in found["figures"]:
        if row["operation"] == "sign" and row["set"].startswith("SLH-DSA"):
            yield efficiency(found, row["set"], "sign", 0.8)
    for name in (LMS, "LMS_SHA256_M32_H10_W4", XMSS):
        yield of_model(found, name, "sign_api", 0.6)


def verifying(found: Found) -> Iterator[Row]:
    """Verifying one signature, and 256 of them."""
    for name in (LMS, XMSS, "SLH-DSA-SHA2-128s"):
        yield of_model(found, name, "verify", 0.7)
    for name in (LMS, XMSS, "SLH-DSA-SHA2-128s"):
        yield efficiency(found, name, "verify_each", 0.8)


def threads(found: Found) -> Iterator[Row]:
    """What two threads gain, beside what the bare kernel gains."""
    for gain in found["threads"]:
        for what, rates in ("keygen", gain["keygen"]), ("verify_each", gain["verify_each"]):
            share = Spread.of([rates[i] / gain["kernel"][1] for i in range(3)])
            yield at_least(f"{gain['set']} {what} on {gain['threads']} threads, of the bare kernel's gain", 0.95, share)


def evenness(found: Found) -> Iterator[Row]:
    """The most hash calls of one signature beside the median's."""
    for row in found["evenness"]:
        what = f"{row['set']}, most hash calls of one `sign` to the median"
        yield at_most(what, "3×", f"{row['ratio']:.2f}×", row["ratio"] <= 3)


def backends(found: Found) -> Iterator[Row]:
    """Older machines' kernels, by their own limits."""
    for backend in ("shani", "avx2"):
        for row in found["backends"].get(backend, []):
            what = f"backend {backend}: {row['set']} {row['operation']}, of its own limit"
            yield at_least(what, 0.75, Spread(*row["efficiency"]))


# of a family's sets: the act, and how many times the fastest peer's rate
PEERS = {
    "LMS": {"keygen": 50, "sign": 20, "verify": 4, "verify_each": 8},
    "XMSS": {"verify": 4, "verify_each": 8},
    "SLH-DSA-SHA2": {"sign": 10, "verify": 4, "verify_each": 8},
    "SLH-DSA-SHAKE": {"sign": 8},
}


def peers(found: Found) -> Iterator[Row]:
    """hbss beside the fastest peer, by set and act."""
    fastest: dict[tuple[str, str], tuple[Spread, str]] = {}
    for pair in found["compared"]["pairs"]:
        key, ratio = (pair["set"], pair["act"]), Spread(*pair["ratio"])
        if key not in fastest or ratio.median < fastest[key][0].median:
            fastest[key] = ratio, pair["peer"]
    for (name, act), (ratio, peer) in fastest.items():
        for family, wanted in PEERS.items():
            one = act == "verify" and name.startswith("SLH-DSA") and name != "SLH-DSA-SHA2-128s"  # has no figure
            if name.startswith(family) and act in wanted and not one:
                yield at_least(f"{name} {act}, rate of {peer}", wanted[act], ratio, percent=False)


def memory(found: Found) -> Iterator[Row]:
    """The most memory of making a large key."""
    for row in found["memory"]:
        limit = {"default budget": 64, "whole tree": 200}.get(row["what"])
        if limit is not None:
            what = f"memory of making {row['set']}, {row['what']}"
            yield at_most(what, f"{limit} MiB", f"{row['bytes'] / MIB:.0f} MiB", row["bytes"] <= limit * MIB)
