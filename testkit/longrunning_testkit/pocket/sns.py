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
    attributes: dict[str, str] = field(default_factory=dict)


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

    def add(self, subject: str, message: str, at: float, attributes: dict[str, str]) -> None:
        """Publishes, whatever the rate."""
        self.published.append(Published(subject, message, at, attributes=attributes))

    def add_within_rate(
        self, subject: str, message: str, at: float, attributes: dict[str, str]
    ) -> None:
        """Publishes; one e-mail too many in a second deactivates all subscriptions."""
        recent = sum(1 for published in self.published if published.at > at - 1)
        if recent >= MAX_EMAILS_PER_SECOND:
            self.confirmed, self.pending = 0, self.pending + self.confirmed
        self.published.append(Published(subject, message, at, self.confirmed > 0, attributes))


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

    def publish(
        self,
        TopicArn: str,
        Message: str,
        Subject: str = "",
        MessageAttributes: dict[str, dict[str, str]] | None = None,
    ) -> dict[str, Any]:
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
        attributes = {n: value["StringValue"] for n, value in (MessageAttributes or {}).items()}
        add(Subject, Message, self._clock(), attributes)
        number = sum(len(topic.published) for topic in self.topics.values())
        return {"MessageId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{TopicArn}/{number}"))}

    def publish_batch(
        self, TopicArn: str, PublishBatchRequestEntries: list[dict[str, Any]]
    ) -> dict[str, Any]:
        """Publishes several; each is taken or refused by itself."""
        self._topic(TopicArn)
        entries = PublishBatchRequestEntries
        # Source: SNS, "PublishBatch": 1 to 10 entries, ids of their own, 256 KiB together.
        if not 0 < len(entries) <= 10:
            raise AwsError("TooManyEntriesInBatchRequest", "expected 1 to 10 entries")
        if len({entry["Id"] for entry in entries}) < len(entries):
            raise AwsError("BatchEntryIdsNotDistinct", "two entries have one id")
        if sum(len(entry["Message"].encode()) for entry in entries) > MAX_MESSAGE_BYTES:
            raise AwsError("BatchRequestTooLong", "expected at most 262144 bytes")
        answer: dict[str, Any] = {"Successful": [], "Failed": []}
        for entry in entries:
            request = {name: value for name, value in entry.items() if name != "Id"}
            try:
                made = self.publish(TopicArn, **request)
            except AwsError as error:
                answer["Failed"].append(
                    {"Id": entry["Id"], "Code": error.code, "SenderFault": True}
                )
            else:
                answer["Successful"].append({"Id": entry["Id"], **made})
        return answer

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
