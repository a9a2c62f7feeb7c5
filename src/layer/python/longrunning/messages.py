"""The messages of the task queue: parse, build, validate.

A new task, and the result of a tool that an agent waits for:

    {"type": "new", "body": {"task": "new task description"}}

    {"session_id": "id of the session", "type": "existing", "toolName": "name of the tool",
     "body": [{"toolResult": {"toolUseId": "id of the tool use", "status": "success|error",
                              "content": [{"text": "tool result content | error message"}]}}]}

A `new` message may carry a `session_id` of its own choice, the `agent_name` of the agent that it is
for, who it was `requested_by`, and the `parent` that asked. Two more are only hints:
`{"type": "look", "toolName", "about"}`, `about` being what the tool's source calls it; and
`{"type": "cancel", "session_id"}`, of a session whose parent waits no more.

Unknown fields are ignored, wrong types are not: a parser that guesses would turn one sender's bug
into another's lost decision.
"""

import dataclasses
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MAX_CONTENT_BYTES = 262_144
"""The longest content or tool result, in UTF-8: it shares one DynamoDB item (400 KB) and one
queue message with the rest of its record."""

MAX_ARGUMENTS_BYTES = 16_384
"""Of a call's other arguments in JSON: they stand in that item beside the content and its edit."""

MAX_JSON_DEPTH = 100
"""Levels of a tool result in JSON; Python's own recursion ends not far beyond."""

SESSION_ID_PATTERN = re.compile(r"[A-Za-z0-9._:-]{1,128}")
MESSAGE_ID_PATTERN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""The id of an SQS message; a session without an id of its own gets the same."""

TOOL_USE_ID_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""Source: Amazon Bedrock, "ToolUseBlock". The gate renames another provider's to fit."""

TOOL_NAME_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,64}")
AGENT_NAME_PATTERN = re.compile(r"[A-Za-z0-9._-]{1,64}")
REQUESTER_PATTERN = re.compile(r"[!-~]{1,256}")

MAX_ABOUT_CHARS = 2_048
"""More than an ARN or a URL has."""

JsonObject = dict[str, Any]


class MalformedMessageError(ValueError):
    """The message can never be understood, however often it is delivered."""


@dataclass(frozen=True)
class Parent:
    """The wait of another agent that a session's end answers."""

    session_id: str
    tool_use_id: str
    tool_name: str
    decide_by: int
    """Until when the parent waits; epoch seconds."""
    depth: int
    """How many agents asked, one on behalf of the other: 1 for the first that was asked."""


@dataclass(frozen=True)
class NewTask:
    """A task to start. `session_id` is None when the sender leaves the choice to us."""

    task: str
    session_id: str | None = None
    agent_name: str | None = None
    """The agent that it is for; None: the first one."""
    parent: Parent | None = None
    requested_by: str | None = None
    """Who requested it, as the sender says; a person's id where there are people."""


@dataclass(frozen=True)
class Look:
    """A hint that the source of a long-running tool may have an answer."""

    tool_name: str
    about: str
    """The source's own name for the work; the tool finds the wait."""


@dataclass(frozen=True)
class Cancel:
    """A hint that nobody waits any more for what a session was asked."""

    session_id: str


@dataclass(frozen=True)
class ToolResults:
    """Results for tool uses that a session waits for; each a Converse `toolResult` object."""

    session_id: str
    tool_name: str
    results: tuple[JsonObject, ...]
    agent_name: str | None = None
    too_large: tuple[tuple[str, int], ...] = ()
    """Tool use id and bytes of each result that was too large: an error stands in its place."""


def parse(body: str) -> NewTask | ToolResults | Look | Cancel:
    """Parses the body of a queue message.

    Args:
        body: The message body as SQS delivered it.

    Returns:
        What it says. A result that is too large is an answer all the same: its job is done and
        will send no other, so the model is told instead of the result.

    Raises:
        MalformedMessageError: Names the field, what was expected and what came.
    """
    try:
        message = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise MalformedMessageError(f"body: expected JSON, got {_shown(body)}") from error
    given = message.get("type") if isinstance(message, dict) else None
    kind = given if isinstance(given, str) else None
    if kind not in _PARSERS and (wrapping := _wrapping(message)):
        raise MalformedMessageError(f"body: expected a message and nothing else, got {wrapping}")
    _expect(isinstance(message, dict), "body", "a JSON object", message)
    _expect_unicode(message)
    if kind not in _PARSERS:
        names = " or ".join(f'"{name}"' for name in ("new", "existing"))
        raise MalformedMessageError(f"type: expected {names}, got {_shown(given)}")
    return _PARSERS[kind](message)


def build_new(
    task: str,
    session_id: str | None = None,
    agent_name: str | None = None,
    parent: Parent | None = None,
    requested_by: str | None = None,
) -> str:
    """Builds the body of a `new` message; the inverse of `parse`."""
    more = {
        "session_id": session_id,
        "agent_name": agent_name,
        "parent": parent and dataclasses.asdict(parent),
        "requested_by": requested_by,
    }
    given = {name: value for name, value in more.items() if value is not None}
    return json.dumps({**given, "type": "new", "body": {"task": task}})


def build_look(tool_name: str, about: str) -> str:
    """Builds the body of a `look` message; the inverse of `parse`."""
    return json.dumps({"type": "look", "toolName": tool_name, "about": about})


def build_cancel(session_id: str) -> str:
    """Builds the body of a `cancel` message; the inverse of `parse`."""
    return json.dumps({"type": "cancel", "session_id": session_id})


def build_existing(session_id: str, tool_name: str, results: list[JsonObject]) -> str:
    """Builds the body of an `existing` message; the inverse of `parse`.

    Args:
        session_id: The waiting session.
        tool_name: The tool that the session waits for.
        results: Converse `toolResult` objects, as `tool_result` makes them.
    """
    body = [{"toolResult": result} for result in results]
    return json.dumps(
        {"session_id": session_id, "type": "existing", "toolName": tool_name, "body": body}
    )


def tool_result(tool_use_id: str, status: str, text: str) -> JsonObject:
    """Builds a Converse `toolResult` object with one text block.

    Args:
        tool_use_id: The tool use that it answers.
        status: `success` or `error`.
        text: What the model reads.
    """
    return {"toolUseId": tool_use_id, "status": status, "content": [{"text": text}]}


def _parse_new(message: JsonObject) -> NewTask:
    body = message.get("body")
    if not isinstance(body, dict):
        raise MalformedMessageError(f"body: expected an object, got {_shown(body)}")
    task = body.get("task")
    if not isinstance(task, str) or not task.strip():
        raise MalformedMessageError(f"body.task: expected a text, got {_shown(task)}")
    if (size := len(task.encode())) > MAX_CONTENT_BYTES:
        raise MalformedMessageError(
            f"body.task: expected at most {MAX_CONTENT_BYTES} bytes of UTF-8, got {size}"
        )
    return NewTask(
        task,
        _matching_or_none(message, "session_id", SESSION_ID_PATTERN),
        _matching_or_none(message, "agent_name", AGENT_NAME_PATTERN),
        _parse_parent(message.get("parent")),
        _matching_or_none(message, "requested_by", REQUESTER_PATTERN),
    )


def _parse_parent(parent: Any) -> Parent | None:
    if parent is None:
        return None
    _expect(isinstance(parent, dict), "parent", "an object", parent)
    for name in ("decide_by", "depth"):
        value = parent.get(name)
        is_number = isinstance(value, int) and not isinstance(value, bool) and value > 0
        _expect(is_number, f"parent.{name}", "a whole number above 0", value)
    return Parent(
        _matching(parent, "session_id", SESSION_ID_PATTERN, "parent."),
        _matching(parent, "tool_use_id", TOOL_USE_ID_PATTERN, "parent."),
        _matching(parent, "tool_name", TOOL_NAME_PATTERN, "parent."),
        parent["decide_by"],
        parent["depth"],
    )


def _parse_look(message: JsonObject) -> Look:
    tool_name = _matching(message, "toolName", TOOL_NAME_PATTERN)
    about = message.get("about")
    if not isinstance(about, str) or not 0 < len(about) <= MAX_ABOUT_CHARS:
        raise MalformedMessageError(
            f"about: expected a text of 1 to {MAX_ABOUT_CHARS} characters, got {_shown(about)}"
        )
    return Look(tool_name, about)


def _parse_cancel(message: JsonObject) -> Cancel:
    return Cancel(_matching(message, "session_id", SESSION_ID_PATTERN))


def _parse_existing(message: JsonObject) -> ToolResults:
    session_id = _matching(message, "session_id", SESSION_ID_PATTERN)
    tool_name = _matching(message, "toolName", TOOL_NAME_PATTERN)
    body = message.get("body")
    if not isinstance(body, list) or not body:
        raise MalformedMessageError(f"body: expected a list of tool results, got {_shown(body)}")
    results = [_parse_result(entry, f"body[{n}]") for n, entry in enumerate(body)]
    sizes = {result["toolUseId"]: _json_size(result["content"]) for result in results}
    _expect(len(sizes) == len(results), "body", "one result per toolUseId", body)
    # Each by itself: each lies in an item of its own, and the conversation takes any size.
    too_large = {i: size for i, size in sizes.items() if size > MAX_CONTENT_BYTES}
    told = (_told_instead(r, too_large.get(r["toolUseId"])) for r in results)
    agent_name = _matching_or_none(message, "agent_name", AGENT_NAME_PATTERN)
    return ToolResults(session_id, tool_name, tuple(told), agent_name, tuple(too_large.items()))


def _told_instead(result: JsonObject, too_large: int | None) -> JsonObject:
    """Returns the result, or the error that the model reads instead of one that is too large."""
    if too_large is None:
        return result
    text = (
        f"The tool has ended, but its result was dropped: it had {too_large:,} bytes of JSON, and "
        f"at most {MAX_CONTENT_BYTES:,} are taken. Ask for less, or for where it is stored."
    )
    return tool_result(result["toolUseId"], "error", text)


def _parse_result(entry: Any, where: str) -> JsonObject:
    result = entry.get("toolResult") if isinstance(entry, dict) else entry
    if not isinstance(entry, dict) or not isinstance(result, dict):
        raise MalformedMessageError(f"{where}.toolResult: expected an object, got {_shown(result)}")
    tool_use_id = _matching(result, "toolUseId", TOOL_USE_ID_PATTERN, f"{where}.toolResult.")
    status, content = result.get("status"), result.get("content")
    at = f"{where}.toolResult"
    _expect(status in ("success", "error"), f"{at}.status", '"success" or "error"', status)
    _expect(isinstance(content, list) and bool(content), f"{at}.content", "a list of text or json "
            "blocks", content)  # fmt: skip
    blocks = [_parse_block(block, f"{at}.content[{n}]") for n, block in enumerate(content or ())]
    return {"toolUseId": tool_use_id, "status": status, "content": blocks}


def _parse_block(block: Any, where: str) -> JsonObject:
    match block:
        case {"text": str(text)} if text.strip():
            return {"text": text}
        case {"json": dict(value)}:
            return {"json": value}
        case {"text": str(text)}:
            # No model's API takes it back. Refused, so that the job's next message counts.
            _expect(False, f"{where}.text", "a text that is not blank", text)
    raise MalformedMessageError(
        f'{where}: expected {{"text": "…"}} or {{"json": {{…}}}}, got {_shown(block)}'
    )


def _matching(fields: JsonObject, name: str, pattern: re.Pattern[str], prefix: str = "") -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise MalformedMessageError(
            f"{prefix}{name}: expected {pattern.pattern}, got {_shown(value)}"
        )
    return value


def _matching_or_none(fields: JsonObject, name: str, pattern: re.Pattern[str]) -> str | None:
    return None if fields.get(name) is None else _matching(fields, name, pattern)


def _expect(holds: bool, field: str, expected: str, got: Any) -> None:
    if not holds:
        raise MalformedMessageError(f"{field}: expected {expected}, got {_shown(got)}")


def _expect_unicode(message: JsonObject) -> None:
    """JSON can escape half a surrogate pair, which neither DynamoDB nor a model can take."""
    try:
        json.dumps(message, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError) as error:
        raise MalformedMessageError("body: expected valid Unicode") from error


def _json_size(blocks: list[JsonObject]) -> int:
    """An infinite number, which `1e999` becomes, is no JSON that a model's API takes back."""
    if _depth(blocks) > MAX_JSON_DEPTH:
        raise MalformedMessageError(f"body: expected at most {MAX_JSON_DEPTH} levels")
    try:
        return len(json.dumps(blocks, allow_nan=False, ensure_ascii=False).encode())
    except ValueError as error:
        raise MalformedMessageError("body: expected finite numbers") from error


def _depth(value: Any) -> int:
    """Counts levels one by one: the value may be too deep for recursion."""
    depth, level = 0, [value]
    while level:
        depth += 1
        lists = [v.values() if isinstance(v, dict) else v for v in level]
        level = [v for values in lists for v in values if isinstance(v, dict | list)]
    return depth


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _wrapping(value: Any) -> str | None:
    """Loaded when something is refused: every function starts with this module, few parse."""
    from longrunning import wrappings

    return wrappings.named(value)


def _shown(value: Any) -> str:
    """Names what came without repeating it: it may be a draft, and reasons are logged."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return _wrapping(value) or f"a text of {len(value)} characters"
    if isinstance(value, list | dict):
        return f"{type(value).__name__} of {len(value)}"
    return type(value).__name__


_PARSERS: dict[str | None, Callable[[JsonObject], NewTask | ToolResults | Look | Cancel]] = {
    "new": _parse_new,
    "existing": _parse_existing,
    "look": _parse_look,
    "cancel": _parse_cancel,
}
