"""Inputs from schemas: what is made fits, holds the text where a text belongs, and never varies."""

import datetime
import enum
import uuid
from decimal import Decimal
from typing import Any, Literal, Optional

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from longrunning.agent.scripted.patterns import matching
from longrunning.agent.scripted.values import NoValueError, make_input

TEXT = "Tell the customer that the unicorn comes on Monday."


def of(required: bool = True, **properties: Any) -> dict[str, Any]:
    """An object schema."""
    names = list(properties) if required else []
    return {"type": "object", "properties": properties, "required": names}


def made(schema: dict[str, Any], text: str = TEXT, note: str = "") -> dict[str, Any]:
    """An input that was checked once more, from outside."""
    found = make_input(schema, text, note)
    jsonschema.Draft202012Validator(schema).validate(found)
    assert found == make_input(schema, text, note)
    return found


def value(**schema: Any) -> Any:
    """The value that a required field of this schema gets; its name says nothing."""
    return made(of(field_id=schema))["field_id"]


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"const": "EUR"}, "EUR"),
        ({"const": None}, None),
        ({"type": "string", "enum": ["north", "south"]}, "north"),
        ({"enum": [None, "south"]}, "south"),
        ({"type": "integer", "default": 7}, 7),
        ({"type": "string", "examples": ["A-17"]}, "A-17"),
        ({"type": "boolean"}, False),
        ({"type": "null"}, None),
        ({"type": ["null", "integer"]}, 1),
        ({"type": "integer"}, 1),
        ({"type": "number"}, 1),
        ({"type": "integer", "minimum": 5}, 5),
        ({"type": "integer", "exclusiveMinimum": 5}, 6),
        ({"type": "integer", "maximum": -3}, -3),
        ({"type": "integer", "exclusiveMaximum": -3}, -4),
        ({"type": "integer", "multipleOf": 7, "minimum": 10}, 14),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, 0.5),
        ({"type": "number", "minimum": 0.3, "maximum": 0.3}, 0.3),
        ({"type": "number", "multipleOf": 0.01, "maximum": 0.5}, 0.5),
        ({"type": "integer", "multipleOf": 2.5}, 5),
        ({"minimum": 2}, 2),
        ({"type": "string", "format": "date"}, "2026-01-31"),
        ({"type": "string", "format": "date-time"}, "2026-01-31T09:00:00Z"),
        ({"type": "string", "format": "email"}, "person@example.com"),
        ({"type": "string", "format": "uri"}, "https://example.com/"),
        ({"type": "string", "minLength": 12}, "field_id-1 f"),
        ({"type": "string", "maxLength": 3}, "fie"),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [1, 2]),
        ({"type": "array", "items": {"type": "integer"}, "maxItems": 0}, []),
        ({"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 2, "uniqueItems": True},
         ["a", "b"]),
        ({"prefixItems": [{"type": "integer"}, {"type": "boolean"}]}, [1, False]),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, 1),
        ({"oneOf": [{"type": "string", "pattern": "^(?=a)b$"}, {"type": "integer"}]}, 1),
        ({"allOf": [{"type": "integer"}, {"minimum": 4}]}, 4),
        (of(inner={"type": "integer"}), {"inner": 1}),
    ],
    ids=str,
)  # fmt: skip
def test_a_value_is_the_plainest_that_fits(schema: dict[str, Any], expected: Any) -> None:
    assert value(**schema) == expected


@pytest.mark.parametrize(
    "pattern",
    [
        r"^ORD-\d{6}$",
        r"^[A-Z]{3}$",
        r"^[a-z0-9]+(?:-[a-z0-9]+)*$",
        r"^(\w+)@(\w+)\.(com|org)$",
        r"^\+?[1-9]\d{7,14}$",
        r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
        r"^[^/\s]+$",
        r"^(a|b)\1$",
        r"^\S+\s\S+$",
        r"^.{5,}$",
        r"^(?=.*\d)[A-Za-z\d]{8}$",
        r"^[а-я]{2}$",
        r"EUR",
        r"^(?P<year>\d{4})-(0[1-9]|1[0-2])$",
        r"^x*+y$",
    ],
)
def test_a_text_is_found_for_a_pattern(pattern: str) -> None:
    value(type="string", pattern=pattern)


def test_a_pattern_is_filled_up_to_the_shortest_text() -> None:
    assert matching(r"^\d+$", 12, 20) == "1" * 12
    assert matching(r"^\d{3}$", 12, 20) is None


class Kind(enum.StrEnum):
    LATE = "late"
    LOST = "lost"


class Item(BaseModel):
    sku: str = Field(pattern=r"^[A-Z]{3}-\d{4}$")
    count: int = Field(gt=0, le=9)


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = Field(ge=7)


class Dog(BaseModel):
    kind: Literal["dog"]


class Node(BaseModel):
    weight: int
    left: Optional["Node"] = None
    right: Optional["Node"] = None
    more: list["Node"] = []


class Refund(BaseModel):
    order_id: str
    amount: Decimal = Field(gt=0, lt=Decimal("0.5"), decimal_places=2)
    reason: str = Field(min_length=10, max_length=60)
    kind: Kind
    at: datetime.datetime
    items: list[Item] = Field(min_length=2)
    pet: Cat | Dog = Field(discriminator="kind")
    trace: uuid.UUID
    tags: set[str] = Field(min_length=3)
    pair: tuple[int, bool]
    tree: Node
    note: str | None = None
    limit: int | None = None


def test_a_model_of_pydantic_takes_what_is_made_of_its_schema() -> None:
    schema = Refund.model_json_schema()
    refund = Refund.model_validate(make_input(schema, TEXT))
    assert refund.reason == TEXT
    assert (refund.note, refund.limit) == (None, None)
    assert [item.count for item in refund.items] == [1, 2]


# --- the text ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("properties", "field"),
    [
        ({"ticket_id": {"type": "string"}, "text": {"type": "string"}}, "text"),
        ({"title": {"type": "string"}, "body": {"type": "string"}}, "body"),
        ({"stable": {"type": "string"}, "region": {"type": "string", "maxLength": 9}}, "stable"),
        ({"recipient": {"type": "string"}, "greeting": {"type": "string"}}, "greeting"),
        ({"reason": {"type": "string"}, "code": {"type": "string"}}, "reason"),
        ({"customerMessage": {"type": "string"}, "orderId": {"type": "string"}}, "customerMessage"),
        ({"note": {"anyOf": [{"type": "string"}, {"type": "null"}]}, "n": {"type": "integer"}},
         "note"),
    ],
    ids=str,
)  # fmt: skip
def test_the_text_goes_where_a_text_belongs(properties: dict[str, Any], field: str) -> None:
    found = made(of(**properties))
    assert [name for name, value in found.items() if value == TEXT] == [field]


def test_the_text_goes_into_a_nested_object_too() -> None:
    reply = of(subject_id={"type": "string"}, body={"type": "string"})
    assert made(of(reply=reply))["reply"]["body"] == TEXT


def test_a_text_with_a_default_is_used_where_there_is_no_other() -> None:
    text = {"type": "string", "default": "Hello"}
    assert made(of(required=False, text=text, ticket={"type": "integer"})) == {"text": TEXT}
    both = {**of(content={"type": "string"}), "required": ["content"]}
    both["properties"]["text"] = text
    assert made(both) == {"content": TEXT}


def test_the_text_is_cut_and_the_note_behind_it_is_not() -> None:
    schema = of(text={"type": "string", "maxLength": 20})
    assert made(schema, "x" * 100, " (no)")["text"] == "x" * 15 + " (no)"
    assert made(schema, "x", "y" * 100)["text"] == "y" * 20


def test_a_short_text_is_repeated() -> None:
    assert len(made(of(text={"type": "string", "minLength": 50}), "Hi")["text"]) == 50


def test_a_text_that_does_not_fit_is_left_out() -> None:
    note = {"anyOf": [{"type": "string", "maxLength": 5}, {"type": "null"}]}
    assert made(of(required=False, note=note)) == {}


def test_a_text_never_displaces_what_the_schema_fixes() -> None:
    schema = of(text={"type": "string", "enum": ["yes", "no"]})
    assert made(schema) == {"text": "yes"}


# --- what does not fit ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "minimum": 5, "maximum": 4},
        {"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 2},
        {"type": "string", "pattern": "^(?=a)b$"},
        {"type": "string", "pattern": "["},
        {"type": "string", "pattern": r"^\p{L}+$"},
        {"type": "string", "minLength": 5, "maxLength": 4},
        {"not": {"type": "string"}},
        {"$ref": "#/$defs/Gone"},
        {"$ref": "https://example.com/schema.json"},
        {"type": "array", "items": {"const": 1}, "minItems": 2, "uniqueItems": True},
        {"type": "stranger"},
        False,
    ],
    ids=str,
)
def test_what_no_value_is_known_for_is_said_with_its_place(schema: Any) -> None:
    with pytest.raises(NoValueError, match=r"^(\$\.thing|#|https)"):
        make_input(of(thing=schema), TEXT)


def test_a_schema_that_holds_itself_for_ever_has_no_value() -> None:
    node = of(inner={"$ref": "#/$defs/Node"})
    with pytest.raises(NoValueError):
        make_input({**of(node={"$ref": "#/$defs/Node"}), "$defs": {"Node": node}}, TEXT)


def test_optional_arguments_are_made_only_where_nothing_fits_without_them() -> None:
    schema = of(required=False, limit={"type": "integer"})
    assert made(schema) == {}
    assert made({**schema, "minProperties": 1}) == {"limit": 1}


@pytest.mark.parametrize("schema", [{}, {"type": "object"}, of()])
def test_a_tool_without_arguments_gets_none(schema: dict[str, Any]) -> None:
    assert made(schema) == {}


NUMBERS = st.integers(-1_000, 1_000) | st.decimals(-50, 50, places=2).map(float)


@given(
    st.sampled_from(["integer", "number"]),
    st.dictionaries(
        st.sampled_from(["minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"]), NUMBERS
    ),
    st.sampled_from([None, 1, 2, 5, 0.25, 0.1]),
)
def test_a_number_is_found_or_there_is_none(
    kind: str, limits: dict[str, Any], step: float | None
) -> None:
    schema = {"type": kind, **limits, **({"multipleOf": step} if step else {})}
    validator = jsonschema.Draft202012Validator(schema)
    try:
        found = make_input(of(n=schema))["n"]
    except NoValueError:
        if kind == "integer" and step in (None, 1):
            assert not any(validator.is_valid(n) for n in range(-1_001, 1_002))
        return
    assert validator.is_valid(found)
