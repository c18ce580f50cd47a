"""What docs/chat.md says of the demo is so. (Its code is run by test_docs.py.)"""

from __future__ import annotations

import dataclasses
import re
import typing
from pathlib import Path

from demo_chat import wire
from demo_chat.room import Limits
from tests.chat_kit import ROOT, Person, Service, serving
from tests.test_docs import phrases

pytest_plugins = ["tests.chat_fixtures"]

PAGE = (ROOT / "docs" / "chat.md").read_text(encoding="utf-8")
MODULES = sorted((ROOT / "demo_chat").glob("*.py"))


class Watched(Person):
    """Notes what goes and comes, in its order."""

    def __init__(self, service: Service, name: str, where: Path) -> None:
        self.seen: list[str] = []
        super().__init__(service, name, where)

    def send(self, frame: wire.FromClient | str | bytes) -> None:
        assert not isinstance(frame, (str, bytes))
        self.seen.append(f"{self.name} -> server: {frame.type}")
        super().send(frame)

    def receive(self, timeout: float = 20) -> wire.FromServer:
        frame = super().receive(timeout)
        self.seen.append(f"server -> {self.name}: {frame.type}")
        return frame


def test_the_diagram_is_what_happens(tmp_path: Path, keys: Path) -> None:
    """Two people meet, and one says something: every frame of it, as each of them sees it."""
    (diagram,) = re.findall(r"^```\n((?:\w+ -> \w+: \w+\n)+)```$", PAGE, re.MULTILINE)
    lines = diagram.splitlines()
    with serving(tmp_path / "db") as service:
        alice = Watched(service, "Alice", keys)
        bob = Watched(service, "Bob", keys)
        alice.expect(wire.Joined)
        alice.say("hello")
        bob.hears()
        for person in (alice, bob):
            drawn = [line for line in lines if person.name in line]
            assert person.seen == drawn
            person.leave()


def test_the_limits_are_those_of_the_code() -> None:
    """Each of them, by its name."""
    rows = dict(re.findall(r"^\| `(\w+)`[^|]*\| ([\d.]+) \|$", PAGE, re.MULTILINE))
    assert {name: float(value) for name, value in rows.items()} == {
        field.name: getattr(Limits(), field.name) for field in dataclasses.fields(Limits)
    }


def test_every_frame_and_code_is_described() -> None:
    """Types, codes, and the sizes of binary values."""
    kinds = {*typing.get_args(wire.FromClient), *typing.get_args(wire.FromServer)}
    for kind in kinds:
        assert f'{{"type": "{kind.model_fields["type"].default}"' in PAGE
    codes = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    assert codes >= set(typing.get_args(wire.Code)) - {"room"}
    assert "The code `room` is reserved" in PAGE


def test_every_file_has_its_place_in_the_reading_order() -> None:
    """And is as short as the page says."""
    listed = set(re.findall(r"`(\w+\.py)`", PAGE[: PAGE.index("## Keys")]))
    assert {path.name for path in MODULES} - listed == {"__init__.py", "__main__.py", "errors.py"}
    assert all(len(path.read_text(encoding="utf-8").splitlines()) < 300 for path in MODULES)


def test_quoted_messages_exist() -> None:
    """Each message under troubleshooting is one that the code has; `…` stands for a value."""
    said = ["\0".join(phrases(path)) for path in MODULES]
    quoted = re.findall(r"\*\*`([^`]+)`\*\*", PAGE)
    assert len(quoted) >= 8
    for message in quoted:
        assert any(message in each for each in said), message
