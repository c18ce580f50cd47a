"""The exceptions of hbss.

    HbssError
    ├── InvalidSignature          the signature does not belong to this key and message, or is malformed
    ├── BadKey (ValueError)       a key that cannot be read: length, codes, encoding, checks
    ├── InvalidCertificate        a certificate or a chain that does not hold: signature, names, dates, rights
    ├── UnknownParameterSet (ValueError)
    ├── KeyExhausted              a stateful or one-time key has no index left
    ├── WorkerLost                an executor of processes or machines keeps losing the work it is given
    ├── HandleDead                a handle that must not sign any more: closed, or inherited through fork
    └── StateError                the state of a stateful key is not as it must be; nothing was signed
        ├── StoreBusy             another signer holds the store's lock; try again
        ├── StateFenced           the epoch has moved on: this signer was replaced by a recovery
        ├── StateRolledBack       the store is older than what is known to have been released
        └── StateUnsafe           the file, its place or its settings cannot be relied on

A wrong type is a `TypeError` and a wrong value a `ValueError`, as everywhere in Python.
"""

from __future__ import annotations

from collections.abc import Iterable


class HbssError(Exception):
    """Everything that hbss raises by its own name."""


class InvalidSignature(HbssError):
    """The signature is not one of this message by this key. Malformed and wrong are not told apart.

    indices: the positions of all such signatures, ascending, if `verify_all` raised it; else empty.
    """

    def __init__(
        self, message: str = "the signature does not belong to this message and key", indices: Iterable[int] = ()
    ) -> None:
        super().__init__(message)
        self.indices = tuple(indices)


class BadKey(HbssError, ValueError):
    """A key could not be read, or its parts do not belong together."""


class InvalidCertificate(HbssError):
    """A certificate, or a chain of them, does not hold; the text says which and why."""


class UnknownParameterSet(HbssError, ValueError):
    """No parameter set has this name."""


class KeyExhausted(HbssError):
    """A stateful or one-time key has no index left; it will never sign again."""


class WorkerLost(HbssError):
    """An executor of processes or machines did not do its work: its workers die, or cannot do it. See the cause."""


class HandleDead(HbssError):
    """This handle must not sign any more: it was closed, or the process forked."""


class StateError(HbssError):
    """The state of a stateful key is not as it must be; nothing was signed."""


class StoreBusy(StateError):
    """Another signer holds the store's lock for longer than the time-out."""


class StateFenced(StateError):
    """The key's epoch has moved on: a recovery replaced this signer."""


class StateRolledBack(StateError):
    """The store is older than what is known to have been released."""


class StateUnsafe(StateError):
    """The key file, its place or its settings cannot be relied on."""
