"""The walk of one queue message: load, run, pause, save, notify; and resume.

Rules behind every order of calls here: the record is the truth and a message only a hint; save
before notify; every write that may happen twice is conditional; the effect on the outside world
carries an idempotency key. `docs/architecture.md` has the write protocol, C1 to C6.
"""

import copy
import hashlib
import json
import uuid
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

import agent_definition
import conversation
import tool_results
from agent_run import STOPPED, DeadlineError, Run, run_agent
from gate import MAX_ASKED, Gate
from longrunning import approvals, tracing
from longrunning.approvals import Approval, MessageOverError, NotDecidedError
from longrunning.messages import MalformedMessageError, NewTask, ToolResults, tool_result
from longrunning.observability import facts_of, get_logger, put_metric
from longrunning.sessions import (
    COMPLETED,
    WAITING,
    Message,
    Session,
    SessionExistsError,
    SessionStore,
)
from pausing import OUTLIVES_SESSION_SECONDS, Pausing
from turn_budget import newest_that_fit, room_for_results

SAVE_MARGIN_SECONDS = 10
"""The run is stopped this long before the function's end, so that a pause can still be saved."""

EFFECT_SECONDS = 25
"""About as long as a receiver may take; with less left no further effect is begun."""

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
        gate = self._gate(session_id, [], is_new=True)
        run = self._run(gate, [], task.task, delivery)
        unsaved = Session(
            session_id, agent_definition.AGENT_NAME, [], WAITING, task_digest=_digest(task.task)
        )
        try:
            with tracing.subsegment("save", session_id=session_id):
                saved = self.sessions.create(self._after(run, gate, delivery, unsaved))
        except SessionExistsError:
            # Another delivery of the task was faster: its session is the one that counts.
            if session := self._load(session_id):
                return self._redelivered(session, task, delivery)
            raise
        self._begin_pause(saved, delivery)

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
        except NotDecidedError as early:
            # The last decision's message resumes; an earlier one, or a forged one, ends here.
            put_metric("MessageIgnored")
            _logger.info("not all decided", extra={"session_id": session.session_id})
            # Nothing is read again: only what is missing is to be made up for, or one's own pause.
            if early.is_missing or session.paused_by == delivery.message_id:
                self._finish_pause(session, delivery)
            return None
        except MessageOverError:
            put_metric("MessageIgnored")
            _logger.info("another message is on it", extra={"session_id": session.session_id})
            return None
        try:
            saved = self._resume_claimed(session, claimed, delivery)
        except BaseException:
            self._give_back(claimed)
            raise
        self._begin_pause(saved, delivery)

    def _give_back(self, claimed: list[Approval]) -> None:
        """Ends the leases; should that fail, they end by themselves, and the fault still counts."""
        try:
            self.pausing.approvals.release(claimed)
        except Exception as error:
            _logger.warning("kept its leases", extra=facts_of(error))

    def _accept(self, session: Session, results: ToolResults) -> bool:
        """Records results of tools that are no approvals; tells whether the session waits on any.

        For an approval the message's own text is ignored: the record says what was decided.
        """
        awaited = [r for r in results.results if self._is_awaited(session, results, r)]
        if not awaited:
            self._check_late(results)
        if results.tool_name not in self.pausing.approval_names:
            for result in self._fitting(session, awaited):
                self.pausing.approvals.resolve(
                    session.session_id, result["toolUseId"], result, self._now()
                )
        return bool(awaited)

    def _fitting(
        self, session: Session, results: list[dict[str, Any]]
    ) -> Iterator[dict[str, Any]]:
        """One transaction claims the results of a turn: of many jobs each may have less."""
        jobs = sum(p.tool_name not in self.pausing.approval_names for p in session.pending)
        room_bytes = room_for_results(jobs)
        for result in results:
            size_bytes = len(json.dumps(result["content"], ensure_ascii=False).encode())
            if size_bytes <= room_bytes:
                yield result
                continue
            put_metric("ResultTooLarge", session_id=session.session_id)
            text = f"The result has {size_bytes} bytes; in this turn at most {room_bytes} fit."
            yield tool_result(result["toolUseId"], "error", text)

    def _check_late(self, results: ToolResults) -> None:
        """A result that comes after the end of its wait is never dropped without a trace.

        Raises:
            MalformedMessageError: A wait has expired: its result is kept as a dead letter.
        """
        for result in results.results:
            recorded = self.pausing.approvals.get(results.session_id, result["toolUseId"])
            if recorded and not recorded.is_approval:
                _check_late(recorded, result)

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
            claimed_by=f"{delivery.message_id}/{uuid.uuid4().hex[:8]}",
        )

    def _resume_claimed(
        self, session: Session, claimed: list[Approval], delivery: Delivery
    ) -> Session:
        fence = max((approval.fence for approval in claimed), default=session.fence)
        if fence > 1:
            self.sessions.fence_off(session, fence)
        gate = self._gate(session.session_id, claimed, is_trimmed=bool(session.is_trimmed))
        try:
            with tracing.subsegment("resume", session_id=session.session_id):
                results = self._results(session, claimed, gate, delivery)
            self._put_in_place(session, results, gate)
            run = self._run(gate, session.messages, None, delivery, session.state)
        except DeadlineError:
            gate.keep_answers()  # Or slow receivers would be asked again until nobody tries.
            raise
        with tracing.subsegment("save", session_id=session.session_id):
            saved = self.sessions.save(self._after(run, gate, delivery, session), fence)
        # What is left for a later run must not look as if this one were still on it.
        unspent = [a for a in claimed if a.tool_use_id in saved.unspent]
        self.pausing.approvals.release(unspent, saved.expires_at + OUTLIVES_SESSION_SECONDS)
        return saved

    def _results(
        self, session: Session, claimed: list[Approval], gate: Gate, delivery: Delivery
    ) -> dict[str, dict[str, Any]]:
        """What the model is to read; effects that are due happen here, one at least.

        Raises:
            DeadlineError: There is no time for more effects; the next delivery goes on.
        """
        results = {}
        for approval in claimed:
            if not (session.waits_for(approval.tool_use_id) or approval.status == approvals.SPENT):
                continue
            if gate.effects and self._seconds_left(delivery) < EFFECT_SECONDS:
                raise DeadlineError(DeadlineError.__doc__)
            results[approval.tool_use_id] = tool_results.result_of(approval, gate)
        return results

    @staticmethod
    def _put_in_place(
        session: Session, results: dict[str, dict[str, Any]], gate: Gate
    ) -> None:
        turn = {pending.tool_use_id: results[pending.tool_use_id] for pending in session.pending}
        replaced = tool_results.put_in_place(session.messages, turn) if turn else set()
        replaced |= tool_results.put_right(session.messages, results)
        if session.task_digest:  # What was saved before there were digests may be anything.
            gate.knows_sendable(session.messages[:-1])
        gate.make_sendable(session.messages)
        told = (r for message in session.messages for r in conversation.tool_results(message))
        gate.put_in_place = {
            r["toolUseId"]: copy.deepcopy(r) for r in told if r["toolUseId"] in replaced
        }

    def _gate(
        self,
        session_id: str,
        claimed: list[Approval],
        *,
        is_new: bool = False,
        is_trimmed: bool = False,
    ) -> Gate:
        return Gate(
            session_id,
            self.pausing.approvals,
            self.pausing.tools,
            claimed,
            is_new=is_new,
            started=agent_definition.STARTERS.keys(),
            is_trimmed=is_trimmed,
        )

    def _run(
        self,
        gate: Gate,
        messages: list[Message],
        prompt: str | None,
        delivery: Delivery,
        state: dict[str, Any] | None = None,
    ) -> Run:
        seconds_left = self._seconds_left(delivery)
        return run_agent(self.make_agent, gate, messages, prompt, seconds_left, state)

    def _seconds_left(self, delivery: Delivery) -> float:
        return delivery.deadline - SAVE_MARGIN_SECONDS - self.clock()

    def _after(self, run: Run, gate: Gate, delivery: Delivery, before: Session) -> Session:
        """What the session is after a run; its version is still the one that was loaded."""
        approved = [a for a in gate.claimed if a.status == approvals.APPROVED]
        left = [a for a in approved if a.tool_use_id not in gate.spent]
        left.sort(key=lambda a: a.tool_use_id not in before.unspent)  # The oldest first.
        unspent = newest_that_fit(left, MAX_UNSPENT)
        return replace(
            before,
            messages=run.messages,
            status=WAITING if run.waits else COMPLETED,
            pending=run.pending,
            unspent=unspent,
            outcome=_outcome(run, gate, before.outcome, unspent),
            reason=None if run.waits or run.ended_well else run.stop_reason,
            last_words=run.last_words or None,
            is_trimmed=gate.is_trimmed or None,
            state=run.state or None,
            # A new pause is a new race: the claims of its tool uses count from 1 again.
            fence=0 if run.waits else max((a.fence for a in gate.claimed), default=0),
            paused_at=self._now(),
            paused_by=delivery.message_id,
            expires_at=self._now() + self._kept_seconds(run),
        )

    def _kept_seconds(self, run: Run) -> int:
        """What waits is kept for as long as it may wait, and then like all else."""
        return self.pausing.longest_wait_seconds(run.pending) + self.retention_seconds

    def _redelivered(self, session: Session, task: NewTask, delivery: Delivery) -> None:
        """The session is there; the task is done with, unless the id is another task's."""
        is_ours = session.paused_by == delivery.message_id
        if not is_ours and not _is_task_of(session, task.task):
            raise MalformedMessageError("session_id: another task has this one already")
        if session.is_interrupted:
            return self._go_on(session, delivery)
        self._finish_pause(session, delivery)

    def _begin_pause(self, saved: Session, delivery: Delivery) -> None:
        """A run that its deadline stopped has saved its turns: its message brings it back."""
        if saved.is_interrupted:
            raise DeadlineError(DeadlineError.__doc__)
        if saved.status == COMPLETED:
            return self._end(saved)
        self._go_on_without(self.pausing.begin(saved), saved, delivery)

    def _go_on_without(self, not_started: list[str], session: Session, delivery: Delivery) -> None:
        """Where nothing of a turn could be started nobody else sends the message that resumes."""
        if not_started and len(not_started) == len(session.pending):
            self._go_on(session, delivery, not_started)

    def _end(self, session: Session) -> None:
        """Says how a session ended where that is no end that anybody wished for; may be repeated.

        The approver's page says what became of an approval that was never used.
        """
        ids = {"session_id": session.session_id, "outcome": session.outcome}
        for tool_use_id in session.unspent:
            reason = session.reason or "end_turn"
            if self.pausing.approvals.note_not_done(session.session_id, tool_use_id, reason):
                _logger.warning("approved, not done", extra={**ids, "tool_use_id": tool_use_id})
                put_metric("ApprovalNotDone", session_id=session.session_id)
        if session.reason or session.outcome == "failed":
            _logger.warning("ended", extra={**ids, "reason": session.reason or "tool_error"})
            put_metric("SessionFailed", session_id=session.session_id)

    def _finish_pause(self, session: Session, delivery: Delivery) -> None:
        """Finishes an earlier delivery's pause; the one that made it notifies until it succeeds.

        Any other one only makes up for a pause that was never recorded: a second click on an old
        link must not send the next question twice.
        """
        made_it = session.paused_by == delivery.message_id
        if session.status == WAITING:
            not_started = self.pausing.finish(session, notify_again=made_it)
            self._go_on_without(not_started, session, delivery)
        elif made_it:
            self._end(session)

    def _load(self, session_id: str) -> Session | None:
        with tracing.subsegment("load", session_id=session_id):
            return self.sessions.load(session_id, agent_definition.AGENT_NAME)

    def _now(self) -> int:
        return int(self.clock())


def _is_task_of(session: Session, task: str) -> bool:
    """Whether a session was started for a task. One from before has it in its first message."""
    if session.task_digest:
        return session.task_digest == _digest(task)
    return str(session.messages[0]["content"][0].get("text")) == task


def _digest(task: str) -> str:
    """Sixteen characters: nobody gains by a task that only looks the same."""
    return hashlib.sha256(task.encode()).hexdigest()[:16]


def _check_late(recorded: Approval, result: dict[str, Any]) -> None:
    """A result after the end of its wait is never dropped without a trace.

    Raises:
        MalformedMessageError: The wait has expired: the result is kept as a dead letter.
    """
    is_told_before = recorded.result == result or approvals.is_wake_up(recorded, result)
    if is_told_before or recorded.status == approvals.PENDING:
        return
    ids = {"session_id": recorded.session_id, "tool_use_id": recorded.tool_use_id}
    _logger.warning("late result", extra={**ids, "status": recorded.status})
    put_metric("ResultIgnored", session_id=recorded.session_id)
    if recorded.status == approvals.EXPIRED:
        raise MalformedMessageError("toolUseId: no result came in time, and the agent went on")


def _outcome(run: Run, gate: Gate, before: str, unspent: Collection[str]) -> str:
    """What people decided and what was done; a job that ended badly is the model's to tell."""
    if gate.published or before == "published":
        return "published"
    if not run.waits and not run.ended_well:
        return "stopped" if run.stop_reason == STOPPED else "failed"
    statuses = {a.status for a in gate.claimed if a.is_approval or a.status != approvals.EXPIRED}
    if statuses & {approvals.APPROVED, *dict(_OUTCOMES)}:
        before = next((outcome for status, outcome in _OUTCOMES if status in statuses), "")
    if run.waits or before:
        return before
    if unspent:
        return "not_done"
    return "failed" if gate.last_failed else "finished"
