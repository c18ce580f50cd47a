"""What an audit has found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Use:
    """One value that a one-time key signed."""

    name: str
    """Of the first signature with this value: the name it was given, or `#` and its number, counted from 1."""
    digest: str
    """SHA-256 of the one-time signature (randomiser and chain values), in hexadecimal."""
    verified: bool
    """Whether the value was verified to be this key's; if not, a damaged signature may be the reason."""


@dataclass(frozen=True)
class Finding:
    """A one-time key that was used for more than one value.

    Layers count from 0, the lowest, which signs messages; trees and leaves from 0, from the left. This holds for HSS
    too, whose levels RFC 8554 counts from the top.
    """

    layer: int
    tree: int
    """In HSS the place where its tree was seen first, should it hang in several."""
    leaf: int
    values: int
    """How many different values there are."""
    uses: tuple[Use, ...]
    """The first of them, in their order of arrival: at most ten."""

    @property
    def proven(self) -> bool:
        """Whether two of the values in `uses` were verified, so that no damage explains the finding."""
        return sum(each.verified for each in self.uses) > 1

    def __str__(self) -> str:
        uses = ", ".join(each.name + ("" if each.verified else " (unverified)") for each in self.uses)
        more = f" and {self.values - len(self.uses):,} more" if self.values > len(self.uses) else ""
        return f"layer {self.layer}, tree {self.tree}, leaf {self.leaf} signed {self.values:,} values: {uses}{more}"


@dataclass(frozen=True)
class Refused:
    """A signature that was not compared, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Report:
    """The result of an audit so far. `str` gives it in a few sentences, without the findings."""

    findings: tuple[Finding, ...]
    """At most as many as `Audit.report` was asked for."""
    reused: int
    """How many one-time keys were used for more than one value."""
    signatures: int
    """Signatures that were compared, repeated deliveries included."""
    unverified: int
    """How many of them came without a message, so that they could not be verified whole."""
    malformed: int
    """Signatures that no key of this kind makes: wrong length, codes, or a leaf out of range. Not compared."""
    invalid: int
    """Well-formed signatures that do not verify. Not compared."""
    refused: tuple[Refused, ...]
    """The first of the malformed and invalid ones, at most as many as `Audit.report` was asked for."""
    leaves: int
    """One-time keys of layer 0 that were seen."""
    highest: int | None
    """The highest index that was seen (that of the lowest layer's leaf, over all trees); None if there was none."""

    @property
    def ok(self) -> bool:
        """Whether no reuse was found. It says nothing about signatures that were not given."""
        return not self.reused

    @property
    def unused(self) -> int:
        """How many indices below the highest were not seen: lost, reserved, or not given to this audit."""
        return 0 if self.highest is None else max(0, self.highest + 1 - self.leaves)

    def __str__(self) -> str:
        if self.highest is None:
            lines = ["no signature of this key was seen"]
        else:
            seen = (
                f"{_count(self.signatures, 'signature')} compared, by {_count(self.leaves, 'one-time key')} of layer 0"
            )
            lines = [f"{seen}; highest index {self.highest:,}, {self.unused:,} below it not seen"]
        if self.malformed or self.invalid:
            lines.append(f"not compared: {self.malformed:,} malformed, {self.invalid:,} that do not verify")
        if self.unverified:
            lines.append(
                f"{_count(self.unverified, 'signature')} came without a message and could not be verified whole: "
                "a damaged or foreign one can look like a reuse"
            )
        if self.reused:
            lines.append(
                f"REUSE: {_count(self.reused, 'one-time key')} signed more than one value; trust the key no more"
            )
        elif self.highest is not None:
            lines.append("no reuse found")
        return "\n".join(lines)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
