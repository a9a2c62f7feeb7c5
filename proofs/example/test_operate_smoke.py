"""`make smoke`, in memory: the real functions and agent, and what it says when one does wrong."""

import itertools
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from operate import clicks, ledger, mailbox, reading, smoke, smoke_plan, smoke_walk, stacks
from operate.errors import OperateError
from operate.receivers import RECEIVERS
from operate.stacks import Stack

import approval_handler
import operator_handler
import publish_post
from converse_stand_in import Said, tool_use
from core_samples import asked, changed
from longrunning.messages import build_new
from longrunning.people.emails import Question, turn_email
from longrunning.people.links import LinkKeys, make_token, review_url
from world import REGION, World, http_event, lasting_for_a_test

DRAFT = 'Only a test.\r\nIt has two lines, and a quotation mark: "\n'
ASK = tool_use("ask-1", "human_approval", {"content": DRAFT})
POST = tool_use("post-1", "publish_post", {"content": DRAFT})
OPERATOR_URL = "https://api.example.com/operator"
ACCOUNT = f"{REGION}:123456789012"


@dataclass
class Cloud:
    """What `make smoke` asks of AWS beside the tables and queues of a world.

    The agent runs whenever the queue of the e-mails is looked at.
    """

    world: World
    ringing: list[str] = field(default_factory=list)
    subscriptions: list[dict[str, str]] = field(default_factory=list)
    parameters: dict[str, str] = field(default_factory=dict)
    queues: dict[str, dict[str, str]] = field(default_factory=dict)
    """Attributes of the queues that were made and not deleted, by URL."""
    agent_runs: bool = True
    copies_mails: bool = True
    before_look: Callable[[], None] = lambda: None
    refused: str = ""
    """An operation that AWS refuses."""
    _copied: int = 0

    def __getattr__(self, name: str) -> Any:
        """Other calls of SQS go to the world's."""
        return getattr(self.world.aws["sqs"], name)

    def client(self, service: str) -> Any:
        return self

    def close(self) -> None:
        """The world's own client stays open."""

    def get_paginator(self, operation: str) -> Any:
        pages: dict[str, Callable[..., dict[str, Any]]] = {
            "describe_alarms": self._describe_alarms,
            "list_subscriptions_by_topic": lambda **_: {"Subscriptions": self.subscriptions},
        }
        return SimpleNamespace(paginate=lambda **params: [pages[operation](**params)])

    def describe_stacks(self, StackName: str) -> dict[str, Any]:
        parameters = [{"ParameterKey": k, "ParameterValue": v} for k, v in self.parameters.items()]
        outputs = [{"OutputKey": "OperatorUrl", "OutputValue": OPERATOR_URL}]
        return {"Stacks": [{"Parameters": parameters, "Outputs": outputs}]}

    def create_queue(self, QueueName: str, Attributes: dict[str, str]) -> dict[str, str]:
        self._refuse("CreateQueue")
        url = self.world.pocket.sqs.add_queue(QueueName)
        self.queues[url] = Attributes
        return {"QueueUrl": url}

    def delete_queue(self, QueueUrl: str) -> None:
        self._refuse("DeleteQueue")
        del self.queues[QueueUrl], self.world.pocket.sqs.queues[QueueUrl]

    def subscribe(self, TopicArn: str, Endpoint: str, **more: Any) -> dict[str, str]:
        self._refuse("Subscribe")
        assert more["Attributes"] == {"RawMessageDelivery": "true"}
        self.subscriptions.append(subscribed("sqs", Endpoint, f"{TopicArn}:mine"))
        return {"SubscriptionArn": f"{TopicArn}:mine"}

    def unsubscribe(self, SubscriptionArn: str) -> None:
        assert self.queues, "what SNS cannot deliver rings an alarm"
        self._refuse("Unsubscribe")
        self.subscriptions = [
            s for s in self.subscriptions if s["SubscriptionArn"] != SubscriptionArn
        ]

    def receive_message(self, QueueUrl: str, **params: Any) -> dict[str, Any]:
        if QueueUrl in self.queues:
            if self.agent_runs:
                self.world.deliver_until_quiet()
            self._copy_mails(QueueUrl)
            self.before_look()
        found: dict[str, Any] = self.world.aws["sqs"].receive_message(QueueUrl=QueueUrl, **params)
        return found

    def _describe_alarms(self, AlarmNames: list[str], StateValue: str) -> dict[str, Any]:
        assert StateValue == "ALARM"
        return {"MetricAlarms": [{"AlarmName": n} for n in AlarmNames if n in self.ringing]}

    def _copy_mails(self, url: str) -> None:
        published = self.world.pocket.sns.topics[self.world.env["APPROVAL_TOPIC_ARN"]].published
        for mail in published[self._copied :]:
            if self.copies_mails:
                self.world.aws["sqs"].send_message(QueueUrl=url, MessageBody=mail.message)
        self._copied = len(published)

    def _refuse(self, operation: str) -> None:
        if operation == self.refused:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, operation)


def subscribed(protocol: str, endpoint: str, arn: str) -> dict[str, str]:
    return {"Protocol": protocol, "Endpoint": endpoint, "SubscriptionArn": arn}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    yield from lasting_for_a_test(monkeypatch)


@pytest.fixture
def cloud(world: World, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """One confirmed mailbox, and a browser that reaches the handlers of this process."""
    monkeypatch.setattr(reading, "WAIT_SECONDS", 0)
    monkeypatch.setattr(mailbox, "SETTLE_SECONDS", 0)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: False))
    monkeypatch.setattr(clicks, "send", lambda *request: browse(world, *request))
    topic_arn = world.env["APPROVAL_TOPIC_ARN"]
    return Cloud(world, subscriptions=[subscribed("email", "a@example.com", f"{topic_arn}:a")])


def browse(
    world: World, method: str, url: str, headers: dict[str, str], body: bytes | None = None
) -> clicks.Answer:
    lower = {name.lower(): value for name, value in headers.items()}
    parts, text = urlsplit(url), body.decode() if body else None
    is_operator = parts.path.startswith("/operator/")
    event = http_event(method, parts, lower, text, iam="authorization" in lower)
    handler = operator_handler.handler if is_operator else approval_handler.handler
    answer = handler(event, world.context)
    return clicks.Answer(answer["statusCode"], answer["body"])


@pytest.fixture
def stack(world: World, cloud: Cloud) -> Stack:
    env = world.env
    credentials = Credentials("testing", "testing")
    session = SimpleNamespace(region_name=REGION, get_credentials=lambda: credentials)
    posts = {"publish_post": replace(RECEIVERS["publish_post"], table=env["POSTS_TABLE_NAME"])}
    return Stack(
        name="unicorn-posts",
        dynamodb=world.aws["dynamodb"],
        sqs=cloud,
        s3=world.aws["s3"],
        sessions_table=env["SESSIONS_TABLE_NAME"],
        approvals_table=env["APPROVALS_TABLE_NAME"],
        receivers=posts,
        state_bucket=env["STATE_BUCKET_NAME"],
        task_queue_url=env["TASK_QUEUE_URL"],
        dead_letter_queue_url=env["DEAD_LETTER_QUEUE_URL"],
        resources={"ApprovalTopic": env["APPROVAL_TOPIC_ARN"], "PostsTable": "posts"},
        alarms={"x-DeadLettersAlarm-1": "DeadLettersAlarm", "x-OverdueAlarm-1": "OverdueAlarm"},
        session=session,
        client=cloud.client,
    )


Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(
    stack: Stack,
    cloud: Cloud,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Runs it, and checks that the queue is gone whatever came of it."""

    def run(on: Stack = stack, **environment: str) -> tuple[int, str]:
        before = list(cloud.subscriptions)
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            status = smoke.main(on)
        assert (cloud.queues, cloud.subscriptions) == ({}, before)
        said = capsys.readouterr().out
        assert "/approvals/" not in said, "whoever has a link can decide"
        return status, said

    return run


def session_of(said: str) -> str:
    found = re.search(r"session (smoke-[0-9a-f]{8})", said)
    assert found
    return found[1]


@pytest.fixture
def late(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs it with a limit of ten seconds, on a clock that goes on by itself."""
    ticks = itertools.count()
    clock = SimpleNamespace(monotonic=lambda: float(next(ticks)))
    for module in (smoke_plan, smoke_walk):
        monkeypatch.setattr(module, "time", clock)
    return lambda: run(LIMIT_SECONDS="10")


# --- what is well --------------------------------------------------------------------------------


def test_a_sound_stack_is_walked_through_to_its_post(world: World, run: Run) -> None:
    world.play([[ASK], [POST], "Done."])
    status, said = run()
    assert status == smoke.SOUND, said
    (approval,) = world.approvals(session_of(said))
    assert (approval.status, approval.edited_content) == ("SPENT", None)
    assert [post["content"] for post in world.posts()] == [DRAFT]
    ticks = [line for line in said.splitlines() if re.match(r"  ✓ +\d+\.\d s  ", line)]
    assert len(ticks) == 13, said
    assert "| It has two lines" in said


def test_a_model_that_asks_often_is_approved_as_often(world: World, run: Run) -> None:
    other = {"content": "Another text"}
    world.play(
        [
            [ASK, tool_use("ask-2", "human_approval", other)],
            [POST, tool_use("post-2", "publish_post", other)],
            [tool_use("post-3", "publish_post", {"content": "And a third one"})],
            "Done.",
        ]
    )
    status, said = run()
    assert status == smoke.SOUND, said
    assert said.count("approved by the link") == 3
    assert len(world.posts()) == 3


def test_what_the_model_did_not_use_is_told_where_another_call_was_made(
    world: World, run: Run
) -> None:
    other = tool_use("post-2", "publish_post", {"content": "Another text"})
    world.play([[ASK], [other], "Done."])
    status, said = run()
    assert status == smoke.SOUND, said
    assert "  ! " in said and "changed its mind: 1" in said


def test_questions_of_others_are_not_decided(world: World, cloud: Cloud, run: Run) -> None:
    """They come in the same moment, and their model gives its calls the same ids."""
    world.play([[ASK], [ASK], [POST], "Done."])

    def ask_too() -> None:
        cloud.before_look = lambda: None
        world.start("somebody else's", session_id="theirs")
        cloud._copy_mails(*cloud.queues)

    cloud.before_look = ask_too
    status, said = run()
    assert status == smoke.SOUND, said
    assert [approval.status for approval in world.approvals("theirs")] == ["PENDING"]


def test_the_task_may_be_ones_own(world: World, run: Run) -> None:
    stand_in = world.play([[ASK], [POST], "Done."])
    run(SMOKE_TASK="Refund one cent to the test account.")
    sent = json.dumps(stand_in.requests[0])
    assert "Refund one cent" in sent and "make smoke, " in sent


def test_the_queue_takes_e_mails_of_this_topic_alone_and_forgets_them(
    world: World, cloud: Cloud, run: Run
) -> None:
    world.play([[ASK], [POST], "Done."])
    seen: list[dict[str, str]] = []
    cloud.before_look = lambda: seen.extend(cloud.queues.values())
    run()
    (allowed,) = json.loads(seen[0]["Policy"])["Statement"]
    assert allowed["Principal"] == {"Service": "sns.amazonaws.com"}
    topic_arn = world.env["APPROVAL_TOPIC_ARN"]
    assert allowed["Condition"] == {"ArnEquals": {"aws:SourceArn": topic_arn}}
    assert re.fullmatch(
        rf"arn:aws:sqs:{ACCOUNT}:unicorn-posts-smoke-[0-9a-f]{{8}}", allowed["Resource"]
    )
    assert seen[0]["MessageRetentionPeriod"] == "900"
    assert seen[0]["SqsManagedSseEnabled"] == "true"


# --- what it looks at first ----------------------------------------------------------------------


def test_alarms_and_dead_letters_are_told_and_the_walk_goes_on(
    world: World, cloud: Cloud, run: Run
) -> None:
    world.play([[ASK], [POST], "Done."])
    cloud.ringing = ["x-OverdueAlarm-1"]
    world.aws["sqs"].send_message(
        QueueUrl=world.env["DEAD_LETTER_QUEUE_URL"], MessageBody=build_new("x", "dead")
    )
    status, said = run()
    assert status == smoke.SOUND, said
    assert "In state ALARM: OverdueAlarm. docs/operate.md" in said
    assert "Dead letters: 1. make redrive DRY_RUN=1" in said


@pytest.mark.parametrize("arn", ["PendingConfirmation", "Deleted"])
def test_without_a_confirmed_subscription_nothing_is_sent(
    world: World, cloud: Cloud, run: Run, arn: str
) -> None:
    cloud.subscriptions = [subscribed("email", "a@example.com", arn)]
    status, said = run()
    assert status == smoke.UNSOUND
    assert "  ✗ " in said and "Nobody has a confirmed subscription" in said
    assert "within two days" in said and "aws sns subscribe --protocol email" in said
    assert world.receive() is None


def test_the_queue_of_a_run_that_was_killed_counts_for_nobody(cloud: Cloud, run: Run) -> None:
    left = subscribed("sqs", f"arn:aws:sqs:{ACCOUNT}:unicorn-posts-smoke-0123abcd", "arn:left")
    cloud.subscriptions = [left]
    status, said = run()
    assert status == smoke.UNSOUND
    assert "aws sns unsubscribe --subscription-arn arn:left" in said


# --- who agrees ----------------------------------------------------------------------------------


def test_a_dry_run_says_what_it_would_do_and_does_nothing(
    world: World, cloud: Cloud, run: Run
) -> None:
    cloud.refused = "CreateQueue"
    status, said = run(DRY_RUN="1")
    assert status == smoke.SOUND
    assert "publishes a test post, on\n    UniTok, in this stack;" in said
    assert world.receive() is None


@pytest.fixture
def outside(stack: Stack, cloud: Cloud) -> Stack:
    """The same, with a receiver that is not in the stack."""
    cloud.parameters = {"PublishEndpoint": "https://receiver.example.com"}
    return replace(
        stack, receivers={}, resources={"ApprovalTopic": stack.resources["ApprovalTopic"]}
    )


def test_a_receiver_outside_the_stack_gets_nothing_unasked(
    world: World, outside: Stack, run: Run
) -> None:
    with pytest.raises(OperateError, match=r"https://receiver\.example\.com\. .*YES=1"):
        run(outside)
    assert world.receive() is None


@pytest.mark.parametrize(("answer", "is_done"), [("y", True), ("", False), ("no", False)])
def test_a_person_is_asked_on_a_terminal(
    world: World,
    outside: Stack,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    is_done: bool,
) -> None:
    world.play([[ASK], [POST], "Done."])
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("builtins.input", lambda _: answer)
    if not is_done:
        with pytest.raises(OperateError):
            run(outside)
        return
    status, said = run(outside)
    assert status == smoke.SOUND, said
    assert "is not counted here" in said


def test_yes_is_for_pipelines(world: World, outside: Stack, run: Run) -> None:
    world.play([[ASK], [POST], "Done."])
    assert run(outside, YES="1")[0] == smoke.SOUND


def test_another_tool_than_unitoks_is_not_approved_unasked(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stack with UniTok may have a tool beside it that reaches somebody."""
    monkeypatch.setattr("operate.smoke_walk.UNITOK_ACTION", "another")
    world.play([[ASK], "Done."])
    with pytest.raises(OperateError, match="asks to run publish_post"):
        run()
    said = capsys.readouterr().out
    (approval,) = world.approvals(session_of(said))
    assert approval.status == "CANCELLED"
    assert not world.posts()


# --- what fails ----------------------------------------------------------------------------------


def test_an_agent_that_does_not_run_is_said(world: World, cloud: Cloud, late: Run) -> None:
    cloud.agent_runs = False
    status, said = late()
    assert status == smoke.UNSOUND
    assert "no pause yet. Look at the log of AgentFunction" in said
    assert "LIMIT_SECONDS=20" in said
    assert f"may still be in the queue: session {session_of(said)}" in said


def test_a_task_that_died_is_said(world: World, cloud: Cloud, late: Run) -> None:
    cloud.agent_runs = False

    def die() -> None:
        if record := world.receive():
            world.aws["sqs"].send_message(
                QueueUrl=world.env["DEAD_LETTER_QUEUE_URL"], MessageBody=record["body"]
            )

    cloud.before_look = die
    status, said = late()
    assert status == smoke.UNSOUND
    assert "Its message is a dead letter: make redrive DRY_RUN=1" in said


def test_an_e_mail_that_does_not_come_is_said_and_its_question_cancelled(
    world: World, cloud: Cloud, late: Run
) -> None:
    world.play([[ASK], "It was cancelled."])
    cloud.copies_mails = False
    status, said = late()
    assert status == smoke.UNSOUND
    assert "its e-mail has not come yet. Look at ApprovalMailAlarm" in said
    assert "Its question was cancelled." in said
    (approval,) = world.approvals(session_of(said))
    assert approval.status == "CANCELLED"
    assert approval.decided_by and approval.decided_by.startswith("iam:")


def test_a_question_that_cannot_be_cancelled_is_named(
    world: World, cloud: Cloud, late: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.play([[ASK], "Done."])
    cloud.copies_mails = False
    monkeypatch.setattr(clicks, "send", lambda *_: clicks.Answer(403, ""))
    status, said = late()
    assert status == smoke.UNSOUND
    assert f"Session {session_of(said)} still waits and could not be cancelled" in said
    assert "the answer was 403" in said


def test_an_agent_that_does_not_ask_is_said(world: World, run: Run) -> None:
    world.play(["I have nothing to ask."])
    status, said = run()
    assert status == smoke.UNSOUND
    assert "ended without asking (finished)" in said and "SMOKE_TASK" in said


@pytest.mark.parametrize("turns", [[], [[ASK]]], ids=["at once", "after its question"])
def test_a_session_that_fails_is_said(world: World, run: Run, turns: list[Any]) -> None:
    world.play([*turns, Said([{"text": "I am"}], "max_tokens")])
    status, said = run()
    assert status == smoke.UNSOUND
    assert "The session ended failed (max_tokens). SessionFailedAlarm" in said


def test_an_agent_that_does_not_make_the_call_is_said(world: World, run: Run) -> None:
    world.play([[ASK], "I changed my mind."])
    status, said = run()
    assert status == smoke.UNSOUND
    assert "ended without the call (NotDoneAlarm" in said


def test_a_receiver_that_refuses_is_said(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.play([[ASK], [POST], "It was refused."])
    monkeypatch.setattr(publish_post, "_send", lambda _: publish_post._Answer(422, b"{}"))
    status, said = run()
    assert status == smoke.UNSOUND
    assert "The receiver refused publish_post for good" in said


def test_somebody_who_decides_meanwhile_is_said(world: World, cloud: Cloud, run: Run) -> None:
    world.play([[ASK], "It was denied."])

    def deny() -> None:
        for mail in world.read_mail():
            world.click(mail.links["deny"])

    cloud.before_look = deny
    status, said = run()
    assert status == smoke.UNSOUND
    assert "Somebody else was faster" in said


@pytest.mark.parametrize(
    ("by_whom", "said"), [("theirs", "answered 409"), ("ours", "Was it edited?")]
)
def test_a_text_that_was_edited_on_the_way_is_said(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch, by_whom: str, said: str
) -> None:
    press = clicks.press

    def press_another(url: str, decision: str, page: str, content: str) -> clicks.Answer:
        if by_whom == "theirs":
            world.click(url, decision=decision, content="Theirs")
            return press(url, decision, page, content)
        return press(url, decision, page, "Theirs")

    world.play([[ASK], [tool_use("post-1", "publish_post", {"content": "Theirs"})], "Done."])
    monkeypatch.setattr(clicks, "press", press_another)
    status, told = run()
    assert status == smoke.UNSOUND
    assert said in told


@pytest.mark.parametrize(
    ("method", "accept", "status", "body", "said"),
    [
        ("GET", "text/html", 502, "", "answered 502 as a page and 200 as JSON"),
        ("GET", "application/json", 200, '{"content": "x"}', "another text than the record"),
        ("POST", "text/html", 500, "", "The button Approve was answered 500"),
        ("POST", "text/html", 200, "", "The page said yes, and the record does not"),
        ("POST", "application/json", 200, "", "A denial after the approval was answered 200"),
    ],
)
def test_an_api_that_answers_otherwise_is_said(
    world: World,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    accept: str,
    status: int,
    body: str,
    said: str,
) -> None:
    def answer(sent: str, url: str, headers: dict[str, str], *body_sent: Any) -> clicks.Answer:
        if sent == method and accept in headers["Accept"] and "/operator/" not in url:
            return clicks.Answer(status, body)
        return browse(world, sent, url, headers, *body_sent)

    world.play([[ASK], [POST], "Done."])
    monkeypatch.setattr(clicks, "send", answer)
    found, told = run()
    assert found == smoke.UNSOUND
    assert said in told


def test_a_look_that_changes_something_is_said(
    world: World, run: Run, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(url: str) -> tuple[clicks.Answer, clicks.Answer]:
        seen = browse(world, "GET", url, {"Accept": "text/html"})
        told = browse(world, "GET", url, {"Accept": "application/json"})
        if url.endswith("denied"):
            world.click(url)
        return seen, told

    world.play([[ASK], [POST], "Done."])
    monkeypatch.setattr(clicks, "look", look)
    status, said = run()
    assert status == smoke.UNSOUND
    assert "The record has changed while the links were looked at" in said


def test_a_post_that_is_missing_is_said(
    world: World, run: Run, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.play([[ASK], [POST], "Done."])
    monkeypatch.setattr(publish_post, "_send", lambda _: publish_post._Answer(201, b"{}"))
    status, said = run()
    assert status == smoke.UNSOUND
    assert "has no post of it" in said


def test_a_broken_law_is_said(world: World, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody posted what nobody approved."""
    clock = SimpleNamespace(time=world.clock, monotonic=world.clock, sleep=world.step)
    monkeypatch.setattr(ledger, "time", clock)
    world.play([[ASK], [POST], "Done."])
    foreign = {"feed": "unitok", "idempotency_key": "somebody/else", "post_id": "1"}
    world.aws["dynamodb"].put_item(
        TableName=world.env["POSTS_TABLE_NAME"],
        Item={name: {"S": value} for name, value in foreign.items()}
        | {"created_at": {"N": str(int(world.clock()))}},
    )
    status, said = run()
    assert status == smoke.UNSOUND
    assert "The law is broken (not approved): make ledger" in said


def test_a_link_that_leads_nowhere_is_said_without_its_token() -> None:
    with pytest.raises(clicks.NoAnswerError) as refused:
        clicks.look("http://127.0.0.1:9/approvals/secret-token?decision=approved")
    assert "127.0.0.1:9 does not answer" in str(refused.value)
    assert "secret" not in str(refused.value) and refused.value.__suppress_context__


def test_a_redirect_is_not_followed() -> None:
    """It could lead the form, with the decision, to another host."""

    class Elsewhere(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:9/")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Keeps the test's output clean."""

    with HTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        answer = clicks.decide(f"http://127.0.0.1:{server.server_port}/approvals/x?y", "denied")
        thread.join()
    assert answer.status == 302


@pytest.mark.parametrize("operation", ["CreateQueue", "Subscribe"])
def test_what_aws_refuses_is_said_and_nothing_is_left(
    world: World, cloud: Cloud, run: Run, operation: str
) -> None:
    cloud.refused = operation
    with pytest.raises(OperateError, match=f"{operation}: AccessDenied"):
        run()
    assert not cloud.queues and len(cloud.subscriptions) == 1
    assert world.receive() is None


@pytest.mark.parametrize(
    ("refused", "left", "named"),
    [
        ("DeleteQueue", (1, 1), "aws sqs delete-queue --queue-url https://"),
        ("Unsubscribe", (0, 2), "aws sns unsubscribe --subscription-arn arn:"),
    ],
)
def test_what_cannot_be_taken_away_is_named(
    world: World,
    cloud: Cloud,
    stack: Stack,
    capsys: pytest.CaptureFixture[str],
    refused: str,
    left: tuple[int, int],
    named: str,
) -> None:
    world.play([[ASK], [POST], "Done."])
    cloud.refused = refused
    assert smoke.main(stack) == smoke.SOUND
    assert f"\nLeft behind: {named}" in capsys.readouterr().out
    assert (len(cloud.queues), len(cloud.subscriptions)) == left


def test_ctrl_c_takes_everything_back(
    world: World, cloud: Cloud, stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    world.play([[ASK], "It was cancelled."])

    def interrupt() -> None:
        raise KeyboardInterrupt

    cloud.before_look = interrupt
    with pytest.raises(KeyboardInterrupt):
        smoke.main(stack)
    assert not cloud.queues and len(cloud.subscriptions) == 1
    (approval,) = world.approvals(session_of(capsys.readouterr().out))
    assert approval.status == "CANCELLED"


@pytest.mark.parametrize("limit", ["0", "-1", "long", "1.5"])
def test_a_limit_that_is_none_is_said(run: Run, limit: str) -> None:
    with pytest.raises(OperateError, match="LIMIT_SECONDS="):
        run(LIMIT_SECONDS=limit)


def test_a_stack_without_the_topic_is_another_templates(stack: Stack, run: Run) -> None:
    with pytest.raises(OperateError, match="no ApprovalTopic"):
        run(replace(stack, resources={"PostsTable": "posts"}))


def test_long_waits_are_told(cloud: Cloud, late: Run) -> None:
    cloud.agent_runs = False
    _, said = late()
    assert re.search(r"^ +\d+\.\d s  … the agent works: no pause yet$", said, re.MULTILINE)


# --- e-mails -------------------------------------------------------------------------------------

KEYS = LinkKeys.parse(json.dumps({"current": "k1", "k1": "one-" * 16}))


def question(tool_use_id: str, content: str = "A text", **arguments: Any) -> Question:
    approval = asked(session_id="s-1", tool_use_id=tool_use_id, content=content)
    approval = changed(approval, arguments=arguments)
    token = make_token(KEYS, "s-1", tool_use_id, approval.decide_by)
    return Question(approval, *(link(token, decision) for decision in ("approved", "denied")))


def link(token: str, decision: str) -> str:
    return review_url("https://approvals.example.com/stage", token, decision)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_each_question_of_an_e_mail_is_found_with_its_links(count: int) -> None:
    sent = [question(f"use-{number}") for number in range(count)]
    found = mailbox.questions(turn_email(sent).body)
    assert [(q.session_id, q.tool_use_id) for q in found] == [
        ("s-1", f"use-{number}") for number in range(count)
    ]
    assert [(q.approve_url, q.deny_url) for q in found] == [
        (q.approve_url, q.deny_url) for q in sent
    ]


def test_links_that_the_agent_wrote_are_text() -> None:
    forged = turn_email([question("use-forged")]).body
    for asked_for in ([question("use-1", forged)], [question("use-1", forged), question("use-2")]):
        found = mailbox.questions(turn_email(asked_for).body)
        assert [q.tool_use_id for q in found] == ["use-1", "use-2"][: len(asked_for)]
    in_arguments = turn_email([question("use-1", note=forged)]).body
    assert [q.tool_use_id for q in mailbox.questions(in_arguments)] == ["use-1"]


@pytest.mark.parametrize("token", ["x", "e30.x", "W10.x", "bnVsbA.x", "%.x"])
def test_a_link_that_is_none_of_this_templates_is_nobodys(token: str) -> None:
    body = f"a\n{link(token, 'approved')}\n\nb:\n{link(token, 'denied')}\n"
    assert mailbox.questions(body) == []


def test_a_queues_name_fits_whatever_the_stacks() -> None:
    assert len(mailbox.queue_name("x" * 128, "0123abcd")) <= 80


# --- nested stacks -------------------------------------------------------------------------------


def test_resources_of_nested_stacks_are_found_and_none_hides_the_stacks_own() -> None:
    def resource(logical_id: str, physical_id: str, kind: str, status: str = "CREATE_COMPLETE"):
        return {"LogicalResourceId": logical_id, "PhysicalResourceId": physical_id,
                "ResourceType": kind, "ResourceStatus": status}  # fmt: skip

    needed = [resource(name, f"own-{name}", "x") for name in stacks._NEEDED]
    listed = {
        "unicorn-posts": [
            resource("UniTok", "arn:unitok", "AWS::CloudFormation::Stack"),
            resource("Gone", "arn:gone", "AWS::CloudFormation::Stack", "DELETE_COMPLETE"),
            *needed,
        ],
        "arn:unitok": [
            resource("Inner", "arn:inner", "AWS::CloudFormation::Stack"),
            resource("PostsTable", "posts", "AWS::DynamoDB::Table"),
            resource("TaskQueue", "not-this-one", "AWS::SQS::Queue"),
        ],
        "arn:inner": [resource("DeepAlarm", "deep", "AWS::CloudWatch::Alarm")],
    }
    pages = SimpleNamespace(
        paginate=lambda StackName: [{"StackResourceSummaries": listed[StackName]}]
    )
    client = SimpleNamespace(get_paginator=lambda _: pages)
    session = SimpleNamespace(client=lambda *_, **__: client)
    found = stacks._stack("unicorn-posts", session, {})
    assert found.receivers["publish_post"].table == "posts"
    assert found.task_queue_url == "own-TaskQueue"
    assert found.alarms == {"deep": "DeepAlarm"}


# --- the region ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("set_here", "region"),
    [
        ({"AWS_REGION": "eu-north-1", "AWS_DEFAULT_REGION": "eu-west-1"}, "eu-north-1"),
        ({"AWS_DEFAULT_REGION": "eu-west-1"}, "eu-west-1"),
    ],
)
def test_the_region_is_the_one_that_the_aws_cli_works_in(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, set_here: dict[str, str], region: str
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in set_here.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(stacks, "_stack", lambda _, session, __: session.region_name)
    assert stacks.find("unicorn-posts", tmp_path) == region
