"""What is signed, and what must hold of names, texts and certificates: the same for server and clients.

Signed bytes are fields behind a fixed tag, each with its length in front, never JSON that was written again. The tag
also fixes the algorithms: no message chooses them.
"""

from __future__ import annotations

import functools
import hashlib
import re
import unicodedata
from typing import NamedTuple
from urllib.parse import urlsplit

import hbss
from demo_chat import wire

IDENTITY_SET = "SLH-DSA-SHA2-128s"
SESSION_SET = "LMS_SHA256_M32_H10_W4"
CERTIFICATE_CONTEXT = b"hbss-chat/1 cert"
HELLO_TAG = b"hbss-chat/1 hello"
MESSAGE_TAG = b"hbss-chat/1 msg"
PHRASE_TAG = b"hbss-chat/1 safety phrase"

LIFETIME = 24 * 60 * 60 * 1000  # ms: the longest that a session key may be used
AHEAD = 5 * 60 * 1000  # ms that a clock may be ahead of the server's
NAME_CHARACTERS = 32
TEXT_BYTES = 4000
NO_MESSAGE = bytes(32)  # `previous` of a session's first message

# Cc control, Cf format (bidi controls, zero-width characters, tags), Cs surrogates, Zl and Zp line ends
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_BLANK = set("\u115f\u1160\u3164\uffa0\u2800")  # letters and symbols by category, but drawn as nothing


class Refusal(Exception):
    """Why something that came from outside is not accepted: one of the protocol's codes, and a sentence."""

    def __init__(self, code: wire.Code, detail: str) -> None:
        super().__init__(detail)
        self.code: wire.Code = code
        self.detail = detail


class Check(NamedTuple):
    """One signature to verify, and what to say if it is none."""

    key: hbss.PublicKey
    data: bytes
    signature: bytes
    context: bytes | None
    otherwise: Refusal


# ---- signed bytes


def field(data: bytes) -> bytes:
    """u32 length, big-endian, and the bytes."""
    return len(data).to_bytes(4, "big") + data


def number(value: int) -> bytes:
    """A field of eight bytes, big-endian."""
    return field(value.to_bytes(8, "big"))


def text(value: str) -> bytes:
    """A field of UTF-8."""
    return field(value.encode("utf-8"))


def certificate_body(certificate: wire.Certificate) -> bytes:
    """What the identity key signs, with `CERTIFICATE_CONTEXT`."""
    return b"".join(
        (
            text(certificate.origin), text(certificate.name), field(certificate.identity), field(certificate.session),
            number(certificate.issued), number(certificate.expires),
        )
    )  # fmt: skip


def certificate_hash(certificate: wire.Certificate) -> bytes:
    """How hellos and messages name their certificate, its signature included."""
    return hashlib.sha256(certificate_body(certificate) + field(certificate.signature)).digest()


def hello_bytes(origin: str, room: str, certificate: bytes, leaf: int, challenge: bytes) -> bytes:
    """What the session key signs to be let in. certificate: its hash."""
    return field(HELLO_TAG) + text(origin) + text(room) + field(certificate) + number(leaf) + field(challenge)


def message_bytes(origin: str, room: str, message: wire.Message) -> bytes:
    """What the session key signs of a message."""
    return b"".join(
        (
            field(MESSAGE_TAG), text(origin), text(room), field(message.certificate), number(message.leaf),
            field(message.id), field(message.previous), number(message.time), text(message.text),
        )
    )  # fmt: skip


def use_of_leaf(signed: bytes, signature: bytes) -> bytes:
    """What an auditor remembers of a leaf: a hash of the signed bytes and of the signature.

    The signature belongs to it. LMS hashes a randomiser with the message, so one leaf that signs the same bytes with
    two randomisers gives away as much of its key as one that signs two messages.
    """
    return hashlib.sha256(field(signed) + field(signature)).digest()


# ---- keys


@functools.lru_cache(maxsize=4096)
def identity_key(raw: bytes) -> hbss.PublicKey:
    """The SLH-DSA key of an identity."""
    return hbss.PublicKey.from_raw(IDENTITY_SET, raw)


@functools.lru_cache(maxsize=4096)
def session_key(raw: bytes) -> hbss.PublicKey:
    """The LMS key of a session, in HSS form. Refusal if the bytes are another kind of key."""
    try:
        return hbss.PublicKey.from_raw(SESSION_SET, raw)
    except hbss.BadKey:
        raise Refusal("certificate", f"the session key is not one of {SESSION_SET}, one level, in HSS form") from None


def fingerprint(identity: bytes) -> str:
    """80 bits of an identity key's fingerprint, as people compare them: five groups of four hexadecimal digits."""
    digits = identity_key(identity).fingerprint()
    return " ".join(digits[at : at + 4] for at in range(0, 20, 4))


def safety_phrase(mine: bytes, theirs: bytes) -> str:
    """What two people read to each other: the same 30 digits on both sides if each has the other's identity key."""
    digest = hashlib.sha256(field(PHRASE_TAG) + b"".join(map(field, sorted((mine, theirs))))).digest()
    digits = f"{int.from_bytes(digest, 'big') % 10**30:030}"
    return " ".join(digits[at : at + 5] for at in range(0, 30, 5))


# ---- certificates


def issue(
    identity: hbss.PrivateKey, session: hbss.PublicKey, origin: str, name: str, now: int, lifetime: int = LIFETIME
) -> wire.Certificate:
    """A certificate for a new session key, from `now` on (milliseconds)."""
    unsigned = wire.Certificate(
        origin=origin, name=name, identity=identity.public_key().public_bytes_raw(),
        session=session.public_bytes_raw(), issued=now, expires=now + lifetime, signature=bytes(7856),
    )  # fmt: skip
    signature = identity.sign(certificate_body(unsigned), CERTIFICATE_CONTEXT)
    return unsigned.model_copy(update={"signature": signature})


def check_certificate(certificate: wire.Certificate, origin: str, now: int | None = None) -> None:
    """Everything but the signature; Refusal if something is wrong.

    now: for whoever lets somebody in. Without it an expired certificate is right, as it is under an old message.
    """
    if certificate.origin != origin:
        raise Refusal("origin", f"the certificate is for {certificate.origin}, and this is {origin}")
    check_name(certificate.name)
    session_key(certificate.session)
    if not certificate.issued < certificate.expires <= certificate.issued + LIFETIME:
        raise Refusal("certificate", "a certificate is valid for some time, and for 24 hours at most")
    if now is not None and certificate.issued > now + AHEAD:
        raise Refusal("time", "the certificate begins in the future: one of the two clocks is more than 5 minutes off")
    if now is not None and certificate.expires <= now:
        raise Refusal("expired", "the certificate has expired: make a new session key")


def certificate_check(certificate: wire.Certificate) -> Check:
    """The signature to verify."""
    return Check(
        identity_key(certificate.identity), certificate_body(certificate), certificate.signature, CERTIFICATE_CONTEXT,
        Refusal("certificate", "the certificate's signature is not one by its identity key"),
    )  # fmt: skip


def session_check(certificate: wire.Certificate, data: bytes, signature: bytes) -> Check:
    """The signature of a hello or message to verify."""
    return Check(
        session_key(certificate.session), data, signature, None,
        Refusal("signature", "the signature does not belong to these bytes and the session key"),
    )  # fmt: skip


def check_leaf(leaf: int, signature: bytes) -> None:
    """Refusal unless the leaf that is stated is the one in the signature: u32(0), then q."""
    made = int.from_bytes(signature[4:8], "big")
    if made != leaf:
        raise Refusal("leaf", f"leaf {leaf} is stated, and leaf {made} made the signature")


def check_time(time: int, certificate: wire.Certificate) -> None:
    """Refusal unless a message's time lies within its certificate."""
    if not certificate.issued <= time <= certificate.expires:
        raise Refusal("time", "the message's time lies outside its certificate")


# ---- names, texts, origins


def check_name(name: str) -> None:
    """Refusal unless the name is one that shows all there is of it, in the one way to write it."""
    if not 1 <= len(name) <= NAME_CHARACTERS:
        raise Refusal("name", f"a name has 1 to {NAME_CHARACTERS} characters; this one has {len(name)}")
    for character in name:
        kind = unicodedata.category(character)
        if kind in _UNSEEN or character in _BLANK or (kind == "Zs" and character != " "):
            raise Refusal("name", f"a name has no invisible characters; this one has U+{ord(character):04X}")
    if name != name.strip(" ") or "  " in name:
        raise Refusal("name", "a name has no spaces at its ends, and no two in a row")
    if unicodedata.normalize("NFC", name) != name:
        raise Refusal("name", "a name is written in Unicode's normal form C")


def check_text(value: str) -> None:
    """Refusal unless the text can be sent."""
    try:
        size = len(value.encode("utf-8"))
    except UnicodeEncodeError:
        raise Refusal("malformed", "the text has a lone surrogate, which UTF-8 cannot write") from None
    if size > TEXT_BYTES:
        raise Refusal("too_long", f"a text has at most {TEXT_BYTES:,} bytes of UTF-8; this one has {size:,}")
    if not value.strip():
        raise Refusal("malformed", "the text is empty")


def origin_of(url: str) -> str:
    """scheme://host:port as a browser's location.origin writes it, of an http, https, ws or wss address.

    ValueError if it is none, or has a path.
    """
    parts = urlsplit(url)
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    if scheme not in {"http", "https"} or not parts.hostname or not re.fullmatch("[!-~]{1,300}", url):
        raise ValueError(f"expected an address such as http://localhost:8000, got {url!r}")
    if parts.path not in {"", "/"} or parts.query or parts.fragment or parts.username is not None:
        raise ValueError(f"expected scheme, host and port and nothing else, got {url!r}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    usual = {"http": 80, "https": 443}[scheme]
    return f"{scheme}://{host}" + ("" if parts.port in {None, usual} else f":{parts.port}")
