"""Protected tools, and the exact calls of them that people approve."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import jsonschema

from longrunning import human_approval
from longrunning.agent.inputs import InvalidCallError, check_schema, completed, object_of
from longrunning.agent.turn_budget import asked_bytes
from longrunning.messages import MAX_ARGUMENTS_BYTES, MAX_CONTENT_BYTES
from longrunning.people import forms
from longrunning.sessions import OTHER_OUTCOMES
from longrunning.waits.item import Call, Wait

MAX_EDITABLE = 20
MAX_SCHEMAS_BYTES = 8_192
"""Of the editable arguments, in JSON: they stand in the same item."""


class ContentFieldError(ValueError):
    """A protected tool's content is no text, or an edit cannot be held to a schema."""


@dataclass(frozen=True)
class ProtectedTool:
    """A tool that changes the outside world, and so needs an approval."""

    spec: dict[str, Any]
    """The Converse tool spec: what the model sees."""
    function: Callable[..., str]
    """Called with the approved arguments and `idempotency_key`; returns what the model reads."""
    refused: type[Exception]
    """Raised by `function` when the receiver says no for good; all else is retried."""
    content_field: str | None = "content"
    """The argument that a person reads and may edit: a text. None: the tool takes no such text, and
    a person reads its arguments. The approval API has no schema library, so the schema of what can
    be edited may hold no more than that API checks: `longrunning.people.forms`."""
    done: str = "done"
    """The word for a call that was made, to the model and as the session's outcome."""
    editable: tuple[str, ...] = ()
    """Other arguments that an approver may change, such as an amount."""

    HELD: ClassVar = ("minLength", "maxLength", "pattern", "enum")
    """What the content's schema may hold an edit to."""

    def __post_init__(self) -> None:
        """Checks the schemas of what can be edited, so that no edit gets past them later.

        Raises:
            ContentFieldError: The content is no plain text, an argument cannot be typed in a form,
                or a schema has keywords that an edit is not held to.
        """
        if self.content_field is not None and (problem := self._content_problem()):
            raise ContentFieldError(f'{self.name}: its content "{self.content_field}" {problem}')
        if problem := self._editable_problem():
            raise ContentFieldError(f"{self.name}: {problem}")
        if self.done in OTHER_OUTCOMES:
            raise ContentFieldError(f'{self.name}: "{self.done}" is no word for what it has done')

    def _content_problem(self) -> str | None:
        schema = self._properties.get(self.content_field or "")
        if not isinstance(schema, dict) or schema.get("type") != "string":
            return (
                'must be an argument of "type": "string", which a person reads and may edit; name '
                "another one as content_field, or None if it has no text"
            )
        if unheld := sorted(schema.keys() - {"type", *self.HELD, *forms.NOTES}):
            return (
                f"has {', '.join(unheld)}, which an approver's edit is not held to; say it by "
                f"{', '.join(self.HELD)}, or leave it out"
            )
        if _size(_json(self.content_schema)) > MAX_SCHEMAS_BYTES:
            return f"has a schema of more than {MAX_SCHEMAS_BYTES} bytes"
        return forms.obstacle_of(schema)

    def _editable_problem(self) -> str | None:
        for name in self.editable:
            if name == self.content_field or name not in self._properties:
                return f'editable: "{name}" is none of its other arguments'
            if problem := forms.obstacle_of(self._properties[name]):
                return f'editable: "{name}" {problem}'
        if len(self.editable) > MAX_EDITABLE:
            return f"editable: expected at most {MAX_EDITABLE} arguments"
        if _size(_json(self.schemas)) > MAX_SCHEMAS_BYTES:
            return f"editable: expected schemas of at most {MAX_SCHEMAS_BYTES} bytes in all"
        return None

    @property
    def _properties(self) -> dict[str, Any]:
        found: dict[str, Any] = self.spec["inputSchema"]["json"].get("properties", {})
        return found

    @property
    def name(self) -> str:
        """The tool's name."""
        return str(self.spec["name"])

    @property
    def content_schema(self) -> dict[str, Any]:
        """JSON schema of the content, which an approver's edit must satisfy."""
        schema: dict[str, Any] = self._properties.get(self.content_field or "", {})
        return {k: v for k, v in schema.items() if k in ("type", *self.HELD)}

    @property
    def schemas(self) -> dict[str, Any]:
        """JSON schemas of the editable arguments by name, as far as an edit is held to them."""
        return {name: forms.held(self._properties[name]) for name in self.editable}

    def call(self, given: Mapping[str, Any]) -> Call:
        """Completes the input of a call with the defaults of the schema, and checks it.

        Raises:
            InvalidCallError: It does not fit the schema.
        """
        if unknown := sorted(given.keys() - self._properties.keys()):
            raise InvalidCallError(f"unknown arguments: {', '.join(unknown):.300}")
        complete = completed(self._properties, given)
        check_schema(self._validator, complete)
        if self.content_field is None:
            return checked_call(self.name, None, complete)
        content = str(complete.pop(self.content_field, ""))
        return checked_call(self.name, content, complete)

    def input_of(self, call: Call) -> dict[str, Any]:
        """Returns what the tool is called with.

        Raises:
            InvalidCallError: The call has a text and the tool takes none, or the other way round:
                it was approved before the tool was changed.
        """
        if (call.content is None) != (self.content_field is None):
            has = "has none" if call.content is None else "has one"
            raise InvalidCallError(f"content: the tool has changed, and what was approved {has}")
        text = {} if self.content_field is None else {self.content_field: call.content}
        return {**call.arguments, **text}

    def problem_of_edit(self, approval: Wait) -> str | None:
        """Returns why the call cannot be made as it was approved; None if it can."""
        try:
            given = self.input_of(approval.in_force)
            if approval.is_edited:
                self.call(given)
        except InvalidCallError as error:
            edited = " with the edit" if approval.is_edited else ""
            return f"The call{edited} does not fit {self.name}: {error}."
        return None

    @cached_property
    def _validator(self) -> jsonschema.Draft202012Validator:
        return jsonschema.Draft202012Validator(self.spec["inputSchema"]["json"])


def checked_call(action: str, content: str | None, arguments: dict[str, Any]) -> Call:
    """Makes a call whose parts fit the item of an approval.

    Raises:
        InvalidCallError: They do not, or are no valid Unicode.
    """
    if content is not None and not (content.strip() and _size(content) <= MAX_CONTENT_BYTES):
        raise InvalidCallError(f"content: expected 1 to {MAX_CONTENT_BYTES} bytes")
    if _size(_json(arguments)) > MAX_ARGUMENTS_BYTES:
        raise InvalidCallError(f"arguments: expected at most {MAX_ARGUMENTS_BYTES} bytes")
    return Call(action, content, arguments)


def size_of(call: Call) -> int:
    """Returns what asking for a call takes of its turn, in bytes."""
    return asked_bytes(call.content or "", _json(call.arguments))


def call_of(tool_use: Mapping[str, Any], tools: Iterable[ProtectedTool]) -> Call | None:
    """Returns the call that a tool use makes or asks approval for; None for other tools.

    Args:
        tool_use: A Converse `toolUse`.
        tools: The protected tools; `human_approval` asks for a call of the first with a text.

    Raises:
        InvalidCallError: The call does not fit the protected tool's schema.
    """
    by_name = {tool.name: tool for tool in tools}
    name, given = tool_use["name"], object_of(tool_use["input"] or {}, "input")
    if name == human_approval.TOOL_SPEC["name"]:
        with_text = (tool for tool in by_name.values() if tool.content_field is not None)
        return _asked_call(given, next(with_text, None))
    return by_name[name].call(given) if name in by_name else None


def _asked_call(given: dict[str, Any], first: ProtectedTool | None) -> Call | None:
    """Returns the call that `human_approval` asks for."""
    if not isinstance(given.get("content"), str):
        return None  # The tool itself says what is missing.
    arguments = object_of(given.get("arguments") or {}, "arguments")
    if first is None or first.content_field is None:
        return checked_call(human_approval.TOOL_SPEC["name"], given["content"], arguments)
    return first.call({**arguments, first.content_field: given["content"]})


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
