"""Makes a message one that a model's API takes back, before anything of it counts.

A conversation holds what models, tools and other people's systems wrote. Some of that can be kept
and never be sent again, and then every later run fails:

    what                                       becomes
    half a surrogate pair in a text            U+FFFD
    a number that is not finite, or endless    null
    a blank text beside something else         nothing
    a blank text or result alone               "(empty)"
    JSON nested over 100 levels                "[nested too deep]" from there on
    a tool's input that is no object           the object that its JSON text holds, or {}
    a tool's result that is no JSON            an error that names the tool and the field

Source: Amazon Bedrock, "Converse": texts are not blank, documents are JSON.
"""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from longrunning.messages import MAX_JSON_DEPTH, tool_result

EMPTY = "(empty)"
TOO_DEEP = "[nested too deep]"

MAX_NUMBER_BITS = 12_000
"""Python writes no longer numbers in decimal, some 4,300 digits."""

_HALF_A_PAIR = re.compile("[\ud800-\udfff]")


class NotJsonError(ValueError):
    """A value that JSON cannot hold; the text says where it stands and what it is."""


def make_sendable(message: dict[str, Any], tool_names: Mapping[str, str]) -> None:
    """Makes a message sendable, in place; one that is stays as it is.

    Args:
        message: A message of the conversation, in Converse's form.
        tool_names: The names of the tools by the ids of the tool uses that the message answers.
    """
    blocks = [_block(block, tool_names) for block in message["content"]]
    said = [block for block in blocks if not _is_blank(block)]
    message["content"] = said or [{"text": EMPTY}]


def sendable_text(text: str) -> str:
    """Returns a text with U+FFFD where it had half a surrogate pair."""
    return _HALF_A_PAIR.sub("\ufffd", text)


def sendable_json(value: Any, where: str = "$", depth: int = 0) -> Any:
    """Returns a value that JSON can hold and a model's API takes.

    Raises:
        NotJsonError: It has something else in it, such as a Decimal, a date, a set or bytes.
    """
    match value:
        case None | bool():
            return value
        case str():
            return sendable_text(value)
        case int():
            return value if value.bit_length() <= MAX_NUMBER_BITS else None
        case float():
            return value if math.isfinite(value) else None
        case dict() | list() | tuple() if depth == MAX_JSON_DEPTH:
            return TOO_DEEP
        case dict():
            return {
                _key(key, where): sendable_json(item, f"{where}.{key}", depth + 1)
                for key, item in value.items()
            }
        case list() | tuple():
            return [sendable_json(item, f"{where}[{n}]", depth + 1) for n, item in enumerate(value)]
    raise NotJsonError(f"{where}: expected JSON, got {type(value).__name__}")


def _key(key: Any, where: str) -> str:
    if not isinstance(key, str):
        raise NotJsonError(f"{where}: expected texts as names, got {type(key).__name__}")
    return sendable_text(key)


def _block(block: dict[str, Any], tool_names: Mapping[str, str]) -> dict[str, Any]:
    if "text" in block:
        return {**block, "text": sendable_text(str(block["text"]))}
    if "toolUse" in block:
        use = block["toolUse"]  # Changed in place: what runs next is this tool use.
        rest = {name: _other(value) for name, value in use.items() if name != "input"}
        use.update(rest, input=_input(use.get("input")))
        return block
    if "toolResult" in block:
        return {**block, "toolResult": _result(block["toolResult"], tool_names)}
    return {name: _other(value) for name, value in block.items()}


def _input(given: Any) -> dict[str, Any]:
    """Models send an object's JSON as a text, too, or nothing for a tool without arguments."""
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            given = None
    try:
        cleaned = sendable_json(given if isinstance(given, dict) else {})
    except NotJsonError:  # No model sends such; a hook that writes it gets what has no input.
        return {}
    return dict(cleaned)


def _result(result: dict[str, Any], tool_names: Mapping[str, str]) -> dict[str, Any]:
    try:
        content = [_content(b, f"content[{n}]") for n, b in enumerate(result.get("content") or ())]
    except NotJsonError as error:
        name = tool_names.get(result["toolUseId"], "the tool")
        problem = f"{name} answered what cannot be sent: {error!s:.300}. Nothing of it is known."
        return tool_result(result["toolUseId"], "error", sendable_text(problem))
    said = [block for block in content if not _is_blank(block)]
    return {**result, "content": said or [{"text": EMPTY}]}


def _content(block: dict[str, Any], where: str) -> dict[str, Any]:
    if "json" in block:
        document = sendable_json(block["json"], f"{where}.json")
        # Converse takes objects alone here.
        return {"json": document if isinstance(document, dict) else {"value": document}}
    if "text" in block:
        return {"text": _said(block["text"], f"{where}.text")}
    return {name: _other(value) for name, value in block.items()}


def _said(text: Any, where: str) -> str:
    if isinstance(text, str):
        return sendable_text(text)
    return json.dumps(sendable_json(text, where), ensure_ascii=False)


def _other(value: Any) -> Any:
    """Of pictures, documents, reasoning and whatever comes: texts and numbers, bytes stay bytes."""
    match value:
        case str():
            return sendable_text(value)
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {sendable_text(name): _other(item) for name, item in value.items()}
        case list() | tuple():
            return [_other(item) for item in value]
    return value


def _is_blank(block: Mapping[str, Any]) -> bool:
    return "text" in block and not block["text"].strip()
