"""How a session ended: said where it is no end that anybody wished for, and to who asked for it."""

from collections.abc import Callable
from dataclasses import dataclass

from longrunning.messages import Parent, build_existing, tool_result
from longrunning.observability import get_logger, put_metric
from longrunning.sessions import Session
from longrunning.waits.answers import Answers
from longrunning.waits.claims import Claims
from longrunning.waits.item import Status

_logger = get_logger("ending")


@dataclass(frozen=True)
class Ending:
    """Tells of a session's end; may be repeated."""

    answers: Answers
    claims: Claims
    send_message: Callable[[str], None]

    def tell(self, session: Session) -> None:
        """Says how a session ended; the approver's page says what became of an unused approval.

        Where another agent asked, its message comes last: a redelivery says all of it again.
        """
        ids = {"session_id": session.session_id, "outcome": session.outcome}
        for tool_use_id in session.unspent:
            reason = session.reason or "end_turn"
            if self.claims.note_not_done(session.session_id, tool_use_id, reason):
                _logger.warning("approved, not done", extra={**ids, "tool_use_id": tool_use_id})
                put_metric("ApprovalNotDone", session_id=session.session_id)
        if session.reason or session.outcome == "failed":
            _logger.warning("ended", extra={**ids, "reason": session.reason or "tool_error"})
            put_metric("SessionFailed", session_id=session.session_id)
        if session.parent:
            self._tell_parent(session.parent)

    def is_awaited(self, parent: Parent) -> bool:
        """Tells whether the agent that asked still waits."""
        wait = self.answers.get(parent.session_id, parent.tool_use_id)
        return wait is not None and wait.status == Status.PENDING

    def _tell_parent(self, parent: Parent) -> None:
        """A hint: the tool that asked looks at how this session ended."""
        hint = tool_result(parent.tool_use_id, "success", "It has ended.")
        self.send_message(build_existing(parent.session_id, parent.tool_name, [hint]))
