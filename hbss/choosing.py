"""Which parameter set suits a use: what the use needs, against what every set costs.

Costs are hash calls, counted from the shape of a set (`hbss.costs`), times what a hash call takes in this machine's
fastest kernel, on one thread: what an implementation could reach here at best, in the right order and about the right
size. `hbss bench` measures.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from hbss import costs, drawing
from hbss.bench import limit
from hbss.drawing import SCHEMES, logarithmic
from hbss.params import ParameterSet, parameter_set, parameter_sets, rows_of
from hbss.units import duration, size

PREFERENCES = ("signature", "sign", "verify", "keygen")
_NEARLY = 0.5  # of a key's signatures: who needs more has little to spare
_LONG = 600.0  # seconds of key generation that are worth a word


@dataclass(frozen=True)
class Needs:
    """What a use asks of a set; None asks nothing. Bytes, and seconds on one thread of this machine.

    signatures: that one key has to make. per_day: how many a day. hash_bits: of a node, 192, 256 or 512; SLH-DSA has
    128 as well. approved: by SP 800-208 or FIPS 205. stateless: no index to keep. single_tree: LMS or XMSS, approved,
    as CNSA 2.0 has it.
    """

    signatures: int = 1
    hash_bits: int | None = None
    signature_bytes: int | None = None
    sign: float | None = None
    verify: float | None = None
    keygen: float | None = None
    per_day: float | None = None
    approved: bool = False
    stateless: bool = False
    single_tree: bool = False


@dataclass(frozen=True)
class Offer:
    """A set that meets the needs. Times are seconds; reasons say what it is best at, warnings what it asks for.

    keygen: of the first tree of every layer, which a stateful key is made with.
    """

    set: ParameterSet
    keygen: float
    sign: float
    verify: float
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def signature(self) -> float:
        """Bytes of a signature."""
        return self.set.signature_size


@dataclass(frozen=True)
class Choice:
    """offers: best first. meeting: how many of all `sets` meet the needs, those included that others beat.

    refused: what was asked for, and how many sets do not have it; spoiled: how many lack nothing else.
    """

    offers: tuple[Offer, ...]
    meeting: int
    refused: dict[str, int]
    spoiled: dict[str, int]
    sets: int


def choose(needs: Needs, prefer: str = "signature", limit: int | None = None) -> Choice:
    """The sets that meet the needs and that no other beats in everything, the best first.

    Considered are all sets of `parameter_sets` and every HSS of two LMS sets of one hash and length. prefer: what they
    are ordered by, one of PREFERENCES: the signature's size, or the time to sign, verify or make a key. limit: how many
    offers at most. ValueError if a need is impossible to mean.
    """
    _check(needs, prefer)
    refused: Counter[str] = Counter()
    spoiled: Counter[str] = Counter()
    meeting, every = [], _offers()
    for offer in every:
        missing = [title for title, met in _CONDITIONS.items() if not met(needs, offer)]
        refused.update(missing)
        spoiled.update(missing if len(missing) == 1 else [])
        if not missing:
            meeting.append(offer)
    front = _unbeaten(meeting)
    front.sort(key=lambda offer: (_measure(offer, prefer), offer.signature, offer.verify))
    shown = tuple(_explained(offer, front, needs) for offer in front[:limit])
    return Choice(shown, len(meeting), dict(refused), dict(spoiled), len(every))


def _check(needs: Needs, prefer: str) -> None:
    if prefer not in PREFERENCES:
        raise ValueError(f"unknown preference {prefer!r}; choose one of: {', '.join(PREFERENCES)}")
    numbers = {name: value for name, value in vars(needs).items() if not isinstance(value, bool)}
    for name, value in numbers.items():
        if value is not None and not value > 0:
            raise ValueError(f"{name} must be a number above 0, not {value}")
    if needs.stateless and needs.single_tree:
        raise ValueError("a single tree of LMS or XMSS has a state to keep: ask for one of the two")


# ---- what there is -------------------------------------------------------------------------------------------------


def candidates() -> Iterator[ParameterSet]:
    """Every set, and every HSS of two LMS sets of one hash and length."""
    yield from parameter_sets()
    lms = parameter_sets("LMS")
    for top, bottom in itertools.product(lms, lms):
        if (top.function, top.n) == (bottom.function, bottom.n):
            yield parameter_set(f"{top.name}+{bottom.name}")


def _offers() -> list[Offer]:
    found = _counted()
    times = limit.measured({function for _, acts in found for calls in acts for function in calls})
    offers = []
    for each, acts in found:
        keygen, sign, verify = (limit.limit(calls, times) for calls in acts)
        offers.append(Offer(each, keygen, sign, verify))
    return offers


@functools.cache
def _counted() -> list[tuple[ParameterSet, tuple[costs.Calls, ...]]]:
    return [(each, _acts(each)) for each in candidates()]


def _acts(found: ParameterSet) -> tuple[costs.Calls, costs.Calls, costs.Calls]:
    """Hash calls of making a key, of signing, of verifying."""
    rows = rows_of(found)
    split = costs.split(rows)
    trees = sum((costs.tree(row) * row.d for row in rows), costs.Calls())
    return trees if found.stateful else split.keygen, split.sign_cached, split.verify


# ---- what is asked for ---------------------------------------------------------------------------------------------


def usable(found: ParameterSet) -> int:
    """How many signatures a key makes: a stateful one sets its last leaf aside."""
    return found.capacity - 1 if found.stateful else found.capacity


def _within(value: float, most: float | None) -> bool:
    return most is None or value <= most


_CONDITIONS: dict[str, Callable[[Needs, Offer], bool]] = {
    "enough signatures": lambda needs, offer: usable(offer.set) >= needs.signatures,
    "a hash as long as asked": lambda needs, offer: needs.hash_bits is None or 8 * offer.set.n >= needs.hash_bits,
    "a signature as small as asked": lambda needs, offer: _within(offer.signature, needs.signature_bytes),
    "signing as fast as asked": lambda needs, offer: _within(offer.sign, needs.sign),
    "verifying as fast as asked": lambda needs, offer: _within(offer.verify, needs.verify),
    "key generation as fast as asked": lambda needs, offer: _within(offer.keygen, needs.keygen),
    "approval": lambda needs, offer: offer.set.approved or not (needs.approved or needs.single_tree),
    "no state": lambda needs, offer: not (needs.stateless and offer.set.stateful),
    "a single tree": lambda needs, offer: not needs.single_tree or offer.set.scheme in ("LMS", "XMSS"),
}


# ---- which are worth showing ---------------------------------------------------------------------------------------


def _measure(offer: Offer, what: str) -> float:
    value: float = getattr(offer, what)
    return value


def _beats(one: Offer, other: Offer) -> bool:
    """Whether one is as good in everything and better in something. A longer hash and no state are advantages too."""
    mine, its = (
        [*(_measure(offer, what) for what in PREFERENCES), offer.set.stateful, -offer.set.n] for offer in (one, other)
    )
    return mine != its and all(value <= bound for value, bound in zip(mine, its, strict=True))


def _unbeaten(offers: Iterable[Offer]) -> list[Offer]:
    front: list[Offer] = []
    for offer in offers:
        if not any(_beats(other, offer) for other in front):
            front = [other for other in front if not _beats(offer, other)] + [offer]
    return front


# ---- what is said of them ------------------------------------------------------------------------------------------

_BEST = {
    "signature": "smallest signature",
    "sign": "fastest to sign",
    "verify": "fastest to verify",
    "keygen": "fastest to make a key",
}


def _explained(offer: Offer, front: list[Offer], needs: Needs) -> Offer:
    reasons = [
        title for what, title in _BEST.items() if _measure(offer, what) == min(_measure(each, what) for each in front)
    ]
    if not offer.set.stateful:
        reasons.append("no state to keep")
    elif offer.set.scheme in ("LMS", "XMSS"):
        reasons.append("one tree")
    return replace(offer, reasons=tuple(reasons), warnings=tuple(_warnings(offer, needs)))


def _warnings(offer: Offer, needs: Needs) -> Iterator[str]:
    found = offer.set
    if found.stateful:
        yield "stateful: an index used twice lets others forge; keep the key as docs/state.md says"
        if needs.per_day is not None:
            yield f"lasts {_days(usable(found) / needs.per_day)} at {needs.per_day:,.6g} a day"
        if needs.signatures > usable(found) * _NEARLY:
            yield f"little to spare: {usable(found):,} signatures in all, and a reservation lost in a crash is gone"
    if found.scheme in ("HSS", "XMSSMT"):
        yield "several trees, which CNSA 2.0 does not allow"
    if not found.approved:
        yield f"not approved by SP 800-208 ({found.standard})"
    if offer.keygen > _LONG:
        yield f"making a key takes {duration(offer.keygen)} or more on one thread"


def _days(days: float) -> str:
    return f"{days / 365.25:,.0f} years" if days > 3 * 365.25 else f"{math.floor(days):,} days"


def described(needs: Needs) -> str:
    """The needs in words."""
    parts = [f"{needs.signatures:,} signatures"]
    parts += [] if needs.signature_bytes is None else [f"of {size(needs.signature_bytes)} at most"]
    for what, value in ("signing", needs.sign), ("verifying", needs.verify), ("key generation", needs.keygen):
        parts += [] if value is None else [f"{what} within {duration(value)}"]
    parts += [] if needs.hash_bits is None else [f"a hash of {needs.hash_bits} bits or more"]
    parts += ["approved"] * needs.approved + ["no state"] * needs.stateless + ["a single tree"] * needs.single_tree
    return ", ".join(parts)


# ---- a picture -----------------------------------------------------------------------------------------------------


def draw(choice: Choice, form: str = "svg") -> bytes:
    """All sets by the size of a signature and the signatures of a key; those that are offered have their ranks.

    form: "svg" or "png". ImportError without matplotlib.
    """
    return drawing.render(lambda figure: _paint(figure.subplots(), choice), form, size=(8, 5))


def _paint(panel: Any, choice: Choice) -> None:
    found = list(candidates())
    strength = 0.35 if choice.offers else 0.9  # what was not chosen stands back
    for scheme, (colour, mark) in SCHEMES.items():
        points = {(each.signature_size, each.capacity.bit_length() - 1) for each in found if each.scheme == scheme}
        x, y = zip(*sorted(points), strict=True)
        panel.scatter(x, y, s=14, color=colour, marker=mark, label=scheme, alpha=strength, linewidths=0)
    for number, offer in enumerate(choice.offers, 1):
        colour, mark = SCHEMES[offer.set.scheme]
        place = offer.set.signature_size, offer.set.capacity.bit_length() - 1
        panel.scatter(*place, s=50, color=colour, marker=mark, edgecolors="black", zorder=3)
        panel.annotate(
            str(number), place, fontsize=8, ha="center", xytext=(0, 6 + 9 * ((number - 1) % 3)),
            textcoords="offset points",
        )  # fmt: skip
    panel.set_xlabel("signature, bytes")
    panel.set_ylabel("signatures of one key")
    logarithmic(panel, "x", lambda value, _: f"{value:,.0f}", (1, 2, 5))
    panel.set_yticks(range(0, 65, 8), [f"$2^{{{exponent}}}$" for exponent in range(0, 65, 8)])
    panel.grid(axis="y", color="#dddddd", linewidth=0.6)
    panel.legend(frameon=False, fontsize=8, loc="upper center", ncols=len(SCHEMES), bbox_to_anchor=(0.5, 1.08))
