"""Protected tools, and the exact calls of them that people approve."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import jsonschema

from longrunning import human_approval
from longrunning.agent.inputs import InvalidCallError, check_schema, completed, object_of
from longrunning.agent.turn_budget import asked_bytes
from longrunning.messages import MAX_CONTENT_BYTES
from longrunning.sessions import OTHER_OUTCOMES
from longrunning.waits.item import Call, Wait

MAX_ARGUMENTS_BYTES = 16_384
"""They stand in the wait's item (400 KB) beside the content and an edit of it."""


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
    """Raised by `function` when the receiver says no for good; all else is retried."""
    content_field: str = "content"
    """The argument that a person reads and may edit: a text. The approval API has no schema
    library, so the text's schema may hold no more than that API checks."""
    done: str = "done"
    """The word for a call that was made, to the model and as the session's outcome."""

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
        if self.done in OTHER_OUTCOMES:
            raise ContentFieldError(f'{self.name}: "{self.done}" is no word for what it has done')

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

    def call(self, given: Mapping[str, Any]) -> Call:
        """Completes the input of a call with the defaults of the schema, and checks it.

        Raises:
            InvalidCallError: It does not fit the schema.
        """
        properties = self.spec["inputSchema"]["json"]["properties"]
        if unknown := sorted(given.keys() - properties.keys()):
            raise InvalidCallError(f"unknown arguments: {', '.join(unknown):.300}")
        complete = completed(properties, given)
        check_schema(self._validator, complete)
        content = str(complete.pop(self.content_field, ""))
        return checked_call(self.name, content, complete)

    def problem_of_edit(self, approval: Wait) -> str | None:
        """Returns why the call cannot be made with the approver's edit; None if it can."""
        if approval.edited_content is None:
            return None
        try:
            self.call({**approval.asked.arguments, self.content_field: approval.text})
        except InvalidCallError as error:
            return f"The call with the edited text does not fit {self.name}: {error}."
        return None

    @cached_property
    def _validator(self) -> jsonschema.Draft202012Validator:
        return jsonschema.Draft202012Validator(self.spec["inputSchema"]["json"])


def checked_call(action: str, content: str, arguments: dict[str, Any]) -> Call:
    """Makes a call whose parts fit the item of an approval.

    Raises:
        InvalidCallError: They do not, or are no valid Unicode.
    """
    if not content.strip() or _size(content) > MAX_CONTENT_BYTES:
        raise InvalidCallError(f"content: expected 1 to {MAX_CONTENT_BYTES} bytes")
    if _size(_json(arguments)) > MAX_ARGUMENTS_BYTES:
        raise InvalidCallError(f"arguments: expected at most {MAX_ARGUMENTS_BYTES} bytes")
    return Call(action, content, arguments)


def size_of(call: Call) -> int:
    """Returns what asking for a call takes of its turn, in bytes."""
    return asked_bytes(call.content, _json(call.arguments))


def call_of(tool_use: Mapping[str, Any], tools: Iterable[ProtectedTool]) -> Call | None:
    """Returns the call that a tool use makes or asks approval for; None for other tools.

    Args:
        tool_use: A Converse `toolUse`.
        tools: The protected tools; `human_approval` asks for a call of the first one.

    Raises:
        InvalidCallError: The call does not fit the protected tool's schema.
    """
    by_name = {tool.name: tool for tool in tools}
    name, given = tool_use["name"], object_of(tool_use["input"] or {}, "input")
    if name == human_approval.TOOL_SPEC["name"]:
        return _asked_call(given, next(iter(by_name.values()), None))
    return by_name[name].call(given) if name in by_name else None


def _asked_call(given: dict[str, Any], first: ProtectedTool | None) -> Call | None:
    """Returns the call that `human_approval` asks for."""
    if not isinstance(given.get("content"), str):
        return None  # The tool itself says what is missing.
    arguments = object_of(given.get("arguments") or {}, "arguments")
    if first is None:
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
