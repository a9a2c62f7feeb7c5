"""Steps "save" (C2) and "notify": records what a saved session waits for, and asks for it.

A person is asked by e-mail; the work of a timer, a job, an agent is started.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from botocore.exceptions import ClientError

from longrunning import ask_human, tracing
from longrunning.agent.calls import call_of, size_of
from longrunning.agent.conversation import text_of, tool_uses
from longrunning.agent.definition import AgentDefinition
from longrunning.agent.inputs import object_of
from longrunning.agent.long_running import CannotStart
from longrunning.agent.turn_budget import room_for_edits
from longrunning.messages import tool_result
from longrunning.observability import facts_of, get_logger, put_metric
from longrunning.people.directory import People
from longrunning.people.policy import PolicyError, policy_of
from longrunning.sessions import PendingToolUse, Session
from longrunning.waits.answers import Answers
from longrunning.waits.item import Call, Status, Wait
from longrunning.waits.timeouts import DEFAULT_WITHIN_SECONDS, Timeouts

OUTLIVES_SESSION_SECONDS = 86_400
"""The record of a wait is kept this much longer than the session it was for."""

ENDS_BEFORE_PARENT_SECONDS = 300
"""A wait of an agent that another one asked ends so long before that one stops waiting."""

TRIED_AGAIN_STATUSES = (408, 409, 429)
"""Of AWS's refusals, those that another attempt may mend; the other 4xx say no for good."""

MAX_CONTEXT_CHARS = 240
"""Shown of a task, and of the agent's last words."""

RULE = "rule"
"""How `decided_by` begins, and `via` is, where a rule has decided."""

_logger = get_logger("asking")


class ReusedIdError(Exception):
    """A tool use has the id of an earlier one: its record would answer the wrong question."""


@dataclass(frozen=True)
class Asking:
    """Records what a session waits for, and asks whoever has the answer."""

    answers: Answers
    send_email: Callable[[Sequence[Wait]], None]
    """Asks for all that it is given in one e-mail."""
    timeouts: Timeouts
    people: People = field(default_factory=dict)
    """Who may be asked by name."""
    shows_context: bool = False
    """Whether people see how the task and the agent's last words begin."""

    def longest_wait_seconds(
        self, agent: AgentDefinition, pending: tuple[PendingToolUse, ...]
    ) -> int:
        """Returns how long a turn may wait, approvals and all else together."""
        return max((self._wait_seconds(agent, p) for p in pending), default=0)

    def ask(self, session: Session, agent: AgentDefinition) -> list[str]:
        """Records what a session just saved waits for, then asks.

        All items before the first question, so that no answer finds the turn half recorded.

        Returns:
            The tool uses that have their answer already, in the record.
        """
        with tracing.subsegment("notify", session_id=session.session_id):
            return self._notify(session, agent, self.record(session, agent))

    def record(self, session: Session, agent: AgentDefinition) -> list[Wait]:
        """C2: records what a saved session waits for, and asks nobody."""
        return [self._record(session, agent, pending) for pending in session.pending]

    def withdraw(self, session: Session, agent: AgentDefinition, by: str, now: int) -> list[Wait]:
        """Records that nobody waits any more for what a session waits for; asks nobody.

        No policy is asked, and no rule decides. What is answered already stays as it is.
        """
        return [self._withdraw(session, agent, p, by, now) for p in session.pending]

    def _withdraw(
        self, session: Session, agent: AgentDefinition, pending: PendingToolUse, by: str, now: int
    ) -> Wait:
        ids = (session.session_id, pending.tool_use_id)
        made = self._made(session, agent, pending, asks=False)
        cancelled = replace(made, status=Status.CANCELLED, decided_by=by, decided_at=now)
        recorded, is_first = self.answers.put_if_absent(cancelled)
        if is_first:
            return recorded
        done = self.answers.cancel(*ids, decided_by=by, now=now)
        return done.approval or recorded

    def ask_again(
        self, session: Session, agent: AgentDefinition, *, notify_again: bool
    ) -> list[str]:
        """Makes up for what an earlier delivery may have left undone; safe to repeat.

        The same e-mail goes out again: its links are the same.

        Args:
            session: As it is saved.
            agent: Its agent.
            notify_again: Whether to ask also for what was recorded before.

        Returns:
            The tool uses that have their answer already, in the record.
        """
        with tracing.subsegment("notify", session_id=session.session_id):
            found = [self._found_or_recorded(session, agent, p) for p in session.pending]
            to_ask = [w for w, was_found in found if notify_again or not was_found or w.via == RULE]
            return self._notify(session, agent, to_ask)

    def _wait_seconds(self, agent: AgentDefinition, pending: PendingToolUse) -> int:
        if pending.tool_name in agent.person_tools:
            return self.timeouts.longest_wait_seconds
        return pending.within_seconds or DEFAULT_WITHIN_SECONDS

    def _found_or_recorded(
        self, session: Session, agent: AgentDefinition, pending: PendingToolUse
    ) -> tuple[Wait, bool]:
        """Returns the record; one that is there stays as it is: the tools may have changed."""
        found = self.answers.get(session.session_id, pending.tool_use_id)
        if found:
            return _of_this_pause(found, session), True
        return self._record(session, agent, pending), False

    def _record(self, session: Session, agent: AgentDefinition, pending: PendingToolUse) -> Wait:
        """C2, from the saved session alone: whoever records the pause puts the same item."""
        recorded, is_first = self.answers.put_if_absent(
            self._made(session, agent, pending, asks=True)
        )
        if is_first and recorded.call is not None:
            put_metric("ApprovalRequested", session_id=session.session_id)
        return _of_this_pause(recorded, session)

    def _made(
        self, session: Session, agent: AgentDefinition, pending: PendingToolUse, *, asks: bool
    ) -> Wait:
        wait = Wait(
            session_id=session.session_id,
            tool_use_id=pending.tool_use_id,
            agent_name=session.agent_name,
            tool_name=pending.tool_name,
            requested_at=session.paused_at,
            decide_by=0,
            depth=session.parent.depth if session.parent else None,
            requested_by=session.requested_by,
            expires_at=session.expires_at + OUTLIVES_SESSION_SECONDS,
        )
        wait = _with_call(session, agent, pending, wait)
        if asks:
            wait = self._with_people(wait, agent)
        if self.shows_context and wait.call is not None:
            wait = replace(wait, context=_context(session))
        return self._scheduled(wait, session, pending)

    def _with_people(self, wait: Wait, agent: AgentDefinition) -> Wait:
        """Adds who must agree, or what a rule has decided."""
        if wait.call is None or agent.policy is None:
            return wait
        try:
            policy = policy_of(agent.policy, wait.call, wait.requested_by, self.people)
            if wait.is_question and (policy.decision or policy.needed > 1):
                raise PolicyError("ask_human: one person answers a question, and no rule does")
        except Exception as error:
            is_ours = isinstance(error, PolicyError)  # Any other text may be anybody's.
            facts = {"reason": str(error)} if is_ours else facts_of(error)
            _logger.error("the policy cannot be done", extra=facts)
            raise
        if policy.decision is None:
            needed = policy.needed if policy.needed > 1 else None
            asked, sign_in = list(policy.people), policy.sign_in or None
            return replace(wait, approvers=asked, needed=needed, sign_in=sign_in)
        return replace(
            wait,
            status=Status(policy.decision.upper()),
            decision=policy.decision,
            decided_by=f"{RULE}:{policy.rule}",
            decided_at=wait.requested_at,
            via=RULE,
        )

    def _scheduled(self, wait: Wait, session: Session, pending: PendingToolUse) -> Wait:
        """Adds when it is due: people have the stack's time, any other tool its own."""
        if wait.call is not None:
            times = self.timeouts.schedule(wait.requested_at)
        else:
            times = self.timeouts.tool_schedule(
                wait.requested_at, pending.within_seconds, pending.look_at
            )
        if session.parent:
            times = times.ending_by(session.parent.decide_by - ENDS_BEFORE_PARENT_SECONDS)
        if pending.look_at and times.remind_at is None:
            times = replace(times, remind_at=times.decide_by)  # It is looked at once, at its end.
        return replace(
            wait,
            decide_by=times.decide_by,
            remind_at=times.remind_at,
            escalate_at=times.escalate_at,
            due_at=times.due_at,
        )

    def _notify(
        self, session: Session, agent: AgentDefinition, recorded: Iterable[Wait]
    ) -> list[str]:
        """Sends one e-mail for all that people are asked; starts the work of all other tools.

        Returns:
            The tool uses that have their answer already: a rule has decided them, or their work
            could not be started, for good.
        """
        recorded = list(recorded)
        by_rule = [wait.tool_use_id for wait in recorded if wait.via == RULE]
        waiting = [wait for wait in recorded if wait.status == Status.PENDING]
        if asked := [wait for wait in waiting if wait.call is not None]:
            self.send_email(asked)
        others = [wait for wait in waiting if wait.call is None]
        not_started = [w.tool_use_id for w in others if not self._start(session, agent, w)]
        return by_rule + not_started

    def _start(self, session: Session, agent: AgentDefinition, wait: Wait) -> bool:
        tool = agent.long_tools_by_name.get(wait.tool_name)
        pending = session.waits_for(wait.tool_use_id)
        if pending is None or (tool is None and pending.look_at is None):
            return True  # A tool that calls `pause` itself starts its work by itself.
        try:
            if tool is None:
                raise CannotStart(f"there is no tool {wait.tool_name} any more")
            tool.begin(wait, input_of(session, pending))
        except CannotStart as error:
            return self._not_started(wait, str(error), session)
        except ClientError as error:
            if not _is_for_good(error):
                raise
            return self._not_started(wait, error.response["Error"]["Code"], session)
        return True

    def _not_started(self, wait: Wait, reason: str, session: Session) -> bool:
        """The model is told, as nobody else would answer."""
        text = f"{wait.tool_name} could not be started: {reason}"
        result = tool_result(wait.tool_use_id, "error", text)
        self.answers.resolve(wait.session_id, wait.tool_use_id, result, session.paused_at)
        ids = {"session_id": wait.session_id, "tool_use_id": wait.tool_use_id}
        _logger.error("not started", extra={**ids, "tool_name": wait.tool_name})
        put_metric("ToolNotStarted", session_id=wait.session_id)
        return False


def input_of(session: Session, pending: PendingToolUse) -> Mapping[str, Any]:
    """Returns the input of a waiting tool use, from the conversation."""
    given: Mapping[str, Any] = _tool_use(session, pending)["input"] or {}
    return given


def _tool_use(session: Session, pending: PendingToolUse) -> dict[str, Any]:
    """Returns a tool use of the turn that the session's last message answers."""
    uses = tool_uses(session.messages[-2])
    return next(use for use in uses if use["toolUseId"] == pending.id_in_conversation)


def _with_call(
    session: Session, agent: AgentDefinition, pending: PendingToolUse, wait: Wait
) -> Wait:
    """Adds the exact call that an approval is to allow."""
    use = _tool_use(session, pending)
    if pending.tool_name == ask_human.NAME:
        question, schema = ask_human.question_of(object_of(use["input"] or {}, "input"))
        return replace(wait, call=Call(ask_human.NAME, question), answer_schema=schema)
    call = call_of(use, agent.protected_tools)
    if call is None:
        return wait
    tool = next((tool for tool in agent.protected_tools if tool.name == call.action), None)
    return replace(
        wait,
        call=call,
        content_schema=tool.content_schema if tool else {},
        editable=(tool.schemas or None) if tool else None,
        max_edit_bytes=_room_for_edits(session, agent) if len(session.pending) > 1 else None,
    )


def _room_for_edits(session: Session, agent: AgentDefinition) -> int | None:
    """The same for all questions of a turn, whoever records them."""
    uses = (_tool_use(session, pending) for pending in session.pending)
    calls = (call_of(use, agent.protected_tools) for use in uses)
    return room_for_edits([size_of(call) for call in calls if call])


def _is_for_good(error: ClientError) -> bool:
    """Tells whether AWS refuses the request itself: its form, its rights, what it names."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    is_throttled = "Throttl" in error.response["Error"]["Code"]
    return 400 <= status < 500 and status not in TRIED_AGAIN_STATUSES and not is_throttled


def _context(session: Session) -> dict[str, str]:
    asks = next(m for m in reversed(session.messages) if tool_uses(m))
    said = {"task": text_of(session.messages[0]), "said": text_of(asks)}
    return {name: text[:MAX_CONTEXT_CHARS] for name, text in said.items()}


def _of_this_pause(recorded: Wait, session: Session) -> Wait:
    if recorded.requested_at != session.paused_at:
        raise ReusedIdError(f"{recorded.key} was asked at {recorded.requested_at} before")
    return recorded
