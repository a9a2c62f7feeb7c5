"""Exact round trips: what a model said comes back as it was, whatever it was."""

import json
import math
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longrunning import codec

texts = st.text(st.characters(codec=None), max_size=20)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.binary(max_size=30)
    | texts
)
keys = texts | st.sampled_from(["$float", "$int", "$bytes", "$json", "$$x", "$"])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=20,
)


def same(left: object, right: object) -> bool:
    """Equal in value and in type: 1, 1.0 and True are three things."""
    if type(left) is not type(right):
        return False
    match left:
        case dict():
            return left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
        case list():
            return len(left) == len(right) and all(map(same, left, right))
        case float():
            return left == right and math.copysign(1, left) == math.copysign(1, right)
    return left == right


@given(values)
def test_any_value_comes_back_exactly_from_dynamodb(value):
    assert same(codec.from_attribute(codec.to_attribute(value)), value)


@given(values)
def test_any_value_comes_back_exactly_from_json(value):
    assert same(codec.from_json(codec.to_json(value)), value)


@pytest.mark.parametrize("levels", [10, 24, 31, 33, 80])
def test_deep_nesting_stays_within_what_dynamodb_takes(levels):
    value = {"leaf": b"x"}
    for _ in range(levels):
        value = {"k": [value]}
    attribute = codec.to_attribute(value)
    assert depth_of(attribute) <= 31
    assert same(codec.from_attribute(attribute), value)


def depth_of(attribute):
    ((kind, inner),) = attribute.items()
    children = {"M": lambda: inner.values(), "L": lambda: inner}.get(kind, lambda: ())()
    return 1 + max(map(depth_of, children), default=0) if kind in "ML" else 0


def test_numbers_keep_their_type():
    number = 10**40
    message = {"int": 3, "float": 3.0, "tiny": 5e-324, "huge": number, "true": True}
    assert same(codec.from_attribute(codec.to_attribute(message)), message)


def test_half_a_surrogate_pair_is_kept():
    attribute = codec.to_attribute("\ud800")
    json.dumps(attribute, ensure_ascii=False).encode()
    assert codec.from_attribute(attribute) == "\ud800"


def test_equal_values_have_equal_bytes():
    assert codec.to_json({"a": [1, b"x"]}) == codec.to_json({"a": [1, b"x"]})


@given(values)
def test_the_fast_way_and_the_thorough_one_make_the_same_bytes(value):
    fast = codec.to_json(value)
    with patch.object(codec, "_TAG", ""):  # It stands in every text.
        assert codec.to_json(value) == fast


@given(values)
def test_the_unchecked_way_makes_the_same_bytes_or_none(value):
    assert codec.to_unchecked_json(value) in (codec.to_json(value), b"")


@pytest.mark.parametrize("value", [b"x", {"$bytes": "eA=="}, ['"$'], {1, 2}])
def test_the_unchecked_way_leaves_to_the_other_what_may_need_a_tag(value):
    assert codec.to_unchecked_json([value]) == b""


def test_the_unchecked_way_does_what_needs_no_tag():
    message = {"role": "user", "content": [{"text": "ü"}, {"n": [1, 2.5, None]}]}
    assert codec.to_unchecked_json(message) == codec.to_json(message)


@pytest.mark.parametrize("value", [{1, 2}, object(), {1: "x"}])
def test_what_cannot_be_stored_is_an_error(value):
    with pytest.raises(TypeError, match="cannot store a"):
        codec.to_attribute(value)
    with pytest.raises(TypeError, match="cannot store a"):
        codec.to_json(value)


def test_what_contains_itself_is_an_error_and_no_end_of_the_process():
    value: list[object] = []
    value.append(value)
    with pytest.raises(RecursionError):
        codec.to_json(value)
    assert codec.to_unchecked_json(value) == b""
