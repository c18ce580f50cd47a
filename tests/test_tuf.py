"""Hash-based keys in securesystemslib, and TUF metadata that python-tuf signs and verifies with them."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest
from securesystemslib.exceptions import UnverifiedSignatureError, VerificationError
from securesystemslib.signer import CryptoSigner, Key, Signature, Signer
from securesystemslib.signer._utils import compute_default_keyid
from tuf.api.exceptions import UnsignedMetadataError
from tuf.api.metadata import Metadata, Root, Targets

import hbss
from hbss.tuf import HbssKey, HbssSigner, register
from tests.some_keys import STATEFUL, private, stateful

UNTIL = datetime(2100, 1, 1, tzinfo=timezone.utc)


@pytest.fixture(autouse=True)
def registered() -> None:
    """Twice is as good as once."""
    register()
    register()


def test_tuf_metadata_is_signed_and_verified(tmp_path: Path) -> None:
    """A root of SLH-DSA, XMSS and Ed25519 keys, of which two must sign; written, read by others, and changed."""
    hbss.create_key(tmp_path / "second.key", "XMSS-SHA2_10_256")
    with hbss.open_key(tmp_path / "second.key") as key:
        second = HbssKey.of(key.public_key())
    first, third = HbssSigner.of(private()), CryptoSigner.generate_ed25519()
    signer = Signer.from_priv_key_uri(f"hbss:{tmp_path / 'second.key'}", second)
    root = Root(expires=UNTIL)
    for each in first.public_key, second, third.public_key:
        root.add_key(each, "root")
        root.add_key(each, "targets")
    root.roles["root"].threshold = 2
    written = Metadata(root)
    written.sign(first)
    written.sign(signer, append=True)
    written.to_file(str(tmp_path / "root.json"))

    read: Metadata[Root] = Metadata.from_file(str(tmp_path / "root.json"))
    assert isinstance(read.signed.keys[second.keyid], HbssKey)
    read.verify_delegate("root", read)
    read.signed.verify_delegate("root", read.signed_bytes, read.signatures)
    targets = Metadata(Targets(expires=UNTIL))
    targets.sign(signer)
    read.signed.verify_delegate("targets", targets.signed_bytes, targets.signatures)
    with hbss.open_key(tmp_path / "second.key") as key:
        assert key.remaining == 1021, "an index a signature"
    read.signed.version += 1
    with pytest.raises(UnsignedMetadataError, match="signed by 0/2 keys"):
        read.verify_delegate("root", read)


@pytest.mark.parametrize("family", STATEFUL)
def test_every_family(family: str) -> None:
    """Its key goes into metadata and back; a good signature is accepted and a bad one is not."""
    public, signature = stateful(family)
    key = Key.from_dict("id", HbssKey.of(public).to_dict())
    assert key == HbssKey.of(public, "id")
    key.verify_signature(Signature("id", signature.hex()), b"message")
    with pytest.raises(UnverifiedSignatureError, match="by id does not fit"):
        key.verify_signature(Signature("id", signature.hex()), b"other")
    for text in ("xyz", "abc", None):
        with pytest.raises(VerificationError):
            key.verify_signature(Signature("id", text), b"message")  # type: ignore[arg-type]


def test_keys_that_do_not_hold() -> None:
    """Another type or scheme than the key's own, and no key at all; unknown fields are kept."""
    good = HbssKey.of(private().public_key())
    assert (good.keytype, good.scheme) == ("slh-dsa", "slh-dsa-sha2-128f")
    assert good.keyid == compute_default_keyid(good.keytype, good.scheme, good.keyval)
    assert HbssKey.from_dict("id", {**good.to_dict(), "x-more": 1}).to_dict()["x-more"] == 1
    cases: list[tuple[dict[str, object], str]] = [
        ({"keytype": "xmss", "scheme": "xmss"}, "is not of type 'xmss'"),
        ({"scheme": "slh-dsa-sha2-128s"}, "is not of type 'slh-dsa' and scheme 'slh-dsa-sha2-128s'"),
        ({"keyval": {}}, "has its PEM under"),
        ({"keyval": {"public": "no key"}}, "malformed"),
    ]
    for wrong, says in cases:
        with pytest.raises(ValueError, match=says):
            Key.from_dict("id", {**good.to_dict(), **wrong})
    bound = hbss.PublicKey.from_raw("SLH-DSA-SHA2-128f", good.hbss_key.public_bytes_raw(), prehash="SHA2-256")
    with pytest.raises(hbss.BadKey, match="bound to a pre-hash"):
        HbssKey.of(bound)


def test_signers_from_files(tmp_path: Path) -> None:
    """Of both kinds, with a password if there is one; and what does not fit is said."""
    key, file = HbssKey.of(private().public_key()), tmp_path / "k"
    file.write_bytes(private().pem())
    key.verify_signature(HbssSigner.from_priv_key_uri(f"hbss:{file}", key).sign(b"x"), b"x")
    file.write_bytes(private().pem("secret"))
    asked: list[str] = []

    def handler(name: str) -> str:
        asked.append(name)
        return "secret"

    signer = HbssSigner.from_priv_key_uri(f"hbss:{file}", key, handler)
    key.verify_signature(signer.sign(b"x"), b"x")
    assert asked == ["password"]
    assert signer.public_key == key
    with pytest.raises(ValueError, match="no secrets_handler"):
        HbssSigner.from_priv_key_uri(f"hbss:{file}", key)
    hbss.create_key(tmp_path / "sealed", "LMS_SHA256_M32_H5_W8", password="secret")
    stateful_key = HbssKey.of(hbss.state.public_key(tmp_path / "sealed"))
    signer = HbssSigner.from_priv_key_uri(f"hbss:{tmp_path / 'sealed'}", stateful_key, handler)
    stateful_key.verify_signature(signer.sign(b"x"), b"x")
    with pytest.raises(ValueError, match="no secrets_handler"):
        HbssSigner.from_priv_key_uri(f"hbss:{tmp_path / 'sealed'}", stateful_key)
    other = HbssKey.of(stateful("LMS")[0])
    with pytest.raises(hbss.BadKey, match="holds another key"):
        HbssSigner.from_priv_key_uri(f"hbss:{file}", other, handler)
    with pytest.raises(ValueError, match="expected hbss:FILE"):
        HbssSigner.from_priv_key_uri("file2:x", key)
    with pytest.raises(ValueError, match=r"call hbss\.tuf\.register"):
        HbssSigner.from_priv_key_uri(f"hbss:{file}", CryptoSigner.generate_ed25519().public_key)
    with pytest.raises(FileNotFoundError):
        HbssSigner.from_priv_key_uri(f"hbss:{tmp_path / 'none'}", key)
