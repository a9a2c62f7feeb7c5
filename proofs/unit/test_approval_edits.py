"""When a submitted text is an edit, and which edits are taken."""

from typing import Any

import pytest

from approval_api_driver import pending
from core_samples import changed
from edits import MAX_TEXTS_BYTES, edit_of, obstacle
from longrunning.http import RefusedError
from longrunning.messages import MAX_CONTENT_BYTES
from longrunning.waits.item import Wait
from review_request import Choice


def edited(submitted: str, approval: Wait) -> str | None:
    """What comes of a text that a form sends."""
    return edit_of(Choice("approved", content=submitted), approval).content


def refused_status(submitted: str, **changes: Any) -> int:
    with pytest.raises(RefusedError) as refused:
        edited(submitted, pending(**changes))
    return refused.value.status


@pytest.mark.parametrize(
    ("content", "submitted"),
    [
        ("a\n\nb\n", "a\r\n\r\nb\r\n"),
        ("a\nb", "a\nb"),
        ("a\r\nb\rc", "a\r\nb\r\nc"),
        ("\n\na", "\r\n\r\na"),
        ("a\0b", "a\ufffdb"),
        ("", ""),
        ("a\x1bb", "a\x1bb"),
    ],
)
def test_an_untouched_text_is_no_edit(content: str, submitted: str) -> None:
    assert edited(submitted, pending(content=content)) is None


def test_an_argument_that_was_missing_and_comes_back_empty_takes_an_edit_back() -> None:
    """Somebody has filled it in before; a form has an empty field for what is missing."""
    approval = pending(arguments={}, editable={"note": {"type": "string", "minLength": 3}})
    edited = changed(approval, edited_arguments={"note": "Thank you"})
    assert edit_of(Choice("approved", arguments={"note": "Thanks"}), edited).arguments == {
        "note": "Thanks"
    }
    assert edit_of(Choice("approved", arguments={"note": ""}), edited).arguments == {}


def test_an_edit_has_plain_newlines() -> None:
    assert edited("c\r\nd\r", pending(content="a\r\nb")) == "c\nd\n"


def test_space_alone_can_be_an_edit() -> None:
    assert edited("a ", pending(content="a")) == "a "


@pytest.mark.parametrize("submitted", ["", " \n\u3000"])
def test_an_edit_says_something(submitted: str) -> None:
    assert refused_status(submitted, content_schema={"type": "string"}) == 422


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"minLength": 3}, "abc", "ab"),
        ({"maxLength": 3}, "äbc", "abcd"),
        ({"pattern": "^[a-z]+$"}, "abc", "abc1"),
        ({"enum": ["a", "b"]}, "b", "c"),
    ],
)
def test_an_edit_satisfies_the_tools_schema(schema: dict[str, Any], good: str, bad: str) -> None:
    assert edited(good, pending(content_schema=schema)) == good
    assert refused_status(bad, content_schema=schema) == 422


def test_content_and_edit_fit_one_item_together() -> None:
    content = "x" * 200_000
    room = MAX_TEXTS_BYTES - len(content)
    schema = {"type": "string"}
    fits = "ü" * (room // 2)
    assert edited(fits, pending(content=content, content_schema=schema)) == fits
    assert refused_status(fits + "y", content=content, content_schema=schema) == 413


def test_an_edit_has_the_room_that_its_turn_left_it() -> None:
    schema = {"type": "string"}
    room = {"content": "a", "content_schema": schema, "max_edit_bytes": 10}
    assert edited("ü" * 5, pending(**room)) == "ü" * 5
    assert refused_status("ü" * 5 + "y", **room) == 413
    for bytes_left, cannot in ((10, False), (0, True)):
        assert (obstacle(pending(**room | {"max_edit_bytes": bytes_left})) is not None) is cannot


@pytest.mark.parametrize(
    ("kind", "is_text"),
    [("string", True), (["string", "null"], True), (None, True), ("number", False), ([], False),
     (["integer", "null"], False)],
)  # fmt: skip
def test_only_a_text_can_be_edited(kind: Any, is_text: bool) -> None:
    schema = {} if kind is None else {"type": kind}
    assert (obstacle(pending(content_schema=schema)) is None) is is_text
    if is_text:
        assert edited("25", pending(content_schema=schema)) == "25"
    else:
        assert refused_status("25", content_schema=schema) == 422


def test_an_edit_is_no_longer_than_a_content_may_be() -> None:
    schema = {"type": "string"}
    longest = "ü" * (MAX_CONTENT_BYTES // 2)
    assert edited(longest, pending(content="a", content_schema=schema)) == longest
    assert refused_status(longest + "y", content="a", content_schema=schema) == 413


@pytest.mark.parametrize("character", ["\0", "\x0b", "\ud800", "\uffff"])
def test_an_edit_with_what_no_queue_takes_is_400(character: str) -> None:
    assert refused_status(f"a{character}") == 400
