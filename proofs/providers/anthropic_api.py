"""Anthropic's messages, as far as tool calls go: named events, and results right after their calls.

Source: Anthropic, "Messages", "Streaming messages", "Tool use".
"""

import json
from collections.abc import Iterator
from typing import Any

from loopback import Body, ModelApi, Script, Turn, expect

PIECE_CHARS = 5
"""Arguments arrive in pieces, so that nobody relies on getting them whole."""


def anthropic_api(script: Script) -> ModelApi:
    """Starts the API; a client's base URL is its `url`."""
    return ModelApi(script, lambda body: _check(body["messages"]), _events, _event)


def _check(messages: list[Body]) -> None:
    """Raises unless the message after each call has all its results, and roles alternate."""
    waiting: list[str] = []
    for index, message in enumerate(messages):
        at = f"messages[{index}]"
        role = "assistant" if index % 2 else "user"
        expect(message["role"] == role, at, f"{role}: roles alternate")
        results = [b["tool_use_id"] for b in message["content"] if b["type"] == "tool_result"]
        expect(results == waiting, at, f"results of {waiting}, not of {results}")
        waiting = [b["id"] for b in message["content"] if b["type"] == "tool_use"]
    expect(not waiting, "messages", f"results of {waiting} at the end")


def _events(turn: Turn) -> Iterator[Body | str]:
    usage = {"input_tokens": 1, "output_tokens": 1}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "stand-in"}
    message |= {"content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}
    yield {"type": "message_start", "message": message}
    if isinstance(turn, str):
        delta = {"type": "text_delta", "text": turn}
        yield from _block(0, {"type": "text", "text": ""}, [delta])
    else:
        for index, call in enumerate(turn):
            block = {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}
            yield from _block(index, block, _pieces(json.dumps(call.arguments)))
    stop = {"stop_reason": "end_turn" if isinstance(turn, str) else "tool_use"}
    yield {"type": "message_delta", "delta": stop | {"stop_sequence": None}, "usage": usage}
    yield {"type": "message_stop"}


def _block(index: int, block: Body, deltas: list[Body]) -> Iterator[Body]:
    yield {"type": "content_block_start", "index": index, "content_block": block}
    for delta in deltas:
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


def _pieces(written: str) -> list[Body]:
    texts = [written[at : at + PIECE_CHARS] for at in range(0, len(written), PIECE_CHARS)]
    return [{"type": "input_json_delta", "partial_json": text} for text in texts]


def _event(piece: Any) -> bytes:
    return f"event: {piece['type']}\r\ndata: {json.dumps(piece)}\r\n\r\n".encode()
