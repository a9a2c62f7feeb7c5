"""The contract of a long-running tool: what a definition may say, and what it is told."""

from datetime import timedelta
from typing import Any

import pytest

from longrunning.agent.definition import AgentDefinition, Agents, UnknownAgentError
from longrunning.agent.long_running import LongTool, Result, long_running
from longrunning.waits.item import Wait

DAY = timedelta(days=1)


@pytest.mark.parametrize("name", ["agent", "self", "cls", "_private"])
def test_a_reserved_name_is_refused_at_once(name: str) -> None:
    source = f"def render(wait, {name}: str) -> None: ..."
    made: dict[str, Any] = {}
    exec(source, made)  # noqa: S102 - the names are the test's own
    with pytest.raises(TypeError, match=name):
        long_running(within=DAY)(made["render"])


def test_the_first_parameter_is_the_wait() -> None:
    def render(scene: str) -> None: ...

    with pytest.raises(TypeError, match='must be "wait"'):
        long_running(within=DAY)(render)


def test_parameters_need_names() -> None:
    def render(wait: Wait, *scenes: str) -> None: ...

    with pytest.raises(TypeError, match="scenes"):
        long_running(within=DAY)(render)


@pytest.mark.parametrize(
    ("within", "why"),
    [(timedelta(days=1_827), "at most 5 years"), (timedelta(seconds=59), "at least a minute")],
)
def test_a_fixed_time_out_of_bounds_is_refused_at_once(within: timedelta, why: str) -> None:
    def render(wait: Wait) -> None: ...

    with pytest.raises(ValueError, match=why):
        long_running(within=within)(render)


def test_human_approval_is_no_name_for_another_tool() -> None:
    def human_approval(wait: Wait) -> None: ...

    with pytest.raises(TypeError, match="the approval's own"):
        long_running(within=DAY)(human_approval)


def a_tool(name: str = "render") -> LongTool:
    def start(wait: Wait, scene: str) -> None: ...

    start.__name__ = name
    return long_running(within=DAY)(start)


def test_a_hook_that_names_an_unknown_parameter_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="no parameter colour"):
        a_tool().look(lambda wait, colour: None)


@pytest.mark.parametrize("text", ["", " \n"])
def test_a_result_has_a_text(text: str) -> None:
    with pytest.raises(ValueError, match="not blank"):
        Result(text)


def test_a_look_gives_a_result_or_none() -> None:
    tool = a_tool()
    tool.look(lambda wait: "17.mp4")
    with pytest.raises(TypeError, match="expected a Result or None"):
        tool.ask_source(Wait("s", "t", "a", "render", 0, 0), {"scene": "sea"})


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="more than one tool is called render"):
        AgentDefinition("writer", lambda *_: None, long_tools=(a_tool(), a_tool()))


def test_agents_are_found_by_name_and_the_first_is_the_default() -> None:
    agents = Agents([AgentDefinition(name, lambda *_: None) for name in ("writer", "judge")])
    assert agents.named(None).name == "writer"
    assert agents.named("judge").name == "judge"
    with pytest.raises(UnknownAgentError, match="expected one of writer, judge"):
        agents.named("nobody")


@pytest.mark.parametrize("names", [[], ["writer", "writer"]])
def test_there_is_one_agent_at_least_and_no_two_of_one_name(names: list[str]) -> None:
    with pytest.raises(ValueError, match="agents: expected one or more"):
        Agents(AgentDefinition(name, lambda *_: None) for name in names)
