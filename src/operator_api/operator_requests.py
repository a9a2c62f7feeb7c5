"""Reads an operator's request: who calls, which page, which approval, what to do with it.

Reasons name the field and what was expected, and never repeat a value: they are logged.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from longrunning import http
from longrunning.http import Event, RefusedError
from longrunning.messages import SESSION_ID_PATTERN, TOOL_USE_ID_PATTERN
from longrunning.waits.deadlines import MAX_EXTRA_SECONDS
from longrunning.waits.open_pages import MAX_TIME, Positions, read_positions
from longrunning.waits.timeouts import SECONDS_PER_HOUR

NAMED_FIELDS = ("session_id", "tool_use_id")
CANCELLATION_FIELDS = (*NAMED_FIELDS, "comment")
CHOICE_FIELDS = (*NAMED_FIELDS, "decision", "comment", "seen", "answer")
EXTENSION_FIELDS = (*NAMED_FIELDS, "hours", "decide_by")

DECISIONS = ("approved", "denied", "answered", "declined")
OF_QUESTIONS = DECISIONS[2:]
MAX_HOURS = MAX_EXTRA_SECONDS // SECONDS_PER_HOUR
LIMIT_PATTERN = re.compile(r"[1-9][0-9]?|100")
DEFAULT_LIMIT = 50

MAX_CALLER_CHARS = 200


@dataclass(frozen=True)
class Page:
    """At most `limit` open approvals, those after the positions."""

    limit: int
    after: Positions


@dataclass(frozen=True)
class Named:
    """One wait, by its ids."""

    session_id: str
    tool_use_id: str


@dataclass(frozen=True)
class Cancellation(Named):
    """The wait to cancel, and a comment for the agent."""

    comment: str | None


@dataclass(frozen=True)
class Choice(Named):
    """What a person says to an approval or a question."""

    decision: str
    comment: str | None = None
    seen: str | None = None
    """The digest of the call that was read."""
    answer: dict[str, Any] | None = None
    """To a question, by field; None: it is declined, or this is no question."""


@dataclass(frozen=True)
class Extension(Named):
    """An approval that is to have more time."""

    hours: int
    decide_by: int | None = None
    """The deadline that was read (epoch seconds): then the same again changes nothing."""


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


def parse_named(event: Event) -> Named:
    """Returns the approval that the query names.

    Raises:
        RefusedError: 400, an id is missing or none.
    """
    return _named(event.get("queryStringParameters") or {})


def parse_cancellation(event: Event) -> Cancellation:
    """Reads `{"session_id", "tool_use_id", "comment"}`; the comment may be left out.

    Raises:
        RefusedError: 415 for another type than JSON, 400 for what is not known and for what cannot
            be read or passed on.
    """
    fields = _body(event, CANCELLATION_FIELDS)
    named, comment = _named(fields), http.text_field(fields, "comment")
    return Cancellation(named.session_id, named.tool_use_id, http.clean_comment(comment))


def parse_choice(event: Event) -> Choice:
    """Reads `{"session_id", "tool_use_id", "decision", "comment", "seen", "answer"}`.

    The last three may be left out; but an answer is there with `answered`, and with it alone.

    Raises:
        RefusedError: 415 and 400, as of a cancellation.
    """
    fields = _body(event, CHOICE_FIELDS)
    named, decision = _named(fields), fields.get("decision")
    if decision not in DECISIONS:
        raise RefusedError(400, f"decision: expected one of {', '.join(DECISIONS)}")
    comment, seen = (http.text_field(fields, name) for name in ("comment", "seen"))
    answer = _answer(fields.get("answer"), decision)
    comment = http.clean_comment(comment)
    return Choice(named.session_id, named.tool_use_id, decision, comment, seen, answer)


def parse_extension(event: Event) -> Extension:
    """Reads `{"session_id", "tool_use_id", "hours", "decide_by"}`; the last may be left out.

    Raises:
        RefusedError: 415 and 400, as of a cancellation.
    """
    fields = _body(event, EXTENSION_FIELDS)
    named = _named(fields)
    hours, read = fields.get("hours"), fields.get("decide_by")
    if type(hours) is not int or not 1 <= hours <= MAX_HOURS:
        raise RefusedError(400, f"hours: expected a whole number from 1 to {MAX_HOURS}")
    if read is not None and (type(read) is not int or not 0 <= read < MAX_TIME):
        raise RefusedError(400, "decide_by: expected the deadline that you have read")
    return Extension(named.session_id, named.tool_use_id, hours, read)


def parse_resend(event: Event) -> Named:
    """Reads `{"session_id", "tool_use_id"}`.

    Raises:
        RefusedError: 415 and 400, as of a cancellation.
    """
    return _named(_body(event, NAMED_FIELDS))


def _body(event: Event, known: Sequence[str]) -> dict[str, Any]:
    if http.media_types(http.headers(event).get("content-type", "")) != ["application/json"]:
        raise RefusedError(415, "Content-Type: expected application/json")
    fields = http.json_object(event)
    http.only_known(fields, known)
    http.no_query(event, *http.SIGNATURE_NAMES)
    return fields


def _named(fields: dict[str, Any]) -> Named:
    return Named(
        _matching(fields, "session_id", SESSION_ID_PATTERN),
        _matching(fields, "tool_use_id", TOOL_USE_ID_PATTERN),
    )


def _answer(given: Any, decision: str) -> dict[str, Any] | None:
    if given is not None and not isinstance(given, dict):
        raise RefusedError(400, f"answer: expected an object, got {http.type_name(given)}")
    if (given is not None) != (decision == "answered"):
        raise RefusedError(400, 'answer: expected an object with "answered", and with it alone')
    return given


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
