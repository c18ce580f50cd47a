"""Other implementations of the same signatures, each behind the same few functions.

A function of PEERS returns its peer or raises ImportError, which says what is missing. What is timed is one call each,
as a user of that package would write it; keys are read, and modules found, beforehand.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import hbss

SLH_DSA = tuple(found.name for found in hbss.parameter_sets("SLH-DSA"))
SMALL = tuple(name for name in SLH_DSA if "128" in name)
FAST = tuple(name for name in SMALL if name.endswith("f"))
LMS = ("LMS_SHA256_M32_H5_W8", "LMS_SHA256_M32_H10_W4")  # H10 with W8 would take pure Python half a minute


class Signer(NamedTuple):
    """keygen(set) -> a key; public(key) -> its public key as the standard writes it; sign(key, message)."""

    keygen: Callable[[str], Any]
    public: Callable[[Any], bytes]
    sign: Callable[[Any, bytes], bytes]


@dataclass(frozen=True)
class Peer:
    """Somebody else's implementation.

    reader(set, public key) -> what verify needs; verify(that, message, signature) is true, or false, or raises. signer:
    None where it only verifies. crossed: whether its signatures are ours to verify, and ours its.
    """

    name: str
    version: str
    note: str
    sets: tuple[str, ...]
    signer: Signer | None
    reader: Callable[[str, bytes], Any]
    verify: Callable[[Any, bytes, bytes], object]
    crossed: bool = True


def pqcrypto() -> Peer:
    """SLH-DSA in Rust."""
    import pqcrypto.sign as signatures

    def module(name: str) -> Any:
        return getattr(signatures, name.lower().replace("-", "_"))

    def keygen(name: str) -> Any:
        return module(name), *module(name).keygen()

    return Peer(
        name="pqcrypto", version=_version("pqcrypto"), note="Rust", sets=SLH_DSA,
        signer=Signer(keygen, lambda key: bytes(key[1]), lambda key, message: bytes(key[0].sign(key[2], message))),
        reader=lambda name, raw: (module(name), raw),
        verify=lambda key, message, signature: key[0].verify(key[1], message, signature) is None,
    )  # fmt: skip


def openssl() -> Peer:
    """SLH-DSA of OpenSSL 3.5 or newer: that of psycopg's binary wheel, or else the system's."""
    from benchmarks.libcrypto import Libcrypto

    lib = Libcrypto()
    return Peer(
        name="OpenSSL", version=lib.version, note="C", sets=SMALL, signer=Signer(lib.keygen, lib.public, lib.sign),
        reader=lib.read, verify=lib.verify,
    )  # fmt: skip


def pyspx() -> Peer:
    """SPHINCS+ as it was submitted, before FIPS 205: the same shapes, other values."""
    import pyspx.bindings  # noqa: F401

    def module(name: str) -> Any:
        return importlib.import_module("pyspx." + name.removeprefix("SLH-DSA-").lower().replace("-", "_"))

    def keygen(name: str) -> Any:
        found = module(name)
        return found, *found.generate_keypair(bytes(range(found.crypto_sign_SEEDBYTES)))

    return Peer(
        name="PySPX", version=_version("PySPX"), note="C; SPHINCS+ before FIPS 205", sets=SMALL,
        signer=Signer(keygen, lambda key: bytes(key[1]), lambda key, message: bytes(key[0].sign(message, key[2]))),
        reader=lambda name, raw: (module(name), raw),
        verify=lambda key, message, signature: key[0].verify(message, signature, key[1]), crossed=False,
    )  # fmt: skip


def slh_dsa() -> Peer:
    """SLH-DSA in Python."""
    import slhdsa

    def parameters(name: str) -> Any:
        return getattr(slhdsa, name.removeprefix("SLH-DSA-").lower().replace("-", "_"))

    return Peer(
        name="slh-dsa", version=_version("slh-dsa"), note="Python", sets=FAST,
        signer=Signer(
            lambda name: slhdsa.KeyPair.gen(parameters(name)), lambda key: bytes(key.pub.digest()),
            lambda key, message: bytes(key.sign_pure(message)),
        ),
        reader=lambda name, raw: slhdsa.PublicKey.from_digest(raw, parameters(name)),
        verify=lambda key, message, signature: key.verify_pure(message, signature),
    )  # fmt: skip


def pyhsslms() -> Peer:
    """LMS in Python."""
    import pyhsslms

    def keygen(name: str) -> Any:
        _, _, _, height, width = name.lower().split("_")
        types = getattr(pyhsslms, f"lms_sha256_m32_{height}"), getattr(pyhsslms, f"lmots_sha256_n32_{width}")
        return pyhsslms.HssPrivateKey(levels=1, lms_type=types[0], lmots_type=types[1])

    return Peer(
        name="pyhsslms", version=_version("pyhsslms"), note="Python", sets=LMS,
        signer=Signer(
            keygen, lambda key: bytes(key.publicKey().serialize()), lambda key, message: bytes(key.sign(message))
        ),
        reader=lambda _, raw: pyhsslms.HssPublicKey.deserialize(raw),
        verify=lambda key, message, signature: key.verify(message, signature),
    )  # fmt: skip


def hsslms() -> Peer:
    """LMS in Python."""
    import hsslms

    def keygen(name: str) -> Any:
        head, width = name.rsplit("_", 1)
        ots = hsslms.LMOTS_ALGORITHM_TYPE[f"LMOTS_SHA256_N32_{width}"]
        return hsslms.HSS_Priv([hsslms.LMS_ALGORITHM_TYPE[head]], ots, num_cores=1)

    return Peer(
        name="hsslms", version=_version("hsslms"), note="Python", sets=LMS,
        signer=Signer(
            keygen, lambda key: bytes(key.gen_pub().get_pubkey()), lambda key, message: bytes(key.sign(message))
        ),
        reader=lambda _, raw: hsslms.HSS_Pub(raw),
        verify=lambda key, message, signature: key.verify(message, signature) is None,
    )  # fmt: skip


def pq_verify() -> Peer:
    """A verifier of XMSS in Python."""
    from pq_verify import hbs

    return Peer(
        name="pq-verify", version=_version("pq-verify"), note="Python", sets=("XMSS-SHA2_10_256",), signer=None,
        reader=lambda _, raw: raw, verify=lambda raw, message, signature: hbs.xmss_verify(raw, message, signature),
    )  # fmt: skip


PEERS = (pqcrypto, openssl, pyspx, slh_dsa, pyhsslms, hsslms, pq_verify)


# ---- signatures that are not made of hashes, as reference lines ------------------------------------------------------


def references() -> list[tuple[str, str, Callable[[], Any]]]:
    """Schemes, versions and key generators of `cryptography`; a key has sign(message) and public_key().verify."""
    from cryptography.hazmat.primitives.asymmetric import ed25519

    found: list[tuple[str, Callable[[], Any]]] = [("Ed25519", ed25519.Ed25519PrivateKey.generate)]
    if importlib.util.find_spec("cryptography.hazmat.primitives.asymmetric.mldsa") is not None:  # not in older versions
        mldsa = importlib.import_module("cryptography.hazmat.primitives.asymmetric.mldsa")
        found.append(("ML-DSA-65", mldsa.MLDSA65PrivateKey.generate))
    version = f"cryptography {_version('cryptography')}"
    return [(scheme, version, generate) for scheme, generate in found]


def _version(package: str) -> str:
    return importlib.metadata.version(package)
