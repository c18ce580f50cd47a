"""What the tests of the WebAssembly module share: Node, and the vectors as questions to it.

A question is JSON for tests/wasm/answers.mjs, which asks the module; its answer is compared with the expected one.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import hbss
from tests import vectors
from tests.vectors import Case

ROOT = Path(__file__).resolve().parent.parent
STATIC = ROOT / "demo_chat" / "static"
NODE = shutil.which("node") or shutil.which("nodejs")

needs_node = pytest.mark.skipif(NODE is None, reason="needs node (Debian: apt-get install nodejs)")


class Question(NamedTuple):
    """What is asked, as JSON; the expected answer; the vector it is from."""

    task: dict[str, Any]
    answer: Any
    name: str


def node(*words: str, asked: object = None) -> Any:
    """What tests/wasm/node.mjs answers."""
    assert NODE is not None
    command = [NODE, "--expose-gc", str(ROOT / "tests" / "wasm" / "node.mjs"), *words]
    done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def ask(*tasks: dict[str, Any]) -> list[Any]:
    """The answers of the module in Node."""
    return list(node(asked=tasks))


def wrong(questions: Iterable[Question], answers: Iterable[Any]) -> list[str]:
    """The names of those whose answer is another one, and the answer."""
    pairs = zip(questions, answers, strict=True)
    return [f"{asked.name}: {str(answer)[:300]}" for asked, answer in pairs if answer != asked.answer]


def sha256(data: bytes) -> str:
    """In hexadecimal."""
    return hashlib.sha256(data).hexdigest()


# ---- verifications -------------------------------------------------------------------------------------------------


def verification(case: Case, kind: str, act: str = "verify", message: bytes | None = None) -> Question:
    """Whether a vector's signature is one."""
    task = {
        "act": act, "kind": kind, "publicKey": case.public.hex(), "signature": case.signature.hex(),
        "message": (case.message if message is None else message).hex(),
    }  # fmt: skip
    if act == "verify" and case.interface == "pure":
        task["context"] = case.context.hex()
    return Question(task, "good" if case.valid else "InvalidSignature", case.name)


def lms_verifications() -> list[Question]:
    """LMS and HSS, every one."""
    return [verification(case, "HSS") for case in vectors.lms("sigVer") + vectors.lms("sigGen") + vectors.hss()]


def xmss_verifications() -> list[Question]:
    """XMSS and XMSS^MT, every one."""
    cases = vectors.xmss("sigVer") + vectors.xmss("sigGen") + vectors.xmss_liboqs()
    return [verification(case, case.set) for case in cases]


def slhdsa_verifications(kind: str) -> list[Question]:
    """SLH-DSA, every one; hbss.js has the pure interface, the others go in encoded."""
    return [
        verification(case, case.set)
        if case.interface == "pure"
        else verification(case, case.set, "verifyEncoded", vectors.encoded(case))
        for case in vectors.slhdsa(kind)
    ]


# ---- keys and signatures -------------------------------------------------------------------------------------------


def slhdsa_keys() -> list[Question]:
    """Every published SLH-DSA key, read from its private form, which computes its root again."""
    return [
        Question({"act": "fromRaw", "set": case.set, "raw": raw.hex()}, [case.public.hex(), raw.hex()], case.name)
        for case in vectors.slhdsa("keyGen")
        for raw in [case.secret + case.public]
    ]


def slhdsa_signatures(name: str) -> list[Question]:
    """A set's first pure signatures, one deterministic and one hedged, by keys that are made of their seeds."""
    pure = [case for case in vectors.slhdsa("sigGen") if case.set == name and case.interface == "pure"]
    found = [next(case for case in pure if (case.opt_rand is None) == plain) for plain in (True, False)]
    return [
        Question(
            {
                "act": "sign", "set": name, "seeds": (case.secret + case.public_seed).hex(),
                "jobs": [{
                    "message": case.message.hex(), "context": case.context.hex(),
                    "random": case.opt_rand.hex() if case.opt_rand is not None else None,
                }],
            },
            [sha256(case.signature)], case.name,
        )
        for case in found
    ]  # fmt: skip


def stateful_signatures(name: str, cases: Iterable[Case]) -> Question:
    """A stateful key of known seeds, and all its published signatures; the last leaf, which is set aside, has none."""
    last = hbss.parameter_set(name).capacity - 1
    some = sorted((case for case in cases if case.set == name and case.secret and case.index < last), key=_index)
    once = {case.index: case for case in some}.values()  # a leaf signs once, so of two vectors at one the later
    (seeds,) = {case.secret + case.public_seed for case in once}
    jobs = [[case.index, case.message.hex()] for case in once]
    answer = [some[0].public.hex(), *(case.signature.hex() for case in once)]
    return Question({"act": "stateful", "set": name, "seeds": seeds.hex(), "jobs": jobs}, answer, name)


def _index(case: Case) -> int:
    return case.index
