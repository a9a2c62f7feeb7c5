"""A run that is longer than the function goes on where it was stopped, after an effect as well."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from strands.tools.tools import PythonAgentTool

from agents import give_tools
from converse_stand_in import Turn, tool_use
from longrunning import sessions
from longrunning.messages import tool_result
from sample_world import World
from test_detours import ask, contents, publish, turns_of

TURN_SECONDS = 0.2
RUN_SECONDS = 0.55
"""What is left of the function's time but for the ten seconds kept for the save."""


@pytest.fixture
def counted(world: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A tool of half a second that needs no approval, and little time; the ids of its calls."""
    calls: list[str] = []

    def count(tool: Any, **_: Any) -> Any:
        calls.append(tool["toolUseId"])
        time.sleep(TURN_SECONDS)
        return tool_result(tool["toolUseId"], "success", "7")

    schema = {"json": {"type": "object", "properties": {}}}
    spec: Any = {"name": "count", "description": "Counts.", "inputSchema": schema}
    give_tools(monkeypatch, PythonAgentTool("count", spec, count))
    return calls


def counting(first: dict[int, Turn], turns: int) -> Callable[[Any], Turn]:
    """A model that counts in every turn but the given ones, and then ends."""

    def model(request: Any) -> Turn:
        turn = turns_of(request)
        if turn in first:
            return first[turn]
        return [tool_use(f"count-{turn}", "count", {})] if turn < turns else "Done."

    return model


def approved(world: World, model: Callable[[Any], Turn]) -> str:
    """Starts a task with all the time there is, and has what it asks approved with little."""
    world.play(model)
    session_id = world.start()
    (mail,) = world.read_mail()
    world.click(mail.links["approve"])
    world.with_time_left(10 + RUN_SECONDS)
    return session_id


@pytest.mark.parametrize(
    "first",
    [{0: [ask("ask-1", "Hi")], 1: [publish("post-1", "Hi")]}, {0: [publish("post-1", "Hi")]}],
    ids=["published by the model", "published before the model runs"],
)
def test_a_run_goes_on_also_after_an_effect(
    world: World, counted: list[str], first: dict[int, Turn]
) -> None:
    session_id = approved(world, counting(first, 7))
    world.deliver_until_quiet()
    assert world.session(session_id).outcome == "published"
    assert world.session(session_id).reason is None, "its end is the model's"
    assert contents(world) == ["Hi"]
    assert not world.dead_letters()
    assert len(counted) < 2 * len(set(counted)), "only what the deadline cut off is repeated"


def test_a_turn_before_an_effect_is_not_gone_back_to(
    world: World, counted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time is over in the turn of the effect: the record tells what must be redone."""
    session_id = approved(
        world, counting({0: [ask("ask-1", "Hi")], 2: [publish("post-1", "Hi"),
                                                     tool_use("slow", "count", {})]}, 2)
    )  # fmt: skip
    world.with_time_left(10 + 0.35)
    record = world.receive()
    assert record
    assert not world.handle(record)
    assert contents(world) == ["Hi"]
    session = world.session(session_id)
    assert session.pending, "it is as it was saved before the run"
    world.with_time_left(120)
    assert world.handle(record, receive_count=2)
    assert contents(world) == ["Hi"]
    assert world.session(session_id).outcome == "published"


def test_a_redrive_goes_on_where_it_stopped(world: World, counted: list[str]) -> None:
    session_id = approved(
        world, counting({0: [ask("ask-1", "Hi")], 1: [publish("post-1", "Hi")]}, 14)
    )
    world.deliver_until_quiet()
    (letter,) = world.dead_letters()
    assert world.session(session_id).status == sessions.WAITING
    done = len(set(counted))
    assert done > 4
    queue, dead = world.env["TASK_QUEUE_URL"], world.env["DEAD_LETTER_QUEUE_URL"]
    (found,) = world.aws["sqs"].receive_message(QueueUrl=dead, AttributeNames=["All"])["Messages"]
    original = {"DataType": "String", "StringValue": found["MessageId"]}
    world.aws["sqs"].send_message(
        QueueUrl=queue,
        MessageBody=letter["body"],
        MessageAttributes={"original_message_id": original},
    )
    before = len(counted)
    world.deliver_until_quiet()
    assert "count-2" not in counted[before:], "it does not start over"
    assert world.session(session_id).outcome == "published"
    assert contents(world) == ["Hi"]
