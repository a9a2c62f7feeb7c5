"""The walk of one queue message: load, run, pause, save, ask; then answer, resume, act.

Rules behind every order of calls here: the record is the truth and a message only a hint; save
before notify; every write that may happen twice is conditional; the effect on the outside world
carries an idempotency key. `docs/architecture.md` has the write protocol, C1 to C6. What happens
to a message that was here before stands in `recovery.py`.
"""

import copy
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from longrunning import tracing
from longrunning.agent import afterwards, conversation, recovery, tool_results
from longrunning.agent.asking import OUTLIVES_SESSION_SECONDS, Asking
from longrunning.agent.definition import AgentDefinition, Agents, UnknownAgentError
from longrunning.agent.delivery import Delivery
from longrunning.agent.effects import Effects
from longrunning.agent.ending import Ending
from longrunning.agent.gate import Gate
from longrunning.agent.incoming import Incoming
from longrunning.agent.run import DeadlineError, Run, run_agent
from longrunning.agent.watch import Watch
from longrunning.messages import (
    Cancel,
    Look,
    MalformedMessageError,
    NewTask,
    ToolResults,
    tool_result,
)
from longrunning.observability import facts_of, get_logger, put_metric
from longrunning.sessions import WAITING, Message, Session, SessionExistsError, SessionStore
from longrunning.waits.answers import Answers
from longrunning.waits.claims import Claims, MessageOverError, NotDecidedError
from longrunning.waits.item import Status, Wait, wake_up_message

SAVE_MARGIN_SECONDS = 10
"""The run is stopped this long before the function's end, so that a pause can still be saved."""

EFFECT_SECONDS = 25
"""About as long as a receiver may take; with less left no further effect is begun."""

LEASE_MARGIN_SECONDS = 5
"""Lambda can overrun its timeout by a little: a lease must not end before its worker."""

PARENT = "parent"
"""Who cancels what an agent waits for, once the agent that asked it waits no more."""

MAX_AT_ONCE = 50
"""Turns of one delivery that a rule decides, one after the other: each goes on inside the last."""

_logger = get_logger("worker")


@dataclass(frozen=True)
class Worker:
    """Takes one message through the steps. All it touches is passed in."""

    agents: Agents
    sessions: SessionStore
    answers: Answers
    claims: Claims
    asking: Asking
    send_message: Callable[[str], None]
    """Puts a body on the task queue."""
    clock: Callable[[], float]
    retention_seconds: int

    def start(self, task: NewTask, delivery: Delivery) -> None:
        """Runs a new task until the agent pauses or ends. Safe to repeat.

        If the id is the message's own and this is its first delivery, no session can exist, so
        the read is skipped. C1 would catch a mistake.
        """
        agent = self.agent_named(task.agent_name)
        session_id = task.session_id or delivery.message_id
        may_exist = task.session_id is not None or delivery.is_repeated
        if may_exist and (earlier := self._load(session_id)):  # load: an earlier delivery was here
            recovery.continue_from(self, earlier, task, delivery)
            return
        if task.parent and not self.ending.is_awaited(task.parent):
            return
        new = Session(
            session_id,
            agent.name,
            [],
            WAITING,
            task_digest=afterwards.digest_of(task.task),
            parent=task.parent,
            requested_by=task.requested_by,
        )
        gate = self._gate(agent, session_id, [], lambda _: None)
        run = self._run(agent, gate, new, task.task, delivery)  # run, pause
        try:
            with tracing.subsegment("save", session_id=session_id):  # save
                saved = self.sessions.create(self._after(agent, run, gate, delivery, new))
        except SessionExistsError:
            # Another delivery of the task was faster: its session is the one that counts.
            recovery.continue_from(self, self._known(session_id), task, delivery)
            return
        self.ask(saved, delivery)

    def resume(self, results: ToolResults, delivery: Delivery) -> None:
        """Takes results for a waiting session; goes on once every tool use has its answer.

        Raises:
            MalformedMessageError: No such session or tool use, or another tool's name.
            LeaseHeldError: Another worker is on it.
        """
        session = self._known(results.session_id)  # load
        if results.agent_name not in (None, session.agent_name):
            raise MalformedMessageError("agent_name: not the agent of this session")
        agent = self.agent_named(session.agent_name)
        heard = self.incoming.record(session, agent, results)  # answer
        if heard == "nothing_yet":
            return
        if heard == "stale" and not session.was_cut_short:
            _logger.info("stale message", extra={"session_id": session.session_id})
            recovery.finish_pause(self, session, delivery)
            return
        self.go_on(session, delivery, {result["toolUseId"] for result in results.results})

    def look(self, hint: Look, delivery: Delivery) -> None:
        """Takes a hint of a tool's source, which the tool finds the wait of.

        Raises:
            MalformedMessageError: No tool can be hinted so, or it is about nothing of the tool's.
        """
        tool = self.agents.long_tool(hint.tool_name)
        if tool is None or not tool.can_look:
            raise MalformedMessageError("toolName: not a tool that is looked at")
        try:
            session_id, tool_use_id = tool.place_of(hint.about)
        except ValueError as problem:
            raise MalformedMessageError(f"about: {problem}") from problem
        result = tool_result(tool_use_id, "success", "Look.")
        self.resume(ToolResults(session_id, hint.tool_name, (result,)), delivery)

    def cancel(self, hint: Cancel) -> None:
        """Ends the waits of a session that another agent asked for and waits for no more.

        Raises:
            MalformedMessageError: No agent asked for this session.
        """
        session = self._load(hint.session_id)
        if session is None:
            return  # It has not begun, and will see by itself that nobody waits for it.
        if session.parent is None:
            raise MalformedMessageError("session_id: no other agent asked for this session")
        if session.pending:
            self.withdraw_if_given_up(session)

    def go_on(
        self,
        session: Session,
        delivery: Delivery,
        answered: Collection[str] = (),
        nested: int = 0,
    ) -> None:
        """Claims a turn and goes on with it, if all of it is answered.

        Args:
            session: As it was loaded.
            delivery: Of the message that says so.
            answered: The tool uses that the message is about.
            nested: How many turns had their answers at once in this delivery.
        """
        if session.was_cut_short and session.paused_by != delivery.message_id:
            return  # Its own message comes back; a second worker would only cost.
        try:
            claimed = self._claim(session, delivery, answered)
        except NotDecidedError as early:
            # The last answer's message resumes; an earlier one, or a forged one, ends here.
            put_metric("MessageIgnored")
            _logger.info("not all decided", extra={"session_id": session.session_id})
            agent = self.agent_named(session.agent_name)
            for pending in (p for p in session.pending if p.tool_use_id in answered):
                self.incoming.end(session, agent, pending)  # Others may keep the turn for days.
            # No record is asked for again: only what is missing, or one's own pause.
            if early.is_missing or session.paused_by == delivery.message_id:
                recovery.finish_pause(self, session, delivery)
            return
        except MessageOverError:
            put_metric("MessageIgnored")
            _logger.info("another message is on it", extra={"session_id": session.session_id})
            return
        with self._lease(claimed):
            agent = self.agent_named(session.agent_name)
            self.incoming.end_all(session, agent, claimed)
            saved = self._resume_claimed(session, claimed, delivery)
        self.ask(saved, delivery, nested)

    def ask(self, saved: Session, delivery: Delivery, nested: int = 0) -> None:
        """Asks for what a session just saved waits for, or says how it ended.

        Raises:
            DeadlineError: Its run was cut short: its turns are saved, its message brings it back.
        """
        if saved.was_cut_short:
            raise DeadlineError(DeadlineError.__doc__)
        if not saved.pending:
            self.ending.tell(saved)
            return
        if not self.withdraw_if_given_up(saved):
            answered = self.asking.ask(saved, self.agent_named(saved.agent_name))
            self.go_on_at_once(answered, saved, delivery, nested)

    def go_on_at_once(
        self, answered: list[str], session: Session, delivery: Delivery, nested: int = 0
    ) -> None:
        """Goes on where all of a turn has its answer already: nobody else sends a message.

        After many such turns in one delivery a message of its own goes on.
        """
        if not answered or len(answered) < len(session.pending):
            return
        if nested < MAX_AT_ONCE:
            self.go_on(session, delivery, answered, nested + 1)
        elif wait := self.answers.get(session.session_id, answered[0]):
            self.send_message(wake_up_message(wait))

    def withdraw_if_given_up(self, session: Session) -> bool:
        """Cancels what a session waits for, if the agent that asked it waits no more.

        Nobody is asked for what nobody waits for; what is answered already stays as it is. A
        message of its own stops the work and resumes: a copy of this one may have ended already.

        Returns:
            Whether it did.
        """
        if session.parent is None or self.ending.is_awaited(session.parent):
            return False
        agent = self.agent_named(session.agent_name)
        for wait in self.asking.withdraw(session, agent, PARENT, self._now())[:1]:
            self.send_message(wake_up_message(wait))
        return True

    def agent_named(self, name: str | None) -> AgentDefinition:
        """Returns an agent.

        Raises:
            MalformedMessageError: There is none of this name.
        """
        try:
            return self.agents.named(name)
        except UnknownAgentError as error:
            raise MalformedMessageError(str(error)) from error

    @property
    def ending(self) -> Ending:
        """Says how sessions ended."""
        return Ending(self.answers, self.claims, self.send_message)

    @property
    def incoming(self) -> Incoming:
        """Records the results that messages bring."""
        return Incoming(self.answers, self.send_message, self.clock)

    def _resume_claimed(self, session: Session, claimed: list[Wait], delivery: Delivery) -> Session:
        """Resumes a claimed turn: acts, fills the results in, runs, saves."""
        agent = self.agent_named(session.agent_name)
        fence = max((wait.fence for wait in claimed), default=session.fence)
        if fence > 1:
            self.sessions.fence_off(session, fence)
        gate = self._gate(agent, session.session_id, claimed, self._reader(session.session_id))
        gate.watch.is_trimmed = bool(session.is_trimmed)
        try:
            with tracing.subsegment("resume", session_id=session.session_id):  # act, resume
                results = self._results(session, gate.effects, delivery)
            _put_in_place(session, results, gate.watch)
            run = self._run(agent, gate, session, None, delivery)
        except DeadlineError:
            gate.effects.keep_answers()  # Or slow receivers would be asked again and again.
            raise
        after = self._after(agent, run, gate, delivery, session)
        with tracing.subsegment("save", session_id=session.session_id):
            saved = self.sessions.save(after, fence)
        # What is left for a later run must not look as if this one were still on it.
        unspent = [wait for wait in claimed if wait.tool_use_id in saved.unspent]
        self.claims.release(unspent, saved.expires_at + OUTLIVES_SESSION_SECONDS)
        return saved

    def _results(
        self, session: Session, effects: Effects, delivery: Delivery
    ) -> dict[str, dict[str, Any]]:
        """Returns what the model is to read; effects that are due happen here, one at least.

        Raises:
            DeadlineError: There is no time for more effects; the next delivery goes on.
        """
        results = {}
        for wait in effects.claimed:
            if not (session.waits_for(wait.tool_use_id) or wait.status == Status.SPENT):
                continue
            if effects.begun and self._seconds_left(delivery) < EFFECT_SECONDS:
                raise DeadlineError(DeadlineError.__doc__)
            tool = self.agents.long_tool(wait.tool_name)
            expired = tool.expired if tool else None
            results[wait.tool_use_id] = tool_results.result_of(wait, effects, expired)
        return results

    def _claim(self, session: Session, delivery: Delivery, answered: Collection[str]) -> list[Wait]:
        """C4, of the whole turn, and of what was approved before and may be done now."""
        return self.claims.claim(
            session.session_id,
            [pending.tool_use_id for pending in session.pending],
            session.unspent,
            answered,
            now=self._now(),
            # If this process dies, SQS delivers again 7 s after Lambda's timeout: after the lease.
            lease_until=int(delivery.deadline) + LEASE_MARGIN_SECONDS,
            claimed_by=f"{delivery.message_id}/{uuid.uuid4().hex[:8]}",
        )

    @contextmanager
    def _lease(self, claimed: Sequence[Wait]) -> Iterator[None]:
        """Gives the leases back on a fault; should that fail, they end by themselves."""
        try:
            yield
        except BaseException:
            try:
                self.claims.release(claimed)
            except Exception as error:
                _logger.warning("kept its leases", extra=facts_of(error))
            raise

    def _gate(
        self,
        agent: AgentDefinition,
        session_id: str,
        claimed: Sequence[Wait],
        read_wait: Callable[[str], Wait | None],
    ) -> Gate:
        effects = Effects(self.claims, agent.protected_tools, claimed)
        return Gate(
            session_id, agent.protected_tools, effects, Watch(), read_wait, agent.long_tools
        )

    def _reader(self, session_id: str) -> Callable[[str], Wait | None]:
        return lambda tool_use_id: self.answers.get(session_id, tool_use_id)

    def _run(
        self,
        agent: AgentDefinition,
        gate: Gate,
        session: Session,
        prompt: str | None,
        delivery: Delivery,
    ) -> Run:
        seconds_left = self._seconds_left(delivery)
        messages: list[Message] = session.messages
        if any(wait.decided_by == PARENT for wait in gate.effects.claimed):
            # Whoever is asked no more need not ask again: the run comes to its end.
            agent = replace(agent, max_waits=sum((session.waits or {}).values()))
        return run_agent(agent, gate, messages, prompt, seconds_left, session.state, session.waits)

    def _after(
        self,
        agent: AgentDefinition,
        run: Run,
        gate: Gate,
        delivery: Delivery,
        before: Session,
    ) -> Session:
        kept_seconds = self.asking.longest_wait_seconds(agent, run.pending)
        return afterwards.session_after(
            run,
            gate,
            before,
            now=self._now(),
            message_id=delivery.message_id,
            kept_seconds=kept_seconds + self.retention_seconds,
        )

    def _load(self, session_id: str) -> Session | None:
        with tracing.subsegment("load", session_id=session_id):
            return self.sessions.find(session_id)

    def _known(self, session_id: str) -> Session:
        session = self._load(session_id)
        if session is None:
            raise MalformedMessageError("session_id: no session of this id")
        return session

    def _seconds_left(self, delivery: Delivery) -> float:
        return delivery.deadline - SAVE_MARGIN_SECONDS - self.clock()

    def _now(self) -> int:
        return int(self.clock())


def _put_in_place(session: Session, results: dict[str, dict[str, Any]], watch: Watch) -> None:
    """Puts the results of the turn, and of what is redone, into the conversation."""
    turn = {pending.tool_use_id: results[pending.tool_use_id] for pending in session.pending}
    replaced = tool_results.fill_placeholders(session.messages, turn) if turn else set()
    replaced |= tool_results.correct_earlier_results(session.messages, results)
    if session.task_digest:  # What was saved before there were digests may be anything.
        watch.knows_sendable(session.messages[:-1])
    watch.make_sendable(session.messages)
    known = (r for message in session.messages for r in conversation.tool_results(message))
    watch.must_read = {
        r["toolUseId"]: copy.deepcopy(r) for r in known if r["toolUseId"] in replaced
    }
