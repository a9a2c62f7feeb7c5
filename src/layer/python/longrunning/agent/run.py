"""Step "run": one run of the agent, until it pauses, ends, or runs out of time.

What a run came to is decided by what is known here: the waits that tools have noted, the clock of
this run, and which tool uses have an answer. Strands' stop reasons name several things alike, and
a turn may end with more messages than its results.
"""

import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from strands.hooks import MessageAddedEvent
from strands.interrupt import InterruptException
from strands.types.exceptions import (
    ContextWindowOverflowException,
    MaxTokensReachedException,
    StructuredOutputException,
)

from longrunning import tracing
from longrunning.agent.conversation import note_record_ids, text_of, tool_results, tool_uses
from longrunning.agent.definition import AgentDefinition
from longrunning.agent.gate import Gate
from longrunning.agent.watch import CONTEXT_EXCEEDED
from longrunning.sessions import Message, PendingToolUse

NATURAL_ENDS = ("end_turn", "stop_sequence")
MEASURED = ("metrics", "usage")
"""Added to a message's `metadata` by Strands itself; whatever else stands there is kept."""

INTERRUPTED = "interrupted"
"""Stop reason of a run that its deadline stopped after at least one whole turn."""

STOPPED = "stopped"
"""Stop reason of a run that the adopter's own code stopped: `agent.cancel()`, the `stop` tool."""

UNANSWERED = "unanswered_tool_use"
"""Stop reason of a run that seems to have ended well, but for a tool use without a result."""

MAX_LAST_WORDS_CHARS = 500

_ENDS_BY_EXCEPTION: dict[type[Exception], str] = {
    MaxTokensReachedException: "max_tokens",
    ContextWindowOverflowException: CONTEXT_EXCEEDED,
    StructuredOutputException: "structured_output",
}
"""They end the run; the same conversation would end alike however often it is tried."""


class DeadlineError(Exception):
    """The run did not come to a pause within the function's time; it goes on, or starts over."""


class LostWaitError(Exception):
    """A tool has noted that it waits, and the conversation does not end with its turn."""


class BrokenAnswerError(Exception):
    """The model's answer broke off: it has called a tool, and never said that it was done."""


class UnsupportedAgentError(Exception):
    """The agent does what cannot work here, however often it is tried; the text says what to do."""


@dataclass(frozen=True)
class Run:
    """The end of one run of the agent."""

    messages: list[Message]
    pending: tuple[PendingToolUse, ...]
    """The waiting tool uses of the last turn, in the turn's order; none if the agent ended."""
    stop_reason: str
    state: dict[str, Any] = field(default_factory=dict)
    """The values that tools and hooks keep in `agent.state`."""

    @property
    def waits(self) -> bool:
        """Whether the agent has more to do."""
        return bool(self.pending) or self.stop_reason == INTERRUPTED

    @property
    def ended_well(self) -> bool:
        """Whether the model itself came to an end, rather than to a limit."""
        return self.stop_reason in NATURAL_ENDS

    @property
    def last_words(self) -> str:
        """The beginning of what the agent said last, if it has ended."""
        said = (text_of(m) for m in reversed(self.messages) if m["role"] == "assistant")
        return "" if self.waits else next(filter(None, said), "")[:MAX_LAST_WORDS_CHARS]


def run_agent(
    definition: AgentDefinition,
    gate: Gate,
    messages: list[Message],
    prompt: str | None,
    seconds_left: float,
    saved_state: Mapping[str, Any] | None = None,
    waits_before: Mapping[str, int] | None = None,
) -> Run:
    """Runs the agent on a conversation.

    Args:
        definition: The agent.
        gate: The gate of this run.
        messages: The conversation so far, in which every tool use has its result.
        prompt: The task of a new session; None to go on from the conversation.
        seconds_left: After this time the run is stopped.
        saved_state: What `agent.state` held when the session paused.
        waits_before: How often the session has waited in earlier runs, by tool.

    Returns:
        The run; when its time was over before the agent paused or ended, as far as it had come by
        its last whole turn.

    Raises:
        DeadlineError: The time was over and there is no whole turn after every effect of the run.
        LostWaitError: Something that waits is not where the run ended.
        UnsupportedAgentError: The agent was interrupted, or goes on from another conversation.
        Exception: Whatever failed in the gate, in an effect, or in the model.
    """
    session_id = gate.session_id
    # A dict of its own for every run: the loop changes it, and a stop must not outlive its run.
    request_state: dict[str, Any] = {
        "session_id": session_id,
        "waits_before": dict(waits_before or {}),
        "max_waits": definition.max_waits,
    }
    deadline = _Deadline(seconds_left)
    turns: list[_Turn] = []
    with tracing.subsegment("run", session_id=session_id):
        gate.trace_entity = tracing.current_entity()
        agent = _made(definition, gate, messages)
        for name, value in (saved_state or {}).items():
            agent.state.set(name, value)
        agent.add_hook(_turn_keeper(turns, gate, deadline), MessageAddedEvent)
        try:
            result = agent(
                prompt,
                invocation_state={
                    "session_id": session_id,
                    "request_state": request_state,
                    "session_agent": agent,
                    "stop_run": gate.watch.stop,
                },
                limits={"turns": definition.max_turns},
                cancel_signal=deadline,
            )
            stop = _stop_reason(result)
        except tuple(_ENDS_BY_EXCEPTION) as error:
            stop = _ENDS_BY_EXCEPTION[type(error)]
        except InterruptException as error:
            raise UnsupportedAgentError(_interrupted([error.interrupt])) from error
        except Exception as error:
            if gate.watch.fault:
                raise gate.watch.fault from error
            raise
    if gate.watch.fault:
        raise gate.watch.fault
    if noted := {w["tool_use_id"]: w for w in request_state.get("waiting", ())}:
        return _paused(agent, gate, noted, stop)
    if gate.watch.end:
        return _ended(agent, gate, gate.watch.end)
    if stop == STOPPED and deadline.has_stopped:
        return _kept_turn(turns, gate, agent)
    return _ended(agent, gate, stop)


def _made(definition: AgentDefinition, gate: Gate, messages: list[Message]) -> Any:
    """Makes the agent, which must go on from the session's own conversation."""
    given = list(messages)
    agent = definition.make_agent(messages, gate)
    is_ours = len(agent.messages) == len(given) and all(
        mine is theirs for mine, theirs in zip(agent.messages, given, strict=False)
    )
    if getattr(agent, "_session_manager", None) is not None or (given and not is_ours):
        raise UnsupportedAgentError(
            "make_agent: the agent goes on from other messages than it was given, as with a "
            "session_manager. Leave that out: this stack saves the conversation itself."
        )
    if getattr(agent.model, "stateful", False):
        raise UnsupportedAgentError(
            "make_model: a model that keeps the conversation on its server cannot go on from a "
            "saved one. Switch its server-side state off."
        )
    gate.watch.begin(agent.messages)
    heard = agent.callback_handler

    def hear(**event: Any) -> None:
        gate.watch.heard(event.get("event") or {})
        heard(**event)

    agent.callback_handler = hear
    return agent


def _stop_reason(result: Any) -> str:
    """Tells apart what Strands names alike.

    Raises:
        UnsupportedAgentError: The agent was interrupted.
    """
    if result.stop_reason == "interrupt" or result.interrupts:
        raise UnsupportedAgentError(_interrupted(result.interrupts))
    if result.stop_reason == "checkpoint":
        raise UnsupportedAgentError("make_agent: leave checkpointing out; the stack saves runs.")
    if result.structured_output is not None:
        return "end_turn"
    # "tool_use" after the loop: a tool has set the flag that stops it.
    return STOPPED if result.stop_reason in ("cancelled", "tool_use") else str(result.stop_reason)


def _paused(agent: Any, gate: Gate, noted: dict[str, dict[str, Any]], stop: str) -> Run:
    """The run ends with the turn that waits: the results of all its tool uses.

    Whatever Strands or a hook added behind them was said without knowing the answers.
    """
    messages = agent.messages
    place = max((n for n, message in enumerate(messages) if tool_uses(message)), default=-1)
    ids = [use["toolUseId"] for use in (tool_uses(messages[place]) if place >= 0 else ())]
    answers = messages[place + 1 : place + 2]
    answered = [r["toolUseId"] for message in answers for r in tool_results(message)]
    if noted.keys() - set(ids) or set(ids) != set(answered):
        raise LostWaitError(LostWaitError.__doc__)
    keys = {i: gate.record_id(i) for i in ids if i in noted}
    note_record_ids(messages[place], keys)
    pending = tuple(_pending(noted[given], ours) for given, ours in keys.items())
    return _run(gate, messages[: place + 2], pending, stop, agent)


def _pending(noted: Mapping[str, Any], record_id: str) -> PendingToolUse:
    given = noted["tool_use_id"]
    return PendingToolUse(
        tool_use_id=record_id,
        tool_name=noted["tool_name"],
        given_id=given if given != record_id else None,
        within_seconds=noted.get("within_seconds"),
        look_at=noted.get("look_at"),
        by_callback=noted.get("by_callback"),
    )


def _kept_turn(turns: list["_Turn"], gate: Gate, agent: Any) -> Run:
    """The last whole turn, if every effect of the run lies before it."""
    if not turns or turns[-1].effects != gate.effects.begun:
        raise DeadlineError(DeadlineError.__doc__)
    return _run(gate, turns[-1].messages, (), INTERRUPTED, agent)


def _ended(agent: Any, gate: Gate, stop: str) -> Run:
    messages = agent.messages
    last = messages[-1] if messages else {"content": []}
    if stop in NATURAL_ENDS:
        if tool_uses(last) and stop == "end_turn":
            raise BrokenAnswerError(BrokenAnswerError.__doc__)
        if tool_uses(last):
            stop = UNANSWERED
        elif not gate.watch.model_answered:  # A hook has answered in its place.
            stop = STOPPED
    return _run(gate, messages, (), stop, agent)


def _run(
    gate: Gate, messages: list[Message], pending: tuple[PendingToolUse, ...], stop: str, agent: Any
) -> Run:
    gate.watch.note_length(agent.messages)
    gate.watch.make_sendable(messages)
    return Run(_kept(messages), pending, stop, agent.state.get() or {})


def _interrupted(interrupts: Any) -> str:
    names = ", ".join(sorted({str(i.name) for i in interrupts or ()}))
    return (
        f"interrupt: a tool or a hook interrupted the agent ({names:.80}), and nobody is asked. "
        "Have the tool return pause(), or make it a protected tool (docs/adapt.md)."
    )


def _kept(messages: list[Message]) -> list[Message]:
    """Leaves out what Strands measured of each answer; all of it is in its traces.

    Only the newest count of tokens stays: Strands goes by it to estimate the next call's.
    """
    last = max((n for n, m in enumerate(messages) if m["role"] == "assistant"), default=None)
    return [
        _unmeasured(m, {"metrics"} if n == last else MEASURED) if "metadata" in m else m
        for n, m in enumerate(messages)
    ]


def _unmeasured(message: Message, left_out: Collection[str]) -> Message:
    metadata = {k: v for k, v in message["metadata"].items() if k not in left_out}
    rest = {k: v for k, v in message.items() if k != "metadata"}
    return {**rest, "metadata": metadata} if metadata else rest


@dataclass(frozen=True)
class _Turn:
    """The conversation after a whole turn, and how many effects the run had begun by then."""

    messages: list[Any]
    effects: int


def _turn_keeper(
    turns: list[_Turn], gate: Gate, deadline: threading.Event
) -> Callable[[MessageAddedEvent], None]:
    """Keeps the conversation after each turn whose tools were not disturbed by the deadline."""

    def keep(event: MessageAddedEvent) -> None:
        if tool_results(event.message) and not deadline.is_set():
            turns[:] = [_Turn(list(event.agent.messages), gate.effects.begun)]

    return keep


class _Deadline(threading.Event):
    """Cancels a run at its deadline. Strands asks it again and again; nothing waits for it."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._over_at = time.monotonic() + seconds
        self.has_stopped = False
        """Whether Strands was told that the time is over."""

    def is_set(self) -> bool:
        if time.monotonic() >= self._over_at:
            self.has_stopped = True
        return self.has_stopped
