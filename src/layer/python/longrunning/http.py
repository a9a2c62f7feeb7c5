"""What the HTTP functions share: reading an HTTP API event, refusing it, answering in JSON.

Events and answers have payload format 2.0. Reasons name the field, what was expected and what
came, and never repeat a value: they are logged, and programs read them.
"""

import base64
import json
import re
from typing import Any

from longrunning.text import normalise_newlines

MAX_COMMENT_CHARS = 4_000

Event = dict[str, Any]
Response = dict[str, Any]

JSON_HEADERS = {
    "content-type": "application/json",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
}

_UNSENDABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Source: SQS, "SendMessage": the characters that it refuses. (As a list of those that it takes,
this would compile ten times as long, at every cold start.)"""


class RefusedError(Exception):
    """A request that is answered with an error, and changes nothing.

    Attributes:
        status: The HTTP status to answer.
        reason: A sentence for the caller.
    """

    def __init__(self, status: int, reason: str) -> None:
        """Keeps the status and the reason."""
        super().__init__(reason)
        self.status = status
        self.reason = reason


def headers(event: Event) -> dict[str, str]:
    """Returns the headers; an HTTP API sends lower-case names, not every stand-in does."""
    return {name.lower(): value for name, value in (event.get("headers") or {}).items()}


def media_types(header: str) -> list[str]:
    """Returns the types that an `Accept` or `Content-Type` header names, in lower case."""
    return [part.partition(";")[0].strip().lower() for part in header.split(",")]


def body_text(event: Event) -> str:
    """Returns the body, which API Gateway hands over as text or in base64.

    Raises:
        RefusedError: 400, it is not UTF-8.
    """
    text: str = event.get("body") or ""
    try:
        return base64.b64decode(text, validate=True).decode() if _is_base64(event) else text
    except ValueError as error:
        raise RefusedError(400, "body: expected UTF-8") from error


def json_object(event: Event) -> dict[str, Any]:
    """Returns the body's JSON object.

    Raises:
        RefusedError: 400, it is something else, or has a field twice.
    """
    text = body_text(event)
    try:
        document = json.loads(text, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, "body: expected JSON") from error
    if not isinstance(document, dict):
        raise RefusedError(400, f"body: expected a JSON object, got {type_name(document)}")
    return document


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Makes an object of pairs. Two decisions in one request are none: which one was meant?

    Raises:
        RefusedError: 400, a name is there twice.
    """
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise RefusedError(400, "body: expected every field once")
    return fields


def text_field(fields: dict[str, Any], name: str) -> str | None:
    """Returns a text, or None where there is none.

    Raises:
        RefusedError: 400, it is no text.
    """
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise RefusedError(400, f"{name}: expected a text, got {type_name(value)}")
    return value


def clean_comment(comment: str | None) -> str | None:
    """Returns the comment with plain newlines and no space around it; None for an empty one.

    Raises:
        RefusedError: 400, it is too long or has characters that cannot be passed on.
    """
    if comment is None:
        return None
    check_sendable("comment", comment)
    cleaned = normalise_newlines(comment).strip()
    if len(cleaned) > MAX_COMMENT_CHARS:
        raise RefusedError(
            400, f"comment: expected at most {MAX_COMMENT_CHARS} characters, got {len(cleaned)}"
        )
    return cleaned or None


def check_sendable(field: str, text: str) -> None:
    """Refuses (400) what a queue or a table cannot hold: control characters, half surrogates."""
    found = _UNSENDABLE.search(text)
    if found:
        raise RefusedError(400, f"{field}: the character U+{ord(found[0]):04X} cannot be passed on")


def type_name(value: Any) -> str:
    """Returns what came, for a reason."""
    return "nothing" if value is None else type(value).__name__


def json_answer(status: int, document: Any, **more: str) -> Response:
    """Returns an answer in JSON that nobody stores or takes for something else.

    Args:
        status: The HTTP status.
        document: What to say; a text is taken for JSON that is written already.
        **more: Further headers, with `_` for `-`.
    """
    body = document if isinstance(document, str) else json.dumps(document)
    added = {name.replace("_", "-"): value for name, value in more.items()}
    return {"statusCode": status, "headers": {**JSON_HEADERS, **added}, "body": body}


def _is_base64(event: Event) -> bool:
    return bool(event.get("isBase64Encoded"))
