"""BER (ITU-T X.690) brought into the form that the strict reader of DER takes.

Writers of large messages do not know lengths beforehand and cut strings into pieces. Here every length becomes definite
and shortest, and every OCTET STRING one piece. Sets keep their order: only who knows a set's meaning may sort it.
"""

from __future__ import annotations

from hbss.encoding import der
from hbss.errors import BadKey

_CONSTRUCTED, _END = 0x20, b"\0\0"
_DEEPEST = 40  # values inside one another; a message with certificates needs about fifteen


def definite(data: bytes) -> bytes:
    """The one value that the bytes are; BadKey if they are none, or more. What is DER already comes back the same."""
    found, at = _value(memoryview(data), 0, _DEEPEST)
    if at != len(data):
        raise BadKey(f"malformed BER: {len(data) - at} bytes too many after byte {at}")
    return found


def _value(data: memoryview, at: int, depth: int) -> tuple[bytes, int]:
    """The value that begins here, and where the next one does."""
    if depth == 0:
        raise BadKey("malformed BER: too many values inside one another")
    tag, length, at = _head(data, at)
    end = len(data) if length is None else at + length
    if end > len(data):
        raise BadKey(f"malformed BER: the value whose content begins at byte {at} is cut off")
    if not tag & _CONSTRUCTED:
        return der.encode(tag, bytes(data[at:end])), end
    inside, pieces = data[:end], []
    while at < end if length is not None else bytes(data[at : at + 2]) != _END:
        piece, at = _value(inside, at, depth - 1)
        pieces.append(piece)
    if length is None:
        at += len(_END)
    if tag == der.OCTET_STRING | _CONSTRUCTED:
        return der.encode(der.OCTET_STRING, *(_piece(piece) for piece in pieces)), at
    return der.encode(tag, *pieces), at


def _piece(value: bytes) -> bytes:
    return der.Reader(value).read(der.OCTET_STRING)


def _head(data: memoryview, at: int) -> tuple[int, int | None, int]:
    """Tag, length (None: until the end mark) and where the content begins."""
    if at + 2 > len(data):
        raise BadKey(f"malformed BER: it ends at byte {at}, inside a value")
    tag, first = data[at], data[at + 1]
    at += 2
    if tag & 0x1F == 0x1F:
        raise BadKey("malformed BER: a tag of several bytes, which none of these formats has")
    if first < 0x80:
        return tag, first, at
    if first == 0x80 and tag & _CONSTRUCTED:
        return tag, None, at
    size = first & 0x7F
    if not 1 <= size <= 8 or at + size > len(data):
        raise BadKey(f"malformed BER: an impossible length before byte {at}")
    return tag, int.from_bytes(data[at : at + size], "big"), at + size
