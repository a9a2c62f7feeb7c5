"""A model that needs no key, no network and no money: it plays from a script.

It reads nothing but the conversation, so it goes on from a saved one in another Lambda environment
just as a real model does, and the same conversation always gets the same answer. What it plays:

- the turns of `script.json` in this folder, where there is one (`scripted_turns`);
- the walk of the example, where its two tools are all there is;
- else every tool once, with inputs made from the tools' schemas (`scripted_player`).

The walk of the example:

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
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from typing import Any, Literal, TypeVar

from pydantic import BaseModel
from strands.models.model import Model
from strands.types.content import ContentBlock, Messages
from strands.types.streaming import ContentBlockDelta, StreamEvent
from strands.types.tools import ToolChoice, ToolResult, ToolSpec

import scripted_player
import scripted_turns
from scripted_reading import (
    MAX_DRAFTS,
    call,
    decision_in,
    result_text,
    results_of,
    say,
    task_index,
    text_of,
    uses_of,
)

EXAMPLE = {"human_approval", "publish_post"}
"""The tools of the example; `publish_post` as it is there, with nothing required but the text."""

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

    def __init__(self) -> None:
        """Reads the adopter's script, if there is one."""
        self._script = scripted_turns.read(scripted_turns.SCRIPT)

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
        for event in _events(self._turn(messages, tool_specs or [])):
            yield event

    def _turn(self, messages: Messages, specs: list[ToolSpec]) -> list[ContentBlock]:
        if self._script:
            return scripted_turns.play(messages, self._script, [spec["name"] for spec in specs])
        return next_turn(messages) if is_example(specs) else scripted_player.play(messages, specs)


def is_example(tool_specs: Sequence[ToolSpec]) -> bool:
    """Whether the example's tools are all there is, as the example has them."""
    schemas = {spec["name"]: spec["inputSchema"].get("json", {}) for spec in tool_specs}
    return schemas.keys() == EXAMPLE and schemas["publish_post"].get("required") == ["content"]


def next_turn(messages: Messages) -> list[ContentBlock]:
    """Returns the content of the assistant's next message in the walk of the example.

    Args:
        messages: The conversation; the last message is the user's task or holds tool results.
    """
    start = task_index(messages)
    task = text_of(messages[start])
    results = results_of(messages[-1]) if start < len(messages) - 1 else []
    if not results:
        return _ask(messages, task, denials=0, comment=None)
    outcome = _outcome(messages, results[-1])
    match outcome:
        case {"published": str(text)}:
            return say(f"Done. {text}")
        case {"failed": str(text)}:
            return say(f"I could not finish this task. {text}")
        case {"decision": "approved", "content": str(content)}:
            return _publish(messages, task, content, edited=outcome.get("edited") is True)
        case {"decision": "denied"}:
            denials = _denials(messages[start:])
            if denials >= MAX_DRAFTS:
                return say(
                    f"I drafted this post {denials} times and each draft was denied, so I "
                    "stopped. Nothing was published."
                )
            return _ask(messages, task, denials, outcome.get("comment"))
        case {"decision": "expired" | "cancelled" as decision}:
            why = "nobody decided in time" if decision == "expired" else "the task was cancelled"
            return say(f"I stopped because {why}. Nothing was published.")
    return say("I could not read the decision, so I stopped. Nothing was published.")


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
        call(messages, "human_approval", tool_input),
    ]


def _publish(messages: Messages, task: str, content: str, edited: bool) -> list[ContentBlock]:
    tool_input = {"content": content}
    if color := _color(task):
        tool_input["unicorn_color"] = color
    text = "It was approved with an edit, and I publish it as edited." if edited else "Approved."
    return [{"text": text}, call(messages, "publish_post", tool_input)]


def _outcome(messages: Messages, result: ToolResult) -> dict[str, Any]:
    """Reads a tool result: a decision as JSON, or what became of the post.

    A decision with a `result` has been acted on already, by the gate.
    """
    decision = decision_in(result)
    if decision and "result" not in decision:
        return decision
    text = str(decision["result"]) if decision else result_text(result)
    if result["status"] == "error":
        return {"failed": text}
    is_post = decision or _tool_name(messages, result["toolUseId"]) == "publish_post"
    return {"published": text} if is_post else {}


def _denials(messages: Messages) -> int:
    decisions = (decision_in(result) for message in messages for result in results_of(message))
    return sum(1 for decision in decisions if decision and decision["decision"] == "denied")


def _tool_name(messages: Messages, tool_use_id: str) -> str:
    uses = (use for message in messages for use in uses_of(message))
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
