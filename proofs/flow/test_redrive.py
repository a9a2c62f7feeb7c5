"""A dead letter that is sent again goes on as the message that it was."""

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

import agent_handler
from converse_stand_in import tool_use
from longrunning import sessions
from longrunning.agent import deliveries
from sample_world import World

SCRIPT = [
    [tool_use("ask-1", "human_approval", {"content": "One"})],
    [tool_use("post-1", "publish_post", {"content": "One"})],
    "Done.",
]


def redriven(record: dict[str, Any], original_id: str | None = None) -> dict[str, Any]:
    """The message as `make redrive` puts it on the queue: a new id, and the old one beside it."""
    attribute = {"stringValue": original_id or record["messageId"], "dataType": "String"}
    return {
        **record,
        "messageId": str(uuid.uuid4()),
        "messageAttributes": {"original_message_id": attribute},
    }


def take(world: World, body: str) -> dict[str, Any]:
    world.send(body)
    record = world.receive()
    assert record
    return record


NEW = '{"type": "new", "body": {"task": "Write one"}}'


def test_a_task_that_never_started_starts_under_its_own_id(world: World) -> None:
    world.play(SCRIPT)
    record = take(world, NEW)
    assert world.handle(redriven(record))
    assert world.session(record["messageId"]).status == sessions.WAITING


def test_a_task_whose_question_never_went_out_asks_once_and_only_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The e-mail failed five times: the session is saved, and nobody knows of it."""
    world.play(SCRIPT)
    record = take(world, NEW)
    failure = ClientError({"Error": {"Code": "InternalError"}}, "Publish")
    with monkeypatch.context() as patch:
        patch.setattr("longrunning.people.notifications.Notifier.send", raising(failure))
        for count in range(1, 6):
            assert not world.handle(record, receive_count=count)
    agent_handler._resources.cache_clear()
    assert world.read_mail() == []
    assert world.handle(redriven(record))
    (mail,) = world.read_mail()
    assert [a.session_id for a in world.approvals(record["messageId"])] == [record["messageId"]]
    world.click(mail.links["approve"])
    world.deliver_all()
    assert [post["content"] for post in world.posts()] == ["One"]
    assert world.handle(redriven(record)), "and again changes nothing"
    assert world.read_mail() == []
    assert len(world.posts()) == 1


def raising(error: Exception) -> Any:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    return fail


def test_without_its_id_it_would_be_another_task(world: World) -> None:
    """What SQS's own redrive does: a new id, so a second session and a second question."""
    world.play(lambda _: SCRIPT[0])
    record = take(world, NEW)
    assert world.handle(record)
    assert world.handle({**record, "messageId": str(uuid.uuid4())})
    assert len(world.read_mail()) == 2


@pytest.mark.parametrize("odd", ["", "../x", "x", "post 1"])
def test_an_id_that_sqs_never_gave_is_ignored(world: World, odd: str) -> None:
    world.play(SCRIPT)
    record = take(world, NEW)
    again = redriven(record)
    again["messageAttributes"]["original_message_id"]["stringValue"] = odd
    assert world.handle(again)
    assert world.session(again["messageId"])
    assert deliveries._original_message_id({**record, "messageAttributes": {}}) is None


def test_a_message_that_meets_an_undecided_turn_makes_up_for_a_record_that_is_missing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The task's own message is a dead letter; the other question's answer finds what it left."""
    world.play(
        lambda _: [
            tool_use("ask-1", "human_approval", {"content": "One"}),
            tool_use("ask-2", "human_approval", {"content": "Two"}),
        ]
    )
    record = take(world, NEW)
    assert world.handle(record)
    session_id = record["messageId"]
    (first, _) = world.read_mail()
    key = {"session_id": {"S": session_id}, "tool_use_id": {"S": "ask-2"}}
    world.aws["dynamodb"].delete_item(TableName=world.env["APPROVALS_TABLE_NAME"], Key=key)
    world.click(first.links["approve"])
    world.deliver_all()
    (again,) = world.read_mail()
    assert "Two" in again.body
    assert {a.tool_use_id for a in world.approvals(session_id)} == {"ask-1", "ask-2"}
