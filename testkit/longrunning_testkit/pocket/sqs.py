"""SQS: standard queues, their visibility timeouts, delays, retention and dead-letter queues.

A receive never waits: on a clock that a test moves, nothing comes while one waits. Messages come in
the order in which they were sent, which SQS does not promise. A receipt handle of an earlier
delivery deletes nothing, which SQS allows.

Source: SQS, "Message timers", "Visibility timeout", "Using dead-letter queues", "Quotas".
"""

import json
import math
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from longrunning_testkit.pocket.errors import AwsError, NotInPocketError
from longrunning_testkit.pocket.queues import (
    Message,
    Queue,
    check_contents,
    check_handle,
    check_range,
    invalid,
    md5,
    shown,
)

MAX_VISIBILITY_SECONDS = 43_200
MAX_DELAY_SECONDS = 900
MAX_BATCH = 10


class Sqs:
    """All queues, by URL."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.queues: dict[str, Queue] = {}
        self._count = 0

    def add_queue(self, name: str, dead_letter_url: str = "", **settings: int) -> str:
        """Adds a queue; returns its URL.

        Args:
            name: Its name.
            dead_letter_url: Where messages go after `max_receive_count` deliveries.
            **settings: Fields of `Queue`.
        """
        arn = f"arn:aws:sqs:eu-west-1:123456789012:{name}"
        to = self.queues[dead_letter_url].arn if dead_letter_url else ""
        url = f"https://sqs.eu-west-1.amazonaws.com/123456789012/{name}"
        self.queues[url] = Queue(arn, dead_letter_arn=to, **settings)
        return url

    def next_visible_at(self, url: str) -> float | None:
        """Returns when the next message that is hidden now can be received."""
        now = self._clock()
        hidden = [m.visible_at for m in self._queue(url).messages if m.visible_at > now]
        return min(hidden, default=None)

    def send_message(
        self,
        QueueUrl: str,
        MessageBody: str,
        DelaySeconds: int | None = None,
        MessageAttributes: dict[str, dict[str, Any]] | None = None,
    ) -> dict[str, Any]:
        queue, attributes = self._queue(QueueUrl), MessageAttributes or {}
        check_contents(MessageBody, attributes)
        delay = queue.delay_seconds if DelaySeconds is None else DelaySeconds
        check_range("DelaySeconds", delay, MAX_DELAY_SECONDS)
        message_id, now = self._unique("message"), self._clock()
        queue.messages.append(Message(message_id, MessageBody, attributes, now, now + delay))
        return {"MessageId": message_id, "MD5OfMessageBody": md5(MessageBody)}

    def receive_message(
        self,
        QueueUrl: str,
        MaxNumberOfMessages: int = 1,
        VisibilityTimeout: int | None = None,
        WaitTimeSeconds: int = 0,
        AttributeNames: Iterable[str] = (),
        MessageSystemAttributeNames: Iterable[str] = (),
        MessageAttributeNames: Iterable[str] = (),
    ) -> dict[str, Any]:
        if not 1 <= MaxNumberOfMessages <= MAX_BATCH:
            raise invalid("MaxNumberOfMessages", MaxNumberOfMessages, "Must be between 1 and 10")
        queue, now = self._queue(QueueUrl), self._clock()
        seconds = queue.visibility_seconds if VisibilityTimeout is None else VisibilityTimeout
        check_range("VisibilityTimeout", seconds, MAX_VISIBILITY_SECONDS)
        self._move_dead_letters(queue, now)
        taken = [m for m in queue.messages if m.visible_at <= now][:MaxNumberOfMessages]
        for message in taken:
            message.receive_count += 1
            message.first_received_at = message.first_received_at or now
            message.received_at = now
            message.visible_at = now + seconds
            message.receipt_handle = self._unique("receipt")
            queue.handles.add(message.receipt_handle)
        system = {*AttributeNames, *MessageSystemAttributeNames}
        messages = [shown(message, system, set(MessageAttributeNames)) for message in taken]
        return {"Messages": messages} if messages else {}

    def delete_message(self, QueueUrl: str, ReceiptHandle: str) -> dict[str, Any]:
        queue = self._queue(QueueUrl)
        check_handle(queue, ReceiptHandle)
        queue.messages = [m for m in queue.messages if m.receipt_handle != ReceiptHandle]
        return {}

    def change_message_visibility(
        self, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int
    ) -> dict[str, Any]:
        queue, now = self._queue(QueueUrl), self._clock()
        check_range("VisibilityTimeout", VisibilityTimeout, MAX_VISIBILITY_SECONDS)
        check_handle(queue, ReceiptHandle)
        found = [m for m in queue.messages if m.receipt_handle == ReceiptHandle]
        if not found:
            reason = "Message does not exist or is not available for visibility timeout change"
            raise invalid("ReceiptHandle", ReceiptHandle, reason)
        if found[0].visible_at <= now:
            code = "AWS.SimpleQueueService.MessageNotInflight"
            raise AwsError(code, "The message is not in flight.", "MessageNotInflight")
        if now + VisibilityTimeout > found[0].received_at + MAX_VISIBILITY_SECONDS:
            reason = "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]"
            raise invalid("VisibilityTimeout", VisibilityTimeout, reason)
        found[0].visible_at = now + VisibilityTimeout
        return {}

    def change_message_visibility_batch(
        self, QueueUrl: str, Entries: list[dict[str, Any]]
    ) -> dict[str, Any]:
        if not 1 <= len(Entries) <= MAX_BATCH or len({e["Id"] for e in Entries}) < len(Entries):
            raise NotInPocketError(f"a batch of {len(Entries)} entries, or of some with one id")
        done: list[dict[str, Any]] = []
        failed: list[dict[str, Any]] = []
        for entry in Entries:
            one = {name: value for name, value in entry.items() if name != "Id"}
            try:
                self.change_message_visibility(QueueUrl, **one)
                done.append({"Id": entry["Id"]})
            except AwsError as error:
                told = {"Code": error.code, "Message": error.message, "SenderFault": True}
                failed.append({"Id": entry["Id"], **told})
        return {"Successful": done} | ({"Failed": failed} if failed else {})

    def get_queue_attributes(
        self, QueueUrl: str, AttributeNames: Iterable[str] = ()
    ) -> dict[str, Any]:
        queue, now = self._queue(QueueUrl), self._clock()
        hidden = [m for m in queue.messages if m.visible_at > now]
        flying = sum(1 for m in hidden if m.receive_count)
        known = {
            "QueueArn": queue.arn,
            "ApproximateNumberOfMessages": len(queue.messages) - len(hidden),
            "ApproximateNumberOfMessagesNotVisible": flying,
            "ApproximateNumberOfMessagesDelayed": len(hidden) - flying,
            "VisibilityTimeout": queue.visibility_seconds,
            "MessageRetentionPeriod": queue.retention_seconds,
            "DelaySeconds": queue.delay_seconds,
        }
        if queue.max_receive_count:
            to = {"deadLetterTargetArn": queue.dead_letter_arn}
            policy = {**to, "maxReceiveCount": queue.max_receive_count}
            known["RedrivePolicy"] = json.dumps(policy)
        wanted = known.keys() if "All" in AttributeNames else AttributeNames
        if unknown := set(wanted) - known.keys():
            raise NotInPocketError(f"attributes of a queue: {unknown}")
        return {"Attributes": {name: str(known[name]) for name in wanted}}

    def _queue(self, url: str) -> Queue:
        """Returns a queue; messages past its retention are gone."""
        if url not in self.queues:
            code = "AWS.SimpleQueueService.NonExistentQueue"
            raise AwsError(code, "The specified queue does not exist.", "QueueDoesNotExist")
        queue = self.queues[url]
        oldest = self._clock() - queue.retention_seconds
        queue.messages = [m for m in queue.messages if m.sent_at >= oldest]
        return queue

    def _move_dead_letters(self, queue: Queue, now: float) -> None:
        """What comes once more than it may goes on with its id, its time and its attributes."""
        most = queue.max_receive_count or math.inf
        used_up = [m for m in queue.messages if m.receive_count >= most]
        dead = [m for m in used_up if m.visible_at <= now]
        if not dead:
            return
        (to,) = (q for q in self.queues.values() if q.arn == queue.dead_letter_arn)
        queue.messages = [m for m in queue.messages if m not in dead]
        for message in dead:
            message.came_from, message.receipt_handle = queue.arn, ""
            to.messages.append(message)

    def _unique(self, what: str) -> str:
        self._count += 1
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{what} {self._count}"))
