"""Long-running tools on the emulator, rights enforced: a job, another agent, a timer, callbacks."""

import json
import time
from typing import Any

import pytest

from local_stack import LocalStack, wait_until

ENDED_SECONDS = 60


def waits(stack: LocalStack, session_id: str) -> dict[str, list[dict[str, Any]]]:
    """The session's waits by tool."""
    found: dict[str, list[dict[str, Any]]] = {}
    for item in stack.approvals(session_id):
        found.setdefault(item["tool_name"]["S"], []).append(item)
    return found


def test_a_draft_is_checked_by_an_agent_and_illustrated_by_a_job(
    stack: LocalStack, task: str
) -> None:
    """The job's event comes within a minute; the sweeper looks after five."""
    session_id = stack.send_task(f"{task}, checked and with a picture, in pink")
    mail = stack.wait_for_mail(task.split(",")[0])
    assert "https://pictures.example.com/pink.svg" in mail["body"]
    found = waits(stack, session_id)
    assert {tool: len(items) for tool, items in found.items()} == {
        "ask_agent": 2,
        "run_job": 1,
        "human_approval": 1,
    }
    assert found["run_job"][0]["status"]["S"] == "RESOLVED"
    links = {link["label"]: link["url"] for link in mail["links"]}
    assert stack.post_form(links["approve"], decision="approved").status == 200
    stack.wait_until_completed(session_id)
    (post,) = stack.posts(task.split(",")[0])
    assert post["image_url"] == "https://pictures.example.com/pink.svg"


def test_a_job_is_named_after_its_wait_and_started_once(stack: LocalStack, task: str) -> None:
    session_id = stack.send_task(f"{task}, checked and with a picture")
    stack.wait_for_mail(task.split(",")[0])
    states = stack.client("stepfunctions")
    (machine,) = [
        m["stateMachineArn"]
        for m in states.list_state_machines()["stateMachines"]
        if m["name"].endswith("-picture")
    ]
    executions = states.list_executions(stateMachineArn=machine)["executions"]
    inputs = [
        json.loads(states.describe_execution(executionArn=e["executionArn"])["input"])
        for e in executions
    ]
    assert [i["wait"]["session_id"] for i in inputs].count(session_id) == 1


@pytest.mark.parametrize(
    ("about", "reason"),
    [
        ("arn:aws:states:us-east-1:000000000000:execution:other:x", "about: no execution of this"),
        ("nonsense", "about: no execution of this"),
    ],
)
def test_a_hint_about_a_foreign_execution_is_a_dead_letter_at_once(
    stack: LocalStack, about: str, reason: str
) -> None:
    body = json.dumps({"type": "look", "toolName": "run_job", "about": f"{about}-{time.time()}"})
    stack.send(body)
    letter = stack.take_dead_letter(body)
    assert letter["MessageAttributes"]["reason"]["StringValue"].startswith(reason)


def test_a_timer_fires_with_the_sweep_that_follows_its_time(stack: LocalStack, task: str) -> None:
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 8))
    session_id = stack.send_task(f"{task}, checked, at {at}")
    mail = stack.wait_for_mail(task.split(",")[0])
    links = {link["label"]: link["url"] for link in mail["links"]}
    assert stack.post_form(links["approve"], decision="approved").status == 200
    wait_until(lambda: "wait_until" in waits(stack, session_id))
    assert not stack.posts(task.split(",")[0])
    stack.sweep()
    while time.time() < time.mktime(time.strptime(at, "%Y-%m-%dT%H:%M:%SZ")) - time.timezone:
        time.sleep(0.1)
    stack.sweep()
    stack.wait_until_completed(session_id)
    (post,) = stack.posts(task.split(",")[0])
    assert post["post_id"]


def test_an_answer_to_no_callback_is_a_404(stack: LocalStack) -> None:
    headers = {"content-type": "application/json"}
    body = b'{"status": "success", "result": 1}'
    answer = stack.request("POST", f"/callbacks/{'A' * 60}.{'B' * 43}", headers, body)
    assert answer.status == 404
    assert answer.json["error"].startswith("There is no such callback.")
