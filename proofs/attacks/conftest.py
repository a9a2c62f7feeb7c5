"""A world in which time passes, made anew as often as a test wants."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from living_world import LivingWorld, make_living_world
from sample_fixtures import shared_clients  # noqa: F401 - a fixture
from world import forget_environments


@pytest.fixture
def new_world() -> Iterator[Callable[..., LivingWorld]]:
    """Yields what makes a new world, as `make_living_world` does, and ends the one before."""
    with ExitStack() as stack:

        def new(*args: Any, **kwargs: Any) -> LivingWorld:
            stack.close()
            patch = stack.enter_context(pytest.MonkeyPatch.context())
            return make_living_world(patch, *args, **kwargs)

        yield new
    forget_environments()
