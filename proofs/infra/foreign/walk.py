"""A task of the foreign agent to its end, run by the Python of that project: it has the wheels.

The AWS is the test kit's, in memory; its tables are those of the template in the working folder.
Prints JSON: where the library came from, and what was so after each step.
"""

import json
from functools import partial
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
import refund_agent
from strands.models.bedrock import BedrockModel

import aws_template
import longrunning
from longrunning.agent.asking import Asking
from longrunning.agent.definition import Agents
from longrunning.agent.deliveries import Deliveries
from longrunning.agent.worker import Worker
from longrunning.deciding import send_wake_up
from longrunning.people.links import LinkKeys
from longrunning.people.notifications import Notifier
from longrunning.people.pace import Unpaced
from longrunning.sessions import SessionStore
from longrunning.waits.answers import Answers
from longrunning.waits.claims import Claims
from longrunning.waits.timeouts import Timeouts
from longrunning_testkit.converse_stand_in import ConverseStandIn, StandInSession, tool_use
from longrunning_testkit.pocket import Clock, Pocket

KEYS = LinkKeys.parse('{"current": "k1", "k1": "a-key-for-tests-of-forty-eight-characters-length"}')
CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 120_000)


def main(patch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Walks: a task, the pause, the approval, the end."""
    clock = Clock()
    pocket = Pocket(clock)
    pocket.install(patch)
    add_table = pocket.dynamodb.add_table
    sessions, approvals = (
        add_table(aws_template.table_properties(name))
        for name in ("SessionsTable", "ApprovalsTable")
    )
    pocket.s3.add_bucket("state", True, list)
    topic = pocket.sns.add_topic("asked")
    queue, dead_letters = pocket.sqs.add_queue("tasks"), pocket.sqs.add_queue("dead-letters")
    client = partial(boto3.client, region_name="eu-west-1")
    dynamodb, sqs = client("dynamodb"), client("sqs")
    stand_in = ConverseStandIn([[tool_use("use-1", "refund", {"order": "4711"})], "It is paid."])
    session: Any = StandInSession(stand_in)
    model = BedrockModel(model_id="anthropic.claude-stand-in", boto_session=session)
    answers = Answers(dynamodb, approvals)
    store = SessionStore(dynamodb, sessions, client("s3"), "state")
    notifier = Notifier(client("sns"), "https://approve.example.com", lambda: KEYS, Unpaced())
    asking = Asking(
        answers=answers,
        send_email=partial(notifier.send, topic),
        timeouts=Timeouts.parse("3600", "half", "deny"),
    )
    worker = Worker(
        agents=Agents(refund_agent.make_agents(model)),
        sessions=store,
        answers=answers,
        claims=Claims(dynamodb, approvals),
        asking=asking,
        send_message=lambda body: sqs.send_message(QueueUrl=queue, MessageBody=body),
        clock=clock,
        retention_seconds=86_400,
    )
    deliveries = Deliveries(worker, sqs, queue, dead_letters, clock=clock)

    def deliver() -> None:
        (message,) = sqs.receive_message(QueueUrl=queue, AttributeNames=["All"])["Messages"]
        names = {"messageId": "MessageId", "receiptHandle": "ReceiptHandle", "body": "Body"}
        record = {name: message[key] for name, key in names.items()}
        record["attributes"] = message["Attributes"]
        assert deliveries.take({"Records": [record]}, CONTEXT) == {"batchItemFailures": []}

    task = {"type": "new", "session_id": "s-1", "body": {"task": "Pay order 4711 back"}}
    worker.send_message(json.dumps(task))
    deliver()
    paused = store.find("s-1")
    paid_before = dict(refund_agent.paid)
    (mail,) = pocket.sns.topics[topic].published
    decided = answers.decide("s-1", "use-1", "approved", decided_by="link", now=int(clock()))
    assert decided.approval
    send_wake_up(sqs, queue, decided.approval)
    deliver()
    ended = store.find("s-1")
    assert paused and ended
    stand_in.assert_finished()
    return {
        "library": longrunning.__file__,
        "paused": [paused.status, paid_before, "4711" in mail.message],
        "ended": [ended.status, ended.outcome, list(refund_agent.paid.values())],
        "refused": pocket.refused,
    }


if __name__ == "__main__":
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        print(json.dumps(main(patch)))
