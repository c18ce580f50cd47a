"""The page's modules beside the server's: the same signed bytes, rules and frames; and types that hold."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page

import hbss
from demo_chat import protocol, wire
from tests.browser_kit import needs_chromium
from tests.chat_kit import Process
from tests.npm_kit import installed, needs_npm

pytest_plugins = ["tests.browser_fixtures", "tests.chat_page_fixtures"]
pytestmark = needs_chromium

STATIC = Path(__file__).resolve().parent.parent / "demo_chat" / "static"
ORIGINS = ["http://localhost:8000", "https://chat.example.org", "http://[::1]:9"]


@pytest.fixture(scope="module")
def asking(browser: Browser, server: Process) -> Iterator[Page]:
    """A page that has the chat's modules: `p` chat-protocol.js, `f` chat-frames.js, `t` chat-trust.js."""
    page = browser.new_page()
    page.goto(server.origin)
    page.evaluate("""async () => {
        window.p = await import("/static/chat-protocol.js");
        window.f = await import("/static/chat-frames.js");
        window.t = await import("/static/chat-trust.js");
        window.bytes = (text) => Uint8Array.from(text.match(/../g) ?? [], (each) => parseInt(each, 16));
        window.why = (act) => { try { return act() ?? ""; } catch (error) { return `!${error.message}`; } };
        window.inside = (values) => Object.fromEntries(Object.entries(values).map(([name, value]) =>
            [name, value?.hex !== undefined ? bytes(value.hex) : value]));
    }""")
    yield page
    page.context.close()


def given_as(value: wire.Certificate | wire.Message) -> dict[str, Any]:
    """Its fields, bytes as hexadecimal."""
    return {key: {"hex": each.hex()} if isinstance(each, bytes) else each for key, each in dict(value).items()}


times = st.integers(0, 2**53 - 1)
keys = st.binary(min_size=32, max_size=32)
texts = st.text(st.characters(codec="utf-8"), max_size=40)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(ORIGINS), texts, keys, st.binary(min_size=60, max_size=60), times, times, keys, keys,
    st.integers(0, 1023), st.binary(min_size=16, max_size=16),
)  # fmt: skip
def test_signed_bytes(
    asking: Page, origin: str, text: str, key: bytes, session: bytes, issued: int, time: int, hash: bytes,
    challenge: bytes, leaf: int, id: bytes,
) -> None:  # fmt: skip
    """Certificates, hellos, messages, and how leaves and keys are named, of any content."""
    certificate = wire.Certificate(
        origin=origin, name=text[:30], identity=key, session=session, issued=issued, expires=time,
        signature=hashlib.shake_128(key).digest(7856),
    )  # fmt: skip
    message = wire.Message(
        certificate=hash, leaf=leaf, id=id, previous=challenge, time=time, text=text,
        signature=hashlib.shake_128(id).digest(2512),
    )  # fmt: skip
    found = asking.evaluate(
        """async ([origin, room, certificate, message, challenge]) => {
            const place = { origin, room }, c = inside(certificate), m = inside(message);
            const signed = p.messageBytes(place, m);
            return [p.certificateBody(c), await p.certificateHash(c),
                p.helloBytes(place, m.certificate, m.leaf, bytes(challenge)), signed,
                await p.useOfLeaf(signed, m.signature), p.utf8(await p.fingerprint(c.identity))].map(p.hex);
        }""",
        [origin, text[:9], given_as(certificate), given_as(message), challenge.hex()],
    )
    signed = protocol.message_bytes(origin, text[:9], message)
    assert [bytes.fromhex(each) for each in found] == [
        protocol.certificate_body(certificate),
        protocol.certificate_hash(certificate),
        protocol.hello_bytes(origin, text[:9], hash, leaf, challenge),
        signed,
        protocol.use_of_leaf(signed, message.signature),
        hbss.PublicKey.from_raw(protocol.IDENTITY_SET, key).fingerprint().encode(),
    ]


def refused(check: Any, value: str) -> bool:
    try:
        check(value)
    except protocol.Refusal:
        return True
    return False


def agree(asking: Page, values: list[str]) -> None:
    """Page and server accept and refuse the same names and texts. (JSON cannot hold lone surrogates: as UTF-16.)"""
    units = [list(memoryview(each.encode("utf-16-le", "surrogatepass")).cast("H")) for each in values]
    found = asking.evaluate(
        """(values) => values.map((units) => String.fromCharCode(...units)).map((value) =>
            [why(() => p.checkName(value)) !== "", why(() => p.checkText(value)) !== ""])""",
        units,
    )
    assert found == [[refused(protocol.check_name, each), refused(protocol.check_text, each)] for each in values]


def test_names_and_texts(asking: Page) -> None:
    """At every corner of the rules."""
    tricks = ["\u200b", "\u202e", "\u2066", "\ufeff", "\u00ad", "\u2028", "\u2029", "\ud800", "\U000e0041", "\u3164"]
    tricks += ["\u115f", "\u1160", "\uffa0", "\u2800", "\u00a0", "\u2003", "\x00", "\x7f", "\x85", "\x1c", "\n", "\t"]
    names = ["", " ", "a", "a b", " a", "a ", "a  b", "x" * 32, "x" * 33, "🦉" * 32, "🦉" * 33, "e\u0301", "é", "שלום"]
    sizes = ["x" * 4000, "x" * 4001, "é" * 2000, "é" * 2001, "🦉" * 1000, "🦉" * 1001]
    agree(asking, names + sizes + tricks + [f"a{each}b" for each in tricks])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=35), max_size=20))
def test_any_names_and_texts(asking: Page, values: list[str]) -> None:
    """What hypothesis thinks of, but for characters newer than one of the two tables of Unicode."""
    agree(asking, values)


def test_whose_a_name_is(asking: Page) -> None:
    """The first key has it, others are others; a nickname is nobody else's name; one's own name is one's own."""
    found = asking.evaluate("""() => {
        const kept = new Map();
        const storage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
        const [one, two, three] = [1, 2, 3].map((each) => new Uint8Array(32).fill(each));
        const names = new t.Names(storage), again = new t.Names(storage);
        return [
            names.knows("Ann", one), names.knows("Ann", one), again.knows("Ann", two), names.knows("__proto__", one),
            names.knows("__proto__", two), why(() => names.call(two, "Ann")), why(() => names.call(two, "Anna")),
            again.knows("Ann", two), again.title("Ann", two).name, again.knows("Anna", three),
            again.title("Anna", three).another, why(() => names.call(three, "Anna")), why(() => names.call(two, "")),
            again.knows("Ann", two), again.knows("Anna", three), again.accept("Ann", two), again.knows("Ann", two),
            again.claim("Ann", three), again.knows("Ann", one), again.knows("Ann", three),
        ];
    }""")
    refused = "!{} is somebody else here; choose another nickname"
    assert found == [
        True, True, False, True, False, refused.format("Ann"), "", True, "Anna", False,
        True, refused.format("Anna"), "", False, True, None, True, None, False, True,
    ]  # fmt: skip


def test_frames(asking: Page) -> None:
    """The page writes what the server reads, reads what the server writes, and refuses what the server refuses."""
    message = wire.Message(
        certificate=bytes(32), leaf=1, id=bytes(16), previous=bytes(32), time=5, text="é", signature=bytes(2512)
    )
    certificate = wire.Certificate(
        origin="o", name="n", identity=bytes(32), session=bytes(60), issued=1, expires=2, signature=bytes(7856)
    )
    entry = {"sequence": 1, "received": 2, "message": message}
    half = wire.MessageEvidence(message=message)
    hello = wire.HelloEvidence(hello=wire.SignedHello(leaf=1, challenge=bytes(32), signature=bytes(2512)))
    frames: list[wire.FromServer] = [
        wire.Challenge(protocol="hbss-chat/1", origin="o", room="r", challenge=bytes(32)),
        wire.Welcome(
            certificate=bytes(32), online=[wire.Present(name="n", identity=bytes(32))], certificates=[certificate],
            history=[wire.Entry.model_validate(entry)], now=1,
        ),
        wire.Renewed(certificate=bytes(32)), wire.Announced(certificate=certificate),
        wire.Joined(name="n", identity=bytes(32)), wire.Left(name="n", identity=bytes(32)),
        wire.Relayed.model_validate(entry), wire.Accepted(id=bytes(16), sequence=1, received=2),
        wire.Refused(id=None, code="rate", detail="slow"), wire.Refused(id=bytes(16), code="time", detail="late"),
        wire.Reuse(certificate=certificate, leaf=1, first=half, second=hello),
    ]  # fmt: skip
    sent = [frame.model_dump_json() for frame in frames]
    again = asking.evaluate("(frames) => frames.map((each) => f.write(f.read(each)))", sent)
    assert [json.loads(each) for each in again] == [json.loads(each) for each in sent]

    good = json.loads(frames[6].model_dump_json())
    bad = [
        "", "null", "[]", '"x"', "{", "1e999", json.dumps({"type": "message"}), json.dumps({**good, "type": "MESSAGE"}),
        json.dumps({**good, "type": "__proto__"}), json.dumps({**good, "sequence": "1"}),
        json.dumps({**good, "sequence": 1.5}), json.dumps({**good, "sequence": 2**53}),
    ]  # fmt: skip
    reasons = asking.evaluate("(frames) => frames.map((each) => why(() => f.read(each)))", bad)
    assert [each for each in reasons if not str(each).startswith("!")] == []
    for name, value in (
        ("leaf", 1024), ("leaf", True), ("id", "A" * 24), ("id", "AAAAAAAAAAAAAAAAAAAAAB=="), ("text", 5), ("time", -1),
        ("previous", "A" * 43), ("previous", " " + "A" * 42 + "="), ("text", None), ("signature", "é" * 3352),
    ):  # fmt: skip
        spoiled = json.dumps({**good, "message": {**good["message"], name: value}})
        reason = asking.evaluate("(each) => f.read(each).message instanceof f.Malformed", spoiled)
        assert reason, (name, value)
        with pytest.raises(wire.Malformed):
            wire.from_server(spoiled)


@needs_npm
def test_types_hold() -> None:
    """What the comments of the modules say of types is true: `// @ts-check`, strictly."""
    command = [
        "node", str(installed() / "typescript" / "bin" / "tsc"), "--noEmit", "--allowJs", "--checkJs", "--strict",
        "--target", "es2023", "--lib", "es2023,dom,dom.iterable", "--module", "esnext", "--moduleResolution", "bundler",
        *map(str, sorted(STATIC.glob("chat*.js"))),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert all("// @ts-check" in path.read_text(encoding="utf-8") for path in STATIC.glob("*.js"))
