"""The tests' own SNS: how many e-mails a second a subscription takes."""

from typing import Any

import boto3
import pytest
from pocket.sns import Topic

from pocket import Pocket

REGION = "eu-west-1"


@pytest.fixture
def arn(pocket: Pocket) -> str:
    """A topic with one confirmed subscription."""
    return pocket.sns.add_topic("approvals")


@pytest.fixture
def topic(pocket: Pocket, arn: str) -> Topic:
    return pocket.sns.topics[arn]


def publish(arn: str, count: int) -> None:
    sns: Any = boto3.client("sns", region_name=REGION)
    for number in range(count):
        sns.publish(TopicArn=arn, Message=f"{number}")


def attributes(arn: str) -> dict[str, str]:
    sns: Any = boto3.client("sns", region_name=REGION)
    found: dict[str, str] = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    return found


def test_the_busiest_second_is_any_second(pocket: Pocket, arn: str, topic: Topic) -> None:
    assert topic.busiest_second() == 0
    publish(arn, 3)
    pocket.clock.step(0.6)  # type: ignore[attr-defined]
    publish(arn, 2)
    pocket.clock.step(0.6)  # type: ignore[attr-defined]
    publish(arn, 2)
    assert topic.busiest_second() == 5
    assert [p.message for p in topic.published] == ["0", "1", "2", "0", "1", "0", "1"]


def test_more_than_ten_emails_in_a_second_deactivate_a_subscription(
    pocket: Pocket, arn: str, topic: Topic
) -> None:
    pocket.sns.limits_emails = True
    publish(arn, 10)
    assert attributes(arn)["SubscriptionsConfirmed"] == "1"
    publish(arn, 1)
    assert attributes(arn)["SubscriptionsConfirmed"] == "0"
    assert attributes(arn)["SubscriptionsPending"] == "1"
    pocket.clock.step(60)  # type: ignore[attr-defined]
    publish(arn, 1)
    assert [p.is_delivered for p in topic.published] == [True] * 10 + [False] * 2


def test_ten_emails_a_second_are_fine_for_ever(pocket: Pocket, arn: str, topic: Topic) -> None:
    pocket.sns.limits_emails = True
    for _ in range(30):
        publish(arn, 10)
        pocket.clock.step(1)  # type: ignore[attr-defined]
    assert (topic.confirmed, topic.busiest_second()) == (1, 10)
    assert all(published.is_delivered for published in topic.published)


def test_where_the_clock_stands_still_the_rate_is_not_limited(arn: str, topic: Topic) -> None:
    publish(arn, 50)
    assert (topic.confirmed, topic.busiest_second()) == (1, 50)
    assert all(published.is_delivered for published in topic.published)


@pytest.mark.parametrize(
    ("subject", "message", "is_taken"),
    [
        ("x" * 99, "ü" * 131_072, True),
        ("x" * 100, "x", False),
        ("ü", "x", False),
        ("a\nb", "x", False),
        (" x", "x", False),
        ("x", "ü" * 131_072 + "x", False),
        ("x", "", False),
    ],
)
def test_a_notification_is_short_and_its_subject_one_line_of_ascii(
    arn: str, topic: Topic, subject: str, message: str, is_taken: bool
) -> None:
    sns: Any = boto3.client("sns", region_name=REGION)
    if is_taken:
        sns.publish(TopicArn=arn, Subject=subject, Message=message)
    else:
        with pytest.raises(sns.exceptions.InvalidParameterException):
            sns.publish(TopicArn=arn, Subject=subject, Message=message)
    assert len(topic.published) == is_taken
