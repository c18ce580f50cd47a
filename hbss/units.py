"""Numbers for people: times and sizes with their units."""

from __future__ import annotations


def time(seconds: float, round_: bool = False) -> str:
    """With a unit, and three digits; round_: no more than a round number has."""
    number, unit = next((seconds * by, unit) for unit, by in UNITS if seconds * by >= 0.9995 or unit == UNITS[-1][0])
    if round_:
        return f"{number:,.3g} {unit}"
    whole = len(str(int(number)))
    return f"{number:,.{max(0, 3 - whole)}f} {unit}"


UNITS = (("s", 1.0), ("ms", 1e3), ("µs", 1e6))


def size(length: float) -> str:
    """Bytes."""
    return f"{length:,.0f} B"


def duration(seconds: float) -> str:
    """A time for people, also where it is long."""
    for unit, length in ("years", 31_557_600), ("days", 86_400), ("hours", 3_600), ("minutes", 60):
        if seconds >= 2 * length:
            return f"{seconds / length:,.0f} {unit}"
    return time(seconds)
