"""What is interrupted: signing, and handing a state on; what happens to whole keys is in `key_scenarios`.

A scenario has three parts. `prepare` makes what is there, durably. `act` is what will be killed, or has its calls fail,
or its power cut. `again` is what another signer can have afterwards, from whatever is left. Every part may refuse, with
an error that says so; what all of them release together must hold the invariant.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hbss.errors import HbssError, KeyExhausted, StateError
from hbss.testing.processes import Out
from hbss.testing.subjects import TREE, StoreSubject, Subject

REFUSED = "refused: "


class Scenario(Protocol):
    """Something that can be interrupted."""

    @property
    def name(self) -> str:
        """What reports call it."""

    @property
    def may_refuse(self) -> bool:
        """Whether `again` may be refused for good: where what is left is an old copy, that is what it is to do."""

    @property
    def is_local(self) -> bool:
        """Whether all that `prepare` makes lies in the folder."""

    def prepare(self, folder: Path, out: Out) -> None:
        """Fill an empty folder."""

    def act(self, folder: Path, out: Out) -> None:
        """What is interrupted."""

    def again(self, folder: Path, out: Out) -> None:
        """Another signer, afterwards."""


def attempt(out: Out, work: Callable[[], object]) -> bool:
    """Do it; an error that a signer may give is noted as a refusal, and every other one is a finding."""
    try:
        work()
    except (HbssError, OSError) as error:
        out.note(f"{REFUSED}{type(error).__name__}: {error}")
        return False
    return True


def sign_some(subject: Subject, folder: Path, out: Out, count: int) -> bool:
    """Open, sign, close; whether all of it worked."""
    good = True

    def work() -> None:
        nonlocal good
        with closing(subject.open(folder)) as session:
            for _ in range(count):
                good = attempt(out, lambda: session.sign(out.release)) and good

    return attempt(out, work) and good


class OfSubject:
    """What the scenarios of a subject have in common. what: what is done with it."""

    subject: Subject
    what = ""

    @property
    def name(self) -> str:
        """What reports call it."""
        return f"{self.subject.name}: {self.what}"

    @property
    def may_refuse(self) -> bool:
        """Another signer can go on."""
        return False

    @property
    def is_local(self) -> bool:
        """Whether the subject is."""
        return self.subject.is_local

    def prepare(self, folder: Path, out: Out) -> None:
        """A key that has signed before."""
        self.subject.create(folder)
        sign_some(self.subject, folder, out, 1)


@dataclass(frozen=True)
class Signing(OfSubject):
    """Signing, by one handle and then by a second one; after an error the same handle is asked again."""

    subject: Subject
    what = "signing"

    def act(self, folder: Path, out: Out) -> None:
        """Sign."""
        sign_some(self.subject, folder, out, 2)
        sign_some(self.subject, folder, out, 1)

    def again(self, folder: Path, out: Out) -> None:
        """Sign."""
        sign_some(self.subject, folder, out, 2)


@dataclass(frozen=True)
class HandingOn(OfSubject):
    """A bare store's state is retired, and a second one of the same engine goes on with what was left."""

    subject: StoreSubject
    what = "handing on"

    def act(self, folder: Path, out: Out) -> None:
        """Hand on, and sign in the new place."""
        attempt(out, lambda: self._hand_on(folder, out))

    def again(self, folder: Path, out: Out) -> None:
        """Sign in the old place, which may refuse; then hand on again, to the same successor, and sign there."""
        with closing(self.subject.open(folder)) as session, suppress(StateError, KeyExhausted):
            session.sign(out.release)
        attempt(out, lambda: self._hand_on(folder, out))

    def _hand_on(self, folder: Path, out: Out) -> None:
        successor = hashlib.sha256((folder / "key_id").read_bytes()).digest()[:16]
        with closing(self.subject.store(folder)) as store:
            left = store.retire(successor)
            epoch = store.describe().epoch + 1
            inner = store.child(1, 0, left.start >> TREE)
        self.subject.make(folder, successor, left, epoch)
        with closing(self.subject.session(folder, successor)) as session:
            if inner is not None:
                session.store.record_child(1, 0, left.start >> TREE, inner)
            session.sign(out.release)
