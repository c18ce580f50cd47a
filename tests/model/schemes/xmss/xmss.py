"""XMSS and XMSS^MT (RFC 8391 section 4): XMSS is a tower of one floor with a longer index."""

from __future__ import annotations

from tests.model.hash import be
from tests.model.params import Set
from tests.model.schemes.xmss.params import BY_CODE
from tests.model.schemes.xmss.tweak import XmssTweak
from tests.model.trees import hypertree


class Key:
    """A signing key: everything follows from S_XMSS, SK_PRF and SEED."""

    def __init__(self, p: Set, secret_seed: bytes, secret_prf: bytes, public_seed: bytes) -> None:
        self.p, self.secret_prf, self.public_seed = p, secret_prf, public_seed
        self.tweak = XmssTweak(p, public_seed, secret_seed)

    def root(self) -> bytes:
        return hypertree.root(self.p, self.tweak)

    def public(self) -> bytes:
        """OID || root || SEED (section 4.1.7)."""
        return be(self.p.code, 4) + self.root() + self.public_seed

    def randomizer(self, index: int) -> bytes:
        """r = PRF(SK_PRF, toByte(index, 32))."""
        return self.tweak.prf(self.secret_prf, be(index, 32))

    def sign(self, index: int, message: bytes) -> bytes:
        """Algorithms 12 and 16."""
        r = self.randomizer(index)
        digest = self.tweak.message_digest(index, r, self.root(), message)
        tree, leaf = index >> self.p.hp, index & ((1 << self.p.hp) - 1)
        return be(index, self.p.index_len) + r + hypertree.sign(self.p, self.tweak, digest, tree, leaf)


def set_of(scheme: str, public: bytes) -> Set:
    """The set that a public key names; ValueError if there is none or its length is another."""
    p = BY_CODE.get((scheme, int.from_bytes(public[:4], "big")))
    if p is None or len(public) != p.public_len:
        raise ValueError(f"not an {scheme} public key")
    return p


def verify(p: Set, public: bytes, message: bytes, signature: bytes) -> bool:
    """Algorithms 14 and 17."""
    if len(signature) != p.signature_len:
        return False
    root, public_seed = public[4 : 4 + p.n], public[4 + p.n :]
    index, r = int.from_bytes(signature[: p.index_len], "big"), signature[p.index_len :][: p.n]
    if index >= 1 << p.h:
        return False
    tweak = XmssTweak(p, public_seed)
    digest = tweak.message_digest(index, r, root, message)
    tree, leaf = index >> p.hp, index & ((1 << p.hp) - 1)
    return hypertree.climb(p, tweak, digest, tree, leaf, signature[p.index_len + p.n :]) == root
