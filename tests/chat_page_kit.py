"""What the tests of the chat's page share: people in a real browser, and what comes between them and the server."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, WebSocketRoute, expect

from tests.chat_kit import Process, Service

PATIENCE = 30_000  # ms: for a busy machine
UNREACHABLE = re.compile("WebSocket connection to .* failed|ERR_INTERNET_DISCONNECTED|ERR_CONNECTION_REFUSED")

expect.set_options(timeout=PATIENCE)

Frame = dict[str, Any]
Change = Callable[[Frame], "Frame | list[Frame] | None"]
"""What becomes of a frame on its way: another one, several, or nothing."""


class Visitor:
    """Somebody at the page, in a browser context of their own: another computer, so to say."""

    def __init__(self, browser: Browser, server: Process | Service, **options: Any) -> None:
        self.server = server
        self.context: BrowserContext = browser.new_context(locale="en-GB", **options)
        self.context.set_default_timeout(PATIENCE)
        self.heard: list[str] = []
        self.context.on("console", self._hear)
        self.context.on("weberror", lambda error: self.heard.append(f"error: {error.error}"))
        self.page = self.context.new_page()

    def _hear(self, message: ConsoleMessage) -> None:
        self.heard.append(f"{message.type}: {message.text}")

    def complaints(self) -> list[str]:
        """What the page complained of; that a server which is away cannot be reached is the browser's to say."""
        said = [each for each in self.heard if each.startswith(("error", "warning"))]
        return [each for each in said if not UNREACHABLE.search(each)]

    # ---- coming and going

    def open(self) -> Visitor:
        """Go to the page."""
        self.page.goto(self.server.origin)
        return self

    def enter(self, name: str) -> Visitor:
        """The first visit: choose a name, and be in the room."""
        self.open()
        self.page.get_by_label("Your name, as others will see it").fill(name)
        self.page.get_by_role("button", name="Make my identity").click()
        return self.is_in()

    def is_in(self) -> Visitor:
        """Wait until the server has let them in."""
        expect(self.page.locator("#state")).to_have_text("online")
        return self

    def reload(self) -> Visitor:
        """A new visit by the same browser."""
        self.page.reload()
        return self.is_in()

    def between(self, *, sent: Change | None = None, received: Change | None = None) -> Visitor:
        """Put somebody between this browser and the server, from its next connection on."""

        def sit(route: WebSocketRoute) -> None:
            server = route.connect_to_server()
            route.on_message(lambda text: pass_on(text, sent, server.send))
            server.on_message(lambda text: pass_on(text, received, route.send))

        self.context.route_web_socket("**/ws", sit)
        return self

    # ---- talking

    def say(self, text: str) -> None:
        """Type it and press Enter."""
        self.page.get_by_label("Your message").fill(text)
        self.page.get_by_label("Your message").press("Enter")

    def row(self, text: str) -> Locator:
        """The messages of this text."""
        return self.page.locator(".message").filter(has=self.page.get_by_text(text, exact=True))

    def sees(self, text: str, badge: str = "verified") -> Locator:
        """Wait until this text is shown once, with this badge."""
        row = self.row(text)
        expect(row).to_have_count(1)
        expect(row.locator(".badge")).to_contain_text(badge)
        return row

    def texts(self) -> list[str]:
        """All that is shown, in its order."""
        return self.page.locator(".message .text").all_text_contents()

    def badges(self) -> list[str]:
        """All badges, in their order, without their signs."""
        return [each.split(" ", 1)[1] for each in self.page.locator(".message .badge").all_text_contents()]

    def details(self, text: str) -> Locator:
        """Open the details of a message."""
        self.row(text).locator(".badge").click()
        panel = self.page.locator("#details")
        expect(panel).to_be_visible()
        return panel


Visit = Callable[..., Visitor]
"""Somebody at the page: `visit("Alice")` is in the room, `visit()` has opened nothing yet. The fixture `visit`."""


def pass_on(text: str | bytes, change: Change | None, send: Callable[[str], None]) -> None:
    """A frame, as somebody in between changes it."""
    frame = json.loads(text)
    changed = frame if change is None else change(frame)
    for each in changed if isinstance(changed, list) else [] if changed is None else [changed]:
        send(text if each is frame and change is None else json.dumps(each))  # type: ignore[arg-type]


def of_type(kind: str, act: Change) -> Change:
    """A change of the frames of one type."""
    return lambda frame: act(frame) if frame["type"] == kind else frame
