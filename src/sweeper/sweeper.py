"""The sweep: what nobody else does for an open approval.

    what it finds                                   what it does
    no session waits on it any more                 closes it; an open question is cancelled
    nobody decided, and its time is over            expires it and tells the agent
    nobody decided, a reminder is due               sends the e-mail again
    nobody decided, an escalation is due            sends it to the second topic
    decided, and no worker has come for it          sends the message again that a crash lost

All of it may happen twice, and at the same time: each write is conditional on what was read, a
message is only a hint, and an e-mail that comes twice has the same links.
"""

import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from gauges import METRIC_OF, measure_open, measure_overdue
from longrunning.approval_item import PENDING, Approval, wake_up_message
from longrunning.notifications import ESCALATION, REMINDER
from longrunning.observability import facts_of, get_logger, put_metric
from longrunning.open_approvals import SHARDS, OpenApprovals, OpenEntry

RETRY_SECONDS = 300
"""A reminder that could not be sent is due again after this long."""

RESEND_SECONDS = 120
"""A decision that no worker has come for is told again after so long, then after twice as long."""

MAX_RESEND_SECONDS = 3_600

AUDITED_PER_SWEEP = 500
"""Open approvals that are not due, but looked up for a decision: up to so many are all of them."""

MAX_ENTRIES_PER_SHARD = 25_000
"""Read from the index at a time; the earliest due come first."""

MAILS_PER_SECOND = 4
"""SNS suspends an e-mail subscription that gets more than 10: `longrunning/pace.py` has the sum of
all senders."""

THREADS = 16

_logger = get_logger("sweeper")

Item = TypeVar("Item", OpenEntry, Approval)


@dataclass(frozen=True)
class Sweeper:
    """Looks after the open approvals. All it touches is passed in."""

    approvals: OpenApprovals
    read_turn: Callable[[str, str], tuple[str, ...]]
    """Session id and agent name to the tool uses that the session waits for."""
    notify: Callable[[Approval, str], None]
    """Sends the e-mail of an approval; the occasion is `reminder` or `escalation`."""
    send_message: Callable[[str], None]
    """Puts a body on the task queue."""
    clock: Callable[[], float]
    sleep: Callable[[float], None]

    def sweep(self, deadline: float) -> dict[str, int]:
        """Looks at what is due, and for decisions that the agent was not told of.

        Args:
            deadline: Epoch seconds; what is not looked at by then is left to the next sweep.

        Returns:
            How many items were `looked_at`, and what came of them: the keys of `METRIC_OF`.
        """
        now = self._now()
        entries = [e for s in SHARDS for e in self.approvals.entries(s, MAX_ENTRIES_PER_SHARD)]
        measure_open(entries, now)
        due = [e for e in entries if e.due_at <= now]
        decided = self._decided([e for e in entries if e.due_at > now], now)
        with ThreadPoolExecutor(THREADS) as threads:
            look = partial(self._look, deadline=deadline, do=self._look_after)
            found = list(threads.map(look, due + decided))
        mails = self._mail([what for what in found if isinstance(what, Approval)], deadline)
        outcomes = Counter(what for what in (*found, *mails) if isinstance(what, str))
        looked_at = outcomes.total() - outcomes["left"]
        return {"looked_at": looked_at, **{name: outcomes[name] for name in METRIC_OF}}

    def _decided(self, entries: list[OpenEntry], now: int) -> list[OpenEntry]:
        """Finds what is decided among those that are not due; each sweep looks at some of many."""
        parts = -(-len(entries) // AUDITED_PER_SWEEP) or 1
        this_part = now // 60 % parts
        part = [e for e in entries if _hash(e) % parts == this_part]
        try:
            return list(self.approvals.decided_among(part))
        except Exception as error:  # What is due must not wait for this.
            _note_failure(error)
            return []

    def _look(
        self, item: Item, deadline: float, do: Callable[[Item], str | Approval]
    ) -> str | Approval:
        """Does what one item needs; whatever is wrong with it, the others go on."""
        if self.clock() >= deadline:
            return "left"
        try:
            return do(item)
        except Exception as error:
            _note_failure(error, session_id=item.session_id, tool_use_id=item.tool_use_id)
            return "failed"

    def _mail(self, due: list[Approval], deadline: float) -> Iterator[str | Approval]:
        """Sends the e-mails that are due, the longest due first, and not too fast."""
        for place, approval in enumerate(sorted(due, key=lambda a: a.due_at or 0)):
            if place:
                self.sleep(1 / MAILS_PER_SECOND)
            yield self._look(approval, deadline, self._remind)

    def _look_after(self, entry: OpenEntry) -> str | Approval:
        """Returns what became of it, or the approval itself if an e-mail is due."""
        now = self._now()
        approval = self.approvals.get(entry.session_id, entry.tool_use_id)
        if approval is None or approval.due_at is None:
            return "nothing"  # The index is a moment behind.
        # After the record: a session is saved before its approvals are recorded.
        turn = self.read_turn(approval.session_id, approval.agent_name)
        if approval.tool_use_id not in turn:
            return self._noted("closed", self.approvals.close(approval, now))
        if approval.status != PENDING:
            return self._tell_again(approval, turn, now)
        if approval.decide_by <= now:
            return self._expire(approval, now)
        return approval

    def _expire(self, approval: Approval, now: int) -> str:
        measure_overdue(now - approval.decide_by)
        expired = self.approvals.expire(approval, now)
        if expired:
            self.send_message(wake_up_message(expired))
        return self._noted("expired", expired)

    def _remind(self, approval: Approval) -> str:
        """Takes what is due, sends it, and only then notes that it is done."""
        now = self._now()
        for step, occasion, outcome in (
            ("escalate_at", ESCALATION, "escalated"),
            ("remind_at", REMINDER, "reminded"),
        ):
            at = getattr(approval, step)
            if at is not None and at <= now:
                taken = self.approvals.put_off(approval, now + RETRY_SECONDS)
                if taken:
                    self.notify(taken, occasion)
                    next_at = replace(taken, **{step: None}).next_step_at  # type: ignore[arg-type]
                    self.approvals.step_done(taken, step, next_at)
                return self._noted(outcome, taken)
        self.approvals.put_off(approval, approval.next_step_at)
        return "nothing"

    def _tell_again(self, approval: Approval, turn: Iterable[str], now: int) -> str:
        """Only once all of the turn is decided, and only what may still resume it."""
        told_last = max(approval.decided_at or 0, approval.resent_at or 0)
        pause = RESEND_SECONDS * 2 ** min(approval.resends or 0, 10)
        if now < told_last + min(pause, MAX_RESEND_SECONDS):
            return "nothing"
        read = [self.approvals.get(approval.session_id, i) for i in turn]
        if approval.acknowledged or any(a.status == PENDING for a in read if a):
            return "nothing"
        taken = self.approvals.take_resend(approval, now)
        if taken:
            self.send_message(wake_up_message(taken))
        return self._noted("resent", taken)

    def _noted(self, outcome: str, updated: Approval | None) -> str:
        """Counts what was done; a click or another sweeper may have been faster."""
        if updated is None:
            return "nothing"
        ids = {"session_id": updated.session_id, "tool_use_id": updated.tool_use_id}
        _logger.info(outcome, extra=ids)
        put_metric(METRIC_OF[outcome])
        return outcome

    def _now(self) -> int:
        return int(self.clock())


def _hash(entry: OpenEntry) -> int:
    return zlib.crc32(entry.session_id.encode())


def _note_failure(error: Exception, **ids: str) -> None:
    _logger.error("failed, looked at again", extra={**facts_of(error), **ids})
    put_metric(METRIC_OF["failed"])
