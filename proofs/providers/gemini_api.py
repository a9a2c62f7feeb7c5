"""Gemini's `streamGenerateContent`, as far as function calls and their signatures go.

Source: Google, "Function calling", "Thought signatures": the signature of a function call comes
back with that call, as it was, or the request is refused.
"""

import base64
import json
from collections.abc import Iterator
from typing import Any

from loopback import Body, ModelApi, Script, Turn, expect


def gemini_api(script: Script) -> ModelApi:
    """Starts the API. Each call of a turn gets a signature of its own, made from its arguments."""
    return ModelApi(script, lambda body: _check(body["contents"]), _chunks)


def signature_of(name: str | None, arguments: Body) -> str:
    """Returns what the API signs a call with: bytes of every value, in base64."""
    seed = json.dumps([name, arguments], sort_keys=True).encode()
    return base64.b64encode(bytes(range(256)) + seed).decode()


def responses(body: Body) -> list[str]:
    """Returns what each function answered, as JSON, in order."""
    answers = _parts(body["contents"], "functionResponse")
    return [json.dumps(answer["response"]) for _, answer in answers]


def _check(contents: list[Body]) -> None:
    """Raises unless each call is signed, and answered at once by name and in order."""
    waiting: list[Any] = []
    for index, content in enumerate(contents):
        at = f"contents[{index}]"
        answers = [response for _, response in _parts([content], "functionResponse")]
        names = [(answer["name"], answer.get("id")) for answer in answers]
        expect(names == waiting, at, f"the responses {waiting}, not {names}")
        calls = _parts([content], "functionCall")
        for part, call in calls:
            signature = part.get("thoughtSignature") or part.get("thought_signature") or ""
            signed = signature.replace("-", "+").replace("_", "/")
            expect(signed == signature_of(call["name"], call["args"]), at, "the call's signature")
        waiting = [(call["name"], call.get("id")) for _, call in calls]
    expect(not waiting, "contents", f"the responses {waiting} at the end")


def _parts(contents: list[Body], kind: str) -> list[tuple[Body, Any]]:
    """Returns the parts of one kind; the API takes names in both spellings."""
    snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in kind)
    parts = [part for content in contents for part in content["parts"]]
    named = (part for part in parts if kind in part or snake in part)
    return [(part, part.get(kind) or part[snake]) for part in named]


def _chunks(turn: Turn) -> Iterator[Body]:
    calls = () if isinstance(turn, str) else turn
    parts: list[Body] = [{"text": turn}] if isinstance(turn, str) else []
    for call in calls:
        function = {"name": call.name, "args": call.arguments}
        with_id = function | ({"id": call.id} if call.id else {})
        signature = signature_of(call.name, call.arguments)
        parts.append({"functionCall": with_id, "thoughtSignature": signature})
    content = {"role": "model", "parts": parts}
    usage = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}
    candidate = {"content": content, "finishReason": "STOP", "index": 0}
    yield {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "stand-in"}
