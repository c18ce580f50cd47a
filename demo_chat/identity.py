"""What the terminal client keeps on the disk: its identity key, and which key each name is known to have.

The identity is stateless (SLH-DSA): a copy or a backup of it does no harm by signing. A session key is never kept.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

import hbss
from demo_chat import protocol
from demo_chat.errors import ChatError


def load_or_make(path: Path) -> tuple[hbss.PrivateKey, bool]:
    """The identity in this file, which is made if there is none; and whether it was."""
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            key = hbss.generate(protocol.IDENTITY_SET)
            _write(path, key.pem(), new=True)
            return key, True
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise ChatError(f"the identity {path} can be read by others; if nobody did: chmod 600 {path}")
        key = hbss.load_private_key(path.read_bytes())
    except OSError as error:
        raise ChatError(f"the identity {path} cannot be used: {error.strerror or error}") from None
    except (hbss.BadKey, ValueError) as error:
        raise ChatError(f"{path} is no identity: {error}") from None
    if key.parameter_set.name != protocol.IDENTITY_SET:
        raise ChatError(f"the key in {path} is of {key.parameter_set.name}; the chat uses {protocol.IDENTITY_SET}")
    return key, False


class Names:
    """Which keys a name is known to have, by the server's origin. The first key that is seen is believed.

    Another key under a known name is another person, or a device that the user has not accepted yet.
    """

    def __init__(self, path: Path, origin: str) -> None:
        self._path, self._origin = path, origin
        self._known = self._read().get(origin, {})

    def knows(self, name: str, key: bytes) -> bool:
        """Whether the name has this key; a name that is new gets it."""
        if name not in self._known:
            self.accept(name, key)
        return key in self._known[name]

    def keys(self, name: str) -> list[bytes]:
        """All keys that the name is known to have."""
        return sorted(self._known.get(name, ()))

    def accept(self, name: str, key: bytes) -> None:
        """The name has this key too. What other programs have written meanwhile is kept."""
        everywhere = self._read()
        self._known = everywhere.setdefault(self._origin, {})
        self._known.setdefault(name, set()).add(key)
        text = json.dumps(everywhere, indent=1, ensure_ascii=False, default=lambda keys: sorted(map(bytes.hex, keys)))
        try:
            _write(self._path, text.encode())
        except OSError as error:
            raise ChatError(f"the names {self._path} cannot be written: {error.strerror or error}") from None

    def _read(self) -> dict[str, dict[str, set[bytes]]]:
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
            return {
                origin: {name: set(map(bytes.fromhex, keys)) for name, keys in names.items()}
                for origin, names in found.items()
            }
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise ChatError(f"the names in {self._path} cannot be read: {error}") from None


def _write(path: Path, data: bytes, *, new: bool = False) -> None:
    """All or nothing, readable by its owner only. new: FileExistsError if the name is taken meanwhile."""
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if new:
            os.link(temporary, path)
        else:
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
