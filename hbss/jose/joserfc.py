"""SLH-DSA for joserfc.

    from hbss.jose import joserfc
    joserfc.register()
    token = jwt.encode(header, claims, joserfc.keys(key), registry=joserfc.registry())

joserfc takes keys of kinds that it does not know in a key set only, and refuses signatures of more than 1,024 bytes
unless its registry allows them.
"""

from __future__ import annotations

from typing import Any

try:
    from joserfc.errors import InvalidKeyTypeError, UnsupportedKeyAlgorithmError, UnsupportedKeyOperationError
    from joserfc.jwa import JWSAlgModel
    from joserfc.jwk import KeySet
    from joserfc.jws import JWSRegistry
except ModuleNotFoundError as error:  # pragma: no cover - the tests have it
    raise ModuleNotFoundError("tokens need joserfc: pip install 'hbss[jose]'", name=error.name) from None

from hbss import jose
from hbss.encoding.identifiers import AKP_SETS
from hbss.errors import InvalidSignature
from hbss.keys import PublicKey
from hbss.params import parameter_set
from hbss.stateless import PrivateKey

__all__ = ["AkpKey", "keys", "register", "registry"]


def register() -> None:
    """Let joserfc sign and verify by these algorithms. It may be called more than once."""
    for name in AKP_SETS:
        if name not in JWSRegistry.algorithms:
            JWSRegistry.register(_SlhDsa(name))
            KeySet.algorithm_keys[name] = [AkpKey.key_type]


def registry(**more: Any) -> JWSRegistry:
    """A registry that allows these algorithms and the length of their signatures; `more` as JWSRegistry takes it."""
    found = JWSRegistry(**{"algorithms": list(AKP_SETS), **more})
    found.max_signature_length = 4 * -(-max(parameter_set(name).signature_size for name in AKP_SETS) // 3)
    return found


def keys(*given: PublicKey | PrivateKey) -> KeySet:
    """A key set, whose members are named by their thumbprints."""
    found: list[Any] = [AkpKey(key) for key in given]
    return KeySet(found)


class AkpKey:
    """A key as joserfc asks it."""

    key_type = "AKP"

    def __init__(self, key: PublicKey | PrivateKey) -> None:
        self.key = key
        self.alg = jose.algorithm_of(key)
        self.kid = jose.thumbprint(key)

    @property
    def is_private(self) -> bool:
        """Whether it can sign."""
        return isinstance(self.key, PrivateKey)

    def get(self, member: str, default: Any = None) -> Any:
        """A public member of the JSON Web Key."""
        return self.as_dict().get(member, default)

    def as_dict(self, private: bool = False, **params: Any) -> dict[str, Any]:
        """The JSON Web Key; without its secret, unless that is asked for."""
        if isinstance(self.key, PrivateKey) and not private:
            return jose.to_jwk(self.key.public_key(), kid=self.kid, **params)
        return jose.to_jwk(self.key, kid=self.kid, **params)

    def ensure_kid(self) -> None:
        """It always has one."""

    def check_use(self, use: str) -> None:
        """It is for signatures."""
        if use != "sig":
            raise UnsupportedKeyOperationError(f"an AKP key is for signatures, not for {use!r}")

    def check_alg(self, alg: str) -> None:
        """It is for one algorithm."""
        if alg != self.alg:
            raise UnsupportedKeyAlgorithmError(f"the key is for {self.alg}, not for {alg!r}")


class _SlhDsa(JWSAlgModel):
    """One set of SLH-DSA as an algorithm of joserfc."""

    key_type = AkpKey.key_type

    def __init__(self, name: str) -> None:
        self.name = name
        self.description = f"{name} of FIPS 205"

    def sign(self, msg: bytes, key: Any) -> bytes:
        if not isinstance(key, AkpKey) or not isinstance(key.key, PrivateKey):
            raise InvalidKeyTypeError(f"signing by {self.name} needs a private key")
        return key.key.sign(msg)

    def verify(self, msg: bytes, sig: bytes, key: Any) -> bool:
        found = key.key
        try:
            (found.public_key() if isinstance(found, PrivateKey) else found).verify(sig, msg)
        except InvalidSignature:
            return False
        return True
