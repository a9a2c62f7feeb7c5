"""Step "answer": what the results that a message brings mean for a waiting session.

For an approval the message's own text is ignored: the record says what was decided. A tool that
can look asks its source. Any other tool takes the message's word; the first result wins.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from longrunning.agent.asking import input_of
from longrunning.agent.definition import AgentDefinition
from longrunning.agent.long_running import CannotStart, LongTool
from longrunning.agent.turn_budget import room_for_results
from longrunning.messages import MalformedMessageError, ToolResults, tool_result
from longrunning.observability import facts_of, get_logger, put_metric
from longrunning.sessions import PendingToolUse, Session
from longrunning.waits.answers import Answers
from longrunning.waits.item import Status, Wait, is_wake_up, wake_up_message

Heard = Literal["stale", "nothing_yet", "answered"]
"""`stale`: nobody waits for it. `nothing_yet`: its source has no answer. `answered`: there is an
answer, or at least one to look for in the records."""

ENDED = (Status.EXPIRED, Status.CANCELLED)

_logger = get_logger("incoming")


@dataclass(frozen=True)
class Incoming:
    """Records results; may be repeated."""

    answers: Answers
    send_message: Callable[[str], None]
    """Puts a body on the task queue."""
    clock: Callable[[], float]

    def record(self, session: Session, agent: AgentDefinition, message: ToolResults) -> Heard:
        """Records what a message brings for a session.

        Raises:
            MalformedMessageError: The session has no such tool use, or another tool's name.
        """
        awaited = [
            (pending, result)
            for result in message.results
            if (pending := self._awaited(session, message, result))
        ]
        tool = agent.long_tools_by_name.get(message.tool_name)
        if not awaited:
            if tool is None or tool.is_told:  # A hint that comes late says nothing.
                self._check_late(message)
            return "stale"
        if message.tool_name in agent.person_tools:
            return "answered"
        heard = [self._record_one(session, agent, pending, r) for pending, r in awaited]
        return "answered" if any(heard) else "nothing_yet"

    def end(self, session: Session, agent: AgentDefinition, pending: PendingToolUse) -> None:
        """Stops the work of a wait that ended without a result.

        That is a courtesy: a failure is logged, and the agent goes on.
        """
        tool = agent.long_tools_by_name.get(pending.tool_name)
        if tool is None or "cancel" not in tool.hooks:
            return
        wait = self.answers.get(session.session_id, pending.tool_use_id)
        if wait:
            self.end_all(session, agent, [wait])

    def end_all(self, session: Session, agent: AgentDefinition, claimed: Sequence[Wait]) -> None:
        """Stops the work of all waits of a turn that ended without a result.

        The message that tells of an end may come late, or fail: whoever resumes stops the work.
        """
        for wait in claimed:
            pending = session.waits_for(wait.tool_use_id)
            tool = agent.long_tools_by_name.get(wait.tool_name)
            if pending and tool and wait.status in ENDED:
                self._stop(tool, wait, session, pending)

    def _record_one(
        self,
        session: Session,
        agent: AgentDefinition,
        pending: PendingToolUse,
        brought: dict[str, Any],
    ) -> bool:
        """Records one result; returns whether there may be an answer now."""
        tool = agent.long_tools_by_name.get(pending.tool_name)
        if _is_told(tool, pending):
            self._resolve(session, agent, pending, brought)
            return True
        wait = self.answers.get(session.session_id, pending.tool_use_id)
        if wait is None or wait.status != Status.PENDING:
            return True  # What is not recorded yet is made up for.
        found = _look(tool, wait, session, pending)
        if found and (answered := self._resolve(session, agent, pending, found)):
            # Not this message resumes: a copy of it may have ended already, having found nothing
            # yet, and then nothing would bring it back.
            self.send_message(wake_up_message(answered))
        return False

    def _resolve(
        self,
        session: Session,
        agent: AgentDefinition,
        pending: PendingToolUse,
        result: dict[str, Any],
    ) -> Wait | None:
        """Records a result that fits: one transaction claims the results of a whole turn.

        Returns:
            The wait, if it has this result now.
        """
        others = sum(p.tool_name not in agent.person_tools for p in session.pending)
        room_bytes = room_for_results(others)
        size_bytes = len(json.dumps(result["content"], ensure_ascii=False).encode())
        if size_bytes > room_bytes:
            put_metric("ResultTooLarge", session_id=session.session_id)
            text = f"The result has {size_bytes} bytes; in this turn at most {room_bytes} fit."
            result = tool_result(result["toolUseId"], "error", text)
        done = self.answers.answer(
            session.session_id, pending.tool_use_id, result, int(self.clock())
        )
        return done.approval if done.outcome in ("decided", "repeated") else None

    def _stop(self, tool: LongTool, wait: Wait, session: Session, pending: PendingToolUse) -> None:
        try:
            tool.end(wait, input_of(session, pending))
        except Exception as error:
            ids = {"session_id": wait.session_id, "tool_use_id": wait.tool_use_id}
            _logger.warning("not stopped", extra={**facts_of(error), **ids})

    def _check_late(self, message: ToolResults) -> None:
        for result in message.results:
            recorded = self.answers.get(message.session_id, result["toolUseId"])
            if recorded and recorded.call is None:
                _check_late(recorded, result)

    def _awaited(
        self, session: Session, message: ToolResults, result: dict[str, Any]
    ) -> PendingToolUse | None:
        pending = session.waits_for(result["toolUseId"])
        if pending is None:
            if self.answers.get(session.session_id, result["toolUseId"]):
                return None
            raise MalformedMessageError("toolUseId: this session has no such tool use")
        if pending.tool_name != message.tool_name:
            raise MalformedMessageError("toolName: not the tool that the session waits for")
        return pending


def _is_told(tool: LongTool | None, pending: PendingToolUse) -> bool:
    """Tells whether the message's word counts; a tool that is gone by now has said so before."""
    was_told = pending.look_at is None and not pending.by_callback
    return was_told and (tool is None or tool.is_told)


def _look(
    tool: LongTool | None, wait: Wait, session: Session, pending: PendingToolUse
) -> dict[str, Any] | None:
    """Asks the source; None: not yet."""
    if tool is None:
        text = f"There is no tool {wait.tool_name} any more."
        return tool_result(wait.tool_use_id, "error", text)
    try:
        found = tool.ask_source(wait, input_of(session, pending))
    except CannotStart as problem:  # Its input fits no more: the tool has changed since.
        return tool_result(wait.tool_use_id, "error", str(problem))
    if found is None:
        return None
    return tool_result(wait.tool_use_id, "error" if found.failed else "success", found.text)


def _check_late(recorded: Wait, result: dict[str, Any]) -> None:
    """Sees to it that no result is dropped without a trace after the end of its wait.

    Raises:
        MalformedMessageError: The wait has expired: its result is kept as a dead letter.
    """
    is_known = recorded.result == result or is_wake_up(recorded, result)
    if is_known or recorded.status == Status.PENDING:
        return
    ids = {"session_id": recorded.session_id, "tool_use_id": recorded.tool_use_id}
    _logger.warning("late result", extra={**ids, "status": recorded.status})
    put_metric("ResultIgnored", session_id=recorded.session_id)
    if recorded.status == Status.EXPIRED:
        raise MalformedMessageError("toolUseId: no result came in time, and the agent went on")
