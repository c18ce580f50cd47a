"""Options of the whole suite: `--backend NAME` chooses the kernels, `--long` adds what takes minutes."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from hbss.stores.sqlite import SqliteStore
    from tests.openssl_kit import OpenSSL


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("hbss")
    group.addoption("--backend", metavar="NAME", help="run with this backend's kernels (sets HBSS_BACKEND)")
    group.addoption("--long", action="store_true", help="also run the tests marked `long`")
    group.addoption("--report", metavar="FILE", help="keep a report of this run, and go on where the last one ended")


def pytest_configure(config: pytest.Config) -> None:
    """Before any test module imports hbss, which reads HBSS_BACKEND once; xdist's workers inherit the environment."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in the background of a shell: children would inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if backend := config.getoption("--backend"):
        os.environ["HBSS_BACKEND"] = backend
    if config.getoption("--long") and config.option.markexpr == "not long":
        config.option.markexpr = ""
    if report := config.getoption("--report"):
        from tests.report import Report  # only now: it imports hbss

        config.pluginmanager.register(Report(config.rootpath / report))


def pytest_report_header(config: pytest.Config) -> str:
    return f"hbss backend: {os.environ.get('HBSS_BACKEND') or 'the best of this machine'}"


@pytest.fixture(scope="session")
def openssl() -> OpenSSL:
    """OpenSSL 3.5 or newer, which knows SLH-DSA."""
    from tests.openssl_kit import OpenSSL

    try:
        return OpenSSL()
    except ImportError as error:
        pytest.skip(str(error))


# What the tests of the SQLite store begin with. hbss is imported only inside: HBSS_BACKEND is set before.


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A fresh key with 31 signatures."""
    import hbss
    from tests.state_kit import LMS

    hbss.create_key(tmp_path / "key", LMS)
    return tmp_path / "key"


@pytest.fixture
def store(key: Path) -> Iterator[SqliteStore]:
    """Its store."""
    from tests.state_kit import sqlite_store

    with contextlib.closing(sqlite_store(key, timeout=0.1)) as opened:
        yield opened


@pytest.fixture
def tower(tmp_path: Path) -> Path:
    """A fresh HSS key of 32 * 32 leaves."""
    import hbss
    from tests.state_kit import HSS

    hbss.create_key(tmp_path / "key", HSS)
    return tmp_path / "key"


@pytest.fixture
def watched(key: Path) -> Path:
    """A key with a witness and three signatures, and an older copy of it, `old`."""
    import hbss

    hbss.state.witness(key, str(key.with_name("witness")))
    with hbss.open_key(key) as handle:
        handle.sign(b"x")
    shutil.copy(key, key.with_name("old"))
    with hbss.open_key(key) as handle:
        handle.sign_many([b"x", b"x"])
    return key
