"""The two messages of the task queue: parse, build, validate.

A new task, and the result of a tool that an agent waits for:

    {"type": "new", "body": {"task": "new task description"}}

    {"session_id": "id of the session", "type": "existing", "toolName": "name of the tool",
     "body": [{"toolResult": {"toolUseId": "id of the tool use", "status": "success|error",
                              "content": [{"text": "tool result content | error message"}]}}]}

A `new` message may carry a `session_id` of its own choice. Unknown fields are ignored, wrong types
are not: a parser that guesses would turn one sender's bug into another's lost decision.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

MAX_CONTENT_BYTES = 262_144
"""The longest content or tool result, in UTF-8: it shares one DynamoDB item (400 KB) and one
queue message with the rest of its record."""

MAX_JSON_DEPTH = 100
"""Levels of a tool result in JSON; Python's own recursion ends not far beyond."""

SESSION_ID_PATTERN = re.compile(r"[A-Za-z0-9._:-]{1,128}")
MESSAGE_ID_PATTERN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""What SQS calls a message; a session without an id of its own is called the same."""

TOOL_USE_ID_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""Source: Amazon Bedrock, "ToolUseBlock". The gate renames another provider's to fit."""

TOOL_NAME_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,64}")

JsonObject = dict[str, Any]


class MalformedMessageError(ValueError):
    """The message can never be understood, however often it is delivered."""


@dataclass(frozen=True)
class NewTask:
    """A task to start. `session_id` is None when the sender leaves the choice to us."""

    task: str
    session_id: str | None = None


@dataclass(frozen=True)
class ToolResults:
    """Results for tool uses that a session waits for; each a Converse `toolResult` object."""

    session_id: str
    tool_name: str
    results: tuple[JsonObject, ...]
    too_large: tuple[tuple[str, int], ...] = ()
    """Tool use id and bytes of each result that was too large: an error stands in its place."""


def parse(body: str) -> NewTask | ToolResults:
    """Parses the body of a queue message.

    Args:
        body: The message body as SQS delivered it.

    Returns:
        A `NewTask` or `ToolResults`. A result that is too large is an answer all the same: its
        job is done and will send no other, so the model is told instead of the result.

    Raises:
        MalformedMessageError: Names the field, what was expected and what came.
    """
    try:
        message = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise MalformedMessageError(f"body: expected JSON, got {_shown(body)}") from error
    kind = message.get("type") if isinstance(message, dict) else None
    if kind not in ("new", "existing") and (wrapping := _wrapping(message)):
        raise MalformedMessageError(f"body: expected a message and nothing else, got {wrapping}")
    _expect(isinstance(message, dict), "body", "a JSON object", message)
    _expect_unicode(message)
    match kind:
        case "new":
            return _parse_new(message)
        case "existing":
            return _parse_existing(message)
        case other:
            raise MalformedMessageError(f'type: expected "new" or "existing", got {_shown(other)}')


def build_new(task: str, session_id: str | None = None) -> str:
    """Builds the body of a `new` message; the inverse of `parse`."""
    message: JsonObject = {"type": "new", "body": {"task": task}}
    return json.dumps(message if session_id is None else {"session_id": session_id, **message})


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
    if message.get("session_id") is None:
        return NewTask(task)
    return NewTask(task, _matching(message, "session_id", SESSION_ID_PATTERN))


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
    return ToolResults(session_id, tool_name, tuple(told), tuple(too_large.items()))


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
