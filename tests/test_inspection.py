"""hbss inspect: every kind of file is recognised, and nothing else is taken for one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

import hbss
from hbss import cms, cose, inspection, jose
from hbss.cli.app import run
from hbss.encoding import pem
from hbss.inspection import inspect
from hbss.params import rows
from hbss.x509 import issue, request, self_signed
from tests import vectors
from tests.some_keys import STATEFUL, private, signed, stateful

NAME = x509.Name.from_rfc4514_string("CN=Root")


def test_keys() -> None:
    """Public and private, in PEM and DER, under a password or not."""
    public = private().public_key()
    for data in public.pem(), public.der():
        found = inspect(data)
        assert found.kind == "public key"
        assert found.facts["fingerprint"] == public.fingerprint()
        assert found.facts["set"] == "SLH-DSA-SHA2-128f"
    for data in private().pem(), private().der():
        assert inspect(data) == ("private key, not encrypted", inspection.describe_key(public))
    for data in private().pem("x"), private().der("x"):
        assert inspect(data).kind == "private key under a password"
    bound = hbss.PublicKey.from_raw("SLH-DSA-SHA2-128f", public.public_bytes_raw(), prehash="SHA2-256")
    assert inspect(bound.pem()).facts["only with pre-hash"] == "SHA2-256"
    found = inspect(stateful("HSS")[0].pem())
    assert (found.facts["scheme"], found.facts["levels"]) == ("HSS", 2)


@pytest.mark.parametrize("family", STATEFUL)
def test_signatures_of_stateful_keys(family: str) -> None:
    """LMS and HSS name their sets; the others are candidates by length; with the key it is known."""
    public, signature = stateful(family)
    bare, exact = inspect(signature), inspect(signature, public)
    assert bare.kind == exact.kind == "signature"
    if family in ("LMS", "HSS"):
        assert bare.facts["set"] == STATEFUL[family]
    else:
        candidates = bare.facts["candidates"]
        assert isinstance(candidates, list)
        assert STATEFUL[family] in candidates
    assert exact.facts["set"] == STATEFUL[family]
    assert exact.facts["index"] == 3
    leaves = exact.facts["leaves, lowest layer first"]
    assert isinstance(leaves, list)
    assert leaves[0] == 3
    with pytest.raises(ValueError, match="no signature of this key"):
        inspect(signature[:-1] + b"xx", public)


def test_signatures_of_slhdsa() -> None:
    """Two sets share each length."""
    assert inspect(signed()).facts["candidates"] == ["SLH-DSA-SHA2-128f", "SLH-DSA-SHAKE-128f"]
    assert inspect(signed(), private().public_key()).facts["set"] == "SLH-DSA-SHA2-128f"
    with pytest.raises(ValueError, match="17087 bytes instead of 17088"):
        inspect(signed()[1:], private().public_key())


def test_every_published_signature_and_key() -> None:
    """Others' vectors: the set is named, or among the candidates, of every one."""
    seen = set()
    cases = [*vectors.lms("sigGen"), *vectors.hss(), *vectors.xmss("sigGen"), *vectors.xmss_liboqs()]
    for case in (case for case in cases if case.valid):
        seen.add(case.set)
        found = inspect(case.signature)
        names = found.facts.get("candidates", [found.facts.get("set")])
        assert isinstance(names, list)
        assert case.set in names, case.set
        key = inspect(case.public)
        assert key.kind == "raw public key"
        keys = key.facts["candidates"]
        assert isinstance(keys, list)
        assert case.set.split("+")[0] in keys
    assert len(seen) > 100


def test_certificates_requests_and_cose(tmp_path: Path) -> None:
    """What the other modules make."""
    root = self_signed(private(), NAME)
    found = inspect(root.public_bytes(Encoding.PEM))
    assert found.kind == "certificate"
    assert found.facts["subject"] == found.facts["issuer"] == "CN=Root"
    assert found.facts["key: fingerprint"] == private().public_key().fingerprint()
    assert found.facts["signed with"] == "SLH-DSA-SHA2-128f"
    leaf = issue(private(), root, NAME, ed25519.Ed25519PrivateKey.generate().public_key())
    assert inspect(leaf.public_bytes(Encoding.DER)).facts["key"] == "another algorithm, 1.3.101.112"
    assert inspect(request(private(), NAME).public_bytes(Encoding.PEM)).kind == "certification request"
    small = private("SLH-DSA-SHA2-128s")
    beside = cms.sign(private(), b"1234", certificate=root, chain=[leaf])
    assert inspect(beside) == (
        "CMS SignedData",
        {
            "content": "detached", "certificates": 2, "signed with": ["SLH-DSA-SHA2-128f"], "signature bytes": [17088],
        },
    )  # fmt: skip
    assert inspect(pem.write("CMS", cms.sign(small, b"1234", detached=False))).facts["content"] == "4 bytes"
    message = cose.sign1(small, b"1234")
    assert inspect(message) == (
        "COSE_Sign1", {"algorithm": "SLH-DSA-SHA2-128s", "payload": "4 bytes", "signature bytes": 7856},
    )  # fmt: skip
    assert inspect(cose.sign1(small, b"1234", detached=True)).facts["payload"] == "detached"
    assert inspect(cose.write_key(small.public_key())).kind == "COSE_Key"
    for key, kind in (small, "private JSON Web Key, not encrypted"), (small.public_key(), "JSON Web Key"):
        found = inspect(json.dumps(jose.to_jwk(key)).encode())
        assert found == (kind, inspection.describe_key(small.public_key()))


def test_a_certificate_of_an_unknown_version() -> None:
    """`cryptography` has an error of its own for it, which is no ValueError."""
    third, other = b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x3b"
    root = self_signed(private(), NAME)
    der = root.public_bytes(Encoding.DER).replace(third, other, 1)
    with pytest.raises(ValueError, match="59 is not a valid X509 version"):
        inspect(pem.write("CERTIFICATE", der))
    with pytest.raises(ValueError, match="bytes that hbss does not know"):
        inspect(der)
    message = cms.sign(private(), b"1234", certificate=root)
    with pytest.raises(hbss.InvalidSignature, match="a certificate in the message cannot be read"):
        cms.certificates(message.replace(third, other, 1))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "0 bytes that hbss does not know"),
        (b"hello", "5 bytes that hbss does not know"),
        (pem.write("X509 CRL", b""), "a PEM block of X509 CRL, which hbss does not read"),
        (pem.write("PUBLIC KEY", b"x"), "malformed DER"),
        (b"-----BEGIN NOTHING", "malformed PEM"),
    ],
)
def test_what_is_not_known(data: bytes, says: str) -> None:
    """One clear ValueError."""
    with pytest.raises(ValueError, match=says):
        inspect(data)


@given(st.binary(max_size=400))
def test_arbitrary_bytes(data: bytes) -> None:
    """A ValueError, or a finding; never another error."""
    for public in (None, private().public_key(), stateful("HSS")[0]):
        try:
            inspect(data, public)
        except ValueError:
            continue


def test_every_length_of_a_signature_is_known() -> None:
    """Zeros of the length of each XMSS, XMSS^MT and SLH-DSA signature have that set among their candidates."""
    for row in rows().values():
        if row.scheme != "LMS":
            assert row.name in inspect(bytes(row.signature_len)).facts["candidates"]  # type: ignore[operator]


# ---- the command ---------------------------------------------------------------------------------------------------


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A stateful key through its store, files of other kinds, and JSON."""
    monkeypatch.chdir(tmp_path)
    assert run(["keygen", "LMS_SHA256_M32_H5_W8", "k"]) == 0
    Path("f").write_bytes(b"data")
    assert run(["sign", "k", "f"]) == 0
    capsys.readouterr()
    assert run(["inspect", "k", "k.pub", "f.sig", "--key", "k.pub"]) == 0
    shown = capsys.readouterr().out
    assert "k: stateful private key\n  set: LMS_SHA256_M32_H5_W8\n" in shown
    assert "  state kept in: its own file\n  witness: none\n" in shown
    assert "  signatures left: 30\n" in shown
    assert "f.sig: signature\n  set: LMS_SHA256_M32_H5_W8\n" in shown
    assert "  index: 0\n" in shown
    assert run(["inspect", "--json", "k.pub", "f.sig"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(each["file"], each["kind"]) for each in found] == [("k.pub", "public key"), ("f.sig", "signature")]
    assert run(["inspect", "f"]) == 2
    said = capsys.readouterr().err
    assert said == "hbss: f: 4 bytes that hbss does not know: no key, signature, certificate, CMS or COSE message\n"
    assert run(["inspect", "none"]) == 2
    assert "none: No such file" in capsys.readouterr().err
