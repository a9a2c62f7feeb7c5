"""Step "run": one run of the agent, until it pauses, ends, or runs out of time."""

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from strands.hooks import MessageAddedEvent

import agent_definition
from gate import Gate, tool_uses
from longrunning import tracing
from longrunning.sessions import Message, PendingToolUse

NATURAL_ENDS = ("end_turn", "stop_sequence")
MEASURED = ("metrics", "usage")
"""What Strands adds to a message's `metadata` by itself; whatever else stands there is kept."""

INTERRUPTED = "interrupted"
"""Stop reason of a run that its deadline stopped after at least one whole turn."""


class DeadlineError(Exception):
    """The run did not come to a pause within the function's time; it goes on, or starts over."""


@dataclass(frozen=True)
class Run:
    """What one run of the agent came to."""

    messages: list[Message]
    pending: tuple[PendingToolUse, ...]
    """The waiting tool uses of the last turn, in the turn's order; none if the agent ended."""
    stop_reason: str

    @property
    def waits(self) -> bool:
        """Whether the agent has more to do."""
        return bool(self.pending) or self.stop_reason == INTERRUPTED

    @property
    def ended_well(self) -> bool:
        """Whether the model itself came to an end, rather than to a limit."""
        return self.stop_reason in NATURAL_ENDS


def run_agent(
    make_agent: Callable[[list[Message], Gate], Any],
    gate: Gate,
    messages: list[Message],
    prompt: str | None,
    seconds_left: float,
) -> Run:
    """Runs the agent on a conversation.

    Args:
        make_agent: Makes the agent, as `agent_definition.make_agent` does.
        gate: The gate of this run.
        messages: The conversation so far, in which every tool use has its result.
        prompt: The task of a new session; None to go on from the conversation.
        seconds_left: After this time the run is stopped.

    Returns:
        The run; when its time was over before the agent paused or ended, as far as it had come by
        its last whole turn.

    Raises:
        DeadlineError: The time was over and there is no whole turn, or an effect may lie after it.
        Exception: Whatever failed in the gate, in an effect, or in the model.
    """
    session_id = gate.session_id
    # A dict of its own for every run: the loop changes it, and a stop must not outlive its run.
    state = {"session_id": session_id, "request_state": {"session_id": session_id}}
    with tracing.subsegment("run", session_id=session_id):
        gate.trace_entity = tracing.current_entity()
        agent = make_agent(messages, gate)
        turns: list[list[Message]] = []
        deadline = _Deadline(seconds_left)
        agent.add_hook(_turn_keeper(turns, deadline), MessageAddedEvent)
        result = agent(
            prompt,
            invocation_state=state,
            limits={"turns": agent_definition.MAX_TURNS},
            cancel_signal=deadline,
        )
    if gate.fault:
        raise gate.fault
    waiting = {w["tool_use_id"]: w["tool_name"] for w in result.state.get("waiting", ())}
    if not waiting and result.stop_reason == "cancelled":
        if not turns or gate.spent:
            raise DeadlineError(DeadlineError.__doc__)
        return Run(_kept(turns[-1]), (), INTERRUPTED)
    uses = tool_uses_of_last_turn(agent.messages) if waiting else {}
    pending = tuple(PendingToolUse(i, waiting[i]) for i in uses if i in waiting)
    return Run(_kept(agent.messages), pending, result.stop_reason)


def tool_uses_of_last_turn(messages: list[Message]) -> dict[str, dict[str, Any]]:
    """Returns the tool uses of the assistant's last message, which the last message answers."""
    return {use["toolUseId"]: use for use in tool_uses(messages[-2])}


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


def _turn_keeper(
    turns: list[list[Any]], deadline: threading.Event
) -> Callable[[MessageAddedEvent], None]:
    """Keeps the conversation after each turn whose tools were not disturbed by the deadline."""

    def keep(event: MessageAddedEvent) -> None:
        answers = any("toolResult" in block for block in event.message["content"])
        if answers and not deadline.is_set():
            turns[:] = [list(event.agent.messages)]

    return keep


class _Deadline(threading.Event):
    """What cancels a run when its time is over: Strands asks it again and again, none waits."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._over_at = time.monotonic() + seconds

    def is_set(self) -> bool:
        return time.monotonic() >= self._over_at
