"""What is interrupted of whole keys: making, moving and splitting them, and signing under a witness."""

from __future__ import annotations

import hashlib
import os
import shutil
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import hbss
from hbss import state
from hbss.errors import HbssError
from hbss.testing.checks import Use, uses_in
from hbss.testing.processes import Out
from hbss.testing.scenarios import OfSubject, attempt, sign_some
from hbss.testing.subjects import KeySubject

PUBLISHED = 255  # the layer of a pretended use: a public key that the world knows has to be opened again


@dataclass(frozen=True)
class Creating:
    """Making a key. Once it has been made, it is published, and must be there."""

    set: str
    may_refuse: bool = False

    @property
    def name(self) -> str:
        """What reports call it."""
        return f"{KeySubject(self.set).name}: creation"

    @property
    def is_local(self) -> bool:
        """It is."""
        return True

    def prepare(self, folder: Path, out: Out) -> None:
        """Nothing is there."""

    def act(self, folder: Path, out: Out) -> None:
        """Make the key, publish it, and sign; after an error, once more."""
        if not attempt(out, lambda: self._make(folder, out)):
            attempt(out, lambda: self._make(folder, out))
        sign_some(KeySubject(self.set), folder, out, 1)

    def again(self, folder: Path, out: Out) -> None:
        """Sign, if there is a key."""
        with suppress(FileNotFoundError, HbssError), hbss.open_key(folder / "key") as key:
            out.release([_published(key)])
        if os.path.lexists(folder / "key"):
            sign_some(KeySubject(self.set), folder, out, 2)

    def _make(self, folder: Path, out: Out) -> None:
        hbss.create_key(folder / "key", self.set)
        with hbss.open_key(folder / "key") as key:
            out.release([_published(key)])


def _published(key: hbss.StatefulPrivateKey) -> Use:
    return Use(PUBLISHED, 0, hashlib.sha256(key.public_key().fingerprint().encode()).digest())


@dataclass(frozen=True)
class Moving(OfSubject):
    """Moving the state of a key into another store, and signing there."""

    subject: KeySubject
    place: str

    @property
    def what(self) -> str:  # type: ignore[override]
        """Where to."""
        return f"move to {self.place.partition(':')[0]}"

    def act(self, folder: Path, out: Out) -> None:
        """Move, and sign."""
        attempt(out, lambda: self._move(folder))
        sign_some(self.subject, folder, out, 1)

    def again(self, folder: Path, out: Out) -> None:
        """Sign; a move that was interrupted is finished first, as its error says."""
        try:
            hbss.open_key(folder / "key").close()
        except HbssError as error:
            if "hbss state move" in str(error):
                attempt(out, lambda: self._move(folder))
        sign_some(self.subject, folder, out, 2)

    def _move(self, folder: Path) -> None:
        state.move(folder / "key", self.place.replace("{folder}", str(folder)))


@dataclass(frozen=True)
class Splitting(OfSubject):
    """Giving some indices of a key to a second file, and signing with both."""

    subject: KeySubject
    what = "split"

    def act(self, folder: Path, out: Out) -> None:
        """Split, and sign with both."""
        attempt(out, lambda: state.split(folder / "key", 20, folder / "other"))  # every cut may cost some
        self.again(folder, out)

    def again(self, folder: Path, out: Out) -> None:
        """Sign with both, if the second is there."""
        sign_some(self.subject, folder, out, 1)
        if os.path.lexists(folder / "other"):
            attempt(out, lambda: _sign_with(folder / "other", out))


def _sign_with(path: Path, out: Out) -> None:
    with hbss.open_key(path) as key:
        out.release(uses_in(key.parameter_set.name, key.sign(os.urandom(16))))


@dataclass(frozen=True)
class RollingBack(OfSubject):
    """Signing under a witness; then an old copy takes the place of the key. An honest one refuses, or recovers."""

    subject: KeySubject
    recovers: bool = False

    @property
    def may_refuse(self) -> bool:
        """An old copy that nobody recovered has to."""
        return not self.recovers

    def prepare(self, folder: Path, out: Out) -> None:
        """A key that has signed before, and a copy."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # key and witness lie on one disk, and are put back apart
            super().prepare(folder, out)
        shutil.copy2(folder / "key", folder / "old")

    @property
    def what(self) -> str:  # type: ignore[override]
        """With or without a recovery."""
        return "old copy put back" + (" and recovered" if self.recovers else "")

    def act(self, folder: Path, out: Out) -> None:
        """Sign."""
        sign_some(self.subject, folder, out, 2)

    def again(self, folder: Path, out: Out) -> None:
        """Sign with the old copy."""
        for left in (folder / "key-journal", folder / "key"):
            left.unlink(missing_ok=True)
        shutil.copy2(folder / "old", folder / "key")
        if self.recovers:
            attempt(out, lambda: state.recover(folder / "key"))
        sign_some(self.subject, folder, out, 2)
