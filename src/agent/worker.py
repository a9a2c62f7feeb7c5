"""The walk of one queue message: load, run, pause, save, notify; and resume.

Rules behind every order of calls here: the record is the truth and a message only a hint; save
before notify; every write that may happen twice is conditional; the effect on the outside world
carries an idempotency key. `docs/architecture.md` has the write protocol, C1 to C6.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any

import agent_definition
import tool_results
from agent_run import DeadlineError, Run, run_agent
from gate import MAX_ASKED, Gate
from longrunning import approvals, tracing
from longrunning.approvals import Approval, NotDecidedError
from longrunning.messages import MalformedMessageError, NewTask, ToolResults
from longrunning.observability import get_logger, put_metric
from longrunning.sessions import (
    COMPLETED,
    WAITING,
    Message,
    Session,
    SessionExistsError,
    SessionStore,
)
from pausing import Pausing

SAVE_MARGIN_SECONDS = 10
"""The run is stopped this long before the function's end, so that a pause can still be saved."""

LEASE_MARGIN_SECONDS = 5
"""Lambda can overrun its timeout by a little: a lease must not end before its worker."""

MAX_UNSPENT = approvals.MAX_CLAIMED - MAX_ASKED
"""Approvals that one session may leave for later, the newest: a claim takes them with its turn."""

_OUTCOMES = (
    (approvals.DENIED, "denied"),
    (approvals.EXPIRED, "expired"),
    (approvals.CANCELLED, "cancelled"),
)

_logger = get_logger("worker")


@dataclass(frozen=True)
class Delivery:
    """One delivery of a queue message. Times are epoch seconds."""

    message_id: str
    """Of the first delivery, also where `make redrive` sent the message anew."""
    receive_count: int
    deadline: float
    """When the function is ended."""
    is_redriven: bool = False

    @property
    def is_repeated(self) -> bool:
        """Whether an earlier delivery may have come some way."""
        return self.is_redriven or self.receive_count > 1


@dataclass(frozen=True)
class Worker:
    """Takes one message through the steps. All it touches is passed in."""

    sessions: SessionStore
    pausing: Pausing
    make_agent: Callable[[list[Message], Gate], Any]
    clock: Callable[[], float]
    retention_seconds: int

    def start(self, task: NewTask, delivery: Delivery) -> None:
        """A new task: runs the agent until it pauses or ends.

        A redelivery finds the session of the first delivery and only finishes its pause. The
        first delivery of an id that is ours cannot have one, and saves the read: C1 is
        conditional anyway.
        """
        session_id = task.session_id or delivery.message_id
        may_exist = task.session_id is not None or delivery.is_repeated
        if may_exist and (session := self._load(session_id)):
            return self._redelivered(session, task, delivery)
        gate = Gate(session_id, self.pausing.approvals, self.pausing.tools, is_new=True)
        run = self._run(gate, [], task.task, delivery)
        unsaved = Session(session_id, agent_definition.AGENT_NAME, [], WAITING)
        try:
            with tracing.subsegment("save", session_id=session_id):
                saved = self.sessions.create(self._after(run, gate, delivery, unsaved))
        except SessionExistsError:
            # Another delivery of the task was faster: its session is the one that counts.
            if session := self._load(session_id):
                return self._redelivered(session, task, delivery)
            raise
        self._begin_pause(saved)

    def resume(self, results: ToolResults, delivery: Delivery) -> None:
        """Results for a waiting session: goes on once every tool use of the turn has its answer.

        Raises:
            MalformedMessageError: No such session or tool use, or another tool's name.
            LeaseHeldError: Another worker is on it.
        """
        session = self._load(results.session_id)
        if session is None:
            raise MalformedMessageError("session_id: no session of this id")
        if not self._accept(session, results) and not session.is_interrupted:
            _logger.info("stale message", extra={"session_id": session.session_id})
            return self._finish_pause(session, delivery)
        self._go_on(session, delivery, {result["toolUseId"] for result in results.results})

    def _go_on(self, session: Session, delivery: Delivery, named: Collection[str] = ()) -> None:
        if session.is_interrupted and session.paused_by != delivery.message_id:
            return None  # Its own message comes back; a second worker would only cost.
        try:
            claimed = self._claim(session, delivery, named)
        except NotDecidedError:
            # The last decision's message resumes; an earlier one, or a forged one, ends here.
            put_metric("MessageIgnored")
            _logger.info("not all decided", extra={"session_id": session.session_id})
            return self._finish_pause(session, delivery)
        try:
            saved = self._resume_claimed(session, claimed, delivery)
        except BaseException:
            self.pausing.approvals.release(claimed)
            raise
        self._begin_pause(saved)

    def _accept(self, session: Session, results: ToolResults) -> bool:
        """Records results of tools that are no approvals; tells whether the session waits on any.

        For an approval the message's own text is ignored: the record says what was decided.
        """
        awaited = [r for r in results.results if self._is_awaited(session, results, r)]
        if results.tool_name not in self.pausing.approval_names:
            for result in awaited:
                self.pausing.approvals.resolve(
                    session.session_id, result["toolUseId"], result, self._now()
                )
        return bool(awaited)

    def _is_awaited(self, session: Session, message: ToolResults, result: dict[str, Any]) -> bool:
        pending = session.waits_for(result["toolUseId"])
        if pending is None:
            if self.pausing.approvals.get(session.session_id, result["toolUseId"]):
                return False
            raise MalformedMessageError("toolUseId: this session has no such tool use")
        if pending.tool_name != message.tool_name:
            raise MalformedMessageError("toolName: not the tool that the session waits for")
        return True

    def _claim(
        self, session: Session, delivery: Delivery, named: Collection[str]
    ) -> list[Approval]:
        """C4, of the whole turn, and of what was approved before and may be published now."""
        return self.pausing.approvals.claim(
            session.session_id,
            [pending.tool_use_id for pending in session.pending],
            session.unspent,
            named,
            now=self._now(),
            lease_until=int(delivery.deadline) + LEASE_MARGIN_SECONDS,
        )

    def _resume_claimed(
        self, session: Session, claimed: list[Approval], delivery: Delivery
    ) -> Session:
        fence = max((approval.fence for approval in claimed), default=session.fence)
        if fence > 1:
            self.sessions.fence_off(session, fence)
        gate = Gate(session.session_id, self.pausing.approvals, self.pausing.tools, claimed)
        with tracing.subsegment("resume", session_id=session.session_id):
            results = {
                approval.tool_use_id: tool_results.result_of(approval, gate)
                for approval in claimed
                if session.waits_for(approval.tool_use_id) or approval.status == approvals.SPENT
            }
        turn = {pending.tool_use_id: results[pending.tool_use_id] for pending in session.pending}
        tool_results.put_in_place(session.messages, turn)
        tool_results.put_right(session.messages, results)
        run = self._run(gate, session.messages, None, delivery)
        with tracing.subsegment("save", session_id=session.session_id):
            saved = self.sessions.save(self._after(run, gate, delivery, session), fence)
        # What is left for a later run must not look as if this one were still on it.
        self.pausing.approvals.release([a for a in claimed if a.tool_use_id in saved.unspent])
        return saved

    def _run(
        self, gate: Gate, messages: list[Message], prompt: str | None, delivery: Delivery
    ) -> Run:
        seconds_left = delivery.deadline - SAVE_MARGIN_SECONDS - self.clock()
        return run_agent(self.make_agent, gate, messages, prompt, seconds_left)

    def _after(self, run: Run, gate: Gate, delivery: Delivery, before: Session) -> Session:
        """What the session is after a run; its version is still the one that was loaded."""
        approved = [a.tool_use_id for a in gate.claimed if a.status == approvals.APPROVED]
        unspent = [i for i in approved if i not in gate.spent]
        unspent.sort(key=lambda i: i not in before.unspent)  # The oldest first.
        return replace(
            before,
            messages=run.messages,
            status=WAITING if run.waits else COMPLETED,
            pending=run.pending,
            unspent=tuple(unspent[-MAX_UNSPENT:]) if run.waits else (),
            outcome=_outcome(run, gate, before.outcome),
            # A new pause is a new race: the claims of its tool uses count from 1 again.
            fence=0 if run.waits else max((a.fence for a in gate.claimed), default=0),
            paused_at=self._now(),
            paused_by=delivery.message_id,
            expires_at=self._now() + self._kept_seconds(run),
        )

    def _kept_seconds(self, run: Run) -> int:
        """What waits is kept for as long as it may wait, and then like all else."""
        wait_seconds = self.pausing.timeouts.longest_wait_seconds if run.waits else 0
        return wait_seconds + self.retention_seconds

    def _redelivered(self, session: Session, task: NewTask, delivery: Delivery) -> None:
        """The session is there; the task is done with, unless the id is another task's."""
        is_ours = session.paused_by == delivery.message_id
        if not is_ours and _task_of(session) != task.task:
            raise MalformedMessageError("session_id: another task has this one already")
        if session.is_interrupted:
            return self._go_on(session, delivery)
        self._finish_pause(session, delivery)

    def _begin_pause(self, saved: Session) -> None:
        """A run that its deadline stopped has saved its turns: its message brings it back."""
        if saved.is_interrupted:
            raise DeadlineError(DeadlineError.__doc__)
        self.pausing.begin(saved)

    def _finish_pause(self, session: Session, delivery: Delivery) -> None:
        """Finishes an earlier delivery's pause; the one that made it notifies until it succeeds.

        Any other one only makes up for a pause that was never recorded: a second click on an old
        link must not send the next question twice.
        """
        if session.status == WAITING:
            made_it = session.paused_by == delivery.message_id
            self.pausing.finish(session, notify_again=made_it)

    def _load(self, session_id: str) -> Session | None:
        with tracing.subsegment("load", session_id=session_id):
            return self.sessions.load(session_id, agent_definition.AGENT_NAME)

    def _now(self) -> int:
        return int(self.clock())


def _task_of(session: Session) -> str:
    """The conversation's first message stays, however much of it is trimmed."""
    return str(session.messages[0]["content"][0].get("text"))


def _outcome(run: Run, gate: Gate, before: str) -> str:
    if gate.published or before == "published":
        return "published"
    if not run.waits and not run.ended_well:
        return "failed"
    statuses = {approval.status for approval in gate.claimed}
    if statuses & {approvals.APPROVED, *dict(_OUTCOMES)}:
        before = next((outcome for status, outcome in _OUTCOMES if status in statuses), "")
    return before or ("" if run.waits else "finished")
