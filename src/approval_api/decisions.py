"""Takes a decision and wakes the agent: first the record, then the message."""

from botocore.exceptions import BotoCoreError, ClientError

from approval_services import Services
from edits import edit_of, is_untouched
from longrunning import observability, tracing
from longrunning.deciding import measure, send_wake_up
from longrunning.http import RefusedError, clean_comment
from longrunning.people.links import Link
from longrunning.waits.answers import Answers, Decided
from longrunning.waits.item import Call, Decision, Edit, Wait
from longrunning.waits.votes import Vote
from review_request import Choice

DECIDED_BY_LINK = "link"
"""A link without a name proves a mailbox, not a person."""

_DECISIONS: dict[str, Decision] = {"approved": "approved", "denied": "denied"}

logger = observability.get_logger("approval_api")


class NotSentError(Exception):
    """Your decision is recorded, but the agent could not be told yet. Please send it again."""

    def __init__(self, again: dict[str, str] | None) -> None:
        """Keeps the fields that are all that has to be sent again; None: all of them are."""
        super().__init__(self.__doc__)
        self.again = again


def decide(services: Services, link: Link, choice: Choice, now: int) -> Decided:
    """Records a decision and tells the agent; the same again only tells the agent again.

    Raises:
        RefusedError: The comment or the edit cannot be taken; nothing has changed.
        NotSentError: The decision is recorded, the message is not on the queue.
    """
    ids = {"session_id": link.session_id, "tool_use_id": link.tool_use_id}
    with tracing.subsegment("decide", **ids):
        if link.is_vote:
            decided = _vote(services, link, choice, now)
        else:
            decided = _decide_alone(services, link, choice, now)
    logger.info("decide", extra={**ids, "choice": choice.decision, "outcome": decided.outcome})
    approval = decided.approval
    if approval and decided.outcome in ("decided", "repeated") and approval.decision:
        if decided.outcome == "decided":
            measure(approval)
        tell_agent(services, approval, again=_again(approval, link))
    return decided


def decider(link: Link) -> tuple[str, str | None]:
    """Returns who decides with a link, and how: a person by name, or whoever has it."""
    return (link.person, link.via) if link.person else (DECIDED_BY_LINK, None)


def _decide_alone(services: Services, link: Link, choice: Choice, now: int) -> Decided:
    comment = clean_comment(choice.comment)
    edit, changed = _edit(services.approvals, link, choice)
    by, via = decider(link)
    return services.approvals.decide(
        link.session_id,
        link.tool_use_id,
        _DECISIONS[choice.decision],
        decided_by=by,
        via=via,
        now=now,
        comment=comment,
        edit=edit,
        digest=changed.digest if changed else None,
    )


def _vote(services: Services, link: Link, choice: Choice, now: int) -> Decided:
    """Records what one of several people says, of exactly what that one has seen."""
    if choice.seen is None:
        raise RefusedError(400, "seen: expected the digest of what you have read, as GET gives it")
    vote = Vote(
        by=link.person or "",
        via=link.via,
        decision=_DECISIONS[choice.decision],
        seen=choice.seen,
        comment=clean_comment(choice.comment),
    )

    return services.votes.vote(
        link.session_id, link.tool_use_id, vote, lambda found: _edit_of(choice, found), now
    )


def _edit(approvals: Answers, link: Link, choice: Choice) -> tuple[Edit | None, Call | None]:
    """Returns what was edited, and the call with it, if that is another one.

    Only an approval can carry an edit, and only then the record must be read first.
    """
    if not _says_edit(choice):
        return None, None
    approval = approvals.get(link.session_id, link.tool_use_id)
    if approval is None or approval.call is None:
        return None, None  # Which is told apart by the write: there is nothing to decide.
    edit = _edit_of(choice, approval)
    if edit is None or edit == Edit():
        return edit, None
    return edit, approval.edited(edit)


def _says_edit(choice: Choice) -> bool:
    """Whether an edit may be in it: our page's form holds the text whatever is decided."""
    return choice.has_edit and not (choice.is_from_page and choice.decision == "denied")


def _edit_of(choice: Choice, approval: Wait) -> Edit | None:
    if not _says_edit(choice):
        return None
    if choice.decision == "denied":
        _check_untouched(choice, approval)
        return None
    return edit_of(choice, approval)


def _check_untouched(choice: Choice, approval: Wait) -> None:
    """Says of a denial that its edit would be lost; our page has said so beside its editor."""
    if not is_untouched(choice, approval):
        field = "arguments" if choice.content is None else "content"
        raise RefusedError(400, f"{field}: expected none or as asked: a denial edits none")


def _again(approval: Wait, link: Link) -> dict[str, str]:
    """Returns all that has to be sent again, for the agent to be told."""
    seen = {"seen": approval.in_force.digest} if link.is_vote else {}
    return {"decision": approval.decision or "denied", **seen}


def tell_agent(services: Services, approval: Wait, *, again: dict[str, str] | None) -> None:
    """Puts the message on the queue that has the agent look.

    Args:
        services: Where the queue is.
        approval: What was decided or answered.
        again: The fields that are all there is to send again; None: all of them are.

    Raises:
        NotSentError: It is not on the queue.
    """
    try:
        send_wake_up(services.sqs, services.task_queue_url, approval)
    except (BotoCoreError, ClientError) as error:
        raise NotSentError(again) from error
