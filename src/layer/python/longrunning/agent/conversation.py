"""Reading a conversation: its tool uses, their results, and what was asked in it before.

A model's provider names its tool uses; the conversation keeps those names, as some providers need
them back. What is recorded of a tool use has an id of ours, its key in tables, links and messages:
the provider's where that can be a key, or else one that stands in the message's metadata.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

Message = dict[str, Any]

RECORD_IDS = "record_ids"
"""In a message's `metadata.custom`: the ids of ours by the provider's, where they differ."""

DECISION_BEGINS = '{"decision":'
"""How the result of a tool use that waited for a person begins."""

_NOTHING_DECIDED = ("expired", "cancelled")


def tool_uses(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Returns the tool uses in a message: Converse's `toolUse` objects, in order."""
    return [block["toolUse"] for block in message["content"] if "toolUse" in block]


def tool_results(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Returns the results in a message: Converse's `toolResult` objects, in order."""
    return [block["toolResult"] for block in message["content"] if "toolResult" in block]


def record_id(message: Mapping[str, Any], tool_use_id: str) -> str:
    """Returns our id of a tool use in a message."""
    ids = message.get("metadata", {}).get("custom", {}).get(RECORD_IDS, {})
    return str(ids.get(tool_use_id, tool_use_id))


def note_record_ids(message: Message, ids: Mapping[str, str]) -> None:
    """Notes our ids of a message's tool uses by the provider's, as far as they differ."""
    if differing := {given: ours for given, ours in ids.items() if given != ours}:
        message.setdefault("metadata", {}).setdefault("custom", {})[RECORD_IDS] = differing


def text_of(message: Mapping[str, Any]) -> str:
    """Returns what a message says, without tool uses and all else that is no text."""
    return "\n".join(block["text"] for block in message["content"] if "text" in block)


def decisions(
    messages: Sequence[Any],
) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Yields what people have decided in a conversation, the newest first.

    Yields:
        Our id, the tool use that asked, and what the model was told: `{"decision", "content", …}`.
    """
    for answers, asks in pairwise(reversed(messages)):
        told = {r["toolUseId"]: t for r in tool_results(answers) if (t := _told(r))}
        for use in tool_uses(asks) if told else ():
            if use["toolUseId"] in told:
                yield record_id(asks, use["toolUseId"]), use, told[use["toolUseId"]]


def is_decision(result: Mapping[str, Any]) -> bool:
    """Whether a tool result tells what a person has decided."""
    return _text(result).startswith(DECISION_BEGINS)


def _text(result: Mapping[str, Any]) -> str:
    return next((str(block["text"]) for block in result["content"] if "text" in block), "")


def _told(result: Mapping[str, Any]) -> dict[str, Any] | None:
    if not is_decision(result):
        return None
    try:
        told = json.loads(_text(result))
    except (ValueError, RecursionError):
        return None  # A conversation manager has shortened it.
    return told if told["decision"] not in _NOTHING_DECIDED else None
