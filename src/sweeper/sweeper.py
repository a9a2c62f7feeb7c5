"""The sweep: what nobody else does for an open approval.

    what it finds                                   what it does
    no session waits on it any more                 closes it; an open question is cancelled
    nobody decided, and its time is over            expires it and tells the agent
    a timer, a job, an agent may have an answer     tells the agent to look
    nobody decided, a reminder is due               sends the e-mail again
    nobody decided, an escalation is due            sends it to the second topic
    decided, and no worker has come for it          sends the message again that a crash lost
                                                    (`audit.py` says which it looks up for that)

All of it may happen twice, and at the same time: each write is conditional on what was read, a
message is only a hint, and an e-mail that comes twice has the same links.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import zip_longest
from threading import Lock
from typing import TypeVar

from audit import Audit
from gauges import METRIC_OF, measure_open, measure_overdue, note_failure
from longrunning.observability import get_logger, put_metric
from longrunning.people.notifications import ESCALATION, REMINDER
from longrunning.waits.item import Status, Wait, wake_up_message
from longrunning.waits.open_waits import OpenEntry, OpenWaits

RETRY_SECONDS = 300
"""A reminder that could not be sent is due again after this long."""

RESEND_SECONDS = 120
"""A decision that no worker has come for is told again after so long, then after twice as long."""

MAX_RESEND_SECONDS = 3_600

BUSY_RESEND_SECONDS = 3_600
"""The same while messages wait on the queue: that of the decision may be one of them."""

MAX_BUSY_RESEND_SECONDS = 28_800

MIN_LOOK_SECONDS, MAX_LOOK_SECONDS = 60, 3_600
"""A source is asked again after as long as it has been waited for, between these two."""

LAST_LOOK_SECONDS = 300
"""After its last look a wait has this long to be answered before it expires."""

MAILS_PER_SECOND = 4
"""SNS suspends an e-mail subscription that gets more than 10: `longrunning/pace.py` has the sum of
all senders."""

THREADS = 16

STEPS = (("escalate_at", ESCALATION, "escalated"), ("remind_at", REMINDER, "reminded"))
"""When something is due, what the e-mail says then, and what has become of it afterwards."""

_logger = get_logger("sweeper")

Item = TypeVar("Item", OpenEntry, Wait)


def _none_waiting() -> int:
    return 0


@dataclass(frozen=True)
class Sweeper:
    """Looks after the open approvals. All it touches is passed in."""

    approvals: OpenWaits
    read_turn: Callable[[str, str], tuple[str, ...]]
    """Session id and agent name to the tool uses that the session waits for."""
    notify: Callable[[Wait, str], None]
    """Sends the e-mail of an approval; the occasion is `reminder` or `escalation`."""
    send_message: Callable[[str], None]
    """Puts a body on the task queue."""
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    count_waiting: Callable[[], int] = _none_waiting
    """How many messages wait on the task queue. Asked only when one is to be sent again."""

    def sweep(self, deadline: float) -> dict[str, int]:
        """Looks at what is due, and for decisions that the agent was not told of.

        Args:
            deadline: Epoch seconds; what is not looked at by then is left to the next sweep.

        Returns:
            How many items were `looked_at`, and what came of them: the keys of `METRIC_OF`.
        """
        now = self._now()
        audit = Audit(self.approvals, now)
        entries = audit.read()
        measure_open(audit.open_approvals, now)
        due = sorted((e for e in entries if e.due_at <= now), key=lambda e: e.due_at)
        with ThreadPoolExecutor(THREADS) as threads:
            both = _in_turn(due, audit.find(threads.map))
            look_after = partial(self._look_after, is_busy=_Once(self._is_queue_busy))
            look = partial(self._look, deadline=deadline, do=look_after)
            found = list(threads.map(look, both))
        decided = (what for entry, what in zip(both, found, strict=True) if entry.due_at > now)
        if "left" not in decided:
            audit.done()
        mails = self._mail([what for what in found if isinstance(what, Wait)], deadline)
        outcomes = Counter(what for what in (*found, *mails) if isinstance(what, str))
        looked_at = outcomes.total() - outcomes["left"]
        return {"looked_at": looked_at, **{name: outcomes[name] for name in METRIC_OF}}

    def _look(self, item: Item, deadline: float, do: Callable[[Item], str | Wait]) -> str | Wait:
        """Does what one item needs; whatever is wrong with it, the others go on."""
        if self.clock() >= deadline:
            return "left"
        try:
            return do(item)
        except Exception as error:
            note_failure(error, session_id=item.session_id, tool_use_id=item.tool_use_id)
            return "failed"

    def _look_after(self, entry: OpenEntry, is_busy: Callable[[], bool]) -> str | Wait:
        """Returns what became of it, or the approval itself if an e-mail is due."""
        now = self._now()
        approval = self.approvals.get(entry.session_id, entry.tool_use_id)
        if approval is None or approval.due_at is None:
            return "nothing"  # The index is a moment behind.
        if approval.status != Status.PENDING and now < _told_again_at(approval):
            return "nothing"
        # After the record: a session is saved before its approvals are recorded.
        turn = self.read_turn(approval.session_id, approval.agent_name)
        if approval.tool_use_id not in turn:
            return self._noted("closed", self.approvals.close(approval, now))
        if approval.status != Status.PENDING:
            return self._tell_again(approval, turn, is_busy)
        if approval.decide_by <= now and not _is_looked_at_once_more(approval):
            return self._expire(approval, now)
        if approval.call is None:
            return self._hint(approval, now)
        return approval

    def _expire(self, approval: Wait, now: int) -> str:
        measure_overdue(now - approval.decide_by)
        expired = self.approvals.expire(approval, now)
        if expired:
            self.send_message(wake_up_message(expired))
        return self._noted("expired", expired)

    def _hint(self, wait: Wait, now: int) -> str:
        """Has the agent look at the source of a timer, a job, an agent: a message may be lost.

        It is looked at ever more rarely, and once more at its end.
        """
        waited = min(max(now - wait.requested_at, MIN_LOOK_SECONDS), MAX_LOOK_SECONDS)
        until = min(now + waited, wait.decide_by)
        if wait.decide_by <= now:
            until = now + LAST_LOOK_SECONDS
        taken = self.approvals.postpone(wait, until)
        if taken:
            self.send_message(wake_up_message(taken))
        return self._noted("looked", taken)

    def _tell_again(self, approval: Wait, turn: Sequence[str], is_busy: Callable[[], bool]) -> str:
        """Only once all of the turn is decided, and only what may still resume it."""
        others = (i for i in turn if i != approval.tool_use_id)
        read = (self.approvals.get(approval.session_id, i) for i in others)
        if approval.acknowledged or any(other.status == Status.PENDING for other in read if other):
            return "nothing"
        now = self._now()
        if now < _told_again_at(approval, is_busy=True) and is_busy():
            return "nothing"
        taken = self.approvals.take_resend(approval, now)
        if taken:
            self.send_message(wake_up_message(taken))
        return self._noted("resent", taken)

    def _is_queue_busy(self) -> bool:
        """Whether messages wait. Those that agents have taken are no sign: a claim comes first."""
        try:
            return self.count_waiting() > 0
        except Exception as error:  # A message too many does no harm, one too few does.
            note_failure(error)
            return False

    def _mail(self, due: list[Wait], deadline: float) -> Iterator[str | Wait]:
        """Sends the e-mails that are due, the longest due first, and not too fast."""
        for place, approval in enumerate(sorted(due, key=lambda a: a.due_at or 0)):
            if place:
                self.sleep(1 / MAILS_PER_SECOND)
            yield self._look(approval, deadline, self._remind)

    def _remind(self, approval: Wait) -> str:
        """Takes what is due, sends it, and only then notes that it is done.

        Of two steps that are due, the one that fails does not keep the other from being sent.
        """
        now = self._now()
        due = [step for step in STEPS if now >= (getattr(approval, step[0]) or now + 1)]
        until = now + RETRY_SECONDS if due else approval.next_step_at
        taken = self.approvals.postpone(approval, until)
        if not (due and taken):
            return "nothing"
        next_at = None
        for step, occasion, outcome in due:
            try:
                self.notify(taken, occasion)
            except Exception as error:
                note_failure(error, session_id=taken.session_id, tool_use_id=taken.tool_use_id)
                next_at = taken.due_at
                continue
            done = _without(taken, step, now)
            self.approvals.step_done(taken, done, next_at or done.next_step_at)
            return self._noted(outcome, taken)
        return "failed"

    def _noted(self, outcome: str, updated: Wait | None) -> str:
        """Counts what was done; a click or another sweeper may have been faster."""
        if updated is None:
            return "nothing"
        ids = {"session_id": updated.session_id, "tool_use_id": updated.tool_use_id}
        _logger.info(outcome, extra=ids)
        put_metric(METRIC_OF[outcome])
        return outcome

    def _now(self) -> int:
        return int(self.clock())


class _Once:
    """Asks once, whichever thread wants to know first, and gives all the same answer."""

    def __init__(self, ask: Callable[[], bool]) -> None:
        self._ask = ask
        self._lock = Lock()
        self._answer: bool | None = None

    def __call__(self) -> bool:
        with self._lock:
            if self._answer is None:
                self._answer = self._ask()
            return self._answer


def _in_turn(due: Sequence[OpenEntry], decided: Sequence[OpenEntry]) -> list[OpenEntry]:
    """Alternates, so that neither waits for the other, however many there are."""
    return [entry for pair in zip_longest(due, decided) for entry in pair if entry]


def _without(approval: Wait, step: str, now: int) -> Wait:
    """Returns an approval with a step done; a reminder that was planned before it is due again."""
    if step == "remind_at":
        planned = approval.planned_remind_at or 0
        next_at = planned if planned > now else None
        return replace(approval, remind_at=next_at, planned_remind_at=None)
    return replace(approval, escalate_at=None)


def _is_looked_at_once_more(wait: Wait) -> bool:
    """Tells whether a wait at its end has a source that is still to be asked."""
    return wait.remind_at is not None and wait.call is None and (wait.due_at or 0) <= wait.decide_by


def _told_again_at(approval: Wait, is_busy: bool = False) -> int:
    """Returns when a decision is told again, ever more rarely: epoch seconds."""
    told_last = max(approval.decided_at or 0, approval.resent_at or 0)
    first = BUSY_RESEND_SECONDS if is_busy else RESEND_SECONDS
    most = MAX_BUSY_RESEND_SECONDS if is_busy else MAX_RESEND_SECONDS
    return told_last + min(first << min(approval.resends or 0, 10), most)
