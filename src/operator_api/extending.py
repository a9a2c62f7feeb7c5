"""Gives an open approval more time, or has its e-mail sent again: the sweeper does that."""

from longrunning import observability
from longrunning.http import RefusedError
from longrunning.text import has_deadline, utc
from longrunning.waits.answers import Decided
from longrunning.waits.deadlines import latest_end
from longrunning.waits.item import Wait
from longrunning.waits.timeouts import SECONDS_PER_HOUR
from operator_records import asked_of_people
from operator_requests import Extension, Named
from operator_services import Services

OF_AN_AGENT = "tool_use_id: another agent waits for this one until then: its end cannot be moved"
NO_END = "tool_use_id: this one has no end: it waits until somebody decides"

logger = observability.get_logger("operator_api")


def extend(services: Services, wanted: Extension, caller: str, now: int) -> Decided:
    """Moves a deadline, and makes the e-mail with new links due.

    Raises:
        RefusedError: 404 for what is not there, 422 for what no person decides and for a deadline
            that may not be so late; nothing has changed.
    """
    found = asked_of_people(services, wanted)
    read_at = found.decide_by if wanted.decide_by is None else wanted.decide_by
    until = read_at + wanted.hours * SECONDS_PER_HOUR
    if not found.is_open(now):
        return _noted("extend", found, Decided("conflict", found))
    if found.decide_by != read_at:
        is_repeat = (found.decide_by, found.asked_again_by) == (until, caller)
        outcome = Decided("repeated" if is_repeat else "conflict", found)
        return _noted("extend", found, outcome)
    _check(found, until)
    moved = services.deadlines.extend(found, until, by=caller, now=now)
    return _noted("extend", found, moved)


def resend(services: Services, wanted: Named, caller: str, now: int) -> Decided:
    """Makes the e-mail due; once more while it is due changes nothing.

    Raises:
        RefusedError: 404 for what is not there, 422 for what no person decides.
    """
    found = asked_of_people(services, wanted)
    done = services.deadlines.ask_again(found, by=caller, now=now)
    return _noted("resend", found, done)


def _check(found: Wait, until: int) -> None:
    if found.depth is not None:
        raise RefusedError(422, OF_AN_AGENT)
    if not has_deadline(found.requested_at, found.decide_by):
        raise RefusedError(422, NO_END)
    if until > (latest := latest_end(found)):
        raise RefusedError(422, f"hours: expected an end at {utc(latest)} at the latest")


def _noted(what: str, found: Wait, done: Decided) -> Decided:
    ids = {"session_id": found.session_id, "tool_use_id": found.tool_use_id}
    logger.info(what, extra={**ids, "outcome": done.outcome})
    return done
