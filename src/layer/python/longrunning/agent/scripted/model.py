"""A model that needs no key, no network and no money: it plays from a script.

It reads nothing but the conversation, so it goes on from a saved one in another Lambda environment
just as a real model does, and the same conversation always gets the same answer. What it plays:

- the turns of the adopter's script, where there is one, for an agent that has tools (`turns`);
- a story that knows the tools that there are, such as the example's;
- else every tool once, with inputs made from the tools' schemas (`player`).
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel
from strands.models.model import Model
from strands.types.content import ContentBlock, Messages
from strands.types.streaming import ContentBlockDelta, StreamEvent
from strands.types.tools import ToolChoice, ToolSpec

from longrunning.agent.scripted import player, turns

T = TypeVar("T", bound=BaseModel)

Story = Callable[[Messages, list[ToolSpec]], list[ContentBlock] | None]
"""Given the conversation and the tools, plays the next turn; None if it knows none."""


class ScriptedModel(Model):
    """The scripted model, as Strands runs it."""

    def __init__(self, script: Path | None = None, stories: Sequence[Story] = ()) -> None:
        """Reads the adopter's script, if there is one.

        Args:
            script: Where it would be: a file of JSON; None: there is none.
            stories: Each may play a turn; the first that does so is taken.
        """
        self._script = turns.read(script) if script else None
        self._stories = stories

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
        if self._script and specs:  # An agent without tools is asked by another one.
            return turns.play(messages, self._script, [spec["name"] for spec in specs])
        told = (story(messages, specs) for story in self._stories)
        return next(filter(None, told), None) or player.play(messages, specs)


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
