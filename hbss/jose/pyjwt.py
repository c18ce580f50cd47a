"""SLH-DSA for PyJWT.

from hbss.jose import pyjwt
pyjwt.register()
token = jwt.encode({"sub": "alice"}, key, algorithm="SLH-DSA-SHA2-128s")
"""

from __future__ import annotations

import json
from typing import Any

try:
    import jwt
    from jwt.algorithms import Algorithm
    from jwt.exceptions import InvalidKeyError
except ModuleNotFoundError as error:  # pragma: no cover - the tests have it
    raise ModuleNotFoundError("tokens need PyJWT: pip install 'hbss[jose]'", name=error.name) from None

from hbss import jose
from hbss.encoding.identifiers import AKP_SETS
from hbss.errors import BadKey, InvalidSignature
from hbss.keys import PublicKey, load_public_key
from hbss.stateless import PrivateKey, load_private_key

__all__ = ["SlhDsa", "register"]


def register(to: Any = None) -> None:
    """Let PyJWT sign and verify by these algorithms, with keys of hbss or in PEM; or only a `jwt.PyJWS` of its own.

    It may be called more than once.
    """
    known = (jwt if to is None else to).get_algorithm_by_name
    for name in AKP_SETS:
        try:
            known(name)
        except NotImplementedError:
            (jwt if to is None else to).register_algorithm(name, SlhDsa(name))


class SlhDsa(Algorithm):
    """One set of SLH-DSA as an algorithm of PyJWT."""

    def __init__(self, name: str) -> None:
        self.name = name

    def prepare_key(self, key: PublicKey | PrivateKey | str | bytes) -> PublicKey | PrivateKey:
        """A key of this very set, out of an object or of PEM; InvalidKeyError if it is none."""
        if isinstance(key, (str, bytes)):
            data = key.encode() if isinstance(key, str) else key
            try:
                key = load_private_key(data) if b"PRIVATE KEY-----" in data else load_public_key(data)
            except BadKey as error:
                raise InvalidKeyError(str(error)) from None
        try:
            name = jose.algorithm_of(key)
        except (AttributeError, ValueError) as error:
            raise InvalidKeyError(f"{self.name} needs a key of its own set: {error}") from None
        if name != self.name:
            raise InvalidKeyError(f"{self.name} needs a key of its own set, not one of {name}")
        return key

    def sign(self, msg: bytes, key: Any) -> bytes:
        """A signature by the private key."""
        if not isinstance(key, PrivateKey):
            raise InvalidKeyError(f"signing needs a private key, not {type(key).__name__}")
        return key.sign(msg)

    def verify(self, msg: bytes, key: Any, sig: bytes) -> bool:
        """Whether it is a signature by this key."""
        try:
            (key.public_key() if isinstance(key, PrivateKey) else key).verify(sig, msg)
        except InvalidSignature:
            return False
        return True

    @staticmethod
    def to_jwk(key_obj: Any, as_dict: bool = False) -> Any:
        """See `jose.to_jwk`."""
        found = jose.to_jwk(key_obj)
        return found if as_dict else json.dumps(found)

    @staticmethod
    def from_jwk(jwk: str | dict[str, Any]) -> Any:
        """See `jose.from_jwk`; InvalidKeyError if it is none."""
        try:
            return jose.from_jwk(jwk)
        except BadKey as error:
            raise InvalidKeyError(str(error)) from None
