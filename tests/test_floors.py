"""The floors of the house: who may know whom, read off the #include and import lines."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

import hbss

ROOT = Path(__file__).resolve().parent.parent
CSRC = ROOT / "csrc"
PACKAGE = ROOT / "hbss"
DEMO = ROOT / "demo_chat"

FLOORS = ("base", "hash", "trees", "schemes")  # lowest first; csrc/hbss.c stands above them all

INTRINSIC = re.compile(
    r"\b_mm\d*_\w+|\bimmintrin\.h|\barm_neon\.h|\b__builtin_ia32_|\btarget\s*\(\s*\"|"
    r"#\s*pragma (?:GCC|clang) (?:target|attribute)"
)
ISA = re.compile(r"^\s*#\s*(?:el)?if.*\b__(?:x86_64|i386|SSE|AVX|SHA|aarch64|arm|ARM|wasm)\w*", re.MULTILINE)
CPU_QUESTION = re.compile(r"\bcpuid\.h|\b__get_cpuid|\b__cpuid|\b_?xgetbv|\b__builtin_cpu_|\bgetauxval")
IMPURE = re.compile(
    r"\b(?:malloc|calloc|realloc|free|alloca|fopen|fread|fwrite|printf|fprintf|puts|getenv|time|clock|clock_gettime|"
    r"rand|random|srand|getrandom|getentropy|abort|exit|pthread_\w+|fork)\s*\("
)
IMPURE_HEADERS = {
    "stdio.h",
    "stdlib.h",
    "time.h",
    "pthread.h",
    "threads.h",
    "unistd.h",
    "fcntl.h",
    "errno.h",
    "sys/random.h",
}
MUTABLE_GLOBAL = re.compile(
    r"^static\s+(?!const\b|inline\b|void\b|_Thread_local\s+const\b)[\w\s*]+\w+(?:\[[^\]]*\])*\s*(?:=|;)", re.MULTILINE
)


def without_comments(text: str) -> str:
    """C text with its comments blanked out, so that prose does not count as code."""
    return re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.DOTALL)


def c_files(root: Path) -> list[Path]:
    found = (path for path in root.rglob("*") if path.suffix in {".c", ".h", ".inc"})
    return sorted(path for path in found if "wasm" not in path.relative_to(root).parts)


def includes(path: Path) -> list[str]:
    return re.findall(
        r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', without_comments(path.read_text(encoding="utf-8")), re.MULTILINE
    )


def floor(parts: tuple[str, ...]) -> int:
    return FLOORS.index(parts[0]) if parts[0] in FLOORS else len(FLOORS)


def bad_includes(root: Path) -> Iterator[str]:
    """Rule 1: own folder or a floor below; no scheme includes another; everybody may read the door, hbss.h."""
    for path in c_files(root):
        here = path.relative_to(root).parts
        for name in includes(path):
            found = [base for base in (path.parent, root) if (base / name).is_file()]
            if not found:  # a system header
                continue
            there = (found[0] / name).resolve().relative_to(root.resolve()).parts
            upwards = floor(there) > floor(here)
            sideways = here[0] == there[0] == "schemes" and len(there) > 2 and here[1] != there[1]
            if there != ("hbss.h",) and (upwards or sideways):
                yield f"{'/'.join(here)} includes {'/'.join(there)}"


def bad_instructions(root: Path) -> Iterator[str]:
    """Rule 2: only hash/kernels/ (and the list of kernels) knows instruction sets; only base/cpu.c asks the CPU."""
    for path in c_files(root):
        name = path.relative_to(root).as_posix()
        text = without_comments(path.read_text(encoding="utf-8"))
        in_kernels = name.startswith("hash/kernels/")
        if not in_kernels and name != "base/cpu.c" and INTRINSIC.search(text):
            yield f"{name}: intrinsics or a target"
        if not in_kernels and name not in {"base/cpu.c", "hash/kernel.h", "hash/kernels.c"} and ISA.search(text):
            yield f"{name}: asks which instruction set it is compiled for"
        if name != "base/cpu.c" and CPU_QUESTION.search(text):
            yield f"{name}: asks the CPU"


def bad_purity(root: Path) -> Iterator[str]:
    """Rule 3: C allocates nothing, prints nothing, knows no time and no chance, starts no thread, keeps no variable."""
    for path in c_files(root):
        name = path.relative_to(root).as_posix()
        text = without_comments(path.read_text(encoding="utf-8"))
        for call in IMPURE.findall(text):
            yield f"{name} calls {call}"
        for header in IMPURE_HEADERS.intersection(includes(path)):
            yield f"{name} includes {header}"
        for line in MUTABLE_GLOBAL.findall(text):
            yield f"{name} keeps a variable: {line.strip()}"


def imports(path: Path, package_root: Path) -> set[str]:
    """Every module that a Python file imports, by its full name; of `from m import x` both m and m.x."""
    package = path.relative_to(package_root.parent).with_suffix("").parts[:-1]
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module or "") if part)
            names.add(module)
            names.update(f"{module}.{alias.name}" for alias in node.names)
    return names


def bad_imports(package: Path) -> Iterator[str]:
    """Rule 4: only _native/ imports the extension; only stores/ can write key state, and so imports sqlite3.

    The audit keeps an index of its own, and the crash kit looks at what stores leave behind.
    """
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package).as_posix()
        found = imports(path, package)
        if not name.startswith("_native/") and any(module.split(".")[:2] == ["hbss", "_hbss"] for module in found):
            yield f"{name} imports the extension"
        outside = not name.startswith(("stores/", "audit/index.py", "testing/"))
        if outside and any(module.split(".")[0] == "sqlite3" for module in found):
            yield f"{name} imports sqlite3"
        room = path.relative_to(package).parts[0].removesuffix(".py")
        if room not in ROOMS:
            continue  # __init__.py, which imports the public names of all, and _build.py, which imports none
        for above in ROOMS[ROOMS.index(room) + 1 :]:
            if any(module.split(".")[:2] == ["hbss", above] for module in found):
                yield f"{name} imports hbss.{above}, which stands above it"


def bad_uses(demo: Path, public: Iterable[str]) -> Iterator[str]:
    """Rule 5: the demo uses of hbss what `hbss.__all__` has, and nothing else."""
    allowed = {"hbss", *(f"hbss.{name}" for name in public)}
    for path in sorted(demo.rglob("*.py")):
        used = {module for module in imports(path, demo) if module.split(".")[0] == "hbss"}
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "hbss":
                used.add(f"hbss.{node.attr}")
        for name in sorted(used - allowed):
            yield f"{path.relative_to(demo).as_posix()} uses {name}"


def test_every_module_has_its_room() -> None:
    """A new module of the package is given a place in the order."""
    found = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in PACKAGE.rglob("*.py")}
    assert found - {"__init__", "_build"} == set(ROOMS)


# the rooms of the package, the lowest first: a module imports from its own room and the rooms before it
ROOMS = [
    "errors", "workers", "_native", "machine", "costs", "params", "message", "files", "reading", "units", "drawing",
    "encoding", "keys", "signature", "batch", "treecache", "treefolder", "stateless", "stores", "families", "ahead",
    "tower", "piecelog", "draft", "portable", "creation", "status", "stateful", "audit", "state", "wots", "merkle",
    "x509", "cms", "tuf", "cose", "jose", "explain", "inspection", "unsafe_known_answers", "testing", "bench",
    "choosing", "cli", "tour",
]  # fmt: skip


@pytest.mark.parametrize("rule", [bad_includes, bad_instructions, bad_purity], ids=lambda rule: rule.__name__)
def test_c_floors_hold(rule: Callable[[Path], Iterable[str]]) -> None:
    """No file of csrc breaks the rule."""
    assert len(c_files(CSRC)) > 5
    assert list(rule(CSRC)) == []


def test_python_floors_hold() -> None:
    """No module of the package breaks the rule."""
    assert list(bad_imports(PACKAGE)) == []


def test_the_demo_uses_public_names_only() -> None:
    """What people copy from needs nothing that may change unannounced."""
    assert len(list(DEMO.rglob("*.py"))) > 10
    assert list(bad_uses(DEMO, hbss.__all__)) == []


@pytest.mark.parametrize(
    ("rule", "file", "text"),
    [
        (bad_includes, "trees/merkle.c", '#include "../schemes/lms/lms.h"'),
        (bad_includes, "hash/hash.c", '#include "trees/tweak.h"'),
        (bad_includes, "schemes/xmss/xmss.c", '#include "../lms/lms.h"'),
        (bad_instructions, "hash/hash.c", "#include <immintrin.h>"),
        (bad_instructions, "trees/merkle.c", "#if defined(__AVX2__)\n#endif"),
        (bad_instructions, "hash/kernels/avx2.c", "int f(void) { return __builtin_cpu_supports(\"avx2\"); }"),
        (bad_purity, "trees/merkle.c", "void *f(void) { return malloc(1); }"),
        (bad_purity, "base/secret.c", "#include <stdio.h>"),
        (bad_purity, "schemes/lms/lms.c", "static uint32_t next_index = 0;"),
    ],
)  # fmt: skip
def test_a_planted_breach_in_c_is_found(
    tmp_path: Path, rule: Callable[[Path], Iterable[str]], file: str, text: str
) -> None:
    """The rules themselves are tested: each finds what it forbids."""
    for name in ("schemes/lms/lms.h", "trees/tweak.h", file):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert list(rule(tmp_path)) == []
    (tmp_path / file).write_text(text + "\n")
    assert len(list(rule(tmp_path))) == 1


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("keys.py", "from hbss._hbss import lib"),
        ("keys.py", "from ._hbss import lib"),
        ("cli/sign.py", "import sqlite3"),
        ("stateful.py", "def f():\n    import sqlite3.dbapi2"),
        ("params.py", "from hbss import keys"),
        ("stores/sqlite.py", "from ..stateful import StatefulPrivateKey"),
    ],
)
def test_a_planted_breach_in_python_is_found(tmp_path: Path, file: str, text: str) -> None:
    """A forbidden import is found wherever it stands in a file."""
    path = tmp_path / "hbss" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")
    assert list(bad_imports(tmp_path / "hbss"))


@pytest.mark.parametrize(
    "text",
    [
        "import hbss.stateful",
        "from hbss import _native",
        "from hbss.audit import Audit",
        "import hbss\n\ndef f():\n    return hbss.stores",
    ],
)
def test_a_planted_breach_in_the_demo_is_found(tmp_path: Path, text: str) -> None:
    """A name that hbss does not export is found, imported or reached through the package."""
    demo = tmp_path / "demo_chat"
    demo.mkdir()
    (demo / "client.py").write_text("import hbss\nfrom hbss import audit\nkey = hbss.generate\n")
    assert list(bad_uses(demo, hbss.__all__)) == []
    (demo / "client.py").write_text(text + "\n")
    assert list(bad_uses(demo, hbss.__all__))
