"""HTTP around the chat: headers, the door of the WebSocket, other front ends, health, and the lines about mistakes."""

from __future__ import annotations

import json
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from demo_chat import cli, server, wire
from tests.chat_kit import ROOT, Join, Person, Service, Socket, process, serving

pytest_plugins = ["tests.chat_fixtures"]

POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; form-action 'none'; "
    "require-trusted-types-for 'script'; trusted-types hbss-worker"
)


@pytest.mark.parametrize("path", ["/", "/health", "/stats", "/static/nothing.js", "/nothing"])
def test_every_answer_has_the_headers(service: Service, path: str) -> None:
    """Pages and errors alike."""
    headers = httpx.get(service.origin + path).headers
    assert headers["content-security-policy"] == POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers
    assert "access-control-allow-origin" not in headers


def test_the_page_is_at_the_root(service: Service) -> None:
    """It is what lies in the package; an installation without it says so."""
    answer = httpx.get(service.origin)
    page = server.STATIC / "index.html"
    if page.exists():
        assert (answer.status_code, answer.content) == (200, page.read_bytes())
        assert answer.headers["content-type"].startswith("text/html")
    else:
        assert answer.status_code == 404
        assert "hbss-chat-client" in answer.text
    assert httpx.get(f"{service.origin}/static/../server.py").status_code == 404
    assert httpx.get(f"{service.origin}/static/%2e%2e/server.py").status_code == 404


def test_it_is_packed_on_its_way(service: Service) -> None:
    """Module, scripts, styles and page together weigh less than 150 KB for whoever opens the page."""
    weight = 0
    for path in server.STATIC.iterdir():
        with httpx.stream("GET", f"{service.origin}/static/{path.name}") as answer:
            weight += len(b"".join(answer.iter_raw()))
        assert httpx.get(f"{service.origin}/static/{path.name}").content == path.read_bytes()
    assert 50_000 < weight < 150_000


def test_another_host_name_leads_to_the_origin(service: Service) -> None:
    """127.0.0.1 would be another origin, for which nobody signs; only /health answers everywhere."""
    there = f"http://127.0.0.1:{service.port}"
    answer = httpx.get(f"{there}/static/x.js?v=1")
    assert (answer.status_code, answer.headers["location"]) == (307, f"{service.origin}/static/x.js?v=1")
    assert httpx.get(f"{there}/health").json() == {"status": "ok", "protocol": "hbss-chat/1"}
    assert httpx.get(service.origin, headers={"Host": "chat.example"}).status_code == 307


@pytest.mark.parametrize(
    "origin", ["http://localhost:5174", "http://evil.example", "null", "http://localhost:5174.evil.example"]
)
def test_other_front_ends_load_the_module_if_allowed(service: Service, origin: str) -> None:
    """Exactly those origins, and of the static files only."""
    headers = {"Origin": origin}
    allowed = origin == "http://localhost:5174"
    answer = httpx.get(f"{service.origin}/static/hbss.js", headers=headers)
    assert answer.headers.get("access-control-allow-origin") == (origin if allowed else None)
    assert {"Origin", "Accept-Encoding"} <= set(answer.headers["vary"].split(", "))
    for path in ("/", "/stats", "/health"):
        assert "access-control-allow-origin" not in httpx.get(service.origin + path, headers=headers).headers


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://localhost:5174", "http://127.0.0.1:5174"])
def test_pages_from_elsewhere_are_turned_away(service: Service, origin: str) -> None:
    """Closed before anything is said, with a reason that a page's author can read."""
    code, reason = Socket(service.port, origin=origin).closed()
    assert code == 1008
    assert "--allow-origin" in reason


def test_own_and_allowed_pages_and_programs_come_in(service: Service, join: Join) -> None:
    """The signed origin is the server's own for all of them."""
    for name, origin in (("own", service.origin), ("vite", "http://localhost:5174"), ("program", None)):
        assert join(name, origin=origin).welcome.online


def test_another_host_name_is_turned_away(service: Service) -> None:
    """A page that found its way by a DNS name of its own sends that name."""
    for host in (f"evil.example:{service.port}", f"127.0.0.1:{service.port}", "localhost"):
        assert Socket(service.port, host=host).closed() == (1008, f"this server is {service.origin}; use that address")


def test_stats(service: Service, join: Join) -> None:
    """Counts of frames by kind, and of who is there."""
    before = httpx.get(f"{service.origin}/stats").json()
    alice = join("alice")
    alice.say("one")
    found = httpx.get(f"{service.origin}/stats").json()
    assert found["online"] == before["online"] + 1
    assert found["frames"]["accepted"] == before["frames"].get("accepted", 0) + 1
    assert found["verified"] == before["verified"] + 3  # certificate, hello, message
    assert found["waiting"] == 0


def test_health_says_when_nothing_can_be_kept(service: Service, join: Join) -> None:
    """A disk that is full, here a table that is gone: nothing is acknowledged or relayed, and /health says so."""
    alice, bob = join("alice"), join("bob")
    breaking = sqlite3.connect(service.db, isolation_level=None)
    breaking.execute("ALTER TABLE audit RENAME TO gone")
    message = alice.session.message("lost?", 1 + alice.session.certificate.issued)
    alice.send(message)
    refusal = alice.refusal()
    assert (refusal.code, refusal.id) == ("full", message.id)
    assert httpx.get(f"{service.origin}/health").status_code == 503
    breaking.execute("ALTER TABLE gone RENAME TO audit")
    breaking.close()
    alice.send(message)
    alice.expect(wire.Accepted)
    assert bob.hears() == "lost?"
    assert httpx.get(f"{service.origin}/health").status_code == 200


# ---- the command


@pytest.fixture
def mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """The one line that hbss-chat says, called with these options in a folder of its own, before it ends with 2."""
    monkeypatch.chdir(tmp_path)

    def said(*options: str) -> str:
        monkeypatch.setattr(sys, "argv", ["hbss-chat", *options])
        with pytest.raises(SystemExit) as end:
            cli.serve()
        assert end.value.code == 2
        out, err = capsys.readouterr()
        assert out == ""
        (line,) = err.splitlines()
        assert line.startswith("hbss-chat: ")
        return str(line)

    return said


def test_each_mistake_is_one_line(tmp_path: Path, mistake: Callable[..., str]) -> None:
    """What is wrong, and what to do."""
    (tmp_path / "text").write_text("not a database, " * 100)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        place = f"hbss-chat: cannot listen at 127.0.0.1, port {port}"
        assert mistake("--port", str(port)) == f"{place}: Address already in use; choose another --port"
    for options, said in (
        (["--port", "70000"], "port"),
        (["--host", "nowhere.invalid"], "cannot listen"),
        (["--port", "0", "--db", "text"], "text cannot be used: file is not a database"),
        (["--port", "0", "--db", "."], "cannot be opened"),
        (["--port", "0", "--origin", "localhost"], "http://localhost:8000"),
        (["--port", "0", "--allow-origin", "http://a/b"], "scheme, host and port"),
        (["--port", "0", "--room", "a\u200bb"], "--room: a name has no invisible characters"),
        (["--port", "0", "--tls-cert", "text"], "belong together"),
        (["--port", "0", "--tls-cert", "text", "--tls-key", "text"], "cannot be used"),
    ):
        assert said in mistake(*options)


def test_a_missing_extra_is_one_line(tmp_path: Path) -> None:
    """Without the packages of hbss[demo] both commands say what to install."""
    hidden = "import sys; sys.modules['pydantic'] = None; sys.argv = ['x', *sys.argv[1:]]; import demo_chat.cli as c; "
    for call in ("c.serve()", "sys.argv += ['--name', 'a']; c.talk()"):
        done = subprocess.run([sys.executable, "-c", hidden + call], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        assert "pip install 'hbss[demo]'" in line


def test_other_machines_need_tls(tmp_path: Path) -> None:
    """It runs, and says in one line what browsers elsewhere will lack."""
    with process(tmp_path / "db", 0, "--host", "0.0.0.0") as running:
        assert running.origin in running.said
        line = running.end()
    assert line.count("\n") == 1
    assert "--tls-cert" in line


def test_the_origin_can_be_given(tmp_path: Path, keys: Path) -> None:
    """As it must be behind a proxy: the Host header and the signatures are those of the origin."""
    with serving(tmp_path / "db", origin="https://chat.example") as service:
        assert Socket(service.port).closed() == (1008, "this server is https://chat.example; use that address")
        alice = Person(service, "alice", keys, host="chat.example")
        assert alice.session.certificate.origin == "https://chat.example"
        alice.say("through a proxy")
        alice.leave()


def test_answers_are_json(service: Service) -> None:
    """/health and /stats are for programs."""
    for path in ("/health", "/stats"):
        answer = httpx.get(service.origin + path)
        assert answer.headers["content-type"] == "application/json"
        assert isinstance(json.loads(answer.text), dict)
