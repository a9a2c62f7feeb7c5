"""Sends plain-text e-mails, one a turn and person, with two links for each question.

A question that nobody is named for goes to everyone who is subscribed to the topic. One that is
asked of people by name goes to each of them with links of their own: by SES to the person's address
where there are `letters`, else by SNS, where the message attribute `approver` holds the person's
id, which each person's subscription selects by its filter policy.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from longrunning.people import emails, links
from longrunning.people.directory import People
from longrunning.people.emails import ASKED as ASKED
from longrunning.people.emails import ESCALATION as ESCALATION
from longrunning.people.emails import MAX_CONTENT_BYTES as MAX_CONTENT_BYTES
from longrunning.people.emails import REMINDER as REMINDER
from longrunning.people.emails import Email as Email
from longrunning.people.emails import Question
from longrunning.people.emails import approval_email as approval_email
from longrunning.people.pace import Pace

if TYPE_CHECKING:
    from longrunning.people.letters import Letters
    from longrunning.waits.item import Wait


APPROVER = "approver"
"""The message attribute that says whom an e-mail is for."""

MAX_BATCH, MAX_BATCH_BYTES = 10, 262_144
"""Source: SNS, "PublishBatch": at most 10 messages, of 256 KiB together."""

ENVELOPE_BYTES = 512
"""More than a subject and an attribute take."""

Entry = tuple[str | None, Email]


class NobodyToAskError(Exception):
    """Fewer of those asked by name are in people.toml than must agree."""


class NotPublishedError(Exception):
    """SNS took some e-mails of a batch and not the others."""


class RefusedEmailError(Exception):
    """SES refuses e-mails to so many of those asked that not enough are left to agree."""


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
    people: People = field(default_factory=dict)
    """Who may be asked by name."""
    letters: "Letters | None" = None
    """What takes an e-mail to one person's address; None: SNS takes all."""

    def send(self, topic_arn: str, approvals: Sequence["Wait"], occasion: str = ASKED) -> None:
        """Publishes one e-mail to everyone who is asked, and to none who has agreed already.

        Args:
            topic_arn: The topic.
            approvals: What waits for a decision: one or more of a turn, in its order.
            occasion: `asked`, `reminder` or `escalation`. An escalation of what is asked by name
                has no links: those who get it were not named.

        Raises:
            TooEarlyError: It may not go out before this message's time is over.
            Exception: It was not published. Nothing is swallowed: nobody waits unnoticed.
        """
        entries = list(self._entries(approvals, occasion))
        if not entries:
            raise NobodyToAskError(NobodyToAskError.__doc__)
        by_ses = [(i, email) for i, email in entries if i is not None and self.letters]
        for batch in _batches(entries[: len(entries) - len(by_ses)]):
            self._publish(topic_arn, batch, approvals[0].key)
        if self.letters and by_ses:
            refused = self.letters.send([(self.people[id_], email) for id_, email in by_ses])
            if not all(self._can_agree(a, refused) for a in approvals if a.approvers is not None):
                raise RefusedEmailError(RefusedEmailError.__doc__)

    def _entries(self, approvals: Sequence["Wait"], occasion: str) -> Iterator[Entry]:
        """Yields the e-mails, each with whom it is for: None, first, for every subscriber."""
        if occasion == ESCALATION and (named := [a for a in approvals if a.approvers is not None]):
            yield None, emails.escalation_email(named, self.people)
            approvals = [a for a in approvals if a.approvers is None]
        asked = [(a, a.to_be_asked) for a in approvals]
        if any(ids and not self._can_agree(a) for a, ids in asked):
            raise NobodyToAskError(NobodyToAskError.__doc__)
        if unnamed := [a for a in approvals if a.approvers is None]:
            yield None, emails.turn_email([self._question(a) for a in unnamed], occasion)
        write = self.letters.write if self.letters else emails.turn_email
        for id_ in dict.fromkeys(id_ for _, ids in asked for id_ in ids):
            if person := self.people.get(id_):  # Or the person has left since.
                mine = [self._question(a, id_) for a, ids in asked if id_ in ids]
                yield id_, write(mine, occasion, person)

    def _can_agree(self, approval: "Wait", refused: Sequence[str] = ()) -> bool:
        """Whether as many of those asked by name are there, and reached, as must agree."""
        left = sum(i in self.people and i not in refused for i in approval.approvers or ())
        return left >= (approval.needed or 1)

    def _publish(self, topic_arn: str, batch: Sequence[Entry], key: str) -> None:
        for is_last_try in (False, True):
            self.pace.wait(key)
            try:
                if len(batch) == 1:
                    self.sns.publish(TopicArn=topic_arn, **_message(*batch[0]))
                    return
                entries = [{"Id": f"{n}", **_message(*e)} for n, e in enumerate(batch)]
                answer = self.sns.publish_batch(
                    TopicArn=topic_arn, PublishBatchRequestEntries=entries
                )
                if not (failed := answer.get("Failed")):
                    return
                batch = [batch[int(one["Id"])] for one in failed]
                if is_last_try:
                    raise NotPublishedError(f"{len(failed)} e-mails: {failed[0]['Code']}")
            except Exception as error:
                if is_last_try or _is_refused(error):
                    raise

    def _question(self, approval: "Wait", person: str | None = None) -> Question:
        token = links.make_token(
            self.read_keys(),
            approval.session_id,
            approval.tool_use_id,
            approval.decide_by,
            person=person,
            flags=flags_of(approval),
        )
        says_yes = "answered" if approval.is_question else "approved"
        return Question(
            approval,
            links.review_url(self.base_url, token, says_yes),
            links.review_url(self.base_url, token, "denied"),
        )


def flags_of(approval: "Wait") -> int:
    """Returns the flags of the links of an approval that is asked of people by name."""
    return (links.VOTES if approval.needed else 0) | (
        links.WANTS_SIGN_IN if approval.sign_in else 0
    )


def _message(person: str | None, email: Email) -> dict[str, Any]:
    """Returns an e-mail as SNS takes it."""
    message = {"Subject": email.subject, "Message": email.body}
    if person is None:
        return message
    return {**message, "MessageAttributes": {
        APPROVER: {"DataType": "String", "StringValue": person}}}  # fmt: skip


def _batches(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Yields as many e-mails at a time as one call takes."""
    batch: list[Entry] = []
    size_bytes = 0
    for entry in entries:
        more_bytes = len(entry[1].body.encode()) + ENVELOPE_BYTES
        if batch and (len(batch) == MAX_BATCH or size_bytes + more_bytes > MAX_BATCH_BYTES):
            yield batch
            batch, size_bytes = [], 0
        batch.append(entry)
        size_bytes += more_bytes
    if batch:
        yield batch


def _is_refused(error: Exception) -> bool:
    """Whether SNS said no; a connection broke, as sleep breaks it, where there is no answer."""
    response = getattr(error, "response", None)
    return response is not None and response["ResponseMetadata"]["HTTPStatusCode"] < 500
