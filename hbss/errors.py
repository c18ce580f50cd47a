"""The exceptions of hbss.

    HbssError
    ├── InvalidSignature          the signature does not belong to this key and message, or is malformed
    ├── BadKey (ValueError)       a key that cannot be read: length, codes, encoding, checks
    ├── UnknownParameterSet (ValueError)
    ├── KeyExhausted              a stateful or one-time key has no index left
    ├── HandleDead                a handle that must not sign any more: closed, or inherited through fork
    └── StateError                the state of a stateful key is not as it must be; nothing was signed
        ├── StoreBusy             another signer holds the store's lock; try again
        ├── StateFenced           the epoch has moved on: this signer was replaced by a recovery
        ├── StateRolledBack       the store is older than what is known to have been released
        └── StateUnsafe           the file, its place or its settings cannot be relied on

A wrong type is a `TypeError` and a wrong value a `ValueError`, as everywhere in Python.
"""

from __future__ import annotations


class HbssError(Exception):
    """Everything that hbss raises by its own name."""


class InvalidSignature(HbssError):
    """The signature is not one of this message by this key. Malformed and wrong are not told apart."""

    def __init__(self, message: str = "the signature does not belong to this message and key") -> None:
        super().__init__(message)


class BadKey(HbssError, ValueError):
    """A key could not be read, or its parts do not belong together."""


class UnknownParameterSet(HbssError, ValueError):
    """No parameter set has this name."""


class KeyExhausted(HbssError):
    """A stateful or one-time key has no index left; it will never sign again."""


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
