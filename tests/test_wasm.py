"""The WebAssembly module is what the sources give; in Node it keeps its rules, and agrees with Python.

Others' vectors: test_wasm_vectors.py. A real browser: test_wasm_browser.py.
"""

from __future__ import annotations

import hashlib
import random
import shutil
import subprocess
import venv
from pathlib import Path
from typing import Any

import pytest

import hbss
from hbss import _native, explain, wots
from hbss import unsafe_known_answers as known
from hbss.params import rows
from tests import toys, wasm_kit
from tests.some_keys import STATEFUL, stateful
from tests.wasm_kit import ROOT, STATIC, ask, needs_node

COMPILER = "ziglang==0.17.1"


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# ---- the module ----------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_the_module_is_what_the_sources_give(tmp_path: Path) -> None:
    """Compiled in two folders, by a compiler in an environment of its own, it is byte for byte the one that is kept."""
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", COMPILER, cwd=tmp_path)
    for place in ("one", "another place/deeper"):
        shutil.copytree(ROOT / "csrc", tmp_path / place / "csrc")
        run(python, tmp_path / place / "csrc" / "wasm" / "build.py", f"{place}.wasm", cwd=tmp_path)
        assert (tmp_path / f"{place}.wasm").read_bytes() == (STATIC / "hbss.wasm").read_bytes(), (
            "demo_chat/static/hbss.wasm is not what csrc gives: run `make wasm` and commit it"
        )


def test_it_is_built_by_the_compiler_that_is_pinned(tmp_path: Path) -> None:
    """Another would give other bytes: build.py and the Makefile name the same; without it there is one clear line."""
    assert f"pip-version-check {COMPILER}\n" in (ROOT / "Makefile").read_text(encoding="utf-8")
    venv.create(tmp_path / "env", with_pip=False)
    command = [tmp_path / "env" / "bin" / "python", ROOT / "csrc" / "wasm" / "build.py", tmp_path / "out.wasm"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"expected the compiler {COMPILER}, found none: pip install {COMPILER}\n"


@needs_node
def test_sets_are_those_of_python() -> None:
    """All 169, with the same sizes."""
    (found,) = ask({"act": "sets"})
    assert len(found) == 169
    for row in found:
        same = hbss.parameter_set(row["name"])
        assert row == {
            "name": same.name, "scheme": same.scheme, "hash": same.function, "stateful": same.stateful,
            "approved": same.approved, "category": same.category, "n": same.n, "height": same.height,
            "layers": same.layers, "w": 1 << rows()[same.name].lg_w, "publicKeySize": same.public_key_size,
            "signatureSize": same.signature_size,
        }  # fmt: skip


@needs_node
def test_sha256_is_that_of_hashlib() -> None:
    data = [random.Random(length).randbytes(length) for length in (*range(130), 1000, 100_000)]
    found = ask(*({"act": "sha256", "data": each.hex()} for each in data))
    assert found == [hashlib.sha256(each).hexdigest() for each in data]


@needs_node
def test_rules() -> None:
    """What tests/wasm/rules.mjs tries: leaves sign once, wiped keys are dead, nothing secret stays in memory."""
    became = wasm_kit.node("rules")
    assert len(became) == 25
    assert {name: what for name, what in became.items() if what != "kept"} == {}


# ---- Python and back -----------------------------------------------------------------------------------------------


def texts(count: int) -> list[bytes]:
    return [random.randbytes(length) for length in (0, 1, 70, 3000)[:count]]


@needs_node
@pytest.mark.parametrize("name", ["LMS_SHA256_M24_H5_W2", "LMS_SHAKE_M32_H5_W4", "XMSS-SHA2_10_256"])
def test_stateful_signatures_of_node_verify_in_python(name: str) -> None:
    row, messages = rows()[name], texts(4)
    seeds = random.randbytes(row.secret_len + row.public_seed_len)
    jobs = [[index, message.hex()] for index, message in enumerate(messages)]
    ((public, *signatures),) = ask({"act": "stateful", "set": name, "seeds": seeds.hex(), "jobs": jobs})
    key = hbss.PublicKey.from_raw(name, bytes.fromhex(public))
    same = known.KnownAnswerKey(name, seeds[: row.secret_len], seeds[row.secret_len :])
    assert key == same.public_key()
    for index, (message, signature) in enumerate(zip(messages, signatures, strict=True)):
        key.verify(bytes.fromhex(signature), message)
        assert same.sign(index, message).hex() == signature


@needs_node
def test_slhdsa_signatures_of_node_are_those_of_python() -> None:
    """The same key, signing the same with the same context, gives the same bytes, which verify."""
    name, messages, context = "SLH-DSA-SHA2-128f", texts(4), b"context"
    seeds = random.randbytes(48)
    jobs = [{"message": message.hex(), "context": context.hex(), "random": None} for message in messages]
    (found,) = ask({"act": "sign", "set": name, "seeds": seeds.hex(), "jobs": jobs})
    key = known.slhdsa_key(name, seeds[:16], seeds[16:32], seeds[32:])
    for message, digest in zip(messages, found, strict=True):
        signature = key.sign(message, context, deterministic=True)
        key.public_key().verify(signature, message, context)
        assert hashlib.sha256(signature).hexdigest() == digest


@needs_node
def test_signatures_of_python_verify_in_node(tmp_path: Path) -> None:
    """Every family, by its name and by its set's; changed in one bit, they do not."""
    signed: list[tuple[str, hbss.PublicKey, bytes, bytes, bytes | None]] = []
    message = random.randbytes(100)
    for scheme, name in STATEFUL.items():
        key = known.KnownAnswerKey(name, *(random.randbytes(n) for n in seed_lengths(name)))
        signature = key.sign(random.randrange(20), message)
        signed += [(kind, key.public_key(), message, signature, None) for kind in (scheme, name)]
    private = hbss.generate("SLH-DSA-SHAKE-128f")
    for context in (None, b"", b"context"):
        signature = private.sign(message, context)
        signed.append(("SLH-DSA-SHAKE-128f", private.public_key(), message, signature, context))
    tasks = []
    for kind, public, text, signature, context in signed:
        for changed in (signature, flipped(signature)):
            task = {"act": "verify", "kind": kind, "publicKey": public.public_bytes_raw().hex(), "message": text.hex()}
            task["signature"] = changed.hex()
            tasks.append(task | ({"context": context.hex()} if context else {}))
    assert ask(*tasks) == ["good", "InvalidSignature"] * len(signed)


def seed_lengths(name: str) -> tuple[int, int]:
    row = rows()[name.split("+")[0]]
    return row.secret_len, row.public_seed_len


def flipped(signature: bytes) -> bytes:
    at = random.randrange(4, len(signature))
    return signature[:at] + bytes([signature[at] ^ 1 << random.randrange(8)]) + signature[at + 1 :]


@needs_node
@pytest.mark.parametrize("name", ["LMS_SHA256_M32_H5_W4", "LMS_SHAKE_M24_H5_W8", "XMSS-SHA2_10_192"])
def test_one_time_keys(name: str) -> None:
    """Public key and chain values are Python's; and they lead back to the public key."""
    row, seeds, digest = rows()[name], random.randbytes(sum(seed_lengths(name))), random.randbytes(rows()[name].n)
    ((seed, public, values, led),) = ask({"act": "oneTime", "set": name, "seeds": seeds.hex(), "digest": digest.hex()})
    key = _native.Key.from_seeds(name, seeds[: row.secret_len], seeds[row.secret_len :])
    assert (seed, public) == (seeds[row.secret_len :].hex(), key.ots_public(0).hex())
    assert (values, led) == (key.ots_sign(0, digest).hex(), public)


@needs_node
def test_a_one_time_key_verifies_in_python() -> None:
    """WOTS+ of Node as hbss.wots reads it."""
    name, digest = "XMSS-SHA2_10_256", random.randbytes(32)
    seeds = random.randbytes(sum(seed_lengths(name)))
    ((seed, public, values, _),) = ask({"act": "oneTime", "set": name, "seeds": seeds.hex(), "digest": digest.hex()})
    code = (1).to_bytes(4, "big").hex()
    key = wots.OneTimePublicKey.from_raw("WOTSP-SHA2_256", bytes.fromhex(code + public + seed))
    key.verify(bytes.fromhex(code + values), digest)


@needs_node
def test_parents_and_climbs() -> None:
    """Any number of parents at once, from anywhere in a level: those of Python."""
    name = "LMS_SHAKE_M24_H10_W8"
    row, seed = rows()[name], random.randbytes(16)
    key = _native.Key.from_seeds(name, bytes(row.secret_len), seed)
    tasks, expected = [], []
    for count in range(1, 12):
        index, children = random.randrange(500), random.randbytes(2 * count * row.n)
        task = {"act": "parents", "set": name, "seed": seed.hex(), "height": 1, "index": index}
        tasks.append(task | {"children": children.hex()})
        expected.append(key.parents(0, 0, 1, index, children).hex())
    leaf, node, path = random.randrange(1024), random.randbytes(row.n), random.randbytes(10 * row.n)
    task = {"act": "climb", "set": name, "seed": seed.hex(), "leaf": leaf, "node": node.hex(), "path": path.hex()}
    assert ask(*tasks, task) == [*expected, key.climb(0, 0, leaf, node, path).hex()]


# ---- pictures ------------------------------------------------------------------------------------------------------


def explained(*asked: tuple[hbss.PublicKey, bytes, bytes]) -> list[Any]:
    """What is explained of (key, message, signature)."""
    return ask(*(
        {"act": "explain", "publicKey": public.public_bytes_raw().hex(), "message": message.hex(),
         "signature": signature.hex()}
        for public, message, signature in asked
    ))  # fmt: skip


@needs_node
@pytest.mark.parametrize(
    "name", ["LMS_SHA256_M32_H5_W1", "LMS_SHA256_M24_H5_W2", "LMS_SHAKE_M32_H5_W4", "LMS_SHAKE_M24_H5_W8"]
)
def test_explain(name: str) -> None:
    """Digits and path are those of hbss.explain; chain ends, one-time key, leaf and nodes those of the key itself."""
    row, message, leaf = rows()[name], b"a message", 21
    secret, seed = toys.seed(row.secret_len), toys.seed(row.public_seed_len, 1)
    key, native = known.KnownAnswerKey(name, secret, seed), _native.Key.from_seeds(name, secret, seed)
    signature = key.sign(leaf, message)
    (found,) = explained((key.public_key(), message, signature))
    same = explain.read(key.public_key(), signature, message)
    assert (found["set"], found["leaf"], found["height"], found["last"]) == (name, leaf, same.height, same.last)
    assert [each["digit"] for each in found["chains"]] == same.digits
    assert sum(each["checksum"] for each in found["chains"]) == same.checksum_digits
    assert all(each["digit"] + each["steps"] == same.last for each in found["chains"])
    assert [each["sibling"] for each in found["path"]] == [each.hex() for each in same.path]
    assert found["randomizer"] == native.randomizer(leaf).hex()
    digest = native.digest(leaf, native.randomizer(leaf), [message])
    assert found["digest"] == digest.hex()
    assert "".join(each["value"] for each in found["chains"]) == native.ots_sign(leaf, digest).hex()
    assert found["oneTimeKey"] == native.ots_public(leaf).hex()
    nodes = bytes(native.tree(0, 0, 0, row.h))
    assert found["leafNode"] == found["path"][0]["node"] == nodes[leaf * row.n :][: row.n].hex()
    starts = [(2 << row.h) - (2 << (row.h - level)) for level in range(row.h + 1)]
    up = [nodes[(start + (leaf >> level)) * row.n :][: row.n].hex() for level, start in enumerate(starts)]
    assert [found["path"][0]["node"], *(each["parent"] for each in found["path"])] == up
    assert [each["right"] for each in found["path"]] == [bool(leaf >> level & 1) for level in range(row.h)]
    assert (found["root"], found["expected"], found["fits"]) == (up[-1], up[-1], True)


@needs_node
def test_explain_says_what_does_not_fit() -> None:
    """Another message, or one changed byte of the randomiser, the chains or the path: it leads to another root."""
    public, signature = stateful("LMS")
    changed = [(public, b"message", touched(signature, at)) for at in (13, 60, -1)]
    for found in explained((public, b"massage", signature), *changed):
        assert (found["fits"], found["root"] == found["expected"]) == (False, False)


@needs_node
def test_explain_refuses_what_is_malformed() -> None:
    """A changed number of levels, q or type; a key of two levels."""
    public, signature = stateful("LMS")
    asked = [(public, b"message", touched(signature, at)) for at in (3, 4, 8, 12 + 68 * 32)]
    tower, whole = stateful("HSS")
    assert explained(*asked, (tower, b"message", whole)) == ["InvalidSignature"] * 4 + ["RangeError"]


def touched(signature: bytes, at: int) -> bytes:
    changed = bytearray(signature)
    changed[at] ^= 255
    return bytes(changed)
