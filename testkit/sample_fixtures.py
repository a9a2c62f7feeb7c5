"""Fixtures: an empty stack in memory, with an agent and a receiver that are not the example's."""

from collections.abc import Callable, Iterator
from types import ModuleType

import pytest

from longrunning_testkit.pocket import clients_made_once
from longrunning_testkit.worlds import forget_environments
from sample_world import World, lasting_for_a_test


@pytest.fixture(scope="session", autouse=True)
def shared_clients() -> Iterator[None]:
    """Makes every AWS client once."""
    with clients_made_once():
        yield


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """An empty stack: all that the template declares, as far as the functions use it."""
    yield from lasting_for_a_test(monkeypatch)


@pytest.fixture
def set_clock(world: World) -> Callable[[ModuleType, float], None]:
    """Sets the clock of one function to so many seconds before or after the world's."""

    class Wrong:
        def __init__(self, seconds: float) -> None:
            self.time = lambda: world.clock() + seconds
            self.sleep = world.step

    def set_clock(module: ModuleType, seconds: float) -> None:
        world.monkeypatch.setattr(module, "time", Wrong(seconds))
        forget_environments()

    return set_clock
