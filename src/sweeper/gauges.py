"""What the sweep measures, for the alarms and the dashboard."""

from collections.abc import Sequence
from typing import Any

from longrunning.observability import put_metric
from longrunning.open_approvals import OpenEntry

METRIC_OF = {
    "expired": "ApprovalExpired",
    "reminded": "ApprovalReminded",
    "escalated": "ApprovalEscalated",
    "resent": "DecisionResent",
    "closed": "ApprovalClosed",
    "failed": "SweepFailed",
}
"""What may come of one item."""


def measure_open(entries: Sequence[OpenEntry], now: int) -> None:
    """Measures how many approvals are open, and the age of the oldest in seconds."""
    oldest = min((entry.requested_at for entry in entries), default=now)
    put_metric("OpenApprovals", len(entries))
    put_metric("OldestOpenSeconds", now - oldest, "Seconds")


def measure_overdue(seconds: int) -> None:
    """Measures how long past its end an approval is that was just found undecided."""
    put_metric("OverdueSeconds", seconds, "Seconds")


def measure_subscriptions(sns: Any, topic_arn: str) -> None:
    """Measures how many people are subscribed to a topic, and have confirmed it.

    With nobody left, SNS publishes successfully to no one, and nothing else would tell.
    """
    attributes = sns.get_topic_attributes(TopicArn=topic_arn)["Attributes"]
    put_metric("ConfirmedSubscriptions", int(attributes["SubscriptionsConfirmed"]))
