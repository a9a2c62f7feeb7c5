"""Reads an HTTP API event (payload format 2.0): what is asked, and what was decided.

`decision` (`approved` or `denied`), `comment` and `content` come as a form or as JSON:

    decision=denied&comment=too+long
    {"decision": "approved", "content": "the approver's own text"}

Reasons name the field, what was expected and what came, and never repeat a value: they are logged.
"""

import base64
import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from longrunning.text import normalise_newlines

DECISIONS = ("approved", "denied")
MAX_COMMENT_CHARS = 4_000
MAX_FIELDS = 50

_UNSENDABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Source: SQS, "SendMessage": the characters that it refuses. (As a list of those that it takes,
this would compile ten times as long, at every cold start.)"""

Event = dict[str, Any]


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


@dataclass(frozen=True)
class ReviewRequest:
    """One request for `/approvals/{token}`. The body is not parsed yet."""

    method: str
    token: str
    wants_html: bool
    query_decision: str | None
    content_type: str
    body: str
    is_base64: bool

    @property
    def preselected(self) -> str | None:
        """The decision that the link carries, if it is one."""
        return self.query_decision if self.query_decision in DECISIONS else None


@dataclass(frozen=True)
class Choice:
    """What an approver sends: the decision, and as typed the comment and the text in the editor."""

    decision: str
    comment: str | None = None
    content: str | None = None


def parse_request(event: Event) -> ReviewRequest:
    """Takes from the event what this API uses. Never refuses: the link is looked at first."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    query = parse_qsl(event.get("rawQueryString") or "", keep_blank_values=True)
    decisions = [value for name, value in query if name == "decision"]
    return ReviewRequest(
        method=event["requestContext"]["http"]["method"],
        token=(event.get("pathParameters") or {}).get("token") or "",
        wants_html="text/html" in _media_types(headers.get("accept", "")),
        query_decision=",".join(decisions) if decisions else None,
        content_type=_media_types(headers.get("content-type", ""))[0],
        body=event.get("body") or "",
        is_base64=bool(event.get("isBase64Encoded")),
    )


def parse_choice(request: ReviewRequest) -> Choice:
    """Reads the decision from the body, which beats the query, or else from the query.

    Raises:
        RefusedError: 415 for a body of another type than form or JSON, 400 for one that cannot be
            read, for fields of a wrong type, and where no decision is named.
    """
    fields = _fields(request) if request.body else {}
    decision = fields.get("decision", request.query_decision)
    if decision not in DECISIONS:
        came = "nothing" if decision is None else "something else"
        raise RefusedError(400, f'decision: expected "approved" or "denied", got {came}')
    return Choice(decision, _text(fields, "comment"), _text(fields, "content"))


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


def _fields(request: ReviewRequest) -> dict[str, Any]:
    try:
        text = request.body
        if request.is_base64:
            text = base64.b64decode(text, validate=True).decode()
        match request.content_type:
            case "application/x-www-form-urlencoded":
                return _once(_form(text))
            case "application/json":
                fields = json.loads(text, object_pairs_hook=_once)
            case _:
                raise RefusedError(
                    415, "Content-Type: expected application/x-www-form-urlencoded or "
                    "application/json"
                )  # fmt: skip
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, f"body: expected {request.content_type} in UTF-8") from error
    if not isinstance(fields, dict):
        raise RefusedError(400, "body: expected a JSON object")
    return fields


def _form(text: str) -> list[tuple[str, str]]:
    return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two decisions in one request are none: which one was meant cannot be known."""
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise RefusedError(400, "body: expected every field once")
    return fields


def _text(fields: dict[str, Any], name: str) -> str | None:
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise RefusedError(400, f"{name}: expected a text, got {type(value).__name__}")
    return value


def _media_types(header: str) -> list[str]:
    return [part.partition(";")[0].strip().lower() for part in header.split(",")]
