"""What people do about an open approval but decide it: more time, its e-mail again, withdraw it.

Those who are asked may, and the one who requested the task. The record says who it was.
"""

from approval_services import Services
from decisions import tell_agent
from inbox_services import InboxServices
from longrunning import observability
from longrunning.http import RefusedError, clean_comment
from longrunning.people.directory import Person
from longrunning.text import has_deadline
from longrunning.waits.deadlines import latest_end
from longrunning.waits.item import Wait
from longrunning.waits.timeouts import SECONDS_PER_DAY

EXTEND, RESEND, WITHDRAW = "extend", "resend", "withdraw"
ACTIONS = (EXTEND, RESEND, WITHDRAW)

NOT_YOURS = "You are not asked for this, nor is it for you. Nothing has changed."
NOT_SO_LATE = "Its end cannot be any later."
IT_CHANGED = "It has changed since you opened it. Please look at it again: nothing was done."

logger = observability.get_logger("inbox")


def may_act(wait: Wait, person: Person, now: int) -> bool:
    """Tells whether a person may do something about it: it is open, and asked of or for them."""
    is_asked = person.id in (wait.approvers or ())
    return wait.is_open(now) and (is_asked or person.is_called(wait.requested_by or ""))


def later_end(wait: Wait) -> int | None:
    """Returns the end that a day more would mean, or as much of it as may be; None: no more."""
    if wait.depth is not None or not has_deadline(wait.requested_at, wait.decide_by):
        return None
    end = min(wait.decide_by + SECONDS_PER_DAY, latest_end(wait))
    return end if end > wait.decide_by else None


def act(
    services: Services,
    inbox: InboxServices,
    person: Person,
    wait: Wait,
    form: dict[str, str],
    now: int,
) -> None:
    """Does what a form asks for; safe to send again.

    Args:
        services: The approvals, and the queue.
        inbox: Where deadlines are moved.
        person: Who wants it.
        wait: As it stands.
        form: `do`, with `decide_by` as it was read, and a `comment` to what is withdrawn.
        now: Epoch seconds.

    Raises:
        RefusedError: 403 for who may not, 409 for what has changed, 422 for an end too late.
        NotSentError: It is withdrawn, the agent is not told yet.
    """
    if not may_act(wait, person, now):
        raise RefusedError(403 if wait.is_open(now) else 409, NOT_YOURS)
    what, by = form.get("do"), person.id
    if what == WITHDRAW:
        _withdraw(services, wait, by, clean_comment(form.get("comment")), now)
    elif what == RESEND:
        _noted(what, wait, inbox.deadlines.ask_again(wait, by=by, now=now).outcome)
    elif what == EXTEND:
        _extend(inbox, wait, by, form.get("decide_by", ""), now)
    else:
        raise RefusedError(400, f"do: expected one of {', '.join(ACTIONS)}")


def _extend(inbox: InboxServices, wait: Wait, by: str, read: str, now: int) -> None:
    if read != str(wait.decide_by):  # Pressed twice, or somebody else was faster.
        raise RefusedError(409, IT_CHANGED)
    end = later_end(wait)
    if end is None:
        raise RefusedError(422, NOT_SO_LATE)
    _noted(EXTEND, wait, inbox.deadlines.extend(wait, end, by=by, now=now).outcome)


def _withdraw(services: Services, wait: Wait, by: str, comment: str | None, now: int) -> None:
    ids = (wait.session_id, wait.tool_use_id)
    done = services.approvals.cancel(*ids, decided_by=by, now=now, comment=comment)
    if done.outcome == "decided":
        observability.put_metric("ApprovalCancelled")
    _noted(WITHDRAW, wait, done.outcome)
    if done.approval is not None:
        tell_agent(services, done.approval, again=None)


def _noted(what: str, wait: Wait, outcome: str) -> None:
    ids = {"session_id": wait.session_id, "tool_use_id": wait.tool_use_id}
    logger.info(what, extra={**ids, "outcome": outcome})
    if outcome not in ("decided", "repeated"):
        raise RefusedError(409, IT_CHANGED)
