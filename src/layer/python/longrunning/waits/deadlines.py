"""What operators do about the time of an open approval: a later end (C3x), its e-mail again (C3y).

A link ends at the deadline that was signed into it. So a later deadline makes the e-mail due at
once: the sweeper sends it, with new links, within a minute. What was still to come, a reminder or
an escalation, stays as long before the end as it was.
"""

from dataclasses import replace

from longrunning.waits.answers import Decided
from longrunning.waits.item import Status, Wait
from longrunning.waits.table import WaitTable
from longrunning.waits.timeouts import SECONDS_PER_DAY

MAX_EXTRA_SECONDS = 7 * SECONDS_PER_DAY
"""How much later than the first deadline the end may be, in all."""

KEPT_AFTER_SECONDS = 2 * SECONDS_PER_DAY
"""How long a record is kept after its end: a day more than its session, which then has a day to go
on."""


def latest_end(wait: Wait) -> int:
    """Returns the latest deadline that an approval may be given (epoch seconds)."""
    latest = (wait.first_decide_by or wait.decide_by) + MAX_EXTRA_SECONDS
    return latest if wait.expires_at is None else min(latest, wait.expires_at - KEPT_AFTER_SECONDS)


class Deadlines(WaitTable):
    """The table `approvals`, as far as operators move what is due."""

    def extend(self, found: Wait, decide_by: int, *, by: str, now: int) -> Decided:
        """C3x: moves the deadline of an open approval, if it is still the one that was read.

        Args:
            found: As it was read.
            decide_by: The new deadline, at most `latest_end`.
            by: The operator.
            now: Epoch seconds.

        Returns:
            `decided`; `repeated` where the same operator has just done the same; `conflict` where
            somebody has decided, or moved it otherwise; `unknown`.
        """
        after = _extended(found, decide_by, now)
        values = {
            "decide_by": decide_by,
            "first_decide_by": found.first_decide_by or found.decide_by,
            "remind_at": after.remind_at,
            "planned_remind_at": after.planned_remind_at,
            "escalate_at": after.escalate_at,
            "due_at": after.due_at,
            "asked_again_by": by,
        }
        condition = "#status = :pending AND decide_by = :read"
        bound = {":pending": Status.PENDING, ":read": found.decide_by}
        updated, old = self._update(found.session_id, found.tool_use_id, values, condition, bound)
        if updated:
            return Decided("decided", updated)
        if old is None:
            return Decided("unknown", None)
        is_done = old.status == Status.PENDING and old.decide_by == decide_by
        return Decided("repeated" if is_done and old.asked_again_by == by else "conflict", old)

    def ask_again(self, found: Wait, *, by: str, now: int) -> Decided:
        """C3y: has the sweeper send the e-mail of an open approval within a minute.

        Args:
            found: As it was read.
            by: The operator.
            now: Epoch seconds.

        Returns:
            `decided`; `repeated` where it is due already; `conflict` where somebody has decided,
            or its time is over; `unknown`.
        """
        if found.is_open(now) and max(found.remind_at or now + 1, found.due_at or now + 1) <= now:
            return Decided("repeated", found)
        after = found.asked_again(now)
        values = {
            "remind_at": after.remind_at,
            "planned_remind_at": after.planned_remind_at,
            "due_at": after.due_at,
            "asked_again_by": by,
        }
        condition = "#status = :pending AND decide_by > :now"
        bound = {":pending": Status.PENDING, ":now": now}
        updated, old = self._update(found.session_id, found.tool_use_id, values, condition, bound)
        if updated:
            return Decided("decided", updated)
        return Decided("conflict" if old else "unknown", old)


def _extended(found: Wait, decide_by: int, now: int) -> Wait:
    """Returns an approval with a later end, and its e-mail due at once."""
    extra, again = decide_by - found.decide_by, found.asked_again(now)
    planned = again.planned_remind_at
    is_to_come = planned is not None and planned > now
    return replace(
        again,
        decide_by=decide_by,
        planned_remind_at=planned + extra if planned is not None and is_to_come else None,
        escalate_at=found.escalate_at + extra if found.escalate_at else None,
    )
