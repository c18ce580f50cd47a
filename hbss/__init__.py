"""Hash-based signatures: LMS, HSS, XMSS, XMSS^MT, SLH-DSA, and the one-time signatures under them."""

from hbss import audit, merkle, wots
from hbss.errors import (
    BadKey,
    HandleDead,
    HbssError,
    InvalidSignature,
    KeyExhausted,
    StateError,
    StateFenced,
    StateRolledBack,
    StateUnsafe,
    StoreBusy,
    UnknownParameterSet,
)
from hbss.keys import PublicKey, load_public_key
from hbss.params import ParameterSet, parameter_set, parameter_sets
from hbss.stateful import StatefulPrivateKey, create_key, open_key
from hbss.stateless import PrivateKey, generate, load_private_key

__all__ = [
    "BadKey",
    "HandleDead",
    "HbssError",
    "InvalidSignature",
    "KeyExhausted",
    "ParameterSet",
    "PrivateKey",
    "PublicKey",
    "StateError",
    "StateFenced",
    "StateRolledBack",
    "StateUnsafe",
    "StatefulPrivateKey",
    "StoreBusy",
    "UnknownParameterSet",
    "audit",
    "create_key",
    "generate",
    "load_private_key",
    "load_public_key",
    "merkle",
    "open_key",
    "parameter_set",
    "parameter_sets",
    "wots",
]
