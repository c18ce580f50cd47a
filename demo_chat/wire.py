"""What travels between server and clients: one JSON object a text frame, told apart by its "type".

Everything that comes from outside passes through here and is exact afterwards: no unknown fields, no numbers written as
text, binary values of their one length and in the one way to write them. Nothing here says whether a name is allowed or
a signature good; that is for protocol.py and room.py.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Annotated, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator, TypeAdapter, ValidationError

PROTOCOL = "hbss-chat/1"
FRAME_BYTES = 65_536  # the longest frame that a client may send
LEAVES = 1024  # of a session key, LMS of height 10

_T = TypeVar("_T")
Code = Literal[
    "malformed", "signature", "certificate", "expired", "origin", "room", "name", "leaf", "reuse", "time", "too_long",
    "rate", "full",
]  # fmt: skip


def _exactly(length: int) -> Callable[[object], bytes]:
    """Reads base64 of so many bytes, padded and canonical (pydantic's Base64Bytes accepts more than that)."""
    characters = 4 * ((length + 2) // 3)

    def read(value: object) -> bytes:
        if isinstance(value, bytes) and len(value) == length:  # from Python, not from JSON, which has no bytes
            return value
        if not isinstance(value, str) or len(value) != characters:
            raise ValueError(f"expected {length} bytes as {characters} characters of base64")
        try:
            found = binascii.a2b_base64(value)
        except ValueError:  # binascii.Error is one, and so is text that is not ASCII
            raise ValueError("expected base64") from None
        if len(found) != length or _text(found) != value:
            raise ValueError(f"expected {length} bytes as base64 that is padded and canonical")
        return found

    return read


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


_AS_TEXT = PlainSerializer(_text, return_type=str)
Id = Annotated[bytes, PlainValidator(_exactly(16)), _AS_TEXT]
Hash = Annotated[bytes, PlainValidator(_exactly(32)), _AS_TEXT]
IdentityKey = Annotated[bytes, PlainValidator(_exactly(32)), _AS_TEXT]
SessionKey = Annotated[bytes, PlainValidator(_exactly(60)), _AS_TEXT]
SessionSignature = Annotated[bytes, PlainValidator(_exactly(2512)), _AS_TEXT]
IdentitySignature = Annotated[bytes, PlainValidator(_exactly(7856)), _AS_TEXT]
Leaf = Annotated[int, Field(ge=0, lt=LEAVES)]
Time = Annotated[int, Field(ge=0, lt=2**53)]  # milliseconds since 1970, exact in JavaScript too
Sequence = Annotated[int, Field(ge=0, lt=2**53)]
Word = Annotated[str, Field(max_length=300)]  # origins, rooms and names, which have rules of their own


class _Exact(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Certificate(_Exact):
    """What an identity key says of a session key: who uses it, where, and until when."""

    origin: Word
    name: Word
    identity: IdentityKey
    session: SessionKey
    issued: Time
    expires: Time
    signature: IdentitySignature


class Message(_Exact):
    """A signed message. certificate: hash of its sender's; previous: of this session's previous message."""

    certificate: Hash
    leaf: Leaf
    id: Id
    previous: Hash
    time: Time
    text: str
    signature: SessionSignature


class Entry(_Exact):
    """A message with what the server says of it: its number, and when it came."""

    sequence: Sequence
    received: Time
    message: Message


class Present(_Exact):
    """Somebody who is online, by the server's word."""

    name: Word
    identity: IdentityKey


# ---- from a client


class Hello(_Exact):
    """Introduces a session key; the signature is over the connection's challenge."""

    type: Literal["hello"] = "hello"
    certificate: Certificate
    leaf: Leaf
    signature: SessionSignature


class Post(Message):
    """A message on its way to the server."""

    type: Literal["message"] = "message"


FromClient: TypeAlias = Hello | Post


# ---- from the server


class Challenge(_Exact):
    """The first frame of a connection."""

    type: Literal["challenge"] = "challenge"
    protocol: Word
    origin: Word
    room: Word
    challenge: Hash


class Welcome(_Exact):
    """The answer to a connection's first good hello, with everything that is needed to verify what it holds."""

    type: Literal["welcome"] = "welcome"
    certificate: Hash
    online: list[Present]
    certificates: list[Certificate]
    history: list[Entry]
    now: Time


class Renewed(_Exact):
    """The answer to every later good hello."""

    type: Literal["renewed"] = "renewed"
    certificate: Hash


class Announced(_Exact):
    """A certificate, sent before anything that is signed under it."""

    type: Literal["certificate"] = "certificate"
    certificate: Certificate


class Joined(Present):
    """The first connection of an identity."""

    type: Literal["joined"] = "joined"


class Left(Present):
    """The last connection of an identity has gone."""

    type: Literal["left"] = "left"


class Relayed(Entry):
    """Somebody's message."""

    type: Literal["message"] = "message"


class Accepted(_Exact):
    """The sender's message is kept, and has this number; said again of a message that is sent again."""

    type: Literal["accepted"] = "accepted"
    id: Id
    sequence: Sequence
    received: Time


class Refused(_Exact):
    """What a client sent was not accepted. id: of the message, if it was one."""

    type: Literal["refused"] = "refused"
    id: Id | None
    code: Code
    detail: str


class SignedHello(_Exact):
    """What is needed to verify a hello afterwards."""

    leaf: Leaf
    challenge: Hash
    signature: SessionSignature


class MessageEvidence(_Exact):
    """A signed message, as one half of an evidence."""

    kind: Literal["message"] = "message"
    message: Message


class HelloEvidence(_Exact):
    """A signed hello, as one half of an evidence."""

    kind: Literal["hello"] = "hello"
    hello: SignedHello


Evidence = Annotated[MessageEvidence | HelloEvidence, Field(discriminator="kind")]


class Reuse(_Exact):
    """One leaf that signed two things: the evidence, which its receivers verify before they believe it."""

    type: Literal["reuse"] = "reuse"
    certificate: Certificate
    leaf: Leaf
    first: Evidence
    second: Evidence


FromServer: TypeAlias = Challenge | Welcome | Renewed | Announced | Joined | Left | Relayed | Accepted | Refused | Reuse

_from_client: TypeAdapter[FromClient] = TypeAdapter(Annotated[FromClient, Field(discriminator="type")])
_from_server: TypeAdapter[FromServer] = TypeAdapter(Annotated[FromServer, Field(discriminator="type")])


class Malformed(ValueError):
    """A frame that is none of this protocol; the text says where and why."""


def from_client(text: str) -> FromClient:
    """The frame in this text, or Malformed."""
    return _read(_from_client, text)


def from_server(text: str) -> FromServer:
    """The frame in this text, or Malformed."""
    return _read(_from_server, text)


def _read(adapter: TypeAdapter[_T], text: str) -> _T:
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the frame"
        raise Malformed(f"{place}: {first['msg']}"[:200]) from None
