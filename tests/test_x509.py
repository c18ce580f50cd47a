"""X.509 and PKCS #10 with hash-based keys: others read ours, we read theirs, and what does not hold is refused."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from pyasn1.codec.der.decoder import decode
from pyasn1.codec.der.encoder import encode
from pyasn1_alt_modules import rfc2986, rfc5280

import hbss
from hbss import InvalidCertificate
from hbss.encoding import certificate, der, keyfile, pem
from hbss.encoding.identifiers import IDENTIFIERS
from hbss.x509 import issue, public_key, request, self_signed, verify_chain, verify_issued, verify_request
from tests.openssl_kit import OpenSSL
from tests.some_keys import private

UTC = datetime.timezone.utc
NOW = datetime.datetime(2026, 3, 1, 12, tzinfo=UTC)
SETS = {
    "LMS": "LMS_SHA256_M32_H5_W8", "HSS": "LMS_SHA256_M24_H5_W8+LMS_SHA256_M24_H5_W4", "XMSS": "XMSS-SHA2_10_256",
    "XMSSMT": "XMSSMT-SHA2_20/4_256",
}  # fmt: skip


def name(text: str) -> x509.Name:
    return x509.Name.from_rfc4514_string(f"CN={text},O=Example")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """An open key of every family."""
    folder = tmp_path_factory.mktemp("keys")
    found: dict[str, Any] = {"SLH-DSA": private()}
    for family, wanted in SETS.items():
        hbss.create_key(folder / family, wanted)
        found[family] = hbss.open_key(folder / family)
    yield found
    for family in SETS:
        found[family].close()


@functools.cache
def root() -> x509.Certificate:
    return self_signed(private(), name("Root"), days=None, not_before=NOW - datetime.timedelta(days=1))


def issued(subject: str, key: Any, **more: Any) -> x509.Certificate:
    return issue(private(), root(), name(subject), key, not_before=NOW, **more)


# ---- what is written -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["SLH-DSA", *SETS])
def test_certificates_read_by_pyasn1(keys: dict[str, Any], family: str) -> None:
    """The RFC's identifier twice, no parameters, the key as in its own file; and the same bytes written again."""
    key = keys[family]
    found = self_signed(key, name(family))
    data = found.public_bytes(Encoding.DER)
    read, rest = decode(data, asn1Spec=rfc5280.Certificate())
    assert not rest
    assert encode(read) == data
    oid = IDENTIFIERS[key.public_key().algorithm]
    for algorithm in (
        read["signatureAlgorithm"], read["tbsCertificate"]["signature"],
        read["tbsCertificate"]["subjectPublicKeyInfo"]["algorithm"],
    ):  # fmt: skip
        assert str(algorithm["algorithm"]) == oid
        assert not algorithm["parameters"].isValue
    assert encode(read["tbsCertificate"]["subjectPublicKeyInfo"]) == key.public_key().der()
    key.public_key().verify(read["signature"].asOctets(), encode(read["tbsCertificate"]))
    assert public_key(found) == key.public_key()
    verify_issued(found, found)


@pytest.mark.parametrize("family", ["SLH-DSA", "LMS", "XMSS"])
def test_requests_read_by_pyasn1(keys: dict[str, Any], family: str) -> None:
    """RFC 2986, with the extensions that are asked for."""
    hosts = x509.SubjectAlternativeName([x509.DNSName("a.example.org")])
    asked = request(keys[family], name(family), [(hosts, False)])
    data = asked.public_bytes(Encoding.DER)
    read, rest = decode(data, asn1Spec=rfc2986.CertificationRequest())
    assert not rest
    assert encode(read) == data
    keys[family].public_key().verify(read["signature"].asOctets(), encode(read["certificationRequestInfo"]))
    assert asked.extensions.get_extension_for_class(x509.SubjectAlternativeName).value == hosts
    assert public_key(asked) == keys[family].public_key()
    verify_request(asked)
    verify_request(request(keys[family], name(family)))


def test_what_is_in_a_certificate(keys: dict[str, Any]) -> None:
    """Names, dates, rights, identifiers; what the caller gives replaces what is usual."""
    found = issued("end", keys["LMS"].public_key(), days=30, serial=77)
    assert (found.version, found.serial_number) == (x509.Version.v3, 77)
    assert (found.issuer, found.subject) == (name("Root"), name("end"))
    assert (found.not_valid_before_utc, found.not_valid_after_utc) == (NOW, NOW + datetime.timedelta(days=30))
    get = found.extensions.get_extension_for_class
    assert get(x509.BasicConstraints).value == x509.BasicConstraints(ca=False, path_length=None)
    assert get(x509.KeyUsage).critical
    assert get(x509.KeyUsage).value.digital_signature
    assert not get(x509.KeyUsage).value.key_cert_sign
    above = root().extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert get(x509.AuthorityKeyIdentifier).value.key_identifier == above.digest
    assert len(get(x509.SubjectKeyIdentifier).value.digest) == 20
    assert root().not_valid_after_utc == datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    own = x509.SubjectKeyIdentifier(b"my own")
    other = issued("end", keys["LMS"].public_key(), extensions=[(own, False)])
    assert other.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value == own
    assert len(other.extensions) == 4


@pytest.mark.parametrize(("year", "tag"), [(2049, der.UTC_TIME), (2050, der.GENERALIZED_TIME)])
def test_dates_change_their_form_in_2050(year: int, tag: int) -> None:
    """RFC 5280, section 4.1.2.5."""
    start = datetime.datetime(year, 1, 1, tzinfo=UTC)
    found = self_signed(private(), name("Root"), not_before=start)
    assert found.not_valid_before_utc == start
    assert bytes([tag, 13 if year < 2050 else 15]) in found.public_bytes(Encoding.DER)


def test_a_certificate_costs_one_index(keys: dict[str, Any]) -> None:
    """And a request one."""
    left = keys["LMS"].remaining
    own = self_signed(keys["LMS"], name("LMS"))
    issue(keys["LMS"], own, name("end"), private().public_key())
    request(keys["LMS"], name("LMS"))
    assert keys["LMS"].remaining == left - 3
    with pytest.raises(InvalidCertificate, match="of another key than the one that signs"):
        issue(keys["LMS"], root(), name("end"), private().public_key())
    with pytest.raises(TypeError, match="not bytes"):
        issue(keys["LMS"], own, name("end"), b"key")
    for wrong in (
        {"days": 0},
        {"days": -1},
        {"days": 1e9},
        {"serial": 0},
        {"serial": 1 << 159},
        {"not_before": datetime.datetime(2026, 1, 1)},
    ):
        with pytest.raises(ValueError, match=r"more than|positive|time zone"):
            issue(keys["LMS"], own, name("end"), private().public_key(), **wrong)
    assert keys["LMS"].remaining == left - 3, "a mistake costs no index"


def test_a_key_bound_to_a_prehash() -> None:
    """HashSLH-DSA has identifiers of its own (RFC 9909)."""
    raw = private().private_bytes_raw()
    bound = hbss.PrivateKey.from_raw("SLH-DSA-SHA2-128f", raw, prehash="SHA2-256")
    found = self_signed(bound, name("Root"))
    assert found.signature_algorithm_oid.dotted_string == "2.16.840.1.101.3.4.3.36"
    verify_issued(found, found)
    with pytest.raises(InvalidCertificate, match="another algorithm"):
        verify_issued(found, self_signed(private(), name("Root")))


# ---- chains --------------------------------------------------------------------------------------------------------


def test_chains_of_mixed_algorithms(keys: dict[str, Any]) -> None:
    """A hash-based root over others, and others over hash-based ends."""
    for key in (ed25519.Ed25519PrivateKey.generate(), mldsa.MLDSA65PrivateKey.generate()):
        verify_chain([issued("end", key.public_key())], [root()], at=NOW)
    middle = issued("middle", keys["XMSS"].public_key(), ca=True, path_length=0)
    end = issue(keys["XMSS"], middle, name("end"), keys["LMS"].public_key(), not_before=NOW)
    for chain in ([end, middle], [end, middle, root()]):
        verify_chain(chain, [issued("Root", private().public_key()), root()], at=NOW)
    theirs = ec.generate_private_key(ec.SECP256R1())
    above = issued("theirs", theirs.public_key(), ca=True)
    below = (
        x509.CertificateBuilder(above.subject, name("below"), ed25519.Ed25519PrivateKey.generate().public_key(), 5)
        .not_valid_before(NOW).not_valid_after(NOW + datetime.timedelta(days=9)).sign(theirs, hashes.SHA256())
    )  # fmt: skip
    verify_chain([below, above], [root()], at=NOW)


def refuse(says: str, chain: list[x509.Certificate], trusted: list[x509.Certificate], at: Any = NOW) -> None:
    with pytest.raises(InvalidCertificate, match=says):
        verify_chain(chain, trusted, at=at)


def test_chains_that_do_not_hold(keys: dict[str, Any]) -> None:
    """Each reason by name."""
    key = keys["XMSS"].public_key()
    end, middle = issued("end", key, days=10), issued("middle", key, ca=True, path_length=0)
    with pytest.raises(InvalidCertificate, match="allows 0 authorities below it; here there are 1"):
        issue(keys["XMSS"], middle, name("below"), key, ca=True, not_before=NOW)
    below = issue(keys["XMSS"], middle.subject, name("below"), key, ca=True, not_before=NOW)
    last = issue(keys["XMSS"], below, name("last"), key, not_before=NOW)
    day = datetime.timedelta(days=1)
    refuse(r"CN=end,O=Example is valid from .* not at", [end], [root()], NOW + 11 * day)
    refuse(r"is valid from", [end], [root()], NOW - day / 2)
    refuse(r"Root.* is valid from", [root()], [root()], NOW - 2 * day)
    refuse(r"not trusted, and no trusted one issued it", [end], [middle])
    refuse(r"CN=last,O=Example was not issued by CN=middle", [last, middle], [root()])
    refuse(r"middle.* allows 0 authorities below it; here there are 1", [last, below, middle], [root()])
    verify_chain([below, middle], [root()], at=NOW)
    stranger = self_signed(keys["LMS"], name("Root"), not_before=NOW)
    refuse(r"was not issued by CN=Root,O=Example: it names another algorithm", [end], [stranger])
    other = self_signed(hbss.generate("SLH-DSA-SHA2-128f"), name("Root"), not_before=NOW)
    refuse(r"was not issued by CN=Root,O=Example: .*does not belong", [end], [other])
    forged = issue(keys["XMSS"], end.subject, name("x"), key, not_before=NOW)
    refuse(r"end.* may not issue certificates: it is no authority", [forged, end], [root()])
    usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
    weak = issued("weak", key, ca=True, extensions=[(usage, True)])
    refuse(
        r"weak.* key usage does not say so",
        [issue(keys["XMSS"], weak.subject, name("x"), key, not_before=NOW), weak], [root()],
    )  # fmt: skip
    strange = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0")
    refuse(
        r"critical extension that is not understood: 1\.2\.3\.4",
        [issued("x", key, extensions=[(strange, True)])],
        [root()],
    )
    other_strange = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.5"), b"\5\0")
    two = issued("x", key, extensions=[(strange, False), (other_strange, False)])
    assert len(two.extensions) == 6
    verify_chain([two], [root()], at=NOW)
    for chain, trusted in ([], [root()]), ([end], []):
        with pytest.raises(ValueError, match="needs a certificate"):
            verify_chain(chain, trusted)
    with pytest.raises(ValueError, match="no time zone"):
        verify_chain([end], [root()], at=datetime.datetime(2026, 3, 1))


def test_a_renewed_authority_does_not_count(keys: dict[str, Any]) -> None:
    """A certificate of a key for its own name, by its old key, takes nothing of a path's length (RFC 5280, 6.1.4)."""
    first = self_signed(private(), name("Root"), not_before=NOW, path_length=0)
    renewed = issue(private(), first, first.subject, keys["XMSS"].public_key(), ca=True, path_length=0, not_before=NOW)
    end = issue(keys["XMSS"], renewed, name("end"), keys["LMS"].public_key(), not_before=NOW)
    verify_chain([end, renewed], [first], at=NOW)


def test_what_no_certificate_may_say(keys: dict[str, Any]) -> None:
    """Refused before anything is signed; and a key that does not sign gets no usage that says so."""
    agreeing = x25519.X25519PrivateKey.generate().public_key()
    hosts = x509.SubjectAlternativeName([x509.DNSName("example.org")])
    nobody = x509.Name([])
    for says, act in (
        ("an issuer has a name", lambda: self_signed(private(), nobody)),
        ("the subject has no name", lambda: issued_to(nobody, ())),
        ("the subject has no name", lambda: issued_to(nobody, [(hosts, False)])),
        ("does not sign", lambda: issue(private(), root(), name("x"), agreeing, ca=True, not_before=NOW)),
        ("given twice", lambda: request(private(), name("x"), [(hosts, False), (hosts, False)])),
    ):
        with pytest.raises(ValueError, match=says):
            act()
    verify_chain([issued_to(nobody, [(hosts, True)])], [root()], at=NOW)
    found = issue(private(), root(), name("x"), agreeing, not_before=NOW)
    assert not any(isinstance(each.value, x509.KeyUsage) for each in found.extensions)


def issued_to(subject: x509.Name, extensions: Any) -> x509.Certificate:
    return issue(private(), root(), subject, private().public_key(), not_before=NOW, extensions=extensions)


def test_algorithms_that_contradict_each_other() -> None:
    """Two different identifiers, and parameters where there must be none."""
    found = root()
    parts = certificate.read_certificate(found.public_bytes(Encoding.DER))
    kind = private().public_key().algorithm
    other = keyfile.write_algorithm(kind._replace(set_name="SLH-DSA-SHA2-128s"))
    null = der.encode(der.SEQUENCE, der.encode_oid(IDENTIFIERS[kind]), b"\5\0")
    for outer, says in (other, "two different algorithms"), (null, "two different algorithms"):
        changed = x509.load_der_x509_certificate(certificate.write_signed(parts.content, outer, parts.signature))
        with pytest.raises(InvalidCertificate, match=says):
            verify_issued(changed, found)
    fields = der.Reader(parts.content).read(der.SEQUENCE)
    content = der.encode(der.SEQUENCE, fields.replace(parts.algorithm, null, 1))
    signed = certificate.write_signed(content, null, private().sign(content))
    with pytest.raises(InvalidCertificate, match="parameters"):
        verify_issued(x509.load_der_x509_certificate(signed), found)


@functools.cache
def encoded() -> bytes:
    return issued("end", private().public_key()).public_bytes(Encoding.DER)


@given(st.data())
@settings(max_examples=400, deadline=None)
def test_no_changed_certificate_holds(data: st.DataObject) -> None:
    """Whatever byte is changed, cut or added: it is not parsed, or refused, and never another error."""
    whole = bytearray(encoded())
    place = data.draw(st.one_of(st.integers(0, 400), st.integers(0, len(whole) - 1)))
    change = data.draw(st.sampled_from(["flip", "cut", "insert"]))
    if change == "flip":
        whole[place] ^= data.draw(st.integers(1, 255))
    elif change == "cut":
        del whole[place:]
    else:
        whole[place:place] = data.draw(st.binary(min_size=1, max_size=4))
    try:
        found = x509.load_der_x509_certificate(bytes(whole))
    except (ValueError, x509.InvalidVersion):
        return
    with pytest.raises(InvalidCertificate):
        verify_chain([found], [root()], at=NOW)


@given(st.binary(max_size=300))
def test_arbitrary_bytes(data: bytes) -> None:
    """A decoder has one error."""
    for read in (certificate.read_certificate, certificate.read_request):
        with pytest.raises(hbss.BadKey):
            read(data)


def test_requests_that_do_not_hold(keys: dict[str, Any]) -> None:
    """A request for a key that did not sign it."""
    content = certificate.write_request(name("x").public_bytes(), keys["LMS"].public_key().der(), [])
    algorithm = keyfile.write_algorithm(private().public_key().algorithm)
    for signature in (private().sign(content), private().sign(b"x")):
        wrong = x509.load_der_x509_csr(certificate.write_signed(content, algorithm, signature))
        with pytest.raises(InvalidCertificate, match="not signed by its own key"):
            verify_request(wrong)
    theirs = ed25519.Ed25519PrivateKey.generate()
    verify_request(x509.CertificateSigningRequestBuilder(name("x")).sign(theirs, None))


# ---- OpenSSL -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["SLH-DSA-SHA2-128f", "SLH-DSA-SHAKE-128f", "SLH-DSA-SHA2-192f"])
def test_openssl_accepts_ours_and_we_theirs(openssl: OpenSSL, kind: str) -> None:
    """Certificates of SLH-DSA, both ways."""
    key = hbss.generate(kind)
    ours = self_signed(key, name("Root")).public_bytes(Encoding.DER)
    assert openssl.certificate_holds(ours)
    broken = bytearray(ours)
    broken[-1] ^= 1
    assert not openssl.certificate_holds(bytes(broken))
    theirs = x509.load_der_x509_certificate(openssl.certificate(openssl.keygen(kind), "Their Root"))
    verify_issued(theirs, theirs)
    assert isinstance(public_key(theirs), hbss.PublicKey)


def test_a_key_that_nobody_knows() -> None:
    """BadKey with its identifier, whoever would have to read it."""
    oid = der.encode_oid(IDENTIFIERS[private().public_key().algorithm])
    data = self_signed(private(), name("Root")).public_bytes(Encoding.DER)
    found = x509.load_der_x509_certificate(data.replace(oid, oid[:-1] + b"\x63"))
    with pytest.raises(hbss.BadKey, match=r"of the algorithm 2\.16\.840\.1\.101\.3\.4\.3\.99, cannot be read"):
        public_key(found)
    with pytest.raises(InvalidCertificate, match="cannot be read"):
        verify_issued(found, found)


# ---- the command ---------------------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """The command line, in a folder of its own."""
    from hbss.cli.app import run as command

    monkeypatch.chdir(tmp_path)
    return lambda *words: command(["cert", *words])


def test_from_key_to_chain(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    """As a small authority would do it."""
    from hbss.cli.app import run as command

    for kind, key in ("SLH-DSA-SHA2-128f", "root.key"), ("LMS_SHA256_M32_H5_W8", "device.key"):
        assert command(["keygen", kind, key]) == 0
    assert run("self", "root.key", "--name", "CN=Root", "--no-end", "-o", "root.pem") == 0
    assert run("request", "device.key", "--name", "CN=device 7", "--dns", "d7.example.org", "-o", "d.csr") == 0
    assert run("verify", "d.csr") == 0
    assert run("issue", "root.key", "root.pem", "d.csr", "--days", "30", "-o", "d.pem") == 0
    assert run("verify", "d.pem", "--trust", "root.pem") == 0
    said = capsys.readouterr().err
    assert "good request" in said
    assert "good chain" in said
    found = x509.load_pem_x509_certificate(Path("d.pem").read_bytes())
    hosts = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert hosts.get_values_for_type(x509.DNSName) == ["d7.example.org"]
    assert run("verify", "d.pem", "--trust", "root.pem", "--at", "2020-01-01") == 1
    assert "BAD certificate" in capsys.readouterr().err
    assert run("issue", "root.key", "root.pem", "device.key.pub", "--name", "CN=x", "--ca", "-o", "x.pem") == 0
    assert run("verify", "x.pem", "--trust", "root.pem") == 0
    assert run("issue", "device.key", "x.pem", "root.key.pub", "--name", "CN=end", "-o", "end.pem") == 0
    Path("chain.pem").write_bytes(Path("end.pem").read_bytes() + Path("x.pem").read_bytes())
    Path("bundle.pem").write_bytes(Path("d.pem").read_bytes() + Path("root.pem").read_bytes())
    assert run("verify", "chain.pem", "--trust", "bundle.pem") == 0, "all certificates of a file count"
    Path("cut.pem").write_bytes(Path("end.pem").read_bytes() + Path("x.pem").read_bytes().replace(b"M", b"N", 4))
    assert run("verify", "cut.pem", "--trust", "bundle.pem") == 2
    Path("d.der").write_bytes(x509.load_pem_x509_csr(Path("d.csr").read_bytes()).public_bytes(Encoding.DER))
    assert run("verify", "d.der") == 0
    assert run("issue", "root.key", "root.pem", "d.der", "-o", "again.pem") == 0
    theirs = ed25519.Ed25519PrivateKey.generate().public_key()
    Path("ed.der").write_bytes(theirs.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    assert run("issue", "root.key", "root.pem", "ed.der", "--name", "CN=ed", "-o", "ed.pem") == 0


def test_mistakes_on_the_command_line(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    """One clear line, exit status 2, and nothing written."""
    from hbss.cli.app import run as command

    assert command(["keygen", "LMS_SHA256_M32_H5_W8", "k"]) == 0
    assert run("self", "k", "--name", "CN=Root", "-o", "root.pem") == 0
    Path("two.pem").write_bytes(Path("root.pem").read_bytes() * 2)
    unknown = der.encode(der.SEQUENCE, der.encode_oid("1.2.3.4"))
    Path("strange.pem").write_bytes(pem.write("PUBLIC KEY", der.encode(der.SEQUENCE, unknown, der.encode_bits(b"x"))))
    capsys.readouterr()
    for words, says in [
        (["self", "k", "--name", "Root", "-o", "x"], "is no name such as"),
        (["self", "k", "--name", "CN=R", "--days", "3", "--no-end", "-o", "x"], "not both"),
        (["self", "k", "--name", "CN=R", "--end", "--path-length", "1", "-o", "x"], "for an authority"),
        (["self", "k", "--name", "CN=R", "-o", "k"], "would overwrite"),
        (["issue", "k", "root.pem", "k.pub", "-o", "x"], "say --name"),
        (["issue", "k", "k.pub", "k.pub", "--name", "CN=x", "-o", "x"], "k.pub is no certificate"),
        (["issue", "k", "root.pem", "root.pem", "--name", "CN=x", "-o", "x"], "neither a request nor a public key"),
        (["issue", "k", "root.pem", "k.pub", "--name", "CN=x", "--path-length", "1", "-o", "x"], "say --ca"),
        (["issue", "k", "two.pem", "k.pub", "--name", "CN=x", "-o", "x"], "two.pem has 2 certificates"),
        (["issue", "k", "root.pem", "strange.pem", "--name", "CN=x", "-o", "x"], "neither a request nor a public key"),
        (["self", "k", "--name", "", "-o", "x"], "name that is not empty"),
        (["verify", "root.pem"], "say what is trusted"),
        (["verify", "none.pem", "--trust", "root.pem"], "none.pem: No such file"),
        (["verify", "k.pub", "--trust", "root.pem"], "k.pub is no certificate"),
    ]:
        assert run(*words) == 2, words
        said = capsys.readouterr().err
        assert says in said, said
        assert said.count("\n") == 1
    assert not Path("x").exists()
    with hbss.open_key("k") as key:
        assert key.remaining == 30
