"""A model that needs no key, no network and no money: it plays the walk from a script.

It reads nothing but the conversation, so it goes on from a saved one in another Lambda environment
just as a real model does, and the same conversation always gets the same answer:

1. a task arrives: it drafts a post that carries the task's text as it came, and asks for approval;
2. approved: it publishes exactly the text in force, the approver's edit included;
3. denied: it drafts again, shorter and with the approver's comment, and asks again; after three
   denials it gives up;
4. published, refused, expired or cancelled: it says so and ends.

Its one whim: the first colour word of the task (pink, blue, purple, green, yellow or rainbow) is
the unicorn's colour.
"""

import hashlib
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Any, Literal, TypeVar

from pydantic import BaseModel
from strands.models.model import Model
from strands.types.content import ContentBlock, Message, Messages
from strands.types.streaming import ContentBlockDelta, StreamEvent
from strands.types.tools import ToolChoice, ToolResult, ToolSpec, ToolUse

MAX_DRAFTS = 3

OPENINGS = (
    "Fresh from the stable at Unicorn Rentals:",
    "The herd has news, and could not keep it to itself:",
    "Saddle up! A word from Unicorn Rentals:",
)
ANSWER_OPENING = "You asked, and the unicorns put their heads together:"
"""For a task that is a question."""

CLOSINGS = (
    "Every ride comes with a brushed mane, a polished horn and a carrot for the road. "
    "Rent a unicorn today!",
    "Our unicorns are rested, fed and looking forward to meeting you. Rent one today!",
    "No licence needed, good manners welcome. Rent a unicorn today!",
)
COLOR_PATTERN = re.compile(r"\b(pink|blue|purple|green|yellow|rainbow)\b", re.IGNORECASE)

T = TypeVar("T", bound=BaseModel)


class ScriptedModel(Model):
    """The scripted model, as Strands runs it."""

    def update_config(self, **model_config: Any) -> None:
        """Has no settings."""

    def get_config(self) -> dict[str, Any]:
        """Returns the settings: none but a name for logs and traces."""
        return {"model_id": "scripted"}

    def structured_output(
        self,
        output_model: type[T],
        prompt: Messages,
        system_prompt: str | None = None,
        **kwargs: Any,
    ) -> AsyncGenerator[dict[str, T | Any], None]:
        """Is not what a script can do.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError("the scripted model has no structured output")

    async def stream(
        self,
        messages: Messages,
        tool_specs: list[ToolSpec] | None = None,
        system_prompt: str | None = None,
        *,
        tool_choice: ToolChoice | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[StreamEvent]:
        """Yields the next turn as Bedrock's stream events."""
        for event in _events(next_turn(messages)):
            yield event


def next_turn(messages: Messages) -> list[ContentBlock]:
    """Returns the content of the assistant's next message.

    Args:
        messages: The conversation; the last message is the user's task or holds tool results.
    """
    task_index = _task_index(messages)
    task = _text_of(messages[task_index])
    results = _results(messages[-1]) if task_index < len(messages) - 1 else []
    if not results:
        return _ask(messages, task, denials=0, comment=None)
    outcome = _outcome(messages, results[-1])
    match outcome:
        case {"published": str(text)}:
            return _say(f"Done. {text}")
        case {"failed": str(text)}:
            return _say(f"I could not finish this task. {text}")
        case {"decision": "approved", "content": str(content)}:
            return _publish(messages, task, content, edited=outcome.get("edited") is True)
        case {"decision": "denied"}:
            denials = _denials(messages[task_index:])
            if denials >= MAX_DRAFTS:
                return _say(
                    f"I drafted this post {denials} times and each draft was denied, so I "
                    "stopped. Nothing was published."
                )
            return _ask(messages, task, denials, outcome.get("comment"))
        case {"decision": "expired" | "cancelled" as decision}:
            why = "nobody decided in time" if decision == "expired" else "the task was cancelled"
            return _say(f"I stopped because {why}. Nothing was published.")
    return _say("I could not read the decision, so I stopped. Nothing was published.")


def draft_post(task: str, denials: int = 0, comment: str | None = None) -> str:
    """Returns a draft for a task, after so many denials the last of which had this comment.

    No two drafts of a task are alike: the same text is not asked about twice.
    """
    pick = int(hashlib.sha256(task.encode()).hexdigest(), 16) % len(OPENINGS)
    opening = ANSWER_OPENING if task.rstrip().endswith("?") else OPENINGS[pick]
    if denials == 0:
        return f"{opening}\n\n{task}\n\n{CLOSINGS[pick]}"
    revised = "revised" if denials == 1 else "revised again"
    note = f"({revised}: {comment})" if comment else f"({revised})"
    return f"{opening}\n\n{task}\n\n{note}" if denials == 1 else f"{task}\n\n{note}"


def _ask(messages: Messages, task: str, denials: int, comment: str | None) -> list[ContentBlock]:
    draft = draft_post(task, denials, comment)
    tool_input: dict[str, Any] = {"content": draft}
    if color := _color(task):
        tool_input["arguments"] = {"unicorn_color": color}
    text = "I have a draft. " if denials == 0 else "I have changed the draft. "
    return [
        {"text": f"{text}A person should see it before it is published."},
        {"toolUse": _tool_use(messages, "human_approval", tool_input)},
    ]


def _publish(messages: Messages, task: str, content: str, edited: bool) -> list[ContentBlock]:
    tool_input = {"content": content}
    if color := _color(task):
        tool_input["unicorn_color"] = color
    text = "It was approved with an edit, and I publish it as edited." if edited else "Approved."
    return [{"text": text}, {"toolUse": _tool_use(messages, "publish_post", tool_input)}]


def _say(text: str) -> list[ContentBlock]:
    return [{"text": text}]


def _tool_use(messages: Messages, name: str, tool_input: dict[str, Any]) -> ToolUse:
    """Makes a tool use whose id is the same in every run of this very conversation."""
    seed = json.dumps([len(messages), name, tool_input], sort_keys=True)
    digest = hashlib.sha256(seed.encode()).hexdigest()[:24]
    return {"toolUseId": f"scripted_{digest}", "name": name, "input": tool_input}


def _task_index(messages: Messages) -> int:
    """Finds the latest message in which the user says something."""
    for index in range(len(messages) - 1, -1, -1):
        message = messages[index]
        if message["role"] == "user" and not _results(message) and _text_of(message):
            return index
    raise ValueError("messages: expected one in which the user gives a task")


def _text_of(message: Message) -> str:
    return "\n".join(block["text"] for block in message["content"] if "text" in block)


def _results(message: Message) -> list[ToolResult]:
    return [block["toolResult"] for block in message["content"] if "toolResult" in block]


def _outcome(messages: Messages, result: ToolResult) -> dict[str, Any]:
    """Reads a tool result: a decision as JSON, or what became of the post.

    A decision with a `result` has been acted on already, by the gate.
    """
    decision = _decision(result)
    if decision and "result" not in decision:
        return decision
    text = str(decision["result"]) if decision else _result_text(result)
    if result["status"] == "error":
        return {"failed": text}
    is_post = decision or _tool_name(messages, result["toolUseId"]) == "publish_post"
    return {"published": text} if is_post else {}


def _decision(result: ToolResult) -> dict[str, Any] | None:
    try:
        outcome = json.loads(_result_text(result))
    except (ValueError, RecursionError):
        return None
    return outcome if isinstance(outcome, dict) and "decision" in outcome else None


def _denials(messages: Messages) -> int:
    decisions = (_decision(result) for message in messages for result in _results(message))
    return sum(1 for decision in decisions if decision and decision["decision"] == "denied")


def _result_text(result: ToolResult) -> str:
    return "\n".join(block["text"] for block in result["content"] if "text" in block)


def _tool_name(messages: Messages, tool_use_id: str) -> str:
    uses = (block["toolUse"] for message in messages for block in message["content"]
            if "toolUse" in block)  # fmt: skip
    return next((use["name"] for use in uses if use["toolUseId"] == tool_use_id), "")


def _color(task: str) -> str | None:
    found = COLOR_PATTERN.search(task)
    return found.group().lower() if found else None


def _events(content: list[ContentBlock]) -> Iterator[StreamEvent]:
    yield {"messageStart": {"role": "assistant"}}
    stop_reason: Literal["end_turn", "tool_use"] = "end_turn"
    for index, block in enumerate(content):
        if "toolUse" in block:
            stop_reason = "tool_use"
            use = block["toolUse"]
            yield {
                "contentBlockStart": {
                    "contentBlockIndex": index,
                    "start": {"toolUse": {"toolUseId": use["toolUseId"], "name": use["name"]}},
                }
            }
            delta: ContentBlockDelta = {"toolUse": {"input": json.dumps(use["input"])}}
        else:
            delta = {"text": block["text"]}
        yield {"contentBlockDelta": {"contentBlockIndex": index, "delta": delta}}
        yield {"contentBlockStop": {"contentBlockIndex": index}}
    yield {"messageStop": {"stopReason": stop_reason}}
    yield {
        "metadata": {
            "usage": {"inputTokens": 0, "outputTokens": 0, "totalTokens": 0},
            "metrics": {"latencyMs": 0},
        }
    }
