"""One-time keys: every set, the encodings, and above all that no key signs twice."""

from __future__ import annotations

import copy
import os
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest

import hbss
from hbss import _native, unsafe_known_answers, wots
from tests.model.hash import be
from tests.model.params import Set
from tests.model.schemes.lms.params import SETS as LMS
from tests.model.schemes.lms.tweak import LmsTweak
from tests.model.schemes.xmss.params import SETS as XMSS
from tests.model.schemes.xmss.tweak import XmssTweak
from tests.model.trees import winternitz
from tests.model.trees.tweak import Adrs

LMOTS = [name for name in wots.sets() if name.startswith("LMOTS")]
WOTSP = [name for name in wots.sets() if name.startswith("WOTSP")]


def data_for(name: str) -> bytes:
    """Something that the set can sign: a message, or a digest of n bytes."""
    return b"a message of any length" if name in LMOTS else bytes(range(int(name.rsplit("_", 1)[1]) // 8))


def test_sets() -> None:
    """16 LM-OTS sets by RFC 8554 and RFC 9858, 7 WOTS+ sets by RFC 8391 and SP 800-208."""
    assert (len(LMOTS), len(WOTSP)) == (16, 7)
    assert "LMOTS_SHA256_N32_W8" in LMOTS
    assert "WOTSP-SHAKE256_192" in WOTSP
    with pytest.raises(hbss.UnknownParameterSet, match="LMOTS_SHA256_N32_W1"):
        wots.generate("LMOTS_SHA256_N32_W3")


@pytest.mark.parametrize("name", wots.sets())
def test_sign_and_verify(name: str) -> None:
    """Each set signs once; any changed byte, another value, another key or a wrong length is InvalidSignature."""
    key, data = wots.generate(name), data_for(name)
    signature, public = key.sign(data), wots.OneTimePublicKey.from_raw(name, key.public_key().public_bytes_raw())
    assert public == key.public_key()
    public.verify(signature, data)
    for at in range(0, len(signature), 101):
        bad = bytearray(signature)
        bad[at] ^= 4
        with pytest.raises(hbss.InvalidSignature):
            public.verify(bad, data)
    for wrong in (signature[:-1], signature + b"\0", b"", bytes(1 << 20)):
        with pytest.raises(hbss.InvalidSignature):
            public.verify(wrong, data)
    with pytest.raises(hbss.InvalidSignature):
        public.verify(signature, bytes(len(data)))
    with pytest.raises(hbss.InvalidSignature):
        wots.generate(name).public_key().verify(signature, data)


@pytest.mark.parametrize("name", LMOTS)
def test_lmots_is_the_models(name: str) -> None:
    """Type, C and chain values as RFC 8554 encodes them: the model recovers K from them."""
    key = wots.generate(name)
    signature, raw = key.sign(b"message"), key.public_key().public_bytes_raw()
    p = next(p for p in LMS.values() if p.ots_code == int.from_bytes(raw[:4], "big"))
    assert name == f"LMOTS_{'SHA256' if p.function == 'SHA-256' else 'SHAKE'}_N{p.n}_W{p.lg_w}"
    identifier, q, k = raw[4:20], raw[20:24], raw[24:]
    assert (len(raw), q) == (24 + p.n, bytes(4))
    assert signature[:4] == raw[:4]
    tweak, c, values = LmsTweak(p, identifier), signature[4 : 4 + p.n], signature[4 + p.n :]
    digits = winternitz.digits(p, tweak.message_digest(0, c, b"message"))
    assert tweak.one_time_key(Adrs(), _walk_to_the_end(p, tweak, digits, values)) == k


@pytest.mark.parametrize("name", WOTSP)
def test_wotsp_is_the_models(name: str) -> None:
    """Type and chain values as RFC 8391 encodes them: the model walks them to the chain ends of the public key."""
    key, digest = wots.generate(name), data_for(name)
    signature, raw = key.sign(digest), key.public_key().public_bytes_raw()
    shape = name.removeprefix("WOTSP-").rsplit("_", 1)
    p = XMSS[f"XMSS-{shape[0]}_10_{shape[1]}"]
    assert (len(raw), len(signature)) == (4 + (p.len + 1) * p.n, 4 + p.len * p.n)
    assert signature[:4] == raw[:4] == be(1 + WOTSP.index(name), 4)
    ends = _walk_to_the_end(p, XmssTweak(p, raw[-p.n :]), winternitz.digits(p, digest), signature[4:])
    assert b"".join(ends) == raw[4 : -p.n]


def _walk_to_the_end(p: Set, tweak: LmsTweak | XmssTweak, digits: list[int], values: bytes) -> list[bytes]:
    """All chains from their digits to their ends, by the model's steps."""
    ends = []
    for i, digit in enumerate(digits):
        x = values[i * p.n : (i + 1) * p.n]
        for j in range(digit, (1 << p.lg_w) - 1):
            x = tweak.step(Adrs(), i, j, x)
        ends.append(x)
    return ends


@pytest.mark.parametrize("name", ["LMOTS_SHA256_N32_W4", "WOTSP-SHA2_256"])
def test_a_second_signature_is_refused(name: str) -> None:
    """For the same input and for another, every time."""
    key, data = wots.generate(name), data_for(name)
    key.sign(data)
    for again in (data, data[::-1], data):
        with pytest.raises(hbss.KeyExhausted):
            key.sign(again)
    key.public_key()


def test_a_mistake_before_signing_costs_nothing() -> None:
    """A digest of the wrong length or a wrong type is refused before the key is used up."""
    key = wots.generate("WOTSP-SHA2_256")
    with pytest.raises(ValueError, match="32 bytes; got 31"):
        key.sign(bytes(31))
    with pytest.raises(TypeError, match="bytes-like"):
        key.sign("text")  # type: ignore[arg-type]
    key.public_key().verify(key.sign(bytes(32)), bytes(32))
    with pytest.raises(ValueError, match="32 bytes"):
        key.public_key().verify(bytes(10), bytes(33))


def test_an_error_while_signing_uses_the_key_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever happened to the first signature, there is no second."""
    key = wots.generate("WOTSP-SHA2_256")

    def broken(*_: object) -> bytes:
        raise MemoryError

    monkeypatch.setattr(_native.Key, "ots_sign", broken)
    with pytest.raises(MemoryError):
        key.sign(bytes(32))
    monkeypatch.undo()
    with pytest.raises(hbss.KeyExhausted):
        key.sign(bytes(32))


def test_one_of_many_threads_signs() -> None:
    """Of 32 tries at once, one signs and the others are refused."""
    key = wots.generate("LMOTS_SHA256_N32_W2")

    def attempt(i: int) -> bytes | None:
        try:
            return key.sign(b"%d" % i)
        except hbss.KeyExhausted:
            return None

    with ThreadPoolExecutor(8) as pool:
        made = [(i, signature) for i, signature in enumerate(pool.map(attempt, range(32))) if signature]
    assert len(made) == 1
    key.public_key().verify(made[0][1], b"%d" % made[0][0])


@pytest.mark.parametrize("name", ["LMOTS_SHA256_N32_W4", "WOTSP-SHA2_256"])
def test_no_copies(name: str) -> None:
    """No pickle, no copy, no secret in repr, nothing that exports it; the public key may be copied."""
    key = wots.generate(name)
    for copying in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled or copied"):
            copying(key)
    assert repr(key) == f"<hbss.wots.OneTimeKey {name}>"
    assert pickle.loads(pickle.dumps(key.public_key())) == key.public_key()
    assert len({key.public_key(), copy.deepcopy(key.public_key())}) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_dead_after_fork() -> None:
    """The child's key is dead and its secret gone, the parent's still signs."""
    key = wots.generate("LMOTS_SHA256_N32_W4")
    child = os.fork()
    if child == 0:
        try:
            key.sign(b"message")
        except hbss.HandleDead:
            os._exit(0 if key._key is None else 2)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    key.public_key().verify(key.sign(b"message"), b"message")


def test_dead_in_another_process_that_python_did_not_see_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the fork was not announced, the process number tells."""
    key = wots.generate("LMOTS_SHA256_N32_W4")
    monkeypatch.setattr(os, "getpid", lambda: key._pid + 1)
    with pytest.raises(hbss.HandleDead):
        key.sign(b"message")
    monkeypatch.undo()
    key.sign(b"message")


def test_bad_public_keys() -> None:
    """A wrong length, a wrong type and a q beyond any tree are BadKey, and say so."""
    raw = wots.generate("LMOTS_SHA256_N32_W4").public_key().public_bytes_raw()
    for bad, says in (
        (raw[:-1], "got 55"),
        (raw + b"\0", "got 57"),
        (be(4, 4) + raw[4:], "0x00000004"),
        (raw[:20] + be(1 << 25, 4) + raw[24:], "q = 33554432"),
    ):
        with pytest.raises(hbss.BadKey, match=says):
            wots.OneTimePublicKey.from_raw("LMOTS_SHA256_N32_W4", bad)


def test_a_leaf_of_a_tree_is_a_one_time_key() -> None:
    """An LM-OTS signature cut out of an LMS signature verifies under its q: the same one-time scheme."""
    seed, identifier, name = b"s" * 32, b"i" * 16, "LMS_SHA256_M32_H5_W8"
    signature = unsafe_known_answers.KnownAnswerKey(name, seed, identifier).sign(21, b"message")
    k = _native.Key.from_seeds(name, seed, identifier).ots_public(21)
    public = wots.OneTimePublicKey.from_raw("LMOTS_SHA256_N32_W8", be(4, 4) + identifier + be(21, 4) + k)
    public.verify(signature[8 : 8 + 4 + 35 * 32], b"message")
