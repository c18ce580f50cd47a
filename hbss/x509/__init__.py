"""X.509 certificates and certification requests with hash-based keys (the extra `x509`).

RFC 5280 and RFC 2986, with RFC 9802 (HSS/LMS, XMSS, XMSS^MT) and RFC 9909 (SLH-DSA). Certificates and requests are
objects of the package `cryptography`, and so are names and extensions. hbss makes and checks what a hash-based key
signs; `cryptography` checks the signatures of all other keys in a chain.

    from cryptography import x509
    root = self_signed(key, x509.Name.from_rfc4514_string("CN=Example Root"), days=3650)
"""

from __future__ import annotations

try:
    import cryptography  # noqa: F401
except ModuleNotFoundError as error:  # pragma: no cover - the tests have it
    raise ModuleNotFoundError("certificates need cryptography: pip install 'hbss[x509]'", name=error.name) from None

from hbss.x509.fields import public_key
from hbss.x509.issuing import issue, request, self_signed
from hbss.x509.path import verify_chain, verify_issued, verify_request

__all__ = ["issue", "public_key", "request", "self_signed", "verify_chain", "verify_issued", "verify_request"]
