"""What the HTTP functions share: what they read, what they refuse, how they answer."""

import base64
import json
from typing import Any

import pytest

from longrunning import http
from longrunning.http import MAX_COMMENT_CHARS, RefusedError, clean_comment


def event(body: str | bytes | None) -> dict[str, Any]:
    """A body of bytes comes as base64, one of text as it is."""
    if isinstance(body, bytes):
        return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    return {"body": body, "isBase64Encoded": False}


@pytest.mark.parametrize("body", ["ü", "ü".encode(), "", b"", None])
def test_a_body_is_text_however_it_comes(body: str | bytes | None) -> None:
    came = body.decode() if isinstance(body, bytes) else body or ""
    assert http.body_text(event(body)) == came


@pytest.mark.parametrize("body", [b"\xff", b"\xc3"])
def test_a_body_that_is_no_utf_8_is_400(body: bytes) -> None:
    with pytest.raises(RefusedError, match="UTF-8") as refused:
        http.body_text(event(body))
    assert refused.value.status == 400


def test_an_object_has_every_field_once_at_every_depth() -> None:
    assert http.json_object(event('{"a": {"b": 1}}')) == {"a": {"b": 1}}
    for body in ('{"ab": 1, "ab": 1}', '{"a": [{"ab": 1, "c": 3, "ab": 2}]}'):
        with pytest.raises(RefusedError, match=r"^ab: expected once$") as refused:
            http.json_object(event(body))
        assert "ab" not in refused.value.logged


def test_only_known_fields_are_taken_and_the_first_other_is_named() -> None:
    http.only_known({"b": 1, "a": 2}, ("a", "b"))
    with pytest.raises(RefusedError, match=r"^c: not known; expected only a, b$") as refused:
        http.only_known({"a": 1, "c": 2, "d": 3}, ("a", "b"))
    assert (refused.value.status, refused.value.logged) == (400, "a field that is not known")


def test_a_query_says_nothing_that_a_body_is_for() -> None:
    http.no_query({"rawQueryString": ""})
    http.no_query({"rawQueryString": "X-Amz-Signature=0&X-Amz-Date=1"}, *http.SIGNATURE_NAMES)
    for query in ("comment=no", "X-Amz-Signature=0&comment=no", "comment"):
        with pytest.raises(RefusedError, match=r"^comment: expected in the body") as refused:
            http.no_query({"rawQueryString": query}, *http.SIGNATURE_NAMES)
        assert (refused.value.status, refused.value.logged) == (400, "a field in the query")


@pytest.mark.parametrize("body", ["", "{", "[]", "null", "1", "[" * 100_000, '"a"', "1" * 5_000])
def test_anything_but_an_object_is_400(body: str) -> None:
    with pytest.raises(RefusedError, match="JSON") as refused:
        http.json_object(event(body))
    assert refused.value.status == 400


def test_a_field_is_a_text_or_not_there() -> None:
    assert http.text_field({"a": "b"}, "a") == "b"
    assert http.text_field({"a": None}, "a") is http.text_field({}, "a") is None
    with pytest.raises(RefusedError, match="a: expected a text, got list"):
        http.text_field({"a": ["hush-hush"]}, "a")


def test_an_answer_is_json_that_nobody_stores_or_takes_for_something_else() -> None:
    answer = http.json_answer(503, {"error": "ü"}, retry_after="5")
    assert (answer["statusCode"], json.loads(answer["body"])) == (503, {"error": "ü"})
    assert answer["headers"] == {
        "content-type": "application/json",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "retry-after": "5",
    }
    assert http.json_answer(200, '{"posts": []}')["body"] == '{"posts": []}'


def test_a_comment_is_trimmed_and_has_plain_newlines() -> None:
    assert clean_comment(" a\r\nb\r\n ") == "a\nb"


@pytest.mark.parametrize("comment", [None, "", " \r\n "])
def test_an_empty_comment_is_none(comment: str | None) -> None:
    assert clean_comment(comment) is None


def test_a_comment_has_a_limit_counted_as_browsers_count() -> None:
    assert clean_comment("ü\r\n" * (MAX_COMMENT_CHARS // 2 - 1) + "üü")
    with pytest.raises(RefusedError, match="4001") as refused:
        clean_comment("ü" * (MAX_COMMENT_CHARS + 1))
    assert refused.value.status == 400


@pytest.mark.parametrize("character", ["\0", "\x0b", "\x1b", "\ud800", "\udfff", "\ufffe"])
def test_a_comment_with_what_no_queue_takes_is_400(character: str) -> None:
    with pytest.raises(RefusedError, match=f"{ord(character):04X}") as refused:
        clean_comment(f"a{character}")
    assert refused.value.status == 400
