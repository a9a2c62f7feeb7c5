"""Reads an operator's request: who calls, which page, which session, what to cancel.

Reasons name the field and what was expected, and never repeat a value: they are logged.
"""

import re
from dataclasses import dataclass
from typing import Any

from longrunning import http
from longrunning.http import Event, RefusedError
from longrunning.messages import SESSION_ID_PATTERN, TOOL_USE_ID_PATTERN
from longrunning.waits.open_pages import Positions, read_positions

CANCELLATION_FIELDS = ("session_id", "tool_use_id", "comment")
LIMIT_PATTERN = re.compile(r"[1-9][0-9]?|100")
DEFAULT_LIMIT = 50

MAX_CALLER_CHARS = 200


@dataclass(frozen=True)
class Page:
    """At most `limit` open approvals, those after the positions."""

    limit: int
    after: Positions


@dataclass(frozen=True)
class Cancellation:
    """The wait to cancel, and a comment for the agent."""

    session_id: str
    tool_use_id: str
    comment: str | None


def caller_of(event: Event) -> str:
    """Returns who calls, for the record: `iam:assumed-role/Operators/ann`, `jwt:ann@example.com`.

    An e-mail address counts only if the token's issuer says that it was verified.

    Raises:
        RefusedError: 403, API Gateway has checked no identity.
    """
    authorizer = event["requestContext"].get("authorizer") or {}
    # Source: IAM, "ARNs": arn:partition:service:region:account:resource; a path may have colons.
    arn = (authorizer.get("iam") or {}).get("userArn")
    if arn:
        return f"iam:{arn.split(':', 5)[-1]}"[:MAX_CALLER_CHARS]
    claims = (authorizer.get("jwt") or {}).get("claims") or {}
    is_verified = str(claims.get("email_verified")).lower() == "true"
    name = (is_verified and claims.get("email")) or claims.get("sub")
    if not name:
        raise RefusedError(403, "expected a request signed with AWS credentials")
    return f"jwt:{name}"[:MAX_CALLER_CHARS]


def parse_page(event: Event) -> Page:
    """Returns the page that `limit` (1 to 100) and `next` ask for.

    Raises:
        RefusedError: 400, one of them is something else.
    """
    query = event.get("queryStringParameters") or {}
    limit, token = query.get("limit", str(DEFAULT_LIMIT)), query.get("next")
    if not LIMIT_PATTERN.fullmatch(limit):
        raise RefusedError(400, "limit: expected a whole number from 1 to 100")
    return Page(int(limit), _positions(token) if token is not None else {})


def parse_session_id(event: Event) -> str:
    """Returns the query's `session_id`.

    Raises:
        RefusedError: 400, it is missing or none.
    """
    return _matching(event.get("queryStringParameters") or {}, "session_id", SESSION_ID_PATTERN)


def parse_cancellation(event: Event) -> Cancellation:
    """Reads `{"session_id", "tool_use_id", "comment"}`; the comment may be left out.

    Raises:
        RefusedError: 415 for another type than JSON, 400 for what is not known and for what cannot
            be read or passed on.
    """
    if http.media_types(http.headers(event).get("content-type", "")) != ["application/json"]:
        raise RefusedError(415, "Content-Type: expected application/json")
    fields = http.json_object(event)
    http.only_known(fields, CANCELLATION_FIELDS)
    http.no_query(event, *http.SIGNATURE_NAMES)
    return Cancellation(
        _matching(fields, "session_id", SESSION_ID_PATTERN),
        _matching(fields, "tool_use_id", TOOL_USE_ID_PATTERN),
        http.clean_comment(http.text_field(fields, "comment")),
    )


def _positions(token: str) -> Positions:
    try:
        return read_positions(token)
    except ValueError as error:
        raise RefusedError(400, "next: expected what the page before gave") from error


def _matching(fields: dict[str, Any], name: str, pattern: re.Pattern[str]) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise RefusedError(400, f"{name}: expected {pattern.pattern}")
    return value
