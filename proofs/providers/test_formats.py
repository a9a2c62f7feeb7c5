"""What was saved at a pause goes into every provider's request, with the decision in its place."""

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from strands.models.anthropic import AnthropicModel
from strands.models.gemini import GeminiModel
from strands.models.mistral import MistralModel
from strands.models.ollama import OllamaModel
from strands.models.openai import OpenAIModel
from strands.models.openai_responses import OpenAIResponsesModel

import agent_definition
from converse_stand_in import tool_use
from world import forget_environments, make_world

ONE, TWO, EDITED = "One ride for two", "Two rides for one", "Two rides for one, all summer"
Pairs = tuple[list[Any], list[Any]]


@dataclass(frozen=True)
class Provider:
    """How a provider's request is made, and where calls and answers stand in it."""

    make: Callable[[], Any]
    pairs: Callable[[dict[str, Any]], Pairs]
    """From a request to what names its calls, and what names their answers, both in order."""


def in_chat(request: dict[str, Any]) -> Pairs:
    messages = request["messages"]
    calls = [c["id"] for m in messages for c in m.get("tool_calls") or ()]
    return calls, [m["tool_call_id"] for m in messages if m["role"] == "tool"]


def in_blocks(request: dict[str, Any]) -> Pairs:
    blocks = [b for m in request["messages"] for b in m["content"]]
    calls = [b["id"] for b in blocks if b["type"] == "tool_use"]
    return calls, [b["tool_use_id"] for b in blocks if b["type"] == "tool_result"]


def in_items(request: dict[str, Any]) -> Pairs:
    items = request["input"]
    calls = [i["call_id"] for i in items if i.get("type") == "function_call"]
    return calls, [i["call_id"] for i in items if i.get("type") == "function_call_output"]


def in_parts(request: dict[str, Any]) -> Pairs:
    parts = [p for c in request["contents"] for p in c["parts"]]
    calls = [p["function_call"] for p in parts if "function_call" in p]
    answers = [p["function_response"] for p in parts if "function_response" in p]
    return [(c["id"], c["name"]) for c in calls], [(a["id"], a["name"]) for a in answers]


def in_order(request: dict[str, Any]) -> Pairs:
    """Ollama has no ids: answers follow their calls, as many and in the same order."""
    messages = request["messages"]
    calls = [m for m in messages if m.get("tool_calls")]
    answers = [m for m in messages if m["role"] == "tool"]
    return list(range(len(calls))), list(range(len(answers)))


CLIENT = {"api_key": "none"}
PROVIDERS = {
    "Anthropic": Provider(
        lambda: AnthropicModel(client_args=CLIENT, model_id="m", max_tokens=100), in_blocks
    ),
    "Gemini": Provider(lambda: GeminiModel(client_args=CLIENT, model_id="m"), in_parts),
    "Mistral": Provider(lambda: MistralModel(api_key="none", model_id="m"), in_chat),
    "Ollama": Provider(lambda: OllamaModel(host="http://127.0.0.1:9", model_id="m"), in_order),
    "OpenAI": Provider(lambda: OpenAIModel(client_args=CLIENT, model_id="m"), in_chat),
    "OpenAI's responses": Provider(
        lambda: OpenAIResponsesModel(client_args=CLIENT, model_id="m"), in_items
    ),
}
DECISIONS = {
    "approved": ("approve", {"decision": "approved", "comment": "Lovely, Zoë 🦄"}),
    "denied": ("deny", {"decision": "denied", "comment": "Drop the price"}),
    "edited": ("approve", {"decision": "approved", "content": EDITED}),
}


@cache
def decided(decision: str) -> list[Any]:
    """Returns the conversation of a session whose two questions were answered this way."""
    questions = [("ask-1", ONE), ("ask-2", TWO)]
    asked = [tool_use(key, "human_approval", {"content": text}) for key, text in questions]
    with pytest.MonkeyPatch.context() as patch:
        world = make_world(patch)
        world.play([asked, "I read."])
        session_id = world.start()
        link, form = DECISIONS[decision]
        for links in [mail.links for mail in world.read_mail()]:
            assert world.click(links[link], **form)["status_code"] == 200
        world.deliver_until_quiet()
        messages: list[Any] = world.session(session_id).messages
    forget_environments()
    return messages


def format_request(provider: str, messages: list[Any]) -> dict[str, Any]:
    """Formats a request as the provider's model does before it sends one."""
    model = PROVIDERS[provider].make()
    given = [messages, [agent_definition.human_approval.TOOL_SPEC], "You write posts."]
    if isinstance(model, GeminiModel):
        request = model._format_request(*given, params=None)
    else:
        request = (getattr(model, "format_request", None) or model._format_request)(*given)
    written: dict[str, Any] = json.loads(json.dumps(request, default=str, ensure_ascii=False))
    return written


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("decision", DECISIONS)
def test_every_call_has_its_answer_and_the_decision_is_there(provider: str, decision: str) -> None:
    request = format_request(provider, copy.deepcopy(decided(decision)))
    calls, answers = PROVIDERS[provider].pairs(request)
    assert len(calls) == 2
    assert answers == calls
    _, form = DECISIONS[decision]
    said = form.get("content") or form["comment"]
    assert json.dumps(request, ensure_ascii=False).count(said) >= 2
