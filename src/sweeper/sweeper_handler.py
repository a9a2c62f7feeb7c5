"""The sweeper function: every minute, it looks after the open approvals. `sweeper.py` does it."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.config import Config

from gauges import Subscribers
from longrunning import observability
from longrunning.people import notifications
from longrunning.people.directory import read_people
from longrunning.people.links import LinkKeys
from longrunning.people.notifications import Notifier
from longrunning.people.shared_pace import SharedPace
from longrunning.sessions import read_turn
from longrunning.waits.item import Wait
from longrunning.waits.open_waits import OpenWaits
from sweeper import THREADS, Sweeper

if TYPE_CHECKING:
    from longrunning.people.letters import Letters

STOP_BEFORE_END_SECONDS = 15
"""No item is begun later than this before the function's end."""

_logger = observability.get_logger("sweeper")


@dataclass(frozen=True)
class Resources:
    """Kept between the sweeps of one Lambda environment."""

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
    dynamodb, sqs, secrets = client("dynamodb"), client("sqs"), client("secretsmanager")
    sns = client("sns")

    @cache
    def read_keys() -> LinkKeys:
        secret = secrets.get_secret_value(SecretId=env["LINK_KEYS_SECRET_ARN"])
        return LinkKeys.parse(secret["SecretString"])

    table_name = env["APPROVALS_TABLE_NAME"]
    subscribers = Subscribers(sns, env["APPROVAL_TOPIC_ARN"], env["ESCALATION_TOPIC_ARN"])
    # Two sweeps at a time share it; what a sweep waits for by itself is then over already.
    pace = SharedPace(dynamodb, table_name, "sweepers", time.time, time.sleep)
    client_of_mail = partial(client, config=config.merge(Config(retries={"total_max_attempts": 1})))
    letters = _letters(client_of_mail, pace)
    notifier = Notifier(
        client_of_mail("sns"), env["APPROVAL_BASE_URL"], read_keys, pace, read_people(), letters
    )
    sweeper = Sweeper(
        approvals=OpenWaits(dynamodb, table_name),
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


def _letters(client: Callable[[str], Any], pace: SharedPace) -> "Letters | None":
    """What e-mails people at their own addresses; without MailFrom, SNS does."""
    if not (mail_from := os.environ["MAIL_FROM"]):
        return None
    from longrunning.people.letters import Letters  # Most have no use for it.

    return Letters(client("sesv2"), mail_from, pace, time.time, time.sleep)


def _notify(notifier: Notifier, subscribers: Subscribers, approval: Wait, occasion: str) -> None:
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
    if is_escalation or approval.approvers is None or not notifier.letters:
        subscribers.check(topic_arn)
    notifier.send(topic_arn, [approval], occasion)


def _count_waiting(sqs: Any, queue_url: str) -> int:
    name = "ApproximateNumberOfMessages"
    found = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=[name])
    return int(found["Attributes"][name])
