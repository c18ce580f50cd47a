"""Pictures of the chat for its documentation, of real sessions in a browser. `python -m tests.chat_pictures docs`"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, expect, sync_playwright

from demo_chat.checker import now
from tests.browser_kit import CHROMIUM
from tests.chat_kit import Person, Process, copied, process
from tests.chat_page_kit import Frame, Visitor, of_type

MOST = 200_000  # bytes of a picture
WIDE, NARROW = (1280, 800), (360, 740)
QUESTION = "Good morning! Is that really you, Bob?"
ANSWER = "It is. My fingerprint begins as you have it on paper, and my picture is the one of yesterday."


def shot(visitor: Visitor) -> Image.Image:
    """What is on the screen."""
    return Image.open(io.BytesIO(visitor.page.screenshot())).convert("RGB")


def beside(images: list[Image.Image]) -> Image.Image:
    """Several in one, with something between them."""
    gap = 12
    whole = Image.new("RGB", (sum(image.width + gap for image in images) - gap, images[0].height), "#8a8f94")
    at = 0
    for image in images:
        whole.paste(image, (at, 0))
        at += image.width + gap
    return whole


def packed(image: Image.Image) -> bytes:
    """As a small PNG."""
    small = io.BytesIO()
    image.quantize(128, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    return small.getvalue()


class Scene:
    """One server, and people who talk; each picture goes on where the last one ended."""

    def __init__(self, browser: Browser, server: Process, where: Path) -> None:
        self._browser, self.server, self._where = browser, server, where
        self.alice, self.bob = self.visitor("light", WIDE), self.visitor("dark", WIDE)
        self.eve, self.dora = self.visitor("light", NARROW), self.visitor("dark", NARROW)
        self.eve.open().page.get_by_label("Your name, as others will see it").fill("Eve")
        self.first = shot(self.eve)

    def visitor(self, scheme: str, size: tuple[int, int]) -> Visitor:
        """Somebody who has not come in yet."""
        viewport = {"width": size[0], "height": size[1]}
        options: dict[str, Any] = {"color_scheme": scheme, "viewport": viewport, "reduced_motion": "reduce"}
        return Visitor(self._browser, self.server, **options)

    def details(self) -> Image.Image:
        """Three people in the room, one of them at a terminal, and what was signed of a message."""
        self.alice.enter("Alice")
        self.bob.enter("Bob")
        self.carla = Person(self.server, "Carla", self._where)
        self.alice.say(QUESTION)
        self.bob.sees(QUESTION)
        self.bob.say(ANSWER)
        self.alice.sees(ANSWER)
        self.carla.say("I am here with the terminal client: same protocol, same keys, in Python.")
        self.alice.say("שלום, 你好 🦉")
        self.bob.sees("שלום, 你好 🦉")
        expect(self.alice.details(ANSWER).locator(".drawing")).to_be_visible()
        return shot(self.alice)

    def drawing(self) -> Image.Image:
        """The chains and the path of a signature."""
        panel = self.bob.details(QUESTION)
        panel.locator(".drawing").evaluate("(drawing) => drawing.parentNode.scrollIntoView()")
        return shot(self.bob)

    def attacks(self) -> Image.Image:
        """Somebody with Carla's name, a frame that was changed on its way, and a leaf that signed twice."""

        def change(frame: Frame) -> Frame:
            if frame["message"]["text"] == "Lunch at noon?":
                frame["message"]["text"] = "Send me your passphrase."
            return frame

        self.bob.page.keyboard.press("Escape")
        self.dora.between(received=of_type("message", change)).enter("Dora")
        self.alice.say("Lunch at noon?")
        self.dora.sees("Send me your passphrase.", "failed")
        other = Person(self.server, "Carla", self._where)
        other.say("Carla here, from my new telephone.")
        self.dora.sees("Carla here, from my new telephone.", "another")
        twin = copied(self.carla.session)
        self.carla.say("I pay for it.")
        self.dora.sees("I pay for it.")
        self.carla.send(twin.message("Alice pays for it.", now()))
        for visitor in (self.dora, self.bob):
            expect(visitor.page.locator(".attack")).to_be_visible()
            visitor.page.locator(".attack").evaluate("(alert) => alert.scrollIntoView({ block: 'end' })")
        return shot(self.bob)

    def narrow(self) -> Image.Image:
        """The first visit, the room, and what Dora sees, on a telephone."""
        self.eve.page.get_by_role("button", name="Make my identity").click()
        self.eve.is_in().say("Hello from a small screen.")
        self.eve.sees("Hello from a small screen.")
        return beside([self.first, shot(self.eve), shot(self.dora)])

    def alone(self) -> Image.Image:
        """The server is gone."""
        self.server.kill()
        expect(self.alice.page.locator("#banner")).to_contain_text("Single-user mode")
        self.alice.page.keyboard.press("Escape")
        self.alice.say("Nobody there? I say it anyway.")
        self.alice.sees("Nobody there? I say it anyway.", "waiting")
        return shot(self.alice)


def take(browser: Browser) -> dict[str, bytes]:
    """All pictures, by the names of their files."""
    with tempfile.TemporaryDirectory() as keys, process(Path(keys) / "chat.db") as server:
        scene = Scene(browser, server, Path(keys))
        makers = (scene.details, scene.drawing, scene.attacks, scene.narrow, scene.alone)
        return {f"chat-{make.__name__}.png": packed(make()) for make in makers}


if __name__ == "__main__":
    with sync_playwright() as playwright:
        for name, data in take(playwright.chromium.launch(executable_path=CHROMIUM)).items():
            (Path(sys.argv[1]) / name).write_bytes(data)
