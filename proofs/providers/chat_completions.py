"""OpenAI's chat completions, as far as tool calls go.

Source: OpenAI, "Chat completions", "Function calling". That an id has at most 40 characters stands
in no document; the API answers so ("string too long. Expected a string with maximum length 40").
"""

import json
from collections.abc import Iterator
from typing import Any

from loopback import Body, Call, ModelApi, Script, Turn, expect

MAX_ID_CHARS = 40
"""Of an id that the API has not given itself; one of its own it takes back as it is."""

PIECE_CHARS = 5
"""Arguments arrive in pieces, so that nobody relies on getting them whole."""


def chat_completions(script: Script) -> ModelApi:
    """Starts the API; a client's `base_url` is its `url`."""
    given: set[str | None] = set()

    def answer(turn: Turn) -> Iterator[Body | str]:
        if not isinstance(turn, str):
            given.update(call.id for call in turn)
        return _chunks(turn)

    return ModelApi(script, lambda body: _check(body["messages"], given), answer)


def tool_messages(body: Body) -> dict[str, str]:
    """Returns the text of each tool's result in a request, by the id of its call."""
    return {
        message["tool_call_id"]: _text(message["content"])
        for message in body["messages"]
        if message["role"] == "tool"
    }


def call_ids(body: Body) -> list[str]:
    """Returns the ids of all calls in a request, in order."""
    return [call["id"] for m in body["messages"] for call in m.get("tool_calls") or ()]


def _check(messages: list[Body], given: set[str | None]) -> None:
    """Raises for the first rule of calls and answers that a conversation breaks."""
    seen: set[str] = set()
    waiting: list[str] = []
    for index, message in enumerate(messages):
        at = f"messages[{index}]"
        if message["role"] == "tool":
            expect(message["tool_call_id"] in waiting, at, f"an answer to one of {waiting}")
            expect(bool(_text(message["content"]).strip()), at, "a text that is not blank")
            waiting.remove(message["tool_call_id"])
            continue
        expect(not waiting, at, f"a tool message for each of {waiting} first")
        for call in message.get("tool_calls") or ():
            _check_call(call, at, seen, given)
            waiting.append(call["id"])
    expect(not waiting, "messages", f"a tool message for each of {waiting} at the end")


def _check_call(call: Body, at: str, seen: set[str], given: set[str | None]) -> None:
    expect(bool(call["id"]), f"{at}.tool_calls.id", "an id")
    expect(call["id"] not in seen, f"{at}.tool_calls.id", f"an id of its own, not {call['id']}")
    is_short = call["id"] in given or len(call["id"]) <= MAX_ID_CHARS
    expect(is_short, f"{at}.tool_calls.id", f"at most {MAX_ID_CHARS} characters")
    seen.add(call["id"])
    arguments = json.loads(call["function"]["arguments"])
    expect(isinstance(arguments, dict), f"{at}.tool_calls.function.arguments", "an object")


def _chunks(turn: Turn) -> Iterator[Body | str]:
    yield _chunk({"role": "assistant", "content": turn if isinstance(turn, str) else ""})
    for index, call in enumerate(() if isinstance(turn, str) else turn):
        yield from _call_chunks(index, call)
    yield _chunk({}, "stop" if isinstance(turn, str) else "tool_calls")
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    yield {**_chunk({}), "choices": [], "usage": usage}
    yield "[DONE]"


def _call_chunks(index: int, call: Call) -> Iterator[Body]:
    """The first piece has id and name; the others are told apart by their index alone."""
    written = json.dumps(call.arguments)
    function = {"name": call.name, "arguments": ""}
    first = {"index": index, "id": call.id, "type": "function", "function": function}
    yield _chunk({"tool_calls": [first]})
    for at in range(0, len(written), PIECE_CHARS):
        piece = {"index": index, "function": {"arguments": written[at : at + PIECE_CHARS]}}
        yield _chunk({"tool_calls": [piece]})


def _chunk(delta: Body, finish_reason: str | None = None) -> Body:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    chunk = {"id": "chat-1", "object": "chat.completion.chunk", "created": 1, "model": "stand-in"}
    return {**chunk, "choices": [choice]}


def _text(content: Any) -> str:
    """A message's content is a text, or a list of parts."""
    return content if isinstance(content, str) else "".join(part["text"] for part in content)
