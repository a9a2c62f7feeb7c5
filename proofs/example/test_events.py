"""The sample events: each does what its name says, when its function is given it."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

import agent_handler
import approval_handler
import aws_template
import operator_handler
import scripted_writer
import unitok_handler
from longrunning.people import links
from longrunning.waits.item import Wait
from wait_store import WaitStore
from world import World

EVENTS = aws_template.ROOT / "events"
HANDLERS = {
    "sqs": agent_handler.handler,
    "approval_api": approval_handler.handler,
    "operator_api": operator_handler.handler,
    "unitok_api": unitok_handler.handler,
}
FILES = sorted(path for source in HANDLERS for path in (EVENTS / source).glob("*.json"))
# Signed the tokens in the events, and nothing else.
LINK_KEYS = {"current": "k1", "k1": "example-key-of-the-events-folder-only-0123456789"}

STATUS_CODES = {
    "approval_api/callback_of_an_approval": 404,
    "approval_api/callback_unknown": 404,
    "approval_api/callback_without_result": 400,
    "approval_api/get_expired_token": 410,
    "approval_api/get_json": 200,
    "approval_api/get_page": 200,
    "approval_api/get_page_to_deny": 200,
    "approval_api/get_tampered_token": 404,
    "approval_api/head_page": 200,
    "approval_api/inbox": 303,
    "approval_api/inbox_link_unsigned": 403,
    "approval_api/inbox_sign_in": 200,
    "approval_api/options": 204,
    "approval_api/post_expired_token": 410,
    "approval_api/post_form_approved": 200,
    "approval_api/post_form_approved_edited": 200,
    "approval_api/post_form_denied": 200,
    "approval_api/post_json_approved": 200,
    "approval_api/post_json_denied": 200,
    "approval_api/post_other_word": 400,
    "approval_api/post_tampered_token": 404,
    "approval_api/post_unknown_field": 400,
    "approval_api/post_without_body": 200,
    "approval_api/post_without_decision": 400,
    "operator_api/cancel": 200,
    "operator_api/cancel_not_json": 400,
    "operator_api/cancel_unknown": 404,
    "operator_api/cancel_unknown_field": 400,
    "operator_api/cancel_unsigned": 403,
    "operator_api/cancel_without_tool_use_id": 400,
    "operator_api/decide_by_nobody": 403,
    "operator_api/decide_edited": 400,
    "operator_api/extend": 200,
    "operator_api/extend_without_hours": 400,
    "operator_api/history": 200,
    "operator_api/history_of_no_session": 404,
    "operator_api/history_without_session_id": 400,
    "operator_api/list": 200,
    "operator_api/list_bad_limit": 400,
    "operator_api/list_bad_next": 400,
    "operator_api/list_limited": 200,
    "operator_api/list_next": 200,
    "operator_api/list_unsigned": 403,
    "operator_api/list_with_jwt": 200,
    "operator_api/resend": 200,
    "operator_api/show": 200,
    "operator_api/show_unknown": 404,
    "unitok_api/feed": 200,
    "unitok_api/feed_older": 200,
    "unitok_api/head_feed": 200,
    "unitok_api/head_list": 200,
    "unitok_api/list": 200,
    "unitok_api/list_bad_limit": 400,
    "unitok_api/list_limited": 200,
    "unitok_api/post": 201,
    "unitok_api/post_not_json": 400,
    "unitok_api/post_other_text_same_key": 422,
    "unitok_api/post_unknown_color": 422,
    "unitok_api/post_unknown_field": 400,
    "unitok_api/post_without_idempotency_key": 400,
}


def load(case: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / f"{case}.json").read_text())
    return event


def case_of(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


CASES = [case_of(path) for path in FILES]
MESSAGES = [case for case in CASES if case.startswith("sqs/")]
REQUESTS = [case for case in CASES if not case.startswith("sqs/")]
REJECTED = [case for case in MESSAGES if case.startswith(("sqs/malformed", "sqs/rejected"))]


@pytest.fixture
def stack(world: World) -> World:
    """The stack with the scripted model and the key that signed the events' tokens."""
    world.monkeypatch.setenv("MODEL_ID", "scripted")
    secret = json.dumps(LINK_KEYS)
    name = world.env["LINK_KEYS_SECRET_ARN"]
    world.aws["secretsmanager"].put_secret_value(SecretId=name, SecretString=secret)
    return world


@pytest.fixture
def waiting(stack: World) -> Wait:
    """The session of the events waits for its approval."""
    assert invoke(stack, "sqs/new_task_with_session_id") == {"batchItemFailures": []}
    [approval] = stack.approvals("blue-unicorn-launch")
    return approval


def invoke(stack: World, case: str) -> dict[str, Any]:
    answer: dict[str, Any] = HANDLERS[case.partition("/")[0]](load(case), stack.context)
    return answer


@pytest.mark.parametrize("case", MESSAGES)
def test_message_is_as_sqs_sends_it(case: str) -> None:
    [record] = load(case)["Records"]
    assert record["md5OfBody"] == hashlib.md5(record["body"].encode()).hexdigest()  # noqa: S324
    assert record["eventSource"] == "aws:sqs"
    assert set(record) == {
        *("messageId", "receiptHandle", "body", "attributes", "messageAttributes"),
        *("md5OfBody", "eventSource", "eventSourceARN", "awsRegion"),
    }


@pytest.mark.parametrize("case", REQUESTS)
def test_request_is_as_an_http_api_sends_it(case: str) -> None:
    event = load(case)
    context = event["requestContext"]
    assert (event["version"], context["stage"]) == ("2.0", "$default")
    assert event["rawPath"] == context["http"]["path"]
    assert event["routeKey"] == context["routeKey"]
    assert all(name == name.lower() for name in event["headers"])
    body = event.get("body", "")
    sent = base64.b64decode(body) if event["isBase64Encoded"] else body.encode()
    assert int(event["headers"]["content-length"]) == len(sent)
    # An HTTP API hands a form over in base64, JSON as it came.
    is_form = event["headers"].get("content-type") == "application/x-www-form-urlencoded"
    assert event["isBase64Encoded"] == is_form


def test_every_route_has_an_event_and_every_event_a_route() -> None:
    resources = aws_template.load()["Resources"]
    routes = {
        "{Method} {Path}".format(**event["Properties"])
        for function in ("ApprovalFunction", "OperatorFunction", "UniTokFunction")
        for event in resources[function]["Properties"]["Events"].values()
    }
    assert {load(case)["routeKey"] for case in REQUESTS} == routes


def test_tokens_are_signed_for_the_tool_use_of_the_scripted_model(waiting: Wait) -> None:
    keys = links.LinkKeys.parse(json.dumps(LINK_KEYS))
    token = load("approval_api/get_page")["pathParameters"]["token"]
    link = links.read_token(keys, token)
    assert (link.session_id, link.tool_use_id) == (waiting.session_id, waiting.tool_use_id)


@pytest.mark.parametrize("case", ["sqs/new_task", "sqs/new_task_redelivered"])
def test_new_task_pauses_for_an_approval(stack: World, case: str) -> None:
    assert invoke(stack, case) == {"batchItemFailures": []}
    [mail] = stack.read_mail()
    assert scripted_writer.draft_post(task_of(case)) in mail.body


def task_of(case: str) -> str:
    task: str = json.loads(load(case)["Records"][0]["body"])["body"]["task"]
    return task


@pytest.mark.parametrize("case", REJECTED)
def test_rejected_message_goes_to_the_dead_letter_queue(
    stack: World, waiting: Wait, case: str
) -> None:
    stack.read_mail()
    before = stack.snapshot()
    assert invoke(stack, case) == {"batchItemFailures": []}
    [letter] = stack.dead_letters()
    assert letter["body"] == load(case)["Records"][0]["body"]
    assert letter["reason"]
    assert (stack.snapshot(), stack.read_mail()) == (before, [])


@pytest.mark.parametrize("case", ["sqs/approved", "sqs/denied"])
def test_message_alone_decides_nothing(stack: World, waiting: Wait, case: str) -> None:
    before = stack.snapshot()
    assert invoke(stack, case) == {"batchItemFailures": []}
    assert stack.snapshot() == before


@pytest.mark.parametrize(
    ("request_case", "message_case", "expected"),
    [
        ("approval_api/post_json_approved", "sqs/approved", "published"),
        ("approval_api/post_form_approved_edited", "sqs/approved", "published"),
        ("approval_api/post_form_denied", "sqs/denied", "asked again"),
    ],
)
def test_decision_and_message_resume_the_agent(
    stack: World, waiting: Wait, request_case: str, message_case: str, expected: str
) -> None:
    stack.read_mail()
    assert invoke(stack, request_case)["statusCode"] == 200
    assert invoke(stack, message_case) == {"batchItemFailures": []}
    came = {"published": len(stack.posts()), "asked again": len(stack.read_mail())}
    assert came == {"published": 0, "asked again": 0} | {expected: 1}


@pytest.mark.parametrize("case", REQUESTS)
def test_request_is_answered_with_its_status(stack: World, waiting: Wait, case: str) -> None:
    if case == "unitok_api/post_other_text_same_key":
        invoke(stack, "unitok_api/post")
    assert invoke(stack, case)["statusCode"] == STATUS_CODES[case]


def test_no_status_is_listed_for_an_event_that_is_gone() -> None:
    assert sorted(STATUS_CODES) == REQUESTS


def test_untouched_form_is_no_edit(stack: World, waiting: Wait) -> None:
    invoke(stack, "approval_api/post_form_approved")
    store = WaitStore(stack.aws["dynamodb"], stack.env["APPROVALS_TABLE_NAME"])
    decided = store.get(waiting.session_id, waiting.tool_use_id)
    assert decided is not None
    assert (decided.decision, decided.edited_content) == ("approved", None)
