"""The charts of a run of `make bench`."""

from __future__ import annotations

from typing import Any

from benchmarks import targets
from benchmarks.drawing import BLUE, COLOURS, GREEN, GREY, MARKS, RED, SKY, label, logarithmic, powers
from benchmarks.evenness import QUANTILES
from benchmarks.hashing import Found
from benchmarks.markdown import middle
from hbss.drawing import SCHEMES, short
from hbss.params import parameter_set

MIB = 1 << 20


def sizes(figure: Any, found: Found) -> None:
    """Signature size against the time to verify."""
    rows = [row for row in [*found["figures"], *found["sizes"]] if row["operation"] == "verify"]
    figure.set_size_inches(8.5, 5.2)
    panel = figure.subplots()
    for scheme, (colour, mark) in SCHEMES.items():
        of = [row for row in rows if parameter_set(row["set"]).scheme == scheme]
        x, y = [row["signature_size"] for row in of], [middle(row["seconds"]) * 1e6 for row in of]
        areas = [_area(row["capacity"]) for row in of]
        panel.scatter(x, y, areas, c=colour, marker=mark, label=scheme, alpha=0.75, zorder=3)
    logarithmic(panel, "x", parts=(1, 2, 5))
    logarithmic(panel, "y", parts=(1, 2, 5))
    panel.grid(which="major", axis="both", color="#dddddd", linewidth=0.6)
    panel.margins(0.15, 0.1)
    panel.set_xlabel("signature, bytes")
    panel.set_ylabel("verify one signature, µs")
    for power in (5, 20, 40, 64):
        panel.scatter([], [], _area(2**power), c="#bbbbbb", marker="o", label=f"$2^{{{power}}}$ signatures a key")
    panel.legend(frameon=False, fontsize=8, loc="lower right")
    label(
        panel,
        [
            (row["signature_size"], middle(row["seconds"]) * 1e6, _area(row["capacity"]), _brief(row["set"]))
            for row in rows
        ],
    )


def _brief(name: str) -> str:
    return (
        short(name)
        .replace("LMS_SHA256_M24_", "LMS24 ")
        .replace("SHA2_", "")
        .replace("_256", "")
        .replace("_192", " n24")
    )


def _area(capacity: int) -> float:
    return 8 + 2.6 * (capacity.bit_length() - 1)


def growth(figure: Any, found: Found) -> None:
    """Key generation against capacity, on one thread and on several."""
    figure.set_size_inches(7, 4.2)
    panel = figure.subplots()
    gain = found["threads"][0]
    families: dict[str, list[tuple[int, float]]] = {}
    for row in found["growing"]:
        parts = row["set"].split("_")
        family = "XMSS, SHA2, n = 32" if row["set"].startswith("XMSS") else f"LMS, SHA-256, {parts[-1]}"
        families.setdefault(family, []).append((row["capacity"], middle(row["seconds"])))
    for (family, points), colour, mark in zip(families.items(), COLOURS, MARKS, strict=False):
        x, y = zip(*sorted(points), strict=True)
        panel.plot(x, y, color=colour, marker=mark, markersize=5, label=f"{family}, one thread")
        several = [value / middle(gain["keygen"]) for value in y]
        panel.plot(x, several, color=colour, linestyle=":", label=f"{family}, {gain['threads']} threads")
    logarithmic(panel, "y", _duration)
    powers(panel, sorted({row["capacity"].bit_length() - 1 for row in found["growing"]}))
    panel.set_xlabel("signatures of the key")
    panel.set_ylabel("making the key")
    panel.legend(frameon=False, fontsize=8)


def _duration(seconds: float, _: int = 0) -> str:
    if seconds < 0.999:
        return f"{seconds * 1e3:g} ms" if seconds >= 0.999e-3 else f"{seconds * 1e6:g} µs"
    return f"{seconds:,.0f} s"


def latency(figure: Any, found: Found) -> None:
    """How long signing takes, up to the slowest signature of a run through the ends of subtrees."""
    figure.set_size_inches(7, 4)
    panel = figure.subplots()
    for row, colour in zip(found["evenness"], COLOURS, strict=False):
        micros = {name: seconds * 1e6 for name, seconds in row["seconds"].items()}
        said = ", ".join(f"{name} {micros[name]:,.0f}" for name in QUANTILES)
        x, y = zip(*row["curve"], strict=True)
        name = f"{short(row['set'])}: {said} µs"
        panel.plot([100 - each for each in x], [each * 1e6 for each in y], color=colour, label=name)
        at = [max(100 - percent, 100 / row["signatures"]) for percent in QUANTILES.values()]
        panel.plot(at, [micros[name] for name in QUANTILES], color=colour, marker="o", markersize=4, linestyle="")
    logarithmic(panel, "y", parts=(1, 2, 5))
    logarithmic(panel, "x", lambda value, _: f"{value:g} %")
    panel.invert_xaxis()
    panel.margins(0.08, 0.15)
    panel.set_xlabel("signatures that take longer")
    panel.set_ylabel("thread CPU time of `sign`, µs")
    panel.legend(frameon=False, fontsize=8, loc="upper left")


def kernels(figure: Any, found: Found) -> None:
    """From plain C to the best kernels and two threads: how many times faster, act by act."""
    own, gain = str(found["machine"]["backend"]), found["threads"][0]
    order = [*reversed(found["backends"]), own]
    acts = [(row["set"], row["operation"]) for row in next(iter(found["backends"].values()))]
    of: dict[tuple[str, str], dict[str, float]] = {act: {} for act in acts}
    for backend, rows in {**found["backends"], own: found["figures"]}.items():
        for row in rows:
            if (row["set"], row["operation"]) in of:
                of[row["set"], row["operation"]][backend] = middle(row["seconds"])
    figure.set_size_inches(1.4 + 2.3 * len(acts), 3.2)
    panels = figure.subplots(1, len(acts), sharey=True, squeeze=False)[0]
    for panel, (name, operation) in zip(panels, acts, strict=True):
        times = of[name, operation]
        slowest = times.get("portable", max(times.values()))
        bars = [(slowest / times[backend], backend) for backend in order]
        both = middle(gain["verify_each" if operation == "verify_each" else "keygen"])
        several = f"{own}, {gain['threads']} threads"
        bars.append((bars[-1][0] * both, several))
        colours = [RED if backend == several else BLUE if backend == own else SKY for _, backend in bars]
        drawn = panel.barh([name for _, name in bars], [value for value, _ in bars], color=colours)
        panel.bar_label(drawn, [f"{value:.1f}" for value, _ in bars], padding=2, fontsize=7)
        panel.set_title(f"{operation}\n{short(name)}", fontsize=8)
        panel.margins(x=0.18)
        panel.set_axisbelow(True)
        panel.grid(axis="x", color="#dddddd", linewidth=0.6)
    figure.supxlabel("times as fast as plain C", fontsize=9)


def peers(figure: Any, found: Found) -> None:
    """How many times faster hbss is: a panel for every act, a line for every set, a mark for every peer."""
    pairs = found["compared"]["pairs"]
    names, acts = (list(dict.fromkeys(pair[key] for pair in pairs)) for key in ("set", "act"))
    others = list(dict.fromkeys(pair["peer"] for pair in pairs))
    figure.set_size_inches(10, 1.6 + 0.26 * len(names))
    panels = figure.subplots(1, len(acts), sharey=True, squeeze=False)[0]
    for panel, act in zip(panels, acts, strict=True):
        for other, colour, mark in zip(others, COLOURS, MARKS, strict=False):
            own = [pair for pair in pairs if (pair["peer"], pair["act"]) == (other, act)]
            x, y = [middle(pair["ratio"]) for pair in own], [names.index(pair["set"]) for pair in own]
            panel.plot(x, y, color=colour, marker=mark, linestyle="", markersize=6, label=other)
        logarithmic(panel, "x")
        panel.axvline(1, color=GREY, linewidth=0.8)
        panel.grid(axis="y", color="#eeeeee", linewidth=0.6)
        panel.set_title(act, fontsize=9)
        panel.margins(x=0.12)
    panels[0].set_yticks(range(len(names)), [short(name) for name in names], fontsize=8)
    panels[0].invert_yaxis()
    figure.supxlabel("their time ÷ ours (one thread)", fontsize=9)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(others), frameon=False)


def batches(figure: Any, found: Found) -> None:
    """verify_each, by the size of the batch."""
    figure.set_size_inches(7, 3.8)
    panel = figure.subplots()
    names = list(dict.fromkeys(row["set"] for row in found["batches"]))
    for name, colour, mark in zip(names, COLOURS, MARKS, strict=False):
        rows = [row for row in found["batches"] if row["set"] == name]
        x, y = [row["size"] for row in rows], [middle(row["seconds"]) * 1e6 for row in rows]
        panel.plot(x, y, color=colour, marker=mark, markersize=5, label=short(name))
        limit = targets.of(found["figures"], name, "verify_each")
        if limit is not None:
            panel.axhline(limit["limit"] * 1e6, color=colour, linestyle=":", linewidth=1)
    logarithmic(panel, "y", parts=(1, 2, 5))
    panel.set_xscale("log", base=2)
    panel.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    panel.margins(0.05)
    panel.set_xlabel("signatures in a batch (dotted: the limit)")
    panel.set_ylabel("verify, µs a signature")
    panel.legend(frameon=False, fontsize=8)


def memory(figure: Any, found: Found) -> None:
    """The most memory of making a large key."""
    figure.set_size_inches(6.5, 2)
    panel = figure.subplots()
    rows = found["memory"]
    drawn = panel.barh([row["what"] for row in rows], [row["bytes"] / MIB for row in rows], color=[GREY, BLUE, GREEN])
    panel.bar_label(
        drawn, [f"{row['bytes'] / MIB:.0f} MiB" for row in rows], label_type="center", fontsize=8, color="white"
    )
    for limit, colour in (64, BLUE), (200, GREEN):
        panel.axvline(limit, color=colour, linestyle=":", linewidth=1)
    panel.invert_yaxis()
    panel.margins(x=0.12)
    panel.set_xlabel(f"most memory of making {rows[-1]['set']}, MiB (dotted: the targets)")


CHARTS = {
    "bench-peers.svg": (peers, "How many times faster hbss is than other implementations, by set and act"),
    "bench-kernels.svg": (kernels, "Gain of every backend and of two threads over plain C"),
    "bench-sizes.svg": (sizes, "Signature size against the time to verify, by set and capacity"),
    "bench-growth.svg": (growth, "Time to make a key against its capacity, on one thread and on two"),
    "bench-batches.svg": (batches, "Time to verify a signature against the size of its batch"),
    "bench-latency.svg": (latency, "Distribution of the time to sign, through the ends of subtrees"),
    "bench-memory.svg": (memory, "Most memory of making a key of height 20"),
}
