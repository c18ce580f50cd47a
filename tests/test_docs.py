"""Every Python and shell block of README and docs runs; what they say of make, extras and sizes is true."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import hbss

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = [*PAGES, *sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("*/README.md"))]
BIN = Path(sys.executable).parent
SERVER = "postgresql://signer@db.example.org/keys"  # in the examples
CHAT = "http://localhost:8000"

pytest_plugins = ["tests.postgres_fixtures", "tests.chat_fixtures"]


class Block(NamedTuple):
    """One fenced block of a page."""

    language: str
    text: str
    line: int


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for match in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield Block(match[1], match[2], text.count("\n", 0, match.start()) + 2)


def run_python(block: Block, page: Path, namespace: dict[str, Any]) -> None:
    code = compile("\n" * (block.line - 1) + block.text, str(page), "exec")
    exec(code, namespace)


def run_shell(block: Block, page: Path, folder: Path) -> None:
    assert (BIN / "hbss").exists(), (
        f"no hbss beside {sys.executable}; install the project first: pip install -e '.[cli]'"
    )
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.text], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{page.name} line {block.line}:\n{block.text}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_blocks_run(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """The blocks of a page run one after another in one folder, as a reader would type them."""
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(page):
        if SERVER in block.text:  # the reader's servers are some that the tests start
            url = request.getfixturevalue("postgres").url()
            block = block._replace(text=block.text.replace(SERVER, url))
        if CHAT in block.text and block.language:
            url = request.getfixturevalue("service").origin
            block = block._replace(text=block.text.replace(CHAT, url))
        if block.language == "python":
            run_python(block, page, namespace)
        elif block.language == "sh":
            run_shell(block, page, tmp_path)


def test_blocks_are_found() -> None:
    """The pages that must have examples have them, and no block has a language that nothing runs."""
    found = {page.name: [block.language for block in blocks(page)] for page in PAGES}
    for name in ("README.md", "index.md", "tutorial.md", "signing.md", "state.md"):
        assert "python" in found[name]
    assert "sh" in found["README.md"]
    assert {language for languages in found.values() for language in languages} <= {"python", "sh", ""}
    for page in PAGES:
        for block in blocks(page):
            assert block.language or not re.search(r"^hbss ", block.text, re.MULTILINE), f"{page.name}:{block.line}"


def test_make_targets_exist() -> None:
    """Every `make x` that a text speaks of is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in TEXTS:
        for line in re.findall(r"(?:`|^)make ([a-z -]+)(?:`|$)", page.read_text(encoding="utf-8"), re.MULTILINE):
            assert set(line.split()) <= targets, f"{page.name}: make {line}"


def test_extras_exist() -> None:
    """Every extra that a text tells to install is declared."""
    declared = set(re.findall(r"^(\w+) = \[", (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE))
    for page in TEXTS:
        for extras in re.findall(r"pip install [^\n]*\[([\w,]+)\]", page.read_text(encoding="utf-8")):
            assert set(extras.split(",")) <= declared, f"{page.name}: [{extras}]"


def test_quoted_messages_exist() -> None:
    """Each message in the troubleshooting page is one that the code has; `…` stands for a value."""
    said = ["\0".join(phrases(path)) for path in sorted((ROOT / "hbss").rglob("*.py"))]
    quoted = re.findall(r"\*\*`([^`]+)`\*\*", (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8"))
    assert len(quoted) > 20
    for message in quoted:
        assert any(message in each for each in said), message


def phrases(path: Path) -> Iterator[str]:
    """Every string of a module, with `…` for what is put into it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_links_lead_somewhere() -> None:
    """Relative links between texts name files that exist."""
    for page in TEXTS:
        for target in re.findall(r"\]\((?!\w+:|#)([^)#\s]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)}: {target}"


def test_sizes_in_tables_are_true() -> None:
    """A table row that begins with a set's name and gives bytes, keys and hashes gives the library's own numbers."""
    rows = 0
    for page in PAGES:
        for name, size, keys, million in re.findall(
            r"^\| `([^`]+)` \| ([\d,]+) B \| ([\d,]+) \| ([\d.]+) million \|",
            page.read_text(encoding="utf-8"),
            re.MULTILINE,
        ):
            row = hbss.parameter_set(name)
            assert int(size.replace(",", "")) == row.signature_size
            assert int(keys.replace(",", "")) == row.capacity
            assert float(million) == pytest.approx(row.keygen_hashes / 1e6, abs=0.06)
            rows += 1
    assert rows >= 4


def test_the_one_sentence_about_copies() -> None:
    """README, state guide, security page and policy all say that an old copy is not detected."""
    copies = r"an old copy of a key file \(a backup, a VM snapshot, a container image\) cannot be detected"
    for name in ("README.md", "SECURITY.md", "docs/state.md", "docs/security.md"):
        assert re.search(rf"Without a witness {copies}", (ROOT / name).read_text(encoding="utf-8")), name
