"""`make ledger` and `make redrive`, in memory: what they read, show, move, and leave as it was."""

import contextlib
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from operate import ledger, reading, redrive
from operate.errors import OperateError
from operate.reading import Reader
from operate.receivers import RECEIVERS, Receiver
from operate.stacks import Stack

from core_samples import asked
from longrunning.messages import (
    Parent,
    build_cancel,
    build_existing,
    build_look,
    build_new,
    tool_result,
)
from longrunning.people.shared_pace import SharedPace
from longrunning.waits.item import Status, Wait, to_item
from pocket import Pocket

TABLES = ("SessionsTable", "ApprovalsTable", "PostsTable")
QUEUES = ("tasks", "dead")
MESSAGE_ID = "6f1d7a52-3c0e-4c57-9d0b-2a9f4be1c0de"

Watch = Callable[[Any, str, Callable[[dict[str, Any]], None]], None]


@pytest.fixture
def stack(
    aws_clients: dict[str, Any],
    pocket: Pocket,
    tables: dict[str, dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> Stack:
    """Empty tables and queues."""
    monkeypatch.setattr(reading, "WAIT_SECONDS", 0)
    monkeypatch.setattr(ledger, "PAUSE_SECONDS", 0)
    *names, posts = [pocket.dynamodb.add_table(tables[name]) for name in TABLES]
    receivers = {"publish_post": replace(RECEIVERS["publish_post"], table=posts)}
    urls = [pocket.sqs.add_queue(name) for name in QUEUES]
    aws = (aws_clients["dynamodb"], aws_clients["sqs"], aws_clients["s3"])
    return Stack("test", *aws, *names, receivers, "bucket", *urls)


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Has a function see the parameters of each call of one operation."""
    with contextlib.ExitStack() as undo:

        def watch(client: Any, operation: str, see: Callable[[dict[str, Any]], None]) -> None:
            def seen(params: dict[str, Any], **_: Any) -> None:
                see(dict(params))

            name = f"provide-client-params.{client.meta.service_model.service_name}.{operation}"
            client.meta.events.register(name, seen)
            undo.callback(client.meta.events.unregister, name, seen)

        yield watch


def bury(stack: Stack, body: str, **attributes: str) -> None:
    stack.sqs.send_message(
        QueueUrl=stack.dead_letter_queue_url,
        MessageBody=body,
        MessageAttributes={
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
        },
    )


def messages_in(stack: Stack, url: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while some := stack.sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    ).get("Messages"):
        found += some
    return found


def put_session(stack: Stack, session_id: str, status: str = "completed") -> None:
    fields = {"session_id": session_id, "agent_name": "a", "status": status, "outcome": "finished"}
    item = {name: {"S": value} for name, value in fields.items()}
    stack.dynamodb.put_item(TableName=stack.sessions_table, Item=item | {"pending": {"L": []}})


def test_every_page_of_a_table_is_counted(stack: Stack, watch: Watch) -> None:
    """DynamoDB answers with 1 MB at a time."""
    for number in range(3):
        put_session(stack, f"s-{number}")
        stack.dynamodb.update_item(
            TableName=stack.sessions_table,
            Key={"session_id": {"S": f"s-{number}"}, "agent_name": {"S": "a"}},
            UpdateExpression="SET messages = :m",
            ExpressionAttributeValues={":m": {"S": "x" * 399_000}},
        )
    scans: list[dict[str, Any]] = []
    watch(stack.dynamodb, "Scan", scans.append)
    for number in range(3):
        put_session(stack, f"t-{number}")
    rows = Reader(stack).read()
    assert len(rows.sessions) == 6
    assert any("ExclusiveStartKey" in scan for scan in scans)


def test_no_conversation_and_no_draft_is_read(stack: Stack, watch: Watch) -> None:
    scans: list[dict[str, Any]] = []
    watch(stack.dynamodb, "Scan", scans.append)
    Reader(stack).read()
    names = {name for scan in scans for name in scan["ExpressionAttributeNames"].values()}
    assert len(scans) == 3
    assert not names & {"messages", "content", "edited_content", "arguments", "comment", "result"}


def test_the_items_of_the_e_mails_pace_are_no_approvals(stack: Stack) -> None:
    pace = SharedPace(stack.dynamodb, stack.approvals_table, "sweepers", time.time, time.sleep)
    pace.wait("s-1/use-1")
    assert Reader(stack).read().approvals == []


def test_a_look_at_the_dead_letters_gives_them_all_back(stack: Stack) -> None:
    for number in range(25):
        bury(stack, build_new("x", f"s-{number}"))
    assert len(Reader(stack).look_at_letters()) == 25
    assert len(messages_in(stack, stack.dead_letter_queue_url)) == 25


def test_a_look_that_fails_gives_back_what_it_had(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(25):
        bury(stack, build_new("x", f"s-{number}"))
    told = iter([None])
    monkeypatch.setattr(Reader, "_tell", lambda *_: next(told))
    with pytest.raises(StopIteration):
        Reader(stack).look_at_letters()
    assert len(messages_in(stack, stack.dead_letter_queue_url)) == 25


def test_what_looks_broken_is_read_again_before_it_is_said(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scan saw a session before its approval was recorded."""
    put_session(stack, "s-1", "waiting")
    stack.dynamodb.update_item(
        TableName=stack.sessions_table,
        Key={"session_id": {"S": "s-1"}, "agent_name": {"S": "a"}},
        UpdateExpression="SET pending = :p",
        ExpressionAttributeValues={
            ":p": {"L": [{"M": {"tool_use_id": {"S": "t"}, "tool_name": {"S": "ask"}}}]}
        },
    )
    reader = Reader(stack)
    read = reader.read

    def read_too_early() -> reading.Rows:
        rows = read()
        item = to_item(asked(session_id="s-1", tool_use_id="t", expires_at=None))
        stack.dynamodb.put_item(TableName=stack.approvals_table, Item=item)
        return rows

    monkeypatch.setattr(reader, "read", read_too_early)
    _, found = ledger.settled(reader)
    assert found.holds
    assert found.tasks["waiting"] == 1


def test_a_post_made_after_the_scan_is_read_again(stack: Stack) -> None:
    put_session(stack, "s-1")
    spent = replace(asked(session_id="s-1", tool_use_id="t", due_at=None), expires_at=None)
    item = to_item(replace(spent, status="SPENT"))
    stack.dynamodb.put_item(TableName=stack.approvals_table, Item=item)
    reader = Reader(stack)
    rows = reader.read()
    post = {"feed": "unitok", "idempotency_key": "s-1/t", "post_id": "1"}
    stack.dynamodb.put_item(
        TableName=stack.receivers["publish_post"].table,
        Item={n: {"S": v} for n, v in post.items()} | {"created_at": {"N": "1"}},
    )
    assert not ledger.counted(rows).holds
    assert ledger.counted(reader.read_again(rows, {"s-1"})).holds


def put_approval(stack: Stack, tool_use_id: str, action: str, **more: Any) -> None:
    fields = {"session_id": "s-1", "tool_use_id": tool_use_id, "action": action, "status": "SPENT"}
    item = {name: {"S": value} for name, value in (fields | more).items() if value is not True}
    item |= {name: {"BOOL": True} for name, value in more.items() if value is True}
    stack.dynamodb.put_item(TableName=stack.approvals_table, Item=item)


def test_a_tool_whose_receiver_is_not_known_breaks_no_law_and_is_named(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    put_session(stack, "s-1")
    put_approval(stack, "t-1", "send_refund")
    put_approval(stack, "t-2", "send_refund", refused=True)
    put_approval(stack, "t-3", "send_refund", status="APPROVED", not_done="the session ended")
    put_approval(stack, "t-4", "send_reply")
    assert ledger.main(stack) == ledger.HOLDS
    said = capsys.readouterr().out
    assert (
        "\nnot counted: send_refund: 2 spent, 1 refused, 1 not done; its receiver is not known "
        "here\nnot counted: send_reply: 1 spent; its receiver is not known here\n"
    ) in said
    assert "\n        2    whose effects are not counted here\n        0    posts\n" in said
    assert "\n        1  approved, not done\n" in said
    assert "\napproved, not done: 1. " in said
    assert "\n  s-1  t-3\n" in said
    assert "ended without the call" in said and "the session ended" not in said


def test_where_posts_go_elsewhere_they_are_not_counted(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    """With `PublishEndpoint` the stack has no table of posts."""
    put_session(stack, "s-1")
    put_approval(stack, "t-1", "publish_post")
    assert ledger.main(stack) == ledger.BROKEN
    assert "not posted: 1. " in capsys.readouterr().out
    assert ledger.main(replace(stack, receivers={})) == ledger.HOLDS
    said = capsys.readouterr().out
    assert "not counted: publish_post: 1 spent; its receiver is not known here\n" in said
    assert not re.search("^ *[0-9]+ +posts", said, re.MULTILINE)


def test_a_tool_of_an_adopter_is_compared_with_the_table_that_is_named_for_it(
    stack: Stack, pocket: Pocket, capsys: pytest.CaptureFixture[str]
) -> None:
    key = {"AttributeName": "idempotency_key"}
    table = pocket.dynamodb.add_table(
        {
            "TableName": "refunds",
            "AttributeDefinitions": [key | {"AttributeType": "S"}],
            "KeySchema": [key | {"KeyType": "HASH"}],
        }
    )
    receivers = {**stack.receivers, "send_refund": Receiver(table)}
    adopted = replace(stack, receivers=receivers)
    put_session(stack, "s-1")
    for tool_use_id in ("t-1", "t-2"):
        put_approval(stack, tool_use_id, "send_refund")
    refund = {"idempotency_key": {"S": "s-1/t-1"}, "created_at": {"N": "1"}}
    stack.dynamodb.put_item(TableName=table, Item=refund)
    assert ledger.main(adopted) == ledger.BROKEN
    said = capsys.readouterr().out
    assert "not posted: 1. Spent, and the receiver has no post." in said
    assert "  s-1  t-2\n" in said and "s-1  t-1" not in said
    stack.dynamodb.put_item(TableName=table, Item=refund | {"idempotency_key": {"S": "s-1/t-2"}})
    assert ledger.main(adopted) == ledger.HOLDS


def test_the_ledger_never_receives_a_task(stack: Stack, watch: Watch) -> None:
    stack.sqs.send_message(QueueUrl=stack.task_queue_url, MessageBody=build_new("x"))
    received: list[dict[str, Any]] = []
    watch(stack.sqs, "ReceiveMessage", received.append)
    assert Reader(stack).read().on_their_way == 1
    assert {call["QueueUrl"] for call in received} == {stack.dead_letter_queue_url}


def test_a_table_that_cannot_be_read_is_unknown_and_not_empty(stack: Stack, pocket: Pocket) -> None:
    del pocket.dynamodb.tables[stack.approvals_table]
    with pytest.raises(OperateError, match="Scan: ResourceNotFoundException"):
        ledger.main(stack)


@pytest.mark.parametrize("path", ["missing", "."])
def test_a_list_that_cannot_be_read_is_said(tmp_path: Path, path: str) -> None:
    with pytest.raises(OperateError, match="ACCEPTED="):
        ledger.read_accepted(str(tmp_path / path))


def test_empty_lines_of_a_list_are_no_tasks(tmp_path: Path) -> None:
    (tmp_path / "accepted").write_text("a\n\n  b \n")
    assert ledger.read_accepted(str(tmp_path / "accepted")) == {"a", "b"}


# Redrive.


def test_a_letter_goes_back_as_the_message_that_it_was(stack: Stack) -> None:
    bury(stack, build_new("x"), tenant="seven")
    [letter] = Reader(stack).look_at_letters()
    assert redrive.redrive(stack) == 1
    [sent] = messages_in(stack, stack.task_queue_url)
    assert sent["Body"] == build_new("x")
    attributes = {n: a["StringValue"] for n, a in sent["MessageAttributes"].items()}
    assert attributes == {"tenant": "seven", "original_message_id": letter["MessageId"]}
    assert not messages_in(stack, stack.dead_letter_queue_url)


def test_a_letter_that_died_again_keeps_its_first_identity(stack: Stack) -> None:
    bury(stack, build_new("x"), original_message_id=MESSAGE_ID)
    redrive.redrive(stack)
    [sent] = messages_in(stack, stack.task_queue_url)
    assert sent["MessageAttributes"]["original_message_id"]["StringValue"] == MESSAGE_ID


def test_a_letter_with_all_the_attributes_that_sqs_takes_still_goes_back(stack: Stack) -> None:
    bury(stack, build_new("x"), **{f"name{number}": "x" for number in range(10)})
    redrive.redrive(stack)
    [sent] = messages_in(stack, stack.task_queue_url)
    assert len(sent["MessageAttributes"]) == 10
    assert "original_message_id" in sent["MessageAttributes"]


def test_a_rejected_letter_that_goes_back_leaves_its_reason_behind(stack: Stack) -> None:
    bury(stack, "no JSON", reason="body: expected JSON")
    assert redrive.redrive(stack) == 0
    assert redrive.redrive(stack, rejected=True) == 1
    [sent] = messages_in(stack, stack.task_queue_url)
    assert set(sent["MessageAttributes"]) == {"original_message_id"}


def test_malformed_letters_are_listed_with_their_reason_and_what_to_do(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    reason = "body: expected a message and nothing else, got an SNS envelope: switch raw message"
    for _ in range(12):
        bury(stack, "{}", reason=reason)
    bury(stack, build_new("a secret text", "s-1"), reason="session_id: another task has this one")
    assert redrive.redrive(stack, is_dry=True) == 0
    said = capsys.readouterr().out
    assert "\nMalformed, and would be again: 13 (REJECTED=1 moves them, too)\n" in said
    listed = re.findall(r"^  (\S.*)\n((?:    .*\n)+)", said, re.MULTILINE)
    assert [why for why, _ in listed] == [reason, "session_id: another task has this one"]
    names = [name.split() for name in listed[0][1].splitlines()]
    assert [kind for kind, *_ in names] == ["unreadable"] * 10 + ["and"]
    assert names[-1] == ["and", "2", "more"]
    assert listed[1][1].split() == ["new", "s-1"]
    assert said.rstrip().endswith(redrive.WHAT_TO_DO)
    assert "secret" not in said
    assert redrive.redrive(stack, rejected=True, is_dry=True) == 0
    assert re.search(rf"unreadable +\S+  {re.escape(reason)}\n", capsys.readouterr().out)


def test_a_letter_that_no_agent_has_read_is_told_what_is_wrong_with_it(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    """SQS gave up on it before an agent could: it goes back, and would be rejected."""
    bury(stack, json.dumps(build_new("a secret text")))
    assert redrive.redrive(stack, is_dry=True) == 0
    said = capsys.readouterr().out
    assert re.search(r"^  unreadable +\S+  body: .* encode it once, not twice$", said, re.MULTILINE)
    assert "secret" not in said


def test_a_reason_that_somebody_else_wrote_does_nothing_to_the_terminal(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    bury(stack, "{}", reason="\u202egood\r\nThe law holds.\u0085" + "x" * 1_000)
    redrive.redrive(stack, is_dry=True)
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("  \ufffdgood\ufffd\ufffdThe law holds.\ufffdxxx")
    assert len(lines[2]) == 252


def padded(body: str) -> str:
    return body.ljust(redrive.MAX_MESSAGE_BYTES)


@pytest.mark.parametrize(
    ("body", "sent", "keeps_its_id"),
    [
        (padded(build_new("я")), build_new("я").replace("\\u044f", "я"), True),
        (
            padded(build_existing("s-1", "job", [tool_result("t", "success", "x")])),
            padded(build_existing("s-1", "job", [tool_result("t", "success", "x")])),
            False,
        ),
        (padded("no JSON"), padded("no JSON"), False),
    ],
    ids=["a task", "a result", "unreadable"],
)
def test_a_letter_that_leaves_no_room_for_its_id_goes_back_too(
    stack: Stack, body: str, sent: str, keeps_its_id: bool
) -> None:
    bury(stack, body)
    bury(stack, build_new("x", "s-2"))
    assert redrive.redrive(stack) == 2
    first, _ = messages_in(stack, stack.task_queue_url)
    assert first["Body"] == sent
    assert ("MessageAttributes" in first) is keeps_its_id
    assert not messages_in(stack, stack.dead_letter_queue_url)


def test_a_task_that_cannot_go_back_is_said_and_is_in_no_others_way(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    task = "\x01" * 174_750
    bury(stack, build_new(task).ljust(redrive.MAX_MESSAGE_BYTES - 5))
    bury(stack, build_new("x", "s-2"))
    assert redrive.redrive(stack) == 1
    assert "Too large to go back: new" in capsys.readouterr().err
    assert len(messages_in(stack, stack.dead_letter_queue_url)) == 1


def test_a_run_is_bounded_and_rejected_letters_are_not_in_its_way(stack: Stack) -> None:
    for number in range(12):
        bury(stack, build_new("x", f"bad-{number}"), reason="x")
    for number in range(12):
        bury(stack, build_new("x", f"good-{number}"))
    assert redrive.redrive(stack, most=5) == 5
    assert redrive.redrive(stack, most=100) == 7
    assert len(messages_in(stack, stack.task_queue_url)) == 12
    assert len(messages_in(stack, stack.dead_letter_queue_url)) == 12


def test_a_dry_run_moves_nothing_and_hides_nothing(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    bury(stack, build_new("a secret text", "s-1"))
    assert redrive.redrive(stack, is_dry=True) == 0
    assert len(messages_in(stack, stack.dead_letter_queue_url)) == 1
    assert not messages_in(stack, stack.task_queue_url)
    said = capsys.readouterr().out
    assert "s-1" in said
    assert "secret" not in said


def test_a_failure_half_way_leaves_each_letter_in_one_of_the_queues(
    stack: Stack, watch: Watch, capsys: pytest.CaptureFixture[str]
) -> None:
    bodies = {build_new("x", f"s-{number}") for number in range(15)}
    for body in bodies:
        bury(stack, body)
    sent: list[str] = []

    def fail_at_the_fourth(params: dict[str, Any]) -> None:
        sent.append(params["MessageBody"])
        if len(sent) == 4:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "SendMessage")

    watch(stack.sqs, "SendMessage", fail_at_the_fourth)
    with pytest.raises(OperateError, match="SendMessage: AccessDenied"):
        redrive.redrive(stack)
    assert "Moved: 3" in capsys.readouterr().out
    moved = {m["Body"] for m in messages_in(stack, stack.task_queue_url)}
    left = {m["Body"] for m in messages_in(stack, stack.dead_letter_queue_url)}
    assert (len(moved), len(left), moved | left) == (3, 12, bodies)


@pytest.mark.parametrize("most", ["0", "-1", "many", "1.5"])
def test_a_bound_that_is_none_is_said(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, most: str
) -> None:
    monkeypatch.setenv("MOST", most)
    with pytest.raises(OperateError, match="MOST="):
        redrive.main(stack)


def test_a_stuck_job_is_brought_on_without_a_result_of_ours(stack: Stack) -> None:
    """A tool that is no approval: what is on record counts, not the message."""
    put_session(stack, "s-1", "waiting")
    stack.dynamodb.update_item(
        TableName=stack.sessions_table,
        Key={"session_id": {"S": "s-1"}, "agent_name": {"S": "a"}},
        UpdateExpression="SET pending = :p, paused_by = :b",
        ExpressionAttributeValues={
            ":p": {"L": [{"M": {"tool_use_id": {"S": "t"}, "tool_name": {"S": "job"}}}]},
            ":b": {"S": MESSAGE_ID},
        },
    )
    assert redrive.resend(stack) == 1
    [sent] = messages_in(stack, stack.task_queue_url)
    assert json.loads(sent["Body"])["type"] == "new"
    assert sent["MessageAttributes"]["original_message_id"]["StringValue"] == MESSAGE_ID


# What agents ask of one another, and hints.


def put_family(stack: Stack, status: Status, child_status: str) -> str:
    """An agent that asked another one long ago; returns the id of that one's session."""
    wait = Wait(
        "s-1", "t", "a", "ask_agent", 1, 2_000_000_000, status=status, remind_at=5, due_at=5
    )
    if status != Status.PENDING:
        wait = replace(wait, status=status, decided_at=9, due_at=None)
    stack.dynamodb.put_item(TableName=stack.approvals_table, Item=to_item(wait))
    uses = [{"M": {"tool_use_id": {"S": "t"}, "tool_name": {"S": "ask_agent"}}}]
    parent = {"session_id": {"S": "s-1"}, "tool_use_id": {"S": "t"}}
    is_waiting = status == Status.PENDING
    put_session(stack, "s-1", "waiting" if is_waiting else "completed")
    put_session(stack, wait.name, child_status)
    for session_id, name, value in (
        ("s-1", "pending", {"L": uses if is_waiting else []}),
        (wait.name, "pending", {"L": uses if child_status == "waiting" else []}),
        (wait.name, "parent", {"M": parent}),
    ):
        stack.dynamodb.update_item(
            TableName=stack.sessions_table,
            Key={"session_id": {"S": session_id}, "agent_name": {"S": "a"}},
            UpdateExpression="SET #n = :v",
            ExpressionAttributeNames={"#n": name},
            ExpressionAttributeValues={":v": value},
        )
    if child_status == "waiting":
        question = Wait(wait.name, "t", "a", "human_approval", 1, 2_000_000_000, due_at=5)
        stack.dynamodb.put_item(TableName=stack.approvals_table, Item=to_item(question))
    return wait.name


def test_what_agents_ask_and_what_is_waited_for_have_lines_of_their_own(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    put_family(stack, Status.PENDING, "waiting")
    bury(stack, build_look("run_job", "arn"))
    assert ledger.main(stack) == ledger.HOLDS
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert "1  new tasks accepted" in lines
    start = lines.index("1  tasks that agents gave one another")
    assert lines[start + 1] == "1    waiting"
    assert "1  waits of ask_agent: 1 open" in lines
    assert "1  dead letters that only hint: the sweeper asks by itself" in lines


def test_a_child_that_nobody_waits_for_is_told_to_withdraw_its_question(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    child = put_family(stack, Status.CANCELLED, "waiting")
    assert ledger.main(stack) == ledger.BROKEN
    assert "orphan child: 1." in capsys.readouterr().out
    assert redrive.resend(stack, is_dry=True) == 0
    assert not messages_in(stack, stack.task_queue_url)
    assert redrive.resend(stack) == 1
    [sent] = messages_in(stack, stack.task_queue_url)
    assert sent["Body"] == build_cancel(child)


def test_a_parent_that_was_not_told_has_a_look(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    put_family(stack, Status.PENDING, "completed")
    assert ledger.main(stack) == ledger.BROKEN
    assert "deaf parent: 1." in capsys.readouterr().out
    assert redrive.resend(stack) == 1
    [sent] = messages_in(stack, stack.task_queue_url)
    body = json.loads(sent["Body"])
    assert (body["session_id"], body["toolName"]) == ("s-1", "ask_agent")
    assert body["body"][0]["toolResult"]["toolUseId"] == "t"


@pytest.mark.parametrize("body", [build_look("run_job", "arn"), build_cancel("s-1")])
def test_a_hint_goes_back_as_it_is(
    stack: Stack, body: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bury(stack, body)
    [letter] = Reader(stack).look_at_letters()
    assert redrive.redrive(stack) == 1
    [sent] = messages_in(stack, stack.task_queue_url)
    assert sent["Body"] == body
    identity = sent["MessageAttributes"]["original_message_id"]["StringValue"]
    assert identity == letter["MessageId"], "the message that it was may have saved a session"
    assert json.loads(body)["type"] in capsys.readouterr().out


def test_a_large_task_of_an_agent_keeps_who_asked_and_whom(stack: Stack) -> None:
    parent = Parent("s-1", "t", "ask_agent", 2_000_000_000, 1)
    body = build_new("x", "child", "other", parent)
    bury(stack, padded(body))
    assert redrive.redrive(stack) == 1
    [sent] = messages_in(stack, stack.task_queue_url)
    assert json.loads(sent["Body"]) == json.loads(body)
