"""JSON Web Keys, and tokens by PyJWT and joserfc: each reads what the other signed, and refuses the rest."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import joserfc.errors
import jwt
import pytest
import slhdsa
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc import jwt as joserfc_jwt

import hbss
from hbss.encoding.identifiers import AKP_SETS
from hbss.jose import from_jwk, pyjwt, thumbprint, to_jwk
from hbss.jose import joserfc as for_joserfc
from tests.some_keys import private, stateful

SMALL, OTHER = AKP_SETS
CLAIMS = {"sub": "alice", "iat": 1_700_000_000}


@pytest.fixture(autouse=True, scope="module")
def _registered() -> None:
    for _ in range(2):  # the second time does nothing
        pyjwt.register()
        for_joserfc.register()


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


# ---- keys ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", AKP_SETS)
def test_keys(name: str) -> None:
    """An Algorithm Key Pair, and back."""
    key = private(name)
    public = {"kty": "AKP", "alg": name, "pub": base64url(key.public_key().public_bytes_raw())}
    assert to_jwk(key.public_key()) == public
    assert to_jwk(key, kid="7") == {**public, "priv": base64url(key.private_bytes_raw()), "kid": "7"}
    assert from_jwk(to_jwk(key.public_key(), use="sig")) == key.public_key()
    found = from_jwk(json.dumps(to_jwk(key)))
    assert isinstance(found, hbss.PrivateKey)
    assert found.private_bytes_raw() == key.private_bytes_raw()


def test_the_thumbprint() -> None:
    """RFC 7638: the members that are needed, in order, without space."""
    public = private(SMALL).public_key()
    text = f'{{"alg":"{SMALL}","kty":"AKP","pub":"{base64url(public.public_bytes_raw())}"}}'
    assert thumbprint(public) == thumbprint(private(SMALL)) == base64url(hashlib.sha256(text.encode()).digest())


def test_keys_without_an_algorithm() -> None:
    for key in (private().public_key(), stateful("LMS")[0]):
        with pytest.raises(ValueError, match="JOSE has no algorithm for this key"):
            to_jwk(key)


GOOD = to_jwk(private(SMALL))


@pytest.mark.parametrize(
    ("jwk", "says"),
    [
        ("{", "is no JSON"),
        (b"\xff", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("[]", "is no object"),
        ({**GOOD, "kty": "OKP"}, "expected a JSON Web Key of type AKP"),
        ({**GOOD, "alg": "SLH-DSA-SHA2-128f"}, "found 'AKP' for 'SLH-DSA-SHA2-128f'"),
        ({**GOOD, "alg": [1]}, "expected a JSON Web Key"),
        ({"kty": "AKP", "alg": SMALL}, "pub of the JSON Web Key is no base64url"),
        ({**GOOD, "pub": 7}, "pub of the JSON Web Key is no base64url"),
        ({**GOOD, "pub": GOOD["pub"] + "="}, "is no base64url"),
        ({**GOOD, "pub": base64url(bytes(33))}, "32 bytes; got 33"),
        ({**GOOD, "pub": GOOD["pub"][:-1] + "B"}, "canonical form"),
        ({**GOOD, "priv": None}, "priv of the JSON Web Key is no base64url"),
        ({**GOOD, "priv": base64url(bytes(64))}, "hbss"),
        ({**GOOD, "pub": base64url(bytes(32))}, "do not belong together"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 60 else "data",
)
def test_malformed_keys(jwk: Any, says: str) -> None:
    """Each is BadKey, and the text says why, and nothing secret."""
    with pytest.raises(hbss.BadKey) as error:
        from_jwk(jwk)
    if says != "hbss":
        assert says in str(error.value)
    assert GOOD["priv"] not in str(error.value)


@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner)))
def test_arbitrary_json(value: Any) -> None:
    with pytest.raises(hbss.BadKey):
        from_jwk(json.dumps(value))


# ---- tokens --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", AKP_SETS)
def test_tokens_of_pyjwt(name: str) -> None:
    """joserfc reads them, and so does the package slh-dsa."""
    key: Any = private(name)  # PyJWT's hints know keys of `cryptography` only
    public: Any = key.public_key()
    token = jwt.encode(CLAIMS, key, algorithm=name, headers={"kid": thumbprint(key)})
    assert jwt.decode(token, public, algorithms=[name]) == CLAIMS
    assert jwt.decode(token, public.pem(), algorithms=[name]) == CLAIMS
    read = joserfc_jwt.decode(token, for_joserfc.keys(public), registry=for_joserfc.registry())
    assert read.claims == CLAIMS
    signed, _, signature = token.rpartition(".")
    theirs = slhdsa.PublicKey.from_digest(
        public.public_bytes_raw(), getattr(slhdsa, name.lower().removeprefix("slh-dsa-").replace("-", "_"))
    )
    assert theirs.verify_pure(signed.encode(), base64.urlsafe_b64decode(signature + "=="))
    head, _, signature = token.split(".")
    other = base64url(json.dumps({**CLAIMS, "sub": "mallory"}).encode())
    stranger: Any = hbss.generate(name).public_key()
    for text, by in ((token, stranger), (f"{head}.{other}.{signature}", public)):
        with pytest.raises(jwt.InvalidSignatureError):
            jwt.decode(text, by, algorithms=[name])


@pytest.mark.parametrize("name", AKP_SETS)
def test_tokens_of_joserfc(name: str) -> None:
    """PyJWT reads them."""
    key: Any = private(name)
    keys = for_joserfc.keys(hbss.generate(OTHER if name == SMALL else SMALL), key)
    token = joserfc_jwt.encode({"alg": name}, CLAIMS, keys, registry=for_joserfc.registry())
    assert jwt.get_unverified_header(token)["kid"] == thumbprint(key)
    assert jwt.decode(token, key.public_key(), algorithms=[name]) == CLAIMS
    public = for_joserfc.keys(key.public_key())
    assert "priv" not in json.dumps(public.as_dict())
    assert public.as_dict()["keys"][0] == to_jwk(key.public_key(), kid=thumbprint(key))
    altered = token[:-20] + ("A" if token[-20] != "A" else "B") + token[-19:]
    with pytest.raises(joserfc.errors.BadSignatureError):
        joserfc_jwt.decode(altered, public, registry=for_joserfc.registry())
    with pytest.raises(joserfc.errors.JoseError):
        jws.serialize_compact({"alg": name}, b"payload", public, registry=for_joserfc.registry())


def test_keys_that_do_not_fit() -> None:
    """InvalidKeyError says what was expected."""
    for key, says in [
        (private().pem(), "JOSE has no algorithm"),
        (private(OTHER), "needs a key of its own set, not one of"),
        (b"nothing", "malformed"),
        (7, "needs a key of its own set"),
    ]:
        with pytest.raises(jwt.InvalidKeyError, match=says):
            jwt.encode(CLAIMS, key, algorithm=SMALL)  # type: ignore[arg-type]
    with pytest.raises(jwt.InvalidKeyError, match="signing needs a private key"):
        jwt.encode(CLAIMS, private(SMALL).public_key(), algorithm=SMALL)  # type: ignore[arg-type]
    with pytest.raises(jwt.InvalidKeyError, match="expected a JSON Web Key"):
        pyjwt.SlhDsa.from_jwk({"kty": "oct"})
    assert pyjwt.SlhDsa.from_jwk(pyjwt.SlhDsa.to_jwk(private(SMALL).public_key())) == private(SMALL).public_key()
