"""The step *decide*: GET shows an approval, POST decides it, then the agent is told.

Systems answer at /callbacks/{token}: `callbacks.py`. The inbox: `inbox.py`, `inbox_link.py`.

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
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

import answers
import callbacks
import decisions
from approval_services import Services, services
from longrunning import observability
from longrunning.http import Event, RefusedError, Response, json_answer
from longrunning.people.links import InvalidLinkError, Link, read_token
from longrunning.waits.votes import TooManyAtOnceError
from review_request import ReviewRequest, parse_request
from reviewing import NOT_ASKED, NOT_FOUND, decide, note, show
from viewer import Viewer

UNAVAILABLE = "Something failed on our side. Please send the same again in a moment."
EXPIRED = "This link has expired. What was decided before that stands."

logger = observability.get_logger("approval_api")


def handler(event: Event, context: Any) -> Response:
    """Answers one HTTP API request (payload format 2.0)."""
    if callbacks.is_callback(event):
        return _answer_program(event, callbacks.answer)
    if event.get("routeKey", "").startswith("POST /operator/"):
        import inbox_link  # Operators alone wait for it.

        return _answer_program(event, inbox_link.answer)
    request = parse_request(event)
    try:
        request = _for_reader(request)
        response = _answer(request, int(time.time()))
    except RefusedError as refusal:
        note(refusal)
        response = answers.refused(request, refusal)
    except decisions.NotSentError as error:
        facts = observability.facts_of(error)
        logger.error("the decision is recorded, its message was not sent", extra=facts)
        response = answers.unavailable(request, str(error), again=error.again)
    except (BotoCoreError, ClientError, TooManyAtOnceError) as error:
        logger.error("an AWS call failed", extra=observability.facts_of(error))
        response = answers.unavailable(request, UNAVAILABLE)
    if _is_inbox(request):
        response = answers.with_own_origin(response)
    return {**response, "body": ""} if request.method == "HEAD" else response


def _answer_program(event: Event, answer: Callable[[Services, Event, int], Response]) -> Response:
    try:
        return answer(services(), event, int(time.time()))
    except (BotoCoreError, ClientError) as error:
        logger.error("an AWS call failed", extra=observability.facts_of(error))
        return json_answer(503, {"error": UNAVAILABLE}, retry_after=callbacks.RETRY_AFTER_SECONDS)


def _for_reader(request: ReviewRequest) -> ReviewRequest:
    """Says whose link it is, good or over: a refusal speaks that person's language, too."""
    if _is_inbox(request):
        import inbox  # The first page of a link need not wait for it.

        return inbox.seen(services(), request, int(time.time()))
    if request.method not in ("GET", "HEAD", "POST"):
        return request
    try:
        link = read_token(services().keys, request.token)
    except InvalidLinkError:
        return request
    return replace(request, viewer=Viewer(link.person, services().people))


def _answer(request: ReviewRequest, now: int) -> Response:
    if _is_inbox(request):
        import inbox

        return inbox.answer(services(), request, now)
    match request.method:
        case "OPTIONS":
            return answers.allowed_methods()
        case "GET" | "HEAD" | "POST":
            link = _link(request, now)
            answer = decide if request.method == "POST" else show
            return answer(services(), request, link, now)
    raise RefusedError(405, f"expected one of {answers.ALLOWED_METHODS}")


def _is_inbox(request: ReviewRequest) -> bool:
    return "/inbox" in request.event.get("routeKey", "")


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
