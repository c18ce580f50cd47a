"""Both ways with independent packages: they accept what hbss signs, hbss accepts what they sign and refuses it altered.

pyhsslms and hsslms (LMS, HSS), slh-dsa and pqcrypto (SLH-DSA), pq-verify's verifier (XMSS, XMSS^MT).
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import hsslms
import pqcrypto
import pyhsslms
import pytest
import slhdsa
from pq_verify import hbs

import hbss
from hbss import _native
from hbss.unsafe_known_answers import KnownAnswerKey
from tests import toys, vectors

MESSAGE = b"a message for a stranger"
LMS = [f"LMS_{family}_H5_W{w}" for family in ("SHA256_M32", "SHA256_M24", "SHAKE_M32", "SHAKE_M24") for w in (2, 4)]
XMSS = ["XMSS-SHA2_10_192", "XMSS-SHA2_10_256", "XMSS-SHA2_10_512", "XMSS-SHAKE_10_256", "XMSS-SHAKE256_10_192"]
XMSSMT = ["XMSSMT-SHA2_20/4_256", "XMSSMT-SHA2_40/8_192", "XMSSMT-SHAKE_20/4_512", "XMSSMT-SHAKE256_60/12_256"]
SLHDSA = [f"SLH-DSA-{family}-{size}f" for family in ("SHA2", "SHAKE") for size in (128, 192, 256)]


def refused(public: hbss.PublicKey, signature: bytes, message: bytes = MESSAGE, context: bytes | None = None) -> bool:
    """Whether hbss accepts neither another message nor another last bit."""
    altered = signature[:-1] + bytes([signature[-1] ^ 1])
    for s, m in ((signature, message + b"."), (altered, message)):
        with pytest.raises(hbss.InvalidSignature):
            public.verify(s, m, context)
    return True


def stateful_signature(folder: Path, name: str) -> tuple[hbss.PublicKey, bytes]:
    """The third signature of a new key, the way users make them."""
    hbss.create_key(folder / "key", name)
    with hbss.open_key(folder / "key") as key:
        return key.public_key(), key.sign_many([b"1", b"2", MESSAGE])[2]


# ---- LMS and HSS ---------------------------------------------------------------------------------------------------


def pyhsslms_types(name: str) -> tuple[bytes, bytes]:
    """pyhsslms' type codes of an LMS set."""
    family, height, width = name.lower().removeprefix("lms_").rsplit("_", 2)
    ots = family.replace("_m", "_n")
    return getattr(pyhsslms, f"lms_{family}_{height}"), getattr(pyhsslms, f"lmots_{ots}_{width}")


@pytest.mark.parametrize("name", LMS)
def test_pyhsslms_accepts_hbss(name: str) -> None:
    key = KnownAnswerKey(name, toys.seed(32 if "M32" in name else 24), toys.seed(16, 1))
    theirs = pyhsslms.HssPublicKey.deserialize(key.public_key().public_bytes_raw())
    for index in (0, 1, 31):
        signature = key.sign(index, MESSAGE)
        assert theirs.verify(MESSAGE, signature)
        assert not theirs.verify(MESSAGE + b".", signature)


@pytest.mark.parametrize("name", LMS)
def test_hbss_accepts_pyhsslms(name: str) -> None:
    lms_type, lmots_type = pyhsslms_types(name)
    theirs = pyhsslms.HssPrivateKey(levels=1, lms_type=lms_type, lmots_type=lmots_type)
    public = hbss.PublicKey.from_raw(name, theirs.publicKey().serialize())
    for _ in range(2):
        signature = theirs.sign(MESSAGE)
        public.verify(signature, MESSAGE)
        assert refused(public, signature)


@pytest.mark.parametrize("levels", [2, 3])
def test_hss_both_ways_with_pyhsslms(tmp_path: Path, levels: int) -> None:
    name = "LMS_SHA256_M32_H5_W4"
    ours, signature = stateful_signature(tmp_path, "+".join([name] * levels))
    assert pyhsslms.HssPublicKey.deserialize(ours.public_bytes_raw()).verify(MESSAGE, signature)
    lms_type, lmots_type = pyhsslms_types(name)
    theirs = pyhsslms.HssPrivateKey(levels=levels, lms_type=lms_type, lmots_type=lmots_type)
    public = hbss.PublicKey.from_raw("HSS", theirs.publicKey().serialize())
    assert public.levels == levels
    signature = theirs.sign(MESSAGE)
    public.verify(signature, MESSAGE)
    assert refused(public, signature)


def hsslms_types(name: str) -> tuple[Any, Any]:
    """hsslms' types of an LMS set."""
    head, width = name.rsplit("_", 1)
    ots = head.rsplit("_", 1)[0].replace("LMS_", "LMOTS_").replace("_M", "_N") + "_" + width
    return hsslms.LMS_ALGORITHM_TYPE[head], hsslms.LMOTS_ALGORITHM_TYPE[ots]


@pytest.mark.parametrize("name", [name for name in LMS if "SHA256" in name])  # it knows no other hash
def test_lms_both_ways_with_hsslms(name: str) -> None:
    ours = KnownAnswerKey(name, toys.seed(32 if "M32" in name else 24), toys.seed(16, 1))
    hsslms.HSS_Pub(ours.public_key().public_bytes_raw()).verify(MESSAGE, ours.sign(31, MESSAGE))
    with pytest.raises(hsslms.INVALID):
        hsslms.HSS_Pub(ours.public_key().public_bytes_raw()).verify(MESSAGE + b".", ours.sign(31, MESSAGE))
    lms_type, ots_type = hsslms_types(name)
    theirs = hsslms.HSS_Priv([lms_type], ots_type, num_cores=1)
    public = hbss.PublicKey.from_raw(name, theirs.gen_pub().get_pubkey())
    signature = theirs.sign(MESSAGE)
    public.verify(signature, MESSAGE)
    assert refused(public, signature)


def test_hss_both_ways_with_hsslms(tmp_path: Path) -> None:
    name = "LMS_SHA256_M24_H5_W4"
    ours, signature = stateful_signature(tmp_path, f"{name}+{name}")
    hsslms.HSS_Pub(ours.public_bytes_raw()).verify(MESSAGE, signature)
    lms_type, ots_type = hsslms_types(name)
    theirs = hsslms.HSS_Priv([lms_type, lms_type], ots_type, num_cores=1)
    public = hbss.PublicKey.from_raw("HSS", theirs.gen_pub().get_pubkey())
    signature = theirs.sign(MESSAGE)
    public.verify(signature, MESSAGE)
    assert refused(public, signature)


# ---- XMSS and XMSS^MT ----------------------------------------------------------------------------------------------


def test_pq_verify_accepts_xmss_from_a_key_file(tmp_path: Path) -> None:
    public, signature = stateful_signature(tmp_path, "XMSS-SHA2_10_256")
    assert hbs.xmss_verify(public.public_bytes_raw(), MESSAGE, signature)
    assert not hbs.xmss_verify(public.public_bytes_raw(), MESSAGE + b".", signature)


@pytest.mark.parametrize("name", XMSSMT)
def test_pq_verify_accepts_xmssmt(tmp_path: Path, name: str) -> None:
    public, signature = stateful_signature(tmp_path, name)
    assert hbs.xmss_verify(public.public_bytes_raw(), MESSAGE, signature, mt=True)
    assert not hbs.xmss_verify(public.public_bytes_raw(), MESSAGE + b".", signature, mt=True)


def pq_verify_tree(name: str, seeds: list[bytes]) -> Any:
    """pq-verify's key of the same seeds: its one-time signatures are its own, the nodes hbss's, as it takes minutes."""
    theirs = hbs.XMSSTree.__new__(hbs.XMSSTree)
    theirs.P = hbs.XMSS_SETS[hbs.XMSS_BY_NAME[name]]
    theirs.s, theirs.sk_prf, theirs.seed, theirs.legacy = *seeds, False
    key = _native.Key.from_seeds(name, seeds[0] + seeds[1], seeds[2])
    n, h = key.set.n, key.set.h
    nodes = key.tree(0, 0, 0, h)
    starts = [sum(1 << (h - i) for i in range(level)) * n for level in range(h + 1)]
    rows = [nodes[start : start + (n << (h - level))] for level, start in enumerate(starts)]
    theirs.levels = [[bytes(row[i : i + n]) for i in range(0, len(row), n)] for row in rows]
    theirs.root = theirs.levels[-1][0]
    return theirs


@pytest.mark.parametrize("name", XMSS)
def test_xmss_both_ways_with_pq_verify(name: str) -> None:
    """The same seeds give the same signatures in both, at the first leaf and the last."""
    n = hbss.parameter_set(name).n
    seeds = [toys.seed(n, i) for i in range(3)]
    ours = KnownAnswerKey(name, seeds[0] + seeds[1], seeds[2])
    theirs, public = pq_verify_tree(name, seeds), ours.public_key()
    for index in (0, 1023):
        signature = theirs.sign(MESSAGE, index)
        public.verify(signature, MESSAGE)
        assert refused(public, signature)
        assert hbs.xmss_verify(public.public_bytes_raw(), MESSAGE, ours.sign(index, MESSAGE))


@pytest.mark.long
def test_hbss_accepts_a_whole_xmss_key_of_pq_verify() -> None:
    """Every node of it made by pq-verify."""
    kind, oid = hbs.XMSS_BY_NAME["XMSS-SHA2_10_192"]
    theirs = hbs.XMSSTree(hbs.XMSS_SETS[kind, oid], *(toys.seed(24, i) for i in range(3)))
    public = hbss.PublicKey.from_raw("XMSS", theirs.public_key(oid))
    public.verify(theirs.sign(MESSAGE, 700), MESSAGE)


# ---- SLH-DSA -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SLHDSA)
def test_slhdsa_both_ways_with_slh_dsa(name: str) -> None:
    """Pure signatures, with a context; raw keys are read by either."""
    _, _, family, size = name.lower().split("-")
    parameters = getattr(slhdsa, f"{family}_{size}")
    key = hbss.generate(name)
    theirs = slhdsa.PublicKey.from_digest(key.public_key().public_bytes_raw(), parameters)
    signature = key.sign(MESSAGE, b"context")
    assert theirs.verify_pure(MESSAGE, signature, b"context")
    assert not theirs.verify_pure(MESSAGE, signature, b"another")
    if size == "128f":  # slow in plain Python
        secret = slhdsa.SecretKey.from_digest(key.private_bytes_raw(), parameters)
        made = secret.sign_pure(MESSAGE, randomize=True, ctx=b"context")
        key.public_key().verify(made, MESSAGE, b"context")
        assert refused(key.public_key(), made, context=b"context")
        assert secret.sign_pure(MESSAGE, ctx=b"") == key.sign(MESSAGE, deterministic=True)


HASHES = {
    "SHA2-224": "Sha224", "SHA2-256": "Sha256", "SHA2-384": "Sha384", "SHA2-512": "Sha512",
    "SHA2-512/224": "Sha512_224", "SHA2-512/256": "Sha512_256", "SHAKE128": "Shake128", "SHAKE256": "Shake256",
    "SHA3-224": "Sha3_224", "SHA3-256": "Sha3_256", "SHA3-384": "Sha3_384", "SHA3-512": "Sha3_512",
}  # fmt: skip


def peer(name: str) -> Any:
    """pqcrypto's module of a set."""
    return importlib.import_module("pqcrypto.sign").__dict__[name.lower().replace("-", "_")]


@pytest.mark.parametrize("name", [p.name for p in hbss.parameter_sets("SLH-DSA")])
def test_slhdsa_both_ways_with_pqcrypto(name: str) -> None:
    """Their keys in hbss and ours in theirs, pure, with and without a context."""
    module = peer(name)
    public, secret = module.keygen()
    key = hbss.PrivateKey.from_raw(name, secret)
    assert key.public_key().public_bytes_raw() == public
    made = module.sign(secret, MESSAGE, b"context")
    key.public_key().verify(made, MESSAGE, b"context")
    assert refused(key.public_key(), made, context=b"context")
    module.verify(public, MESSAGE, key.sign(MESSAGE))
    with pytest.raises(pqcrypto.InvalidSignatureError):
        module.verify(public, MESSAGE, key.sign(MESSAGE), b"another")


@pytest.mark.parametrize("name", HASHES)
def test_hash_slhdsa_both_ways_with_pqcrypto(name: str) -> None:
    module, theirs = peer("SLH-DSA-SHA2-128f"), getattr(pqcrypto.HashAlgorithm, HASHES[name])
    public, secret = module.keygen()
    key = hbss.PrivateKey.from_raw("SLH-DSA-SHA2-128f", secret)
    digest = vectors.prehash(name.replace("SHAKE", "SHAKE-"), MESSAGE)
    key.public_key().verify_prehash(module.sign(secret, MESSAGE, b"c", theirs), digest, name, b"c")
    signature = key.sign_prehash(digest, name, b"c", allow_weak=True)
    module.verify(public, MESSAGE, signature, b"c", theirs)
    with pytest.raises(hbss.InvalidSignature):
        key.public_key().verify(signature, MESSAGE, b"c")
