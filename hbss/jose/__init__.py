"""JSON Web Keys of SLH-DSA (kty `AKP`), and what PyJWT and joserfc need to sign with them (the extra `jose`).

By draft-ietf-cose-sphincs-plus, which is no RFC yet and has two sets. A token is as long as its signature makes it:
about 10,500 characters, more than many servers take in a header.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from hbss.encoding.identifiers import AKP_SETS
from hbss.errors import BadKey
from hbss.keys import PublicKey
from hbss.stateful import StatefulPrivateKey
from hbss.stateless import PrivateKey

__all__ = ["from_jwk", "thumbprint", "to_jwk"]

_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")


def to_jwk(key: PublicKey | PrivateKey, **more: Any) -> dict[str, Any]:
    """A JSON Web Key, of a private key with its secret; `more` members, such as kid, come along.

    ValueError for a key whose set is not in the draft.
    """
    public = key.public_key() if isinstance(key, PrivateKey) else key
    found = {"kty": "AKP", "alg": algorithm_of(public), "pub": _text(public.public_bytes_raw())}
    if isinstance(key, PrivateKey):
        found["priv"] = _text(key.private_bytes_raw())
    return {**found, **more}


def from_jwk(jwk: Mapping[str, Any] | str | bytes) -> PublicKey | PrivateKey:
    """The key in a JSON Web Key, private if it has a secret; BadKey if it is none of these sets, or malformed."""
    if not isinstance(jwk, Mapping):
        try:
            jwk = json.loads(jwk)
        except (ValueError, RecursionError):
            raise BadKey("the JSON Web Key is no JSON") from None
    if not isinstance(jwk, Mapping):
        raise BadKey("the JSON Web Key is no object")
    kty, name = jwk.get("kty"), jwk.get("alg")
    if kty != "AKP" or name not in AKP_SETS:
        raise BadKey(f"expected a JSON Web Key of type AKP for {' or '.join(AKP_SETS)}; found {kty!r} for {name!r}")
    public = PublicKey.from_raw(name, _bytes(jwk, "pub"))
    if "priv" not in jwk:
        return public
    private = PrivateKey.from_raw(name, _bytes(jwk, "priv"))
    if private.public_key() != public:
        raise BadKey("the public and the private part of the JSON Web Key do not belong together")
    return private


def thumbprint(key: PublicKey | PrivateKey) -> str:
    """The SHA-256 thumbprint of a key (RFC 7638), often its kid."""
    found = to_jwk(key.public_key() if isinstance(key, PrivateKey) else key)
    return _text(hashlib.sha256(json.dumps(found, sort_keys=True, separators=(",", ":")).encode()).digest())


def algorithm_of(key: PublicKey | PrivateKey | StatefulPrivateKey) -> str:
    """What JOSE calls a key's algorithm; ValueError if it has no name there."""
    public = key if isinstance(key, PublicKey) else key.public_key()
    name = public.top_set.name
    if name not in AKP_SETS or public.prehash is not None:
        raise ValueError(f"JOSE has no algorithm for this key; it has, as a draft, {' and '.join(AKP_SETS)}")
    return name


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _bytes(jwk: Mapping[str, Any], member: str) -> bytes:
    text = jwk.get(member)
    if not isinstance(text, str) or not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        raise BadKey(f"the member {member} of the JSON Web Key is no base64url")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if _text(data) != text:  # stray bits: the same key would have many texts
        raise BadKey(f"the member {member} of the JSON Web Key is not in its one canonical form")
    return data
