"""One start of a function, with all that it asks for answered on 127.0.0.1."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bedrock_stand_in import BedrockStandIn
from benchmarks.cold_start.places import ROOT, Place
from benchmarks.cold_start.runtime_api import RuntimeApi, StartError
from converse_stand_in import tool_use

VARIABLES = {
    "AWS_ACCESS_KEY_ID": "measured",
    "AWS_SECRET_ACCESS_KEY": "measured",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_LAMBDA_FUNCTION_NAME": "measured",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
    "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
    "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
    "METRICS_NAMESPACE": "measured",
    "TASK_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/measured-tasks",
    "DEAD_LETTER_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/measured-dead",
    "SESSIONS_TABLE_NAME": "measured-sessions",
    "APPROVALS_TABLE_NAME": "measured-approvals",
    "POSTS_TABLE_NAME": "measured-posts",
    "STATE_BUCKET_NAME": "measured-state",
    "RETENTION_DAYS": "30",
    "MAXIMUM_CONCURRENCY": "0",
    "APPROVAL_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:measured",
    "MAIL_FROM": "",
    "ESCALATION_TOPIC_ARN": "",
    "APPROVAL_BASE_URL": "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com",
    "LINK_KEYS_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:measured",
    "DECIDE_WITHIN_SECONDS": "86400",
    "REMIND_BEFORE_HOURS": "half",
    "ON_SILENCE": "deny",
    "PUBLISH_ENDPOINT_URL": "https://f6g7h8i9j0.execute-api.us-east-1.amazonaws.com",
    "PUBLISH_TOKEN_SECRET_ARN": "",
}
"""As the template and Lambda give them."""


@dataclass(frozen=True)
class Function:
    """A function, its first event, and the handler of its bare minimum."""

    name: str
    handler: str
    event: str
    """Of the folder `events`, without its ending."""
    right: Mapping[str, Any]
    """What its answer must hold."""
    bare: str = "bare_botocore.handler"
    model_id: str = "scripted"

    @property
    def package(self) -> str:
        """The folder of its package."""
        return f"{self.name.partition(',')[0]}Function"

    def read_event(self) -> Any:
        """Reads the event."""
        return json.loads((ROOT / "events" / f"{self.event}.json").read_text(encoding="utf-8"))


AGENT = Function(
    "Agent",
    "agent_handler.handler",
    "sqs/new_task_with_session_id",
    {"batchItemFailures": []},
    bare="bare_strands.handler",
)
WITH_BEDROCK = replace(
    AGENT, name="Agent, Bedrock model", model_id="us.anthropic.claude-sonnet-4-20250514-v1:0"
)

APPROVAL = Function(
    "Approval", "approval_handler.handler", "approval_api/get_json", {"statusCode": 200}
)
"""The sample link is for the sample task, which the agent has just asked about."""

EMPTY = replace(APPROVAL, handler="empty.handler", right={})

FUNCTIONS = (
    WITH_BEDROCK,
    AGENT,
    APPROVAL,
    Function("Sweeper", "sweeper_handler.handler", "sweeper/every_minute", {"failed": 0}),
    Function("Operator", "operator_handler.handler", "operator_api/list", {"statusCode": 200}),
    Function("UniTok", "unitok_handler.handler", "unitok_api/list", {"statusCode": 200}),
)

POST = (
    "Meet our new blue unicorn! Rides every Saturday over meadows and along the lake, and the "
    "first hour is free. Book at Unicorn Rentals."
)


@dataclass(frozen=True)
class Start:
    """Milliseconds of one start."""

    first_line_cpu: float
    first_line: float
    answer_cpu: float
    answer: float


@contextmanager
def bedrock() -> Iterator[BedrockStandIn]:
    """Serves a model that asks for approval, as the scripted one does in its first answer."""
    asks = tool_use("tooluse_0123456789abcdefghijkl", "human_approval", {"content": POST})
    keys = {VARIABLES["AWS_ACCESS_KEY_ID"]: VARIABLES["AWS_SECRET_ACCESS_KEY"]}
    stand_in = BedrockStandIn(lambda _: [asks], keys)
    try:
        yield stand_in
    finally:
        stand_in.close()


def start(
    place: Place,
    function: Function,
    handler: str,
    right: Mapping[str, Any],
    endpoints: Mapping[str, str],
    folder: Path,
) -> Start:
    """Starts a function with one of its handlers, and returns how long it took.

    Args:
        place: Where.
        function: Whose package and event.
        handler: The real one, or a bare minimum.
        right: What its answer must hold.
        endpoints: Variables that lead to the stand-ins.
        folder: For its notes.

    Raises:
        StartError: It did not start, or its answer is another.
    """
    notes = folder / "notes"
    notes.unlink(missing_ok=True)
    api = RuntimeApi(function.read_event())
    with api.serving() as address:
        variables = {
            **VARIABLES,
            **endpoints,
            "AWS_LAMBDA_RUNTIME_API": address,
            "MODEL_ID": function.model_id,
            "REAL_HANDLER": handler,
        }
        started = place.start(function.package, variables, notes)
        try:
            answer = api.answer()
        except BaseException as error:
            error.add_note(f"{function.name}, {handler}:\n{started.end()}")
            raise
        output = started.end()
    if any(answer.document.get(name) != value for name, value in right.items()):
        raise StartError(f"{function.name}: {answer.document}\n{output}")
    (line_at, line_cpu, began), (_, answer_cpu, _) = _notes(notes)
    began = started.at or began
    return Start(
        line_cpu * 1000, (line_at - began) * 1000, answer_cpu * 1000, (answer.at - began) * 1000
    )


def _notes(path: Path) -> Iterator[tuple[float, ...]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        yield tuple(map(float, line.split()))
