"""The little DER (ITU-T X.690) that a key file needs: written exactly, read strictly.

Every value has one encoding, and the reader accepts no other: the shortest lengths, nothing left over at the end.
Whatever bytes come in, the only exception is BadKey.
"""

from __future__ import annotations

from collections.abc import Iterator

from hbss.errors import BadKey

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, OID, SEQUENCE, SET = 0x01, 0x02, 0x03, 0x04, 0x06, 0x30, 0x31
UTC_TIME, GENERALIZED_TIME = 0x17, 0x18
CONTEXT_0, CONTEXT_1, CONTEXT_3 = 0xA0, 0x81, 0xA3  # [0] and [3] constructed, [1] primitive
CONTEXT_0_PRIMITIVE, CONTEXT_1_CONSTRUCTED = 0x80, 0xA1
_NAMES = {
    INTEGER: "INTEGER", BIT_STRING: "BIT STRING", OCTET_STRING: "OCTET STRING", OID: "OBJECT IDENTIFIER",
    SEQUENCE: "SEQUENCE", SET: "SET", CONTEXT_0: "[0]", CONTEXT_1: "[1]", CONTEXT_3: "[3]",
    CONTEXT_0_PRIMITIVE: "[0]", CONTEXT_1_CONSTRUCTED: "[1]",
}  # fmt: skip
_LONGEST = 4  # bytes of a length: no key comes near
_LONGEST_OID = 128  # bytes: longer ones could not even be shown, as Python refuses numbers of so many digits


# ---- writing -------------------------------------------------------------------------------------------------------


def encode(tag: int, *contents: bytes) -> bytes:
    """Tag, length and the joined contents."""
    content = b"".join(contents)
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    size = (length.bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + length.to_bytes(size, "big") + content


def encode_integer(number: int) -> bytes:
    """An INTEGER that is not negative."""
    return encode(INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def encode_bits(content: bytes) -> bytes:
    """A BIT STRING of whole bytes."""
    return encode(BIT_STRING, b"\x00", content)


def encode_oid(dotted: str) -> bytes:
    """An object identifier, `1.2.840...`."""
    first, second, *rest = map(int, dotted.split("."))
    content = bytearray()
    for arc in (40 * first + second, *rest):
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(0x80 | arc & 0x7F)
        content += bytes(reversed(groups))
    return encode(OID, bytes(content))


# ---- reading -------------------------------------------------------------------------------------------------------


class Reader:
    """Reads values one after another; `end` refuses what is left over."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def next_tag(self) -> int | None:
        """The tag of the next value, None at the end."""
        return self._data[self._at] if self._at < len(self._data) else None

    def read(self, tag: int) -> bytes:
        """The content of the next value, which must have this tag."""
        if self.next_tag != tag:
            found = "nothing" if self.next_tag is None else f"tag 0x{self.next_tag:02x}"
            raise BadKey(f"malformed DER: expected {_name(tag)} at byte {self._at}, found {found}")
        start = self._at
        self._at += 1
        length = self._length()
        content = self._data[self._at : self._at + length]
        if len(content) != length:
            raise BadKey(f"malformed DER: the {_name(tag)} at byte {start} is cut off")
        self._at += length
        return content

    def whole(self, tag: int = SEQUENCE) -> bytes:
        """The next value as it stands, tag and length included."""
        start = self._at
        self.read(tag)
        return self._data[start : self._at]

    def rest(self) -> Iterator[bytes]:
        """All values that follow, each as it stands."""
        while (tag := self.next_tag) is not None:
            yield self.whole(tag)

    def inside(self, tag: int = SEQUENCE) -> Reader:
        """A reader of the next value's content."""
        return Reader(self.read(tag))

    def integer(self) -> int:
        """An INTEGER that is not negative."""
        content = self.read(INTEGER)
        if not content or content[0] & 0x80 or (len(content) > 1 and content[0] == 0 and not content[1] & 0x80):
            raise BadKey("malformed DER: an INTEGER is negative or not in its shortest form")
        return int.from_bytes(content, "big")

    def oid(self) -> str:
        """An object identifier, dotted."""
        return _dotted(self.read(OID))

    def bits(self, tag: int = BIT_STRING) -> bytes:
        """A BIT STRING of whole bytes."""
        content = self.read(tag)
        if not content or content[0]:
            raise BadKey("malformed DER: a key's BIT STRING must hold whole bytes")
        return content[1:]

    def end(self) -> None:
        """Refuse trailing bytes."""
        if self._at != len(self._data):
            raise BadKey(f"malformed DER: {len(self._data) - self._at} bytes too many after byte {self._at}")

    def _length(self) -> int:
        first = self._byte()
        if first < 0x80:
            return first
        size = first & 0x7F
        if not 1 <= size <= _LONGEST:
            raise BadKey("malformed DER: an indefinite or impossible length")
        length = 0
        for _ in range(size):
            length = length << 8 | self._byte()
        if length < 0x80 or length.bit_length() <= 8 * (size - 1):
            raise BadKey("malformed DER: a length is not in its shortest form")
        return length

    def _byte(self) -> int:
        if self._at >= len(self._data):
            raise BadKey("malformed DER: it ends inside a length")
        self._at += 1
        return self._data[self._at - 1]


def _name(tag: int) -> str:
    return _NAMES.get(tag, f"tag 0x{tag:02x}")


def _dotted(content: bytes) -> str:
    if not content or content[-1] & 0x80:
        raise BadKey("malformed DER: an object identifier is cut off")
    if len(content) > _LONGEST_OID:
        raise BadKey(f"malformed DER: an object identifier of {len(content)} bytes")
    arcs, arc, fresh = [], 0, True
    for byte in content:
        if fresh and byte == 0x80:
            raise BadKey("malformed DER: an object identifier is not in its shortest form")
        arc, fresh = arc << 7 | byte & 0x7F, not byte & 0x80
        if fresh:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))
