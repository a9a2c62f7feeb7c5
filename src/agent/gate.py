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

import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import jsonschema
from strands.hooks import BeforeToolCallEvent, HookProvider, HookRegistry, MessageAddedEvent
from strands.tools.tools import PythonAgentTool
from strands.types.tools import ToolUse

from longrunning import approvals, human_approval, tracing
from longrunning.approvals import Approval, ApprovalStore
from longrunning.messages import MAX_CONTENT_BYTES, TOOL_USE_ID_PATTERN, tool_result

MAX_ARGUMENTS_BYTES = 16_384
"""They stand in the approval item (400 KB) beside the content and an edit of it."""

MAX_ASKED = 20
"""Questions in one turn: each is an e-mail to the same person, and one transaction claims them."""


class InvalidCallError(ValueError):
    """The call does not fit the tool's input schema; the model reads why."""


class ContentFieldError(ValueError):
    """A protected tool's content is no text, or has a schema that an edit cannot be held to."""


@dataclass(frozen=True)
class ProtectedTool:
    """A tool that changes the outside world, and so needs an approval."""

    spec: dict[str, Any]
    """The Converse tool spec: what the model sees."""
    function: Callable[..., str]
    """Called with the approved arguments and `idempotency_key`; returns what the model reads."""
    refused: type[Exception]
    """What `function` raises when the receiver says no for good; all else is retried."""
    content_field: str = "content"
    """The argument that a person reads and may edit: a text. What an approver types is held to its
    schema where no schema library is: so that may hold no more than is checked there."""

    HELD: ClassVar = ("type", "minLength", "maxLength", "pattern", "enum")
    NOTES: ClassVar = (
        "title", "description", "default", "examples", "$comment",
        "deprecated", "readOnly", "writeOnly",
    )  # fmt: skip

    def __post_init__(self) -> None:
        """Checks the content's schema, so that no edit gets past it once a person is asked.

        Raises:
            ContentFieldError: It is no plain text, or has keywords that an edit is not held to.
        """
        if problem := self._content_problem():
            raise ContentFieldError(f'{self.name}: its content "{self.content_field}" {problem}')

    def _content_problem(self) -> str | None:
        properties = self.spec["inputSchema"]["json"].get("properties", {})
        schema = properties.get(self.content_field)
        if not isinstance(schema, dict) or schema.get("type") != "string":
            return (
                'must be an argument of "type": "string", which a person reads and may edit; name '
                "another one as content_field"
            )
        if unheld := sorted(schema.keys() - {*self.HELD, *self.NOTES}):
            return (
                f"has {', '.join(unheld)}, which an approver's edit is not held to; say it by "
                f"{', '.join(self.HELD[1:])}, or leave it out"
            )
        try:
            re.compile(schema.get("pattern", ""))
        except re.error as error:
            return f"has a pattern that is none: {error}"
        return None

    @property
    def name(self) -> str:
        """The tool's name."""
        return str(self.spec["name"])

    @property
    def content_schema(self) -> dict[str, Any]:
        """JSON schema of the content, which an approver's edit must satisfy."""
        schema: dict[str, Any] = self.spec["inputSchema"]["json"]["properties"][self.content_field]
        return {k: v for k, v in schema.items() if k in self.HELD}

    def call(self, given: Mapping[str, Any]) -> "Call":
        """Completes the input of a call with the defaults of the schema, and checks it.

        Raises:
            InvalidCallError: It does not fit the schema.
        """
        schema = self.spec["inputSchema"]["json"]
        properties = schema["properties"]
        if unknown := sorted(given.keys() - properties.keys()):
            raise InvalidCallError(f"unknown arguments: {', '.join(unknown):.300}")
        defaults = {name: p["default"] for name, p in properties.items() if "default" in p}
        complete = defaults | dict(given)
        if error := jsonschema.exceptions.best_match(self._validator.iter_errors(complete)):
            raise InvalidCallError(f"{error.json_path}: {error.message:.300}")
        content = str(complete.pop(self.content_field, ""))
        return Call.checked(self.name, content, complete)

    @cached_property
    def _validator(self) -> jsonschema.Draft202012Validator:
        return jsonschema.Draft202012Validator(self.spec["inputSchema"]["json"])


@dataclass(frozen=True)
class Call:
    """One exact call of a protected tool: what an approval allows."""

    action: str
    content: str
    arguments: dict[str, Any]

    @classmethod
    def checked(cls, action: str, content: str, arguments: dict[str, Any]) -> "Call":
        """Makes a call whose parts fit an approval item.

        Raises:
            InvalidCallError: They do not, or are no valid Unicode.
        """
        if not content.strip() or _size(content) > MAX_CONTENT_BYTES:
            raise InvalidCallError(f"content: expected 1 to {MAX_CONTENT_BYTES} bytes")
        if _size(json.dumps(arguments, ensure_ascii=False)) > MAX_ARGUMENTS_BYTES:
            raise InvalidCallError(f"arguments: expected at most {MAX_ARGUMENTS_BYTES} bytes")
        return cls(action, content, arguments)

    def is_that_of(self, approval: Approval) -> bool:
        """Whether the approval is for exactly this call; the digest stands for the text."""
        return (self.action, approvals.digest(self.content), self.arguments) == (
            approval.action,
            approval.digest,
            approval.arguments,
        )


@dataclass
class Gate(HookProvider):
    """The gate of one run. `fault` is what went wrong in it, for the handler to raise."""

    session_id: str
    store: ApprovalStore
    tools: tuple[ProtectedTool, ...]
    claimed: list[Approval] = field(default_factory=list)
    """What this worker has claimed: only these can be spent."""
    is_new: bool = False
    """A new session has no approvals: no need to look."""
    spent: set[str] = field(default_factory=set)
    """Tool use ids of the approvals that this run spent."""
    published: bool = False
    """Whether the receiver accepted an effect in this run."""
    fault: Exception | None = None
    trace_entity: Any = None
    _earlier: list[Approval] | None = None
    _asked: list[Call] = field(default_factory=list)
    _allowed: dict[str, Approval] = field(default_factory=dict)

    def register_hooks(self, registry: HookRegistry, **_: Any) -> None:
        """Registers the gate with Strands."""
        registry.add_callback(MessageAddedEvent, self.name_tool_uses_apart)
        registry.add_callback(BeforeToolCallEvent, self.before_tool)

    def name_tool_uses_apart(self, event: MessageAddedEvent) -> None:
        """Renames a tool use whose id is not unique in the session, or cannot be a key.

        Everything here is keyed by session and tool use id: an old decision must never answer a
        new question. Bedrock's ids are unique; not every provider's are.
        """
        *earlier, message = event.agent.messages
        uses = tool_uses(message)
        taken = {use["toolUseId"] for m in earlier for use in tool_uses(m)} if uses else set()
        for use in uses:
            if use["toolUseId"] in taken or not TOOL_USE_ID_PATTERN.fullmatch(use["toolUseId"]):
                use["toolUseId"] = f"tooluse_{uuid.uuid4().hex}"
            taken.add(use["toolUseId"])

    def before_tool(self, event: BeforeToolCallEvent) -> None:
        """Lets a call through, refuses it, or pauses for it; anything unforeseen stops the run."""
        try:
            with tracing.attached(self.trace_entity):
                refusal = self._check(event)
        except InvalidCallError as error:
            refusal = f"Invalid call: {error}"
        except Exception as fault:
            self.fault = fault
            event.agent.cancel()
            refusal = "Stopped."
        if refusal:
            event.cancel_tool = refusal

    def call_of(self, tool_use: Mapping[str, Any]) -> Call | None:
        """Returns the call that a tool use makes or asks approval for; None for other tools.

        Raises:
            InvalidCallError: The call does not fit the protected tool's schema.
        """
        given = tool_use["input"] or {}
        if not isinstance(given, dict):
            raise InvalidCallError("input: expected an object")
        if tool_use["name"] == human_approval.TOOL_SPEC["name"]:
            if not isinstance(given.get("content"), str):
                return None  # The tool itself says what is missing.
            arguments = given.get("arguments") or {}
            if not isinstance(arguments, dict):
                raise InvalidCallError("arguments: expected an object")
            if not self.tools:
                return Call.checked(tool_use["name"], given["content"], arguments)
            first = self.tools[0]  # What a person is asked beforehand.
            return first.call({**arguments, first.content_field: given["content"]})
        tool = self._tools_by_name.get(tool_use["name"])
        return tool.call(given) if tool else None

    def agent_tools(self) -> list[PythonAgentTool]:
        """The protected tools as Strands sees them. Called past the gate, they have no right."""
        return [PythonAgentTool(tool.name, tool.spec, self._run_allowed) for tool in self.tools]  # type: ignore[arg-type]

    def spend_and_perform(self, approval: Approval) -> tuple[str, str]:
        """C5, then the effect of the record; an approval already SPENT gets the same answer again.

        Returns:
            Status (`success` or `error`) and the text that the model reads.

        Raises:
            FencedError: A newer worker has claimed the approval.
            LookupError: It is SPENT, but its tool is no longer among the protected ones.
            Exception: The effect failed and may or may not have happened; the retry redoes it.
        """
        tool = self._tools_by_name.get(approval.action)
        if tool is None and approval.status == approvals.APPROVED:
            return "error", f"There is no tool {approval.action} any more. Nothing was published."
        if tool is None:
            raise LookupError(
                f"{approval.action} is gone, and {approval.key} may not have happened"
            )
        if approval.status != approvals.SPENT:
            self.store.spend(approval)
        self.spent.add(approval.tool_use_id)
        return self._perform(tool, approval)

    def _check(self, event: BeforeToolCallEvent) -> str | None:
        """Returns why the call must not run, or None to let it run."""
        call = self.call_of(event.tool_use)
        if call is None:
            return None
        same = [a for a in self._approvals_for(call) if call.is_that_of(a)]
        statuses = {a.status for a in same}
        asks = event.tool_use["name"] == human_approval.TOOL_SPEC["name"]
        allowing = _first(same, approvals.SPENT) or _first(same, approvals.APPROVED)
        if allowing and not asks:
            self._allowed[event.tool_use["toolUseId"]] = allowing
            return None
        if approvals.SPENT in statuses:
            return "Exactly this was approved before and sent: it is not asked again."
        if approvals.APPROVED in statuses:
            return "Exactly this is approved already: publish it."
        if approvals.DENIED in statuses:
            return "Exactly this was denied before: revise it, or stop. Nobody was asked again."
        if call in self._asked:
            return "Exactly this is being asked for already, in this same turn."
        if len(self._asked) == MAX_ASKED:
            return f"Too much at once: {MAX_ASKED} approvals are asked for. Ask again after those."
        self._asked.append(call)
        if asks:
            return None
        human_approval.pause(dict(event.tool_use), "", **event.invocation_state)
        return "Waiting for approval of exactly this call."

    def _approvals_for(self, call: Call) -> list[Approval]:
        """The claimed ones first; the session's others are read only when those do not tell."""
        if self.is_new or any(call.is_that_of(a) for a in self.claimed):
            return self.claimed
        if self._earlier is None:
            self._earlier = self.store.of_session(self.session_id)
        mine = {a.key for a in self.claimed}
        others = [a for a in self._earlier if a.key not in mine]
        return self.claimed + [a for a in others if a.status != approvals.APPROVED]

    def _run_allowed(self, tool: ToolUse, **state: Any) -> Any:
        try:
            with tracing.attached(self.trace_entity):
                status, text = self.spend_and_perform(self._allowed[tool["toolUseId"]])
        except Exception as fault:  # Strands would tell the model; the handler must know.
            self.fault = fault
            state["agent"].cancel()
            status, text = "error", "Stopped."
        return tool_result(tool["toolUseId"], status, text)

    def _perform(self, tool: ProtectedTool, approval: Approval) -> tuple[str, str]:
        content = {tool.content_field: approval.text}
        with tracing.subsegment(
            "publish", session_id=self.session_id, tool_use_id=approval.tool_use_id
        ):
            try:
                text = tool.function(**content, **approval.arguments, idempotency_key=approval.key)
                self.published = True
                return "success", text
            except tool.refused as refusal:
                self.store.refuse(approval)
                return "error", str(refusal)

    @property
    def _tools_by_name(self) -> dict[str, ProtectedTool]:
        return {tool.name: tool for tool in self.tools}


def tool_uses(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Returns the tool uses in a message: Converse's `toolUse` objects, in order."""
    return [block["toolUse"] for block in message["content"] if "toolUse" in block]


def _size(text: str) -> int:
    try:
        return len(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidCallError("expected valid Unicode") from error


def _first(found: list[Approval], status: str) -> Approval | None:
    return next((a for a in found if a.status == status), None)
