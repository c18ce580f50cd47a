"""The figures of `benchmarks.chat` and `benchmarks.chat_page` as text: for the terminal, and for docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.chat import Found
from benchmarks.chat_page import TARGETS, Report
from benchmarks.markdown import measured_on, middle, table
from benchmarks.measure import Spread

COST = 1 / 3  # what verifying may cost at most
GROWTH = 0.1  # how much the memory may change
KEY_WORK = {
    "keygen_lms": "session key, `LMS_SHA256_M32_H10_W4`",
    "sign_slhdsa": "certificate, signed with `SLH-DSA-SHA2-128s`",
}


def rates(found: Found) -> list[str]:
    """Deliveries per second with verifying and without."""
    rows = []
    for rate in found["rates"]:
        both = [Spread(*rate["verified"]), Spread(*rate["trusted"])]
        cells = [f"{each.median:,.0f} ({each.least:,.0f}–{each.greatest:,.0f})" for each in both]
        rows.append([str(rate["clients"]), *cells, f"{middle(rate['cost']):.0%}"])
    return table(["clients", "deliveries/s, verified", "not verified", "cost of verifying"], rows)


def latencies(found: Found) -> list[str]:
    """From sending to having, at half of that rate."""
    rows = [
        [str(each["clients"]), f"{each['messages_per_second']:,.0f}", f"{each['p50']:.1f} ms", f"{each['p99']:.1f} ms"]
        for each in found["latencies"]
    ]
    return table(["clients", "messages/s", "p50", "p99"], rows)


def verdict(found: Found) -> str:
    """The figures to reach, and whether they are."""
    cost = max(middle(rate["cost"]) for rate in found["rates"])
    memory = found["memory"]
    first, last = middle(memory["first"]), middle(memory["last"])
    flat = abs(last / first - 1) <= GROWTH
    return (
        f"Verifying every message costs {cost:.0%} at most; less than a third was to be reached, "
        f"and {'is' if cost < COST else 'is not'}. "
        f"While one of {memory['clients']} clients did not read (slow readers, one after another: "
        f"{memory['slow_readers']}), the server took {first:.1f} MiB in the first third of the time and "
        f"{last:.1f} MiB in the last: "
        f"{'flat' if flat else 'not flat'} within {GROWTH:.0%}."
    )


def server(found: Found, captions: Mapping[str, str]) -> str:
    """All that `benchmarks.chat` measures; it has no charts, so no captions."""
    return "\n".join([
        measured_on(found["machine"]), "",
        "Messages that clients receive, per second:", "", *rates(found), "",
        "From when a message was to be sent until a client had it, at half of that rate:", "", *latencies(found), "",
        verdict(found),
    ])  # fmt: skip


def key_work(found: Report) -> list[str]:
    """What the module takes in the browser, beside its own kernel."""
    rows = []
    for name, what in KEY_WORK.items():
        act = found["engine"]["acts"][name]
        near = f"{middle(act['efficiency']):.0%}" if act["efficiency"] else ""
        rows.append([what, f"{middle(act['ms']):.0f} ms", near, f"{TARGETS['efficiency']:.0%}"])
    return table(["key work, in the Worker", "time", "of the limit", "to reach"], rows)


def acts(found: Report) -> list[str]:
    """What a visitor waits for."""
    rows = [
        [name, f"{middle(ms):.0f} ms", ", ".join(f"{each:.0f} ms" for each in found["long_tasks_ms"][name]) or "none"]
        for name, ms in found["ms"].items()
    ]
    return table(["a visitor's", "time", "tasks of the page over 50 ms"], rows)


def page(found: Report, captions: Mapping[str, str]) -> str:
    """All that `benchmarks.chat_page` measures; it has no charts, so no captions."""
    weight: Any = found["weight"]
    return "\n".join([
        measured_on(found["machine"], found["engine"]["name"]), "",
        f"A first visit loads {weight['transferred']:,} bytes in {weight['files']} files, "
        f"{weight['content']:,} unpacked, and the form is there after {middle(found['ms']['form']):.0f} ms; "
        f"less than {TARGETS['weight']:,} bytes and {TARGETS['ready_ms']:,} ms were to be reached.", "",
        *key_work(found), "", *acts(found),
    ])  # fmt: skip
