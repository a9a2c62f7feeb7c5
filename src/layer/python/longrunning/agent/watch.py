"""The watch over one run: what the model is sent, what it answered, and what went wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from strands.hooks import (
    AfterModelCallEvent,
    BeforeModelCallEvent,
    HookProvider,
    HookRegistry,
    MessageAddedEvent,
)

from longrunning.agent.conversation import Message, tool_results, tool_uses
from longrunning.agent.sendable import make_sendable
from longrunning.agent.tool_uses import name_apart

MAX_RESTORED = 5
"""So often a decision is put right in one run; who shortens it again and again never ends."""

CONTEXT_EXCEEDED = "context_window_exceeded"


class LostCallError(Exception):
    """A call of the model has no id or no name, so Strands has dropped it: the question is lost."""


@dataclass
class Watch(HookProvider):
    """Watches one run. `fault` is what went wrong in it, for the handler to raise."""

    is_trimmed: bool = False
    """Whether the conversation has lost messages, and so ids that were used before."""
    must_read: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The results that this run goes on from, by the provider's id: the model must read them."""
    model_answered: bool = False
    """Whether the run's last answer is the model's own."""
    last_failed: bool = False
    """Whether a tool that ran in the run's last turn ended in an error."""
    fault: Exception | None = None
    end: str | None = None
    """Why the run was ended though nothing failed in it."""
    _checked: dict[int, Message] = field(default_factory=dict)
    _length: int = 0
    _calls_begun: int = 0
    _restored: int = 0

    def register_hooks(self, registry: HookRegistry, **_: Any) -> None:
        """Registers the watch with Strands."""
        registry.add_callback(MessageAddedEvent, self.message_added)
        registry.add_callback(BeforeModelCallEvent, self.before_model)
        registry.add_callback(AfterModelCallEvent, self.after_model)

    def begin(self, messages: Sequence[Any]) -> None:
        """Takes note of how long the conversation is that the run starts from."""
        self._length = len(messages)

    def note_length(self, messages: Sequence[Any]) -> None:
        """Sees whether the conversation has lost messages."""
        self.is_trimmed |= self._length != len(messages)

    def stop(self, agent: Any, fault: Exception) -> None:
        """Stops the run; the handler raises the fault."""
        self.fault = self.fault or fault
        agent.cancel()

    def message_added(self, event: MessageAddedEvent) -> None:
        """Gives each tool use an id of its own, and sees whether tools failed."""
        self._length += 1
        self.note_length(event.agent.messages)
        if results := tool_results(event.message):
            self.last_failed = any(result.get("status") == "error" for result in results)
        name_apart(event.agent.messages)

    def before_model(self, event: BeforeModelCallEvent) -> None:
        """Puts decisions right that a manager shortened; makes all sendable that is new."""
        self._calls_begun = 0
        if self.must_read and self._put_right(event.agent.messages):
            self._restored += 1
            if self._restored > MAX_RESTORED:
                self.end = CONTEXT_EXCEEDED
                event.agent.cancel()
        self.make_sendable(event.agent.messages)

    def _put_right(self, messages: Sequence[Any]) -> bool:
        """The model must read what was decided, whole, however full its window is."""
        is_changed = False
        blocks = (block for message in messages for block in message["content"])
        for result in (block["toolResult"] for block in blocks if "toolResult" in block):
            known = self.must_read.get(result["toolUseId"])
            if known is not None and result != known:
                result.clear()
                result.update(known)
                is_changed = True
        return is_changed

    def make_sendable(self, messages: Sequence[Any]) -> None:
        """Makes sendable what was not looked at before; the same message is looked at once."""
        before: Message = {"content": []}
        for message in messages:
            if id(message) not in self._checked:
                make_sendable(message, {u["toolUseId"]: u["name"] for u in tool_uses(before)})
                self._checked[id(message)] = message
            before = message

    def knows_sendable(self, messages: Sequence[Any]) -> None:
        """Takes note of messages that were made sendable when they were saved."""
        self._checked |= {id(message): message for message in messages}

    def heard(self, chunk: Mapping[str, Any]) -> None:
        """Counts the calls that a model begins, from the events that its provider streams."""
        start = chunk.get("contentBlockStart", {}).get("start") or {}
        self._calls_begun += "toolUse" in start

    def after_model(self, event: AfterModelCallEvent) -> None:
        """Notices a call that got lost: the model has begun more than its message holds."""
        stop = event.stop_response
        # Strands measures what a model says; what a hook says in its place has no such metadata.
        self.model_answered = stop is not None and "metadata" in stop.message
        if stop and stop.stop_reason == "tool_use":
            calls = len(tool_uses(stop.message))
            if calls < max(1, self._calls_begun):
                self.stop(event.agent, LostCallError(LostCallError.__doc__))
