"""C3v: where several people must agree, each says so, and the last one decides.

Votes are a list in the approval's item, which only grows. A write compares the list that was read:
of two people at once one reads again. A vote names the digest of the call that its person saw, and
counts only while that call is in force: an edit leaves the earlier votes behind.

    the last vote of `needed` people approves the call in force     APPROVED
    one person denies                                               DENIED
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from longrunning.waits.answers import Decided, Outcome
from longrunning.waits.item import Decision, Edit, Status, Wait, as_json, month_of
from longrunning.waits.table import WaitTable

MAX_VOTES, MAX_VOTES_BYTES = 60, 30_000
"""Of one approval, with their comments: they stand in its item of 400 KB. There is always room for
a denial."""

TRIES = 8
"""Two people may vote at once: the later one reads again."""


class TooManyAtOnceError(Exception):
    """Others voted at the same moment, again and again. The same may be sent again."""


class Vote(NamedTuple):
    """What one person says."""

    by: str
    via: str
    decision: Decision
    seen: str
    """The digest of the call that the person was shown."""
    comment: str | None = None


class Votes(WaitTable):
    """The table `approvals`: what several people decide together."""

    def vote(
        self,
        session_id: str,
        tool_use_id: str,
        vote: Vote,
        edit_of: Callable[[Wait], Edit | None],
        now: int,
    ) -> Decided:
        """Records a vote, and decides if it is the last one needed.

        Args:
            session_id: The waiting session.
            tool_use_id: The waiting tool use.
            vote: What is said.
            edit_of: From the approval as it stands to what the call is to be, measured on what was
                asked; None: as it was seen. What it raises is raised.
            now: Epoch seconds.

        Returns:
            `counted` or `decided`; `repeated` where the person has said the same before;
            `changed` where the call in force is not the one that was seen; `forbidden` for who was
            not asked; `full` after too many votes; `conflict`, `expired`, `unknown` as for one
            person's decision.

        Raises:
            TooManyAtOnceError: The item was changed at each try.
        """
        for _ in range(TRIES):
            found = self.get(session_id, tool_use_id)
            if found is None:
                return Decided("unknown", None)
            edit = edit_of(found) if found.call is not None else None
            if outcome := _outcome_without(found, vote, edit, now):
                return Decided(outcome, found)
            after = _after(found, vote, edit, now)
            is_full = len(after.votes or ()) > MAX_VOTES or _size(after) > MAX_VOTES_BYTES
            if is_full and vote.decision == "approved":
                return Decided("full", found)
            if updated := self._put_votes(found, after, now):
                is_final = updated.status != Status.PENDING
                return Decided("decided" if is_final else "counted", updated)
        raise TooManyAtOnceError(TooManyAtOnceError.__doc__)

    def _put_votes(self, before: Wait, after: Wait, now: int) -> Wait | None:
        """Writes what a vote changes, if nothing has changed since."""
        condition = "#status = :pending AND decide_by > :now AND attribute_exists(needed)"
        bound: dict[str, Any] = {":pending": Status.PENDING, ":now": now}
        if before.votes is None:
            condition += " AND attribute_not_exists(votes)"
        else:
            condition += " AND votes = :was"
            bound[":was"] = as_json(before.votes)
        values: dict[str, Any] = {
            "status": after.status,
            "decision": after.decision,
            "decided_by": after.decided_by,
            "decided_at": after.decided_at,
            "decided_month": month_of(now) if after.decided_at else None,
            "via": after.via,
            "comment": after.comment,
            "votes": as_json(after.votes),
        }
        removed = ""
        if after.in_force.digest != before.in_force.digest:
            texts = {
                "edited_content": after.edited_content,
                "edited_arguments": after.edited_arguments and as_json(after.edited_arguments),
            }
            values |= texts | {"digest": after.in_force.digest}
            values |= {"remind_at": after.remind_at, "due_at": after.due_at}
            values["planned_remind_at"] = after.planned_remind_at
            gone = [name for name, value in texts.items() if value is None]
            removed = f" REMOVE {', '.join(gone)}" if gone else ""
        ids = (before.session_id, before.tool_use_id)
        updated, _ = self._update(*ids, values, condition, bound, extra=removed)
        return updated


def _outcome_without(found: Wait, vote: Vote, edit: Edit | None, now: int) -> Outcome | None:
    """Returns what comes of a vote that changes nothing; None if it counts."""
    if found.call is None:
        return "unknown"
    if vote.by not in (found.approvers or ()):
        return "forbidden"
    if found.status in (Status.EXPIRED, Status.CANCELLED):
        return "expired"
    # Without an edit it is for what was seen, which may be another call by now.
    wanted = vote.seen if edit is None else found.edited(edit).digest
    is_in_force = wanted == found.in_force.digest
    if found.status != Status.PENDING:
        is_same = found.decision == vote.decision and (vote.decision == "denied" or is_in_force)
        return "repeated" if is_same else "conflict"
    if found.decide_by <= now:
        return "expired"
    if found.needed is None:
        return "forbidden"  # One is enough here: that is another write.
    if is_in_force and vote.decision == "approved" and vote.by in found.approved_by:
        return "repeated"
    return "changed" if vote.seen != found.in_force.digest else None


def _after(found: Wait, vote: Vote, edit: Edit | None, now: int) -> Wait:
    """Returns the approval as it is with one more vote."""
    wanted = found.in_force if edit is None else found.edited(edit)
    is_edit = vote.decision == "approved" and wanted.digest != found.in_force.digest
    if is_edit and edit is not None:
        arguments = edit.arguments or None
        found = replace(found, edited_content=edit.content, edited_arguments=arguments)
        if found.votes:  # Those who have voted are told: the sweeper reminds within a minute.
            found = found.asked_again(now)
    said = {
        "by": vote.by,
        "via": vote.via,
        "at": now,
        "decision": vote.decision,
        "digest": found.in_force.digest,
        "comment": vote.comment,
    }
    voted = replace(found, votes=[*(found.votes or ()), said])
    if vote.decision == "approved" and len(voted.approved_by) < (found.needed or 1):
        return voted
    return replace(
        voted,
        status=Status(vote.decision.upper()),
        decision=vote.decision,
        decided_by=vote.by,
        decided_at=now,
        via=vote.via,
        comment=vote.comment,
    )


def _size(wait: Wait) -> int:
    return len(as_json(wait.votes).encode())
