"""Sends the approver one plain-text e-mail a turn, with two links for each question."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from longrunning.people import emails, links
from longrunning.people.emails import ASKED as ASKED
from longrunning.people.emails import ESCALATION as ESCALATION
from longrunning.people.emails import MAX_CONTENT_BYTES as MAX_CONTENT_BYTES
from longrunning.people.emails import REMINDER as REMINDER
from longrunning.people.emails import Email as Email
from longrunning.people.emails import Question
from longrunning.people.emails import approval_email as approval_email
from longrunning.people.pace import Pace

if TYPE_CHECKING:
    from longrunning.waits.item import Wait


@dataclass(frozen=True)
class Notifier:
    """Sends what asks for a decision; the same links each time, however often it is sent."""

    sns: Any
    """A low-level SNS client that tries a call once: its own repeats would be e-mails too soon."""
    base_url: str
    """The approval API, where the links lead."""
    read_keys: Callable[[], links.LinkKeys]
    pace: Pace
    """Has each e-mail wait for its turn."""

    def send(self, topic_arn: str, approvals: Sequence["Wait"], occasion: str = ASKED) -> None:
        """Publishes one e-mail to everyone who is subscribed to a topic.

        Args:
            topic_arn: The topic.
            approvals: What waits for a decision: one or more of a turn, in its order.
            occasion: `asked`, `reminder` or `escalation`.

        Raises:
            TooEarlyError: It may not go out before this message's time is over.
            Exception: It was not published. Nothing is swallowed: nobody waits unnoticed.
        """
        email = emails.turn_email([self._question(a) for a in approvals], occasion)
        for is_last_try in (False, True):
            self.pace.wait(approvals[0].key)
            try:
                self.sns.publish(TopicArn=topic_arn, Subject=email.subject, Message=email.body)
                return
            except Exception as error:
                if is_last_try or _is_refused(error):
                    raise

    def _question(self, approval: "Wait") -> Question:
        token = links.make_token(
            self.read_keys(), approval.session_id, approval.tool_use_id, approval.decide_by
        )
        return Question(
            approval,
            links.review_url(self.base_url, token, "approved"),
            links.review_url(self.base_url, token, "denied"),
        )


def _is_refused(error: Exception) -> bool:
    """Whether SNS said no; a connection broke, as sleep breaks it, where there is no answer."""
    response = getattr(error, "response", None)
    return response is not None and response["ResponseMetadata"]["HTTPStatusCode"] < 500
