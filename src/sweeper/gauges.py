"""Measures what the alarms and the dashboard show, where there is something to show.

CloudWatch bills a metric by the hours in which it is written: an idle stack writes none.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from longrunning.observability import facts_of, get_logger, put_metric
from longrunning.waits.open_waits import OpenEntry

METRIC_OF = {
    "expired": "ApprovalExpired",
    "reminded": "ApprovalReminded",
    "escalated": "ApprovalEscalated",
    "resent": "DecisionResent",
    "closed": "ApprovalClosed",
    "looked": "SourceLookedAt",
    "failed": "SweepFailed",
}
"""The metric of each thing that may come of one item."""

_logger = get_logger("sweeper")


class NobodySubscribedError(Exception):
    """Expected a confirmed subscription to the topic: what is sent to it reaches nobody."""


@dataclass(frozen=True)
class Subscribers:
    """Who would get what is sent to a topic: its confirmed subscriptions.

    With nobody left, SNS publishes successfully to no one, and nothing else would tell.
    """

    sns: Any
    """A low-level SNS client."""
    approval_topic_arn: str
    escalation_topic_arn: str
    """Empty: nobody is asked in escalation."""
    _confirmed: dict[str, int] = field(default_factory=dict)

    def measure(self) -> None:
        """Says where nobody is left. A topic that cannot be read is a failure of the sweep."""
        if self._read(self.approval_topic_arn) == 0:
            put_metric("ConfirmedSubscriptions", 0)
        if self._read(self.escalation_topic_arn) == 0:
            put_metric("ConfirmedEscalationSubscriptions", 0)

    def check(self, topic_arn: str) -> None:
        """Checks that somebody gets what is sent to a topic, as far as that is known.

        Raises:
            NobodySubscribedError: At the last look nobody had confirmed it.
        """
        if self._confirmed.get(topic_arn) == 0:
            raise NobodySubscribedError(NobodySubscribedError.__doc__)

    def _read(self, topic_arn: str) -> int | None:
        self._confirmed.pop(topic_arn, None)
        if not topic_arn:
            return None
        try:
            attributes = self.sns.get_topic_attributes(TopicArn=topic_arn)["Attributes"]
            self._confirmed[topic_arn] = int(attributes["SubscriptionsConfirmed"])
        except Exception as error:  # The sweep must not wait for it.
            _logger.error("topic not read", extra=facts_of(error))
            put_metric(METRIC_OF["failed"])
        return self._confirmed.get(topic_arn)


def measure_open(entries: Sequence[OpenEntry], now: int) -> None:
    """Measures how many approvals are open, and the age of the oldest in seconds."""
    if entries:
        put_metric("OpenApprovals", len(entries))
        oldest = min(entry.requested_at for entry in entries)
        put_metric("OldestOpenSeconds", now - oldest, "Seconds")


def measure_overdue(seconds: int) -> None:
    """Measures how long past its end an approval is that was just found undecided."""
    put_metric("OverdueSeconds", seconds, "Seconds")


def note_failure(error: Exception, **ids: str) -> None:
    """Logs and counts what could not be done; what it was is looked at again."""
    _logger.error("failed, looked at again", extra={**facts_of(error), **ids})
    put_metric(METRIC_OF["failed"])
