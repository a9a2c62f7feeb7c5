"""The agent function: takes messages from the task queue through the ten steps.

This file arrives and validates, and gives every failure its own end; `worker.py` does the rest.

    bad input     to the dead-letter queue at once, with the reason; never delivered again
    in use        another worker is on it: delivered again when its lease ends
    too early     too many e-mails wait before its own: delivered again when it is due
    fault         delivered again after a backoff, five times, then to the dead-letter queue

It is the only function whose package has binaries. So it alone asks, before it imports one, whether
the package is for what it runs on; the other functions run well on any Python that Lambda has.
"""

from longrunning.built_for import wrong_package

if wrong := wrong_package(__file__):
    raise wrong

import logging
import math
import os
import time
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

import agent_definition
import publish_post
from agent_run import UnsupportedAgentError
from longrunning import links, messages, observability, tracing
from longrunning.approvals import ApprovalStore, LeaseHeldError
from longrunning.messages import MalformedMessageError, NewTask, ToolResults
from longrunning.notifications import Notifier
from longrunning.pace import MAX_AGENTS_UNCOUNTED, MessagePace, Pace, TooEarlyError, Unpaced
from longrunning.sessions import SessionStore
from longrunning.shared_pace import SharedPace
from longrunning.timeouts import Timeouts
from pausing import Pausing
from worker import Delivery, Worker

VISIBILITY_MARGIN_SECONDS = 7
"""A crashed worker's message comes back this long after the function's end, after its lease."""

BACKOFF_SECONDS = (5, 15, 45, 120)
"""By number of deliveries so far; the last one repeats."""

NOT_IN_FLIGHT = (
    "ReceiptHandleIsInvalid",
    "InvalidParameterValue",
    "MessageNotInflight",
    "AWS.SimpleQueueService.MessageNotInflight",
)
"""Source: SQS, "ChangeMessageVisibility": a receipt handle that no delivery holds now."""

MAX_REASON_CHARS = 250

MAX_MESSAGE_BYTES = 1_048_576
"""Of a body with the names, types and values of its attributes. Source: SQS, "Quotas"."""

SECONDS_PER_DAY = 86_400

_CONFIG = Config(connect_timeout=3, read_timeout=10)
_logger = observability.get_logger("agent")


@dataclass(frozen=True)
class Resources:
    """What one Lambda environment keeps between messages."""

    worker: Worker
    sqs: Any
    task_queue_url: str
    dead_letter_queue_url: str
    pace: Pace = field(default_factory=Unpaced)
    """What the e-mails of a message wait for."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Handles an SQS event.

    Args:
        event: `{"Records": [{"messageId", "receiptHandle", "body", "attributes", …}]}`.
        context: Lambda's context; its remaining time bounds the run.

    Returns:
        `{"batchItemFailures": [{"itemIdentifier": message id}]}`: what SQS is to deliver again.

    Source: AWS Lambda, "Handling errors for an SQS event source".
    """
    resources = _resources()
    failed = [r for r in event["Records"] if not _take(r, context, resources)]
    return {"batchItemFailures": [{"itemIdentifier": r["messageId"]} for r in failed]}


def _take(record: dict[str, Any], context: Any, resources: Resources) -> bool:
    """Takes one message through the walk; False has SQS deliver it again."""
    remaining = context.get_remaining_time_in_millis() / 1000
    original_id = _original_message_id(record)
    delivery = Delivery(
        message_id=original_id or record["messageId"],
        receive_count=int(record["attributes"]["ApproximateReceiveCount"]),
        deadline=time.time() + remaining,
        is_redriven=original_id is not None,
    )
    resources.pace.begin(delivery.deadline, is_repeated=delivery.is_repeated)
    come_back_after = partial(_come_back_after, record, resources)
    try:
        come_back_after(remaining + VISIBILITY_MARGIN_SECONDS)
        _walk(record, delivery, resources)
    except (LeaseHeldError, TooEarlyError) as held:
        come_back_after(held.until - time.time() + 1)
        return False
    except Exception as fault:
        _log_fault(fault, delivery)
        come_back_after(BACKOFF_SECONDS[min(delivery.receive_count, len(BACKOFF_SECONDS)) - 1])
        return False
    return True


def _walk(record: dict[str, Any], delivery: Delivery, resources: Resources) -> None:
    """Takes the steps; what can never be understood is a dead letter at once."""
    try:
        match messages.parse(record["body"]):
            case NewTask() as task:
                resources.worker.start(task, delivery)
            case results:
                resources.worker.resume(results, delivery)
                _tell_what_was_too_large(results)
    except (MalformedMessageError, UnsupportedAgentError) as reason:
        _dead_letter(record, str(reason), resources)


def _original_message_id(record: dict[str, Any]) -> str | None:
    """A dead letter that `make redrive` sent anew goes on as the message that it was."""
    attribute = record.get("messageAttributes", {}).get("original_message_id", {})
    original_id = str(attribute.get("stringValue"))
    return original_id if messages.MESSAGE_ID_PATTERN.fullmatch(original_id) else None


def _come_back_after(record: dict[str, Any], resources: Resources, seconds: float) -> None:
    """Says when SQS is to deliver a message again, should this delivery fail."""
    try:
        resources.sqs.change_message_visibility(
            QueueUrl=resources.task_queue_url,
            ReceiptHandle=record["receiptHandle"],
            VisibilityTimeout=max(0, math.ceil(seconds)),
        )
    except ClientError as error:
        # Not on its way any more, or a sample event that never was: the queue's own timeout holds.
        if error.response["Error"]["Code"] not in NOT_IN_FLIGHT:
            raise
        _logger.info("not in flight", extra={"message_id": record["messageId"]})


def _dead_letter(record: dict[str, Any], reason: str, resources: Resources) -> None:
    """Sends the body on with the reason; only then is the message done."""
    body, reason = _fitting(record["body"], reason[:MAX_REASON_CHARS])
    resources.sqs.send_message(
        QueueUrl=resources.dead_letter_queue_url,
        MessageBody=body,
        MessageAttributes={"reason": {"DataType": "String", "StringValue": reason}},
    )
    _logger.warning("rejected", extra={"message_id": record["messageId"], "reason": reason})
    observability.put_metric("MessageRejected")


def _fitting(body: str, reason: str) -> tuple[str, str]:
    """Cuts a body that leaves no room for its reason, which then says so."""
    size = len(body.encode())
    names = len("reason" + "String")
    if size + names + len(reason.encode()) <= MAX_MESSAGE_BYTES:
        return body, reason
    cut = f" (cut here: the body had {size:,} bytes)"
    reason = reason[: MAX_REASON_CHARS - len(cut)] + cut
    room = MAX_MESSAGE_BYTES - names - len(reason.encode())
    return body.encode()[:room].decode(errors="ignore"), reason


def _tell_what_was_too_large(results: ToolResults) -> None:
    """The wait has ended with an error that the model reads; operators read it here."""
    for tool_use_id, size in results.too_large:
        ids = {"session_id": results.session_id, "tool_use_id": tool_use_id}
        _logger.warning("result too large", extra={**ids, "bytes": size})
        observability.put_metric("ResultTooLarge")


def _log_fault(fault: Exception, delivery: Delivery) -> None:
    ids = {"message_id": delivery.message_id, "receive_count": delivery.receive_count}
    facts = observability.facts_of(fault)
    _logger.error("failed, will be delivered again", extra={**facts, **ids})
    observability.put_metric("RunFailed")


@cache
def _resources() -> Resources:
    """Made at the first message, not at import: an image of this process may be started twice."""
    env = os.environ
    observability.configure(env.get("LOG_LEVEL", "INFO"), env["METRICS_NAMESPACE"])
    # Strands quotes tool inputs in its warnings; what matters of them comes back as a fault.
    logging.getLogger("strands").setLevel(logging.CRITICAL)
    if "AWS_XRAY_DAEMON_ADDRESS" in env:
        tracing.enable()
    session = boto3.Session()
    client = partial(session.client, config=_CONFIG)
    sqs, dynamodb, secrets = client("sqs"), client("dynamodb"), client("secretsmanager")
    tools = agent_definition.make_protected_tools(_publisher(session, secrets))
    model = agent_definition.make_model(env["MODEL_ID"], session.region_name)
    pace = _pace(dynamodb)
    sns = client("sns", config=_CONFIG.merge(Config(retries={"total_max_attempts": 1})))
    worker = Worker(
        sessions=SessionStore(
            dynamodb, env["SESSIONS_TABLE_NAME"], client("s3"), env["STATE_BUCKET_NAME"]
        ),
        pausing=Pausing(
            approvals=ApprovalStore(dynamodb, env["APPROVALS_TABLE_NAME"]),
            tools=tools,
            send_email=partial(_notifier(sns, secrets, pace).send, env["APPROVAL_TOPIC_ARN"]),
            timeouts=Timeouts.parse(
                env["DECIDE_WITHIN_SECONDS"], env["REMIND_BEFORE_HOURS"], env["ON_SILENCE"]
            ),
        ),
        make_agent=partial(agent_definition.make_agent, model),
        clock=time.time,
        retention_seconds=int(env["RETENTION_DAYS"]) * SECONDS_PER_DAY,
    )
    return Resources(worker, sqs, env["TASK_QUEUE_URL"], env["DEAD_LETTER_QUEUE_URL"], pace)


def _publisher(session: Any, secrets: Any) -> publish_post.Publish:
    token_arn = os.environ.get("PUBLISH_TOKEN_SECRET_ARN")
    return publish_post.make_publisher(
        os.environ["PUBLISH_ENDPOINT_URL"],
        region=session.region_name,
        credentials=session.get_credentials(),
        read_token=partial(_secret, secrets, token_arn) if token_arn else None,
    )


def _pace(dynamodb: Any) -> Pace:
    """0 stands for a subscriber that takes all there is; `make run` has one."""
    agents = int(os.environ["MAXIMUM_CONCURRENCY"])
    if agents == 0:
        return Unpaced()
    if agents <= MAX_AGENTS_UNCOUNTED:
        return MessagePace(time.time, time.sleep)
    table_name = os.environ["APPROVALS_TABLE_NAME"]
    return SharedPace(dynamodb, table_name, "agents", time.time, time.sleep)


def _notifier(sns: Any, secrets: Any, pace: Pace) -> Notifier:
    """Reads the key of the links at the first e-mail: not every message sends one."""

    @cache
    def read_keys() -> links.LinkKeys:
        return links.LinkKeys.parse(_secret(secrets, os.environ["LINK_KEYS_SECRET_ARN"]))

    return Notifier(sns, os.environ["APPROVAL_BASE_URL"], read_keys, pace)


def _secret(secrets: Any, arn: str) -> str:
    return str(secrets.get_secret_value(SecretId=arn)["SecretString"])
