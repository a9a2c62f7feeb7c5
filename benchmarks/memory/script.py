"""A model that asks so many questions in a turn, publishes what is approved, and asks again."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

from benchmarks.cycle.conversation import ASK, PUBLISH, ScriptedModel, make_ids, make_posts

Block = dict[str, Any]


class Script:
    """Knows what comes next by the last two messages alone, as long as there is to ask.

    Args:
        questions: In each turn.
        turns: With questions; after the last one is answered the task is done.
    """

    def __init__(self, questions: int, turns: int) -> None:
        self._questions = questions
        self._left = turns
        self._posts, self._ids = make_posts(), make_ids()

    def turn(self, messages: Any) -> list[Block]:
        """Returns the content of the next message."""
        before = messages[-2]["content"] if len(messages) > 1 else []
        uses = [block["toolUse"] for block in before if "toolUse" in block]
        if uses and uses[0]["name"] == ASK:
            return [self._call(PUBLISH, use["input"]["content"]) for use in uses]
        if not self._left:
            return [{"text": "Done."}]
        self._left -= 1
        return [self._call(ASK, next(self._posts)) for _ in range(self._questions)]

    def _call(self, name: str, content: str) -> Block:
        use = {"toolUseId": next(self._ids), "name": name, "input": {"content": content}}
        return {"toolUse": use}


class Asking(ScriptedModel):
    """The script as a model of Strands."""

    def __init__(self, script: Script) -> None:
        super().__init__()
        self.script = script

    async def stream(self, messages: Any, *_: Any, **__: Any) -> AsyncIterator[Any]:
        """Yields the next turn as Bedrock's stream events."""
        for event in events(self.script.turn(messages)):
            yield event


def events(content: list[Block]) -> Iterator[dict[str, Any]]:
    """Yields a message as Bedrock streams it."""
    yield {"messageStart": {"role": "assistant"}}
    for number, block in enumerate(content):
        delta = {"text": block.get("text", "")}
        if use := block.get("toolUse"):
            start = {"toolUseId": use["toolUseId"], "name": use["name"]}
            yield {"contentBlockStart": {"start": {"toolUse": start}, "contentBlockIndex": number}}
            delta = {"toolUse": {"input": json.dumps(use["input"])}}
        yield {"contentBlockDelta": {"delta": delta, "contentBlockIndex": number}}
        yield {"contentBlockStop": {"contentBlockIndex": number}}
    has_calls = any("toolUse" in block for block in content)
    yield {"messageStop": {"stopReason": "tool_use" if has_calls else "end_turn"}}
