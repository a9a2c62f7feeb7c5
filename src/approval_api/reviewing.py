"""Shows one approval or question, and takes what a person says of it: for links and the inbox."""

from dataclasses import replace

import answers
import decisions
from approval_services import Services
from longrunning import observability
from longrunning.http import RefusedError, Response
from longrunning.people.links import BY_LINK, Link
from longrunning.waits.answers import Decided
from longrunning.waits.item import Status, Wait
from review_request import ANSWERED, DECLINED, Choice, ReviewRequest, parse_choice

NOT_FOUND = "There is no approval here. Please take the whole link from the e-mail."
NOT_ASKED = "You are not asked for this, or no longer. Nothing has changed."
SIGN_IN_FIRST = "Please sign in to decide this: the link alone is not enough. Nothing has changed."
CHANGED = "This was edited after you opened it. Please look at it again: nothing was counted."
FULL = "Too much was said about this already. Please deny it, or have it cancelled and asked again."
A_QUESTION = 'decision: expected "answered" or "declined": this is a question'
OF_QUESTIONS = (ANSWERED, DECLINED)
CLOSED = {
    "EXPIRED": "Nobody decided in time, so this is closed.",
    "CANCELLED": "This request was cancelled: there is nothing to decide any more.",
}

logger = observability.get_logger("approval_api")


def show(services: Services, request: ReviewRequest, link: Link, now: int) -> Response:
    """Answers with what waits, or with what became of it; nothing changes.

    Args:
        services: Where the approvals are.
        request: What is answered.
        link: What is asked for, by whom.
        now: Epoch seconds.

    Raises:
        RefusedError: 404, there is no such approval.
    """
    approval = services.approvals.get(link.session_id, link.tool_use_id)
    if approval is None or approval.call is None:
        raise RefusedError(404, NOT_FOUND)
    if approval.decision:
        return answers.decided(request, 200, approval)
    if approval.status == Status.RESOLVED:
        return answers.answered(request, 200, approval)
    if not approval.is_open(now):
        return _closed(request, approval)
    is_asked = link.via == BY_LINK or link.person in (approval.approvers or ())
    if link.wants_sign_in or not is_asked:
        return answers.looked_at(request, approval, now, is_asked=is_asked)
    return answers.asked(request, 200, approval, now)


def decide(services: Services, request: ReviewRequest, link: Link, now: int) -> Response:
    """Takes the decision, vote or answer of a request; the arguments are those of `show`.

    Raises:
        RefusedError: It cannot be taken; nothing has changed.
        NotSentError: It is recorded, the agent is not told yet.
    """
    choice = parse_choice(request)
    if link.wants_sign_in:
        raise RefusedError(403, SIGN_IN_FIRST)
    try:
        decided = recorded(services, link, choice, now)
    except RefusedError as refusal:
        return _ask_again(services, request, link, choice, refusal, now)
    approval, outcome = decided.approval, decided.outcome
    if approval is None or outcome == "unknown":
        raise RefusedError(404, NOT_FOUND)
    match outcome:
        case "expired":
            return _closed(request, approval)
        case "forbidden":
            raise RefusedError(403, NOT_ASKED)
        case "question":
            return _ask_again(services, request, link, choice, RefusedError(400, A_QUESTION), now)
        case "full":
            raise RefusedError(409, FULL)
        case "changed":
            kept = replace(choice, content=None, arguments=None)
            return _ask_again(services, request, link, kept, RefusedError(409, CHANGED), now)
    if approval.status == Status.PENDING:
        return answers.counted(request, approval)
    say = answers.answered if approval.is_question else answers.decided
    return say(request, 409 if outcome == "conflict" else 200, approval, outcome)


def recorded(services: Services, link: Link, choice: Choice, now: int) -> Decided:
    """Records a decision, or the answer to a question.

    Args:
        services: Where the approvals are.
        link: Of which approval, by whom.
        choice: What is said.
        now: Epoch seconds.
    """
    if choice.decision not in OF_QUESTIONS:
        return decisions.decide(services, link, choice, now)
    import questions  # Few are asked: the first page of an approval need not wait for it.

    return questions.answer(services, link, choice, now)


def _ask_again(
    services: Services,
    request: ReviewRequest,
    link: Link,
    choice: Choice,
    refusal: RefusedError,
    now: int,
) -> Response:
    """A person gets the page back with what was typed, to put right what was refused."""
    approval = services.approvals.get(link.session_id, link.tool_use_id)
    is_open = approval is not None and approval.call is not None and approval.is_open(now)
    if not request.wants_html or approval is None or not is_open:
        raise refusal
    note(refusal)
    return answers.asked(request, refusal.status, approval, now, choice, refusal.reason)


def _closed(request: ReviewRequest, approval: Wait) -> Response:
    refusal = RefusedError(410, CLOSED.get(approval.status, CLOSED["EXPIRED"]))
    note(refusal)
    return answers.closed(request, approval, refusal.reason)


def note(refusal: RefusedError) -> None:
    """Counts and logs a refusal."""
    observability.put_metric("RequestRejected", status=str(refusal.status))
    logger.info("refused", extra={"status": refusal.status, "reason": refusal.logged})
