"""The site that Chromium visits."""

from collections.abc import Iterator
from typing import Any

import pytest

import approval_handler
import chromium
from approval_site import Site, serve
from pocket import clients_made_once
from world import World, forget_environments, make_world


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


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page of a phone's size."""
    context = browser.new_context(viewport=chromium.PHONE)
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()
