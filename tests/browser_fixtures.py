"""A real browser for tests, driven by pytest-playwright, and servers of the pages it shows."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser_kit import CHROMIUM, POLICY, Serve

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The system's Chromium, not one that playwright would download."""
    return {**browser_type_launch_args, "executable_path": CHROMIUM}


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
