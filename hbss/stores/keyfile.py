"""The row of a key file that never changes: which key this is, and its secret seeds."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

from hbss.errors import BadKey, StateUnsafe, UnknownParameterSet
from hbss.params import ParameterSet, parameter_set

KEY_ID_LEN = 16
MAX_HEIGHT = 60  # an index has to fit a signed integer of 64 bits, with room for its sums


@dataclass(frozen=True)
class KeyRow:
    """The unchanging part of a stateful key. `public_key` is as its standard writes it, the LMS family in HSS form.

    `secret` is SEED (LMS, HSS: the top tree's) or SK_SEED || SK_PRF (XMSS, XMSS^MT); the public seed and the root are
    read from the public key. `authority` names the only store that may hold this key's state.
    """

    key_id: bytes
    set_name: str
    authority: str
    public_key: bytes
    secret: bytes = field(repr=False)

    def checksum(self) -> bytes:
        """HMAC-SHA-256 keyed from the seed: it finds accidents and mixed-up rows, not whoever can write the file."""
        key = hashlib.sha256(b"hbss key file" + self.secret).digest()
        total = hmac.new(key, digestmod="sha256")
        for part in (self.key_id, self.set_name.encode(), self.authority.encode(), self.public_key, self.secret):
            total.update(len(part).to_bytes(8, "big") + part)
        return total.digest()


def stateful_set(name: str | ParameterSet) -> ParameterSet:
    """The parameter set of a key that can be made here; ValueError if it is stateless or too high to sign."""
    found = parameter_set(name)
    if not found.stateful:
        raise ValueError(f"{found.name} needs no state: make such a key with hbss.generate({found.name!r})")
    if found.height > MAX_HEIGHT:
        raise ValueError(
            f"{found.name} has a total height of {found.height}; a signing key has at most {MAX_HEIGHT} "
            "(signatures of higher ones can be verified)"
        )
    return found


def check_row(row: KeyRow, checksum: bytes, where: object) -> ParameterSet:
    """Everything that can be known of a row without hashing a tree; BadKey or StateUnsafe says what is wrong."""
    if not hmac.compare_digest(row.checksum(), checksum):
        raise StateUnsafe(f"{where} is damaged: its checksum does not fit its key; it must not sign any more")
    try:
        found = stateful_set(row.set_name)
    except UnknownParameterSet:
        raise BadKey(f"{where} names the parameter set {row.set_name!r}, which this version does not know") from None
    except ValueError as error:
        raise BadKey(f"{where}: {error}") from None
    secret_len = found.private_key_size - len(public_seed(found, row.public_key))
    for what, length, want in (
        ("key id", len(row.key_id), KEY_ID_LEN),
        ("public key", len(row.public_key), found.public_key_size),
        ("secret", len(row.secret), secret_len),
    ):
        if length != want:
            raise BadKey(f"{where}: its {what} has {length} bytes; {found.name} has {want}")
    return found


def public_seed(found: ParameterSet, public_key: bytes) -> bytes:
    """I (LMS: between the type codes and the root) or SEED (XMSS: after OID and root) of an encoded public key."""
    return public_key[12:28] if found.levels else public_key[4 + found.n :]


def public_root(found: ParameterSet, public_key: bytes) -> bytes:
    """The root of the top tree, out of an encoded public key."""
    return public_key[28:] if found.levels else public_key[4 : 4 + found.n]
