"""This project: the real handlers, over the real protocol, from the click to the next e-mail."""

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import agent_definition
import agent_handler
import approval_handler
import approval_services
import aws_template
import publish_post
from benchmarks.cycle.contender import Contender, Cycle, Offers
from benchmarks.cycle.conversation import Conversation, ScriptedModel
from benchmarks.cycle.engine import BUCKETS, Engine
from benchmarks.cycle.meter import Meter
from longrunning.sessions import SessionStore
from longrunning.waits.item import Status
from wait_store import WaitStore

NAME = "this project"
OUT_OF_REACH = 1_000_000
"""Messages. No contender trims its conversation: what that saves is another question."""

MESSAGES_A_CYCLE = 4
"""The answer, the call that publishes, its result, the next question."""

TABLES = ("SessionsTable", "ApprovalsTable")
POLL_SECONDS, WAIT_SECONDS = 0.002, 30


@dataclass(frozen=True)
class Context:
    """Lambda's context object."""

    def get_remaining_time_in_millis(self) -> int:
        """Returns what is left of the function's time."""
        return 110_000


def table_properties() -> dict[str, dict[str, Any]]:
    """Returns what `create_table` takes of our tables, by logical id."""
    return {name: aws_template.table_properties(name) for name in TABLES}


@contextmanager
def our_project(engine: Engine, meter: Meter) -> Iterator[Contender]:
    """Sets the functions up as Lambda would; UniTok's answer is given, its cost is its own."""
    model = ScriptedModel()
    posted = publish_post._Answer(201, json.dumps({"post_id": "p" * 36}).encode())
    with (
        mock.patch.dict(os.environ, _environment(engine)),
        mock.patch.object(publish_post, "_send", lambda _: posted),
        mock.patch.object(agent_definition, "make_model", lambda *_: model),
        mock.patch.object(agent_definition, "MAX_WINDOW_MESSAGES", OUT_OF_REACH),
        mock.patch.object(SessionStore, "load", meter.of_session(SessionStore.load)),
        mock.patch.object(SessionStore, "save", meter.of_session(SessionStore.save)),
    ):
        agent_handler._resources.cache_clear()
        approval_services.services.cache_clear()
        walk = Walk(engine, meter, model)
        yield Contender(NAME, walk.open, Offers("yes", "yes", "yes"), is_peer=False, is_close=True)


@dataclass(frozen=True)
class Walk:
    """Drives the functions as queue and API do; the polling itself is Lambda's, and not counted."""

    engine: Engine
    meter: Meter
    model: ScriptedModel = field(default_factory=ScriptedModel)
    """Of the agent: it learns how long its texts are to be."""

    def open(self, conversation: Conversation) -> Cycle:
        """Starts a task, then makes the saved conversation as long as is asked for."""
        self.model.post_bytes = conversation.post_bytes
        for queue_url in (self.engine.queue_url, self.engine.mail_queue_url):
            while message := self._received(queue_url):  # Of the session before.
                self._forget(queue_url, message)
        task = {"type": "new", "body": {"task": conversation.task[0]["text"]}}
        self.engine.sqs.send_message(QueueUrl=self.engine.queue_url, MessageBody=json.dumps(task))
        session_id = self._deliver()
        store = SessionStore(
            self.engine.dynamodb,
            self.engine.tables["SessionsTable"],
            self.engine.s3,
            BUCKETS["ours"],
        )
        session = store.load(session_id, agent_definition.AGENT_NAME)
        if session is None:
            raise RuntimeError("the task made no session")
        asked = {**session.messages[0], "content": conversation.task}
        messages = [*conversation.earlier, asked, *session.messages[1:]]
        store.save(replace(session, messages=messages), fence=0)
        self._seed_approvals(session_id, len(conversation.earlier) // MESSAGES_A_CYCLE)
        return self._cycle

    def _seed_approvals(self, session_id: str, count: int) -> None:
        """A conversation so long has been approved so often: each approval has its record."""
        store = WaitStore(self.engine.dynamodb, self.engine.tables["ApprovalsTable"])
        (waiting,) = store.of_session(session_id)
        for n in range(count):
            earlier = f"tooluse_{n:022x}"
            store.put_if_absent(
                replace(waiting, tool_use_id=earlier, status=Status.SPENT, fence=1, due_at=None)
            )

    def _cycle(self) -> None:
        link = self._read_mail()
        with self.meter.measured():
            answer = approval_handler.handler(_approval(link), Context())
        if answer["statusCode"] != 200:
            raise RuntimeError(f"the approval was answered with {answer['statusCode']}")
        self._deliver()

    def _deliver(self) -> str:
        """Hands the next message to the agent function; returns its id."""
        message = self._receive(self.engine.queue_url)
        record = {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "messageAttributes": {},
        }
        with self.meter.measured():
            answer = agent_handler.handler({"Records": [record]}, Context())
        if answer != {"batchItemFailures": []}:
            raise RuntimeError("the agent function failed")
        self._forget(self.engine.queue_url, message)
        return str(message["MessageId"])

    def _read_mail(self) -> str:
        """Returns the approving link of the next e-mail."""
        message = self._receive(self.engine.mail_queue_url)
        self._forget(self.engine.mail_queue_url, message)
        body = json.loads(message["Body"])["Message"]
        return str(re.findall(r"https?://\S+\?decision=approved", body)[0])

    def _receive(self, queue_url: str) -> dict[str, Any]:
        deadline = time.monotonic() + WAIT_SECONDS
        while not (message := self._received(queue_url)):
            if time.monotonic() > deadline:
                raise TimeoutError("no message came")
            time.sleep(POLL_SECONDS)
        return message

    def _received(self, queue_url: str) -> dict[str, Any]:
        """Takes a message off a queue; none, if there is none."""
        found = self.engine.sqs.receive_message(QueueUrl=queue_url, AttributeNames=["All"])
        message: dict[str, Any] = next(iter(found.get("Messages", [])), {})
        return message

    def _forget(self, queue_url: str, message: dict[str, Any]) -> None:
        self.engine.sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])


def _approval(link: str) -> dict[str, Any]:
    """What the page's button sends, as an event of the HTTP API."""
    path = urlsplit(link).path
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/x-www-form-urlencoded", "accept": "*/*"},
        "requestContext": {"http": {"method": "POST", "path": path, "sourceIp": "127.0.0.1"}},
        "pathParameters": {"token": path.rpartition("/")[2]},
        "isBase64Encoded": False,
        "body": "decision=approved",
    }


def _environment(engine: Engine) -> dict[str, str]:
    return {
        "SESSIONS_TABLE_NAME": engine.tables["SessionsTable"],
        "APPROVALS_TABLE_NAME": engine.tables["ApprovalsTable"],
        "STATE_BUCKET_NAME": BUCKETS["ours"],
        "TASK_QUEUE_URL": engine.queue_url,
        "DEAD_LETTER_QUEUE_URL": engine.queue_url,
        "APPROVAL_TOPIC_ARN": engine.topic_arn,
        "MAIL_FROM": "",
        "LINK_KEYS_SECRET_ARN": engine.secret_arn,
        "APPROVAL_BASE_URL": "https://abcdefghij.execute-api.us-east-1.amazonaws.com",
        "DECIDE_WITHIN_SECONDS": "86400",
        "REMIND_BEFORE_HOURS": "half",
        "ON_SILENCE": "deny",
        "RETENTION_DAYS": "90",
        "MAXIMUM_CONCURRENCY": "0",
        "MODEL_ID": "scripted",
        "PUBLISH_ENDPOINT_URL": "https://klmnopqrst.execute-api.us-east-1.amazonaws.com",
        "PUBLISH_TOKEN_SECRET_ARN": "",
        "METRICS_NAMESPACE": "cycle",
    }
