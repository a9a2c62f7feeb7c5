"""Values in forms: which a person can be asked for, how they are read, and held to a schema."""

from typing import Any

import jsonschema
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from longrunning.people import forms


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({}, 'must have one "type"'),
        (True, 'must have one "type"'),
        ({"type": "object"}, 'must have one "type"'),
        ({"type": ["string", "integer"]}, 'must have one "type"'),
        ({"type": "null"}, 'must have one "type"'),
        ({"type": "string", "format": "uuid"}, "has a format"),
        ({"type": "string", "pattern": "("}, "has a pattern that is none"),
        ({"type": "string", "const": "a"}, "has const, which nothing typed is held to"),
        ({"type": "number", "multipleOf": 0.01}, "has multipleOf"),
        ({"type": "boolean", "enum": [True]}, "has enum"),
        ({"type": "array"}, 'must have "items"'),
        ({"type": "array", "items": {"type": "object"}}, 'must have "items"'),
        ({"type": "array", "items": {"type": ["string", "null"]}}, 'must have "items"'),
        ({"type": "array", "items": {"type": "string", "not": {}}}, "has items, each of which has"),
    ],
    ids=repr,
)
def test_what_cannot_be_asked_for_is_said(schema: Any, why: str) -> None:
    assert why in str(forms.obstacle_of(schema))


SCHEMAS: list[dict[str, Any]] = [
    {"type": "string"},
    {"type": "string", "minLength": 2, "maxLength": 5},
    {"type": "string", "pattern": "^[a-z]+$"},
    {"type": "string", "enum": ["a", "b c", ""]},
    {"type": ["string", "null"], "maxLength": 3},
    {"type": "string", "format": "date"},
    {"type": "integer", "minimum": -2, "maximum": 9},
    {"type": "integer", "enum": [1, 5]},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 10.5},
    {"type": ["number", "null"]},
    {"type": "boolean"},
    {"type": ["null", "boolean"]},
    {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 1, "maxItems": 3},
    {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}, "uniqueItems": True},
]

VALUES = (
    st.none() | st.booleans() | st.integers(-5, 12) | st.floats(-5, 12)
    | st.text(alphabet="abc \n1-", max_size=6)
    | st.sampled_from(["2026-03-14", "2026-02-30", "20260314", "2026-W01-1", "2026-3-1"])
    | st.lists(st.integers(0, 4) | st.sampled_from(["a", "b", "c", True]), max_size=4)
)  # fmt: skip


@given(st.sampled_from(SCHEMAS), VALUES)
def test_it_takes_what_a_schema_library_takes_and_nothing_else(
    schema: dict[str, Any], value: Any
) -> None:
    assert forms.obstacle_of(schema) is None
    checker = jsonschema.FormatChecker(["date"])
    library = jsonschema.Draft202012Validator(schema, format_checker=checker)
    assert (forms.problem_of(value, schema) is None) == library.is_valid(value)


@given(st.sampled_from(SCHEMAS), VALUES)
@example({"type": "integer"}, 0.0)
@example({"type": "integer"}, 1e300)
def test_what_is_written_is_read_again(schema: dict[str, Any], value: Any) -> None:
    if forms.problem_of(value, schema) is not None:
        return
    lines = isinstance(value, list) and any(isinstance(v, str) and v != v.strip() for v in value)
    if lines or (value == "" and forms.may_be_empty(schema)):
        return  # An empty field is null where that may be; lines lose the spaces around them.
    assert forms.read(forms.written(value), schema) == value


@pytest.mark.parametrize("value", [" ", "\n", None])
def test_a_text_of_spaces_that_nobody_has_touched_is_no_edit(value: str | None) -> None:
    schema = {"type": ["string", "null"]}
    assert forms.read(forms.written(value), schema) == value


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("40", "integer", 40), (" -7 ", "integer", -7), ("40.5", "number", 40.5),
        ("1e3", "number", 1000.0), ("40", "number", 40), ("true", "boolean", True),
        ("false", "boolean", False), ("4.0", "integer", 4), ("-4e2", "integer", -400),
        ("1e16", "integer", 1e16),
    ],
)  # fmt: skip
def test_a_text_is_read_as_its_kind(text: str, kind: str, value: Any) -> None:
    read = forms.read(text, {"type": kind})
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("40,5", "number"), ("", "number"), ("1e999", "number"), ("nan", "number"),
        ("9" * 41, "integer"), ("4.5", "integer"), ("1e999", "integer"),
        ("0x1f", "integer"), ("1_000", "integer"),
        ("yes", "boolean"), ("", "boolean"), ("٤٠", "number"),
    ],
)  # fmt: skip
def test_what_is_no_value_of_its_kind_is_said(text: str, kind: str) -> None:
    with pytest.raises(forms.NotReadError, match="expected"):
        forms.read(text, {"type": kind})


def test_a_list_is_one_value_a_line() -> None:
    schema = {"type": "array", "items": {"type": "integer"}}
    assert forms.read(" 1\n\n2 \n", schema) == [1, 2]
    assert forms.read("", schema) == []


def test_an_empty_field_is_null_where_that_may_be() -> None:
    assert forms.read("", {"type": ["string", "null"]}) is None
    assert forms.read(" ", {"type": ["integer", "null"]}) is None
    assert forms.read("", {"type": "string"}) == ""


def test_a_page_is_told_what_a_value_is_held_to_and_its_title() -> None:
    schema = {
        "type": "array", "title": "Sizes", "description": "Long.", "default": [],
        "items": {"type": "string", "description": "Long.", "enum": ["s", "m"]},
    }  # fmt: skip
    assert forms.held(schema) == {
        "type": "array", "title": "Sizes", "items": {"type": "string", "enum": ["s", "m"]},
    }  # fmt: skip


def test_an_address_has_two_sides() -> None:
    schema = {"type": "string", "format": "email"}
    assert forms.problem_of("ann@example.com", schema) is None
    assert forms.problem_of("ann", schema) == "expected an e-mail address"
