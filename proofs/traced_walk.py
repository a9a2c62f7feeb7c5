"""Walks one task through the agent function in a process of its own, as Lambda would trace it.

Run by proofs/infra/test_tracing.py: X-Ray's SDK reads the environment when it is imported, and what
it patches stays patched. Prints as JSON whether the SDK was imported and what was published.
"""

import json
import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3
import pytest

import agent_handler
import aws_template
import sample_agent
import sample_post
from longrunning.messages import build_existing, build_new, tool_result
from pocket import Pocket, clients_made_once
from wait_store import WaitStore

REGION = "eu-west-1"
TURNS = [
    [{"tool": "human_approval", "input": {"content": "{task}"}}],
    [{"tool": "publish_post", "input": {"content": "{task}"}}],
    "Done.",
]
KEYS = {"current": "k1", "k1": "a-key-for-tests-of-forty-eight-characters-length"}


class Context:
    """Lambda's context object."""

    def get_remaining_time_in_millis(self) -> int:
        """Returns what is left of the function's time."""
        return 120_000


def main() -> None:
    """A new task, an approval, the resume that publishes."""
    published: list[str] = []

    def send(request: Any) -> Any:
        published.append(request.headers["Idempotency-Key"])
        return sample_post.Answer(201, b'{"post_id": "1"}')

    agent_handler.agent_definition = sample_agent
    sample_post.send = send
    deliver("message-1", build_new("Announce the summer sale", "s-1"))
    store = WaitStore(client("dynamodb"), os.environ["APPROVALS_TABLE_NAME"])
    (approval,) = store.of_session("s-1")
    store.decide("s-1", approval.tool_use_id, "approved", decided_by="link", now=int(time.time()))
    answer = tool_result(approval.tool_use_id, "success", "approved")
    deliver("message-2", build_existing("s-1", "human_approval", [answer]))
    sdk_imported = any(name.startswith("aws_xray_sdk") for name in sys.modules)
    done = {"sdk_imported": sdk_imported, "published": published}
    print(json.dumps({"tool_use_id": approval.tool_use_id, **done}))


def deliver(message_id: str, body: str) -> None:
    """Hands a message to the function, as a sample event that was never on a queue."""
    record = {
        "messageId": message_id,
        "receiptHandle": "sample",
        "body": body,
        "attributes": {"ApproximateReceiveCount": "1"},
    }
    answer = agent_handler.handler({"Records": [record]}, Context())
    assert answer == {"batchItemFailures": []}, answer


def client(service: str) -> Any:
    """A low-level client."""
    return boto3.client(service, region_name=REGION)


def make_stack(pocket: Pocket) -> dict[str, str]:
    """Makes what the function needs; returns its environment."""
    names = ("SessionsTable", "ApprovalsTable")
    sessions, approvals = (
        pocket.dynamodb.add_table(aws_template.table_properties(name)) for name in names
    )
    pocket.s3.add_bucket("state", is_versioned=True)
    queue = pocket.sqs.add_queue("tasks")
    return {
        "SESSIONS_TABLE_NAME": sessions,
        "APPROVALS_TABLE_NAME": approvals,
        "STATE_BUCKET_NAME": "state",
        "TASK_QUEUE_URL": queue,
        "DEAD_LETTER_QUEUE_URL": queue,
        "APPROVAL_TOPIC_ARN": pocket.sns.add_topic("topic"),
        "MAIL_FROM": "",
        "LINK_KEYS_SECRET_ARN": pocket.secretsmanager.add_secret("k", json.dumps(KEYS)),
        "APPROVAL_BASE_URL": "https://approvals.example.com",
        "DECIDE_WITHIN_SECONDS": "3600",
        "REMIND_BEFORE_HOURS": "half",
        "ON_SILENCE": "deny",
        "RETENTION_DAYS": "90",
        "MAXIMUM_CONCURRENCY": "0",
        "MODEL_ID": "scripted",
        "PUBLISH_ENDPOINT_URL": "https://receiver.example.com",
        "METRICS_NAMESPACE": "test",
        "LOG_LEVEL": "ERROR",
        "AWS_DEFAULT_REGION": REGION,
    }


if __name__ == "__main__":
    with pytest.MonkeyPatch.context() as patch, clients_made_once(), TemporaryDirectory() as folder:
        sample_agent.SCRIPT = Path(folder) / "script.json"
        sample_agent.SCRIPT.write_text(json.dumps(TURNS))
        pocket = Pocket(time.time)
        pocket.install(patch)
        os.environ |= make_stack(pocket)
        main()
