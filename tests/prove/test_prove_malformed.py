"""Malformed input: whatever comes over HTTP or the queue, nothing breaks and nothing changes.

Requests are generated from the API's own document, right and wrong ones, and beside them bodies
that no document describes. Queue messages are valid ones, broken. Every answer is held against the
document; everything stored is compared after every single one. Only a decision that somebody was
entitled to may change anything, and only that.
"""

import json
from collections import Counter
from typing import Any

import pytest
import schemathesis
from hypothesis import given
from hypothesis import strategies as st
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
from furnished import JOB, Furnished
from longrunning.messages import (
    MAX_CONTENT_BYTES,
    build_cancel,
    build_existing,
    build_look,
    build_new,
    tool_result,
)
from odd_documents import broken, each_place_changed, is_unicode
from world import World

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
