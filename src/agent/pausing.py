"""Steps "save" (C2) and "notify": what makes a saved session known to those who must act."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import ClientError

import agent_definition
from conversation import tool_uses
from gate import Gate, ProtectedTool
from longrunning import approvals, human_approval, tracing
from longrunning.approvals import Approval, ApprovalStore
from longrunning.human_approval import CannotStartError
from longrunning.messages import tool_result
from longrunning.observability import get_logger, put_metric
from longrunning.sessions import PendingToolUse, Session
from longrunning.timeouts import DEFAULT_WITHIN_SECONDS, Timeouts
from turn_budget import room_for_edits

OUTLIVES_SESSION_SECONDS = 86_400
"""The record of a decision is kept this much longer than the session it was for."""

TRIED_AGAIN_STATUSES = (408, 409, 429)
"""Of AWS's refusals, those that another attempt may mend; the other 4xx say no for good."""

_logger = get_logger("pausing")


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

    def longest_wait_seconds(self, pending: tuple[PendingToolUse, ...]) -> int:
        """Returns how long a turn may wait, approvals and all else together."""
        return max((self._wait_seconds(p) for p in pending), default=0)

    def begin(self, session: Session) -> list[str]:
        """Records what a session just saved waits for, then notifies of it.

        All items before the first notification, so that no answer finds the turn half recorded.

        Returns:
            The tool uses that could not be started, for good: their answer is recorded.
        """
        with tracing.subsegment("notify", session_id=session.session_id):
            recorded = [self._record(session, pending) for pending in session.pending]
            return self._notify(session, recorded)

    def finish(self, session: Session, *, notify_again: bool) -> list[str]:
        """Makes up for what an earlier delivery may have left undone; safe to repeat.

        The same e-mail goes out again: its links are the same.

        Args:
            session: As it is saved.
            notify_again: Whether to notify also of items that were put before.

        Returns:
            The tool uses that could not be started, for good: their answer is recorded.
        """
        with tracing.subsegment("notify", session_id=session.session_id):
            recorded = [self._found_or_recorded(session, pending) for pending in session.pending]
            told = [a for a, was_found in recorded if notify_again or not was_found]
            return self._notify(session, told)

    def _wait_seconds(self, pending: PendingToolUse) -> int:
        if pending.tool_name in self.approval_names:
            return self.timeouts.longest_wait_seconds
        return pending.within_seconds or DEFAULT_WITHIN_SECONDS

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
        asked = self._scheduled(self._with_call(session, pending, waiting), pending)
        recorded, is_first = self.approvals.put_if_absent(asked)
        if is_first and recorded.is_approval:
            put_metric("ApprovalRequested", session_id=session.session_id)
        return _of_this_pause(recorded, session)

    def _scheduled(self, waiting: Approval, pending: PendingToolUse) -> Approval:
        """Adds when it is due: people have the stack's time, any other tool its own."""
        if waiting.is_approval:
            times = self.timeouts.schedule(waiting.requested_at)
        else:
            times = self.timeouts.tool_schedule(waiting.requested_at, pending.within_seconds)
        return replace(
            waiting,
            decide_by=times.decide_by,
            remind_at=times.remind_at,
            escalate_at=times.escalate_at,
            due_at=times.due_at,
        )

    def _with_call(
        self, session: Session, pending: PendingToolUse, waiting: Approval
    ) -> Approval:
        """Adds the exact call that an approval is to allow."""
        tool_use = _tool_use(session, pending.id_in_conversation)
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
            max_edit_bytes=self._room_for_edits(session) if len(session.pending) > 1 else None,
        )

    def _room_for_edits(self, session: Session) -> int | None:
        """The same for all questions of a turn, whoever records them."""
        gate = Gate(session.session_id, self.approvals, self.tools)
        uses = (_tool_use(session, pending.id_in_conversation) for pending in session.pending)
        return room_for_edits([call.size for use in uses if (call := gate.call_of(use))])

    def _notify(self, session: Session, recorded: Iterable[Approval]) -> list[str]:
        """One e-mail for all that people are asked; each other tool has its starter.

        Returns:
            The tool uses whose work could not be started, for good.
        """
        waiting = [item for item in recorded if item.status == approvals.PENDING]
        if asked := [item for item in waiting if item.is_approval]:
            self.send_email(asked)
        jobs = [item for item in waiting if not item.is_approval]
        return [job.tool_use_id for job in jobs if not self._start(session, job)]

    def _start(self, session: Session, waiting: Approval) -> bool:
        start = agent_definition.STARTERS.get(waiting.tool_name)
        pending = session.waits_for(waiting.tool_use_id)
        if start is None or pending is None:
            return True
        tool_use = _tool_use(session, pending.id_in_conversation)
        try:
            start(waiting.session_id, waiting.tool_use_id, tool_use["input"])
        except CannotStartError as error:
            return self._not_started(waiting, str(error), session)
        except ClientError as error:
            if not _is_for_good(error):
                raise
            return self._not_started(waiting, error.response["Error"]["Code"], session)
        return True

    def _not_started(self, waiting: Approval, reason: str, session: Session) -> bool:
        """The model is told, as nobody else would answer."""
        text = f"{waiting.tool_name} could not be started: {reason}"
        result = tool_result(waiting.tool_use_id, "error", text)
        self.approvals.resolve(
            waiting.session_id, waiting.tool_use_id, result, session.paused_at
        )
        ids = {"session_id": waiting.session_id, "tool_use_id": waiting.tool_use_id}
        _logger.error("not started", extra={**ids, "tool_name": waiting.tool_name})
        put_metric("ToolNotStarted", session_id=waiting.session_id)
        return False


def _tool_use(session: Session, id_in_conversation: str) -> dict[str, Any]:
    """Returns a tool use of the turn that the session's last message answers."""
    uses = tool_uses(session.messages[-2])
    return next(use for use in uses if use["toolUseId"] == id_in_conversation)


def _is_for_good(error: ClientError) -> bool:
    """Whether AWS refuses the request itself: its form, its rights, what it names."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    is_throttled = "Throttl" in error.response["Error"]["Code"]
    return 400 <= status < 500 and status not in TRIED_AGAIN_STATUSES and not is_throttled


def _of_this_pause(recorded: Approval, session: Session) -> Approval:
    if recorded.requested_at != session.paused_at:
        raise ReusedIdError(f"{recorded.key} was asked at {recorded.requested_at} before")
    return recorded
