"""The page against a server, a network and users that lie: everything false is shown as such, and nothing is hidden."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path
from typing import Any

from playwright.sync_api import Playwright, expect

import hbss
from demo_chat import protocol, wire
from demo_chat.checker import now
from demo_chat.session import Session
from tests.browser_kit import CHROMIUM, needs_chromium
from tests.chat_kit import HOUR, Person, Process, copied
from tests.chat_page_kit import Frame, Visit, Visitor, of_type

pytest_plugins = ["tests.browser_fixtures", "tests.chat_page_fixtures"]
pytestmark = needs_chromium


def relayed(message: wire.Message, sequence: int = 10_000) -> Frame:
    """As the server would relay it."""
    whole = json.loads(message.model_dump_json(exclude={"type"}))
    return {"type": "message", "sequence": sequence, "received": now(), "message": whole}


def announced(certificate: wire.Certificate) -> Frame:
    return {"type": "certificate", "certificate": json.loads(certificate.model_dump_json())}


# ---- frames that were changed


def test_a_frame_that_was_changed_on_its_way_to_a_receiver_is_shown_as_failed(visit: Visit) -> None:
    """Its text is shown, crossed out; what follows is after a gap; what cannot be read at all is shown too."""

    def change(frame: Frame) -> Frame:
        message = frame["message"]
        if message["text"] == "I owe you 1":
            message["text"] = "I owe you 1000"
        if message["text"] == "cut":
            message["signature"] = message["signature"][:100]
        return frame

    bob = visit().between(received=of_type("message", change)).enter("Bob")
    alice = visit("Alice")
    for text in ("first", "I owe you 1", "second", "cut"):
        alice.say(text)
        alice.sees(text)
    bob.sees("first")
    row = bob.sees("I owe you 1000", "failed")
    expect(row.locator(".note")).to_have_text("The signature does not belong to these bytes and the session key.")
    expect(row.locator(".key")).to_have_text("")  # nobody is proven to have said it
    bob.sees("second", "gap")
    expect(bob.page.locator(".message").last.locator(".note")).to_contain_text("The message cannot be read: signature")
    panel = bob.details("I owe you 1000")
    expect(panel).to_contain_text("This did not verify. Do not believe it.")
    expect(panel.get_by_role("img", name="which is not that of the session key")).to_be_visible()


def test_a_frame_that_was_changed_on_its_way_to_the_server_is_refused(visit: Visit) -> None:
    """The sender is told, can write it again, and the next message follows without a gap; nobody else saw it."""

    def change(frame: Frame) -> Frame:
        return {**frame, "text": "something else"} if frame["text"] == "what I said" else frame

    alice = visit().between(sent=of_type("message", change)).enter("Carol")
    bob = visit("Dan")
    alice.say("what I said")
    row = alice.sees("what I said", "refused")
    expect(row.locator(".note")).to_contain_text("The signature does not belong to these bytes and the session key.")
    row.get_by_role("button", name="Write it again").click()
    assert alice.page.get_by_label("Your message").input_value() == "what I said"
    alice.page.get_by_label("Your message").fill("")
    alice.say("the next one")
    bob.sees("the next one")
    alice.sees("the next one")
    assert "something else" not in bob.texts()


def test_a_duplicate_is_ignored_and_a_loss_is_a_gap(visit: Visit) -> None:
    """The same bytes twice are shown once; a message that the server keeps back is missed with the next one."""

    def change(frame: Frame) -> Frame | list[Frame] | None:
        text = frame["message"]["text"]
        return {"twice": [frame, frame], "kept back": None}.get(text, frame)

    bob = visit().between(received=of_type("message", change)).enter("Eve")
    alice = visit("Fay")
    for text in ("twice", "once", "kept back", "after it"):
        alice.say(text)
        alice.sees(text)
    bob.sees("twice")
    bob.sees("once")
    row = bob.sees("after it", "gap")
    expect(row.locator(".note")).to_contain_text("Messages of this session before this one are missing")
    assert bob.texts()[-3:] == ["twice", "once", "after it"]


def test_certificates_that_do_not_hold(visit: Visit, server: Process, tmp_path: Path) -> None:
    """Of another origin, too long, of a name with tricks, forged, for another room or time, or never shown."""
    identity, other = hbss.generate(protocol.IDENTITY_SET), hbss.generate(protocol.IDENTITY_SET)

    def session(origin: str = server.origin, room: str = "main", name: str = "Oscar") -> Session:
        return Session(identity, origin, room, name, tmp_path, now())

    def issued(by: Session, **changes: Any) -> wire.Certificate:
        """The same with other facts, and signed again; a signature by another key if `by` says so."""
        plain = by.certificate.model_copy(update={key: value for key, value in changes.items() if key != "key"})
        key = changes.get("key", identity)
        signature = key.sign(protocol.certificate_body(plain), protocol.CERTIFICATE_CONTEXT)
        return plain.model_copy(update={"signature": signature})

    frames: list[Frame] = []
    cases: dict[str, str] = {}

    def case(text: str, note: str, by: Session, certificate: wire.Certificate | None, time: int = 0) -> None:
        """A message under a certificate, both well signed but for what the case is about."""
        if certificate is not None and certificate is not by.certificate:
            by.certificate, by.hash = certificate, protocol.certificate_hash(certificate)
        if certificate is not None:
            frames.append(announced(certificate))
        frames.append(relayed(by.message(text, time or now())))
        cases[text] = note

    case("good", "", plain := session(), plain.certificate)
    case("origin", "The certificate is for http://localhost:1", far := session("http://localhost:1"), far.certificate)
    case("room", "The signature does not belong", room := session(room="other"), room.certificate)
    case("late", "The message's time lies outside", late := session(), late.certificate, now() + 25 * HOUR)
    case("forged", "The certificate's signature is not one", mine := session(), issued(mine, key=other))
    case("long", "A certificate is valid for some time", long := session(), issued(long, expires=now() + 25 * HOUR))
    case("trick", "A name has no invisible characters", trick := session(), issued(trick, name="Os\u200bcar"))
    case("unseen", "The server has not shown the certificate", session(), None)

    bob = visit().between(received=of_type("welcome", lambda frame: [frame, *frames])).enter("Gus")
    for text, note in cases.items():
        row = bob.sees(text, "failed" if note else "verified")
        if note:
            expect(row.locator(".note")).to_contain_text(note)


# ---- leaves that signed twice


def test_a_leaf_that_signed_twice_is_shown_as_an_attack(visit: Visit, server: Process, tmp_path: Path) -> None:
    """The server refuses it and shows the evidence; each browser verifies that, and marks the message it has."""
    bob = visit("Bob")
    mallory = Person(server, "Nina", tmp_path)
    twin = copied(mallory.session)
    mallory.say("pay 10")
    bob.sees("pay 10")
    mallory.say("and 5")
    bob.sees("and 5")
    panel = bob.details("and 5")
    mallory.send(twin.message("pay 10000", now()))
    assert mallory.refusal().code == "reuse"
    alert = bob.page.get_by_role("alert").filter(has_text="Attack")
    expect(alert).to_contain_text("leaf 1 of this session has signed two different things", ignore_case=True)
    expect(alert.locator("q")).to_have_text(["pay 10", "pay 10000"])
    for text in ("pay 10", "and 5"):
        bob.sees(text, "leaf reused")
    expect(panel.locator(".verdict")).to_contain_text("do not trust this session any more")
    mallory.session.leaf = 3
    mallory.say("trust me again")
    bob.sees("trust me again", "leaf reused")
    carol = visit("Carol")  # who was not there
    carol.sees("pay 10", "leaf reused")
    expect(carol.page.get_by_role("alert").filter(has_text="Attack").locator("q")).to_have_text(["pay 10", "pay 10000"])
    mallory.leave()


def test_a_server_that_hides_it_is_found_out(visit: Visit, server: Process, tmp_path: Path) -> None:
    """The page has an auditor of its own, which remembers over a reload."""
    mallory = Person(server, "Olga", tmp_path)
    twin = copied(mallory.session)
    second = twin.message("yes to all", now())

    def both(frame: Frame) -> Frame | list[Frame]:
        return [frame, relayed(second)] if frame["message"]["text"] == "no" else frame

    bob = visit().between(received=of_type("message", both)).enter("Pat")
    mallory.say("no")
    bob.sees("yes to all", "leaf reused")
    bob.sees("no", "leaf reused")
    bob.context.set_offline(True)
    expect(bob.page.locator("#state")).not_to_have_text("online")
    bob.context.set_offline(False)
    bob.is_in()
    bob.sees("yes to all", "leaf reused")
    bob.reload()
    bob.sees("no", "leaf reused")
    mallory.leave()


def test_a_false_accusation_is_not_believed(visit: Visit, server: Process, tmp_path: Path) -> None:
    """The same message twice, or one that does not verify, is no evidence; what is shown stays verified."""
    rita = Person(server, "Rita", tmp_path)

    def accuse(frame: Frame) -> list[Frame]:
        signed = {"kind": "message", "message": frame["message"]}
        changed = {"kind": "message", "message": {**frame["message"], "text": "never"}}
        reuse = {
            "type": "reuse", "certificate": json.loads(rita.session.certificate.model_dump_json()),
            "leaf": frame["message"]["leaf"], "first": signed,
        }  # fmt: skip
        return [frame, {**reuse, "second": signed}, {**reuse, "second": changed}]

    bob = visit().between(received=of_type("message", accuse)).enter("Sam")
    rita.say("only once")
    accused = bob.page.get_by_role("alert").filter(has_text="Not believed")
    expect(accused).to_have_count(2)
    expect(accused.first).to_contain_text("it is the same one twice")
    expect(accused.last).to_contain_text("the signature does not belong to these bytes")
    bob.sees("only once")
    rita.leave()


# ---- names


def test_another_key_under_a_known_name(visit: Visit, server: Process, tmp_path: Path) -> None:
    """It is another Tina, until the user gives it a nickname or accepts it as a new device."""
    bob, tina = visit("Uwe"), Person(server, "Tina", tmp_path)
    tina.say("I am Tina")
    bob.sees("I am Tina")
    other, device = Person(server, "Tina", tmp_path), Person(server, "Tina", tmp_path)
    other.say("I am Tina as well")
    row = bob.sees("I am Tina as well", "another key")
    expect(row.locator(".who")).to_have_text("another Tina")
    expect(bob.page.locator(".person.odd .who")).to_have_text(["another Tina"] * 2)
    device.say("from my telephone")
    bob.sees("from my telephone", "another key")

    panel = bob.details("I am Tina as well")
    panel.get_by_label("A nickname for this key, here only").fill("Tina")
    panel.get_by_role("button", name="Set").click()
    expect(panel.get_by_role("alert")).to_have_text("Tina is somebody else here; choose another nickname.")
    panel.get_by_label("A nickname for this key, here only").fill("Tina of the library")
    panel.get_by_role("button", name="Set").click()
    expect(row.locator(".who")).to_have_text("Tina of the library says Tina")
    bob.details("from my telephone").get_by_role("button", name="It is their new device").click()
    expect(bob.row("from my telephone").locator(".who")).to_have_text("Tina")
    bob.sees("from my telephone")
    expect(bob.row("from my telephone").locator(".note")).to_be_hidden()
    bob.reload()
    bob.sees("I am Tina as well")
    bob.sees("from my telephone")
    for person in (tina, other, device):
        person.leave()


def test_tabs_share_what_they_know_of_names(visit: Visit, server: Process, tmp_path: Path) -> None:
    """What one tab writes takes nothing away that the other has written, and is shown there too."""
    bob, zoe = visit("Yves"), Person(server, "Zoe", tmp_path)
    other, last = Person(server, "Zoe", tmp_path), Person(server, "Zoe", tmp_path)
    zoe.say("one")
    bob.sees("one")
    tab, first = bob.context.new_page(), bob.page
    bob.page = tab
    bob.open().is_in()
    bob.page = first
    other.say("two")
    last.say("three")
    panel = bob.details("two")
    panel.get_by_label("A nickname for this key, here only").fill("Aunt")
    panel.get_by_role("button", name="Set").click()
    bob.page = tab
    expect(bob.row("two").locator(".who")).to_have_text("Aunt says Zoe")
    panel = bob.details("three")
    panel.get_by_label("A nickname for this key, here only").fill("x" * 41)
    panel.get_by_role("button", name="Set").click()
    expect(panel.get_by_role("alert")).not_to_be_empty()
    bob.details("three").get_by_role("button", name="It is their new device").click()
    bob.sees("three")
    bob.page = first
    expect(bob.row("two").locator(".who")).to_have_text("Aunt says Zoe")
    bob.reload()
    expect(bob.row("two").locator(".who")).to_have_text("Aunt says Zoe")
    for person in (zoe, other, last):
        person.leave()


def test_safety_phrases(visit: Visit) -> None:
    """Both compute the same digits, which nobody else has."""
    people = [visit(name) for name in ("Vera", "Walt", "Xara")]

    def phrase(of: Visitor, name: str) -> str:
        of.page.locator("#people .person").filter(has=of.page.get_by_text(name, exact=True)).click()
        digits = of.page.locator("#details section", has_text="Safety phrase").locator(".fingerprint")
        expect(digits).to_have_text(re.compile(r"^(\d{5} ){5}\d{5}$"))
        return digits.text_content() or ""

    vera, walt, xara = people
    assert phrase(vera, "Walt") == phrase(walt, "Vera")
    assert len({phrase(vera, "Walt"), phrase(vera, "Xara"), phrase(walt, "Xara")}) == 3
    assert phrase(xara, "Walt") == phrase(walt, "Xara")


# ---- the page itself


def test_an_injected_script_does_not_run(visit: Visit, server: Process) -> None:
    """Neither one that came with the page, nor one that a script in the page tries to add."""
    alice = visit(permissions=["local-network-access"])  # which a page that was put in the server's place has not
    inside = '<script>window.owned = 1</script><img src="x" onerror="window.owned = 1"><p style="color: red">x</body>'

    def inject(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace("</body>", inside))

    alice.page.route(server.origin + "/", inject)
    alice.enter("Yuri")
    tried = alice.page.evaluate("""async () => {
        const tries = {
            innerHTML: () => { document.body.innerHTML = "<b>x</b>"; },
            script: () => { document.createElement("script").text = "window.owned = 1"; },
            handler: () => document.body.setAttribute("onclick", "window.owned = 1"),
            timeout: () => setTimeout("window.owned = 1"),
            policy: () => trustedTypes.createPolicy("mine", { createHTML: (text) => text }),
            again: () => trustedTypes.createPolicy("hbss-worker", { createScriptURL: (url) => url }),
            worker: () => new Worker("/static/chat.js"),
            write: () => document.write("<script>window.owned = 1</" + "script>"),
        };
        const script = document.createElement("script");
        try { script.append("window.owned = 1"); document.body.append(script); } catch {}
        await fetch("http://localhost:1/").catch(() => {});
        return Object.fromEntries(Object.entries(tries).map(([name, act]) => {
            try { act(); return [name, "done"]; } catch (error) { return [name, error.name]; }
        }));
    }""")
    assert set(tried.values()) == {"TypeError"}, tried
    assert alice.page.evaluate("window.owned") is None
    assert any("Content Security Policy" in each for each in alice.complaints())
    alice.heard.clear()


def test_frames_that_are_none_are_shown_and_survived(visit: Visit) -> None:
    """Rubbish from the server is a line in the room, and the room goes on."""
    rubbish: list[Any] = [
        {"type": "toString"}, {"type": "joined", "name": 1, "identity": "x"}, [], {"type": "accepted", "id": "AAA="},
        {"type": "message", "sequence": -1, "received": 0, "message": {}}, {"type": "renewed", "certificate": "A" * 44},
    ]  # fmt: skip
    alice = visit().between(received=of_type("welcome", lambda frame: [frame, *rubbish])).enter("Zoe")
    expect(alice.page.locator(".notice.trouble")).to_have_count(len(rubbish))
    alice.say("still here")
    alice.sees("still here")


def test_a_server_that_says_it_is_another(visit: Visit, server: Process) -> None:
    """One sentence with both addresses, and nothing is signed for it."""
    sent: list[Frame] = []

    def note(frame: Frame) -> Frame:
        sent.append(frame)
        return frame

    alice = visit().between(
        sent=note, received=of_type("challenge", lambda frame: {**frame, "origin": "https://chat.example.org"})
    )
    alice.open()
    alice.page.get_by_label("Your name, as others will see it").fill("Abel")
    alice.page.get_by_role("button", name="Make my identity").click()
    expect(alice.page.locator("#banner-text")).to_have_text(
        f"The server says that it is https://chat.example.org, and this page talks to {server.origin}; a signature is "
        "for one of them only, so open https://chat.example.org.",
    )
    assert sent == []


class Elsewhere(Process):
    """A server whose host's name only the browser knows."""

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
        except ConnectionRefusedError:
            return False
        return True


def test_without_a_secure_context_the_page_says_what_to_do(playwright: Playwright, tmp_path: Path) -> None:
    """http:// on another machine: no crypto.subtle, so one clear sentence in place of the form."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Elsewhere(tmp_path / "db", port, "--origin", f"http://chat.test:{port}")
    rules = ["--host-resolver-rules=MAP chat.test 127.0.0.1"]
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=rules)
    try:
        alice = Visitor(browser, server).open()
        expect(alice.page.get_by_role("alert")).to_contain_text("browsers make keys on https:// or at localhost only")
        expect(alice.page.get_by_role("button", name="Make my identity")).to_be_hidden()
        assert [each for each in alice.complaints() if "Cross-Origin-Opener-Policy" not in each] == []
    finally:
        browser.close()
        server.kill()
