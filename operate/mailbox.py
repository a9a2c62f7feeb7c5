"""A queue that gets a copy of each e-mail of the approval topic for as long as a check runs.

Why a queue, and not links made from the key in the secret LinkKeys: whoever reads that key can make
a link for any approval, for as long as the key is in use; and links that this machine makes say
nothing about the e-mail. A queue proves that SNS sends the question, and holds links that end.

The topic is encrypted with `alias/aws/sns`. SNS decrypts before it delivers, and the queue is
encrypted by SQS itself, so no key has to let anybody in. Only SNS may send to it, and only for this
topic. It is deleted at the end, whatever happens; should this process be killed, SQS drops each
message after 15 minutes. Questions of other sessions come, too: they are dropped unread.

Source: SNS, "Fanout to Amazon SQS queues" and "Encrypted topics"; SQS, "CreateQueue".
"""

import base64
import json
import re
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from operate.stacks import Stack

RETENTION_SECONDS = 900
"""How long SQS keeps an e-mail that nobody reads."""

SETTLE_SECONDS = 2
"""Source: SQS, "CreateQueue": wait at least one second before a new queue is used."""

WAIT_SECONDS = 1
"""How long a look at the queue waits for an e-mail."""

MAX_STACK_CHARS = 60
"""Of the stack's name in the queue's. Source: SQS: a queue's name has at most 80 characters."""

_RULE = "\n" + "-" * 72
"""Before the first word that the agent wrote."""

_LINKS = re.compile(
    r"^(https?://\S+/approvals/([\w.~-]+)\?decision=)approved$\s+^.*$\s+^\1denied$", re.MULTILINE
)


@dataclass(frozen=True)
class Question:
    """One question of an e-mail: what it is about, and its two links."""

    session_id: str
    tool_use_id: str
    approve_url: str
    deny_url: str


def queue_name(stack_name: str, run: str) -> str:
    """Returns the queue's name, such as `unicorn-posts-smoke-1a2b3c4d`."""
    return f"{stack_name[:MAX_STACK_CHARS]}-smoke-{run}"


def is_of_a_run(endpoint: str, stack_name: str) -> bool:
    """Whether a subscription's endpoint is the queue of some run of this check."""
    name = re.escape(queue_name(stack_name, ""))
    return re.search(rf":{name}[0-9a-f]{{8}}$", endpoint) is not None


def questions(body: str) -> list[Question]:
    """Returns what an e-mail asks, in its order; nothing for an e-mail that asks nothing.

    The real links stand before the first word of the agent; look-alikes behind it are text.
    """
    head = body.partition(_RULE)[0]
    return [
        Question(*ids, f"{start}approved", f"{start}denied")
        for start, token in _LINKS.findall(head)
        if (ids := _ids(token))
    ]


@dataclass
class Mailbox:
    """The queue, while it is there."""

    sqs: Any
    queue_url: str

    def receive(self, session_id: str) -> list[Question]:
        """Takes what has come, after a second at most; returns the questions of one session."""
        found: list[Question] = []
        messages = self.sqs.receive_message(
            QueueUrl=self.queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=WAIT_SECONDS
        ).get("Messages", [])
        for message in messages:
            self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
            found += [q for q in questions(message["Body"]) if q.session_id == session_id]
        return found


@contextmanager
def opened(stack: Stack, topic_arn: str, name: str) -> Iterator[Mailbox]:
    """Makes the queue and subscribes it; takes both away in any case.

    Args:
        stack: The stack.
        topic_arn: The topic whose e-mails are wanted.
        name: What the queue is called.

    Raises:
        botocore.exceptions.ClientError: The caller may not do this, for example.
    """
    sns, made = stack.client("sns"), _Made()
    try:
        made.queue_url = stack.sqs.create_queue(
            QueueName=name, Attributes=_attributes(topic_arn, name)
        )["QueueUrl"]
        time.sleep(0 if stack.front_url else SETTLE_SECONDS)
        made.subscription_arn = sns.subscribe(
            TopicArn=topic_arn,
            Protocol="sqs",
            Endpoint=_queue_arn(topic_arn, name),
            Attributes={"RawMessageDelivery": "true"},  # the e-mail's text, without an envelope
            ReturnSubscriptionArn=True,
        )["SubscriptionArn"]
        yield Mailbox(stack.sqs, made.queue_url)
    finally:
        with closing(sns):
            _take_away(stack.sqs, sns, made)


@dataclass
class _Made:
    queue_url: str = ""
    subscription_arn: str = ""


def _take_away(sqs: Any, sns: Any, made: _Made) -> None:
    """Tries both, and says by which command to do what failed.

    The subscription first: what SNS cannot deliver, because the queue is gone, rings an alarm.
    """
    if made.subscription_arn:
        try:
            sns.unsubscribe(SubscriptionArn=made.subscription_arn)
        except (BotoCoreError, ClientError):
            arn = made.subscription_arn
            print(f"Left behind: aws sns unsubscribe --subscription-arn {arn}")
    if made.queue_url:
        try:
            sqs.delete_queue(QueueUrl=made.queue_url)
        except (BotoCoreError, ClientError):
            print(f"Left behind: aws sqs delete-queue --queue-url {made.queue_url}")


def _attributes(topic_arn: str, name: str) -> dict[str, str]:
    """With its policy from the first moment: SNS does not try again what a queue refuses."""
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": _queue_arn(topic_arn, name),
        "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
    }
    return {
        "MessageRetentionPeriod": str(RETENTION_SECONDS),
        "SqsManagedSseEnabled": "true",
        "Policy": json.dumps({"Version": "2012-10-17", "Statement": [allowed]}),
    }


def _queue_arn(topic_arn: str, name: str) -> str:
    """The queue is in the topic's account and region: `arn:aws:sns:region:account:topic`."""
    partition, _, region, account = topic_arn.split(":")[1:5]
    return f"arn:{partition}:sqs:{region}:{account}:{name}"


def _ids(token: str) -> tuple[str, str] | None:
    """Returns session and tool use of a link's token, unchecked: it only says which mail is ours.

    Its payload is the JSON list that `longrunning.people.links` describes.
    """
    payload = token.partition(".")[0]
    try:
        read = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        _, session_id, tool_use_id, *_ = read
    except (ValueError, TypeError):
        return None
    return str(session_id), str(tool_use_id)
