"""SNS: topics that keep what was published to them, and count their subscriptions."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from longrunning_testkit.pocket.errors import AwsError

MAX_MESSAGE_BYTES = 262_144
MAX_SUBJECT_CHARS = 100
MAX_EMAILS_PER_SECOND = 10
"""Of one subscription. Source: SNS quotas, "Email delivery rate": a hard limit; what goes over it
is deactivated, which is: waits for its confirmation again, and gets nothing meanwhile."""


@dataclass(frozen=True)
class Published:
    """One notification. `at` is in seconds since the epoch."""

    subject: str
    message: str
    at: float
    is_delivered: bool = True
    """False where the e-mail rate was limited, and had deactivated all subscriptions."""


@dataclass
class Topic:
    """What was published, in this order, and how many subscriptions are confirmed.

    All subscriptions are e-mail addresses.
    """

    published: list[Published] = field(default_factory=list)
    confirmed: int = 1
    pending: int = 0

    def busiest_second(self) -> int:
        """Returns the most notifications that were published within any one second."""
        times, first, most = [published.at for published in self.published], 0, 0
        for last, at in enumerate(times):
            while times[first] <= at - 1:
                first += 1
            most = max(most, last - first + 1)
        return most

    def add(self, subject: str, message: str, at: float) -> None:
        """Publishes, whatever the rate."""
        self.published.append(Published(subject, message, at))

    def add_within_rate(self, subject: str, message: str, at: float) -> None:
        """Publishes; one e-mail too many in a second deactivates all subscriptions."""
        recent = sum(1 for published in self.published if published.at > at - 1)
        if recent >= MAX_EMAILS_PER_SECOND:
            self.confirmed, self.pending = 0, self.pending + self.confirmed
        self.published.append(Published(subject, message, at, self.confirmed > 0))


class Sns:
    """All topics, by ARN.

    Attributes:
        limits_emails: Whether more than ten e-mails a second deactivate a subscription. Off, since
            the tests' clock stands still: what takes a minute in production takes no time there.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.topics: dict[str, Topic] = {}
        self.limits_emails = False

    def add_topic(self, name: str) -> str:
        """Adds a topic with one confirmed subscription; returns its ARN."""
        arn = f"arn:aws:sns:eu-west-1:123456789012:{name}"
        self.topics[arn] = Topic()
        return arn

    def publish(self, TopicArn: str, Message: str, Subject: str = "") -> dict[str, Any]:
        topic = self._topic(TopicArn)
        if not Message:
            raise _invalid("Empty message")
        if len(Message.encode()) > MAX_MESSAGE_BYTES:
            raise _invalid("Message too long")
        # Source: SNS, "Publish": ASCII, fewer than 100 characters, no line break or control.
        is_line = Subject.isascii() and Subject.isprintable() and not Subject.startswith(" ")
        if Subject and not (is_line and len(Subject) < MAX_SUBJECT_CHARS):
            raise _invalid("Subject")
        add = topic.add_within_rate if self.limits_emails else topic.add
        add(Subject, Message, self._clock())
        number = sum(len(topic.published) for topic in self.topics.values())
        return {"MessageId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{TopicArn}/{number}"))}

    def get_topic_attributes(self, TopicArn: str) -> dict[str, Any]:
        topic = self._topic(TopicArn)
        counts = {"SubscriptionsConfirmed": topic.confirmed, "SubscriptionsPending": topic.pending}
        named = {name: str(count) for name, count in counts.items()}
        return {"Attributes": {"TopicArn": TopicArn, "SubscriptionsDeleted": "0", **named}}

    def _topic(self, arn: str) -> Topic:
        if arn not in self.topics:
            raise AwsError("NotFound", "Topic does not exist", status=404)
        return self.topics[arn]


def _invalid(what: str) -> AwsError:
    return AwsError("InvalidParameter", f"Invalid parameter: {what}")
