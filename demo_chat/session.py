"""A session: an LMS key that lives as long as this process, its certificate, and the chain of its messages.

Its state is never stored to be used again. A new process makes a new key, so no old copy of a key file can ever sign
with a leaf that was used: what makes stateful keys hard to keep is avoided, not managed.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import tempfile
from pathlib import Path

import hbss
from demo_chat import protocol, wire

RENEW_AT = 900  # leaf: the rest is for reconnecting meanwhile
RENEW_BEFORE = 60 * 60 * 1000  # ms before the certificate expires
MEMORY = "/dev/shm"  # a file system in memory, where there is one


def folder() -> tempfile.TemporaryDirectory[str]:
    """A private folder for session keys, in memory if the system has that; it goes with its `with` block."""
    in_memory = os.access(MEMORY, os.W_OK | os.X_OK)
    return tempfile.TemporaryDirectory(prefix="hbss-chat-", dir=MEMORY if in_memory else None)


class Session:
    """One session key. where: the folder for its file. renew_at: the leaf from which the next one is due."""

    def __init__(
        self, identity: hbss.PrivateKey, origin: str, room: str, name: str, where: str | Path, now: int,
        renew_at: int = RENEW_AT,
    ) -> None:  # fmt: skip
        path = Path(where, secrets.token_hex(8))
        hbss.create_key(path, protocol.SESSION_SET)
        self._key = hbss.open_key(path)
        self._origin, self._room, self._renew_at = origin, room, renew_at
        self.certificate = protocol.issue(identity, self._key.public_key(), origin, name, now)
        self.hash = protocol.certificate_hash(self.certificate)
        self._previous = protocol.NO_MESSAGE
        self.leaf = 0  # the next one

    def hello(self, challenge: bytes) -> wire.Hello:
        """The frame that introduces this session on a connection."""
        with self._key.reserve(1) as batch:  # the leaf is known, and durably used up, before anything is signed
            leaf = batch.indices.start
            signed = protocol.hello_bytes(self._origin, self._room, self.hash, leaf, challenge)
            signature = batch.sign(signed)
        self.leaf = leaf + 1
        return wire.Hello(certificate=self.certificate, leaf=leaf, signature=signature)

    def message(self, text: str, now: int) -> wire.Post:
        """A signed message; Refusal if the text is none that can be sent."""
        protocol.check_text(text)
        with self._key.reserve(1) as batch:
            unsigned = wire.Post(
                certificate=self.hash, leaf=batch.indices.start, id=secrets.token_bytes(16), previous=self._previous,
                time=now, text=text, signature=bytes(2512),
            )  # fmt: skip
            signature = batch.sign(self.signed_bytes(unsigned))
        self.leaf = unsigned.leaf + 1
        return unsigned.model_copy(update={"signature": signature})

    def accepted(self, message: wire.Message) -> None:
        """The message is in the room: the next one follows it. (One that was refused leaves no gap.)"""
        if message.certificate == self.hash:
            self._previous = hashlib.sha256(self.signed_bytes(message)).digest()

    def signed_bytes(self, message: wire.Message) -> bytes:
        """What is signed of a message of this session."""
        return protocol.message_bytes(self._origin, self._room, message)

    def is_due(self, now: int) -> bool:
        """Whether the next session should take over."""
        return self.leaf >= self._renew_at or now > self.certificate.expires - RENEW_BEFORE

    def close(self) -> None:
        """Close the key; its folder goes with the process."""
        self._key.close()
