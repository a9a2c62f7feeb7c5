"""What a conversation may come to hold, and what of it a model's API takes back."""

import copy
import datetime
import decimal
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import converse_stand_in
from longrunning.agent.sendable import NotJsonError, make_sendable, sendable_json, sendable_text

HALF = "cut \ud83e"


def use(tool_input: Any, tool_use_id: str = "use-1") -> dict[str, Any]:
    return {"toolUse": {"toolUseId": tool_use_id, "name": "look", "input": tool_input}}


def answer(*content: Any, tool_use_id: str = "use-1") -> dict[str, Any]:
    result = {"toolUseId": tool_use_id, "status": "success", "content": list(content)}
    return {"toolResult": result}


def made_sendable(role: str, *blocks: Any) -> list[dict[str, Any]]:
    message = {"role": role, "content": list(blocks)}
    make_sendable(message, {"use-1": "look"})
    content: list[dict[str, Any]] = message["content"]
    return content


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def test_what_is_sendable_stays_as_it_is() -> None:
    picture = {"image": {"format": "png", "source": {"bytes": b"\x89PNG"}}}
    blocks = [
        {"text": "Hi 🦄"},
        use({"a": [1, 2.5, None, True, {"b": "ü"}], "": "x"}),
        picture,
        {"reasoningContent": {"reasoningText": {"text": "So.", "signature": "c2ln"}}},
    ]
    assert made_sendable("assistant", *copy.deepcopy(blocks)) == blocks
    results = [answer({"text": "ok"}, {"json": {"n": 1}}, picture)]
    assert made_sendable("user", *copy.deepcopy(results)) == results


def test_what_providers_add_to_a_block_is_sendable_too() -> None:
    asked = use({})
    asked["toolUse"]["reasoningSignature"] = HALF
    thought = {"reasoningContent": {"reasoningText": {"text": HALF, "score": math.inf, HALF: 1}}}
    assert made_sendable("assistant", asked, thought) == [
        {"toolUse": {**use({})["toolUse"], "reasoningSignature": "cut \ufffd"}},
        {
            "reasoningContent": {
                "reasoningText": {"text": "cut \ufffd", "score": None, "cut \ufffd": 1}
            }
        },
    ]


def test_a_tool_use_stays_the_object_that_runs() -> None:
    block = use({"x": math.nan})
    (made,) = made_sendable("assistant", block)
    assert made is block
    assert block["toolUse"]["input"] == {"x": None}


@pytest.mark.parametrize(
    ("block", "becomes"),
    [
        ({"text": HALF}, {"text": "cut \ufffd"}),
        (use({HALF: [HALF]}), use({"cut \ufffd": ["cut \ufffd"]})),
        (use({"n": math.inf, "m": 10**5_000}), use({"n": None, "m": None})),
        (use('{"a": 1}'), use({"a": 1})),
        (use("no JSON"), use({})),
        (use(None), use({})),
        (use([1]), use({})),
        (answer({"text": HALF}), answer({"text": "cut \ufffd"})),
        (answer({"text": " \n"}), answer({"text": "(empty)"})),
        (answer({"text": " "}, {"text": "ok"}), answer({"text": "ok"})),
        (answer(), answer({"text": "(empty)"})),
        (answer({"json": {"n": -math.inf}}), answer({"json": {"n": None}})),
        (answer({"json": [1]}), answer({"json": {"value": [1]}})),
        (answer({"text": 7}), answer({"text": "7"})),
    ],
)
def test_what_is_not_is_made_so(block: dict[str, Any], becomes: dict[str, Any]) -> None:
    role = "user" if "toolResult" in block else "assistant"
    assert made_sendable(role, block) == [becomes]


def test_a_blank_text_beside_something_else_goes_and_alone_it_is_a_word() -> None:
    assert made_sendable("assistant", {"text": "\n"}, use({})) == [use({})]
    assert made_sendable("assistant", {"text": "\n"}) == [{"text": "(empty)"}]
    assert made_sendable("assistant") == [{"text": "(empty)"}]


@pytest.mark.parametrize(
    "odd",
    [decimal.Decimal("9.50"), datetime.date(2026, 3, 14), {1, 2}, b"bytes", object()],
    ids=lambda odd: type(odd).__name__,
)
def test_a_result_that_is_no_json_is_an_error_that_names_tool_and_field(odd: Any) -> None:
    (block,) = made_sendable("user", answer({"text": "ok"}, {"json": {"rows": [{"price": odd}]}}))
    result = block["toolResult"]
    assert (result["toolUseId"], result["status"]) == ("use-1", "error")
    (said,) = result["content"]
    where = f"content[1].json.rows[0].price: expected JSON, got {type(odd).__name__}"
    assert said["text"].startswith(f"look answered what cannot be sent: {where}")


def test_names_that_are_no_texts_are_named() -> None:
    (block,) = made_sendable("user", answer({"json": {1: "x"}}))
    assert "expected texts as names, got int" in block["toolResult"]["content"][0]["text"]


def test_what_is_nested_too_deep_ends_in_words() -> None:
    made = sendable_json(nested(5_000))
    assert "nested too deep" in json.dumps(made)
    assert sendable_json(nested(100)) == nested(100)


def test_nothing_of_a_value_is_repeated_in_an_error() -> None:
    with pytest.raises(NotJsonError, match=r"^\$\.a: expected JSON, got Decimal$"):
        sendable_json({"a": decimal.Decimal("12.34")})


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(alphabet=st.characters(), max_size=20)
    | st.text(alphabet=st.sampled_from("a \n\ud800\udfff\x00🦄"), max_size=5)
    | st.just(10**4_200)
)
ODD = st.binary(max_size=5) | st.decimals() | st.dates() | st.sets(st.integers(), max_size=2)
TEXTS = st.text(alphabet=st.sampled_from("ab \n\ud83e\t🦄"), max_size=6)


def json_like(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
        max_leaves=12,
    )


@given(said=TEXTS, tool_input=json_like(LEAVES), results=st.lists(
    st.fixed_dictionaries({"text": TEXTS | LEAVES})
    | st.fixed_dictionaries({"json": json_like(LEAVES | ODD)}), max_size=3))  # fmt: skip
def test_whatever_a_model_or_a_tool_says_the_next_request_is_accepted(
    said: str, tool_input: Any, results: list[Any]
) -> None:
    messages = [
        {"role": "user", "content": [{"text": "Look."}]},
        {"role": "assistant", "content": [{"text": said}, use(tool_input)]},
        {"role": "user", "content": [answer(*results)]},
    ]
    for message in messages:
        make_sendable(message, {"use-1": "look"})
    schema = {"json": {"type": "object", "properties": {}}}
    tools = [{"toolSpec": {"name": "look", "description": "Looks.", "inputSchema": schema}}]
    request = {"modelId": "m", "messages": messages, "toolConfig": {"tools": tools}}
    converse_stand_in.check_request("Converse", request)
    again = copy.deepcopy(messages)
    for message in again:
        make_sendable(message, {"use-1": "look"})
    assert again == messages, "once is enough"


@given(TEXTS)
def test_a_text_without_half_a_pair_is_untouched(text: str) -> None:
    made = sendable_text(text)
    made.encode()
    assert made == text or "\ud83e" in text
