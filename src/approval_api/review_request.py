"""Reads an HTTP API event (payload format 2.0): what is asked, and what was decided.

`decision` (`approved` or `denied`), `comment`, `content` and `arguments` come as a form or as JSON:

    decision=denied&comment=too+long
    decision=approved&arguments.amount=40
    {"decision": "approved", "content": "the approver's own text", "arguments": {"amount": 40}}

Where several people must agree, `seen` holds the digest of what was read, as GET gives it. A
question takes `answered` with an `answer`, or `declined`: `questions.py`.

Whatever else is sent is refused, for it would not be done: nobody is told "approved" whose other
amount was left out. The query holds `decision` alone, as the links do. Only where nothing is
decided, at GET, other parameters may follow it: mail gateways and newsletters' tools add them.

Reasons name the field, what was expected and what came, and never repeat a value: they are logged.
"""

from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl

from longrunning import http
from longrunning.http import Event, RefusedError
from viewer import Viewer

APPROVED, DENIED, ANSWERED, DECLINED = "approved", "denied", "answered", "declined"
DECISIONS = (APPROVED, DENIED, ANSWERED, DECLINED)
"""The last two are of questions."""
FIELDS = ("decision", "comment", "content", "arguments", "seen", "answer")
ANSWER = "answer."
"""How the field of an answer begins in a form."""
ARGUMENT = "arguments."
"""How the field of an argument begins in a form."""
FORM = "application/x-www-form-urlencoded"
MAX_FIELDS = 50


@dataclass(frozen=True)
class ReviewRequest:
    """One request for `/approvals/{token}`. The body is not parsed yet."""

    method: str
    token: str
    wants_html: bool
    query_decision: str | None
    content_type: str
    event: Event = field(repr=False)
    viewer: Viewer = field(default=Viewer(), repr=False)
    """Who asks; known once the link was read."""

    def as_seen_by(self, viewer: Viewer) -> "ReviewRequest":
        """Returns the same request for a page, of somebody who is signed in."""
        return replace(self, wants_html=True, viewer=viewer)

    @property
    def is_from_page(self) -> bool:
        """Whether our page's form sent it, in which the text stands whatever is decided."""
        return self.wants_html and self.content_type == FORM

    @property
    def preselected(self) -> str | None:
        """The decision that the link carries, if it is one."""
        return self.query_decision if self.query_decision in DECISIONS else None


@dataclass(frozen=True)
class Choice:
    """A decision as an approver sends it, with the comment and all that was edited as typed."""

    decision: str
    comment: str | None = None
    content: str | None = None
    arguments: dict[str, Any] | None = None
    """By name; a text for what is no text is read as a form's."""
    is_from_page: bool = False
    seen: str | None = None
    """The digest of the call that was read: where several must agree, it may have changed."""
    answer: dict[str, Any] | None = None
    """To a question, by field; a text for what is no text is read as a form's."""

    @property
    def has_edit(self) -> bool:
        """Whether it says anything of the text or the arguments."""
        return self.content is not None or bool(self.arguments)


def parse_request(event: Event) -> ReviewRequest:
    """Takes from the event what this API uses. Never refuses: the link is looked at first."""
    headers = http.headers(event)
    query = parse_qsl(event.get("rawQueryString") or "", keep_blank_values=True)
    decisions = [value for name, value in query if name == "decision"]
    return ReviewRequest(
        method=event["requestContext"]["http"]["method"],
        token=(event.get("pathParameters") or {}).get("token") or "",
        wants_html="text/html" in http.media_types(headers.get("accept", "")),
        query_decision=",".join(decisions) if decisions else None,
        content_type=http.media_types(headers.get("content-type", ""))[0],
        event=event,
    )


def parse_choice(request: ReviewRequest) -> Choice:
    """Reads the decision from the body, which beats the query, or else from the query.

    Raises:
        RefusedError: 415 for a body of another type than form or JSON, 400 for one that cannot be
            read, for fields that are not known or of a wrong type, and where no decision is named.
    """
    fields = _fields(request) if request.event.get("body") else {}
    arguments = _parts(fields, "arguments", ARGUMENT)
    answer = _parts(fields, "answer", ANSWER)
    http.only_known(fields, FIELDS)
    http.no_query(request.event, "decision")
    decision = fields.get("decision", request.query_decision)
    if decision not in DECISIONS:
        came = "nothing" if decision is None else "something else"
        raise RefusedError(400, f'decision: expected "approved" or "denied", got {came}')
    texts = ("comment", "content", "seen")
    comment, content, seen = (http.text_field(fields, name) for name in texts)
    return Choice(decision, comment, content, arguments, request.is_from_page, seen, answer)


def _parts(fields: dict[str, Any], whole: str, prefix: str) -> dict[str, Any] | None:
    """Takes the fields of a form that are parts of one out of it; in JSON they are one object."""
    given = fields.get(whole)
    if given is not None and not isinstance(given, dict):
        raise RefusedError(400, f"{whole}: expected an object, got {http.type_name(given)}")
    names = [name for name in fields if name.startswith(prefix)]
    if twice := [name for name in names if name.removeprefix(prefix) in (given or {})]:
        raise RefusedError(400, f"{http.shown_name(twice[0])}: expected once", "a field twice")
    return (given or {}) | {name.removeprefix(prefix): fields.pop(name) for name in names} or None


def _fields(request: ReviewRequest) -> dict[str, Any]:
    match request.content_type:
        case "application/json":
            return http.json_object(request.event)
        case content_type if content_type == FORM:
            return http.once(_form(http.body_text(request.event)))
    raise RefusedError(415, f"Content-Type: expected {FORM} or application/json")


def _form(text: str) -> list[tuple[str, str]]:
    if text.lstrip().startswith("{"):  # What `curl -d` makes of JSON: it would be a field's name.
        raise RefusedError(400, "body: expected a form; for JSON, Content-Type: application/json")
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError as error:
        reason = f"body: expected a form of at most {MAX_FIELDS} fields in UTF-8"
        raise RefusedError(400, reason) from error
