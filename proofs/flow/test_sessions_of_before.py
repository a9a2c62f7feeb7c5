"""Sessions that waited when the library was made go on: their items were stored by the code before.

`stored/before_the_library.json` holds them as DynamoDB and S3 had them.
"""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from agents import a_job, a_long_tool, give_long_tools, give_tools
from longrunning.messages import build_existing, tool_result
from longrunning.people.links import LinkKeys, make_token, review_url
from longrunning.waits.item import Status, Wait
from longrunning_testkit.worlds import LINK_KEYS
from sample_world import World
from test_detours import contents, publish

STORED = json.loads((Path(__file__).parent / "stored/before_the_library.json").read_text())
KEYS = LinkKeys.parse(json.dumps(LINK_KEYS))


def decoded(value: Any) -> Any:
    """Bytes stand in JSON as their base64."""
    if isinstance(value, dict):
        if value.keys() == {"$b64"}:
            return base64.b64decode(value["$b64"])
        return {name: decoded(inner) for name, inner in value.items()}
    return [decoded(inner) for inner in value] if isinstance(value, list) else value


def restore(world: World, case: str) -> str:
    """Puts what was stored into the tables and the bucket; returns the session's id."""
    stored = STORED["sessions"][case]
    world.step(STORED["now"] - world.clock())
    for table, items in stored["tables"].items():
        for item in items:
            world.aws["dynamodb"].put_item(TableName=world.env[table], Item=decoded(item))
    for key, body in stored["objects"].items():
        world.aws["s3"].put_object(
            Bucket=world.env["STATE_BUCKET_NAME"], Key=key, Body=base64.b64decode(body)
        )
    session_id: str = stored["session_id"]
    return session_id


def wait_of(world: World, session_id: str, tool_use_id: str) -> Wait:
    return next(w for w in world.approvals(session_id) if w.tool_use_id == tool_use_id)


def approve(world: World, session_id: str, tool_use_id: str = "ask-1") -> None:
    wait = wait_of(world, session_id, tool_use_id)
    token = make_token(KEYS, session_id, tool_use_id, wait.decide_by)
    link = review_url("https://approvals.example.com", token, "approved")
    assert world.request("GET", link)["statusCode"] == 200
    assert world.click(link)["status_code"] == 200
    world.deliver_until_quiet()


def answer(world: World, session_id: str) -> None:
    result = tool_result("job-1", "success", "17.mp4")
    world.send(build_existing(session_id, "render", [result]))
    world.deliver_until_quiet()


@pytest.mark.parametrize("case", ["a question", "a long conversation"])
def test_a_question_of_before_is_approved_and_published(world: World, case: str) -> None:
    session_id = restore(world, case)
    world.play([[publish("post-1", "Hi")], "Done."])
    approve(world, session_id)
    assert contents(world) == ["Hi"]
    assert world.session(session_id).outcome == "published"
    assert wait_of(world, session_id, "ask-1").status == Status.SPENT


def test_a_gated_call_of_before_is_made_once_approved(world: World) -> None:
    session_id = restore(world, "a gated call")
    world.play(["Done."])
    approve(world, session_id, "post-1")
    assert contents(world) == ["Hi"]


@pytest.mark.parametrize("is_long_running", [True, False])
def test_a_job_of_before_is_answered(world: World, is_long_running: bool) -> None:
    """Whether its tool is a long-running one by now, or still calls `pause` itself."""
    if is_long_running:
        give_long_tools(world.monkeypatch, a_long_tool())
    else:
        give_tools(world.monkeypatch, a_job())
    session_id = restore(world, "a job")
    assert wait_of(world, session_id, "job-1").call is None
    world.play(["Done."])
    answer(world, session_id)
    assert world.session(session_id).outcome == "finished"


def test_a_question_and_a_job_of_before_wait_for_each_other(world: World) -> None:
    session_id = restore(world, "a question and a job")
    world.play([[publish("post-1", "Hi")], "Done."])
    answer(world, session_id)
    assert world.session(session_id).pending
    approve(world, session_id)
    assert contents(world) == ["Hi"]


def test_a_decision_of_before_whose_message_was_lost_is_found(world: World) -> None:
    session_id = restore(world, "decided, its message lost")
    world.play([[publish("post-1", "Hi")], "Done."])
    for _ in range(4):
        world.step(60)
        world.sweep()
        world.deliver_until_quiet()
    assert contents(world) == ["Hi"]
    assert world.session(session_id).outcome == "published"


def test_an_approval_of_before_that_was_left_for_later_is_used(world: World) -> None:
    session_id = restore(world, "approved, left for later")
    assert world.session(session_id).unspent == ("ask-1",)
    world.play([[publish("post-1", "Hi")], "Done."])
    approve(world, session_id, "ask-2")
    assert contents(world) == ["Hi"]


@pytest.mark.parametrize("case", ["a question", "a job"])
def test_a_wait_of_before_expires_at_its_time(world: World, case: str) -> None:
    session_id = restore(world, case)
    world.play(["I stop."])
    (wait,) = world.approvals(session_id)
    world.step(wait.decide_by - world.clock())
    assert world.sweep()["expired"] == 1
    world.deliver_until_quiet()
    assert world.session(session_id).status == "completed"
