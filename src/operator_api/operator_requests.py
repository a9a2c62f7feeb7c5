"""Reads an operator's request: who calls, which page, which session, what to cancel.

Reasons name the field and what was expected, and never repeat a value: they are logged.
"""

import base64
import json
import re
from dataclasses import dataclass
from typing import Any

from longrunning import http
from longrunning.http import Event, RefusedError
from longrunning.messages import SESSION_ID_PATTERN, TOOL_USE_ID_PATTERN
from longrunning.waits.open_waits import SHARDS, OpenEntry

CANCELLATION_FIELDS = ("session_id", "tool_use_id", "comment")
LIMIT_PATTERN = re.compile(r"[1-9][0-9]?|100")
DEFAULT_LIMIT = 50

MAX_CALLER_CHARS = 200
MAX_TIME = 10**12

Positions = dict[str, OpenEntry]
"""How far each shard of the index has been read: the last entry, by shard."""


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


def next_token(positions: Positions) -> str:
    """Returns what `next` is on the following page; the inverse of what `parse_page` reads."""
    places = {
        shard: [entry.due_at, entry.session_id, entry.tool_use_id]
        for shard, entry in positions.items()
    }
    return base64.urlsafe_b64encode(json.dumps(places).encode()).rstrip(b"=").decode()


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
        padded = token + "=" * (-len(token) % 4)
        places = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        return {shard: _entry(shard, *place) for shard, place in places.items()}
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise RefusedError(400, "next: expected what the page before gave") from error


def _entry(shard: str, due_at: Any, session_id: Any, tool_use_id: Any) -> OpenEntry:
    """Accepts only what the index could hold: it becomes a key of a query."""
    fits = shard in SHARDS and type(due_at) is int and 0 <= due_at < MAX_TIME
    fits = fits and SESSION_ID_PATTERN.fullmatch(session_id) is not None
    if not fits or not TOOL_USE_ID_PATTERN.fullmatch(tool_use_id):
        raise ValueError(shard)
    return OpenEntry(session_id, tool_use_id, due_at, requested_at=0)


def _matching(fields: dict[str, Any], name: str, pattern: re.Pattern[str]) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise RefusedError(400, f"{name}: expected {pattern.pattern}")
    return value
