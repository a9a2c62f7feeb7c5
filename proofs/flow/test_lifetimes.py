"""A conversation lives as long as something may point to it, whatever a parameter says."""

from datetime import timedelta
from typing import Any

import pytest
from strands.tools.tools import PythonAgentTool

from agents import a_job, give_tools
from converse_stand_in import tool_use
from longrunning import sessions
from longrunning.messages import build_existing, tool_result
from longrunning_testkit.worlds import forget_environments
from sample_world import World
from test_detours import ask, contents, publish

DAY = 86_400
LONG = " ".join(map(str, range(4_000)))
"""What no compression makes small."""
TABLES = ("SESSIONS_TABLE_NAME", "APPROVALS_TABLE_NAME")


def restore(world: World, moment: float) -> None:
    """Restores both tables to a moment, and leaves the bucket as it is."""
    for name in TABLES:
        world.pocket.dynamodb.table(world.env[name]).restore(moment)


@pytest.mark.parametrize("then", ["deny", "escalate"])
def test_what_was_asked_to_wait_for_ever_outlives_a_change_of_the_parameter(
    world: World, monkeypatch: pytest.MonkeyPatch, then: str
) -> None:
    monkeypatch.setenv("ON_SILENCE", "wait")
    forget_environments()
    world.play([[ask("ask-1", LONG)], [publish("post-1", LONG)], "Done."])
    session_id = world.start()
    base = world.session(session_id).base
    assert base
    assert base.key.startswith("kept/")
    (mail,) = world.read_mail()
    monkeypatch.setenv("ON_SILENCE", then)
    forget_environments()
    world.step(10 * 365 * DAY)
    world.play([[publish("post-1", LONG)], "Done."])
    assert world.click(mail.links["approve"])["status_code"] == 200
    world.deliver_until_quiet()
    assert contents(world) == [LONG]


def test_a_conversation_that_waits_for_years_is_there_in_the_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its base was written for a short wait: the long one needs another."""
    give_tools(monkeypatch, a_job(within=timedelta(days=1_800)))
    world.play([[ask("ask-1", LONG)], [tool_use("job-1", "render", {})], "Done."])
    session_id = world.start()
    first = world.session(session_id).base
    (mail,) = world.read_mail()
    world.click(mail.links["deny"])
    world.deliver_until_quiet()
    second = world.session(session_id).base
    assert first
    assert second
    assert (first.key.partition("/")[0], second.key.partition("/")[0]) == ("short", "long")
    world.step(1_799 * DAY)
    answer = tool_result("job-1", "success", "17.mp4")
    world.send(build_existing(session_id, "render", [answer]))
    world.deliver_until_quiet()
    assert world.session(session_id).status == sessions.COMPLETED


def test_tables_restored_to_a_moment_find_the_conversation_of_that_moment(world: World) -> None:
    text = LONG[:7_800]
    world.play([[ask("ask-1", text + "1")], [ask("ask-2", text + "2")], "Done."])
    session_id = world.start()
    (mail,) = world.read_mail()
    then, before = world.clock(), world.session(session_id).messages
    world.step(60)
    world.click(mail.links["deny"])
    world.deliver_until_quiet()
    assert world.session(session_id).messages[: len(before)] != before, "the denial is in its place"
    world.step(34 * DAY)
    restore(world, then)
    assert world.session(session_id).messages == before


def test_any_second_of_the_last_35_days_can_be_gone_back_to(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session that goes on for weeks, and a restore in its end: each moment has its words."""

    def look(tool: Any, **_: Any) -> Any:
        return tool_result(tool["toolUseId"], "success", "x" * 3_000)

    spec: Any = {"name": "look", "description": "x", "inputSchema": {"json": {"type": "object"}}}
    give_tools(monkeypatch, PythonAgentTool("look", spec, look))
    turns = [[tool_use(f"look-{n}", "look", {}), ask(f"ask-{n}", f"Text {n}")] for n in range(40)]
    world.play(turns)
    session_id = world.start()
    moments = {}
    for day in range(35):
        moments[day] = (world.clock(), world.session(session_id).messages)
        world.step(DAY)
        world.sweep()  # Nobody decides: the agent is told, and asks the next question.
        world.deliver_until_quiet()
    for days in (34, 20, 7, 1):
        moment, messages = moments[days]
        restore(world, moment)
        assert world.session(session_id).messages == messages, f"day {days}"


@pytest.mark.parametrize("version", ["missing", "there"])
def test_a_base_whose_version_is_gone_is_a_fault_and_says_so(world: World, version: str) -> None:
    world.play([[ask("ask-1", LONG)], "Done."])
    session_id = world.start()
    base = world.session(session_id).base
    assert base
    assert base.version_id
    bucket = world.pocket.s3.buckets["test-agent-state"]
    if version == "missing":
        bucket.remove(base.key)
        with pytest.raises(sessions.CorruptedStateError, match="is missing"):
            world.session(session_id)
    else:
        world.aws["s3"].delete_object(Bucket="test-agent-state", Key=base.key)
        assert world.session(session_id).messages
