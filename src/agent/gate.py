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
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import jsonschema
from strands.hooks import (
    AfterModelCallEvent,
    BeforeModelCallEvent,
    BeforeToolCallEvent,
    HookProvider,
    HookRegistry,
    MessageAddedEvent,
)
from strands.tools.tools import PythonAgentTool
from strands.types.tools import ToolUse

from conversation import Message, decisions, tool_results, tool_uses
from longrunning import approvals, human_approval, tracing
from longrunning.approvals import Approval, ApprovalStore
from longrunning.messages import MAX_CONTENT_BYTES, TOOL_USE_ID_PATTERN, tool_result
from sendable import make_sendable, sendable_text
from turn_budget import MAX_ASKED_BYTES, asked_bytes

MAX_ARGUMENTS_BYTES = 16_384
"""They stand in the approval item (400 KB) beside the content and an edit of it."""

MAX_RESTORED = 5
"""So often a decision is put right in one run; who shortens it again and again never ends."""

CONTEXT_EXCEEDED = "context_window_exceeded"

MAX_ASKED = 20
"""Questions in one turn: one e-mail lists them, and one transaction claims them."""


class InvalidCallError(ValueError):
    """The call does not fit the tool's input schema; the model reads why."""


class LostCallError(Exception):
    """A call of the model has no id or no name, so Strands has dropped it: the question is lost."""


class UnclearRefusalError(Exception):
    """The receiver refuses what it may have accepted before: nobody knows whether it happened."""


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
        properties = self.spec["inputSchema"]["json"]["properties"]
        if unknown := sorted(given.keys() - properties.keys()):
            raise InvalidCallError(f"unknown arguments: {', '.join(unknown):.300}")
        complete = _completed(properties, given)
        _check_schema(self._validator, complete)
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
        if _size(_json(arguments)) > MAX_ARGUMENTS_BYTES:
            raise InvalidCallError(f"arguments: expected at most {MAX_ARGUMENTS_BYTES} bytes")
        return cls(action, content, arguments)

    @property
    def size(self) -> int:
        """What asking for it takes of its turn, in bytes."""
        return asked_bytes(self.content, _json(self.arguments))

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
    started: Collection[str] = ()
    """Tools whose input a starter gets later, so that it is checked before anything waits."""
    is_trimmed: bool = False
    """Whether the conversation has lost messages, and so ids that were used before."""
    put_in_place: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The results that this run goes on from, by the provider's id: the model must read them."""
    spent: set[str] = field(default_factory=set)
    """Tool use ids of the approvals that this run spent."""
    answers: dict[str, tuple[Approval, str, str]] = field(default_factory=dict)
    """What receivers said in this run: approval, status and text by tool use id."""
    effects: int = 0
    """How many effects were begun in this run, repeated ones too."""
    published: bool = False
    """Whether the receiver accepted an effect in this run."""
    model_answered: bool = False
    """Whether the run's last answer is the model's own."""
    last_failed: bool = False
    """Whether a tool that ran in the run's last turn ended in an error."""
    fault: Exception | None = None
    end: str | None = None
    """Why the gate ended the run though nothing failed in it."""
    trace_entity: Any = None
    _earlier: dict[str, Approval | None] = field(default_factory=dict)
    _asked: list[Call] = field(default_factory=list)
    _allowed: dict[str, Approval] = field(default_factory=dict)
    _checked: dict[int, Message] = field(default_factory=dict)
    _length: int = 0
    _calls_begun: int = 0
    _restored: int = 0

    def register_hooks(self, registry: HookRegistry, **_: Any) -> None:
        """Registers the gate with Strands."""
        registry.add_callback(MessageAddedEvent, self.message_added)
        registry.add_callback(BeforeModelCallEvent, self.before_model)
        registry.add_callback(AfterModelCallEvent, self.after_model)
        registry.add_callback(BeforeToolCallEvent, self.before_tool)

    def begin(self, messages: Sequence[Any]) -> None:
        """Takes note of how long the conversation is that the run starts from."""
        self._length = len(messages)

    def note_length(self, messages: Sequence[Any]) -> None:
        """Sees whether the conversation has lost messages."""
        self.is_trimmed |= self._length != len(messages)

    def message_added(self, event: MessageAddedEvent) -> None:
        """Names tool uses apart, and sees whether tools failed."""
        self._length += 1
        self.note_length(event.agent.messages)
        if results := tool_results(event.message):
            self.last_failed = any(result.get("status") == "error" for result in results)
        self.name_tool_uses_apart(event)

    def name_tool_uses_apart(self, event: MessageAddedEvent) -> None:
        """Renames a tool use whose id occurred before in the conversation.

        Models' APIs want each id once. The given one stays the end of the new one: what a provider
        has put into it, such as a signature, is still there.
        """
        *earlier, message = event.agent.messages
        uses = tool_uses(message)
        taken = {use["toolUseId"] for m in earlier for use in tool_uses(m)} if uses else set()
        for use in uses:
            use["toolUseId"] = sendable_text(use["toolUseId"])
            if use["toolUseId"] in taken:
                use["toolUseId"] = f"{uuid.uuid4().hex[:8]}_{use['toolUseId']}"
            taken.add(use["toolUseId"])

    def new_record_id(self, tool_use_id: str) -> str:
        """Returns the key under which a tool use is recorded, unique in the session.

        The provider's own id, unless it cannot be a key, or was one before: everything here is
        keyed by session and tool use id, and an old decision must never answer a new question.
        The conversation holds the ids that were used before, until it is trimmed.
        """
        can_be = TOOL_USE_ID_PATTERN.fullmatch(tool_use_id) is not None
        if can_be and self.is_trimmed and not self.is_new:
            can_be = self.store.get(self.session_id, tool_use_id) is None
        return tool_use_id if can_be else f"tooluse_{uuid.uuid4().hex}"

    def before_model(self, event: BeforeModelCallEvent) -> None:
        """Puts decisions right that a manager shortened; makes all sendable that is new."""
        self._calls_begun = 0
        if self.put_in_place and self._put_right(event.agent.messages):
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
            told = self.put_in_place.get(result["toolUseId"])
            if told is not None and result != told:
                result.clear()
                result.update(told)
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

    def stop(self, agent: Any, fault: Exception) -> None:
        """Stops the run; the handler raises the fault."""
        self.fault = self.fault or fault
        agent.cancel()

    def before_tool(self, event: BeforeToolCallEvent) -> None:
        """Lets a call through, refuses it, or pauses for it; anything unforeseen stops the run."""
        try:
            with tracing.attached(self.trace_entity):
                refusal = self._check(event)
        except InvalidCallError as error:
            refusal = f"Invalid call: {error}"
        except Exception as fault:
            self.stop(event.agent, fault)
            refusal = "Stopped."
        if refusal:
            event.cancel_tool = refusal

    def call_of(self, tool_use: Mapping[str, Any]) -> Call | None:
        """Returns the call that a tool use makes or asks approval for; None for other tools.

        Raises:
            InvalidCallError: The call does not fit the protected tool's schema.
        """
        given = _object(tool_use["input"] or {}, "input")
        if tool_use["name"] == human_approval.TOOL_SPEC["name"]:
            if not isinstance(given.get("content"), str):
                return None  # The tool itself says what is missing.
            arguments = _object(given.get("arguments") or {}, "arguments")
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
        if approval.answer:
            self._note(approval, approval.answer["status"], approval.answer["text"])
            return approval.answer["status"], approval.answer["text"]
        tool = self._tools_by_name.get(approval.action)
        if approval.status == approvals.APPROVED and (problem := _problem(tool, approval)):
            return "error", problem
        if tool is None:
            raise LookupError(
                f"{approval.action} is gone, and {approval.key} may not have happened"
            )
        if approval.status != approvals.SPENT:
            self.store.spend(approval)
        self.spent.add(approval.tool_use_id)
        self.effects += 1
        return self._perform(tool, approval)

    def keep_answers(self) -> None:
        """Records what receivers said, so that the next delivery does not ask them again."""
        for approval, status, text in self.answers.values():
            if not approval.answer:
                self.store.keep_answer(approval, status, text)

    def _check(self, event: BeforeToolCallEvent) -> str | None:
        """Returns why the call must not run, or None to let it run."""
        if isinstance(event.tool_use["input"], str):
            event.tool_use["input"] = _object(event.tool_use["input"], "input")
        call = self.call_of(event.tool_use)
        if call is None:
            return self._problem_of_input(event)
        same = [a for a in self._approvals_for(call, event) if call.is_that_of(a)]
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
        if sum(asked.size for asked in (*self._asked, call)) > MAX_ASKED_BYTES:
            return "Too much at once: the texts of this turn are too long. Ask again after those."
        self._asked.append(call)
        if asks:
            return None
        waiting = "Waiting for approval of exactly this call."
        paused = human_approval.pause(dict(event.tool_use), waiting, **event.invocation_state)
        return str(paused["content"][0]["text"])

    def _problem_of_input(self, event: BeforeToolCallEvent) -> str | None:
        """A starter gets the input after the pause, when the model cannot mend it any more."""
        if event.tool_use["name"] not in self.started or event.selected_tool is None:
            return None
        schema = event.selected_tool.tool_spec["inputSchema"]["json"]
        given = _object(event.tool_use["input"] or {}, "input")
        complete = _completed(schema.get("properties", {}), given)
        _check_schema(jsonschema.Draft202012Validator(schema), complete)
        event.tool_use["input"] = complete  # What the starter gets, as the model may read it.
        return None

    def _approvals_for(self, call: Call, event: BeforeToolCallEvent) -> list[Approval]:
        """The claimed ones first; then those of which the conversation tells that they may tell.

        What was asked in a message that has been trimmed is asked again: a person decides.
        """
        if self.is_new or any(call.is_that_of(a) for a in self.claimed):
            return self.claimed
        mine = {a.tool_use_id for a in self.claimed}
        for record_id, use, told in decisions(event.agent.messages):
            text = told.get("content", use["input"].get(self._content_field(use["name"])))
            if text == call.content and record_id not in mine | self._earlier.keys():
                self._earlier[record_id] = self.store.get(self.session_id, record_id)
        others = [a for a in self._earlier.values() if a and a.status != approvals.APPROVED]
        return self.claimed + others

    def _content_field(self, tool_name: str) -> str:
        tool = self._tools_by_name.get(tool_name)
        return tool.content_field if tool else "content"

    def _run_allowed(self, tool: ToolUse, **state: Any) -> Any:
        try:
            with tracing.attached(self.trace_entity):
                status, text = self.spend_and_perform(self._allowed[tool["toolUseId"]])
        except Exception as fault:  # Strands would tell the model; the handler must know.
            self.stop(state["agent"], fault)
            status, text = "error", "Stopped."
        return tool_result(tool["toolUseId"], status, text)

    def _perform(self, tool: ProtectedTool, approval: Approval) -> tuple[str, str]:
        content = {tool.content_field: approval.text}
        with tracing.subsegment(
            "publish", session_id=self.session_id, tool_use_id=approval.tool_use_id
        ):
            try:
                text = tool.function(**content, **approval.arguments, idempotency_key=approval.key)
            except tool.refused as refusal:
                return self._refused(approval, refusal)
        self._note(approval, "success", text)
        return "success", text

    def _refused(self, approval: Approval, refusal: Exception) -> tuple[str, str]:
        """A refusal counts only where no earlier attempt may have arrived."""
        is_known = approval.tool_use_id in self.answers or approval not in self.claimed
        if is_known:  # By this run, or by an earlier one that has saved what came of it.
            return "error", f"This was sent before, and its receiver takes it only once: {refusal}"
        if approval.status == approvals.SPENT:
            raise UnclearRefusalError(UnclearRefusalError.__doc__) from refusal
        self.store.refuse(approval, str(refusal))
        self._note(approval, "error", str(refusal))
        return "error", str(refusal)

    def _note(self, approval: Approval, status: str, text: str) -> None:
        self.published |= status == "success"
        self.answers[approval.tool_use_id] = (approval, status, text)

    @cached_property
    def _tools_by_name(self) -> dict[str, ProtectedTool]:
        return {tool.name: tool for tool in self.tools}


def _completed(properties: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Completes an input with the schema's defaults, and takes it as models of all kinds mean it.

    Models of the strict kind send null for what they leave out, and an object as its JSON text.
    """
    defaults = {name: p["default"] for name, p in properties.items() if "default" in p}
    meant = {name: _meant(properties.get(name, {}), value) for name, value in given.items()}
    return defaults | {name: v for name, v in meant.items() if v is not None or name not in defaults
                       or _takes(properties[name], None)}  # fmt: skip


def _meant(schema: Mapping[str, Any], value: Any) -> Any:
    if isinstance(value, str) and schema.get("type") != "string" and not _takes(schema, value):
        try:
            document = json.loads(value)
        except (ValueError, RecursionError):
            return value
        if isinstance(document, dict | list) and _takes(schema, document):
            return document
    return value


def _takes(schema: Mapping[str, Any], value: Any) -> bool:
    return jsonschema.Draft202012Validator(schema).is_valid(value)


def _check_schema(validator: jsonschema.Draft202012Validator, given: Mapping[str, Any]) -> None:
    if error := jsonschema.exceptions.best_match(validator.iter_errors(given)):
        raise InvalidCallError(f"{error.json_path}: {error.message:.300}")


def _object(given: Any, where: str) -> dict[str, Any]:
    """Returns an object, also where its JSON text is given."""
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            pass
    if not isinstance(given, dict):
        raise InvalidCallError(f"{where}: expected an object")
    return given


def _problem(tool: ProtectedTool | None, approval: Approval) -> str | None:
    """Returns why an approved call cannot be made as it was approved."""
    if tool is None:
        return f"There is no tool {approval.action} any more. Nothing was published."
    if approval.edited_content is None:
        return None
    try:
        tool.call({**approval.arguments, tool.content_field: approval.text})
    except InvalidCallError as error:
        return f"The call with the edited text does not fit {tool.name}: {error}. It was not made."
    return None


def _json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except ValueError as error:
        raise InvalidCallError("arguments: expected finite numbers") from error


def _size(text: str) -> int:
    try:
        return len(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidCallError("expected valid Unicode") from error


def _first(found: list[Approval], status: str) -> Approval | None:
    return next((a for a in found if a.status == status), None)
