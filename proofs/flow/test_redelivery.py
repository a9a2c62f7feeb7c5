"""The function dies before or after any of its calls; SQS delivers the message again.

A dead process makes no more calls: not to AWS, not to the receiver. Each case lets the N-th call of
a delivery be its last, delivers again, and asks whether all is as if nothing had happened.
"""

import json
from collections.abc import Callable
from typing import Any

import botocore.client
import pytest

import sample_post as publish_post
from converse_stand_in import tool_use
from longrunning import sessions
from longrunning.waits.item import Status
from sample_world import World

CALLS_OF_A_START = 6  # visibility, C1, two C2, the key of this environment, the e-mail
CALLS_OF_A_RESUME = 9  # visibility, load, 1 read, C4, 2 of C5, 2 posts, C6


class KilledError(BaseException):
    """The process is gone; nothing may catch this."""


class Mortal:
    """Counts the calls of one delivery and dies at the N-th, before or after it happened."""

    def __init__(self, last_call: int, after: bool) -> None:
        self.last_call, self.after = last_call, after
        self.calls = 0
        self.is_dead = False

    def call(self, function: Callable[[], Any]) -> Any:
        if self.is_dead:
            raise KilledError
        self.calls += 1
        is_last = self.calls == self.last_call
        if is_last and not self.after:
            self.is_dead = True
            raise KilledError
        result = function()
        if is_last:
            self.is_dead = True
            raise KilledError
        return result


def deliver_to_a_mortal(
    world: World, monkeypatch: pytest.MonkeyPatch, last_call: int, after: bool
) -> bool:
    """Delivers the next message to a process that dies, then to one that lives.

    Returns:
        Whether it died at all; if not, there was no such call any more.
    """
    mortal = Mortal(last_call, after)
    record = world.receive()
    assert record
    call, send = botocore.client.BaseClient._make_api_call, publish_post.send
    with monkeypatch.context() as patch:
        patch.setattr(
            botocore.client.BaseClient,
            "_make_api_call",
            lambda *args: (
                call(*args)
                if args[1] in ("PutItem", "BatchGetItem") and "posts" in str(args[2])
                else mortal.call(lambda: call(*args))
            ),
        )
        patch.setattr(publish_post, "send", lambda r: mortal.call(lambda: send(r)))
        try:
            world.handle(record)
        except KilledError:
            pass
    if mortal.is_dead:
        expire_leases(world)
        assert world.handle(record, receive_count=2)
    world.aws["sqs"].delete_message(
        QueueUrl=world.env["TASK_QUEUE_URL"], ReceiptHandle=record["receiptHandle"]
    )
    return mortal.is_dead


def expire_leases(world: World) -> None:
    """The message of a dead worker comes back after its lease."""
    table = world.env["APPROVALS_TABLE_NAME"]
    for item in world.aws["dynamodb"].scan(TableName=table)["Items"]:
        world.aws["dynamodb"].update_item(
            TableName=table,
            Key={name: item[name] for name in ("session_id", "tool_use_id")},
            UpdateExpression="SET lease_until = :zero",
            ExpressionAttributeValues={":zero": {"N": "0"}},
        )


def script(request: dict[str, Any]) -> Any:
    """A model that goes by the conversation alone, as two runs of a real one roughly do."""
    results = [
        block["toolResult"]
        for message in request["messages"]
        for block in message["content"]
        if "toolResult" in block
    ]
    if not results:
        return [
            tool_use("ask-1", "human_approval", {"content": "One"}),
            tool_use("post-2", "publish_post", {"content": "Two"}),
        ]
    if "is not published" in json.dumps(results) or len(results) > 2:
        return "Done."
    return [tool_use("post-1", "publish_post", {"content": "One"})]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("last_call", range(1, CALLS_OF_A_START + 2))
def test_a_start_that_dies_at_any_call_pauses_once(
    world: World, monkeypatch: pytest.MonkeyPatch, last_call: int, after: bool
) -> None:
    world.play(script)
    world.send(json.dumps({"type": "new", "body": {"task": "Write two"}}))
    died = deliver_to_a_mortal(world, monkeypatch, last_call, after)
    assert died == (last_call <= CALLS_OF_A_START)
    links = {json.dumps(mail.links, sort_keys=True) for mail in world.read_mail()}
    assert len(links) == 2, "a repeated e-mail has the same links"
    assert finish(world, links) == ["One", "Two"]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("last_call", range(1, CALLS_OF_A_RESUME + 2))
def test_a_resume_that_dies_at_any_call_publishes_once(
    world: World, monkeypatch: pytest.MonkeyPatch, last_call: int, after: bool
) -> None:
    world.play(script)
    session_id = world.start("Write two")
    for mail in world.read_mail():
        world.click(mail.links["approve"])
    died = deliver_to_a_mortal(world, monkeypatch, last_call, after)
    assert died == (last_call <= CALLS_OF_A_RESUME)
    assert finish(world, set()) == ["One", "Two"]
    assert {a.status for a in world.approvals(session_id)} == {Status.SPENT}


def finish(world: World, links: set[str]) -> list[str]:
    """Decides what is left, delivers everything, and returns what is published."""
    for link in links:
        assert world.click(json.loads(link)["approve"])["status_code"] == 200
    world.deliver_all()
    table = world.env["SESSIONS_TABLE_NAME"]
    (item,) = world.aws["dynamodb"].scan(TableName=table)["Items"]
    session = world.session(item["session_id"]["S"])
    assert (session.status, session.outcome) == (sessions.COMPLETED, "published")
    assert not world.dead_letters()
    return sorted(post["content"] for post in world.posts())
