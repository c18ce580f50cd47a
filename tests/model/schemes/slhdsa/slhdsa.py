"""SLH-DSA (FIPS 205 sections 9 and 10): the internal interface, the pure one, and HashSLH-DSA."""

from __future__ import annotations

from tests.model.hash import be
from tests.model.params import Set
from tests.model.schemes.slhdsa import fors
from tests.model.schemes.slhdsa.tweak import SlhTweak
from tests.model.trees import hypertree
from tests.model.trees.tweak import Adrs

# The last byte of each hash's OID, 2.16.840.1.101.3.4.2.x
PREHASH_OID = {
    "SHA2-256": 1, "SHA2-384": 2, "SHA2-512": 3, "SHA2-224": 4, "SHA2-512/224": 5, "SHA2-512/256": 6,
    "SHA3-224": 7, "SHA3-256": 8, "SHA3-384": 9, "SHA3-512": 10, "SHAKE-128": 11, "SHAKE-256": 12,
}  # fmt: skip


def pure(message: bytes, context: bytes = b"") -> bytes:
    """M' of algorithm 22."""
    return b"\x00" + be(len(context), 1) + context + message


def prehashed(hash_name: str, digest: bytes, context: bytes = b"") -> bytes:
    """M' of algorithm 23, from a message digest that is already there."""
    oid = bytes.fromhex("06096086480165030402") + be(PREHASH_OID[hash_name], 1)
    return b"\x01" + be(len(context), 1) + context + oid + digest


def split(p: Set, digest: bytes) -> tuple[bytes, int, int]:
    """The digest's FORS part, tree and leaf (algorithm 19, lines 6 to 10)."""
    ka, tree_len = -(-p.k * p.a // 8), -(-(p.h - p.hp) // 8)
    tree = int.from_bytes(digest[ka : ka + tree_len], "big") % (1 << (p.h - p.hp))
    return digest[:ka], tree, int.from_bytes(digest[ka + tree_len :], "big") % (1 << p.hp)


class Key:
    """A signing key: everything follows from SK.seed, SK.prf and PK.seed."""

    def __init__(self, p: Set, secret_seed: bytes, secret_prf: bytes, public_seed: bytes) -> None:
        self.p, self.secret_prf, self.public_seed = p, secret_prf, public_seed
        self.tweak = SlhTweak(p, public_seed, secret_seed)

    def root(self) -> bytes:
        return hypertree.root(self.p, self.tweak)

    def public(self) -> bytes:
        return self.public_seed + self.root()

    def sign(self, message: bytes, opt_rand: bytes | None = None) -> bytes:
        """Algorithm 19, slh_sign_internal; without opt_rand it is deterministic."""
        r = self.tweak.randomizer(self.secret_prf, self.public_seed if opt_rand is None else opt_rand, message)
        md, tree, leaf = split(self.p, self.tweak.message_digest(r, self.root(), message))
        forest, forest_key = fors.sign(self.p, self.tweak, Adrs(tree=tree, leaf=leaf), md)
        return r + forest + hypertree.sign(self.p, self.tweak, forest_key, tree, leaf)


def verify(p: Set, public: bytes, message: bytes, signature: bytes) -> bool:
    """Algorithm 20, slh_verify_internal."""
    if len(signature) != p.signature_len:
        return False
    public_seed, root = public[: p.n], public[p.n :]
    r, rest = signature[: p.n], signature[p.n :]
    forest_len = p.k * (p.a + 1) * p.n
    tweak = SlhTweak(p, public_seed)
    md, tree, leaf = split(p, tweak.message_digest(r, root, message))
    forest_key = fors.recover(p, tweak, Adrs(tree=tree, leaf=leaf), md, rest[:forest_len])
    return hypertree.climb(p, tweak, forest_key, tree, leaf, rest[forest_len:]) == root
