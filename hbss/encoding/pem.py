"""PEM (RFC 7468): base64 between two lines that say what it is."""

from __future__ import annotations

import base64
import re

from hbss.errors import BadKey

_BLOCK = re.compile(
    rb"\s*-----BEGIN ([A-Z0-9 ]+)-----[ \t]*\r?\n([A-Za-z0-9+/=\s]*?)-----END ([A-Z0-9 ]+)-----\s*", re.ASCII
)


def write(label: str, data: bytes) -> bytes:
    """One block, 64 characters a line."""
    text = base64.b64encode(data).decode("ascii")
    lines = (text[at : at + 64] for at in range(0, len(text), 64))
    return "\n".join((f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", "")).encode("ascii")


def looks_like_pem(data: bytes) -> bool:
    """Whether the bytes begin as a PEM block does, white space aside."""
    return data.lstrip()[:11] == b"-----BEGIN "


def read(data: bytes) -> tuple[str, bytes]:
    """The label and content of the one block that the data must be; anything else is BadKey."""
    match = _BLOCK.fullmatch(data)
    if match is None:
        raise BadKey("malformed PEM: expected one block of base64 between its BEGIN and END lines, and nothing else")
    begin, text, end = match.groups()
    if begin != end:
        raise BadKey("malformed PEM: the BEGIN and END lines name different things")
    packed = b"".join(text.split())
    try:
        content = base64.b64decode(packed, validate=True)
    except ValueError:
        raise BadKey("malformed PEM: the base64 text is damaged") from None
    if base64.b64encode(content) != packed:  # stray bits or padding: the same key would have many encodings
        raise BadKey("malformed PEM: the base64 text is not in its one canonical form")
    return begin.decode("ascii"), content
