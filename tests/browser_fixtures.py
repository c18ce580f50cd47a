"""A real browser for tests, driven by playwright, and servers of the pages it shows.

The fixtures of the plugin pytest-playwright live as long as the session, and an event loop of theirs runs in the main
thread all that time: whatever else calls asyncio.run there fails. These end with their module.
"""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from tests.browser_kit import CHROMIUM, POLICY, Serve

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """What starts browsers."""
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """The system's Chromium, not one that playwright would download."""
    started = playwright.chromium.launch(executable_path=CHROMIUM)
    yield started
    started.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a new profile."""
    with browser.new_context() as context:
        yield context.new_page()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start servers of this folder's files: `serve(policy, open)` gives an origin; open: to pages of other origins."""
    servers: list[http.server.ThreadingHTTPServer] = []

    def start(policy: str = POLICY, open: bool = False) -> str:
        headers = {"Content-Security-Policy": policy} if policy else {}
        if open:
            headers["Access-Control-Allow-Origin"] = "*"

        class Files(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *args: Any) -> None:
                super().__init__(*args, directory=str(ROOT))

            def end_headers(self) -> None:
                for name, value in headers.items():
                    self.send_header(name, value)
                super().end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
