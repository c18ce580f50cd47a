"""What goes to and fro when two browsers meet, drawn from the real frames. `python -m tests.chat_sequence docs`"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from functools import partial
from html import escape
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, WebSocket, expect, sync_playwright

from hbss.drawing import BLUE, GREY
from tests.browser_kit import CHROMIUM
from tests.chat_kit import Process, process
from tests.chat_page_kit import Frame, Visitor

PLACES = {"Alice": 110, "server": 400, "Bob": 690}
TITLES = {"Alice": "Alice’s browser", "server": "server", "Bob": "Bob’s browser"}
ROW, TOP, WIDTH = 40, 70, 800

# what each does with what it gets; of what is not here there is nothing to say
DOES = {
    ("server", "hello"): "verifies certificate and hello, then lets in",
    ("server", "message"): "verifies, writes to disk, then relays",
    ("browser", "challenge"): "signs it with the next leaf",
    ("browser", "certificate"): "verifies it",
    ("browser", "message"): "verifies, and shows ✓",
    ("browser", "welcome"): "verifies what is in it",
}


class Step(NamedTuple):
    """One frame on its way; size: in bytes."""

    sender: str
    receiver: str
    kind: str
    says: str
    size: int

    def __str__(self) -> str:
        return f"{self.sender} -> {self.receiver}: {self.kind}"


def says(frame: Frame) -> str:
    """What is in a frame, in a few words."""
    kind = frame["type"]
    if kind == "message":
        inside = frame.get("message", frame)
        return f"leaf {inside['leaf']}, “{inside['text']}”, signature"
    return {
        "challenge": "32 fresh bytes", "hello": f"certificate, leaf {frame.get('leaf')}, signature",
        "welcome": f"{len(frame.get('online', []))} online, certificates, history", "renewed": "",
        "certificate": "of who comes",
        "joined": f"{frame.get('name')}, by the server’s word", "left": f"{frame.get('name')}, by the server’s word",
        "accepted": f"number {frame.get('sequence')}",
    }[kind]  # fmt: skip


def record(browser: Browser, server: Process) -> list[Step]:
    """Alice is there, Bob comes, and Alice says hello."""
    steps: list[Step] = []

    def watch(name: str, socket: WebSocket) -> None:
        def note(sender: str, receiver: str, text: str | bytes) -> None:
            frame = json.loads(text)
            steps.append(Step(sender, receiver, frame["type"], says(frame), len(str(text).encode())))

        socket.on("framesent", lambda text: note(name, "server", text))
        socket.on("framereceived", lambda text: note("server", name, text))

    people = {name: Visitor(browser, server) for name in ("Alice", "Bob")}
    for name, visitor in people.items():
        visitor.page.on("websocket", partial(watch, name))
        visitor.enter(name)
    expect(people["Alice"].page.locator("#count")).to_have_text("2")
    people["Alice"].say("Hello Bob")
    for visitor in people.values():
        visitor.sees("Hello Bob")
    found = steps.copy()  # without their going
    for visitor in people.values():
        visitor.context.close()
    return found


def draw(steps: list[Step]) -> str:
    """The diagram, as SVG on white, each arrow with what it is in its title."""
    foot = TOP + ROW * len(steps) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {foot}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{foot}" fill="#fff"/>',
        '<marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        f'<path d="M0 0L8 4L0 8z" fill="{BLUE}"/></marker>',
    ]
    for name, x in PLACES.items():
        parts.append(f'<path d="M{x} 44V{foot - 10}" stroke="{GREY}" stroke-dasharray="3 4"/>')
        parts.append(f'<rect x="{x - 70}" y="14" width="140" height="30" rx="6" fill="#eef4f9" stroke="{BLUE}"/>')
        parts.append(
            f'<text x="{x}" y="34" text-anchor="middle" font-size="12" font-weight="bold">{TITLES[name]}</text>'
        )
    for number, step in enumerate(steps):
        parts += arrow(step, TOP + 14 + ROW * number)
    return "\n".join([*parts, "</svg>\n"])


def arrow(step: Step, y: int) -> list[str]:
    """One frame, what is in it, and what its receiver does."""
    start, end = PLACES[step.sender], PLACES[step.receiver]
    does = DOES.get(("server" if step.receiver == "server" else "browser", step.kind), "")
    size = f"{step.size:,} B" if step.size < 1000 else f"{step.size / 1000:.1f} kB"
    label = f'<tspan font-weight="bold">{step.kind}</tspan> {escape(step.says)} · {size}'
    return [
        f"<g><title>{step}</title>",
        f'<path d="M{start} {y}H{end}" stroke="{BLUE}" stroke-width="1.5" marker-end="url(#tip)"/>',
        f'<text x="{(start + end) / 2}" y="{y - 5}" text-anchor="middle" font-size="11">{label}</text>',
        f'<text x="{(start + end) / 2}" y="{y + 13}" text-anchor="middle" font-size="10" fill="#555">{does}</text></g>',
    ]


def drawn(svg: str) -> list[str]:
    """The frames that a diagram shows, by their titles."""
    return re.findall(r"<title>(.+?)</title>", svg.replace("&gt;", ">"))


if __name__ == "__main__":
    with (
        tempfile.TemporaryDirectory() as folder,
        process(Path(folder) / "chat.db") as server,
        sync_playwright() as playwright,
    ):
        svg = draw(record(playwright.chromium.launch(executable_path=CHROMIUM), server))
    (Path(sys.argv[1]) / "chat-sequence.svg").write_text(svg, encoding="utf-8")
