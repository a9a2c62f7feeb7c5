"""The gate: a protected tool runs only against an approval of exactly that call.

A prompt is a wish; this is the code that holds it. Before a protected tool runs, Strands calls
`Gate.before_tool`, which looks for an approval of this session whose text and other arguments are,
byte for byte, the call's. What then runs is the record, never what the model said:

    the session's approvals           what happens to the call
    the same call, SPENT              the receiver's first answer again: nothing goes out twice
    the same call, APPROVED           it is spent (C5), then the effect happens
    the same call, DENIED             refused, nobody is asked again
    the same call, waiting            refused: one call is asked for once
    none                              it pauses for approval of exactly this call
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import jsonschema
from strands.hooks import BeforeToolCallEvent, HookProvider, HookRegistry
from strands.tools.tools import PythonAgentTool
from strands.types.tools import ToolUse

from longrunning import human_approval, tracing
from longrunning.agent.calls import ProtectedTool, call_of, size_of
from longrunning.agent.conversation import decisions
from longrunning.agent.effects import Effects
from longrunning.agent.inputs import InvalidCallError, check_schema, completed, object_of
from longrunning.agent.long_running import LongTool
from longrunning.agent.tool_uses import new_record_id
from longrunning.agent.turn_budget import MAX_ASKED_BYTES
from longrunning.agent.watch import Watch
from longrunning.messages import tool_result
from longrunning.waits.item import Call, Status, Wait

MAX_ASKED = 20
"""Questions in one turn: one e-mail lists them, and one transaction claims them."""

NEED_NOT_ASK = {
    Status.SPENT: "Exactly this was approved before and sent: it is not asked again.",
    Status.APPROVED: "Exactly this is approved already: call the tool with it.",
    Status.DENIED: "Exactly this was denied before: revise it, or stop. Nobody was asked again.",
}


@dataclass
class Gate(HookProvider):
    """The gate of one run."""

    session_id: str
    tools: tuple[ProtectedTool, ...]
    effects: Effects
    watch: Watch
    read_wait: Callable[[str], Wait | None]
    """Reads the session's record of a tool use, by our id; None if there is none."""
    long_tools: tuple[LongTool, ...] = ()
    trace_entity: Any = None
    _earlier: dict[str, Wait | None] = field(default_factory=dict)
    _asked: list[Call] = field(default_factory=list)
    _allowed: dict[str, Wait] = field(default_factory=dict)

    def register_hooks(self, registry: HookRegistry, **_: Any) -> None:
        """Registers the gate and its watch with Strands."""
        self.watch.register_hooks(registry)
        registry.add_callback(BeforeToolCallEvent, self.before_tool)

    def agent_tools(self) -> list[Any]:
        """The tools that need more than a turn, as Strands sees them.

        Called past the gate, a protected tool has no right.
        """
        protected = [PythonAgentTool(t.name, t.spec, self._run_allowed) for t in self.tools]  # type: ignore[arg-type]
        return [*protected, *(tool.agent_tool() for tool in self.long_tools)]

    def record_id(self, tool_use_id: str) -> str:
        """Returns the key under which a tool use of this run is recorded.

        The conversation holds the ids that were used before, until it is trimmed.
        """
        is_trimmed = self.watch.is_trimmed
        return new_record_id(
            tool_use_id, lambda known: is_trimmed and self.read_wait(known) is not None
        )

    def before_tool(self, event: BeforeToolCallEvent) -> None:
        """Lets a call through, refuses it, or pauses for it; anything unforeseen stops the run."""
        try:
            with tracing.attached(self.trace_entity):
                refusal = self._check(event)
        except InvalidCallError as error:
            refusal = f"Invalid call: {error}"
        except Exception as fault:
            self.watch.stop(event.agent, fault)
            refusal = "Stopped."
        if refusal:
            event.cancel_tool = refusal

    def _check(self, event: BeforeToolCallEvent) -> str | None:
        """Returns why the call must not run, or None to let it run."""
        if isinstance(event.tool_use["input"], str):
            event.tool_use["input"] = object_of(event.tool_use["input"], "input")
        call = call_of(event.tool_use, self.tools)
        if call is None:
            return self._check_input(event)
        asks = event.tool_use["name"] == human_approval.TOOL_SPEC["name"]
        known = self._known(call, event)
        if (approval := known.get(Status.SPENT) or known.get(Status.APPROVED)) and not asks:
            self._allowed[event.tool_use["toolUseId"]] = approval
            return None
        if status := next((status for status in NEED_NOT_ASK if status in known), None):
            return NEED_NOT_ASK[status]
        return self._too_much(call) or self._ask(call, event, asks)

    def _check_input(self, event: BeforeToolCallEvent) -> str | None:
        """Checks the input of a tool that starts after the pause, when no model can mend it."""
        names = {tool.name for tool in self.long_tools}
        if event.tool_use["name"] not in names or event.selected_tool is None:
            return None
        schema = event.selected_tool.tool_spec["inputSchema"]["json"]
        given = object_of(event.tool_use["input"] or {}, "input")
        complete = completed(schema.get("properties", {}), given)
        check_schema(jsonschema.Draft202012Validator(schema), complete)
        event.tool_use["input"] = complete  # What the tool is started with, as a model may read it.
        return None

    def _too_much(self, call: Call) -> str | None:
        """Returns why this turn cannot ask for the call as well."""
        if any(call.digest == asked.digest for asked in self._asked):
            return "Exactly this is being asked for already, in this same turn."
        if len(self._asked) == MAX_ASKED:
            return f"Too much at once: {MAX_ASKED} approvals are asked for. Ask again after those."
        if sum(size_of(asked) for asked in (*self._asked, call)) > MAX_ASKED_BYTES:
            return "Too much at once: the texts of this turn are too long. Ask again after those."
        return None

    def _ask(self, call: Call, event: BeforeToolCallEvent, asks: bool) -> str | None:
        """Lets `human_approval` ask, or pauses the protected tool itself."""
        self._asked.append(call)
        if asks:
            return None
        waiting = "Waiting for approval of exactly this call."
        paused = human_approval.pause(dict(event.tool_use), waiting, **event.invocation_state)
        return str(paused["content"][0]["text"])

    def _known(self, call: Call, event: BeforeToolCallEvent) -> dict[Status, Wait]:
        """Returns the session's approvals of exactly this call, one for each status."""
        known: dict[Status, Wait] = {}
        for approval in self._approvals_for(call, event):
            if approval.allows(call):
                known.setdefault(approval.status, approval)
        return known

    def _approvals_for(self, call: Call, event: BeforeToolCallEvent) -> Iterator[Wait]:
        """Yields the claimed ones first; then those that the conversation tells of.

        What was asked in a message that has been trimmed is asked again: a person decides.
        """
        yield from self.effects.claimed
        if any(approval.allows(call) for approval in self.effects.claimed):
            return
        mine = {approval.tool_use_id for approval in self.effects.claimed}
        for record_id, use, answer in decisions(event.agent.messages):
            if record_id in mine | self._earlier.keys():
                continue
            if self._may_be(call, use, answer):
                self._earlier[record_id] = self.read_wait(record_id)
        earlier = (approval for approval in self._earlier.values() if approval)
        yield from (a for a in earlier if a.status != Status.APPROVED)

    def _may_be(self, call: Call, use: Mapping[str, Any], answer: Mapping[str, Any]) -> bool:
        """Tells by the conversation whether a decision may be of this call: its record is read.

        By the text alone; of a tool without one by its arguments, which a person may have edited.
        """
        tool = next((tool for tool in self.tools if tool.name == use["name"]), None)
        if tool is None or tool.content_field is not None:
            field = tool.content_field if tool else "content"
            texts = (answer.get("content"), answer.get("content_asked"), use["input"].get(field))
            is_approved = answer["decision"] == "approved"
            return call.content in (texts[:1] if is_approved and texts[0] is not None else texts)
        try:
            asked = tool.call(use["input"])
        except InvalidCallError:
            return False  # The tool has changed since.
        told = [answer["arguments"]] if "arguments" in answer else []
        if answer["decision"] != "approved" or not told:
            told.append(asked.arguments)
        return any(Call(asked.action, None, a).digest == call.digest for a in told)

    def _run_allowed(self, tool: ToolUse, **state: Any) -> Any:
        try:
            with tracing.attached(self.trace_entity):
                status, text = self.effects.perform(self._allowed[tool["toolUseId"]])
        except Exception as fault:  # Strands would tell the model; the handler must know.
            self.watch.stop(state["agent"], fault)
            status, text = "error", "Stopped."
        return tool_result(tool["toolUseId"], status, text)
