"""What is kept of a conversation, and how long it may get."""

import copy
import json
from typing import Any

import pytest
from strands import Agent

import sample_agent
from longrunning.agent.conversation_window import BlockwiseWindow
from longrunning.agent.run import _kept

USAGE = {"inputTokens": 10, "outputTokens": 5, "totalTokens": 15}
MEASURED = {"usage": USAGE, "metrics": {"latencyMs": 1}}


def said(role: str, text: str, **fields: Any) -> dict[str, Any]:
    return {"role": role, "content": [{"text": text}], "tracking_id": text, **fields}


def test_only_the_newest_count_of_tokens_is_kept() -> None:
    pinned = {"custom": {"pinned": True}}
    messages = [
        said("user", "1", metadata=pinned),
        said("assistant", "2", metadata={**MEASURED, **pinned}),
        said("user", "3"),
        said("assistant", "4", metadata=MEASURED),
        said("user", "5"),
    ]
    before = copy.deepcopy(messages)
    assert _kept(messages) == [
        said("user", "1", metadata=pinned),
        said("assistant", "2", metadata=pinned),
        said("user", "3"),
        said("assistant", "4", metadata={"usage": USAGE}),
        said("user", "5"),
    ]
    assert messages == before, "the agent's own are left alone"
    assert _kept([said("user", "1")]) == [said("user", "1")]


def conversation(turns: int) -> list[dict[str, Any]]:
    """A task, and then a tool use and its result for each turn."""
    messages = [said("user", "the task")]
    for n in range(turns):
        use = {"toolUse": {"toolUseId": str(n), "name": "look", "input": {}}}
        result = {"toolResult": {"toolUseId": str(n), "status": "success", "content": []}}
        messages += [
            {"role": "assistant", "content": [use]},
            {"role": "user", "content": [result]},
        ]
    return messages


def test_a_full_window_shortens_anything_but_a_decision() -> None:
    """The model must read what a person approved, whole; other results give way first."""
    decision = json.dumps({"decision": "approved", "content": "word " * 400})
    messages = conversation(3)
    for message, said in zip(messages[2::2], (decision, "x " * 5_000, decision), strict=True):
        message["content"][0]["toolResult"]["content"] = [{"text": said}]
    agent = Agent(
        model=sample_agent.make_model("scripted", ""),
        messages=copy.deepcopy(messages),  # type: ignore[arg-type]
    )
    BlockwiseWindow(100, window_size=80).reduce_context(agent, OverflowError())
    told = [m["content"][0]["toolResult"]["content"][0]["text"] for m in agent.messages[2::2]]
    assert (told[0], told[2]) == (decision, decision)
    assert len(told[1]) < 1_000


@pytest.mark.parametrize(("most", "left"), [(101, 101), (99, 81)])
def test_a_window_is_trimmed_by_a_block_and_keeps_the_task(most: int, left: int) -> None:
    """Not by a message a turn: each time, the whole conversation is stored anew."""
    agent = Agent(
        model=sample_agent.make_model("scripted", ""),
        messages=conversation(50),  # type: ignore[arg-type]
    )
    BlockwiseWindow(most, window_size=80).apply_management(agent)
    assert len(agent.messages) == left
    assert agent.messages[0]["content"] == [{"text": "the task"}]
    assert agent.messages[1]["role"] == "assistant"
    assert agent.messages[-1] == conversation(50)[-1]
