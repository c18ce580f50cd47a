"""The terminal client's ears: what the server says is verified and shown, and what the user asks about it."""

from __future__ import annotations

from demo_chat import protocol, terminal, wire
from demo_chat.identity import Names
from demo_chat.reader import Badge, Reader, Seen

HELP = (
    "/who: who is online · /safety NAME: digits to compare with them · "
    "/accept NAME: the last other key under this name is theirs too · /quit"
)


class Listener:
    """Shows what comes, and remembers who is online. own: the user's identity key."""

    def __init__(self, origin: str, room: str, names: Names, own: bytes) -> None:
        self.origin, self.room, self._names, self._own = origin, room, names, own
        self._reader = Reader(origin, room, names)
        self._online: dict[bytes, str] = {}
        self._others: dict[str, bytes] = {}  # the last other key that was seen under a name

    def welcome(self, frame: wire.Welcome) -> None:
        """The room as it is."""
        for certificate in frame.certificates:
            self._reader.certificate(certificate)
        for entry in frame.history:
            self.show(entry.message)
        self._online = {present.identity: present.name for present in frame.online}
        names = ", ".join(sorted(self._online.values()))
        terminal.tell(f"in room {self.room} at {self.origin}; online, says the server: {names}")

    def take(self, frame: wire.FromServer) -> None:
        """A frame that is no answer to this client."""
        if isinstance(frame, wire.Announced):
            self._reader.certificate(frame.certificate)
        elif isinstance(frame, wire.Relayed):
            self.show(frame.message)
        elif isinstance(frame, wire.Reuse):
            self._show_if_new(self._reader.reuse(frame))
        elif isinstance(frame, wire.Joined):
            self._online[frame.identity] = frame.name
            terminal.tell(f"{frame.name} has come, says the server")
        elif isinstance(frame, wire.Left):
            self._online.pop(frame.identity, None)
            terminal.tell(f"{frame.name} has gone, says the server")

    def show(self, message: wire.Message) -> None:
        """A message, unless it was shown before."""
        self._show_if_new(self._reader.message(message))

    def _show_if_new(self, seen: Seen | None) -> None:
        if seen is None:
            return
        if seen.badge is Badge.ANOTHER and seen.identity is not None:
            self._others[seen.name] = seen.identity
        terminal.show(terminal.line(seen))

    def _tell_safety(self, name: str, key: bytes, what: str) -> None:
        terminal.tell(f"{name} [{protocol.fingerprint(key)}]{what}: {protocol.safety_phrase(self._own, key)}")

    def command(self, text: str) -> None:
        """What the user asks for, at a terminal."""
        word, _, name = text.partition(" ")
        if word == "/who":
            for key, each in sorted(self._online.items(), key=lambda item: item[1]):
                terminal.tell(f"{each} [{protocol.fingerprint(key)}]")
        elif word == "/safety":
            known, other = self._names.keys(name), self._others.get(name)
            for key in known:
                self._tell_safety(name, key, "")
            if other is not None:
                self._tell_safety(name, other, " (not accepted)")
            if not known and other is None:
                terminal.tell(f"nobody called {name!r} has been seen" if name else HELP)
        elif word == "/accept" and name in self._others:
            self._names.accept(name, self._others[name])
            terminal.tell(f"{name} is known by [{protocol.fingerprint(self._others.pop(name))}] too")
        elif word == "/accept":
            terminal.tell(f"no other key of {name!r} has been seen")
        else:
            terminal.tell(HELP)
