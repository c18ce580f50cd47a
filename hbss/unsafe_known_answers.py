"""NEVER SIGN WITH THIS MODULE: it is for known-answer tests, and throws the protection of stateful keys away.

Published test vectors fix what a signer must never choose: seeds, indices, randomisers, the encoded message. Here they
are arguments. A stateful key from here keeps no state at all: signing two messages at one index, which any caller can
do, lets others forge. Real keys come from `hbss.generate`, `hbss.create_key` and `hbss.wots.generate`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hbss import treecache
from hbss.families import family
from hbss.keys import PublicKey
from hbss.message import content, parts, view
from hbss.params import ParameterSet, hss_form, parameter_set
from hbss.stateless import PrivateKey
from hbss.stores import ChildSignature

if TYPE_CHECKING:
    from typing_extensions import Buffer
else:
    Buffer = object


# ---- SLH-DSA (FIPS 205): the internal interface --------------------------------------------------------------------


def slhdsa_key(name: str | ParameterSet, sk_seed: Buffer, sk_prf: Buffer, pk_seed: Buffer) -> PrivateKey:
    """slh_keygen_internal (algorithm 18): the key of three seeds of n bytes each."""
    wanted = parameter_set(name)
    if wanted.scheme != "SLH-DSA":
        raise ValueError(f"{wanted.name} is no SLH-DSA set")
    seeds = [view(seed, "seed") for seed in (sk_seed, sk_prf, pk_seed)]
    if any(len(seed) != wanted.n for seed in seeds):
        raise ValueError(f"the seeds of {wanted.name} have {wanted.n} bytes each")
    return PrivateKey._from_seeds(wanted, b"".join(seeds))


def slhdsa_sign_internal(key: PrivateKey, encoded: Buffer, opt_rand: Buffer | None = None) -> bytes:
    """slh_sign_internal (algorithm 19) of M' as given; opt_rand (addrnd) None is the deterministic variant."""
    n = key.parameter_set.n
    chosen = bytes(key._secret[2 * n : 3 * n]) if opt_rand is None else opt_rand
    return key._sign_internal([*parts(encoded, "encoded message")], chosen)


def slhdsa_verify_internal(key: PublicKey, encoded: Buffer, signature: Buffer) -> None:
    """slh_verify_internal (algorithm 20) of M' as given; InvalidSignature if it is not one."""
    key._key.verify(content(signature, "signature"), parts(encoded, "encoded message"))


# ---- LMS, HSS, XMSS, XMSS^MT: seeds and indices as arguments -------------------------------------------------------


class KnownAnswerKey:
    """A stateful key made of given seeds that signs at any index it is told, any number of times. For vectors only.

    secret: SEED (LMS, HSS: of the top tree), SK_SEED || SK_PRF (XMSS, XMSS^MT). public_seed: I, or SEED. Randomisers
    and the seeds of an HSS's lower trees follow from these (RFC 8554, appendix A). Trees are kept once built.
    """

    def __init__(self, name: str | ParameterSet, secret: Buffer, public_seed: Buffer) -> None:
        self.parameter_set = parameter_set(name)
        if not self.parameter_set.stateful:
            raise ValueError(f"{self.parameter_set.name} keeps no state; use slhdsa_key")
        seeds = bytes(view(secret, "secret")), bytes(view(public_seed, "public seed"))
        bare = family(self.parameter_set, *seeds, None)
        self._heights, self._top = bare.heights, len(bare.heights) - 1
        root = treecache.build(bare.spot(self._top, 0, None, 0)).root
        self._family = family(self.parameter_set, *seeds, root)
        self._trees: dict[tuple[int, int], treecache.Tree] = {}

    def public_key(self) -> PublicKey:
        """The public key (LMS family: in HSS form)."""
        bare = self._tree(self._top, 0).spot.key.public_bytes()
        return PublicKey.from_raw(self.parameter_set, hss_form(len(self.parameter_set.levels), bare))

    def sign(self, index: int, data: Buffer) -> bytes:
        """The signature of this index (RFC 8554, section 6.2; RFC 8391, algorithms 12 and 16)."""
        if not 0 <= index < self.parameter_set.capacity:
            raise ValueError(f"{self.parameter_set.name} has no index {index}")
        number, leaf = divmod(index, 1 << self._heights[0])
        tree = self._tree(0, number)
        lowest = self._family.sign_message(index, tree, leaf, parts(data, "data"), tree.root)
        inner: list[ChildSignature] = []
        for height in self._heights[1:]:
            public = self._family.public(tree.spot, tree.root)
            number, leaf = divmod(number, 1 << height)
            tree = self._tree(len(inner) + 1, number)
            inner.append(ChildSignature(public, self._family.sign_tree(tree, leaf, public, tree.root)))
        return self._family.join(index, lowest, self._family.above(inner))

    def _tree(self, layer: int, number: int) -> treecache.Tree:
        if (layer, number) not in self._trees:
            parent, leaf = None, 0
            if layer < self._top:
                above, leaf = divmod(number, 1 << self._heights[layer + 1])
                parent = self._tree(layer + 1, above).spot
            self._trees[layer, number] = treecache.build(self._family.spot(layer, number, parent, leaf))
        return self._trees[layer, number]
