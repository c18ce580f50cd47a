"""Options of the whole suite: `--backend NAME` chooses the kernels, `--long` adds what takes minutes."""

from __future__ import annotations

import os

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("hbss")
    group.addoption("--backend", metavar="NAME", help="run with this backend's kernels (sets HBSS_BACKEND)")
    group.addoption("--long", action="store_true", help="also run the tests marked `long`")
    group.addoption("--report", metavar="FILE", help="keep a report of this run, and go on where the last one ended")


def pytest_configure(config: pytest.Config) -> None:
    """Before any test module imports hbss, which reads HBSS_BACKEND once; xdist's workers inherit the environment."""
    if backend := config.getoption("--backend"):
        os.environ["HBSS_BACKEND"] = backend
    if config.getoption("--long") and config.option.markexpr == "not long":
        config.option.markexpr = ""
    if report := config.getoption("--report"):
        from tests.report import Report  # only now: it imports hbss

        config.pluginmanager.register(Report(config.rootpath / report))


def pytest_report_header(config: pytest.Config) -> str:
    return f"hbss backend: {os.environ.get('HBSS_BACKEND') or 'the best of this machine'}"
