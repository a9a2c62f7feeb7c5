"""SNS: topics that keep what was published to them, and count their subscriptions."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pocket.errors import AwsError

MAX_MESSAGE_BYTES = 262_144
MAX_SUBJECT_CHARS = 100


@dataclass(frozen=True)
class Published:
    """One notification. `at` is in seconds since the epoch."""

    subject: str
    message: str
    at: float


@dataclass
class Topic:
    """What was published, and how many subscriptions its receivers have confirmed."""

    published: list[Published] = field(default_factory=list)
    confirmed: int = 1
    pending: int = 0


class Sns:
    """All topics, by ARN."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.topics: dict[str, Topic] = {}

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
        topic.published.append(Published(Subject, Message, self._clock()))
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
