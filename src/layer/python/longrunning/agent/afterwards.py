"""Makes the session as it is after a run: it waits, or it has ended."""

import hashlib
from collections import Counter
from collections.abc import Collection
from dataclasses import replace

from longrunning.agent.gate import MAX_ASKED, Gate
from longrunning.agent.run import STOPPED, Run
from longrunning.agent.turn_budget import newest_that_fit
from longrunning.sessions import COMPLETED, OTHER_OUTCOMES, WAITING, Session
from longrunning.waits.claims import MAX_CLAIMED
from longrunning.waits.item import Status

MAX_UNSPENT = MAX_CLAIMED - MAX_ASKED
"""How many approved calls a session may carry into later turns. The newest are kept. Each claim
includes them, and one transaction holds 100."""

_OUTCOMES = {
    Status.DENIED: "denied",
    Status.EXPIRED: "expired",
    Status.CANCELLED: "cancelled",
}


def session_after(
    run: Run, gate: Gate, before: Session, *, now: int, message_id: str, kept_seconds: int
) -> Session:
    """Returns what the session is after a run; its version is still the one that was loaded.

    Args:
        run: What the run came to.
        gate: Of the run.
        before: The session that was loaded, or a new one.
        now: Epoch seconds.
        message_id: Of the message that the run was for.
        kept_seconds: How long the session is kept: as long as it may wait, and then like all else.
    """
    claimed = gate.effects.claimed
    approved = [a for a in claimed if a.status == Status.APPROVED]
    left = [a for a in approved if a.tool_use_id not in gate.effects.spent]
    left.sort(key=lambda a: a.tool_use_id not in before.unspent)  # The oldest first.
    unspent = newest_that_fit(left, MAX_UNSPENT)
    waits = Counter(before.waits or {}) + Counter(p.tool_name for p in run.pending)
    return replace(
        before,
        messages=run.messages,
        status=WAITING if run.waits else COMPLETED,
        pending=run.pending,
        unspent=unspent,
        outcome=_outcome(run, gate, before.outcome, unspent),
        reason=None if run.waits or run.ended_well else run.stop_reason,
        last_words=run.last_words or None,
        is_trimmed=gate.watch.is_trimmed or None,
        state=run.state or None,
        waits=dict(waits) or None,
        # A new pause is a new race: the claims of its tool uses count from 1 again.
        fence=0 if run.waits else max((a.fence for a in claimed), default=0),
        paused_at=now,
        paused_by=message_id,
        expires_at=now + kept_seconds,
    )


def digest_of(task: str) -> str:
    """Returns sixteen characters of a task's digest: nobody gains by a task that looks alike."""
    return hashlib.sha256(task.encode()).hexdigest()[:16]


def _outcome(run: Run, gate: Gate, before: str, unspent: Collection[str]) -> str:
    """Returns the outcome by what people decided and what was done.

    A job that ended badly is the model's to tell.
    """
    if done := gate.effects.done or (before if before not in OTHER_OUTCOMES else ""):
        return done
    if not run.waits and not run.ended_well:
        return "stopped" if run.stop_reason == STOPPED else "failed"
    claimed = gate.effects.claimed
    statuses = {a.status for a in claimed if a.call is not None or a.status != Status.EXPIRED}
    if statuses & {Status.APPROVED, *_OUTCOMES}:
        before = next((outcome for status, outcome in _OUTCOMES.items() if status in statuses), "")
    if run.waits or before:
        return before
    if unspent:
        return "not_done"
    return "failed" if gate.watch.last_failed else "finished"
