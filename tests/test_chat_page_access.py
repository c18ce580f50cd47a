"""The page for everybody: by keyboard, with a screen reader, on narrow screens; axe-core finds no serious fault."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser_kit import needs_chromium
from tests.chat_kit import Person, Process
from tests.chat_page_kit import Visit, Visitor
from tests.npm_kit import needs_npm, script

pytest_plugins = ["tests.browser_fixtures", "tests.chat_page_fixtures"]
pytestmark = needs_chromium


SCROLL_UP = """(log) => new Promise((done) => {
  log.addEventListener("scroll", () => requestAnimationFrame(done), { once: true });
  log.scrollTo(0, 0);
})"""
MANY = """async (count) => {
  const { View } = await import("/static/chat-view.js");
  const view = new View({ title: (name) => ({ name, stated: "", another: false }), fingerprint: () => "" });
  for (let i = 0; i < count; i++) {
    view.add({ badge: "verified", note: "", name: "", identity: null, text: `line ${i}`, time: 0, message: null,
      certificate: null, signed: null, verifying: 0 });
  }
}"""


def focused(page: Page) -> str:
    """Id, or class, of what has the focus."""
    return str(page.evaluate("document.activeElement.id || document.activeElement.className"))


def tab_to(page: Page, what: str, most: int = 30) -> None:
    """Press Tab until something has the focus, which must be seen."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if focused(page) == what:
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline == "solid", f"the focus on {what} cannot be seen"
            return
    raise AssertionError(f"{what} cannot be reached by the keyboard")


def test_by_keyboard_alone(visit: Visit) -> None:
    """From the first visit to the details of a message and back; the mouse is never used."""
    alice = visit().open()
    keys = alice.page.keyboard
    expect(alice.page.get_by_label("Your name, as others will see it")).to_be_focused()
    keys.type("Alma")
    keys.press("Enter")
    alice.is_in()
    expect(alice.page.get_by_label("Your message")).to_be_focused()
    keys.type("by keyboard")
    keys.press("Shift+Enter")
    keys.type("in two lines")
    keys.press("Enter")
    row = alice.page.locator(".message").last
    expect(row.locator(".badge")).to_contain_text("verified")
    assert row.locator(".text").text_content() == "by keyboard\nin two lines"
    expect(alice.page.get_by_label("Your message")).to_be_focused()
    tab_to(alice.page, "badge")
    keys.press("Enter")
    panel = alice.page.get_by_role("complementary", name="What was signed")
    expect(panel).to_be_visible()
    assert focused(alice.page) == "details-title"
    keys.press("Escape")
    expect(panel).to_be_hidden()
    assert focused(alice.page) == "badge"
    tab_to(alice.page, "me")
    keys.press("Enter")
    dialog = alice.page.get_by_role("dialog", name="Your identity")
    expect(dialog).to_be_visible()
    keys.press("Escape")
    expect(dialog).to_be_hidden()
    assert focused(alice.page) == "me"


def test_the_focus_stays_where_it_is(visit: Visit, server: Process, tmp_path: Path) -> None:
    """Whoever comes or goes; and what has gone gives it to the text."""
    anna, ben = visit("Anna"), Person(server, "Ben", tmp_path)
    button = anna.page.locator("#people .person").filter(has_text="Ben")
    button.focus()
    carl = Person(server, "Carl", tmp_path)
    expect(anna.page.locator("#count")).to_have_text("3")
    expect(button).to_be_focused()
    carl.leave()
    expect(anna.page.locator("#count")).to_have_text("2")
    button.press("Enter")
    ben.leave()
    expect(button).to_have_count(0)
    anna.page.keyboard.press("Escape")
    expect(anna.page.get_by_label("Your message")).to_be_focused()


def test_what_the_panel_covers_is_out_of_reach(visit: Visit) -> None:
    """On a narrow screen nothing below it takes the focus; once the screen is wide, or the panel goes, all is back."""
    alice = visit("Bea", viewport={"width": 390, "height": 800})
    alice.say("hello")
    alice.sees("hello")
    alice.details("hello")
    for _ in range(30):
        alice.page.keyboard.press("Tab")
        assert alice.page.evaluate("!document.activeElement.closest('.top, .people, .talk')")
    alice.page.set_viewport_size({"width": 1200, "height": 800})
    expect(alice.page.locator("[inert]")).to_have_count(0)
    alice.page.set_viewport_size({"width": 390, "height": 800})
    expect(alice.page.locator("[inert]")).to_have_count(4)
    alice.page.keyboard.press("Escape")
    expect(alice.page.locator("[inert]")).to_have_count(0)


def test_what_is_new_is_seen(visit: Visit, server: Process, tmp_path: Path) -> None:
    """Who is at the end stays there when the log gets smaller; who has scrolled up is not moved, and is told."""
    alice, bob = visit("Cleo", viewport={"width": 1200, "height": 800}), Person(server, "Bob", tmp_path)
    for i in range(30):
        bob.say(f"line {i}")
    alice.sees("line 29")
    alice.page.set_viewport_size({"width": 1200, "height": 420})
    bob.say("after the window shrank")
    expect(alice.sees("after the window shrank")).to_be_in_viewport()
    alice.page.locator("#log").evaluate(SCROLL_UP)
    bob.say("while reading above")
    expect(alice.page.get_by_role("button", name="New messages below")).to_be_visible()
    expect(alice.row("while reading above")).not_to_be_in_viewport()
    alice.page.get_by_role("button", name="New messages below").click()
    expect(alice.row("while reading above")).to_be_in_viewport()
    bob.leave()


def test_a_long_room_is_cut_at_its_beginning(visit: Visit) -> None:
    """A page that keeps every line grows slow; it says that there was more."""
    alice = visit("Dora")
    expect(alice.page.get_by_text("Earlier messages are not shown any more.")).to_be_hidden()
    alice.page.evaluate(MANY, 1003)
    expect(alice.page.locator(".message")).to_have_count(1000)
    assert [alice.texts()[i] for i in (0, -1)] == ["line 3", "line 1002"]
    alice.page.locator("#log").evaluate(SCROLL_UP)
    expect(alice.page.get_by_text("Earlier messages are not shown any more.")).to_be_in_viewport()


def test_what_a_screen_reader_is_told(visit: Visit) -> None:
    """Names of all that can be used, a live log, states and faults that are announced."""
    alice = visit("Bea")
    alice.say("read aloud")
    alice.sees("read aloud")
    log = alice.page.get_by_role("log", name="Messages")
    expect(log.get_by_role("button", name="verified: details of the message by Bea")).to_be_visible()
    expect(alice.page.get_by_role("status").filter(has_text="online")).to_be_visible()
    assert (
        alice.page.evaluate("""() => [...document.querySelectorAll("button, input, textarea, summary")]
        .filter((each) => each.checkVisibility() && !(each.textContent.trim() || each.labels?.length ||
            each.ariaLabel)).length""")
        == 0
    )


# ---- axe


def faults(page: Page) -> list[str]:
    """What axe-core calls serious or critical, and where."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(script("axe-core/axe.min.js"))
    found: list[dict[str, Any]] = page.evaluate("axe.run().then((found) => found.violations)")
    return [
        f"{fault['id']}: {node['html'][:120]} {node['failureSummary'][:200]}"
        for fault in found
        if fault["impact"] in {"serious", "critical"}
        for node in fault["nodes"]
    ]


def fits(visitor: Visitor) -> bool:
    """Nothing is wider than the window."""
    return bool(visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@needs_npm
@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(visit: Visit, scheme: str, width: int) -> None:
    """At the first visit, in the room with every kind of row, in both panels and both dialogs, and when alone."""
    name = f"Ann {scheme} {width}"
    alice = visit(color_scheme=scheme, viewport={"width": width, "height": 760}, reduced_motion="reduce").open()
    assert (faults(alice.page), fits(alice)) == ([], True)
    alice.page.get_by_role("button", name="I have an identity file").click()
    assert (faults(alice.page), fits(alice)) == ([], True)
    alice.page.keyboard.press("Escape")
    alice.enter(name)
    alice.say("a word and " + "averylongone" * 30)
    expect(alice.page.locator(".message .badge").last).to_contain_text("verified")
    alice.page.evaluate(EVERY_KIND)
    assert (faults(alice.page), fits(alice)) == ([], True)
    alice.page.locator(".message .badge").last.click()
    expect(alice.page.locator(".drawing")).to_be_visible()
    assert (faults(alice.page), fits(alice)) == ([], True)
    alice.page.get_by_text("Every hash, as text").click()
    alice.page.get_by_role("button", name="Who is that?").click()
    assert (faults(alice.page), fits(alice)) == ([], True)
    alice.page.keyboard.press("Escape")
    alice.page.locator("#me").click()
    assert (faults(alice.page), fits(alice)) == ([], True)
    alice.page.keyboard.press("Escape")
    alice.context.set_offline(True)
    expect(alice.page.locator("#banner")).to_be_visible()
    alice.say("while offline")
    alice.sees("while offline", "waiting")
    assert (faults(alice.page), fits(alice)) == ([], True)


# copies of a row in the clothes of every badge, as colours are what is looked at
EVERY_KIND = """() => {
    const row = document.querySelector(".message");
    for (const badge of ["failed", "another", "reused", "gap", "waiting", "refused"]) {
        const copy = row.cloneNode(true);
        copy.className = `message is-${badge}`;
        copy.querySelector(".badge").textContent = badge;
        copy.querySelector(".badge").ariaLabel = badge;
        copy.querySelector(".note").hidden = false;
        copy.querySelector(".note").textContent = "A sentence about it.";
        row.before(copy);
    }
}"""
