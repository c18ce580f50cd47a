"""The terminal client as users run it, in processes of its own."""

from __future__ import annotations

import base64
import json
import os
import pty
import signal
import stat
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from websockets.sync.server import ServerConnection, serve

import hbss
from demo_chat import protocol, wire
from tests.chat_kit import CLIENT, PATIENCE, ROOT, Join, Service, pipe, process, wait_for

pytest_plugins = ["tests.chat_fixtures"]


class Terminal:
    """One hbss-chat-client. Its lines are collected while it runs."""

    def __init__(self, where: Path, name: str, url: str, *options: str, stdin: int = subprocess.PIPE) -> None:
        command = [*CLIENT, "--name", name, "--url", url, "--identity", str(where / f"{name}.pem"), *options]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
        )
        self.out: list[str] = []
        self.err: list[str] = []
        self._threads = [
            threading.Thread(target=lines.extend, args=(stream,), daemon=True)
            for lines, stream in ((self.out, self.process.stdout), (self.err, self.process.stderr))
        ]
        for thread in self._threads:
            thread.start()

    def types(self, line: str) -> None:
        """One line of standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def shows(self, text: str) -> None:
        """Wait until a line of its output has this in it."""
        wait_for(lambda: any(text in line for line in self.out))

    def tells(self, text: str) -> None:
        """The same of its standard error."""
        wait_for(lambda: any(text in line for line in self.err))

    def ends(self) -> int:
        """Close its input, and wait; the exit status."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        status = self.process.wait(PATIENCE)
        for thread in self._threads:
            thread.join(PATIENCE)
        return status


Talk = Callable[..., Terminal]


@pytest.fixture
def talk(tmp_path: Path, service: Service) -> Iterator[Talk]:
    """Starts a client: talk("alice")."""
    running: list[Terminal] = []

    def start(name: str, url: str = service.origin, *options: str, stdin: int = subprocess.PIPE) -> Terminal:
        running.append(Terminal(tmp_path, name, url, *options, stdin=stdin))
        return running[-1]

    yield start
    for each in running:
        each.process.terminate()  # not kill, which would leave its folder behind
        each.process.wait(PATIENCE)


def test_in_a_pipe(tmp_path: Path, service: Service, join: Join) -> None:
    """It sends, waits for the acknowledgement, and ends with status 0; the history is shown with badges."""
    bob = join("bob")
    done = pipe(tmp_path, "piped", service.origin, "hi\n\nzwölf\nlast".encode())
    assert done.returncode == 0, done.stderr
    texts = ["hi", "zwölf", "last"]
    assert [bob.hears() for _ in range(3)] == texts
    shown = done.stdout.decode().splitlines()[-3:]
    key = hbss.load_private_key((tmp_path / "piped.pem").read_bytes()).public_key().public_bytes_raw()
    assert [line[6:] for line in shown] == [f"✓ piped [{protocol.fingerprint(key)}]: {text}" for text in texts]
    again = pipe(tmp_path, "piped", service.origin, b"")
    assert again.returncode == 0
    assert again.stdout.decode().splitlines()[-3:] == shown
    assert b"made a new identity" in done.stderr
    assert b"made a new identity" not in again.stderr


def test_nobody_reads_the_output(tmp_path: Path, service: Service, join: Join) -> None:
    """... | hbss-chat-client | head -n 0: what is sent is sent all the same."""
    bob = join("bob")
    reading, writing = os.pipe()
    os.close(reading)
    command = [*CLIENT, "--name", "deaf", "--url", service.origin, "--identity", str(tmp_path / "id.pem")]
    done = subprocess.run(
        command, cwd=ROOT, input=b"one\ntwo\n", stdout=writing, stderr=subprocess.PIPE, timeout=PATIENCE
    )
    os.close(writing)
    assert done.returncode == 0, done.stderr
    assert [bob.hears(), bob.hears()] == ["one", "two"]


def test_lines_that_cannot_be_sent(tmp_path: Path, service: Service, join: Join) -> None:
    """Each is told, the others are sent, and the exit status says that something is missing."""
    bob = join("bob")
    done = pipe(tmp_path, "clumsy", service.origin, b"\xff\xfe\n" + b"x" * 4001 + b"\nfine\n")
    assert done.returncode == 1
    assert b"not UTF-8" in done.stderr
    assert b"4,001" in done.stderr
    assert bob.hears() == "fine"


def test_two_talk_while_the_server_is_killed_and_restarted(tmp_path: Path, talk: Talk) -> None:
    """What is typed meanwhile arrives once, and nothing else twice."""
    with process(tmp_path / "db") as running:
        alice, bob = talk("alice", running.origin), talk("bob", running.origin)
        alice.tells("in room main")
        bob.tells("in room main")
        alice.types("hello Bob")
        bob.shows("hello Bob")
        bob.types("hello Alice")
        alice.shows("hello Alice")
        running.kill()
    alice.tells("the connection is lost")
    alice.types("typed while nobody listened")
    with process(tmp_path / "db", running.port) as running:
        bob.shows("typed while nobody listened")
        bob.types("got it")
        alice.shows("got it")
        assert (alice.ends(), bob.ends()) == (0, 0)
    texts = ["hello Bob", "hello Alice", "typed while nobody listened", "got it"]
    for terminal in (alice, bob):
        assert [line.split("]: ")[1].strip() for line in terminal.out] == texts
        assert all(line[6] == "✓" for line in terminal.out)


def test_at_a_terminal(tmp_path: Path, service: Service, join: Join, talk: Talk) -> None:
    """Lines that begin with a slash are commands there: who is online, another key of a known name, the end."""
    outside, inside = pty.openpty()
    carol = talk("carol", stdin=inside)
    carol.tells("in room main")
    first, second = join("twin"), join("twin")
    first.say("I am the first")
    carol.shows("I am the first")
    second.say("so am I")
    carol.shows("another twin than the one known by this name")
    os.write(outside, b"/who\n")
    carol.tells(f"twin [{protocol.fingerprint(first.key)}]")
    os.write(outside, b"/safety twin\n")
    own = hbss.load_private_key((tmp_path / "carol.pem").read_bytes()).public_key().public_bytes_raw()
    carol.tells(f"twin [{protocol.fingerprint(first.key)}]: {protocol.safety_phrase(first.key, own)}")
    carol.tells(f"twin [{protocol.fingerprint(second.key)}] (not accepted): {protocol.safety_phrase(second.key, own)}")
    os.write(outside, b"/safety nobody\n")
    carol.tells("nobody called 'nobody' has been seen")
    os.write(outside, b"/accept nobody\n")
    carol.tells("no other key of 'nobody'")
    os.write(outside, b"/accept twin\n")
    carol.tells(f"is known by [{protocol.fingerprint(second.key)}] too")
    second.say("better now")
    carol.shows("better now")
    assert [line[6] for line in carol.out[-3:]] == ["✓", "≠", "✓"]
    os.write(outside, b"/help\nhello from a terminal\n")
    carol.tells("/quit")
    first.expect(wire.Relayed)
    os.write(outside, b"/quit\n")
    assert carol.process.wait(PATIENCE) == 0
    os.close(outside)
    os.close(inside)


def test_the_session_key_goes_with_the_process(talk: Talk) -> None:
    """On SIGTERM too: its private folder is removed."""
    alice = talk("alice")
    alice.tells("in room main")
    (folder,) = session_folders(alice.process.pid)
    assert folder.is_dir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    alice.process.send_signal(signal.SIGTERM)
    assert alice.process.wait(PATIENCE) == 128 + signal.SIGTERM
    assert not folder.exists()


def session_folders(pid: int) -> set[Path]:
    """Where a client keeps its session key, by the files that it has open."""
    links = [os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir()]
    return {Path(link).parent for link in links if "/hbss-chat-" in link}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"origin": "http://localhost:9"},
            "the server says that it is http://localhost:9, and you asked for http://localhost:",
        ),
        ({"protocol": "hbss-chat/2"}, "does not speak hbss-chat/1"),
    ],
)
def test_a_server_that_poses_as_another(talk: Talk, change: dict[str, str], said: str) -> None:
    """Nothing is signed for it."""
    heard: list[str] = []

    def pose(connection: ServerConnection) -> None:
        challenge = {"type": "challenge", "protocol": "hbss-chat/1", "origin": origin, "room": "main"}
        connection.send(json.dumps({**challenge, "challenge": base64.b64encode(bytes(32)).decode(), **change}))
        heard.extend(text for text in connection if isinstance(text, str))

    with serve(pose, "localhost", 0) as posing:
        origin = f"http://localhost:{posing.socket.getsockname()[1]}"
        threading.Thread(target=posing.serve_forever, daemon=True).start()
        alice = talk("alice", origin)
        assert alice.ends() == 2
        assert said in alice.err[-1]
        posing.shutdown()
    assert heard == []


def test_mistakes(tmp_path: Path, service: Service, talk: Talk) -> None:
    """Each is one line, and status 2."""
    elsewhere = f"http://127.0.0.1:{service.port}"
    for name, url, said in (
        ("alice", elsewhere, f"this server is {service.origin}"),
        ("al\u200bice", service.origin, "--name: a name has no invisible characters"),
        ("alice", "localhost", "expected an address such as"),
    ):
        client = talk(name, url)
        assert client.ends() == 2
        assert said in client.err[-1]
        assert client.out == []
    readable = tmp_path / "bob.pem"
    readable.write_bytes(hbss.generate(protocol.IDENTITY_SET).pem())
    readable.chmod(0o644)
    client = talk("bob")
    assert client.ends() == 2
    assert "chmod 600" in client.err[0]
    nobody = talk("carol", "http://localhost:1")
    assert nobody.ends() == 2
    assert "no chat answers at http://localhost:1" in nobody.err[-1]
