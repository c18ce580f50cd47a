"""The pictures in the documentation of the chat can be made again, and show what happens now."""

from __future__ import annotations

import io
from pathlib import Path
from xml.etree import ElementTree

from PIL import Image
from playwright.sync_api import Browser

from tests import chat_pictures, chat_sequence
from tests.browser_kit import needs_chromium
from tests.chat_kit import Process

pytest_plugins = ["tests.browser_fixtures", "tests.chat_page_fixtures"]
pytestmark = needs_chromium

DOCS = Path(__file__).resolve().parent.parent / "docs"


def test_pictures(browser: Browser) -> None:
    """The same ones as in docs/, of the same size, small as files, and with something on them."""
    made = chat_pictures.take(browser)
    assert sorted(made) == sorted(path.name for path in DOCS.glob("chat-*.png"))
    for name, data in made.items():
        kept = (DOCS / name).read_bytes()
        assert max(len(data), len(kept)) < chat_pictures.MOST
        new, old = (Image.open(io.BytesIO(each)) for each in (data, kept))
        assert new.size == old.size, f"{name} is another one now: python -m tests.chat_pictures docs"
        assert len(new.getcolors() or []) > 50


def test_the_sequence_is_what_happens(browser: Browser, server: Process) -> None:
    """Every frame that two browsers see, as each of them sees it, is in the diagram in docs/."""
    steps = chat_sequence.record(browser, server)
    svg = (DOCS / "chat-sequence.svg").read_text(encoding="utf-8")
    ElementTree.fromstring(svg)
    for name in ("Alice", "Bob"):
        seen = [str(step) for step in steps if name in step[:2]]
        assert seen == [line for line in chat_sequence.drawn(svg) if name in line]
        assert len(seen) >= 4
    assert chat_sequence.drawn(chat_sequence.draw(steps)) == [str(step) for step in steps]
