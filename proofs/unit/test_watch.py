"""The watch over one run: what it sees, what it puts right, and when it ends a run."""

from types import SimpleNamespace
from typing import Any

import pytest

from gate_stage import StoppableAgent
from longrunning.agent.conversation import tool_uses
from longrunning.agent.watch import CONTEXT_EXCEEDED, MAX_RESTORED, LostCallError, Watch

TASK = {"role": "user", "content": [{"text": "Write"}]}


def asks(*ids: str, **more: Any) -> dict[str, Any]:
    uses = [{"toolUse": {"toolUseId": i, "name": "any", "input": {}}} for i in ids]
    return {"role": "assistant", "content": [{"text": "I call."}, *uses], **more}


def result(tool_use_id: str, status: str = "success", text: str = "whole") -> dict[str, Any]:
    return {"toolUseId": tool_use_id, "status": status, "content": [{"text": text}]}


def answers(*results: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": [{"toolResult": one} for one in results]}


def agent_with(*messages: dict[str, Any]) -> StoppableAgent:
    return StoppableAgent(messages=list(messages))


def add(watch: Watch, agent: StoppableAgent, message: dict[str, Any]) -> None:
    """Adds a message as Strands does it."""
    agent.messages.append(message)
    event: Any = SimpleNamespace(agent=agent, message=message)
    watch.message_added(event)


def call_model(watch: Watch, agent: StoppableAgent) -> None:
    event: Any = SimpleNamespace(agent=agent)
    watch.before_model(event)


def answered(watch: Watch, message: dict[str, Any] | None, reason: str = "end_turn") -> list[Any]:
    """The model's call ends; returns how often the run was cancelled."""
    agent = StoppableAgent()
    stop = message and SimpleNamespace(message=message, stop_reason=reason)
    event: Any = SimpleNamespace(agent=agent, stop_response=stop)
    watch.after_model(event)
    return agent.cancelled


# --- what it sees --------------------------------------------------------------------------------


def test_a_conversation_that_lost_messages_is_noticed_for_good() -> None:
    watch, agent = Watch(), agent_with(TASK, asks("use-1"))
    watch.begin(agent.messages)
    add(watch, agent, answers(result("use-1")))
    assert not watch.is_trimmed
    del agent.messages[1]
    add(watch, agent, asks("use-2"))
    assert watch.is_trimmed
    watch.begin(agent.messages)
    watch.note_length(agent.messages)
    assert watch.is_trimmed


def test_an_id_that_came_before_is_renamed_as_its_message_is_added() -> None:
    watch, agent = Watch(), agent_with(TASK, asks("use-1"), answers(result("use-1")))
    add(watch, agent, asks("use-1"))
    (use,) = tool_uses(agent.messages[-1])
    assert use["toolUseId"] != "use-1"


def test_whether_a_tool_failed_is_told_by_the_last_results() -> None:
    watch, agent = Watch(), agent_with(TASK)
    for statuses, failed in ((("success", "error"), True), (("success",), False)):
        add(watch, agent, answers(*(result(f"use-{n}", s) for n, s in enumerate(statuses))))
        assert watch.last_failed is failed
        add(watch, agent, asks())
        assert watch.last_failed is failed, "only results tell it"


def test_the_first_fault_counts() -> None:
    watch, agent = Watch(), StoppableAgent()
    first = TimeoutError()
    for fault in (first, ValueError()):
        watch.stop(agent, fault)
    assert watch.fault is first
    assert agent.cancelled == [False, False]


@pytest.mark.parametrize(
    ("message", "is_its_own"), [(asks(metadata={}), True), (asks(), False), (None, False)]
)
def test_an_answer_without_a_measure_is_not_the_models(message: Any, is_its_own: bool) -> None:
    watch = Watch()
    assert answered(watch, message) == []
    assert watch.model_answered is is_its_own


@pytest.mark.parametrize(
    ("begun", "held", "is_lost"),
    [(0, 1, False), (1, 1, False), (2, 2, False), (2, 1, True), (1, 0, True), (0, 0, True)],
)
def test_a_call_that_the_model_began_and_its_message_lacks_is_a_fault(
    begun: int, held: int, is_lost: bool
) -> None:
    watch = Watch()
    call_model(watch, agent_with(TASK))
    for n in range(begun):
        watch.heard({"contentBlockStart": {"start": {"toolUse": {"toolUseId": f"use-{n}"}}}})
    watch.heard({"contentBlockStart": {"start": None}})
    watch.heard({"contentBlockDelta": {}})
    cancelled = answered(watch, asks(*(f"use-{n}" for n in range(held))), "tool_use")
    assert isinstance(watch.fault, LostCallError) is is_lost
    assert len(cancelled) == is_lost


def test_calls_are_counted_anew_for_each_answer() -> None:
    watch, agent = Watch(), agent_with(TASK)
    for n in range(2):
        call_model(watch, agent)
        watch.heard({"contentBlockStart": {"start": {"toolUse": {}}}})
        answered(watch, asks(f"use-{n}"), "tool_use")
    assert watch.fault is None


# --- what it puts right --------------------------------------------------------------------------


def test_a_decision_that_was_shortened_is_put_right_before_the_model_reads_it() -> None:
    watch = Watch(must_read={"ask-1": result("ask-1")})
    agent = agent_with(TASK, asks("ask-1", "use-2"), answers(result("ask-1"), result("use-2")))
    first, second = (block["toolResult"] for block in agent.messages[-1]["content"])
    for one in (first, second):
        one["content"] = [{"text": "sho…"}]
    call_model(watch, agent)
    assert first == result("ask-1")
    assert second == result("use-2", text="sho…"), "what is no decision may be shortened"
    assert (watch.end, agent.cancelled) == (None, [])


def test_who_shortens_a_decision_again_and_again_ends_the_run() -> None:
    watch = Watch(must_read={"ask-1": result("ask-1")})
    agent = agent_with(TASK, asks("ask-1"), answers(result("ask-1")))
    for n in range(MAX_RESTORED + 1):
        assert (watch.end, agent.cancelled) == (None, []), n
        agent.messages[-1]["content"][0]["toolResult"]["content"] = [{"text": "sho…"}]
        call_model(watch, agent)
    assert (watch.end, agent.cancelled) == (CONTEXT_EXCEEDED, [False])
    assert watch.fault is None


def test_a_decision_that_stands_is_not_restored() -> None:
    watch = Watch(must_read={"ask-1": result("ask-1")})
    agent = agent_with(TASK, asks("ask-1"), answers(result("ask-1")))
    for _ in range(MAX_RESTORED + 2):
        call_model(watch, agent)
    assert (watch.end, agent.cancelled) == (None, [])


def blank() -> dict[str, Any]:
    """A message that no model's API takes as it is."""
    return {"role": "assistant", "content": [{"text": "Half a pair \ud83e"}]}


def test_each_message_is_made_sendable_once() -> None:
    watch, message = Watch(), blank()
    watch.make_sendable([message])
    assert message != blank()
    message["content"] = blank()["content"]
    watch.make_sendable([message])
    assert message == blank(), "it was looked at"


def test_what_was_saved_is_known_to_be_sendable() -> None:
    watch, saved, new = Watch(), blank(), blank()
    watch.knows_sendable([saved])
    call_model(watch, agent_with(saved, new))
    assert saved == blank()
    assert new != blank()
