"""The tool that asks: it leaves a placeholder, notes what waits, and stops the agent."""

import json
import warnings
from typing import Any, ClassVar

import pytest
from strands import Agent
from strands.models.bedrock import BedrockModel

from converse_stand_in import ConverseStandIn, StandInSession, tool_use
from gate_stage import StoppableAgent
from longrunning import human_approval as module
from longrunning.human_approval import TOOL_SPEC, human_approval, pause
from longrunning.messages import MAX_CONTENT_BYTES


def ask(content: Any = "Meet Rainbow Dash!", tool_use_id: str = "tooluse_1") -> dict[str, Any]:
    return {"toolUseId": tool_use_id, "name": "human_approval", "input": {"content": content}}


def agent_with(script: Any, agent_class: type[Agent] = Agent) -> Agent:
    """The real agent, with a model that plays a script."""
    session = StandInSession(ConverseStandIn(script))
    model = BedrockModel(model_id="stand-in", boto_session=session)
    return agent_class(model=model, tools=[module], callback_handler=None)


def text_of(result: dict[str, Any]) -> str:
    (block,) = result["content"]
    text: str = block["text"]
    return text


# --- the spec ------------------------------------------------------------------------------------


def test_module_tool_and_function_have_one_name() -> None:
    assert TOOL_SPEC["name"] == human_approval.__name__ == module.__name__.rpartition(".")[2]


def test_content_is_a_required_text() -> None:
    schema = TOOL_SPEC["inputSchema"]["json"]
    assert schema["required"] == ["content"]
    assert schema["properties"]["content"]["type"] == "string"
    assert schema["properties"]["arguments"]["type"] == "object"
    assert set(schema["properties"]) == {"content", "arguments"}


def test_strands_takes_the_module_as_a_tool() -> None:
    assert agent_with([]).tool_names == ["human_approval"]


# --- asking --------------------------------------------------------------------------------------


def test_it_answers_with_a_placeholder_and_stops_the_agent() -> None:
    agent, request_state = StoppableAgent(), {"session_id": "s-1"}
    result = human_approval(ask(), request_state=request_state, agent=agent, session_id="s-2")
    assert (result["toolUseId"], result["status"]) == ("tooluse_1", "success")
    assert "Waiting" in text_of(result)
    assert request_state == {
        "session_id": "s-1",
        "stop_event_loop": True,
        "waiting": [{"tool_use_id": "tooluse_1", "tool_name": "human_approval"}],
    }
    assert agent.cancelled == [True]


def test_an_agent_of_strands_before_1_62_is_stopped_by_the_flag_alone() -> None:
    class Agent:
        messages: ClassVar[list[dict[str, Any]]] = []

        def cancel(self) -> None:
            raise AssertionError("it would end the run before the other tools of the turn")

    request_state: dict[str, Any] = {"session_id": "s-1"}
    human_approval(ask(), request_state=request_state, agent=Agent())
    assert request_state["stop_event_loop"] is True


def test_the_session_id_comes_from_the_invocation_where_the_state_has_none() -> None:
    request_state: dict[str, Any] = {}
    human_approval(ask(), request_state=request_state, session_id="s-2")
    assert request_state["session_id"] == "s-2"


def test_several_tool_uses_of_one_turn_are_all_noted() -> None:
    request_state: dict[str, Any] = {}
    human_approval(ask(tool_use_id="use-1"), request_state=request_state)
    pause(
        {"toolUseId": "use-2", "name": "render", "input": {}}, "Wait.", request_state=request_state
    )
    human_approval(ask(tool_use_id="use-3"), request_state=request_state)
    assert request_state["waiting"] == [
        {"tool_use_id": "use-1", "tool_name": "human_approval"},
        {"tool_use_id": "use-2", "tool_name": "render"},
        {"tool_use_id": "use-3", "tool_name": "human_approval"},
    ]


def test_it_works_without_an_agent() -> None:
    request_state: dict[str, Any] = {}
    assert human_approval(ask(), request_state=request_state)["status"] == "success"
    assert human_approval(ask(), request_state=request_state, agent=None)["status"] == "success"
    assert request_state["stop_event_loop"] is True


def test_any_tool_that_takes_long_can_pause_the_same_way() -> None:
    request_state: dict[str, Any] = {}
    tool = {"toolUseId": "use-1", "name": "render", "input": {}}
    result = pause(tool, "Rendering.", request_state=request_state)
    assert result == {
        "toolUseId": "use-1",
        "status": "success",
        "content": [{"text": "Rendering."}],
    }


# --- what nobody could decide on -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("tool_input", "problem"),
    [
        ({}, "content: expected the text"),
        (None, "content: expected the text"),
        ("Hi", "content: expected the text"),
        (["Hi"], "content: expected the text"),
        ({"content": None}, "content: expected the text"),
        ({"content": 7}, "content: expected the text"),
        ({"content": ["Hi"]}, "content: expected the text"),
        ({"content": ""}, "content: expected the text"),
        ({"content": " \n\t\u2003"}, "content: expected the text"),
        ({"content": "half a pair \ud83e"}, "content: expected valid Unicode"),
        ({"content": "x" * (MAX_CONTENT_BYTES + 1)}, "content: 262145 bytes of UTF-8, at most"),
        ({"content": "ü" * (MAX_CONTENT_BYTES // 2) + "x"}, "content: 262145 bytes of UTF-8"),
    ],
)
def test_what_nobody_could_decide_on_is_an_error_and_no_pause(
    tool_input: Any, problem: str
) -> None:
    agent, request_state = StoppableAgent(), {"session_id": "s-1"}
    tool = {**ask(), "input": tool_input}
    result = human_approval(tool, request_state=request_state, agent=agent)
    assert (result["toolUseId"], result["status"]) == ("tooluse_1", "error")
    assert text_of(result).startswith(problem)
    assert request_state == {"session_id": "s-1"}
    assert agent.cancelled == []


@pytest.mark.parametrize(
    "content", ["x" * MAX_CONTENT_BYTES, "ü" * (MAX_CONTENT_BYTES // 2), " x ", "🦄"]
)
def test_256_kb_in_any_script_can_be_decided(content: str) -> None:
    assert human_approval(ask(content), request_state={})["status"] == "success"


# --- with the real agent -------------------------------------------------------------------------


class ForgetfulState(dict[str, Any]):
    """A request state of an SDK that no longer knows the flag."""

    def __setitem__(self, name: str, value: Any) -> None:
        if name != "stop_event_loop":
            super().__setitem__(name, value)


class UncancellableAgent(Agent):
    """An agent of an SDK in which `cancel` no longer stops after the current tools."""

    def cancel(self, *_: Any, **__: Any) -> None:
        pass


@pytest.mark.parametrize(
    ("agent_class", "state_class", "calls"),
    [
        (Agent, dict, 1),
        (Agent, ForgetfulState, 1),
        (UncancellableAgent, dict, 1),
        (UncancellableAgent, ForgetfulState, 2),
    ],
    ids=["both", "only cancel", "only the flag", "neither: it would go on"],
)
def test_the_loop_stops_by_the_flag_or_by_cancel_alone(
    agent_class: type[Agent], state_class: type[dict[str, Any]], calls: int
) -> None:
    asks = [tool_use("ask-1", "human_approval", {"content": "Hi"})]
    agent = agent_with([asks, "Nobody answered, I go on."], agent_class)
    state = state_class({"session_id": "s-1"})
    with warnings.catch_warnings():
        # The flag alone is deprecated, which is why the tool also cancels.
        warnings.simplefilter("ignore", DeprecationWarning)
        result = agent("Write", invocation_state={"session_id": "s-1", "request_state": state})
    said = [message for message in agent.messages if message["role"] == "assistant"]
    assert len(said) == calls
    assert result.state["waiting"] == [{"tool_use_id": "ask-1", "tool_name": "human_approval"}]
    assert result.state["session_id"] == "s-1"
    last = agent.messages[2]["content"][0]
    assert "Waiting" in json.dumps(last["toolResult"])
