"""The sweeper on a running stack: by its schedule, under its own role, by way of real topics.

It sweeps every minute while the tests run, so what a test asks for may be done before it asks.
"""

import time
from typing import Any

import pytest

from local_stack import LocalStack, wait_until


def make_due(stack: LocalStack, session_id: str, *steps: str) -> None:
    """Puts steps of a session's only approval into the past: `remind_at`, `decide_by`, …"""
    [approval] = stack.approvals(session_id)
    past = {"N": str(int(time.time()) - 60)}
    stack.dynamodb.update_item(
        TableName=stack.description["tables"]["approvals"],
        Key={name: approval[name] for name in ("session_id", "tool_use_id")},
        UpdateExpression="SET " + ", ".join(f"{step} = :past" for step in (*steps, "due_at")),
        ExpressionAttributeValues={":past": past},
    )


def links_of(mail: dict[str, Any]) -> list[str]:
    return [link["url"] for link in mail["links"]]


def test_the_schedule_starts_a_sweep_every_minute(stack: LocalStack) -> None:
    def by_itself() -> int:
        lines = (stack.state_dir / "functions.log").read_text().splitlines()
        return sum(line.startswith("sweeper START") for line in lines) - stack.swept_by_hand

    wait_until(lambda: by_itself() > 0)


@pytest.mark.parametrize("step", ["remind_at", "escalate_at"])
def test_a_silent_approver_is_reminded_and_then_somebody_else_asked(
    stack: LocalStack, task: str, step: str
) -> None:
    session_id = stack.send_task(task)
    first = stack.wait_for_mail(task)
    make_due(stack, session_id, step)
    stack.sweep()
    again = stack.wait_for_mail(task, count=2)
    assert links_of(again) == links_of(first)
    assert again["subject"] != first["subject"]
    stack.sweep()
    [approval] = stack.approvals(session_id)
    assert step not in approval
    assert len(stack.mails(task)) == 2


def test_the_agent_is_told_when_nobody_has_decided(stack: LocalStack, task: str) -> None:
    session_id, links = stack.ask(task)
    make_due(stack, session_id, "decide_by")
    stack.sweep()
    stack.wait_until_completed(session_id)
    assert stack.session(session_id)["outcome"] == {"S": "expired"}
    assert stack.request("GET", links["approve"]).status == 410
    assert not stack.posts(task)


def test_a_decision_whose_message_was_lost_is_told_again(stack: LocalStack, task: str) -> None:
    session_id = stack.send_task(task)
    stack.wait_for_mail(task)
    [approval] = stack.approvals(session_id)
    stack.dynamodb.update_item(
        TableName=stack.description["tables"]["approvals"],
        Key={name: approval[name] for name in ("session_id", "tool_use_id")},
        UpdateExpression="SET #s = :status, decision = :decision, decided_at = :then",
        ExpressionAttributeNames={"#s": "status"},
        ExpressionAttributeValues={
            ":status": {"S": "APPROVED"},
            ":decision": {"S": "approved"},
            ":then": {"N": str(int(time.time()) - 3_600)},
        },
    )
    stack.sweep()
    stack.wait_until_completed(session_id)
    assert len(stack.posts(task)) == 1


def test_what_no_session_waits_for_is_closed(stack: LocalStack, task: str) -> None:
    session_id, _ = stack.ask(task)
    make_due(stack, session_id)
    stack.dynamodb.delete_item(
        TableName=stack.description["tables"]["sessions"],
        Key={
            "session_id": {"S": session_id},
            "agent_name": stack.session(session_id)["agent_name"],
        },
    )
    stack.sweep()
    [approval] = stack.approvals(session_id)
    assert (approval["status"], approval["decided_by"]) == ({"S": "CANCELLED"}, {"S": "sweeper"})
    assert "due_at" not in approval and "open_shard" not in approval
