"""Reads an HTTP API event, refuses it, answers in JSON: shared by the HTTP functions.

Events and answers have payload format 2.0. Reasons name the field, what was expected and what
came, and never repeat a value: they are logged, and programs read them. The name of a field that
is not known is its sender's own text: it is answered, and not logged.
"""

import base64
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import parse_qsl

from longrunning.text import normalise_newlines, visible

MAX_COMMENT_CHARS = 4_000
MAX_NAME_CHARS = 60
"""Shown of a field's name; whoever sent it knows the rest."""

SIGNATURE_NAMES = (
    "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders",
    "X-Amz-Signature", "X-Amz-Security-Token",
)  # fmt: skip
"""Source: "Signing AWS requests": a signature may stand in the query, under these names."""

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
        logged: What is logged of it: the same, unless that repeats what somebody sent.
    """

    def __init__(self, status: int, reason: str, logged: str | None = None) -> None:
        """Keeps the status, the reason, and what of it may be logged."""
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.logged = logged or reason


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
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name in fields:
            raise RefusedError(400, f"{shown_name(name)}: expected once", "a field twice")
        fields[name] = value
    return fields


def only_known(names: Iterable[str], known: Sequence[str]) -> None:
    """Refuses what this API would not look at: who sent it meant something by it.

    Raises:
        RefusedError: 400, a name is not known; the reason says which, and which are.
    """
    for name in names:
        if name not in known:
            reason = f"{shown_name(name)}: not known; expected only {', '.join(known)}"
            raise RefusedError(400, reason, "a field that is not known")


def no_query(event: Event, *but: str) -> None:
    """Refuses whatever a request whose body counts has in its query.

    Args:
        event: The request.
        *but: Names that may stand there.

    Raises:
        RefusedError: 400, something else stands there.
    """
    for name, _ in parse_qsl(event.get("rawQueryString") or "", keep_blank_values=True):
        if name not in but:
            reason = f"{shown_name(name)}: expected in the body, not in the query"
            raise RefusedError(400, reason, "a field in the query")


def shown_name(name: str) -> str:
    """Returns a field's name as a short line of what can be seen; it is whatever somebody sent."""
    shown = " ".join(visible(name[:MAX_NAME_CHARS]).split()) or '""'
    return f"{shown}…" if len(name) > MAX_NAME_CHARS else shown


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
