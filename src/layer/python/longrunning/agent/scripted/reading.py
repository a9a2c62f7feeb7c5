"""Reads a conversation for a script, and makes the blocks that it answers with."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from strands.types.content import ContentBlock, Message, Messages
from strands.types.tools import ToolResult, ToolUse

MAX_DRAFTS = 3
"""A call is asked for this often at most: the first draft, and two that a comment changed."""


@dataclass(frozen=True)
class Made:
    """A tool use and its result."""

    name: str
    tool_input: Any
    status: str
    text: str
    decision: dict[str, Any] | None
    """A person's decision, where the result is one."""

    @property
    def verdict(self) -> str:
        """`approved`, `denied`, `expired`, `cancelled`; "" where nobody was asked."""
        return str(self.decision["decision"]) if self.decision else ""


def task_index(messages: Messages) -> int:
    """Finds the latest message in which the user says something.

    Raises:
        ValueError: There is none.
    """
    for index in range(len(messages) - 1, -1, -1):
        message = messages[index]
        if message["role"] == "user" and not results_of(message) and text_of(message):
            return index
    raise ValueError("messages: expected one in which the user gives a task")


def text_of(message: Message) -> str:
    """Returns a message's texts, one below the other."""
    return "\n".join(block["text"] for block in message["content"] if "text" in block)


def results_of(message: Message) -> list[ToolResult]:
    """Returns a message's tool results, in order."""
    return [block["toolResult"] for block in message["content"] if "toolResult" in block]


def uses_of(message: Message) -> list[ToolUse]:
    """Returns a message's tool uses, in order."""
    return [block["toolUse"] for block in message["content"] if "toolUse" in block]


def calls_made(messages: Messages) -> list[Made]:
    """Returns the tool uses that have a result, in order."""
    results = {r["toolUseId"]: r for message in messages for r in results_of(message)}
    uses = [use for message in messages for use in uses_of(message)]
    return [_made(use, results[use["toolUseId"]]) for use in uses if use["toolUseId"] in results]


def result_text(result: ToolResult) -> str:
    """Returns what a tool result says."""
    return "\n".join(block["text"] for block in result["content"] if "text" in block)


def decision_in(result: ToolResult) -> dict[str, Any] | None:
    """Returns the decision that a tool result is, or None."""
    try:
        outcome = json.loads(result_text(result))
    except (ValueError, RecursionError):
        return None
    return outcome if isinstance(outcome, dict) and "decision" in outcome else None


def say(text: str) -> list[ContentBlock]:
    """Returns a message that ends the agent's turn."""
    return [{"text": text}]


def call(messages: Messages, name: str, tool_input: dict[str, Any], place: int = 0) -> ContentBlock:
    """Makes a tool use whose id is the same in every run of this very conversation.

    Args:
        messages: The conversation so far.
        name: The tool.
        tool_input: Its input.
        place: Where it stands among the tool uses of its message.
    """
    seed = json.dumps([len(messages), name, tool_input, *[place] * bool(place)], sort_keys=True)
    digest = hashlib.sha256(seed.encode()).hexdigest()[:24]
    return {"toolUse": {"toolUseId": f"scripted_{digest}", "name": name, "input": tool_input}}


def _made(use: ToolUse, result: ToolResult) -> Made:
    text = result_text(result)
    return Made(use["name"], use["input"], result["status"], text, decision_in(result))
