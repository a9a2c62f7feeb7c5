"""What docs/adapt.md adds to the project's own definition: a second agent, a callback's URL."""

import json
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import boto3
import pytest

import agent_definition
import ask_agent
import evaluator
from converse_stand_in import tool_use
from longrunning.waits.item import Status, Wait
from test_callbacks import url_of
from test_guide_tools import blocks, text
from world import World

MODULE = "fact_checker"

Example = Callable[[str], Any]


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Example]:
    """Imports the file of the guide."""
    (tmp_path / f"{MODULE}.py").write_text(blocks()[MODULE])
    monkeypatch.syspath_prepend(tmp_path)
    yield import_module
    sys.modules.pop(MODULE, None)


def test_the_definition_makes_the_same_url(world: World) -> None:
    wait = Wait("s", "t", "post-generator", "await_build", 1, 2)
    make = agent_definition.make_callback_url(boto3.Session(), world.env)
    assert make(wait) == url_of(wait)


def test_the_second_agent_is_asked_and_answers(
    world: World, example: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    checker = example("fact_checker")
    make = agent_definition.make_agents
    make_ask = ask_agent.make_ask_agent

    def with_checker(*given: Any) -> Any:
        yield from make(*given)
        yield checker.make_fact_checker(agent_definition.make_model("", ""))

    def asks(names: list[str], *more: Any) -> Any:
        return make_ask([*names, checker.AGENT_NAME], *more)

    monkeypatch.setattr(agent_definition, "make_agents", with_checker)
    monkeypatch.setattr(ask_agent, "make_ask_agent", asks)
    asked = {"name": "fact-checker", "task": "Unicorns can fly."}
    world.play([[tool_use("agent-1", "ask_agent", asked)], "They cannot.", "Done."])
    session_id = world.start()
    world.deliver_until_quiet()
    assert json.loads(text(world, "agent-1")) == {"outcome": "finished", "said": "They cannot."}
    assert world.session(session_id).status == "completed"
    system = world.stand_in.requests[1]["system"][0]["text"]
    assert system == "You say which claims of a text are wrong, and why."
    assert evaluator.AGENT_NAME != checker.AGENT_NAME
    (wait,) = world.approvals(session_id)
    assert wait.status == Status.RESOLVED
