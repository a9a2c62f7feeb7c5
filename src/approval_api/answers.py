"""HTTP answers: one document for programs, one page for people, the same headers on both."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import page_parts
import review_pages
from longrunning.http import RefusedError, Response
from longrunning.waits import outcomes as effects
from longrunning.waits.item import Status, Wait
from review_request import Choice, ReviewRequest

ALLOWED_METHODS = "GET, HEAD, POST, OPTIONS"
RETRY_AFTER_SECONDS = 5

DECIDED_FIELDS = (
    "session_id",
    "tool_use_id",
    "status",
    "decision",
    "decided_by",
    "decided_at",
    "via",
    "comment",
    "approvers",
    "needed",
    "votes",
)
CLOSED_FIELDS = (
    "session_id",
    "tool_use_id",
    "status",
    "decided_by",
    "decided_at",
    "comment",
    "agent_name",
    "action",
)
OPEN_FIELDS = (
    "agent_name",
    "action",
    "content",
    "arguments",
    "editable",
    "answer_schema",
    "requested_at",
    "decide_by",
)

Document = dict[str, Any]


def asked(
    request: ReviewRequest,
    status: int,
    approval: Wait,
    now: int,
    draft: Choice | None = None,
    problem: str = "",
) -> Response:
    """Answers with an open approval: what is asked, and on the page the form that decides it.

    Args:
        request: What is answered.
        status: 200, or why the page is shown again.
        approval: What waits for the decision.
        now: Epoch seconds.
        draft: What was sent and could not be taken; the form keeps it.
        problem: Why it could not be taken.
    """
    return _answer(
        request,
        status,
        _document(approval, *OPEN_FIELDS),
        lambda: _asking_page(request, approval, now, draft, request.viewer.words.reason(problem)),
    )


def looked_at(request: ReviewRequest, approval: Wait, now: int, *, is_asked: bool) -> Response:
    """Answers with an open approval that is not decided here; there is no form.

    Args:
        request: What is answered.
        approval: What waits for the decision.
        now: Epoch seconds.
        is_asked: Whether this person is asked, and must sign in first.
    """
    from look_pages import look_page  # Few are looked at so.

    return _answer(
        request,
        200,
        _document(approval, *OPEN_FIELDS),
        lambda: look_page(approval, now, request.viewer, is_asked=is_asked),
    )


def answered(
    request: ReviewRequest, status: int, question: Wait, outcome: str = "shown"
) -> Response:
    """Answers with a question that has its answer; the arguments are those of `decided`."""
    from question_pages import answered_page
    from questions import answer_of

    return _answer(
        request,
        status,
        _document(question) | {"answer": answer_of(question)},
        lambda: answered_page(question, outcome, request.viewer),
    )


def counted(request: ReviewRequest, approval: Wait) -> Response:
    """Answers with an approval that has one more vote, and still waits for others.

    Args:
        request: What is answered.
        approval: What several people must agree to.
    """
    return _answer(
        request,
        200,
        _document(approval),
        lambda: review_pages.counted_page(approval, request.viewer),
    )


def decided(
    request: ReviewRequest, status: int, approval: Wait, outcome: str = "shown"
) -> Response:
    """Answers with a decided approval: who decided what and when (epoch seconds).

    Args:
        request: What is answered.
        status: 200, or 409 for the opposite of what was decided.
        approval: What was decided.
        outcome: What this request did: `decided`, `repeated`, `conflict`, or `shown` for nothing.
    """
    return _answer(
        request,
        status,
        _document(approval),
        lambda: review_pages.decided_page(approval, outcome, request.viewer),
    )


def closed(request: ReviewRequest, approval: Wait, reason: str) -> Response:
    """Answers 410 for what ended without a decision: how, by whom, and what it was about.

    Args:
        request: What is answered.
        approval: What is over; EXPIRED also where the sweeper has not been there yet.
        reason: How it ended, as a sentence; on the page, as all fixed ones, in its language.
    """
    document = {"error": reason} | _facts(approval, CLOSED_FIELDS)
    document["status"] = Status.CANCELLED if approval.status == Status.CANCELLED else Status.EXPIRED
    return _answer(
        request, 410, document, lambda: review_pages.closed_page(approval, reason, request.viewer)
    )


def refused(request: ReviewRequest, refusal: RefusedError) -> Response:
    """Answers a refusal: `{"error": "<reason>"}`, or a page that says the same."""
    status, reason, words = refusal.status, refusal.reason, request.viewer.words
    response = _answer(
        request, status, {"error": reason}, lambda: review_pages.refused_page(status, reason, words)
    )
    return _with_headers(response, {"allow": ALLOWED_METHODS}) if status == 405 else response


def unavailable(
    request: ReviewRequest, reason: str, again: dict[str, str] | None = None
) -> Response:
    """Answers 503: something behind this API failed, and the same request may be sent again.

    Args:
        request: What is answered.
        reason: A sentence for the caller.
        again: The fields that the page's one button sends again, if that is enough.
    """
    words = request.viewer.words
    response = _answer(
        request, 503, {"error": reason}, lambda: review_pages.unavailable_page(reason, again, words)
    )
    return _with_headers(response, {"retry-after": str(RETRY_AFTER_SECONDS)})


def allowed_methods() -> Response:
    """Answers OPTIONS, without a look at the link. No other site is allowed anything."""
    response = _with_headers(_response(204, "", "text/plain"), {"allow": ALLOWED_METHODS})
    del response["headers"]["content-type"]
    return response


def _asking_page(
    request: ReviewRequest, asked: Wait, now: int, draft: Choice | None, problem: str
) -> str:
    """Returns the page of a question, or of an approval."""
    if asked.is_question:
        from question_pages import question_page

        return question_page(asked, now, draft, problem, request.viewer)
    preselected = draft.decision if draft else request.preselected
    return review_pages.review_page(asked, now, preselected, draft, problem, request.viewer)


def _facts(approval: Wait, names: Sequence[str]) -> Document:
    facts = {**vars(approval), **vars(approval.in_force)}
    return {name: facts[name] for name in names}


def _document(approval: Wait, *more: str) -> Document:
    """Shows a decision the same way however far the agent has come; `effect` says how far."""
    document = _facts(approval, DECIDED_FIELDS + more)
    document |= effects.facts_of(approval) | {"digest": approval.in_force.digest}
    return {**document, "status": Status.APPROVED} if approval.status == Status.SPENT else document


def _answer(
    request: ReviewRequest, status: int, document: Document, page: Callable[[], str]
) -> Response:
    """Whoever asks for text/html gets the page, all others JSON."""
    if request.wants_html:
        return page_response(status, page())
    return _response(status, json.dumps(document), "application/json")


def with_own_origin(response: Response) -> Response:
    """Lets a page's own forms say where they come from, which the inbox wants to know.

    With `no-referrer`, as all other pages have it, a browser sends `Origin: null`.
    """
    return _with_headers(response, {"referrer-policy": "same-origin"})


def page_response(status: int, page: str) -> Response:
    """Returns a page as an answer."""
    # What was typed comes back as it came, but for half a surrogate, which is no Unicode.
    text = page.encode(errors="replace").decode()
    return _response(status, text, "text/html; charset=utf-8")


def _response(status: int, body: str, content_type: str) -> Response:
    headers = {
        "content-type": content_type,
        "cache-control": "no-store",
        "content-security-policy": page_parts.content_security_policy(),
        "referrer-policy": "no-referrer",
        "vary": "accept",
        "x-content-type-options": "nosniff",
        "x-robots-tag": "noindex, nofollow",
    }
    return {"statusCode": status, "headers": headers, "body": body}


def _with_headers(response: Response, headers: dict[str, str]) -> Response:
    return {**response, "headers": {**response["headers"], **headers}}
