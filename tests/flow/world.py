"""The whole walk in one process: real handlers, real agent, moto for AWS, a scripted Converse."""

import json
import re
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from strands.models.bedrock import BedrockModel

import agent_definition
import agent_handler
import approval_handler
import unitok_handler
from converse_stand_in import ConverseStandIn, Script, StandInSession
from longrunning.approvals import Approval, ApprovalStore
from longrunning.sessions import Session, SessionStore

REGION = "eu-west-1"
LINK_KEYS = {"current": "k1", "k1": "a-key-for-tests-of-forty-eight-characters-length"}


@dataclass(frozen=True)
class Context:
    """Lambda's context object."""

    remaining_seconds: float = 120
    aws_request_id: str = "00000000-0000-0000-0000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        """Returns what is left of the function's time."""
        return int(self.remaining_seconds * 1000)


@dataclass(frozen=True)
class Mail:
    """One captured e-mail; `links` by label."""

    subject: str
    body: str

    @property
    def links(self) -> dict[str, str]:
        """The approve and the deny link."""
        found = re.findall(r"https?://\S+\?decision=(\w+)", self.body)
        urls = re.findall(r"https?://\S+\?decision=\w+", self.body)
        names = {"approved": "approve", "denied": "deny"}
        return {names[decision]: url for decision, url in zip(found, urls, strict=True)}


@dataclass
class World:
    """Everything around the agent, with the handles that a test needs."""

    aws: dict[str, Any]
    env: dict[str, str]
    monkeypatch: pytest.MonkeyPatch
    stand_in: ConverseStandIn = field(default_factory=lambda: ConverseStandIn([]))
    context: Context = Context()
    mails: list[Mail] = field(default_factory=list)

    def play(self, script: Script) -> ConverseStandIn:
        """Gives the model its script."""
        self.stand_in = ConverseStandIn(script)
        model = BedrockModel(
            model_id="anthropic.claude-stand-in", boto_session=StandInSession(self.stand_in)
        )
        self.monkeypatch.setattr(agent_definition, "make_model", lambda *_: model)
        agent_handler._resources.cache_clear()
        return self.stand_in

    def send(self, body: str) -> None:
        """Puts a message on the task queue."""
        self.aws["sqs"].send_message(QueueUrl=self.env["TASK_QUEUE_URL"], MessageBody=body)

    def receive(self) -> dict[str, Any] | None:
        """Takes the next message off the queue as SQS would hand it to Lambda."""
        found = self.aws["sqs"].receive_message(
            QueueUrl=self.env["TASK_QUEUE_URL"], AttributeNames=["All"], MaxNumberOfMessages=1
        )
        if not found.get("Messages"):
            return None
        message = found["Messages"][0]
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "messageAttributes": {},
            "eventSource": "aws:sqs",
        }

    def handle(self, record: dict[str, Any], receive_count: int = 1) -> bool:
        """Hands a message to the agent function; tells whether SQS may forget it."""
        attributes = {**record["attributes"], "ApproximateReceiveCount": str(receive_count)}
        event = {"Records": [{**record, "attributes": attributes}]}
        answer = agent_handler.handler(event, self.context)
        return answer == {"batchItemFailures": []}

    def deliver(self) -> dict[str, Any] | None:
        """Delivers one message; a handled one is deleted, as Lambda does it."""
        record = self.receive()
        if record and self.handle(record):
            self.aws["sqs"].delete_message(
                QueueUrl=self.env["TASK_QUEUE_URL"], ReceiptHandle=record["receiptHandle"]
            )
        return record

    def deliver_all(self, most: int = 20) -> int:
        """Delivers until the queue is empty; returns how many messages that were."""
        for count in range(most):
            if self.deliver() is None:
                return count
        raise AssertionError(f"more than {most} messages")

    def start(self, task: str = "Announce the summer sale", **fields: str) -> str:
        """Sends a new task and delivers it; returns its session id."""
        self.send(json.dumps({**fields, "type": "new", "body": {"task": task}}))
        record = self.deliver()
        assert record
        return fields.get("session_id", record["messageId"])

    def read_mail(self) -> list[Mail]:
        """Returns the e-mails that came since the last look."""
        new = []
        url = self.env["MAIL_QUEUE_URL"]
        while found := self.aws["sqs"].receive_message(QueueUrl=url).get("Messages"):
            published = json.loads(found[0]["Body"])
            new.append(Mail(published["Subject"], published["Message"]))
            self.aws["sqs"].delete_message(QueueUrl=url, ReceiptHandle=found[0]["ReceiptHandle"])
        self.mails += new
        return new

    def request(
        self, method: str, url: str, form: dict[str, str] | None = None, accept: str = "*/*"
    ) -> dict[str, Any]:
        """Sends one request to the approval API."""
        parts = urlsplit(url)
        headers = {"accept": accept}
        body = None
        if form is not None:
            headers["content-type"] = "application/x-www-form-urlencoded"
            body = urlencode(form)
        return approval_handler.handler(http_event(method, parts, headers, body), self.context)

    def click(self, url: str, **form: str) -> dict[str, Any]:
        """Sends the decision of the link, as the page's button does; returns status and JSON."""
        answer = self.request("POST", url, form or None)
        return {"status_code": answer["statusCode"], **json.loads(answer["body"] or "{}")}

    def posts(self) -> list[dict[str, Any]]:
        """Returns what is published, newest first."""
        event = http_event("GET", urlsplit("http://unitok/posts"), {}, None)
        found: list[dict[str, Any]] = json.loads(unitok_handler.handler(event, None)["body"])[
            "posts"
        ]
        return found

    def session(self, session_id: str) -> Session:
        """Loads a session as the agent function would."""
        store = SessionStore(
            self.aws["dynamodb"],
            self.env["SESSIONS_TABLE_NAME"],
            self.aws["s3"],
            self.env["STATE_BUCKET_NAME"],
        )
        session = store.load(session_id, agent_definition.AGENT_NAME)
        assert session, f"no session {session_id}"
        return session

    def approvals(self, session_id: str) -> list[Approval]:
        """Reads the approval items of a session."""
        store = ApprovalStore(self.aws["dynamodb"], self.env["APPROVALS_TABLE_NAME"])
        return store.of_session(session_id)

    def dead_letters(self) -> list[dict[str, Any]]:
        """Returns the dead letters: body and the attribute `reason`."""
        found = self.aws["sqs"].receive_message(
            QueueUrl=self.env["DEAD_LETTER_QUEUE_URL"],
            MessageAttributeNames=["All"],
            MaxNumberOfMessages=10,
            VisibilityTimeout=0,
        )
        return [
            {"body": m["Body"], "reason": m["MessageAttributes"]["reason"]["StringValue"]}
            for m in found.get("Messages", [])
        ]

    def snapshot(self) -> dict[str, Any]:
        """Everything stored, to show that nothing changed."""
        tables = ("SESSIONS_TABLE_NAME", "APPROVALS_TABLE_NAME", "POSTS_TABLE_NAME")
        scans = {t: self.aws["dynamodb"].scan(TableName=self.env[t])["Items"] for t in tables}
        attributes = self.aws["sqs"].get_queue_attributes(
            QueueUrl=self.env["TASK_QUEUE_URL"], AttributeNames=["ApproximateNumberOfMessages"]
        )
        return {**scans, "queued": attributes["Attributes"]}

    def with_time_left(self, seconds: float) -> None:
        """Sets what is left of the function's time from now on."""
        self.context = replace(self.context, remaining_seconds=seconds)


def http_event(
    method: str, parts: Any, headers: dict[str, str], body: str | None, iam: bool = False
) -> dict[str, Any]:
    """Builds an HTTP API event, payload format 2.0."""
    query = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair)
    authorizer = {"authorizer": {"iam": {"userArn": "arn:aws:sts::123456789012:x"}}} if iam else {}
    event = {
        "version": "2.0",
        "rawPath": parts.path,
        "rawQueryString": parts.query,
        "headers": headers,
        "requestContext": {
            "http": {"method": method, "path": parts.path, "sourceIp": "127.0.0.1"},
            **authorizer,
        },
        "pathParameters": {"token": parts.path.rpartition("/")[2]},
        "isBase64Encoded": False,
    }
    if query:
        event["queryStringParameters"] = query
    return event if body is None else {**event, "body": body}
