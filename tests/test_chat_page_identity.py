"""The identity in the browser: made, kept, named, exported, brought elsewhere, forgotten; and its session keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from playwright.sync_api import expect

import hbss
from demo_chat import protocol
from tests.browser_kit import needs_chromium
from tests.chat_page_kit import Visit, Visitor

pytest_plugins = ["tests.browser_fixtures", "tests.chat_page_fixtures"]
pytestmark = needs_chromium

PASSPHRASE = "correct horse – 🐎"


def exported(visitor: Visitor, passphrase: str = PASSPHRASE, again: str = PASSPHRASE) -> bytes:
    """The file that "Keep a copy" saves."""
    dialog = visitor.page.get_by_role("dialog", name="Your identity")
    if not dialog.is_visible():
        visitor.page.locator("#me").click()
    dialog.get_by_label("Passphrase", exact=True).fill(passphrase)
    dialog.get_by_label("The same again").fill(again)
    with visitor.page.expect_download() as saved:
        dialog.get_by_role("button", name="Save the file").click()
    assert saved.value.suggested_filename.endswith(".hbss-chat")
    return Path(saved.value.path()).read_bytes()


def bring(visitor: Visitor, data: bytes, passphrase: str = PASSPHRASE) -> None:
    """Choose a file at the first visit, and try to open it."""
    dialog = visitor.page.get_by_role("dialog", name="Bring an identity")
    if not dialog.is_visible():
        visitor.page.get_by_role("button", name="I have an identity file").click()
    dialog.get_by_label("Identity file").set_input_files(
        {"name": "a.hbss-chat", "mimeType": "application/octet-stream", "buffer": data}
    )
    dialog.get_by_label("Its passphrase").fill(passphrase)
    dialog.get_by_role("button", name="Use it here").click()


def fields(data: bytes, count: int) -> tuple[list[bytes], int]:
    """The first fields, each behind its length, and where they end."""
    found, at = [], 0
    for _ in range(count):
        end = at + 4 + int.from_bytes(data[at : at + 4], "big")
        found.append(data[at + 4 : end])
        at = end
    return found, at


def test_an_identity_goes_to_another_browser(visit: Visit) -> None:
    """The file is what it says: PBKDF2, AES-256-GCM over the header, and inside a key that Python reads as well."""
    alice = visit("Alice")
    alice.say("from home")
    alice.sees("from home")
    data = exported(alice)
    (tag, name, public, salt, iv), end = fields(data, 5)
    assert (tag, name, len(salt), len(iv)) == (b"hbss-chat/1 identity", b"Alice", 16, 12)
    key = PBKDF2HMAC(SHA256(), 32, salt, 600_000).derive(PASSPHRASE.encode())
    raw = AESGCM(key).decrypt(iv, data[end:], data[:end])
    private = hbss.PrivateKey.from_raw(protocol.IDENTITY_SET, raw)
    assert private.public_key().public_bytes_raw() == public
    assert protocol.fingerprint(public) == alice.page.locator("#me .key").text_content()
    assert len({exported(alice) for _ in range(2)}) == 2  # another salt each time

    elsewhere = visit().open()
    wrong = elsewhere.page.locator("#import-wrong")
    for bad, passphrase, message in (
        (data, "another one", "The passphrase is wrong, or the file was changed."),
        (data[:-1] + bytes([data[-1] ^ 1]), PASSPHRASE, "The passphrase is wrong, or the file was changed."),
        (data.replace(b"Alice", b"Alicf"), PASSPHRASE, "The passphrase is wrong, or the file was changed."),
        (data[:-1], PASSPHRASE, "This is no identity file of hbss-chat."),
        (b"\xff" * 300, PASSPHRASE, "This is no identity file of hbss-chat."),
    ):
        bring(elsewhere, bad, passphrase)
        expect(wrong).to_have_text(message)
        wrong.evaluate("(place) => place.replaceChildren()")
    bring(elsewhere, data)
    elsewhere.is_in()
    elsewhere.say("from elsewhere")
    row = alice.sees("from elsewhere")
    assert row.locator(".who").text_content() == "Alice"
    assert row.locator(".key").text_content() == alice.page.locator("#me .key").text_content()
    elsewhere.reload()
    elsewhere.sees("from elsewhere")


WATCH = """
    window.seen = { said: [], done: [] };
    new MutationObserver(() => {
        const what = document.getElementById("making-what")?.textContent;
        if (what && seen.said.at(-1) !== what) seen.said.push(what);
        const { value } = document.getElementById("progress") ?? {};
        if (value && seen.done.at(-1) !== value) seen.done.push(value);
    }).observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
"""


def test_the_first_visit_is_watched(visit: Visit) -> None:
    """What is being made is said, and how far it has come."""
    alice = visit()
    alice.page.add_init_script(WATCH)
    alice.enter("Paula")
    seen = alice.page.evaluate("seen")
    assert seen["said"] == ["Making your identity key …", "Making the key of this session …"]
    assert len({value for value in seen["done"] if 0 < value < 1}) > 5


def test_mistakes_are_told(visit: Visit) -> None:
    """Names and passphrases that will not do, and what to do about them."""
    alice = visit().open()
    for name, why in (
        ("x" * 33, "A name has 1 to 32 characters; this one has 33."),
        ("   ", "A name has 1 to 32 characters; this one has 0."),
        ("Al\u202eice", "A name has no invisible characters; this one has U+202E."),
        ("Al  ice", "A name has no spaces at its ends, and no two in a row."),
    ):
        alice.page.get_by_label("Your name, as others will see it").fill(name)
        alice.page.get_by_role("button", name="Make my identity").click()
        expect(alice.page.locator("#name-wrong")).to_have_text(why)
    alice.enter("e\u0301mile")  # is written in normal form C
    expect(alice.page.locator("#me .who")).to_have_text("\u00e9mile you")
    alice.say("x" * 4001)
    expect(alice.page.locator("#text-wrong")).to_contain_text("at most 4,000 bytes of UTF-8; this one has 4,001")
    assert len(alice.page.get_by_label("Your message").input_value()) == 4001  # nothing typed is lost
    alice.page.locator("#me").click()
    dialog = alice.page.get_by_role("dialog", name="Your identity")
    for first, second, why in (
        ("long enough", "not the same", "The two passphrases are not the same."),
        ("short", "short", "A passphrase has at least 8 characters."),
    ):
        dialog.get_by_label("Passphrase", exact=True).fill(first)
        dialog.get_by_label("The same again").fill(second)
        dialog.get_by_role("button", name="Save the file").click()
        expect(dialog.locator("#export-wrong")).to_have_text(why)


def test_another_name_for_the_same_key_and_forgetting(visit: Visit) -> None:
    """A new name is a new session of the same key; a forgotten identity is gone."""
    alice, bob = visit("Berta"), visit("Cleo")
    key = alice.page.locator("#me .key").text_content()
    alice.page.locator("#me").click()
    alice.page.get_by_label("Name", exact=True).fill("Berta the second")
    alice.page.get_by_role("button", name="Change").click()
    expect(alice.page.locator("#me .who")).to_have_text("Berta the second you")
    alice.is_in()
    alice.say("new name")
    row = bob.sees("new name")
    assert (row.locator(".who").text_content(), row.locator(".key").text_content()) == ("Berta the second", key)
    alice.page.locator("#me").click()
    alice.page.get_by_label("Take it out of this browser").check()
    alice.page.get_by_role("button", name="Forget", exact=True).click()
    expect(alice.page.get_by_label("Your name, as others will see it")).to_be_visible()
    assert alice.page.evaluate(IN_STORE) is None


IN_STORE = """() => new Promise((resolve) => {
    const request = indexedDB.open("hbss-chat");
    request.onsuccess = () => {
        const kept = request.result.transaction("identity").objectStore("identity").get("own");
        kept.onsuccess = async () => {
            if (!kept.result) return resolve(null);
            const { seal, sealed } = kept.result;
            const why = await crypto.subtle.exportKey("raw", seal).then(() => "exported", (error) => error.name);
            resolve({ why, length: sealed.byteLength, names: Object.keys(kept.result).sort() });
        };
    };
})"""


def test_the_key_is_kept_sealed(visit: Visit) -> None:
    """By a key that the browser does not hand out; local storage has public keys only."""
    alice = visit("Dora")
    names = ["iv", "name", "publicKey", "seal", "sealed"]
    assert alice.page.evaluate(IN_STORE) == {"why": "InvalidAccessError", "length": 64 + 16, "names": names}
    assert alice.page.evaluate("Object.keys(localStorage)") == ["hbss-chat names"]


WRAPPED = """
const made = HbssWorker.prototype.createLms;
let count = 0;
HbssWorker.prototype.createLms = async function (set, options) {
    const key = await made.call(this, set, options);
    if (++count === 1) for (let i = 0; i < 1018; i++) await key.reserve(); // leaves that nobody will use
    else while (!window.go) await new Promise((resolve) => setTimeout(resolve, 20)); // the next one is late
    return key;
};
"""


@pytest.mark.parametrize("offline", [False, True])
def test_a_session_key_is_used_up_and_the_next_one_takes_over(visit: Visit, offline: bool) -> None:
    """No leaf is used twice, no message lost or shown as a gap, with and without a connection.

    The first session begins near its end, as if it had signed a thousand messages, and the next one is slow to come.
    Leaf 1,023 is set aside in every key.
    """
    alice = visit()

    def wrap(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text() + WRAPPED)

    alice.context.route("**/hbss-client.js", wrap)
    alice.enter("Otto" if offline else "Olli")
    bob = visit("Ida" if offline else "Ina")
    alice.context.set_offline(offline)
    texts = [f"{'offline' if offline else 'online'} {number}" for number in range(9)]
    for text in texts:
        alice.say(text)
    alice.sees(texts[3], "waiting" if offline else "verified")
    alice.sees(texts[8], "waiting")
    alice.page.evaluate("window.go = true")
    alice.sees(texts[8], "waiting" if offline else "verified")
    alice.context.set_offline(False)
    for visitor in (bob, alice):
        visitor.sees(texts[8])
        assert (visitor.texts()[-9:], visitor.badges()[-9:]) == (texts, ["verified"] * 9)
    leaves = []
    for text in texts:
        shown = bob.details(text).locator(".numbers dt:text-is('leaf') + dd").text_content()
        leaves.append(int((shown or "").split(" of ")[0].replace(",", "")))
    assert leaves == [1019, 1020, 1021, 1022, 1, 2, 3, 4, 5]
