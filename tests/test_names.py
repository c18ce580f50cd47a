"""Every public name is documented and typed; every set has its standard's name; the extension exports nothing."""

from __future__ import annotations

import inspect
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import hbss
from hbss import _hbss

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")

NAMES = {
    "LMS": r"LMS_(SHA256|SHAKE)_M(24|32)_H(5|10|15|20|25)_W[1248]",
    "XMSS": r"XMSS-(SHA2|SHAKE|SHAKE256)_(10|16|20)_(192|256|512)",
    "XMSSMT": r"XMSSMT-(SHA2|SHAKE|SHAKE256)_(20|40|60)/(2|3|4|6|8|12)_(192|256|512)",
    "SLH-DSA": r"SLH-DSA-(SHA2|SHAKE)-(128|192|256)[sf]",
}
COUNTS = {"LMS": 80, "XMSS": 21, "XMSSMT": 56, "SLH-DSA": 12}


def members(name: str) -> Iterator[tuple[str, object]]:
    """A public name and, if it is a class of hbss, its public methods and properties."""
    thing = getattr(hbss, name)
    yield name, thing
    if inspect.isclass(thing) and thing.__module__.startswith("hbss"):
        for member, value in vars(thing).items():
            if not member.startswith("_") and (
                callable(value) or isinstance(value, (property, classmethod, staticmethod))
            ):
                yield f"{name}.{member}", value


def test_all_is_sorted_and_real() -> None:
    """`__all__` names things that exist, each once."""
    assert len(set(hbss.__all__)) == len(hbss.__all__)
    for name in hbss.__all__:
        assert hasattr(hbss, name)


@pytest.mark.parametrize("name", hbss.__all__)
def test_public_names_have_docstrings(name: str) -> None:
    """Names, and what a class has of public methods and properties, say what they are."""
    for path, thing in members(name):
        if not isinstance(thing, str):
            assert inspect.getdoc(thing), f"hbss.{path} has no docstring"


@pytest.mark.parametrize("name", hbss.__all__)
def test_public_names_are_in_the_reference(name: str) -> None:
    """The reference page shows every public name, by itself or (modules) with all that it holds."""
    assert re.search(rf"^::: hbss\.(?:\w+\.)?{re.escape(name)}$", REFERENCE, re.MULTILINE), (
        f"docs/reference.md lacks hbss.{name}"
    )


@pytest.mark.parametrize("name", hbss.__all__)
def test_public_callables_are_typed(name: str) -> None:
    """Every parameter and every result of a public function or method has a type."""
    for path, thing in members(name):
        function = getattr(thing, "__func__", thing)
        if isinstance(function, property):
            function = function.fget
        if not inspect.isfunction(function):
            continue
        signature = inspect.signature(function)
        assert signature.return_annotation is not inspect.Signature.empty, f"hbss.{path} has no result type"
        for parameter in list(signature.parameters.values())["." in path :]:
            assert parameter.annotation is not inspect.Parameter.empty, f"hbss.{path}: {parameter.name} has no type"


def test_every_set_has_its_standards_name() -> None:
    """Names follow the standards' patterns, and every family is complete."""
    sets = hbss.parameter_sets()
    assert Counter(one.scheme for one in sets) == COUNTS
    for one in sets:
        assert re.fullmatch(NAMES[one.scheme], one.name), one.name
    assert len({one.name for one in sets}) == len(sets)


@pytest.mark.parametrize("scheme", [*COUNTS, "HSS"])
def test_every_family_is_in_the_reference(scheme: str) -> None:
    """The reference page has one row for each family, with an example that exists and the right number of sets."""
    row = re.search(rf"^\| {scheme} \| (.+) \| (\d+|any list) \| (.+) \|$", REFERENCE, re.MULTILINE)
    assert row is not None
    examples = [name for name in re.findall(r"`([^`]+)`", row[1]) if name != "+"]
    assert examples
    for name in examples:
        assert hbss.parameter_set(name).scheme == scheme
    assert row[2] == str(COUNTS.get(scheme, "any list"))


@pytest.mark.skipif(shutil.which("nm") is None, reason="needs nm (binutils)")
def test_the_extension_exports_only_its_start() -> None:
    """What Python loads shows the linker one name; nothing of the C core leaks into other libraries."""
    listed = subprocess.run(
        ["nm", "-D", "--defined-only", str(_hbss.__file__)], capture_output=True, text=True, check=True
    ).stdout
    exported = {line.split()[-1] for line in listed.splitlines()}
    assert {name for name in exported if not name.startswith("_")} - {"PyInit__hbss"} == set()
