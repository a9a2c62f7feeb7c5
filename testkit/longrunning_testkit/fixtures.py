"""The fixture: import it into a `conftest.py` of yours."""

from collections.abc import Iterator

import pytest

from longrunning_testkit.pocket import clients_made_once
from longrunning_testkit.worlds import World, lasting, make_world


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Yields an empty stack for one test, with the project's agents until it gets others."""
    with clients_made_once():
        yield from lasting(make_world(monkeypatch, World))
