"""The step *decide*: GET shows an approval, POST decides it, then the agent is told.

Systems answer at /callbacks/{token}: `callbacks.py`.

| Request for /approvals/{token} | Answer |
|---|---|
| GET or HEAD of an open or decided approval | 200, nothing changes |
| POST, the first decision or the same again | 200 |
| POST of one of several who must agree | 200 and how many have; 409 if the call was edited since |
| POST, the opposite of what was decided | 409 and what was decided |
| a link of somebody who is not asked, or no longer | 403 |
| a token that is unknown or not ours | 404, always the same body |
| a good token whose time is over | 410 |
| POST that cannot be read or accepted | 400, 413, 415, 422 |
| anything while a service behind this fails | 503; sending it again is safe |

Programs get JSON, the fields of `answers.py` or `{"error"}`; whoever accepts text/html gets a page.
What came of an approval is told by GET, later: `effect` is null, `done`, `refused` or `not_done`.
"""

import time
from dataclasses import replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

import answers
import callbacks
import decisions
from approval_services import services
from longrunning import observability
from longrunning.http import Event, RefusedError, Response, json_answer
from longrunning.people.links import InvalidLinkError, Link, read_token
from longrunning.waits.answers import Decided
from longrunning.waits.item import Status, Wait
from longrunning.waits.votes import TooManyAtOnceError
from review_request import ANSWERED, DECLINED, Choice, ReviewRequest, parse_choice, parse_request
from viewer import Viewer

NOT_FOUND = "There is no approval here. Please take the whole link from the e-mail."
EXPIRED = "This link has expired. What was decided before that stands."
NOT_ASKED = "You are not asked for this, or no longer. Nothing has changed."
CHANGED = "This was edited after you opened it. Please look at it again: nothing was counted."
FULL = "Too much was said about this already. Please deny it, or have it cancelled and asked again."
A_QUESTION = 'decision: expected "answered" or "declined": this is a question'
OF_QUESTIONS = (ANSWERED, DECLINED)
UNAVAILABLE = "Something failed on our side. Please send the same again in a moment."
CLOSED = {
    "EXPIRED": "Nobody decided in time, so this is closed.",
    "CANCELLED": "This request was cancelled: there is nothing to decide any more.",
}

logger = observability.get_logger("approval_api")


def handler(event: Event, context: Any) -> Response:
    """Answers one HTTP API request (payload format 2.0)."""
    if callbacks.is_callback(event):
        return _answer_callback(event)
    request = parse_request(event)
    try:
        request = _for_reader(request)
        response = _answer(request, int(time.time()))
    except RefusedError as refusal:
        _note(refusal)
        response = answers.refused(request, refusal)
    except decisions.NotSentError as error:
        facts = observability.facts_of(error)
        logger.error("the decision is recorded, its message was not sent", extra=facts)
        response = answers.unavailable(request, str(error), again=error.again)
    except (BotoCoreError, ClientError, TooManyAtOnceError) as error:
        logger.error("an AWS call failed", extra=observability.facts_of(error))
        response = answers.unavailable(request, UNAVAILABLE)
    return {**response, "body": ""} if request.method == "HEAD" else response


def _answer_callback(event: Event) -> Response:
    try:
        return callbacks.answer(services(), event, int(time.time()))
    except (BotoCoreError, ClientError) as error:
        logger.error("an AWS call failed", extra=observability.facts_of(error))
        return json_answer(503, {"error": UNAVAILABLE}, retry_after=callbacks.RETRY_AFTER_SECONDS)


def _for_reader(request: ReviewRequest) -> ReviewRequest:
    """Says whose link it is, good or over: a refusal speaks that person's language, too."""
    if request.method not in ("GET", "HEAD", "POST"):
        return request
    try:
        link = read_token(services().keys, request.token)
    except InvalidLinkError:
        return request
    return replace(request, viewer=Viewer(link.person, services().people))


def _answer(request: ReviewRequest, now: int) -> Response:
    match request.method:
        case "OPTIONS":
            return answers.allowed_methods()
        case "GET" | "HEAD" | "POST":
            link = _link(request, now)
            viewer = Viewer(link.person, services().people)
            answer = _decide if request.method == "POST" else _show
            return answer(replace(request, viewer=viewer), link, now)
    raise RefusedError(405, f"expected one of {answers.ALLOWED_METHODS}")


def _link(request: ReviewRequest, now: int) -> Link:
    try:
        link = read_token(services().keys, request.token)
    except InvalidLinkError as error:
        raise RefusedError(404, NOT_FOUND) from error
    if link.expires_at <= now:
        raise RefusedError(410, EXPIRED)
    if link.person is not None and link.person not in services().people:
        raise RefusedError(403, NOT_ASKED)
    return link


def _show(request: ReviewRequest, link: Link, now: int) -> Response:
    approval = services().approvals.get(link.session_id, link.tool_use_id)
    if approval is None or approval.call is None:
        raise RefusedError(404, NOT_FOUND)
    if approval.decision:
        return answers.decided(request, 200, approval)
    if approval.status == Status.RESOLVED:
        return answers.answered(request, 200, approval)
    if not approval.is_open(now):
        return _closed(request, approval)
    return answers.asked(request, 200, approval, now)


def _decide(request: ReviewRequest, link: Link, now: int) -> Response:
    choice = parse_choice(request)
    try:
        decided = _recorded(link, choice, now)
    except RefusedError as refusal:
        return _ask_again(request, link, choice, refusal, now)
    approval, outcome = decided.approval, decided.outcome
    if approval is None or outcome == "unknown":
        raise RefusedError(404, NOT_FOUND)
    match outcome:
        case "expired":
            return _closed(request, approval)
        case "forbidden":
            raise RefusedError(403, NOT_ASKED)
        case "question":
            return _ask_again(request, link, choice, RefusedError(400, A_QUESTION), now)
        case "full":
            raise RefusedError(409, FULL)
        case "changed":
            kept = replace(choice, content=None, arguments=None)
            return _ask_again(request, link, kept, RefusedError(409, CHANGED), now)
    if approval.status == Status.PENDING:
        return answers.counted(request, approval)
    say = answers.answered if approval.is_question else answers.decided
    return say(request, 409 if outcome == "conflict" else 200, approval, outcome)


def _recorded(link: Link, choice: Choice, now: int) -> Decided:
    """Records a decision, or the answer to a question."""
    if choice.decision not in OF_QUESTIONS:
        return decisions.decide(services(), link, choice, now)
    import questions  # Few are asked: the first page of an approval need not wait for it.

    return questions.answer(services(), link, choice, now)


def _ask_again(
    request: ReviewRequest, link: Link, choice: Choice, refusal: RefusedError, now: int
) -> Response:
    """A person gets the page back with what was typed, to put right what was refused."""
    approval = services().approvals.get(link.session_id, link.tool_use_id)
    is_open = approval is not None and approval.call is not None and approval.is_open(now)
    if not request.wants_html or approval is None or not is_open:
        raise refusal
    _note(refusal)
    return answers.asked(request, refusal.status, approval, now, choice, refusal.reason)


def _closed(request: ReviewRequest, approval: Wait) -> Response:
    refusal = RefusedError(410, CLOSED.get(approval.status, CLOSED["EXPIRED"]))
    _note(refusal)
    return answers.closed(request, approval, refusal.reason)


def _note(refusal: RefusedError) -> None:
    observability.put_metric("RequestRejected", status=str(refusal.status))
    logger.info("refused", extra={"status": refusal.status, "reason": refusal.logged})
