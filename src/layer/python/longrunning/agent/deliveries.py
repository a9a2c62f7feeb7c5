"""The deliveries of an SQS event: each message through the walk, and each failure to its own end.

bad input     to the dead-letter queue at once, with the reason; never delivered again
in use        another worker is on it: delivered again when its lease ends
too early     too many e-mails wait before its own: delivered again when it is due
fault         delivered again after a backoff, five times, then to the dead-letter queue
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from longrunning import messages, observability
from longrunning.agent.delivery import Delivery
from longrunning.agent.run import UnsupportedAgentError
from longrunning.agent.worker import Worker
from longrunning.messages import Cancel, Look, MalformedMessageError, NewTask, ToolResults
from longrunning.people.pace import Pace, TooEarlyError, Unpaced
from longrunning.waits.claims import LeaseHeldError

VISIBILITY_MARGIN_SECONDS = 7
"""A crashed worker's message comes back this long after the function's end, after its lease."""

BACKOFF_SECONDS = (5, 15, 45, 120)
"""By number of deliveries so far; the last one repeats."""

NOT_IN_FLIGHT = (
    "ReceiptHandleIsInvalid",
    "InvalidParameterValue",
    "MessageNotInflight",
    "AWS.SimpleQueueService.MessageNotInflight",
)
"""Source: SQS, "ChangeMessageVisibility": a receipt handle that no delivery holds now."""

MAX_REASON_CHARS = 250

MAX_MESSAGE_BYTES = 1_048_576
"""Of a body with the names, types and values of its attributes. Source: SQS, "Quotas"."""

_logger = observability.get_logger("agent")


@dataclass(frozen=True)
class Deliveries:
    """Takes the messages of an event. One for each Lambda environment."""

    worker: Worker
    sqs: Any
    task_queue_url: str
    dead_letter_queue_url: str
    pace: Pace = field(default_factory=Unpaced)
    """Has the e-mails of a message wait for their turn."""
    clock: Callable[[], float] = time.time

    def take(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Handles an SQS event.

        Args:
            event: `{"Records": [{"messageId", "receiptHandle", "body", "attributes", …}]}`.
            context: Lambda's context; its remaining time bounds the run.

        Returns:
            `{"batchItemFailures": [{"itemIdentifier": message id}]}`: what SQS is to deliver again.

        Source: AWS Lambda, "Handling errors for an SQS event source".
        """
        failed = [r for r in event["Records"] if not self._take(r, context)]
        return {"batchItemFailures": [{"itemIdentifier": r["messageId"]} for r in failed]}

    def _take(self, record: dict[str, Any], context: Any) -> bool:
        """Takes one message through the walk; False has SQS deliver it again."""
        remaining = context.get_remaining_time_in_millis() / 1000
        original_id = _original_message_id(record)
        delivery = Delivery(
            message_id=original_id or record["messageId"],
            receive_count=int(record["attributes"]["ApproximateReceiveCount"]),
            deadline=self.clock() + remaining,
            is_redriven=original_id is not None,
        )
        self.pace.begin(delivery.deadline, is_repeated=delivery.is_repeated)
        come_back_after = partial(self._come_back_after, record)
        try:
            # If this process dies, SQS delivers again 7 s after Lambda's timeout: after our lease.
            come_back_after(remaining + VISIBILITY_MARGIN_SECONDS)
            self._walk(record, delivery)
        except (LeaseHeldError, TooEarlyError) as held:
            come_back_after(held.until - self.clock() + 1)
            return False
        except Exception as fault:
            _log_fault(fault, delivery)
            come_back_after(BACKOFF_SECONDS[min(delivery.receive_count, len(BACKOFF_SECONDS)) - 1])
            return False
        return True

    def _walk(self, record: dict[str, Any], delivery: Delivery) -> None:
        """Takes the steps; what can never be understood is a dead letter at once."""
        try:
            match messages.parse(record["body"]):  # arrive, validate
                case NewTask() as task:
                    self.worker.start(task, delivery)
                case ToolResults() as results:
                    self.worker.resume(results, delivery)
                    _tell_what_was_too_large(results)
                case Look() as hint:
                    self.worker.look(hint, delivery)
                case Cancel() as hint:
                    self.worker.cancel(hint)
        except (MalformedMessageError, UnsupportedAgentError) as reason:
            self._dead_letter(record, str(reason))

    def _come_back_after(self, record: dict[str, Any], seconds: float) -> None:
        """Says when SQS is to deliver a message again, should this delivery fail."""
        try:
            self.sqs.change_message_visibility(
                QueueUrl=self.task_queue_url,
                ReceiptHandle=record["receiptHandle"],
                VisibilityTimeout=max(0, math.ceil(seconds)),
            )
        except ClientError as error:
            # Not in flight any more, or a sample event: the queue's own timeout holds.
            if error.response["Error"]["Code"] not in NOT_IN_FLIGHT:
                raise
            _logger.info("not in flight", extra={"message_id": record["messageId"]})

    def _dead_letter(self, record: dict[str, Any], reason: str) -> None:
        """Sends the body on with the reason; only then is the message done."""
        body, reason = _fitting(record["body"], reason[:MAX_REASON_CHARS])
        self.sqs.send_message(
            QueueUrl=self.dead_letter_queue_url,
            MessageBody=body,
            MessageAttributes={"reason": {"DataType": "String", "StringValue": reason}},
        )
        _logger.warning("rejected", extra={"message_id": record["messageId"], "reason": reason})
        observability.put_metric("MessageRejected")


def _original_message_id(record: dict[str, Any]) -> str | None:
    """A dead letter that `make redrive` sent anew goes on as the message that it was."""
    attribute = record.get("messageAttributes", {}).get("original_message_id", {})
    original_id = str(attribute.get("stringValue"))
    return original_id if messages.MESSAGE_ID_PATTERN.fullmatch(original_id) else None


def _fitting(body: str, reason: str) -> tuple[str, str]:
    """Cuts a body that leaves no room for its reason, which then says so."""
    size = len(body.encode())
    names = len("reason" + "String")
    if size + names + len(reason.encode()) <= MAX_MESSAGE_BYTES:
        return body, reason
    cut = f" (cut here: the body had {size:,} bytes)"
    reason = reason[: MAX_REASON_CHARS - len(cut)] + cut
    room = MAX_MESSAGE_BYTES - names - len(reason.encode())
    return body.encode()[:room].decode(errors="ignore"), reason


def _tell_what_was_too_large(results: ToolResults) -> None:
    """The wait has ended with an error that the model reads; operators read it here."""
    for tool_use_id, size in results.too_large:
        ids = {"session_id": results.session_id, "tool_use_id": tool_use_id}
        _logger.warning("result too large", extra={**ids, "bytes": size})
        observability.put_metric("ResultTooLarge")


def _log_fault(fault: Exception, delivery: Delivery) -> None:
    ids = {"message_id": delivery.message_id, "receive_count": delivery.receive_count}
    facts = observability.facts_of(fault)
    _logger.error("failed, will be delivered again", extra={**facts, **ids})
    observability.put_metric("RunFailed")
