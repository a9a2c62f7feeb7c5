"""The agent function's handler: three kinds of failure, each with its own end."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError

import agent_handler
import sample_agent
from core_samples import NOW, LogLines, asked, metrics
from longrunning import observability, tracing
from longrunning.agent.deliveries import (
    BACKOFF_SECONDS,
    MAX_MESSAGE_BYTES,
    MAX_REASON_CHARS,
    NOT_IN_FLIGHT,
    VISIBILITY_MARGIN_SECONDS,
    Deliveries,
)
from longrunning.messages import (
    Cancel,
    Look,
    MalformedMessageError,
    NewTask,
    ToolResults,
    build_cancel,
    build_existing,
    build_look,
    build_new,
    tool_result,
)
from longrunning.people.links import LinkKeys, read_token
from longrunning.people.pace import MessagePace, TooEarlyError, Unpaced
from longrunning.people.shared_pace import SharedPace
from longrunning.waits.claims import LeaseHeldError
from longrunning.waits.timeouts import Timeouts

SECRET = "the-draft-that-nobody-may-read-in-a-log"
TASK = build_new(SECRET)
RESULTS = build_existing("s-1", "human_approval", [tool_result("use-1", "success", SECRET)])
REMAINING_SECONDS = 120
SRC = Path(__file__).parents[2] / "src"


def client_error(code: str, operation: str = "ChangeMessageVisibility") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": SECRET}}, operation)


@dataclass
class FakeSqs:
    """Notes what is called, in the same list as the worker; fails as told, by operation."""

    calls: list[tuple[str, Any]]
    failures: dict[str, Exception] = field(default_factory=dict)

    def change_message_visibility(self, **kwargs: Any) -> None:
        self._note("visibility", kwargs)

    def send_message(self, **kwargs: Any) -> None:
        self._note("send", kwargs)

    def _note(self, operation: str, kwargs: dict[str, Any]) -> None:
        self.calls.append((operation, kwargs))
        if operation in self.failures:
            raise self.failures[operation]


@dataclass
class FakeWorker:
    """Notes what it is given; ends with `fails`, if set, which may depend on the message."""

    calls: list[tuple[str, Any]]
    fails: Callable[[str], Exception | None] = lambda _: None

    def start(self, task: Any, delivery: Any) -> None:
        self._note("start", task, delivery)

    def resume(self, results: Any, delivery: Any) -> None:
        self._note("resume", results, delivery)

    def look(self, hint: Any, delivery: Any) -> None:
        self._note("look", hint, delivery)

    def cancel(self, hint: Any) -> None:
        self.calls.append(("cancel", hint))

    def _note(self, name: str, message: Any, delivery: Any) -> None:
        self.calls.append((name, (message, delivery)))
        if failure := self.fails(delivery.message_id):
            raise failure


@dataclass
class Function:
    """The handler with everything around it faked."""

    calls: list[tuple[str, Any]] = field(default_factory=list)
    now: float = NOW + 0.25

    def __post_init__(self) -> None:
        self.sqs, self.worker = FakeSqs(self.calls), FakeWorker(self.calls)

    def deliver(self, body: str = TASK, receive_count: int = 1) -> bool:
        """Delivers one message; tells whether SQS may forget it."""
        return self.deliver_all({"message-1": body}, receive_count) == []

    def deliver_all(self, bodies: dict[str, str], receive_count: int = 1) -> list[str]:
        """Delivers messages in one event; returns the ids that SQS is to deliver again."""
        records = [
            {
                "messageId": message_id,
                "receiptHandle": f"receipt of {message_id}",
                "body": body,
                "attributes": {"ApproximateReceiveCount": str(receive_count)},
            }
            for message_id, body in bodies.items()
        ]
        context = SimpleNamespace(get_remaining_time_in_millis=lambda: REMAINING_SECONDS * 1_000)
        answer = agent_handler.handler({"Records": records}, context)
        assert list(answer) == ["batchItemFailures"]
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def fail_with(self, failure: Exception) -> None:
        self.worker.fails = lambda _: failure

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.calls]

    @property
    def visibility(self) -> list[int]:
        """Seconds after which the message was told to come back, in order."""
        return [call["VisibilityTimeout"] for name, call in self.calls if name == "visibility"]

    @property
    def sent(self) -> list[dict[str, Any]]:
        return [call for name, call in self.calls if name == "send"]


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Function:
    made = Function()
    worker: Any = made.worker
    deliveries = Deliveries(
        worker,
        made.sqs,
        "https://task-queue",
        "https://dead-letter-queue",
        clock=lambda: made.now,
    )
    monkeypatch.setattr(agent_handler, "_resources", lambda: deliveries)
    return made


# --- arrive and validate -------------------------------------------------------------------------


def test_a_new_task_is_started(function: Function) -> None:
    assert function.deliver(TASK)
    name, (task, delivery) = function.calls[1]
    assert (name, task) == ("start", NewTask(SECRET))
    assert (delivery.message_id, delivery.receive_count) == ("message-1", 1)
    assert delivery.deadline == NOW + 0.25 + REMAINING_SECONDS


def test_results_resume_a_session(function: Function) -> None:
    assert function.deliver(RESULTS, receive_count=3)
    name, (results, delivery) = function.calls[1]
    assert name == "resume"
    assert isinstance(results, ToolResults)
    assert (results.session_id, delivery.receive_count) == ("s-1", 3)


def test_a_hint_of_a_source_reaches_what_takes_it(function: Function) -> None:
    assert function.deliver(build_look("run_job", "arn:job"), receive_count=2)
    name, (hint, delivery) = function.calls[1]
    assert (name, hint, delivery.receive_count) == ("look", Look("run_job", "arn:job"), 2)


def test_a_parent_that_gave_up_reaches_its_child(function: Function) -> None:
    assert function.deliver(build_cancel("s-1"))
    assert function.calls[1] == ("cancel", Cancel("s-1"))


def test_before_anything_else_the_message_is_told_when_to_come_back(function: Function) -> None:
    """So that a crashed worker's message is not gone for six times the function's timeout."""
    function.deliver()
    assert function.names == ["visibility", "start"]
    assert function.calls[0][1] == {
        "QueueUrl": "https://task-queue",
        "ReceiptHandle": "receipt of message-1",
        "VisibilityTimeout": REMAINING_SECONDS + VISIBILITY_MARGIN_SECONDS,
    }


def test_each_message_of_an_event_has_its_own_end(function: Function) -> None:
    function.worker.fails = lambda message_id: OSError() if message_id in "bd" else None
    assert function.deliver_all({"a": TASK, "b": TASK, "c": "{}", "d": RESULTS}) == ["b", "d"]
    assert [call["MessageBody"] for call in function.sent] == ["{}"]
    assert function.names.count("start") + function.names.count("resume") == 3


# --- bad input -----------------------------------------------------------------------------------


def test_bad_input_goes_to_the_dead_letter_queue_at_once(
    function: Function, log_lines: LogLines, capsys: pytest.CaptureFixture[str]
) -> None:
    body = json.dumps({"type": "new", "body": {"task": [SECRET]}})
    assert function.deliver(body), "it is done, and never delivered again"
    assert function.names == ["visibility", "send"]
    (letter,) = function.sent
    reason = "body.task: expected a text, got list of 1"
    assert letter == {
        "QueueUrl": "https://dead-letter-queue",
        "MessageBody": body,
        "MessageAttributes": {"reason": {"DataType": "String", "StringValue": reason}},
    }
    (line,) = log_lines.lines
    assert (line["level"], line["message"]) == ("WARNING", "rejected")
    assert (line["message_id"], line["reason"]) == ("message-1", reason)
    assert metrics(capsys.readouterr().out) == {"MessageRejected": 1}


def test_what_the_worker_finds_malformed_is_bad_input_too(
    function: Function, capsys: pytest.CaptureFixture[str]
) -> None:
    function.fail_with(MalformedMessageError("toolUseId: this session has no such tool use"))
    assert function.deliver(RESULTS, receive_count=4)
    (letter,) = function.sent
    assert letter["MessageAttributes"]["reason"]["StringValue"].startswith("toolUseId: ")
    assert metrics(capsys.readouterr().out) == {"MessageRejected": 1}


def test_a_reason_is_cut(function: Function) -> None:
    function.fail_with(MalformedMessageError("x" * 10_000))
    function.deliver()
    reason = function.sent[0]["MessageAttributes"]["reason"]["StringValue"]
    assert reason == "x" * MAX_REASON_CHARS


def test_a_reason_that_says_what_was_cut_is_cut_too(function: Function) -> None:
    function.fail_with(MalformedMessageError("x" * 10_000))
    function.deliver(TASK.ljust(MAX_MESSAGE_BYTES))
    (letter,) = function.sent
    reason = letter["MessageAttributes"]["reason"]["StringValue"]
    said = f" (cut here: the body had {MAX_MESSAGE_BYTES:,} bytes)"
    assert reason == "x" * (MAX_REASON_CHARS - len(said)) + said
    assert letter["MessageBody"] == TASK.ljust(MAX_MESSAGE_BYTES - len("reasonString" + reason))


@pytest.mark.parametrize(
    "failure",
    [
        client_error("ServiceUnavailable", "SendMessage"),
        client_error("InvalidParameterValue", "SendMessage"),
        client_error("InvalidMessageContents", "SendMessage"),
        client_error("AccessDenied", "SendMessage"),
        EndpointConnectionError(endpoint_url="https://sqs"),
    ],
)
def test_what_could_not_be_sent_on_is_not_forgotten(
    function: Function, log_lines: LogLines, failure: Exception
) -> None:
    """It comes back; after five deliveries SQS itself makes a dead letter of it."""
    function.sqs.failures["send"] = failure
    assert not function.deliver("{}")
    assert log_lines.messages == ["failed, will be delivered again"]


# --- in use --------------------------------------------------------------------------------------


def test_a_message_in_use_comes_back_when_the_lease_ends(
    function: Function, log_lines: LogLines, capsys: pytest.CaptureFixture[str]
) -> None:
    function.fail_with(LeaseHeldError(NOW + 60))
    assert not function.deliver(RESULTS)
    assert function.names == ["visibility", "resume", "visibility"]
    assert 60 <= function.visibility[-1] <= 62
    assert function.sent == []
    assert (log_lines.text, capsys.readouterr().out) == ("", ""), "no fault"


@pytest.mark.parametrize("fraction", [0.0, 0.001, 0.5, 0.999])
def test_a_lease_costs_one_receive(function: Function, fraction: float) -> None:
    """A claim needs a whole second past the lease; back a moment early, it would go round at full
    speed, and five receives are all there are before the dead-letter queue."""
    function.now = NOW + fraction
    function.fail_with(LeaseHeldError(NOW + 60))
    function.deliver(RESULTS)
    assert int(NOW + fraction + function.visibility[-1]) > NOW + 60


def test_a_lease_that_ended_meanwhile_is_no_negative_timeout(function: Function) -> None:
    function.fail_with(LeaseHeldError(NOW - 60))
    assert not function.deliver(RESULTS)
    assert function.visibility[-1] == 0


def test_an_e_mail_that_must_wait_comes_back_when_it_is_due_and_is_no_fault(
    function: Function, capsys: pytest.CaptureFixture[str]
) -> None:
    function.fail_with(TooEarlyError(NOW + 300))
    assert not function.deliver()
    assert function.visibility[-1] == 301
    assert metrics(capsys.readouterr().out) == {}


@pytest.mark.parametrize(
    ("agents", "pace"),
    [("0", Unpaced), ("2", MessagePace), ("5", MessagePace), ("6", SharedPace), ("9", SharedPace)],
)
def test_more_than_five_agents_share_the_pace_of_their_e_mails(
    session: "FakeSession", monkeypatch: pytest.MonkeyPatch, agents: str, pace: type
) -> None:
    monkeypatch.setenv("MAXIMUM_CONCURRENCY", agents)
    assert type(agent_handler._resources().pace) is pace


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has each client made where it is named, not at its first call."""

    def client(session: Any, service: str, config: Any = agent_handler._CONFIG) -> Any:
        return session.client(service, config=config)

    monkeypatch.setattr(agent_handler, "_Client", client)


@pytest.mark.usefixtures("eager")
def test_no_call_to_sns_is_repeated_behind_the_back_of_the_pace(session: "FakeSession") -> None:
    agent_handler._resources()
    assert session.tries["sns"]["total_max_attempts"] == 1
    assert session.tries["dynamodb"] is None


# --- faults --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("receive_count", "seconds"), [(1, 5), (2, 15), (3, 45), (4, 120), (5, 120), (40, 120)]
)
def test_a_fault_comes_back_after_a_backoff(
    function: Function, receive_count: int, seconds: int
) -> None:
    function.fail_with(RuntimeError("boom"))
    assert not function.deliver(receive_count=receive_count)
    assert function.names == ["visibility", "start", "visibility"]
    assert function.visibility[-1] == seconds
    assert function.sent == []
    assert list(BACKOFF_SECONDS) == sorted(BACKOFF_SECONDS)


def test_a_fault_is_logged_and_counted_without_its_message(
    function: Function, log_lines: LogLines, capsys: pytest.CaptureFixture[str]
) -> None:
    function.fail_with(client_error("ThrottlingException", "ConverseStream"))
    function.deliver(receive_count=2)
    (line,) = log_lines.lines
    assert (line["level"], line["error"]) == ("ERROR", "ClientError")
    assert (line["code"], line["message_id"]) == ("ThrottlingException", "message-1")
    assert line["receive_count"] == 2
    assert any("deliveries.py" in frame for frame in line["where"])
    output = capsys.readouterr().out
    assert metrics(output) == {"RunFailed": 1}
    assert SECRET not in log_lines.text + output


def wrapped(cause: Exception) -> Exception:
    """As Strands wraps what its model raised."""
    error = RuntimeError(SECRET)
    error.__cause__ = cause
    return error


def in_a_circle() -> Exception:
    """As `raise error from error` leaves it."""
    error = ValueError(SECRET)
    error.__cause__ = error
    return error


class ProviderError(Exception):
    """As other providers' clients raise it: `response` is an object of theirs, or None."""

    response: Any = SimpleNamespace(status_code=429)


@pytest.mark.parametrize(
    ("failure", "cause", "code"),
    [
        (wrapped(client_error("AccessDenied")), "ClientError", "AccessDenied"),
        (wrapped(wrapped(TimeoutError())), "TimeoutError", None),
        (in_a_circle(), "ValueError", None),
        (ProviderError(), "ProviderError", None),
    ],
    ids=["wrapped", "wrapped twice", "in a circle", "another provider's"],
)
def test_a_fault_is_logged_with_its_first_cause(
    function: Function, log_lines: LogLines, failure: Exception, cause: str, code: str | None
) -> None:
    function.fail_with(failure)
    assert not function.deliver()
    assert function.visibility[-1] == BACKOFF_SECONDS[0]
    (line,) = log_lines.lines
    assert (line["error"], line["cause"]) == (type(failure).__name__, cause)
    assert line["code"] == code
    assert SECRET not in log_lines.text


def quoting_failure() -> Exception:
    """An exception that quotes the conversation, and so does what caused it."""
    try:
        try:
            raise KeyError(SECRET)
        except KeyError as cause:
            raise ValueError(f"invalid content: {SECRET}") from cause
    except ValueError as error:
        return error


@pytest.mark.parametrize("body", [TASK, RESULTS, SECRET, TASK[:-2], json.dumps({"x": SECRET})])
@pytest.mark.parametrize("failure", [None, quoting_failure(), MalformedMessageError("x: bad")])
def test_no_log_line_and_no_metric_holds_a_message_or_what_an_exception_says(
    function: Function,
    log_lines: LogLines,
    capsys: pytest.CaptureFixture[str],
    body: str,
    failure: Exception | None,
) -> None:
    function.worker.fails = lambda _: failure
    function.deliver(body)
    captured = capsys.readouterr()
    assert SECRET not in log_lines.text + captured.out + captured.err
    assert SECRET not in json.dumps([call["MessageAttributes"] for call in function.sent])


@pytest.mark.parametrize("code", NOT_IN_FLIGHT)
def test_a_sample_event_that_was_never_on_a_queue_is_handled(
    function: Function, log_lines: LogLines, code: str
) -> None:
    function.sqs.failures["visibility"] = client_error(code)
    assert function.deliver()
    assert function.names == ["visibility", "start"]
    assert log_lines.messages == ["not in flight"]


@pytest.mark.parametrize(
    "failure",
    [client_error("AccessDenied"), EndpointConnectionError(endpoint_url="https://sqs")],
)
def test_a_visibility_that_cannot_be_set_starts_nothing(
    function: Function, failure: Exception
) -> None:
    """Without it a crash would be noticed after six timeouts: a fault, and it propagates."""
    function.sqs.failures["visibility"] = failure
    with pytest.raises(type(failure)):
        function.deliver()
    assert "start" not in function.names


# --- made at the first event ---------------------------------------------------------------------

ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "SESSIONS_TABLE_NAME": "sessions",
    "APPROVALS_TABLE_NAME": "approvals",
    "STATE_BUCKET_NAME": "bucket",
    "TASK_QUEUE_URL": "https://task-queue",
    "DEAD_LETTER_QUEUE_URL": "https://dead-letter-queue",
    "APPROVAL_TOPIC_ARN": "arn:topic",
    "MAIL_FROM": "",
    "LINK_KEYS_SECRET_ARN": "arn:link-keys",
    "APPROVAL_BASE_URL": "https://approvals.example.com",
    "DECIDE_WITHIN_SECONDS": "3600",
    "REMIND_BEFORE_HOURS": "half",
    "ON_SILENCE": "deny",
    "RETENTION_DAYS": "90",
    "MAXIMUM_CONCURRENCY": "0",
    "MODEL_ID": "scripted",
    "PUBLISH_ENDPOINT_URL": "https://receiver.example.com",
    "PUBLISH_TOKEN_SECRET_ARN": "",
    "METRICS_NAMESPACE": "test-stack",
}
KEYS = json.dumps({"current": "k1", "k1": "a-key-for-tests-of-forty-eight-characters-length"})
DEFAULTS = Config()


@dataclass
class FakeSession:
    """A boto3 session whose clients answer for every secret and note what is called."""

    calls: list[tuple[str, Any]] = field(default_factory=list)
    tries: dict[str, Any] = field(default_factory=dict)
    timeouts: list[tuple[str, int, int]] = field(default_factory=list)
    """Service, and how many seconds its client waits for a connection and for an answer."""
    region_name: str = "eu-west-1"

    def client(self, service: str, config: Any = DEFAULTS) -> Any:
        self.calls.append(("client", service))
        self.tries[service] = config.retries
        self.timeouts.append((service, config.connect_timeout, config.read_timeout))
        return SimpleNamespace(get_secret_value=self._secret, publish=self._publish)

    def get_credentials(self) -> Any:
        return SimpleNamespace()

    def _secret(self, SecretId: str) -> dict[str, str]:
        self.calls.append(("secret", SecretId))
        return {"SecretString": KEYS}

    def _publish(self, **mail: str) -> None:
        self.calls.append(("publish", mail))

    def named(self, name: str) -> list[Any]:
        return [what for called, what in self.calls if called == name]


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSession]:
    made = FakeSession()
    monkeypatch.setattr(agent_handler.boto3, "Session", lambda: made)
    monkeypatch.setattr(agent_handler, "agent_definition", sample_agent)
    for module, name in ((observability, "configure"), (tracing, "enable")):
        note = partial(lambda name, *args: made.calls.append((name, args)), name)
        monkeypatch.setattr(module, name, note)
    for name in (*ENVIRONMENT, "LOG_LEVEL", "AWS_XRAY_DAEMON_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    agent_handler._resources.cache_clear()
    yield made
    agent_handler._resources.cache_clear()


def test_importing_the_module_takes_no_environment_and_makes_nothing() -> None:
    roots = [SRC / "layer" / "python", SRC / "agent"]
    code = "import agent_handler as h; print(h._resources.cache_info().currsize)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": os.pathsep.join(map(str, roots))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr


@pytest.mark.usefixtures("eager")
def test_everything_is_made_once_and_from_the_environment(session: FakeSession) -> None:
    made = agent_handler._resources()
    assert agent_handler._resources() is made
    needed = ["dynamodb", "s3", "secretsmanager", "sns", "sqs"]
    assert sorted(session.named("client")) == sorted(needed)
    slow = [service for service, *seconds in session.timeouts if seconds != [3, 10]]
    assert slow == [], "the run would end before such a call does"
    assert (made.task_queue_url, made.dead_letter_queue_url) == (
        "https://task-queue",
        "https://dead-letter-queue",
    )
    assert made.worker.retention_seconds == 90 * 86_400
    assert made.worker.asking.timeouts == Timeouts(3_600, None, "deny")
    agent = made.worker.agents.named(None)
    assert [tool.name for tool in agent.protected_tools] == ["publish_post"]
    assert session.named("configure") == [("INFO", "test-stack")]


@pytest.mark.parametrize(("variables", "times"), [({}, 0), ({"AWS_XRAY_DAEMON_ADDRESS": "x"}, 1)])
def test_traces_are_on_only_where_a_daemon_is(
    session: FakeSession, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], times: int
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    agent_handler._resources()
    assert len(session.named("enable")) == times


def test_an_incomplete_environment_is_tried_again(
    session: FakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STATE_BUCKET_NAME")
    with pytest.raises(KeyError, match="STATE_BUCKET_NAME"):
        agent_handler._resources()
    monkeypatch.setenv("STATE_BUCKET_NAME", "bucket")
    assert agent_handler._resources()


def test_the_link_keys_are_read_once_and_only_when_somebody_is_asked(session: FakeSession) -> None:
    send_email = agent_handler._resources().worker.asking.send_email
    assert session.named("secret") == []
    send_email([asked()])
    send_email([asked(tool_use_id="use-2")])
    assert session.named("secret") == ["arn:link-keys"]


def test_the_e_mail_carries_two_links_of_its_approval(session: FakeSession) -> None:
    agent_handler._resources().worker.asking.send_email([asked()])
    (mail,) = session.named("publish")
    assert mail["TopicArn"] == "arn:topic"
    assert mail["Subject"].startswith("Approval needed")
    links = [line for line in mail["Message"].splitlines() if line.startswith("https://")]
    assert [link.partition("?")[2] for link in links] == ["decision=approved", "decision=denied"]
    token = links[0].partition("?")[0].removeprefix("https://approvals.example.com/approvals/")
    link = read_token(LinkKeys.parse(KEYS), token)
    assert (link.session_id, link.tool_use_id) == (asked().session_id, asked().tool_use_id)
    assert link.expires_at == asked().decide_by
