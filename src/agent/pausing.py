"""Steps "save" (C2) and "notify": what makes a saved session known to those who must act."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import agent_definition
from agent_run import tool_uses_of_last_turn
from gate import Gate, ProtectedTool
from longrunning import approvals, human_approval, tracing
from longrunning.approvals import Approval, ApprovalStore
from longrunning.observability import put_metric
from longrunning.sessions import PendingToolUse, Session
from longrunning.timeouts import Timeouts

OUTLIVES_SESSION_SECONDS = 86_400
"""The record of a decision is kept this much longer than the session it was for."""


class ReusedIdError(Exception):
    """A tool use has the id of an earlier one: its record would answer the wrong question."""


@dataclass(frozen=True)
class Pausing:
    """Records what a session waits for, and tells who must act."""

    approvals: ApprovalStore
    tools: tuple[ProtectedTool, ...]
    send_email: Callable[[Sequence[Approval]], None]
    """Asks for all that it is given in one e-mail."""
    timeouts: Timeouts

    @property
    def approval_names(self) -> set[str]:
        """The tools whose results only a person's decision makes."""
        return {human_approval.TOOL_SPEC["name"], *(tool.name for tool in self.tools)}

    def begin(self, session: Session) -> None:
        """Records what a session just saved waits for, then notifies of it.

        All items before the first notification, so that no answer finds the turn half recorded.
        """
        with tracing.subsegment("notify", session_id=session.session_id):
            recorded = [self._record(session, pending) for pending in session.pending]
            self._notify(session, recorded)

    def finish(self, session: Session, *, notify_again: bool) -> None:
        """Makes up for what an earlier delivery may have left undone; safe to repeat.

        The same e-mail goes out again: its links are the same.

        Args:
            session: As it is saved.
            notify_again: Whether to notify also of items that were put before.
        """
        with tracing.subsegment("notify", session_id=session.session_id):
            recorded = [self._found_or_recorded(session, pending) for pending in session.pending]
            self._notify(session, [a for a, was_found in recorded if notify_again or not was_found])

    def _found_or_recorded(
        self, session: Session, pending: PendingToolUse
    ) -> tuple[Approval, bool]:
        """What is found is not derived again: the tools may have changed since it was put."""
        found = self.approvals.get(session.session_id, pending.tool_use_id)
        if found:
            return _of_this_pause(found, session), True
        return self._record(session, pending), False

    def _record(self, session: Session, pending: PendingToolUse) -> Approval:
        """C2, from the saved session alone: whoever records the pause puts the same item."""
        waiting = Approval(
            session_id=session.session_id,
            tool_use_id=pending.tool_use_id,
            agent_name=session.agent_name,
            tool_name=pending.tool_name,
            requested_at=session.paused_at,
            decide_by=0,
            expires_at=session.expires_at + OUTLIVES_SESSION_SECONDS,
        )
        asked = self._scheduled(self._with_call(session, waiting))
        recorded, is_first = self.approvals.put_if_absent(asked)
        if is_first and recorded.is_approval:
            put_metric("ApprovalRequested", session_id=session.session_id)
        return _of_this_pause(recorded, session)

    def _scheduled(self, waiting: Approval) -> Approval:
        """Adds when it is due; there is nobody to remind of a tool that is no approval."""
        scheduled = self.timeouts.schedule if waiting.is_approval else self.timeouts.job_schedule
        times = scheduled(waiting.requested_at)
        return replace(
            waiting,
            decide_by=times.decide_by,
            remind_at=times.remind_at,
            escalate_at=times.escalate_at,
            due_at=times.due_at,
        )

    def _with_call(self, session: Session, waiting: Approval) -> Approval:
        """Adds the exact call that an approval is to allow."""
        tool_use = tool_uses_of_last_turn(session.messages)[waiting.tool_use_id]
        call = Gate(session.session_id, self.approvals, self.tools).call_of(tool_use)
        if call is None:
            return waiting
        schemas = {tool.name: tool.content_schema for tool in self.tools}
        return replace(
            waiting,
            action=call.action,
            content=call.content,
            arguments=call.arguments,
            content_schema=schemas.get(call.action, {}),
        )

    def _notify(self, session: Session, recorded: Iterable[Approval]) -> None:
        """One e-mail for all that people are asked; each other tool has its starter."""
        waiting = [item for item in recorded if item.status == approvals.PENDING]
        if asked := [item for item in waiting if item.is_approval]:
            self.send_email(asked)
        for job in [item for item in waiting if not item.is_approval]:
            self._start(session, job)

    def _start(self, session: Session, job: Approval) -> None:
        if start := agent_definition.STARTERS.get(job.tool_name):
            tool_use = tool_uses_of_last_turn(session.messages)[job.tool_use_id]
            start(job.session_id, job.tool_use_id, tool_use["input"])


def _of_this_pause(recorded: Approval, session: Session) -> Approval:
    if recorded.requested_at != session.paused_at:
        raise ReusedIdError(f"{recorded.key} was asked at {recorded.requested_at} before")
    return recorded
