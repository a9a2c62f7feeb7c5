"""The mailbox: what the topics send to approvers, kept in memory.

ministack only logs an e-mail subscription, so a queue of our own subscribes beside it. What SES
sends to people, where there is a MAIL_FROM, is read as well.
"""

import json
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from http.client import HTTPException
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.emulator import Emulator

QUEUE_NAME = "local-mailbox"
_POLL_SECONDS = 5
_LOOK_SECONDS = 0.25
_RULE = "-" * 72
"""Between the links and what the agent wrote."""
_LABELS = {"approved": "approve", "denied": "deny", "answered": "answer"}


@dataclass(frozen=True)
class Link:
    """A link: `label` is `approve`, `deny`, of a question `answer`, of a sign-in `sign in`."""

    label: str
    url: str


@dataclass(frozen=True)
class Question:
    """One question of an e-mail.

    Attributes:
        body: What the e-mail says of it; all of it where there is one question.
        links: Its own links.
    """

    body: str
    links: tuple[Link, ...]


@dataclass(frozen=True)
class Mail:
    """A captured e-mail.

    Attributes:
        subject: As sent.
        body: As the approver reads it.
        sent_at: When the topic sent it, UTC, such as `2026-01-31T09:30:00.000Z`.
        questions: What it asks, in its order; one without links where it asks nothing.
        to: The id of the person whom it is for; None: every subscriber.
        html: The same as HTML, where SES sent it; empty otherwise.
    """

    subject: str
    body: str
    sent_at: str
    questions: tuple[Question, ...]
    to: str | None = None
    html: str = ""

    @property
    def links(self) -> tuple[Link, ...]:
        """The links of the first question."""
        return self.questions[0].links


def find_questions(body: str, front_url: str) -> tuple[Question, ...]:
    """Returns what an e-mail asks.

    Where there are several questions, the links of each stand before the rule and in lines of
    their own, in a paragraph that begins with its number, in every language. Behind the rule each
    question has a part under its number, and each line of a text that the agent wrote begins with
    `> `, which is taken off here. An escalation of what is asked by name has no such part.
    """
    head, _, parts = body.partition(f"\n{_RULE}\n")
    blocks = re.split(r"(?<=\n\n)(?=\d+\. )", head)[1:]
    if len(blocks) < 2 or not parts:
        return (Question(body, find_links(body, front_url)),)
    texts = re.split(r"\n(?=\d+\. )", parts)
    return tuple(
        Question(re.sub("^> ", "", text, flags=re.MULTILINE), find_links(block, front_url))
        for text, block in zip(texts, blocks, strict=True)
    )


def find_links(body: str, front_url: str) -> tuple[Link, ...]:
    """Returns the first approve and the first deny link, or the one that leads to an answer.

    The e-mail of a sign-in has one that signs in.

    The real ones come before the content, which may hold look-alikes: later ones are text.
    """
    link = re.escape(front_url) + r"/approvals/[\w.~-]+\?decision=(approved|denied|answered)\b"
    signs_in = re.search(re.escape(front_url) + r"/inbox/sign-in/[\w.-]+", body)
    if signs_in:
        return (Link("sign in", signs_in[0]),)
    first: dict[str, Link] = {}
    for match in re.finditer(link, body):
        label = _LABELS[match[1]]
        first.setdefault(label, Link(label, match[0]))
    return tuple(first[label] for label in sorted(first))


def parse_notification(text: str, front_url: str) -> Mail:
    """Returns the e-mail in an SNS notification, as a queue gets it."""
    notification = json.loads(text)
    body = notification["Message"]
    return Mail(
        subject=notification.get("Subject") or "",
        body=body,
        sent_at=notification["Timestamp"],
        to=notification.get("MessageAttributes", {}).get("approver", {}).get("Value"),
        questions=find_questions(body, front_url),
    )


def subscribe_queue(
    sqs: Any, sns: Any, name: str, topic_arns: Sequence[str]
) -> tuple[str, list[str]]:
    """Makes a queue that gets what topics send; returns its URL and the subscriptions' ARNs."""
    queue_url: str = sqs.create_queue(QueueName=name)["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
    queue_arn = found["Attributes"]["QueueArn"]
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": list(topic_arns)}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    sqs.set_queue_attributes(QueueUrl=queue_url, Attributes={"Policy": policy})
    subscriptions = [
        sns.subscribe(
            TopicArn=topic_arn, Protocol="sqs", Endpoint=queue_arn, ReturnSubscriptionArn=True
        )["SubscriptionArn"]
        for topic_arn in topic_arns
    ]
    return queue_url, subscriptions


class Mailbox:
    """Receives until stopped.

    Args:
        emulator: Where the topic is.
        topic_arns: The topics.
        front_url: Where the links lead.
        new_letters: Returns what SES has sent since the last look.
    """

    def __init__(
        self,
        emulator: Emulator,
        topic_arns: Sequence[str],
        front_url: str,
        new_letters: Callable[[], list[Mail]] | None = None,
    ) -> None:
        self._new_letters = new_letters
        self._front_url = front_url
        self._sqs = emulator.client("sqs")
        self._sns = emulator.client("sns")
        self._topic_arns = topic_arns
        self._queue_url = ""
        self._mails: list[Mail] = []
        self._arrived = threading.Condition()
        self._stopping = threading.Event()

    def put(self, mails: list[Mail]) -> None:
        """Takes e-mails of an earlier run, before its own."""
        self._keep(mails)

    @property
    def has_letters(self) -> bool:
        """Whether SES sends e-mails, too: they are looked for now and then."""
        return self._new_letters is not None

    def is_quiet(self) -> bool:
        """Tells whether all that was sent has been received."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self._sqs.get_queue_attributes(QueueUrl=self._queue_url, AttributeNames=names)
        return all(number == "0" for number in found["Attributes"].values())

    def open(self) -> None:
        """Subscribes, and starts to receive in the background."""
        self._queue_url, _ = subscribe_queue(self._sqs, self._sns, QUEUE_NAME, self._topic_arns)
        threading.Thread(target=self._receive_until_stopped, daemon=True).start()
        if self._new_letters:
            threading.Thread(target=self._look_until_stopped, daemon=True).start()

    def close(self) -> None:
        """Stops receiving."""
        self._stopping.set()

    def all(self) -> list[Mail]:
        """Returns every e-mail, oldest first."""
        with self._arrived:
            return list(self._mails)

    def as_json(self) -> bytes:
        """Returns `[{"subject", "body", "links": [{"label", "url"}], "sent_at", "to"}]`, in order.

        An entry is a question: an e-mail with several has as many, each with its own part of the
        body and its own links.
        """
        entries = [
            {"subject": mail.subject, **asdict(question), "sent_at": mail.sent_at, "to": mail.to}
            for mail in self.all()
            for question in mail.questions
        ]
        return json.dumps(entries, ensure_ascii=False).encode()

    def wait_for(self, count: int, timeout_seconds: float) -> bool:
        """Waits until so many e-mails are there; tells whether they are."""
        with self._arrived:
            return self._arrived.wait_for(lambda: len(self._mails) >= count, timeout_seconds)

    def _receive_until_stopped(self) -> None:
        while not self._stopping.is_set():
            try:
                self._receive()
            except (BotoCoreError, ClientError):
                self._stopping.wait(1)  # The emulator is going down, or will be missed by others.

    def _look_until_stopped(self) -> None:
        while self._new_letters and not self._stopping.wait(_LOOK_SECONDS):
            try:
                self._keep(self._new_letters())
            except (OSError, HTTPException, ValueError, LookupError):
                self._stopping.wait(1)  # As above.

    def _keep(self, mails: list[Mail]) -> None:
        with self._arrived:
            self._mails += mails
            self._arrived.notify_all()

    def _receive(self) -> None:
        answer = self._sqs.receive_message(
            QueueUrl=self._queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=_POLL_SECONDS
        )
        for message in answer.get("Messages", []):
            self._keep([parse_notification(message["Body"], self._front_url)])
            self._sqs.delete_message(
                QueueUrl=self._queue_url, ReceiptHandle=message["ReceiptHandle"]
            )
