"""Protected tools and their calls: what can be approved, and what a tool may be made of."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from gate_stage import (
    ASK,
    CONTENT,
    DEFAULTS,
    PUBLISH,
    NoForGoodError,
    Receiver,
    Stage,
    approval,
)
from longrunning.agent.calls import (
    MAX_ARGUMENTS_BYTES,
    ContentFieldError,
    ProtectedTool,
    call_of,
)
from longrunning.agent.inputs import InvalidCallError
from longrunning.messages import MAX_CONTENT_BYTES
from longrunning.waits.item import Call, Status
from sample_refund import Refunds, refund_tool


def the_call_of(tool_use: Mapping[str, Any]) -> Call | None:
    """What a tool use is about, where the stage's tools are the protected ones."""
    return call_of(tool_use, Stage().gate.tools)


def test_the_content_asked_for_is_not_overruled_by_its_arguments() -> None:
    call = the_call_of(
        {"name": ASK, "input": {"content": CONTENT, "arguments": {"content": "Another"}}}
    )
    assert call == Call(PUBLISH, CONTENT, DEFAULTS)


def test_two_tools_of_the_same_form_are_not_mistaken_for_each_other() -> None:
    publish = Stage().gate.tools[0]
    draft = replace(publish, spec={**publish.spec, "name": "save_draft"})
    call = draft.call({"content": CONTENT})
    assert approval(Status.APPROVED, action="save_draft").allows(call)
    assert not approval(Status.APPROVED, action=PUBLISH).allows(call)


def test_without_protected_tools_a_person_is_asked_all_the_same() -> None:
    asks = {"name": ASK, "input": {"content": "Shall I?", "arguments": {"why": "rain"}}}
    assert call_of(asks, ()) == Call(ASK, "Shall I?", {"why": "rain"})
    for content in (" ", "half a pair \ud83e", "x" * (MAX_CONTENT_BYTES + 1)):
        with pytest.raises(InvalidCallError):
            call_of({"name": ASK, "input": {"content": content}}, ())


def test_human_approval_asks_for_the_first_one() -> None:
    call = the_call_of({"name": ASK, "input": {"content": CONTENT}})
    assert call == Call(PUBLISH, CONTENT, DEFAULTS)


def test_an_edit_must_satisfy_the_schema_of_the_content() -> None:
    publish, archive = Stage().gate.tools
    assert publish.content_schema == {"type": "string", "minLength": 1, "maxLength": 262_144}
    assert archive.content_schema == {"type": "string", "maxLength": 200}


def refunding(reason: Any, content_field: str = "reason") -> ProtectedTool:
    """A tool whose content has a schema; `...` leaves it out."""
    properties = {"amount": {"type": "number", "maximum": 500}}
    properties |= {} if reason is ... else {"reason": reason}
    schema = {"type": "object", "properties": properties, "required": ["amount"]}
    spec = {"name": "send_refund", "description": "Pays.", "inputSchema": {"json": schema}}
    return ProtectedTool(spec, Receiver(), NoForGoodError, content_field)


@pytest.mark.parametrize(
    "reason",
    [
        {"type": "number"},
        {"type": "integer", "maximum": 500},
        {"type": "boolean"},
        {"type": "array", "items": {"type": "string"}},
        {"type": ["string", "null"]},
        {"type": ["string"]},
        {"minLength": 1},
        {"enum": ["late", "broken"]},
        {"$ref": "#/$defs/reason"},
        {},
        True,
        ...,
    ],
    ids=repr,
)
def test_a_content_that_is_no_plain_text_is_refused_when_the_tool_is_made(reason: Any) -> None:
    with pytest.raises(ContentFieldError, match=r'^send_refund: .*"reason".*"type": "string"'):
        refunding(reason)


@pytest.mark.parametrize(
    "keyword",
    [
        {"format": "email"}, {"const": "late"}, {"allOf": [{"minLength": 3}]}, {"not": {}},
        {"anyOf": [{"maxLength": 9}]}, {"oneOf": []}, {"if": {}}, {"contentEncoding": "base64"},
        {"maximum": 500}, {"multipleOf": 2}, {"minlength": 3}, {"$dynamicRef": "#x"},
        {"pattern": "("},
    ],
    ids=repr,
)  # fmt: skip
def test_what_an_edit_could_not_be_held_to_is_refused_when_the_tool_is_made(
    keyword: dict[str, Any],
) -> None:
    (name,) = keyword
    with pytest.raises(ContentFieldError, match=r'^send_refund: .*"reason"') as refused:
        refunding({"type": "string", **keyword})
    assert re.search(rf"\b{re.escape(name.strip('$'))}\b", str(refused.value))


def test_the_error_of_a_content_says_what_to_do() -> None:
    with pytest.raises(ValueError, match="content_field") as refused:
        refunding({"type": "string"}, "amount")
    assert str(refused.value) == (
        'send_refund: its content "amount" must be an argument of "type": "string", which a person '
        "reads and may edit; name another one as content_field, or None if it has no text"
    )


def test_a_content_may_have_all_that_an_edit_is_held_to_and_any_annotation() -> None:
    held = {"minLength": 1, "maxLength": 9, "pattern": "^l", "enum": ["late", "lost"]}
    notes = {
        "title": "Why", "description": "Why.", "default": "late", "examples": ["late"],
        "$comment": "x", "deprecated": False, "readOnly": False, "writeOnly": True,
    }  # fmt: skip
    tool = refunding({"type": "string", **held, **notes})
    assert tool.content_schema == {"type": "string", **held}


def test_a_call_without_its_content_tells_the_model_why() -> None:
    with pytest.raises(InvalidCallError, match="content: expected"):
        refunding({"type": "string"}).call({"amount": 5})


def test_other_arguments_have_a_limit_of_their_own() -> None:
    spec = {
        "name": "send",
        "description": "Sends.",
        "inputSchema": {
            "json": {
                "type": "object",
                "properties": {"content": {"type": "string"}, "to": {"type": "string"}},
            }
        },
    }
    send = ProtectedTool(spec, Receiver(), NoForGoodError)
    room = MAX_ARGUMENTS_BYTES - len('{"to": ""}')
    assert send.call({"content": "Hi", "to": "x" * room}).arguments == {"to": "x" * room}
    with pytest.raises(InvalidCallError, match="arguments: expected at most 16384 bytes"):
        send.call({"content": "Hi", "to": "x" * (room + 1)})


def test_null_for_an_argument_with_a_default_is_that_default() -> None:
    """Models of the strict kind send every argument."""
    given = {"content": "Hi", "author": None, "unicorn_color": None, "image_url": None}
    call = the_call_of({"name": PUBLISH, "input": given})
    assert call == Call(PUBLISH, "Hi", DEFAULTS)


@pytest.mark.parametrize("tool_input", [
    '{"content": "Hi", "arguments": {"unicorn_color": "blue"}}',
    {"content": "Hi", "arguments": '{"unicorn_color": "blue"}'},
])  # fmt: skip
def test_a_json_text_where_an_object_is_expected_is_that_object(tool_input: Any) -> None:
    call = the_call_of({"name": ASK, "input": tool_input})
    assert call == Call(PUBLISH, "Hi", {**DEFAULTS, "unicorn_color": "blue"})


def test_an_argument_that_takes_lists_and_objects_takes_their_json_text() -> None:
    properties = {
        "content": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "note": {"type": "string"},
        "limit": {"type": ["integer", "null"], "default": 3},
    }
    schema = {"type": "object", "properties": properties}
    spec = {"name": "send", "description": "Sends.", "inputSchema": {"json": schema}}
    send = ProtectedTool(spec, Receiver(), NoForGoodError)
    given = {"content": "[1]", "tags": '["a", "b"]', "note": "{}", "limit": None}
    assert send.call(given).content == "[1]"
    assert send.call(given).arguments == {"tags": ["a", "b"], "note": "{}", "limit": None}


def test_a_number_that_is_not_finite_cannot_be_approved() -> None:
    schema = {"properties": {"content": {"type": "string"}, "n": {"type": "number"}}}
    spec = {"name": "send", "inputSchema": {"json": {"type": "object", **schema}}}
    with pytest.raises(InvalidCallError, match="finite"):
        ProtectedTool(spec, Receiver(), NoForGoodError).call({"content": "x", "n": float("inf")})


def test_a_call_does_not_change_what_the_model_said() -> None:
    said = {"content": CONTENT}
    the_call_of({"name": PUBLISH, "input": said})
    assert said == {"content": CONTENT}


@pytest.mark.parametrize("content", ["x" * MAX_CONTENT_BYTES, "ü" * (MAX_CONTENT_BYTES // 2)])
def test_256_kb_in_any_script_can_be_called_with(content: str) -> None:
    call = the_call_of({"name": PUBLISH, "input": {"content": content}})
    assert call
    assert call.content == content


@pytest.mark.parametrize("done", ["", "failed", "finished", "not_done"])
def test_a_tools_word_for_what_it_has_done_is_no_other_outcome(done: str) -> None:
    with pytest.raises(ContentFieldError, match="is no word for what it has done"):
        replace(Stage().gate.tools[0], done=done)


def test_a_tool_brings_its_word_for_what_it_has_done() -> None:
    assert Stage().gate.tools[0].done == "done", "where it brings none"


def test_a_tool_without_a_text_is_one_of_its_arguments() -> None:
    tool = refund_tool(Refunds())
    call = tool.call({"order_id": "4711", "amount": 60, "reason": "late"})
    assert call == Call("send_refund", None, {
        "order_id": "4711", "amount": 60, "reason": "late", "notify": True, "pay_on": None,
    })  # fmt: skip
    assert list(call.arguments) == ["order_id", "amount", "reason", "notify", "pay_on"]
    assert tool.input_of(call) == call.arguments
    assert call.summary.startswith("order_id: 4711, amount: 60, reason: late, notify: true")


@pytest.mark.parametrize(
    ("editable", "why"),
    [
        (("iban",), '"iban" is none of its other arguments'),
        (("reason",), '"reason" is none of its other arguments'),
        (("extra",), '"extra" must have one "type"'),
        (("price",), '"price" has multipleOf, which nothing typed is held to'),
    ],
)
def test_an_argument_that_cannot_be_typed_is_not_editable(
    editable: tuple[str, ...], why: str
) -> None:
    properties = {
        "reason": {"type": "string"}, "extra": {"type": "object"},
        "price": {"type": "number", "multipleOf": 0.01},
    }  # fmt: skip
    spec = {"name": "send_refund", "inputSchema": {"json": {"properties": properties}}}
    with pytest.raises(ContentFieldError, match=f"^send_refund: editable: {re.escape(why)}"):
        ProtectedTool(spec, Receiver(), NoForGoodError, "reason", editable=editable)


def test_the_editable_arguments_have_limits() -> None:
    names = tuple(f"n{n}" for n in range(21))
    properties = {name: {"type": "integer"} for name in names}
    spec = {"name": "t", "inputSchema": {"json": {"properties": properties}}}
    with pytest.raises(ContentFieldError, match="at most 20 arguments"):
        ProtectedTool(spec, Receiver(), NoForGoodError, None, editable=names)
    properties["n0"] = {"type": "string", "enum": ["x" * 9_000]}
    with pytest.raises(ContentFieldError, match="at most 8192 bytes"):
        ProtectedTool(spec, Receiver(), NoForGoodError, None, editable=("n0",))
