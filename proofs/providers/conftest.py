"""An empty stack in memory, whose agent runs on the model of another provider."""

import os
from collections.abc import Callable, Iterator

import pytest
from strands.models.model import Model

import agent_definition
import agent_handler
from sample_fixtures import shared_clients  # noqa: F401 - a fixture
from world import World, lasting_for_a_test

# Before LiteLLM is imported: it would fetch a list of prices, and read whatever .env there is.
os.environ.update(LITELLM_LOCAL_MODEL_COST_MAP="True", LITELLM_MODE="PRODUCTION")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """An empty stack: all that the template declares, as far as the functions use it."""
    yield from lasting_for_a_test(monkeypatch)


@pytest.fixture
def use_model(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[[Model], None]:
    """Gives the agent its model, as an adopter does in `make_model`."""

    def use(model: Model) -> None:
        monkeypatch.setattr(agent_definition, "make_model", lambda *_: model)
        agent_handler._resources.cache_clear()

    return use
