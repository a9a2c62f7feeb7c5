"""Names what came in place of a message: another service's envelope, or JSON encoded twice.

Only named, for the reason of a dead letter, and never unwrapped: a parser that guesses would turn
one sender's bug into another's lost decision. What is said here never repeats a value.
"""

import binascii
import json
import re
from collections.abc import Callable
from typing import Any

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_BEGIN_OF_JSON = re.compile(rb'\s*(\{\s*["}]|\[\s*[\[{"\]])')
_GZIP = b"\x1f\x8b"


def named(value: Any) -> str | None:
    """Says what a value is and what its sender has to change; None if it is nothing known.

    Args:
        value: JSON that is no message, or a text that is not even JSON.
    """
    found = ((what, to_do) for is_it, what, to_do in WRAPPINGS if is_it(value))
    return next((f"{what}: {to_do}" for what, to_do in found), None)


def _parsed(text: Any) -> Any:
    """Returns what a text is as JSON, as strictly as a message is read; None if it is none."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (TypeError, ValueError, RecursionError):
        return None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _has(*names: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and value.keys() >= set(names)


def _begins(*beginnings: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and value.startswith(beginnings)


def _first_of(value: Any, name: str) -> Any:
    records = value.get(name) if isinstance(value, dict) else None
    return records[0] if isinstance(records, list) and records else None


def _comes_from(record: Any, source: str) -> bool:
    return isinstance(record, dict) and str(record.get("eventSource")).startswith(source)


def _is_of_s3(value: Any) -> bool:
    is_test = isinstance(value, dict) and value.get("Service") == "Amazon S3"
    return is_test or _comes_from(_first_of(value, "Records"), "aws:s3")


def _is_pointer(value: Any) -> bool:
    """`["software.amazon.payloadoffloading.PayloadS3Pointer", {…}]`, and what older ones write."""
    name = value[0] if isinstance(value, list) and len(value) == 2 else None
    is_named = isinstance(name, str) and name.endswith("S3Pointer")
    known = (("s3BucketName", "s3Key"), ("S3Payload",), ("S3MessageBodyKey",))
    return is_named or any(_has(*names)(value) for names in known)


def _is_message(value: Any) -> bool:
    value = _parsed(value) if isinstance(value, str) else value
    return isinstance(value, dict) and value.get("type") in ("new", "existing")


def _holds_a_message(value: Any) -> bool:
    return isinstance(value, dict) and any(map(_is_message, value.values()))


def _is_base64(value: Any) -> bool:
    """Whether a text is JSON, or gzip, in base64 or its variant for URLs, also in lines."""
    text = "".join(value.split()) if isinstance(value, str) else ""
    if not _BASE64.fullmatch(text):
        return False
    head = text.rstrip("=")[:64].replace("-", "+").replace("_", "/")
    try:
        begin = binascii.a2b_base64(head + "=" * (-len(head) % 4))
    except binascii.Error:
        return False
    return begin.startswith(_GZIP) or bool(_BEGIN_OF_JSON.match(begin))


def _is_several(value: Any) -> bool:
    """Whether a text has one JSON object a line."""
    first, _, rest = value.strip().partition("\n") if isinstance(value, str) else ("", "", "")
    return bool(rest) and isinstance(_parsed(first), dict)


WRAPPINGS: tuple[tuple[Callable[[Any], bool], str, str], ...] = (
    (_has("TopicArn", "SubscribeURL"), "SNS's question whether the queue wants a subscription",
     "confirm it, and switch raw message delivery on"),
    (_has("TopicArn", "Message"), "an SNS envelope",
     "switch raw message delivery on for the subscription"),
    (lambda value: _has("detail-type")(value) and value["detail-type"] == "Scheduled Event",
     "a schedule's own event", "give the schedule's target the message as its input"),
    (_has("detail-type", "detail"), "an EventBridge event",
     "give the rule's target an input path, such as $.detail, or an input transformer"),
    (_is_of_s3, "an S3 event",
     "have a function, or a rule with an input transformer, send a message that says what to do"),
    (lambda value: _first_of(value, "Records") is not None, "an event with records",
     "send what each of them holds as a message of its own"),
    (lambda value: _comes_from(value, "aws:"), "a record as an EventBridge pipe passes it on",
     "give the pipe's target an input template, such as <$.body>"),
    (lambda value: _has("MD5OfBody")(value) or _has("MD5OfBody")(_first_of(value, "Messages")),
     "what a receive-message call returned", "send the Body alone"),
    (_has("MessageBody"), "a SendMessage request", "send its MessageBody alone"),
    (_has("requestPayload", "requestContext"), "a Lambda destination's envelope",
     "have the function send the message itself"),
    (_has("requestContext", "headers"), "an HTTP request as API Gateway passes it on",
     "send its body alone"),
    (_has("specversion", "source"), "a CloudEvents envelope", "send its data alone"),
    (_is_pointer, "a pointer of the SQS extended client, whose text lies in S3",
     "send the text itself, with the plain client"),
    (_holds_a_message, "a message inside another object", "send it by itself"),
    (lambda value: isinstance(value, list) and any(isinstance(one, dict) for one in value),
     "an array", "send each message by itself"),
    (lambda value: isinstance(value, str) and isinstance(_parsed(value), dict | list | str),
     "a text that is JSON itself", "encode it once, not twice"),
    (_begins("\ufeff", "ï»¿"), "a text with a byte order mark", "send UTF-8 without it"),
    (_is_base64, "base64 text", "send the JSON itself"),
    (_begins("%7B", "%7b", "%5B", "%5b"), "URL-encoded text", "decode it before it is sent"),
    (_begins("{&quot;", "[&quot;", "{&#"), "HTML-escaped text", "send the JSON itself"),
    (_begins("{'", "[{'"), "a dictionary as Python prints it", "send what json.dumps returns"),
    (_is_several, "more than one line of JSON", "send each line as a message of its own"),
)  # fmt: skip
"""How it is told, what it is, and what its sender has to change; the first that fits is said.

Source: Amazon SNS, "Raw message delivery"; EventBridge, "Input transformation" and "Pipes input
transformation"; Lambda, "Capturing records of asynchronous invocations"; S3, "Event message
structure"; SQS, "Managing large messages with the extended client library".
"""
