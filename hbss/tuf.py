"""Hash-based keys in The Update Framework and in-toto: a Key and a Signer of securesystemslib (the extra `tuf`).

    from hbss.tuf import HbssSigner, register
    register()                                                   # once, where metadata is read or signed
    signer = HbssSigner.from_priv_key_uri("hbss:root.key", key)  # a file made by `hbss keygen`

There is no registration of these algorithms; `keytype` and `scheme` are named as securesystemslib names others. Both
sides need hbss.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

try:
    from securesystemslib.exceptions import UnverifiedSignatureError, VerificationError
    from securesystemslib.formats import encode_canonical
    from securesystemslib.signer import (
        KEY_FOR_TYPE_AND_SCHEME,
        SIGNER_FOR_URI_SCHEME,
        Key,
        SecretsHandler,
        Signature,
        Signer,
    )
except ModuleNotFoundError as error:  # pragma: no cover - the tests have it
    raise ModuleNotFoundError("TUF needs securesystemslib: pip install 'hbss[tuf]'", name=error.name) from None

from hbss.encoding import keyfile
from hbss.errors import BadKey, InvalidSignature
from hbss.keys import PublicKey, load_public_key
from hbss.params import parameter_sets
from hbss.state import is_sealed
from hbss.stateful import StatefulPrivateKey, open_key
from hbss.stateless import PrivateKey, load_private_key
from hbss.stores.database import is_database

__all__ = ["HbssKey", "HbssSigner", "register"]

Opened = Callable[[], AbstractContextManager[PrivateKey | StatefulPrivateKey]]

URI_SCHEME = "hbss"
_STATEFUL = {"LMS": "hss-lms", "HSS": "hss-lms", "XMSS": "xmss", "XMSSMT": "xmssmt"}


def register() -> None:
    """Let securesystemslib read keys of these types, and sign with `hbss:FILE`. It may be called more than once."""
    stateless = [("slh-dsa", each.name.lower()) for each in parameter_sets("SLH-DSA")]
    for kind in [*stateless, *((name, name) for name in _STATEFUL.values())]:
        KEY_FOR_TYPE_AND_SCHEME[kind] = HbssKey
    SIGNER_FOR_URI_SCHEME[URI_SCHEME] = HbssSigner


class HbssKey(Key):
    """A public key in metadata: its PEM, under a `keytype` and a `scheme` that its algorithm gives."""

    def __init__(
        self, keyid: str, keytype: str, scheme: str, keyval: dict[str, Any],
        unrecognized_fields: dict[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """ValueError (BadKey is one) if the key cannot be read, or is of another type or scheme than it says."""
        super().__init__(keyid, keytype, scheme, keyval, unrecognized_fields)
        text = keyval.get("public")
        if not isinstance(text, str):
            raise BadKey("a key in metadata has its PEM under keyval, public")
        self._public = load_public_key(text.encode())
        if self._public.prehash is not None:
            raise BadKey("a key that is bound to a pre-hash has no scheme here; use its pure form")
        if (keytype, scheme) != _kind(self._public):
            raise BadKey(f"a key of {self._public.top_set.name} is not of type {keytype!r} and scheme {scheme!r}")

    @classmethod
    def of(cls, public: PublicKey, keyid: str | None = None) -> HbssKey:
        """For metadata; keyid: by default the one of the TUF specification, SHA-256 of the key's canonical JSON."""
        keytype, scheme = _kind(public)
        value = {"public": public.pem().decode("ascii")}
        content = str(encode_canonical({"keytype": keytype, "scheme": scheme, "keyval": value}))
        return cls(keyid or hashlib.sha256(content.encode()).hexdigest(), keytype, scheme, value)

    @classmethod
    def from_dict(cls, keyid: str, key_dict: dict[str, Any]) -> HbssKey:
        """Read it from metadata."""
        return cls(keyid, *cls._from_dict(key_dict), key_dict)

    def to_dict(self) -> dict[str, Any]:
        """As metadata has it."""
        return self._to_dict()

    @property
    def hbss_key(self) -> PublicKey:
        """The key itself."""
        return self._public

    def verify_signature(self, signature: Signature, data: bytes) -> None:
        """Return if the signature is good; UnverifiedSignatureError if not, VerificationError if it is no signature."""
        try:
            raw = bytes.fromhex(signature.signature)
        except (TypeError, ValueError) as error:
            raise VerificationError(f"the signature by {self.keyid} is not hexadecimal") from error
        try:
            self._public.verify(raw, data)
        except InvalidSignature as error:
            raise UnverifiedSignatureError(f"the signature by {self.keyid} does not fit") from error


class HbssSigner(Signer):
    """Signs with a private key of either kind, or with a key file that is opened for each signature.

    A stateful key uses up one index a signature, and keeps its state where its file says.
    """

    def __init__(self, opened: Opened, key: HbssKey) -> None:
        """opened: gives the private key for a `with` block; `of` and `from_priv_key_uri` make such signers."""
        self._opened, self._key = opened, key

    @classmethod
    def of(cls, private: PrivateKey | StatefulPrivateKey) -> HbssSigner:
        """With an open key, which the caller closes."""
        return cls(lambda: nullcontext(private), HbssKey.of(private.public_key()))

    @classmethod
    def from_priv_key_uri(
        cls, priv_key_uri: str, public_key: Key, secrets_handler: SecretsHandler | None = None
    ) -> HbssSigner:
        """With the key file of `hbss:FILE`.

        secrets_handler: is asked for the "password" of a key that has one. ValueError if the URI, the file or the
        public key do not fit, or a password is needed and nobody can be asked; OSError if the file cannot be read.
        """
        scheme, _, name = priv_key_uri.partition(":")
        if scheme != URI_SCHEME or not name:
            raise ValueError(f"expected {URI_SCHEME}:FILE, got {priv_key_uri!r}")
        if not isinstance(public_key, HbssKey):
            raise ValueError(f"expected a key of hbss, got {type(public_key).__name__}; call hbss.tuf.register() first")
        path, password = Path(name), None
        if is_sealed(path) if is_database(path) else keyfile.is_encrypted(path.read_bytes()):
            if secrets_handler is None:
                raise ValueError(f"{path} is under a password, and there is no secrets_handler to ask for it")
            password = secrets_handler("password")
        signer = cls(lambda: _open(path, password), public_key)
        with signer._opened() as private:
            if private.public_key() != public_key.hbss_key:
                raise BadKey(f"{path} holds another key than the public key {public_key.keyid}")
        return signer

    @property
    def public_key(self) -> HbssKey:
        """What verifies its signatures."""
        return self._key

    def sign(self, payload: bytes) -> Signature:
        """The signature of some bytes; errors as `sign` of the key raises them."""
        with self._opened() as private:
            return Signature(self._key.keyid, private.sign(payload).hex())


@contextmanager
def _open(path: Path, password: str | None) -> Iterator[PrivateKey | StatefulPrivateKey]:
    if is_database(path):
        with open_key(path, password=password) as key:
            yield key
    else:
        yield load_private_key(path.read_bytes(), password)


def _kind(public: PublicKey) -> tuple[str, str]:
    """keytype and scheme."""
    family = _STATEFUL.get(public.scheme)
    return (family, family) if family else ("slh-dsa", public.top_set.name.lower())
