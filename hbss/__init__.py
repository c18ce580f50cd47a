"""Hash-based signatures: LMS, HSS, XMSS, XMSS^MT, SLH-DSA, and the one-time signatures under them."""

from hbss import audit, merkle, state, wots
from hbss.batch import verify_all, verify_each
from hbss.errors import (
    BadKey,
    HandleDead,
    HbssError,
    InvalidCertificate,
    InvalidSignature,
    KeyExhausted,
    StateError,
    StateFenced,
    StateRolledBack,
    StateUnsafe,
    StoreBusy,
    UnknownParameterSet,
    WorkerLost,
)
from hbss.keys import PublicKey, load_public_key
from hbss.params import ParameterSet, parameter_set, parameter_sets
from hbss.stateful import Batch, StatefulPrivateKey, create_key, open_key
from hbss.stateless import PrivateKey, generate, load_private_key
from hbss.status import KeyStatus

__all__ = [
    "BadKey",
    "Batch",
    "HandleDead",
    "HbssError",
    "InvalidCertificate",
    "InvalidSignature",
    "KeyExhausted",
    "KeyStatus",
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
    "WorkerLost",
    "audit",
    "create_key",
    "generate",
    "load_private_key",
    "load_public_key",
    "merkle",
    "open_key",
    "parameter_set",
    "parameter_sets",
    "state",
    "verify_all",
    "verify_each",
    "wots",
]
