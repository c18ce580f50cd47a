"""Fixtures of the page's tests: a server in a process of its own, and people who open its page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.chat_kit import Process, Service, process
from tests.chat_page_kit import Visit, Visitor


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """One server for the tests of a module; each test has people of other names in it."""
    with process(tmp_path_factory.mktemp("chat") / "chat.db") as running:
        yield running


@pytest.fixture
def visit(browser: Browser, server: Process) -> Iterator[Visit]:
    """People in browsers of their own, none of whose pages may complain."""
    visitors: list[Visitor] = []

    def come(name: str = "", at: Process | Service = server, **options: Any) -> Visitor:
        visitors.append(Visitor(browser, at, **options))
        return visitors[-1].enter(name) if name else visitors[-1]

    yield come
    for visitor in visitors:
        visitor.context.close()
    assert [each for visitor in visitors for each in visitor.complaints()] == []
