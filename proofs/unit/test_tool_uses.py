"""The ids of tool uses: in the conversation, and among the records."""

import copy

import pytest

from gate_stage import FakeStore, Stage, approval
from longrunning.agent.conversation import tool_uses
from longrunning.agent.tool_uses import name_apart
from longrunning.messages import TOOL_USE_ID_PATTERN
from longrunning.waits.item import Status


def added(*messages: list[str]) -> list[str]:
    """Names the tool uses of the last message apart from others; returns their ids."""
    conversation = [
        {
            "role": "assistant",
            "content": [{"text": "I call."}]
            + [{"toolUse": {"toolUseId": i, "name": "any", "input": {}}} for i in ids],
        }
        for ids in messages
    ]
    before = copy.deepcopy(conversation[:-1])
    name_apart(conversation)
    assert conversation[:-1] == before
    return [use["toolUseId"] for use in tool_uses(conversation[-1])]


def test_ids_that_are_their_own_stay_as_they_are() -> None:
    assert added(["use-1"], ["use-2", "tooluse_A-z0"]) == ["use-2", "tooluse_A-z0"]
    assert added([]) == []


@pytest.mark.parametrize("messages", [(["use-1"], [], ["use-1"]), (["use-1", "use-1"],)])
def test_an_id_that_comes_again_is_renamed(messages: tuple[list[str], ...]) -> None:
    """An old decision must never answer a new question."""
    *first, last = added(*messages)
    assert first == messages[-1][:-1]
    assert last != "use-1"
    assert TOOL_USE_ID_PATTERN.fullmatch(last)


def test_an_id_that_comes_again_keeps_what_its_provider_has_put_into_it() -> None:
    given = "call_a__thought__c2lnbmF0dXJl"
    (renamed,) = added([given], [given])
    assert renamed.endswith(given)
    assert renamed != given


def test_an_id_that_comes_again_stays_as_short_as_openai_takes_it() -> None:
    """Source: OpenAI's error for `tool_call_id`: at most 40 characters; its own have 29."""
    given = "call_" + "a" * 24
    (renamed,) = added([given], [given])
    assert len(renamed) <= 40


@pytest.mark.parametrize("odd", ["call/1", "x" * 65, "über"])
def test_an_id_that_cannot_be_a_key_stays_in_the_conversation_and_is_recorded_under_ours(
    odd: str,
) -> None:
    assert added([odd]) == [odd]
    ours = {Stage().gate.record_id(odd) for _ in range(2)}
    assert all(TOOL_USE_ID_PATTERN.fullmatch(record_id) for record_id in ours)
    assert len(ours) == 2, "two uses with one odd id are two records"
    assert Stage().gate.record_id("use-1") == "use-1"


def test_where_the_conversation_was_trimmed_an_id_is_ours_only_if_it_was_used_before() -> None:
    stage = Stage(store=FakeStore([approval(Status.DENIED)]))
    stage.gate.watch.is_trimmed = True
    assert stage.gate.record_id("ask-2") == "ask-2"
    assert stage.gate.record_id("ask-1") not in ("ask-1", "ask-2")
