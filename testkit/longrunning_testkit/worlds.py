"""The whole walk in one process: real handlers, real agent, an AWS in memory, a scripted Converse.

Its clock stands still until a test moves it, and is the handlers' clock as well.
"""

import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType, SimpleNamespace
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

import boto3
import pytest
from local.mail import find_questions
from strands.models.bedrock import BedrockModel
from strands.models.model import Model

import agent_handler
import approval_handler
import approval_services
import aws_template
import inbox_services
import operator_services
import sweeper_handler
from longrunning.people import directory
from longrunning.sessions import Session, SessionStore
from longrunning.waits.item import Wait
from longrunning_testkit.agents import Definition, MakeAgents, an_agent
from longrunning_testkit.converse_stand_in import ConverseStandIn, Script, StandInSession
from longrunning_testkit.pocket import Clock, Pocket
from longrunning_testkit.pocket.lifecycle import LifecycleRule, rules_of
from wait_store import WaitStore

REGION = "eu-west-1"
SERVICES = ("dynamodb", "sqs", "sns", "s3", "secretsmanager")
TABLES = {
    "SESSIONS_TABLE_NAME": "SessionsTable",
    "APPROVALS_TABLE_NAME": "ApprovalsTable",
}
MADE_ONCE = [
    agent_handler._resources,
    approval_services.services,
    inbox_services.inbox_services,
    operator_services.services,
    sweeper_handler._resources,
]
"""What each function makes at its first event and keeps. A function of yours adds its own."""
_read_people = directory.read_people  # Not what a test may have put in its place.
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
    """What one captured e-mail says of one question; `links` by label."""

    subject: str
    body: str
    links: dict[str, str]
    to: str | None = None
    """The id of the person whom it is for; None: every subscriber."""


def mails_of(subject: str, message: str, base_url: str, to: str | None = None) -> list[Mail]:
    """Returns one for each question of an e-mail, in the order of the turn."""
    return [
        Mail(subject, question.body, {link.label: link.url for link in question.links}, to)
        for question in find_questions(message, base_url)
    ]


@dataclass
class World:
    """Everything around the agent, with the handles that a test needs."""

    aws: dict[str, Any]
    """Low-level clients by service name."""
    env: dict[str, str]
    monkeypatch: pytest.MonkeyPatch
    pocket: Pocket
    clock: Clock
    stand_in: ConverseStandIn = field(default_factory=lambda: ConverseStandIn([]))
    context: Context = Context()
    tables: tuple[str, ...] = tuple(TABLES)
    """The variables that name the tables."""
    mails: list[Mail] = field(default_factory=list)
    _read: dict[str, int] = field(default_factory=dict)
    _model: Model | None = None

    @property
    def definition(self) -> Any:
        """The module that defines the agents: the project's own, or what a test put there."""
        return agent_handler.agent_definition

    def with_agents(self, make_agents: MakeAgents) -> None:
        """Puts other agents in the place of the project's.

        Args:
            make_agents: Gets the model that plays the script, and returns the definitions.
        """
        definition = Definition(make_agents)
        if (model := self._model) is not None:
            definition.make_model = lambda *_: model
        self.monkeypatch.setattr(agent_handler, "agent_definition", definition)
        agent_handler._resources.cache_clear()

    def with_tools(self, *tools: Any) -> None:
        """Puts an agent with these tools in the place of the project's; `an_agent` makes it."""
        self.with_agents(lambda model: [an_agent(model, *tools)])

    def step(self, seconds: float) -> None:
        """Moves the clock of the handlers and of AWS."""
        self.clock.step(seconds)
        if self.pocket:  # None where the world's AWS is the emulator.
            self.pocket.s3.apply_lifecycle()

    def play(self, script: Script, *, refuses: bool = False, **config: Any) -> ConverseStandIn:
        """Gives the model its script.

        Args:
            script: The turns.
            refuses: Whether a request that breaks a rule is refused, as Bedrock does it.
            **config: Further settings of the model, such as a guardrail.
        """
        self.stand_in = ConverseStandIn(script, refuses=refuses)
        session: Any = StandInSession(self.stand_in)
        model = BedrockModel(model_id="anthropic.claude-stand-in", boto_session=session, **config)
        self._model = model
        self.monkeypatch.setattr(self.definition, "make_model", lambda *_: model)
        agent_handler._resources.cache_clear()
        return self.stand_in

    def send(self, body: str) -> None:
        """Puts a message on the task queue."""
        self.aws["sqs"].send_message(QueueUrl=self.env["TASK_QUEUE_URL"], MessageBody=body)

    def receive(self) -> dict[str, Any] | None:
        """Takes the next message off the queue as SQS would hand it to Lambda."""
        return next(iter(self.receive_batch(1)), None)

    def receive_batch(self, most: int = 10) -> list[dict[str, Any]]:
        """Takes up to ten messages off the queue at once."""
        found = self.aws["sqs"].receive_message(
            QueueUrl=self.env["TASK_QUEUE_URL"],
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
            MaxNumberOfMessages=most,
        )
        return [_record(message) for message in found.get("Messages", [])]

    def handle(self, record: dict[str, Any], receive_count: int | None = None) -> bool:
        """Hands a message to the agent function; tells whether SQS may forget it.

        Args:
            record: As `receive` returned it.
            receive_count: Which delivery to say that this is, if not the record's own.
        """
        if receive_count is not None:
            attributes = {**record["attributes"], "ApproximateReceiveCount": str(receive_count)}
            record = {**record, "attributes": attributes}
        answer = agent_handler.handler({"Records": [record]}, self.context)
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

    def deliver_until_quiet(self, most: int = 50) -> int:
        """Delivers until the queue is empty, letting time pass until each message is visible.

        Returns:
            How many deliveries that took.
        """
        for count in range(most):
            while self.deliver() is None:
                next_at = self.pocket.sqs.next_visible_at(self.env["TASK_QUEUE_URL"])
                if next_at is None:
                    return count
                self.step(max(0, next_at - self.clock()))
        raise AssertionError(f"more than {most} deliveries")

    def sweep(self) -> dict[str, int]:
        """Runs the sweeper once; returns what it says it did."""
        return sweeper_handler.handler({}, self.context)

    def start(self, task: str = "Announce the summer sale", **fields: str) -> str:
        """Sends a new task and delivers it; returns its session id."""
        self.send(json.dumps({**fields, "type": "new", "body": {"task": task}}))
        record = self.deliver()
        assert record
        return fields.get("session_id", record["messageId"])

    def read_mail(self, topic: str = "APPROVAL_TOPIC_ARN") -> list[Mail]:
        """Returns the questions of the e-mails that a topic sent since the last look."""
        published = self.pocket.sns.topics[self.env[topic]].published
        base_url = os.environ["APPROVAL_BASE_URL"]
        new = [
            mail
            for p in published[self._read.get(topic, 0) :]
            if p.is_delivered
            for mail in mails_of(p.subject, p.message, base_url, p.attributes.get("approver"))
        ]
        self._read[topic] = len(published)
        if topic == "APPROVAL_TOPIC_ARN":
            new += self._letters(base_url)
        self.mails += new
        return new

    def with_mail_from(self, address: str = "approvals@example.com") -> None:
        """Has people with names be e-mailed by SES, as MailFrom does; the address is verified."""
        self.pocket.sesv2.add_identity(address)
        self.monkeypatch.setenv("MAIL_FROM", address)
        forget_environments()

    def _letters(self, base_url: str) -> list[Mail]:
        """What SES sent to people since the last look; each `to` is the person's id."""
        sent = self.pocket.sesv2.sent if self.pocket else []
        ids = {person.email: id_ for id_, person in directory.read_people().items()}
        new = [
            mail
            for one in sent[self._read.get("letters", 0) :]
            for mail in mails_of(one.subject, one.text, base_url, ids.get(one.to[0], one.to[0]))
        ]
        self._read["letters"] = len(sent)
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

    def session(self, session_id: str) -> Session:
        """Loads a session as the agent function would."""
        store = SessionStore(
            self.aws["dynamodb"],
            self.env["SESSIONS_TABLE_NAME"],
            self.aws["s3"],
            self.env["STATE_BUCKET_NAME"],
        )
        name = getattr(self.definition, "AGENT_NAME", None)
        session = store.load(session_id, name) if name else store.find(session_id)
        assert session, f"no session {session_id}"
        return session

    def approvals(self, session_id: str) -> list[Wait]:
        """Reads the approval items of a session."""
        store = WaitStore(self.aws["dynamodb"], self.env["APPROVALS_TABLE_NAME"])
        return store.of_session(session_id)

    def dead_letters(self) -> list[dict[str, Any]]:
        """Returns the dead letters: body, and the attribute `reason` of a rejected one."""
        found = self.aws["sqs"].receive_message(
            QueueUrl=self.env["DEAD_LETTER_QUEUE_URL"],
            MessageAttributeNames=["All"],
            MaxNumberOfMessages=10,
            VisibilityTimeout=0,
        )
        letters = found.get("Messages", [])
        return [{"body": letter["Body"], "reason": _reason(letter)} for letter in letters]

    def snapshot(self) -> dict[str, Any]:
        """Everything stored, to show that nothing changed."""
        scan = self.aws["dynamodb"].scan
        scans = {t: scan(TableName=self.env[t])["Items"] for t in self.tables}
        attributes = self.aws["sqs"].get_queue_attributes(
            QueueUrl=self.env["TASK_QUEUE_URL"], AttributeNames=["ApproximateNumberOfMessages"]
        )
        return {**scans, "queued": attributes["Attributes"]}

    def restore_tables(self, moment: float) -> None:
        """Restores sessions and approvals to a moment of the past; the bucket stays as it is."""
        for name in ("SESSIONS_TABLE_NAME", "APPROVALS_TABLE_NAME"):
            self.pocket.dynamodb.table(self.env[name]).restore(moment)

    def with_time_left(self, seconds: float) -> None:
        """Sets what is left of the function's time from now on."""
        self.context = replace(self.context, remaining_seconds=seconds)


WorldT = TypeVar("WorldT", bound=World)


def make_world(
    monkeypatch: pytest.MonkeyPatch,
    kind: type[WorldT],
    tables: Mapping[str, str] = MappingProxyType(TABLES),
    **settings: str,
) -> WorldT:
    """Makes an empty stack as the template declares it, which lasts until the patch is undone.

    Args:
        monkeypatch: What installs it.
        kind: `World`, or a class that adds to it.
        tables: The tables' logical ids by the variables that name them.
        **settings: Further environment variables of the functions.
    """
    clock = Clock()
    pocket = Pocket(clock)
    monkeypatch.setattr(time, "time", clock)
    monkeypatch.setattr(time, "time_ns", clock.time_ns)
    for handler in (agent_handler, sweeper_handler):
        monkeypatch.setattr(handler, "time", SimpleNamespace(time=clock, sleep=clock.step))
    # The project's own file: in a starter the library, which looks beside itself, is installed.
    people = aws_template.ROOT / "src/layer/python/people.toml"
    monkeypatch.setattr(_read_people, "__defaults__", (people,))
    pocket.install(monkeypatch)
    env = set_environment(monkeypatch, _make_resources(pocket, tables), **settings)
    return kind(make_clients(), env, monkeypatch, pocket, clock, tables=tuple(tables))


def lasting(world: WorldT) -> Iterator[WorldT]:
    """Yields a world for one test, and sees at its end that nothing odd was asked."""
    yield world
    forget_environments()
    assert not world.pocket.refused, "asked of an AWS that has no such thing"


def set_environment(
    monkeypatch: pytest.MonkeyPatch, resources: dict[str, str], **settings: str
) -> dict[str, str]:
    """Gives the functions their settings; returns them."""
    env = resources | {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_SESSION_TOKEN": "testing",
        "AWS_DEFAULT_REGION": REGION,
        "APPROVAL_BASE_URL": "https://approvals.example.com",
        "DECIDE_WITHIN_SECONDS": "3600",
        "REMIND_BEFORE_HOURS": "half",
        "ON_SILENCE": "deny",
        "SHOW_CONTEXT": "false",
        "RETENTION_DAYS": "90",
        "MAXIMUM_CONCURRENCY": "5",
        "MAIL_FROM": "",
        "MODEL_ID": "stand-in",
        "PUBLISH_ENDPOINT_URL": "https://receiver.example.com",
        "PUBLISH_TOKEN_SECRET_ARN": "",
        "OIDC_ISSUER": "",
        "METRICS_NAMESPACE": "test",
    }
    env |= settings
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    forget_environments()
    return env


def make_clients() -> dict[str, Any]:
    """Makes a low-level client of each service."""
    return {name: boto3.client(name, region_name=REGION) for name in SERVICES}


def forget_environments() -> None:
    """The next event of each function is the first one of a new environment."""
    for made_once in MADE_ONCE:
        made_once.cache_clear()


def _make_resources(pocket: Pocket, tables: Mapping[str, str]) -> dict[str, str]:
    resources = aws_template.load()["Resources"]
    task_queue = resources["TaskQueue"]["Properties"]
    dead_letters = pocket.sqs.add_queue("dead-letters", retention_seconds=1_209_600)
    tasks = pocket.sqs.add_queue(
        "tasks",
        dead_letters,
        visibility_seconds=task_queue["VisibilityTimeout"],
        retention_seconds=task_queue["MessageRetentionPeriod"],
        max_receive_count=task_queue["RedrivePolicy"]["maxReceiveCount"],
    )
    made = {
        name: pocket.dynamodb.add_table(aws_template.table_properties(logical_id))
        for name, logical_id in tables.items()
    }
    pocket.s3.add_bucket("test-agent-state", is_versioned(), lifecycle_rules)
    return {
        **made,
        "TASK_QUEUE_URL": tasks,
        "DEAD_LETTER_QUEUE_URL": dead_letters,
        "APPROVAL_TOPIC_ARN": pocket.sns.add_topic("approval-notifications"),
        "ESCALATION_TOPIC_ARN": pocket.sns.add_topic("escalations"),
        "STATE_BUCKET_NAME": "test-agent-state",
        "LINK_KEYS_SECRET_ARN": pocket.secretsmanager.add_secret(
            "link-keys", json.dumps(LINK_KEYS)
        ),
    }


def is_versioned() -> bool:
    """Whether the template's bucket keeps versions."""
    return bool(_state_bucket().get("VersioningConfiguration") == {"Status": "Enabled"})


def lifecycle_rules() -> list[LifecycleRule]:
    """Returns the rules of the template's bucket.

    A stack has one value of a parameter: where the agent reads it from its environment, the
    bucket's rules follow the same one.
    """
    return rules_of(_state_bucket())


def _state_bucket() -> dict[str, Any]:
    parameters = aws_template.parameters_of("AgentFunction", os.environ)
    return aws_template.resolved("StateBucket", parameters)


def _record(message: dict[str, Any]) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {
            name: {"stringValue": value["StringValue"], "dataType": value["DataType"]}
            for name, value in message.get("MessageAttributes", {}).items()
        },
        "eventSource": "aws:sqs",
    }


def _reason(letter: dict[str, Any]) -> str:
    attributes = letter.get("MessageAttributes", {})
    return str(attributes["reason"]["StringValue"]) if "reason" in attributes else ""


def http_event(
    method: str, parts: Any, headers: dict[str, str], body: str | None, iam: bool = False
) -> dict[str, Any]:
    """Builds an HTTP API event, payload format 2.0."""
    query = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair)
    authorizer = {"authorizer": {"iam": {"userArn": "arn:aws:sts::123456789012:x"}}} if iam else {}
    event = {
        "version": "2.0",
        "routeKey": f"{method} {re.sub('[^/]+$', '{token}', parts.path)}",
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
