"""What the approval API reads out of a request, and what it refuses to read."""

import base64
import json
from collections.abc import Callable

import pytest

from approval_api_driver import FORM, HTML, form_event, http_event, json_event
from longrunning.http import Event, RefusedError, clean_comment
from review_request import Choice, parse_choice, parse_request


def choice(event: Event) -> Choice:
    return parse_choice(parse_request(event))


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def refusal(event: Event) -> RefusedError:
    with pytest.raises(RefusedError) as refused:
        choice(event)
    return refused.value


def test_a_form_decides() -> None:
    event = form_event("t", {"decision": "denied", "comment": "zu läng", "content": "a\r\nb"})
    assert choice(event) == Choice("denied", "zu läng", "a\r\nb")


def test_a_request_that_is_logged_shows_no_body() -> None:
    event = http_event("POST", "t", body="comment=secret", content_type=FORM)
    assert "secret" not in repr(parse_request(event))


def test_json_decides() -> None:
    event = json_event("t", {"decision": "approved", "comment": None, "content": "🦄"})
    assert choice(event) == Choice("approved", None, "🦄")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("decision=approved", FORM),
        (b"decision=approved", FORM),
        ('{"decision": "approved"}', "application/json"),
        (b'{"decision": "approved"}', "application/json; charset=utf-8"),
        ("decision=approved", "Application/X-WWW-Form-Urlencoded; charset=UTF-8"),
    ],
)
def test_a_body_may_be_text_or_base64(body: str | bytes, content_type: str) -> None:
    assert choice(http_event("POST", "t", body=body, content_type=content_type)).decision


def test_the_body_beats_the_query() -> None:
    event = json_event("t", {"decision": "denied"}, query="decision=approved")
    assert choice(event).decision == "denied"


@pytest.mark.parametrize("body", [None, "", b""])
def test_without_a_body_the_query_decides(body: str | bytes | None) -> None:
    event = http_event("POST", "t", query="decision=denied", body=body, content_type=FORM)
    assert choice(event) == Choice("denied")


def test_a_body_without_a_decision_takes_the_querys() -> None:
    assert choice(form_event("t", {"comment": "ok"}, query="decision=approved")) == Choice(
        "approved", "ok"
    )


@pytest.mark.parametrize(
    "event",
    [
        http_event("POST", "t"),
        http_event("POST", "t", query="decision="),
        http_event("POST", "t", query="decision=Approved"),
        http_event("POST", "t", query="decision=approved&decision=approved"),
        http_event("POST", "t", query="decision=approved&decision=denied"),
        http_event("POST", "t", query="decision=&decision=approved"),
        form_event("t", {"comment": "ok"}),
        form_event("t", {"decision": ""}, query="decision=approved"),
        form_event("t", {"decision": "approve"}),
        json_event("t", {"decision": None}, query="decision=approved"),
        json_event("t", {"decision": ["approved"]}),
        json_event("t", {"decision": True}),
        json_event("t", {}),
    ],
)
def test_no_decision_or_another_word_is_400(event: Event) -> None:
    assert refusal(event).status == 400
    assert "decision" in refusal(event).reason


@pytest.mark.parametrize(
    "body",
    ["{", "[]", '"approved"', "null", "1", "", " ", "{'decision': 'approved'}", "[" * 100_000,
     '{"decision": "approved", "decision": "denied"}', b"\xff{}",
     '{"decision": "approved", "n": ' + "1" * 5_000 + "}"],
)  # fmt: skip
def test_malformed_json_is_400(body: str | bytes) -> None:
    event = http_event("POST", "t", body=body, content_type="application/json")
    assert refusal(event).status == 400


@pytest.mark.parametrize(
    "body",
    ["decision=approved&decision=denied", "decision=approved&comment=%ff", b"decision=\xff",
     "&".join(map(str, range(100))) + "&decision=approved",
     "comment=a&comment=a&decision=approved"],
)  # fmt: skip
def test_a_malformed_form_is_400(body: str | bytes) -> None:
    assert refusal(http_event("POST", "t", body=body, content_type=FORM)).status == 400


UNKNOWN = ["amount", "argument", "Decision", "comment ", "content[]", "decision.x", "_charset_"]


@pytest.mark.parametrize("name", UNKNOWN)
@pytest.mark.parametrize("value", ["25", "", "approved"])
@pytest.mark.parametrize("query", ["", "decision=approved"])
def test_a_field_that_is_not_known_is_400_and_named(name: str, value: str, query: str) -> None:
    for refused in (
        refusal(form_event("t", {"decision": "approved", name: value}, query=query)),
        refusal(json_event("t", {"decision": "approved", name: value}, query=query)),
        refusal(json_event("t", {name: {"amount": value}}, query=query)),
        refusal(json_event("t", {"decision": "denied", name: None}, query=query)),
    ):
        assert refused.status == 400
        assert refused.reason.startswith(f"{name.strip()}: ")
        for known in ("decision", "comment", "content", "arguments"):
            assert known in refused.reason.partition(": ")[2]


@pytest.mark.parametrize(
    "query",
    ["amount=25", "comment=no", "content=Mine", "utm_source=mail", "fbclid", "Decision=denied",
     "X-Amz-Date=1"],
)  # fmt: skip
@pytest.mark.parametrize(
    "made",
    [
        lambda query: http_event("POST", "t", query=query),
        lambda query: form_event("t", {"decision": "approved"}, query=query),
        lambda query: json_event("t", {"decision": "approved"}, query=query),
    ],
    ids=["no body", "form", "JSON"],
)
def test_a_post_says_nothing_but_the_decision_in_its_query(
    query: str, made: Callable[[str], Event]
) -> None:
    for whole in (query, f"decision=approved&{query}", f"{query}&decision=approved"):
        refused = refusal(made(whole))
        assert refused.status == 400
        assert refused.reason.startswith(f"{query.partition('=')[0]}: ")
        assert "body" in refused.reason


def test_json_that_calls_itself_a_form_decides_nothing_by_the_links_own_answer() -> None:
    body = json.dumps({"decision": "denied", "comment": "hush-hush"})
    event = http_event("POST", "t", query="decision=approved", body=body, content_type=FORM)
    refused = refusal(event)
    assert refused.status == 400
    assert "application/json" in refused.reason
    assert "hush" not in refused.reason


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("", '""'),
        (" \n", '""'),
        ("am\u202eount", "am[U+202E]ount"),
        ("a\nb\r\tc", "a b[U+000D] c"),
        ("\ud83e", "[U+D83E]"),
        ("<b>", "<b>"),
        ("x" * 300_000, "x" * 60 + "…"),
        ("\u200b" * 300_000, "[U+200B]" * 60 + "…"),
    ],
)
def test_a_name_is_shown_short_on_one_line_and_with_what_is_invisible(
    name: str, shown: str
) -> None:
    reason = refusal(json_event("t", {"decision": "approved", name: 1})).reason
    assert reason.partition(": ")[0] == shown


def test_what_is_logged_of_an_unknown_field_is_not_even_its_name() -> None:
    for event in (
        json_event("t", {"decision": "approved", "hush-hush": 1}),
        http_event("POST", "t", body="hush-hush", content_type=FORM),
        http_event("POST", "t", query="hush-hush"),
        http_event("POST", "t", body="hush-hush=1&hush-hush=2", content_type=FORM),
    ):
        refused = refusal(event)
        assert "hush-hush" in refused.reason
        assert "hush" not in refused.logged
        assert refused.logged


def test_a_form_of_many_fields_is_not_read() -> None:
    body = "decision=approved&" + "&".join(f"a{n}=" for n in range(50))
    reason = refusal(http_event("POST", "t", body=body, content_type=FORM)).reason
    assert reason == "body: expected a form of at most 50 fields in UTF-8"


@pytest.mark.parametrize("body", ["decision=approved", "!" + encoded("decision=approved")])
def test_a_body_that_is_not_base64_though_it_says_so_is_400(body: str) -> None:
    event = http_event("POST", "t", body=body, content_type=FORM)
    assert refusal({**event, "isBase64Encoded": True}).status == 400


@pytest.mark.parametrize("content_type", ["", "text/plain", "multipart/form-data; boundary=x"])
def test_a_body_of_another_type_is_415(content_type: str) -> None:
    event = http_event("POST", "t", body="decision=approved", content_type=content_type)
    assert refusal(event).status == 415
    assert "application/json" in refusal(event).reason


@pytest.mark.parametrize("name", ["comment", "content"])
@pytest.mark.parametrize("value", [1, True, ["a"], {"a": 1}, 1.5])
def test_a_field_of_a_wrong_type_is_400(name: str, value: object) -> None:
    refused = refusal(json_event("t", {"decision": "approved", name: value}))
    assert refused.status == 400
    assert name in refused.reason


def test_half_a_surrogate_pair_in_json_is_read_and_then_refused() -> None:
    event = http_event("POST", "t", content_type="application/json",
                       body='{"decision": "denied", "comment": "\\ud800"}')  # fmt: skip
    with pytest.raises(RefusedError):
        clean_comment(choice(event).comment)


@pytest.mark.parametrize(
    ("accept", "wants_html"),
    [
        (HTML, True),
        ("TEXT/HTML", True),
        ("application/json, text/html;q=0.9", True),
        ("*/*", False),
        ("application/json", False),
        ("text/*", False),
        ("", False),
    ],
)
def test_html_is_for_whoever_asks_for_it(accept: str, wants_html: bool) -> None:
    assert parse_request(http_event("GET", "t", accept=accept)).wants_html is wants_html


def test_header_names_may_be_in_any_case() -> None:
    event = {**http_event("POST", "t", body="decision=approved"), "headers": {
        "Accept": "text/html", "Content-Type": FORM}}  # fmt: skip
    assert parse_request(event).wants_html
    assert choice(event).decision == "approved"


@pytest.mark.parametrize(
    ("query", "preselected"),
    [("decision=approved", "approved"), ("utm=1&decision=denied", "denied"), ("", None),
     ("decision=other", None), ("decision=approved&decision=denied", None)],
)  # fmt: skip
def test_the_link_preselects_a_decision(query: str, preselected: str | None) -> None:
    assert parse_request(http_event("GET", "t", query=query)).preselected == preselected


def test_the_least_that_an_event_can_hold_is_read() -> None:
    event = {"requestContext": {"http": {"method": "GET"}}, "body": None, "headers": None}
    assert parse_request(event).token == ""


def test_a_reason_never_repeats_what_was_sent() -> None:
    for event in (
        json_event("t", {"decision": "hush-hush"}),
        json_event("t", {"decision": "approved", "comment": ["hush-hush"]}),
        http_event("POST", "t", body='{"hush-hush', content_type="application/json"),
        http_event("POST", "t", body="hush-hush", content_type="application/json"),
    ):
        assert "hush-hush" not in json.dumps(refusal(event).reason)
