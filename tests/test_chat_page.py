"""The page in a real Chromium, on a real server: people talk, come late, lose the connection, and nothing is lost."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Locator, expect

import hbss
from demo_chat import protocol
from tests.browser_kit import needs_chromium
from tests.chat_kit import Person, Process, process
from tests.chat_page_kit import Frame, Visit, of_type

pytest_plugins = ["tests.browser_fixtures", "tests.chat_page_fixtures"]
pytestmark = needs_chromium


def test_two_browsers_talk(visit: Visit) -> None:
    """What one types the other reads, verified by both; each sees who is here, and the key that Python would show."""
    alice = visit("Alice")
    bob = visit("Bob")
    expect(alice.page.locator(".presence").last).to_have_text("Bob has come, says the server")
    alice.say("Hello Bob")
    bob.sees("Hello Bob")
    alice.sees("Hello Bob")
    bob.say("Hello Alice")
    row = alice.sees("Hello Alice")
    expect(row.locator(".who")).to_have_text("Bob")
    assert (
        (alice.texts(), alice.badges())
        == (["Hello Bob", "Hello Alice"], ["verified"] * 2)
        == (
            bob.texts(),
            bob.badges(),
        )
    )
    for visitor in (alice, bob):
        assert sorted(visitor.page.locator("#people .who").all_text_contents()) == sorted(
            f"{name}{' you' if visitor is own else ''}" for name, own in (("Alice", alice), ("Bob", bob))
        )
    panel = bob.details("Hello Bob")
    key = panel.locator("dt:text-is('identity') + dd").text_content()
    assert bob.row("Hello Bob").locator(".key").text_content() == protocol.fingerprint(bytes.fromhex(key or ""))
    alice.context.close()
    expect(bob.page.locator(".presence").last).to_have_text("Alice has gone, says the server")
    expect(bob.page.locator("#count")).to_have_text("1")


def test_details_say_what_was_signed(visit: Visit) -> None:
    """Field by field, with sizes, times, certificate, and a picture that ends at the session's own root."""
    alice = visit("Erin")
    alice.say("Look inside")
    alice.sees("Look inside")
    panel = alice.details("Look inside")
    fields = dict(zip(panel.locator("dt").all_text_contents(), panel.locator("dd").all_text_contents(), strict=True))
    assert {name: fields[name] for name in ("tag 15", "room 4", "leaf", "signature", "text 11", "name")} == {
        "tag 15": "hbss-chat/1 msg", "room 4": "main", "leaf": "1 of 1,024", "text 11": "Look inside", "name": "Erin",
        "signature": "7,856 bytes of SLH-DSA-SHA2-128s (FIPS 205)",
    }  # fmt: skip
    assert re.fullmatch(r"[\d.]+ ms", fields["time to sign"])
    assert re.fullmatch(r"[\d.]+ ms", fields["time to verify"])
    drawing = panel.get_by_role("img", name=re.compile("67 hash chains lead to leaf 1, .* which is that of"))
    expect(drawing).to_be_visible()
    assert drawing.locator(".d-hidden").count() == 67
    assert drawing.locator(".d-given").count() == 10
    panel.get_by_text("Every hash, as text").click()
    root = panel.locator("th:text-is('root') + td").text_content()
    assert fields["session key"].endswith(root or "-")


def test_history_is_there_after_a_reload(visit: Visit, server: Process, tmp_path: Path) -> None:
    """The same identity, another session key, and all messages verified anew, those of the terminal client too."""
    alice = visit("Carol")
    alice.say("before the reload")
    alice.sees("before the reload")
    python = Person(server, "Python", tmp_path)
    python.say("from Python")
    alice.sees("from Python")
    python.leave()
    own, first = alice.page.locator("#me .key").text_content(), session_key(alice.details("before the reload"))
    alice.reload()
    alice.sees("before the reload")
    alice.sees("from Python")
    alice.say("after the reload")
    alice.sees("after the reload")
    assert alice.page.locator("#me .key").text_content() == own
    assert session_key(alice.details("after the reload")) != first == session_key(alice.details("before the reload"))
    assert set(alice.badges()) == {"verified"}


def session_key(panel: Locator) -> str:
    """That is in the certificate which the panel shows."""
    return str(panel.locator("dt:text-is('session key') + dd").text_content())


def test_who_comes_late_verifies_the_history(visit: Visit, server: Process) -> None:
    """All of it, by themselves: what was changed on the way is shown as failed, and what follows as after a gap."""
    alice, texts = visit("Dave"), [f"said early {number}" for number in range(3)]
    for text in texts:
        alice.say(text)
        alice.sees(text)

    def change(frame: Frame) -> Frame:
        (changed,) = [entry for entry in frame["history"] if entry["message"]["text"] == texts[1]]
        changed["message"]["text"] = "said never"
        return frame

    late = visit().between(received=of_type("welcome", change)).enter("Late")
    late.sees(texts[0])
    late.sees("said never", "failed")
    late.sees(texts[2], "gap")  # what it follows is not what was shown
    expect(late.row("said never").locator(".note")).to_have_text(
        "The signature does not belong to these bytes and the session key."
    )


def test_the_server_is_killed_and_comes_back(visit: Visit, tmp_path: Path) -> None:
    """The page says so, goes on alone, keeps what is typed, and sends it once when the server is back."""
    with process(tmp_path / "db") as first:
        alice, bob = visit("Alice", at=first), visit("Bob", at=first)
        alice.say("all is well")
        bob.sees("all is well")
        alice.page.get_by_label("Your message").fill("half a sent")
        first.kill()
        expect(alice.page.locator("#banner")).to_contain_text("The connection is lost; trying again.")
        expect(alice.page.locator("#banner")).to_contain_text("Single-user mode")
        assert any("Single-user mode" in each for each in alice.heard)
        assert alice.page.get_by_label("Your message").input_value() == "half a sent"
        alice.say("typed alone")
        alice.sees("typed alone", "waiting")
        alice.say("and this too")
        with process(tmp_path / "db", first.port):
            bob.page.locator("#retry").dispatch_event("click")  # he may have come back by himself in between
            for visitor in (bob, alice):
                visitor.is_in()
                visitor.sees("typed alone")
                visitor.sees("and this too")
                assert visitor.texts() == ["all is well", "typed alone", "and this too"]
                expect(visitor.page.locator("#banner")).to_be_hidden()
            assert any("single-user mode ends" in each for each in alice.heard)


def test_offline_and_back(visit: Visit) -> None:
    """What was typed without a network is sent once; what was said meanwhile comes, in order, without a gap."""
    alice, bob = visit("Frank"), visit("Grace")
    alice.say("I go")
    bob.sees("I go")
    alice.context.set_offline(True)
    expect(alice.page.locator("#banner")).to_contain_text("this device is offline", ignore_case=True)
    alice.say("typed offline")
    alice.sees("typed offline", "waiting")
    bob.say("said meanwhile")
    bob.sees("said meanwhile")
    alice.context.set_offline(False)
    for visitor in (alice, bob):
        visitor.sees("said meanwhile")
        visitor.sees("typed offline")
        assert visitor.texts()[-3:] == ["I go", "said meanwhile", "typed offline"]
        assert set(visitor.badges()) == {"verified"}


def test_what_was_not_acknowledged_is_sent_again_identically(visit: Visit) -> None:
    """The acknowledgement is lost with the connection: the same bytes go again, and are in the room once."""
    sent: list[Frame] = []
    lost: list[Frame] = []

    def note(frame: Frame) -> Frame:
        sent.append(frame)
        return frame

    def lose(frame: Frame) -> Frame | None:
        if lost:
            return frame
        lost.append(frame)
        alice.context.set_offline(True)
        return None

    alice = visit().between(sent=of_type("message", note), received=of_type("accepted", lose)).enter("Heidi")
    bob = visit("Ivan")
    alice.say("once only")
    bob.sees("once only")
    expect(alice.page.locator("#banner")).to_be_visible()
    alice.context.set_offline(False)
    alice.is_in()
    alice.sees("once only")
    assert len(sent) == 2
    assert sent[0] == sent[1]
    alice.say("and on")
    bob.sees("and on")
    assert (bob.texts()[-2:], bob.badges()[-2:]) == (["once only", "and on"], ["verified"] * 2)


def test_much_at_once(visit: Visit) -> None:
    """All lines arrive, in order, without gaps; what is refused as too fast goes again, with the same bytes."""
    sent: list[Frame] = []
    answers: list[Frame] = []

    def note(frame: Frame) -> Frame:
        sent.append(frame)
        return frame

    def refuse(frame: Frame) -> Frame:
        answers.append(frame)
        too_fast = {"type": "refused", "id": frame["id"], "code": "rate", "detail": "too fast"}
        return too_fast if len(answers) in {3, 20} else frame

    alice = visit().between(sent=of_type("message", note), received=of_type("accepted", refuse)).enter("Rosa")
    bob = visit("Sven")
    texts = [f"line {number}" for number in range(35)]
    alice.page.evaluate(TYPE, texts)
    for visitor in (bob, alice):
        visitor.sees(texts[-1])
        assert (visitor.texts()[-35:], set(visitor.badges()[-35:])) == (texts, {"verified"})
    assert (sent[2], sent[19]) == (sent[3], sent[20])
    assert len(sent) == 35 + 2


TYPE = """(texts) => {
    for (const text of texts) {
        document.getElementById("text").value = text;
        document.getElementById("say").requestSubmit();
    }
}"""


def test_two_tabs_of_one_identity(visit: Visit) -> None:
    """Each has a session of its own, they see each other's messages, and others see one person."""
    first, bob = visit("Judy"), visit("Karl")
    page = first.context.new_page()
    first.say("from the first tab")
    first.page, page = page, first.page
    first.open().is_in()
    first.say("from the second tab")
    bob.sees("from the second tab")
    first.page = page
    first.sees("from the second tab")
    keys = {session_key(first.details(f"from the {tab} tab")) for tab in ("first", "second")}
    assert len(keys) == 2
    assert len({row.text_content() for row in bob.page.locator(".message .key").all()[-2:]}) == 1
    assert bob.page.locator("#people .who").all_text_contents().count("Judy") == 1
    assert set(bob.badges()) == {"verified"}


def test_a_server_that_does_not_let_in_says_so(visit: Visit) -> None:
    """It is not called unreachable: a clock that is wrong is for the user to set."""
    alice = visit()
    alice.context.add_init_script("const now = Date.now; Date.now = () => now() + 3600_000")
    alice.open()
    alice.page.get_by_label("Your name, as others will see it").fill("Lena")
    alice.page.get_by_role("button", name="Make my identity").click()
    expect(alice.page.locator("#state")).to_have_text("not let in")
    expect(alice.page.locator("#banner-text")).to_contain_text("does not let you in")
    expect(alice.page.locator("#banner-text")).to_contain_text("one of the two clocks is more than 5 minutes off")


def test_what_people_write_is_text(visit: Visit) -> None:
    """Markup, right-to-left and characters of four bytes stay what they are, in names as well, and isolated."""
    name, text = "<b>שלום</b> 🦉", '<img src=x onerror="alert(1)"> \u202eevil\n𝔘𝔫𝔦 مرحبا &amp;'
    alice, bob = visit(name), visit("Mallory")
    alice.say(text)
    for visitor in (alice, bob):
        row = visitor.page.locator(".message").last
        expect(row.locator(".badge")).to_contain_text("verified")
        assert row.locator(".text").text_content() == text
        assert row.locator(".who").text_content() == name
        assert row.locator(".text > bdi, .who > bdi").count() == 2
        assert visitor.page.locator("#room main").locator("img, b").count() == 0
    assert hbss.parameter_set("SLH-DSA-SHA2-128s").public_key_size == 32
