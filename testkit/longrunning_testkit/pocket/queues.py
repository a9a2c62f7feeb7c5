"""Queues, their messages, and what may be sent through them."""

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any

from longrunning_testkit.pocket.errors import AwsError, NotInPocketError

MAX_MESSAGE_BYTES = 1_048_576
MAX_ATTRIBUTES = 10
_ALLOWED = re.compile("[\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")


@dataclass
class Message:
    """A message on a queue. Times are epoch seconds."""

    message_id: str
    body: str
    attributes: dict[str, dict[str, Any]]
    sent_at: float
    visible_at: float
    receive_count: int = 0
    first_received_at: float = 0
    received_at: float = 0
    """When it was delivered last."""
    receipt_handle: str = ""
    came_from: str = ""
    """ARN of the queue whose deliveries it used up."""


@dataclass
class Queue:
    """A queue and its messages, oldest first."""

    arn: str
    visibility_seconds: int = 30
    retention_seconds: int = 345_600
    delay_seconds: int = 0
    max_receive_count: int | None = None
    dead_letter_arn: str = ""
    messages: list[Message] = field(default_factory=list)
    handles: set[str] = field(default_factory=set)
    """Every receipt handle ever given out."""


def shown(message: Message, system: set[str], custom: set[str]) -> dict[str, Any]:
    """Returns a message as ReceiveMessage does, with the attributes that were asked for."""
    known = {
        "SenderId": "AIDATEST",
        "SentTimestamp": str(int(message.sent_at * 1000)),
        "ApproximateReceiveCount": str(message.receive_count),
        "ApproximateFirstReceiveTimestamp": str(int(message.first_received_at * 1000)),
    }
    if message.came_from:
        known["DeadLetterQueueSourceArn"] = message.came_from
    shown: dict[str, Any] = {
        "MessageId": message.message_id,
        "ReceiptHandle": message.receipt_handle,
        "MD5OfBody": md5(message.body),
        "Body": message.body,
    }
    if any("*" in name for name in custom):
        raise NotInPocketError(f"names of message attributes: {custom}")
    attributes = {n: v for n, v in message.attributes.items() if custom & {"All", ".*", n}}
    system_attributes = {n: v for n, v in known.items() if system & {"All", n}}
    shown |= {"Attributes": system_attributes} if system_attributes else {}
    return shown | ({"MessageAttributes": attributes} if attributes else {})


def check_contents(body: str, attributes: dict[str, dict[str, Any]]) -> None:
    """Raises AwsError for a message that SQS would not take."""
    if not body:
        raise AwsError("MissingParameter", "The request must contain the parameter MessageBody.")
    texts = [body, *(a.get("StringValue", "") for a in attributes.values())]
    if not all(map(_ALLOWED.fullmatch, texts)):
        raise AwsError("InvalidMessageContents", "Invalid characters found.")
    if any(a["DataType"] != "String" or not a.get("StringValue") for a in attributes.values()):
        raise NotInPocketError(f"message attributes that are no text: {attributes}")
    if len(attributes) > MAX_ATTRIBUTES:
        message = f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum"
        raise AwsError("InvalidParameterValue", f"{message} [{MAX_ATTRIBUTES}].")
    size = sum(len(t.encode()) for t in (*texts, *attributes)) + len("String") * len(attributes)
    if size > MAX_MESSAGE_BYTES:
        reason = f"Message must be shorter than {MAX_MESSAGE_BYTES} bytes."
        raise AwsError("InvalidParameterValue", f"One or more parameters are invalid. {reason}")


def check_handle(queue: Queue, handle: str) -> None:
    """Raises AwsError for a receipt handle that the queue never gave out."""
    if handle not in queue.handles:
        message = f'The input receipt handle "{handle}" is not a valid receipt handle.'
        raise AwsError("ReceiptHandleIsInvalid", message, "ReceiptHandleIsInvalid")


def check_range(name: str, value: int, most: int) -> None:
    """Raises AwsError for a number out of its range."""
    if not 0 <= value <= most:
        raise invalid(name, value, f"Must be between 0 and {most}")


def invalid(name: str, value: object, reason: str) -> AwsError:
    """Returns SQS's answer to a parameter that it does not take."""
    message = f"Value {value} for parameter {name} is invalid. Reason: {reason}."
    return AwsError("InvalidParameterValue", message)


def md5(text: str) -> str:
    """Returns the MD5 of a text, in hexadecimal."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
