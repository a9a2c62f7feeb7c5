"""Chromium, driven by Playwright, and the site that it visits."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

import approval_handler
import chromium
from approval_site import Site, serve
from pocket import clients_made_once
from world import World, forget_environments, make_world


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips what needs a browser, in one line, where there is none."""
    if not chromium.is_there():
        for item in items:
            if "browser" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.skip(reason=chromium.MISSING))


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Serves the approval API."""
    with serve() as served:
        monkeypatch.setattr(approval_handler, "services", served.services)
        yield served


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """An empty stack in memory, with the real agent."""
    with clients_made_once():
        yield make_world(monkeypatch)
    forget_environments()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Starts Chromium once."""
    with sync_playwright() as driver:
        started = driver.chromium.launch(
            executable_path=chromium.PATH, args=list(chromium.ARGUMENTS), headless=True
        )
        yield started
        started.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page of a phone's size."""
    context = browser.new_context(viewport=chromium.PHONE)
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()
