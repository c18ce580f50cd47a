"""The chat over TLS, as other machines need it."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.chat_kit import pipe, process

DAY = datetime.timedelta(days=1)


def test_page_and_socket(tmp_path: Path) -> None:
    """Over wss, with a certificate that the system is told to trust."""
    certificate, key = self_signed(tmp_path)
    with process(tmp_path / "db", 0, "--tls-cert", str(certificate), "--tls-key", str(key)) as running:
        trusting = ssl.create_default_context(cafile=str(certificate))
        assert httpx.get(f"{running.origin}/health", verify=trusting).json()["status"] == "ok"
        assert running.origin == f"https://localhost:{running.port}"
        done = pipe(tmp_path, "alice", running.origin, b"sealed\n", SSL_CERT_FILE=str(certificate))
        assert done.returncode == 0, done.stderr
        assert b"]: sealed\n" in done.stdout
        assert running.end() == ""


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate of localhost for itself, and its key."""
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]),
    )
    start = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), start, start + DAY)
    whom = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    certificate = builder.add_extension(whom, critical=False).sign(key, hashes.SHA256())
    (folder / "cert.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return folder / "cert.pem", folder / "key.pem"
