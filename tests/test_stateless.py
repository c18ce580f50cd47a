"""SLH-DSA's private keys: signing, pre-hashes, and what a private key keeps to itself.

Whether signatures are those of the standard is the matter of the vectors and of the interoperability tests.
"""

from __future__ import annotations

import copy
import hashlib
import pickle

import pytest

import hbss
from hbss import _native, message
from hbss import unsafe_known_answers as known
from hbss.encoding import keyfile
from hbss.encoding.identifiers import Algorithm, bound_hash
from tests.model.schemes.slhdsa import slhdsa as model
from tests.model.schemes.slhdsa.params import SETS as SLHDSA
from tests.some_keys import FAST, STATEFUL, digest, private, signed
from tests.test_encoding import raw_key

# ---- signing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in SLHDSA if name.endswith("f")])
def test_generate_sign_verify(name: str) -> None:
    """A fresh key of each fast set signs, and its public key verifies, after a trip through raw bytes too."""
    key = hbss.generate(name)
    signature = key.sign(b"message", b"context")
    assert len(signature) == key.parameter_set.signature_size
    public = hbss.PublicKey.from_raw(name, key.public_key().public_bytes_raw())
    public.verify(signature, b"message", b"context")
    again = hbss.PrivateKey.from_raw(name, key.private_bytes_raw())
    assert again.public_key() == public
    for other, context in ((b"massage", b"context"), (b"message", b"contest"), (b"message", None)):
        with pytest.raises(hbss.InvalidSignature):
            public.verify(signature, other, context)


def test_small_sets_generate() -> None:
    """The top trees of the small sets, which are built in pieces, give the model's root."""
    p = SLHDSA["SLH-DSA-SHA2-256s"]
    seeds = [bytes([i]) * p.n for i in range(3)]
    assert known.slhdsa_key(p.name, *seeds).public_key().public_bytes_raw() == model.Key(p, *seeds).public()


def test_signatures_are_hedged_unless_asked() -> None:
    """Two signatures of one message differ, both verify; deterministic ones are equal and are those of PK.seed."""
    key = private()
    first, second = key.sign(b"message"), key.sign(b"message")
    assert first != second
    for signature in (first, second, signed()):
        key.public_key().verify(signature, b"message")
    assert key.sign(b"message", deterministic=True, double_check=True) == signed()
    assert known.slhdsa_sign_internal(key, message.pure(None) + b"message") == signed()
    assert known.slhdsa_sign_internal(key, message.pure(None) + b"message", b"\2" * 16) == signed()


def test_a_signature_is_the_models() -> None:
    """One whole signature, byte for byte, by the model in plain Python."""
    seeds = (bytes(16), b"\1" * 16, b"\2" * 16)
    assert model.Key(SLHDSA[FAST], *seeds).sign(model.pure(b"message")) == signed()


def test_double_check_finds_a_computing_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one bit flipped in one of the two runs nothing is released."""
    key, real, runs = private(), _native.Key.slhdsa_sign, [0]

    def faulty(self: _native.Key, r: bytes, digest: bytes, top: bytes) -> bytes:
        signature = bytearray(real(self, r, digest, top))
        signature[5000] ^= runs[0]
        runs[0] += 1
        return bytes(signature)

    monkeypatch.setattr(_native.Key, "slhdsa_sign", faulty)
    with pytest.raises(hbss.HbssError, match="nothing was released"):
        key.sign(b"message", double_check=True)
    assert runs == [2]


@pytest.mark.parametrize("name", [FAST, "SLH-DSA-SHA2-256s"])
def test_the_top_tree_is_kept(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All its nodes, from the making or reading of a key on, are given to every signature."""
    made = hbss.generate(name)
    given: list[bytes] = []

    def record(self: _native.Key, r: bytes, digest: bytes, top: bytes) -> bytes:
        given.append(bytes(top))
        return b""

    monkeypatch.setattr(_native.Key, "slhdsa_sign", record)
    for key in (made, hbss.PrivateKey.from_raw(name, made.private_bytes_raw())):
        key.sign(b"message")
    top = made.parameter_set.layers - 1
    assert given == [made._key.tree(top, 0, 0, made.parameter_set.heights[0])] * 2


def test_memory_of_the_top_tree() -> None:
    """What the docstring of PrivateKey says of it."""
    size = {p.name: ((2 << p.heights[0]) - 1) * p.n for p in hbss.parameter_sets("SLH-DSA")}
    small = [value for name, value in size.items() if name.endswith("s")]
    assert (round(min(small) / 1024), round(max(small) / 1024)) == (16, 24)
    assert max(value for name, value in size.items() if name.endswith("f")) < 1024


def test_context_bounds() -> None:
    """255 bytes are a context, 256 are a ValueError on both sides; empty and absent are the same."""
    key = private()
    key.public_key().verify(key.sign(b"message", bytes(255)), b"message", bytes(255))
    key.public_key().verify(signed(), b"message", b"")
    with pytest.raises(ValueError, match="255"):
        key.sign(b"message", bytes(256))
    with pytest.raises(ValueError, match="255"):
        key.public_key().verify(signed(), b"message", bytes(256))


@pytest.mark.parametrize("name", sorted(message.PREHASHES))
def test_prehash(name: str) -> None:
    """Every hash function signs and verifies; as a pure signature or with another hash it is none."""
    key, public, value = private(), private().public_key(), digest(name, b"message")
    signature = key.sign_prehash(value, name, b"c", allow_weak=True)
    public.verify_prehash(signature, value, name, b"c")
    for context in (None, b"d"):
        with pytest.raises(hbss.InvalidSignature):
            public.verify_prehash(signature, value, name, context)
    with pytest.raises(hbss.InvalidSignature):
        public.verify(signature, value, b"c")
    for other in message.PREHASHES.values():
        if other.size == len(value) and other.name != name:
            with pytest.raises(hbss.InvalidSignature):
                public.verify_prehash(signature, value, other.name, b"c")
    with pytest.raises(ValueError, match="digest has"):
        public.verify_prehash(signature, value + b"\0", name, b"c")


def test_prehash_is_the_models() -> None:
    """M' of a digest, byte for byte, as the model writes it."""
    for name in message.PREHASHES:
        value = digest(name, b"message")
        written = message.prehashed(b"ctx", message.prehash(name), memoryview(value))
        assert written == model.prehashed(name.replace("SHAKE", "SHAKE-"), value, b"ctx")


def test_a_weak_hash_signs_only_when_allowed() -> None:
    """Collision strength below the category: sign refuses, sign with allow_weak and verify accept."""
    key = private("SLH-DSA-SHAKE-192f")
    value = digest("SHA2-256", b"message")
    with pytest.raises(ValueError, match="allow_weak"):
        key.sign_prehash(value, "SHA2-256")
    signature = key.sign_prehash(value, "SHA2-256", allow_weak=True)
    key.public_key().verify_prehash(signature, value, "SHA2-256")
    key.sign_prehash(digest("SHA3-384", b"message"), "SHA3-384")


def test_unknown_hash() -> None:
    """A ValueError that lists what there is."""
    with pytest.raises(ValueError, match="SHA2-512/256"):
        private().sign_prehash(bytes(32), "MD5")
    with pytest.raises(TypeError, match="str"):
        private().sign_prehash(bytes(32), hashlib.sha256)  # type: ignore[arg-type]


def test_a_hash_bound_key_does_nothing_else() -> None:
    """Loaded under a HashSLH-DSA identifier, a key signs and verifies that pre-hash only, and is written so again."""
    raw = private().private_bytes_raw()
    bound = hbss.load_private_key(keyfile.write_private(Algorithm("SLH-DSA", FAST, "SHA2-256"), raw))
    public = hbss.load_public_key(bound.public_key().pem())
    assert bound.prehash == public.prehash == bound_hash(FAST) == "SHA2-256"
    assert public != private().public_key()
    signature = bound.sign_prehash(digest("SHA2-256", b"m"), "SHA2-256")
    public.verify_prehash(signature, digest("SHA2-256", b"m"), "SHA2-256")
    public.verify(signature, b"m")
    public.verify_prehash(bound.sign(b"m", b"c"), digest("SHA2-256", b"m"), "SHA2-256", b"c")
    assert bound.sign(b"m", deterministic=True) != private().sign(b"m", deterministic=True)
    with pytest.raises(hbss.InvalidSignature):
        public.verify(private().sign(b"m"), b"m")
    with pytest.raises(ValueError, match="only, not with SHA2-512"):
        bound.sign_prehash(digest("SHA2-512", b"m"), "SHA2-512")
    with pytest.raises(ValueError, match="only, not with SHA2-512"):
        public.verify_prehash(signature, digest("SHA2-512", b"m"), "SHA2-512")
    with pytest.raises(ValueError, match="SHA2-256 only"):
        hbss.PublicKey.from_raw(FAST, public.public_bytes_raw(), prehash="SHA3-256")
    with pytest.raises(ValueError, match="only an SLH-DSA key"):
        hbss.PublicKey.from_raw("XMSS", raw_key("XMSS-SHA2_10_256"), prehash="SHA2-256")


@pytest.mark.parametrize("name", message.PREHASHES)
def test_every_prehash_of_a_message_in_parts(name: str) -> None:
    """As the other one-shot functions of hashlib have it."""
    function = message.prehash(name)
    assert bytes(function.digest([b"in ", b"parts"])) == digest(name, b"in parts")
    assert len(function.digest([])) == function.size


# ---- the keys themselves --------------------------------------------------------------------------------------------


def test_generate_points_to_create_key() -> None:
    """A stateful set is not for generate; neither is it for PrivateKey.from_raw."""
    for name in STATEFUL.values():
        with pytest.raises(ValueError, match="create_key"):
            hbss.generate(name)
        with pytest.raises(ValueError, match="create_key"):
            hbss.PrivateKey.from_raw(name, bytes(64))


@pytest.mark.parametrize("change", [0, 16, 32, 48])
def test_a_damaged_private_key_is_refused(change: int) -> None:
    """A changed SK.seed, PK.seed or PK.root does not fit the tree; SK.prf alone is not part of it."""
    raw = bytearray(private().private_bytes_raw())
    raw[change] ^= 1
    if change == 16:
        assert hbss.PrivateKey.from_raw(FAST, raw).public_key() == private().public_key()
        return
    with pytest.raises(hbss.BadKey, match=r"PK\.root"):
        hbss.PrivateKey.from_raw(FAST, raw)
    with pytest.raises(hbss.BadKey, match="64 bytes; got 63"):
        hbss.PrivateKey.from_raw(FAST, raw[:-1])


def test_private_keys_keep_to_themselves() -> None:
    """Nothing of the secret in repr; no pickle, no copy; written and read only on purpose."""
    key = hbss.generate(FAST)
    secret = key.private_bytes_raw()[:32].hex()
    assert not any(secret[i : i + 8] in repr(key) + str(key) for i in range(0, 64, 8))
    for copying in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled or copied"):
            copying(key)
    for form in (key.pem(), key.der()):
        assert hbss.load_private_key(form).private_bytes_raw() == key.private_bytes_raw()


def test_a_private_keys_memory_is_wiped_when_it_goes() -> None:
    """The bytes that Python holds are zero once the key is gone."""
    key = hbss.generate(FAST)
    held = key._secret
    assert any(held)
    del key
    assert not any(held)
