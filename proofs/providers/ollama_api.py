"""Ollama's chat, as far as tool calls go: one JSON object a line, and calls without ids.

Source: Ollama, "API reference", "Generate a chat completion".
"""

import json
from collections.abc import Iterator
from typing import Any

from loopback import Body, ModelApi, Script, Turn, expect


def ollama_api(script: Script) -> ModelApi:
    """Starts the API; a client's host is its `url`."""
    return ModelApi(script, _check, _lines, _line)


def _check(body: Body) -> None:
    """Raises unless each call has its answer, at once and in order."""
    waiting = 0
    for index, message in enumerate(body["messages"]):
        at = f"messages[{index}]"
        if message["role"] == "tool":
            expect(waiting > 0, at, "a call before its answer")
            expect(bool(message["content"].strip()), at, "a text that is not blank")
            waiting -= 1
            continue
        expect(not waiting, at, f"{waiting} answers first")
        waiting = len(message.get("tool_calls") or ())
    expect(not waiting, "messages", f"{waiting} answers at the end")
    expect(bool(body["tools"]), "tools", "the agent's tools")


def _lines(turn: Turn) -> Iterator[Body | str]:
    if isinstance(turn, str):
        yield _said({"role": "assistant", "content": turn})
    else:
        calls = [{"function": {"name": c.name, "arguments": c.arguments}} for c in turn]
        yield _said({"role": "assistant", "content": "", "tool_calls": calls})
    counts = {"prompt_eval_count": 1, "eval_count": 1, "total_duration": 1}
    yield _said({"role": "assistant", "content": ""}, done=True, done_reason="stop", **counts)


def _said(message: Body, **more: Any) -> Body:
    made_at = "2026-01-01T00:00:00Z"
    return {"model": "stand-in", "created_at": made_at, "message": message, "done": False} | more


def _line(piece: Body | str) -> bytes:
    return json.dumps(piece).encode() + b"\n"
