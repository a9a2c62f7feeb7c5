"""Malformed input: whatever comes over HTTP or the queue, nothing breaks and nothing changes.

Requests are generated from the API's own document, right and wrong ones, and beside them bodies
that no document describes. Queue messages are valid ones, broken. Every answer is held against the
document; everything stored is compared after every single one. Only a decision that somebody was
entitled to may change anything, and only that.
"""

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from itertools import product
from typing import Any
from urllib.parse import quote_plus

import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

import agent_definition
import aws_template
import prove_figures
from furnished import ANSWERED, DECIDED, JOB, MOVED, Furnished, furnish
from gateway import SIGNATURE, Gateway, routes
from longrunning.messages import (
    MAX_CONTENT_BYTES,
    build_cancel,
    build_existing,
    build_look,
    build_new,
    tool_result,
)
from odd_documents import broken, each_place_changed, is_unicode
from world import World, forget_environments

OF_EACH_KIND = prove_figures.size(short=30, long=220)
"""Requests of each operation, well-formed and not."""

BODIES = prove_figures.size(short=150, long=1_500)
MESSAGES = prove_figures.size(short=300, long=3_500)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
DOCUMENT = json.loads((aws_template.ROOT / "docs/openapi.json").read_text())
OPERATIONS = {
    found.ok().label: found.ok()
    for found in schemathesis.openapi.from_dict(DOCUMENT).get_all_operations()
}
ACCEPTS = ("application/json", "text/html", "*/*")
MAX_MESSAGE_BYTES = 1_048_576
WRITER = agent_definition.AGENT_NAME
PLACES_CHANGED = 6
"""So many of the valid messages are changed at each place: one of each form."""

CALLBACK = "POST /callbacks/{token}"
OPERATORS_POSTS = [f"POST /operator/{name}" for name in ("decide", "cancel", "extend", "resend")]

Case = schemathesis.Case


@pytest.fixture(scope="module")
def figures() -> Iterator[Counter[str]]:
    """Adds up what the tests of this file did."""
    counted: Counter[str] = Counter()
    yield counted
    prove_figures.record("malformed input", **counted)


@pytest.fixture
def furnished() -> Iterator[Furnished]:
    with pytest.MonkeyPatch.context() as patch:
        yield furnish(patch)
    forget_environments()


def generating(examples: int) -> settings:
    """The same examples each time in the short form, others each time in the long one."""
    return settings(
        max_examples=examples,
        derandomize=not prove_figures.is_long(),
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def test_the_document_is_valid() -> None:
    schemathesis.openapi.from_dict(DOCUMENT).validate()


# --- requests ------------------------------------------------------------------------------------


def requests_of(label: str, furnished: Furnished, mode: GenerationMode) -> st.SearchStrategy[Case]:
    """Requests of one operation; those for an approval or a session mostly name a real one."""
    operation = OPERATIONS[label]
    if "{token}" in label:
        tokens = [furnished.token(name) for name in furnished.approvals]
        tokens.append(tokens[0][:-1] + ("A" if tokens[0][-1] != "A" else "B"))
        fixed: list[dict[str, Any]] = [{"path_parameters": {"token": token}} for token in tokens]
    elif "history" in label:
        sessions = [approval.session_id for approval in furnished.approvals.values()]
        fixed = [{"query": {"session_id": session_id}} for session_id in sessions]
    elif label == "GET /operator/approval":
        ids = [(a.session_id, a.tool_use_id) for a in furnished.approvals.values()]
        fixed = [{"query": {"session_id": one, "tool_use_id": other}} for one, other in ids]
    else:
        fixed = []
    made = [operation.as_strategy(generation_mode=mode, **more) for more in [*fixed, {}]]
    return st.one_of(made).map(lambda case: aimed(case, furnished))


def aimed(case: Case, furnished: Furnished) -> Case:
    """Has what an operator sends name an approval, whichever its length picks."""
    if case.operation.label in OPERATORS_POSTS and isinstance(case.body, dict):
        ids = [(a.session_id, a.tool_use_id) for a in furnished.approvals.values()]
        session_id, tool_use_id = ids[len(str(case.body)) % len(ids)]
        if {"session_id", "tool_use_id"} <= case.body.keys():
            case.body |= {"session_id": session_id, "tool_use_id": tool_use_id}
    return case


def check(case: Case, gateway: Gateway, furnished: Furnished, **more: Any) -> int:
    """Sends a request; returns the status, once answer and changes are as they may be."""
    before = gateway.reached
    response = case.call(app=gateway, **more)
    if gateway.reached > before or response.status_code != 404:  # Not for want of such a route.
        case.validate_response(response, checks=CHECKS)
    changes = furnished.changes()
    if changes:
        assert response.status_code in (200, 201)
        assert case.method == "POST"
        MAY_CHANGE[case.operation.label](changes)
        furnished.put_back()
    return response.status_code


def only_a_decision(changes: dict[str, Any]) -> None:
    """Of a decision or a cancellation: one message, and its own attributes of one approval."""
    only_one_record(changes, DECIDED)


def only_an_answer(changes: dict[str, Any]) -> None:
    """Of a system: one message, and its own attributes of one wait that is no approval."""
    records = [stands for place, (_, stands) in changes.items() if place != "queued"]
    assert not any("action" in record for record in records)
    only_one_record(changes, ANSWERED)


def only_one_record(changes: dict[str, Any], attributes: Collection[str]) -> None:
    before, after = changes.pop("queued")
    assert after == before + 1
    for place, (was, stands) in changes.items():
        assert place.startswith("APPROVALS_TABLE_NAME/")
        assert was["status"] == {"S": "PENDING"}
        touched = {name for name in was.keys() | stands.keys() if was.get(name) != stands.get(name)}
        assert touched <= set(attributes)
    assert len(changes) <= 1, "decided before: the message goes out again, the record stays"


def only_a_signed_decision(changes: dict[str, Any]) -> None:
    """Of a person who signs: the same, of what that person was asked by name."""
    records = [stands for place, (_, stands) in changes.items() if place != "queued"]
    assert all(record["approvers"] == {"S": '["ann"]'} for record in records)
    assert all(record["via"] == {"S": "iam"} for record in records)
    only_one_record(changes, (*DECIDED, "via"))


def only_more_time(changes: dict[str, Any]) -> None:
    """Of a later end, or an e-mail again: no message, and its own attributes of one approval."""
    ((place, (was, stands)),) = changes.items()
    assert place.startswith("APPROVALS_TABLE_NAME/")
    assert was["status"] == {"S": "PENDING"}
    assert "action" in was
    touched = {name for name in was.keys() | stands.keys() if was.get(name) != stands.get(name)}
    assert touched <= set(MOVED)


def only_a_post(changes: dict[str, Any]) -> None:
    ((place, (before, _)),) = changes.items()
    assert place.startswith("POSTS_TABLE_NAME/")
    assert before is None


MAY_CHANGE: dict[str, Callable[[dict[str, Any]], None]] = {
    "POST /approvals/{token}": only_a_decision,
    "POST /callbacks/{token}": only_an_answer,
    "POST /operator/decide": only_a_signed_decision,
    "POST /operator/cancel": only_a_decision,
    "POST /operator/extend": only_more_time,
    "POST /operator/resend": only_more_time,
    "POST /posts": only_a_post,
}


def test_no_generated_request_breaks_anything_or_changes_what_it_may_not(
    furnished: Furnished, figures: Counter[str]
) -> None:
    statuses: Counter[int] = Counter()
    gateway = Gateway()
    for label, mode in product(OPERATIONS, GenerationMode):

        @generating(OF_EACH_KIND)
        @given(case=requests_of(label, furnished, mode), accept=st.sampled_from(ACCEPTS))
        def send(case: Case, accept: str) -> None:
            headers = {**SIGNATURE, "Accept": accept}
            statuses[check(case, gateway, furnished, headers=headers)] += 1

        send()
    assert {200, 201, 204, 400, 404, 409, 410} <= statuses.keys(), "not much of it was reached"
    figures["requests"] += sum(statuses.values())


@pytest.mark.parametrize("forgets", [False, True], ids=["as it is", "without authorizers"])
def test_nothing_that_wants_a_signature_is_done_without_one(
    furnished: Furnished, figures: Counter[str], forgets: bool
) -> None:
    gateway = Gateway(forgets_authorizers=forgets)
    signed = [name for name, route in routes().items() if route.needs_signature]
    count = 0
    for label in signed:

        @generating(max(10, OF_EACH_KIND // 2))
        @given(case=requests_of(label, furnished, GenerationMode.POSITIVE))
        def send(case: Case) -> None:
            nonlocal count
            case.headers.pop("Authorization", None)
            assert check(case, gateway, furnished) == 403
            count += 1

        send()
    assert (gateway.reached > 0) is forgets
    figures["requests"] += count


# --- bodies that no document describes -----------------------------------------------------------


def documents_of(furnished: Furnished) -> dict[str, Any]:
    """A valid body for each POST."""
    waiting = furnished.approvals["waiting"]
    ids = {"session_id": waiting.session_id, "tool_use_id": waiting.tool_use_id}
    of_ann = furnished.approvals["named"]
    named = {"session_id": of_ann.session_id, "tool_use_id": of_ann.tool_use_id}
    return {
        "POST /approvals/{token}": {"decision": "approved", "comment": "ok", "content": "Mine"},
        "POST /callbacks/{token}": {"status": "success", "result": {"build": [17, None, "a"]}},
        "POST /operator/decide": {**named, "decision": "approved", "comment": "ok"},
        "POST /operator/cancel": {**ids, "comment": "Wrong price."},
        "POST /operator/extend": {**ids, "hours": 24, "decide_by": waiting.decide_by},
        "POST /operator/resend": ids,
        "POST /posts": {"content": "Hello", "author": "Ann", "unicorn_color": "pink"},
    }


def bodies(furnished: Furnished) -> st.SearchStrategy[bytes]:
    """Bodies for any POST: broken documents and forms, and bytes."""
    names = st.sampled_from(["decision", "comment", "content", "x", ""])
    values = st.text(max_size=20) | st.sampled_from(["approved", "denied", "@300 KB"])
    fields = st.lists(st.tuples(names, values), max_size=60)
    forms = fields.map(
        lambda pairs: "&".join(f"{name}={form_value(value)}" for name, value in pairs)
    )
    raw_forms = st.sampled_from(
        ["decision=%ff", "decision=approved&decision=denied", "decision", "&&&", "=", "%", "a[]=1",
         "decision=approved%00", "decision=approved;comment=x", "a=1&" * 200]
    )  # fmt: skip
    texts = broken([*documents_of(furnished).values()]) | forms | raw_forms
    return st.binary(max_size=300) | texts.map(lambda text: text.encode(errors="replace"))


def form_value(text: str) -> str:
    return "x" * 300_000 if text == "@300 KB" else quote_plus(text, errors="replace")


TYPES = (
    "application/json", "application/json; charset=utf-16", "application/x-www-form-urlencoded",
    "text/plain", "multipart/form-data; boundary=x", "application/xml", "APPLICATION/JSON", ";",
    ",", "application/json, text/html",
)  # fmt: skip


def send_body(
    furnished: Furnished, gateway: Gateway, label: str, body: bytes, content_type: str, accept: str
) -> int:
    name = "job" if label == "POST /callbacks/{token}" else "waiting"
    parameters = {"token": furnished.token(name)} if "{token}" in label else {}
    case = OPERATIONS[label].Case(path_parameters=parameters, headers={"Idempotency-Key": "k"})
    headers = {**SIGNATURE, "Content-Type": content_type, "Accept": accept}
    return check(case, gateway, furnished, data=body, headers=headers)


def test_no_odd_value_anywhere_in_a_body_breaks_or_changes_anything(
    furnished: Furnished, figures: Counter[str]
) -> None:
    statuses: Counter[int] = Counter()
    gateway = Gateway()
    for label, document in documents_of(furnished).items():
        for text in each_place_changed(document):
            body = text.encode()
            status = send_body(furnished, gateway, label, body, "application/json", "text/html")
            statuses[status] += 1
    assert {200, 201, 400, 404, 422} <= statuses.keys()
    figures["requests"] += sum(statuses.values())


def test_no_body_breaks_anything_or_changes_what_it_may_not(
    furnished: Furnished, figures: Counter[str]
) -> None:
    statuses: Counter[int] = Counter()
    gateway = Gateway()
    labels, types, accepts = map(st.sampled_from, (list(MAY_CHANGE), TYPES, ACCEPTS))

    @generating(BODIES)
    @given(labels, bodies(furnished), types, accepts)
    def send(label: str, body: bytes, content_type: str, accept: str) -> None:
        statuses[send_body(furnished, gateway, label, body, content_type, accept)] += 1

    send()
    assert {400, 415} <= statuses.keys()
    figures["requests"] += sum(statuses.values())


def test_an_answer_that_is_too_large_is_refused_as_the_document_says(furnished: Furnished) -> None:
    body = json.dumps({"status": "success", "result": "x" * 70_000})
    case = OPERATIONS[CALLBACK].Case(path_parameters={"token": furnished.token("job")})
    headers = {"Content-Type": "application/json"}
    response = case.call(app=Gateway(), data=body.encode(), headers=headers)
    assert response.status_code == 413
    case.validate_response(response, checks=CHECKS)


# --- queue messages ------------------------------------------------------------------------------

TOOL_RESULT = {
    "type": "object",
    "required": ["toolUseId", "status", "content"],
    "properties": {
        "toolUseId": {"type": "string", "pattern": r"\A[A-Za-z0-9_-]{1,64}\Z"},
        "status": {"enum": ["success", "error"]},
        "content": {
            "type": "array",
            "minItems": 1,
            "items": {
                "anyOf": [
                    {
                        "required": ["text"],
                        "properties": {"text": {"type": "string", "pattern": r"\S"}},
                    },
                    {"required": ["json"], "properties": {"json": {"type": "object"}}},
                ],
                "type": "object",
            },
        },
    },
}
SESSION_ID = {"type": "string", "pattern": r"\A[A-Za-z0-9._:-]{1,128}\Z"}
TOOL_NAME = {"type": "string", "pattern": r"\A[A-Za-z0-9_-]{1,64}\Z"}
AGENT_NAME = {
    "anyOf": [{"type": "string", "pattern": r"\A[A-Za-z0-9._-]{1,64}\Z"}, {"type": "null"}]
}
PARENT = {
    "anyOf": [
        {"type": "null"},
        {
            "type": "object",
            "required": ["session_id", "tool_use_id", "tool_name", "decide_by", "depth"],
            "properties": {
                "session_id": SESSION_ID,
                "tool_use_id": {"type": "string", "pattern": r"\A[A-Za-z0-9_-]{1,64}\Z"},
                "tool_name": TOOL_NAME,
                "decide_by": {"type": "integer", "exclusiveMinimum": 0},
                "depth": {"type": "integer", "exclusiveMinimum": 0},
            },
        },
    ]
}
WELL_FORMED = jsonschema.Draft202012Validator(
    {
        "type": "object",
        "required": ["type"],
        "oneOf": [
            {
                "required": ["toolName", "about"],
                "properties": {
                    "type": {"const": "look"},
                    "toolName": TOOL_NAME,
                    "about": {"type": "string", "minLength": 1, "maxLength": 2_048},
                },
            },
            {
                "required": ["session_id"],
                "properties": {"type": {"const": "cancel"}, "session_id": SESSION_ID},
            },
            {
                "required": ["body"],
                "properties": {
                    "type": {"const": "new"},
                    "session_id": {"anyOf": [SESSION_ID, {"type": "null"}]},
                    "agent_name": AGENT_NAME,
                    "parent": PARENT,
                    "body": {
                        "type": "object",
                        "required": ["task"],
                        "properties": {"task": {"type": "string", "pattern": r"\S"}},
                    },
                },
            },
            {
                "required": ["session_id", "toolName", "body"],
                "properties": {
                    "type": {"const": "existing"},
                    "session_id": SESSION_ID,
                    "agent_name": AGENT_NAME,
                    "toolName": TOOL_NAME,
                    "body": {
                        "type": "array",
                        "minItems": 1,
                        "items": {
                            "required": ["toolResult"],
                            "properties": {"toolResult": TOOL_RESULT},
                        },
                    },
                },
            },
        ],
    }
)
"""The four messages as the documents show them, said once more and not by the parser."""


def is_well_formed(body: str) -> bool:
    try:
        return WELL_FORMED.is_valid(json.loads(body))
    except (ValueError, RecursionError):
        return False


def as_sqs_takes_it(body: str) -> bool:
    """Whether SQS would take a message at all. Source: SQS, "SendMessage"."""
    odd = any((c < " " and c not in "\t\n\r") or c in "\ufffe\uffff" for c in body)
    return bool(body) and not odd and is_unicode(body) and len(body.encode()) <= MAX_MESSAGE_BYTES


def messages(furnished: Furnished) -> list[str]:
    """Valid messages: tasks, hints, and results for a session that waits for a decision."""
    [waiting] = furnished.world.approvals(furnished.session_id)
    result = tool_result(waiting.tool_use_id, "success", '{"decision": "approved"}')
    unknown = tool_result("tooluse_unknown", "success", "yes")
    job_result = tool_result(furnished.looking.tool_use_id, "success", "17.mp4")
    return [
        build_existing(furnished.session_id, "human_approval", [result]),
        build_new("Announce the summer sale", furnished.session_id),
        build_new("Announce the summer sale", "a-new-child", WRITER, furnished.parent),
        build_look("encode", JOB),
        build_cancel(furnished.child),
        build_new("Announce the summer sale"),
        build_existing(furnished.looking.session_id, "encode", [job_result]),
        build_existing(furnished.session_id, "render_video", [result]),
        build_existing(furnished.session_id, "human_approval", [unknown, result]),
        build_existing("no-such-session", "human_approval", [result]),
    ]


def take(furnished: Furnished, body: str, original_id: str | None) -> tuple[bool, list[Any]]:
    """Hands a message to the agent function; whether it is done with, and what was rejected."""
    world: World = furnished.world
    dead_letters = world.pocket.sqs.queues[world.env["DEAD_LETTER_QUEUE_URL"]]
    dead_letters.messages = []
    attribute = {"stringValue": original_id, "dataType": "String"}
    record = {
        "messageId": "6f1d7a52-3c0e-4c57-9d0b-2a9f4be1c0de",
        "receiptHandle": "not on the queue",
        "body": body,
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {"original_message_id": attribute} if original_id else {},
    }
    is_done = world.handle(record)
    return is_done, [(letter.body, letter.attributes) for letter in dead_letters.messages]


def end_of(furnished: Furnished, body: str, original_id: str | None = None) -> str:
    """What becomes of a message: `dead_letters`, `ignored`, or `tasks` for a new session."""
    is_done, letters = take(furnished, body, original_id)
    assert is_done, "a fault: it would be delivered again, and again"
    changes = furnished.changes()
    changes.pop("letters", None)
    if letters:
        ((sent_on, attributes),) = letters
        assert (sent_on, changes) == (body, {})
        assert 0 < len(attributes["reason"]["StringValue"]) <= 250
        return "dead_letters"
    assert is_well_formed(body), "neither understood nor rejected"
    if not changes:
        return "ignored"
    assert json.loads(body)["type"] == "new"
    assert only_new_sessions(changes)
    furnished.put_back()
    return "tasks"


def test_an_odd_value_anywhere_in_a_message_makes_it_a_dead_letter_or_changes_nothing(
    furnished: Furnished, figures: Counter[str]
) -> None:
    ends: Counter[str] = Counter()
    for message in messages(furnished)[:PLACES_CHANGED]:
        for body in each_place_changed(json.loads(message)):
            if as_sqs_takes_it(body):
                ends[end_of(furnished, body)] += 1
    assert ends["dead_letters"] > ends["ignored"] + ends["tasks"]
    figures.update(messages=sum(ends.values()), dead_letters=ends["dead_letters"])


def test_a_malformed_message_becomes_a_dead_letter_with_its_reason_and_changes_nothing(
    furnished: Furnished, figures: Counter[str]
) -> None:
    ends: Counter[str] = Counter()
    valid = messages(furnished)
    odd = broken([json.loads(message) for message in valid])
    bodies = (odd | st.sampled_from(valid) | st.text()).filter(as_sqs_takes_it)

    @generating(MESSAGES)
    @given(bodies, st.none() | st.text(max_size=60))
    def deliver(body: str, original_id: str | None) -> None:
        ends[end_of(furnished, body, original_id)] += 1

    deliver()
    assert ends["dead_letters"] > MESSAGES / 2
    assert ends["ignored"]
    figures.update(messages=sum(ends.values()), dead_letters=ends["dead_letters"])


def only_new_sessions(changes: dict[str, Any]) -> bool:
    """Whether all that changed is new: a session, its approval, its e-mail."""
    changes.pop("mails", None)
    return all(before is None for before, _ in changes.values())


@pytest.mark.parametrize("size", [MAX_CONTENT_BYTES, MAX_CONTENT_BYTES + 1, 1_000_000])
def test_a_task_of_any_size_is_taken_or_rejected(furnished: Furnished, size: int) -> None:
    is_done, letters = take(furnished, build_new("x" * size), None)
    assert is_done
    assert bool(letters) is (size > MAX_CONTENT_BYTES)
