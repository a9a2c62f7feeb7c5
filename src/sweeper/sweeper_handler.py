"""The sweeper function: every minute, it looks after the open approvals. `sweeper.py` does it."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import botocore.session
from botocore.config import Config

from gauges import Subscribers
from longrunning import notifications, observability
from longrunning.approval_item import Approval
from longrunning.links import LinkKeys
from longrunning.notifications import Notifier
from longrunning.open_approvals import OpenApprovals
from longrunning.sessions import read_turn
from sweeper import THREADS, Sweeper

STOP_BEFORE_END_SECONDS = 15
"""No item is begun later than this before the function's end."""

_logger = observability.get_logger("sweeper")


@dataclass(frozen=True)
class Resources:
    """What one Lambda environment keeps between sweeps."""

    sweeper: Sweeper
    measure_subscriptions: Callable[[], None]


def handler(event: Any, context: Any) -> dict[str, int]:
    """Handles one event of the schedule, whatever it holds.

    Returns:
        `{"looked_at": 3, "expired": 1, "reminded": 0, "escalated": 0, "resent": 1, "closed": 0,
        "failed": 0}`: numbers of open approvals.
    """
    resources = _resources()
    seconds_left = context.get_remaining_time_in_millis() / 1000 - STOP_BEFORE_END_SECONDS
    deadline = time.time() + seconds_left  # Before a slow topic takes its part of that.
    resources.measure_subscriptions()
    swept = resources.sweeper.sweep(deadline)
    if swept["looked_at"]:
        _logger.info("swept", extra=swept)
    return swept


@cache
def _resources() -> Resources:
    """Reads the environment and makes the clients, at the first event."""
    env = os.environ
    observability.configure(env.get("LOG_LEVEL", "INFO"), env["METRICS_NAMESPACE"])
    session = botocore.session.get_session()
    retries = {"total_max_attempts": 3}
    config = Config(
        connect_timeout=1, read_timeout=3, retries=retries, max_pool_connections=THREADS
    )
    client = partial(session.create_client, config=config)
    dynamodb, sqs, sns = client("dynamodb"), client("sqs"), client("sns")
    secrets = client("secretsmanager")

    @cache
    def read_keys() -> LinkKeys:
        secret = secrets.get_secret_value(SecretId=env["LINK_KEYS_SECRET_ARN"])
        return LinkKeys.parse(secret["SecretString"])

    subscribers = Subscribers(sns, env["APPROVAL_TOPIC_ARN"], env["ESCALATION_TOPIC_ARN"])
    notifier = Notifier(sns, env["APPROVAL_BASE_URL"], read_keys)
    sweeper = Sweeper(
        approvals=OpenApprovals(dynamodb, env["APPROVALS_TABLE_NAME"]),
        read_turn=partial(read_turn, dynamodb, env["SESSIONS_TABLE_NAME"]),
        notify=partial(_notify, notifier, subscribers),
        send_message=lambda body: sqs.send_message(
            QueueUrl=env["TASK_QUEUE_URL"], MessageBody=body
        ),
        clock=time.time,
        sleep=time.sleep,
        count_waiting=partial(_count_waiting, sqs, env["TASK_QUEUE_URL"]),
    )
    return Resources(sweeper, subscribers.measure)


def _notify(
    notifier: Notifier, subscribers: Subscribers, approval: Approval, occasion: str
) -> None:
    """A reminder goes to those asked first, an escalation to the second topic.

    Where there is no second topic any more, those asked first are reminded in its place.

    Raises:
        NobodySubscribedError: It would reach nobody.
    """
    escalation_topic_arn = os.environ["ESCALATION_TOPIC_ARN"]
    if occasion == notifications.ESCALATION and not escalation_topic_arn:
        occasion = notifications.REMINDER
    is_escalation = occasion == notifications.ESCALATION
    topic_arn = escalation_topic_arn if is_escalation else os.environ["APPROVAL_TOPIC_ARN"]
    subscribers.check(topic_arn)
    notifier.send(topic_arn, approval, occasion)


def _count_waiting(sqs: Any, queue_url: str) -> int:
    name = "ApproximateNumberOfMessages"
    found = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=[name])
    return int(found["Attributes"][name])
