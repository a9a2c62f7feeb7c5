"""docs/openapi.json against the template and the code: the same routes, statuses, names, limits.

That every answer conforms to it is shown by proofs/attacks/test_prove_malformed.py.
"""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import answers
import aws_template
import callbacks
import listing
import operator_handler
import operator_requests
import review_request
import session_facts
import unitok_handler
import unitok_posts
import unitok_requests
from approval_api_driver import pending
from longrunning import http, messages
from longrunning.waits import outcomes as effects

ROOT = aws_template.ROOT
DOCUMENT: dict[str, Any] = json.loads((ROOT / "docs/openapi.json").read_text())
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
SOURCES = {
    "ApprovalFunction": "src/approval_api",
    "OperatorFunction": "src/operator_api",
    "UniTokFunction": "src/unitok",
}
PAGES = "/inbox"
"""Pages for people, of any method, whose forms are all that is sent to them: no interface."""

METHODS = ("get", "head", "options", "post")
GATEWAYS_OWN = {413, 429, 500}
OTHERS = {
    "ApprovalFunction": {200, 204, 409, 503},
    "OperatorFunction": {200, 409, 503},
    "UniTokFunction": {200, 201},
}
TAKEN = {
    "CallbackAnswer": callbacks.FIELDS,
    "Decision": review_request.FIELDS,
    "Cancellation": operator_requests.CANCELLATION_FIELDS,
    "SignedDecision": operator_requests.CHOICE_FIELDS,
    "Extension": operator_requests.EXTENSION_FIELDS,
    "NamedApproval": operator_requests.NAMED_FIELDS,
    "Submission": unitok_requests.SUBMISSION_FIELDS,
}
"""What a request may hold; all else is refused."""
UNREACHABLE = {"ApprovalFunction": {405}, "UniTokFunction": {404}}
"""What a function answers only where the template had more routes than it has."""


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for method in METHODS:
            if method in item:
                yield method.upper(), path, item[method]


def routes(function: str) -> dict[tuple[str, str], str]:
    """The routes of a function in the template, and what they want of a caller."""
    events = aws_template.load()["Resources"][function]["Properties"]["Events"].values()
    found = {}
    for given in (event["Properties"] for event in events):
        if given["Path"].startswith(PAGES):
            continue
        authorizer = given.get("Auth", {}).get("Authorizer", "")
        found[given["Method"], given["Path"]] = authorizer
    return found


def test_the_routes_and_who_must_sign_are_the_templates() -> None:
    documented = {
        (method, path): "".join(name for need in operation.get("security", []) for name in need)
        for method, path, operation in operations()
    }
    assert documented == {
        route: wants for function in SOURCES for route, wants in routes(function).items()
    }


@pytest.mark.parametrize("function", SOURCES)
def test_the_statuses_are_those_that_the_code_answers(function: str) -> None:
    own = routes(function)
    documented = {
        int(status)
        for method, path, operation in operations()
        if (method, path) in own
        for status in operation["responses"]
    }
    answered = refusals(function) | OTHERS[function]
    assert documented | GATEWAYS_OWN == answered | GATEWAYS_OWN


def refusals(function: str) -> set[int]:
    """The statuses that a function and what it shares with others refuse with."""
    files = [*(ROOT / SOURCES[function]).glob("*.py"), Path(http.__file__)]
    calls = [
        node
        for path in files
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "RefusedError"
    ]
    found = {call.args[0].value for call in calls if isinstance(call.args[0], ast.Constant)}
    return {int(str(status)) for status in found} - UNREACHABLE.get(function, set())


def properties(schema: str) -> dict[str, Any]:
    found: dict[str, Any] = SCHEMAS[schema]["properties"]
    return found


def test_the_fields_are_those_that_the_code_shows() -> None:
    shown = {*answers.DECIDED_FIELDS, *effects.facts_of(pending()), "digest"}
    assert properties("DecidedApproval").keys() == properties("CountedApproval").keys() == shown
    assert properties("AnsweredQuestion").keys() == shown | {"answer"}
    assert properties("OpenApproval").keys() == shown | {*answers.OPEN_FIELDS}
    assert properties("ClosedApproval").keys() == {"error", *answers.CLOSED_FIELDS}
    assert properties("RecordedApproval").keys() == listing.document(pending()).keys()
    assert properties("WholeApproval").keys() == listing.whole(pending()).keys()
    assert properties("Session").keys() == {*session_facts.ATTRIBUTES}
    assert properties("Post").keys() == unitok_posts.Post.__dataclass_fields__.keys()
    for name, schema in SCHEMAS.items():
        if schema.get("additionalProperties") is False and name not in TAKEN:
            assert set(schema["required"]) == schema["properties"].keys(), name


def test_the_fields_that_are_taken_are_those_of_the_code_and_no_other() -> None:
    for name, fields in TAKEN.items():
        assert tuple(properties(name)) == fields
        assert SCHEMAS[name]["additionalProperties"] is False


def test_the_limits_are_those_of_the_code() -> None:
    for schema in ("Decision", "Cancellation", "SignedDecision"):
        assert properties(schema)["comment"]["maxLength"] == http.MAX_COMMENT_CHARS
    hours, read = (properties("Extension")[name] for name in ("hours", "decide_by"))
    assert (hours["minimum"], hours["maximum"]) == (1, operator_requests.MAX_HOURS)
    assert read["exclusiveMaximum"] == operator_requests.MAX_TIME
    assert properties("SignedDecision")["decision"]["enum"] == list(operator_requests.DECISIONS)
    result = properties("CallbackAnswer")["result"]["description"]
    assert f"{callbacks.MAX_BODY_BYTES:,} bytes" in result
    assert properties("CallbackAnswer")["status"]["enum"] == list(callbacks.STATUSES)
    assert properties("RecordedApproval")["preview"]["maxLength"] == listing.PREVIEW_CHARS
    reason = SCHEMAS["EffectReason"]["description"]
    assert f"first {effects.MAX_REASON_CHARS} characters" in reason
    assert {*SCHEMAS["Effect"]["enum"]} == {effects.DONE, effects.REFUSED, effects.NOT_DONE, None}
    submission = properties("Submission")
    assert submission["author"]["maxLength"] == unitok_requests.MAX_AUTHOR_CHARS
    assert submission["author"]["default"] == unitok_requests.DEFAULT_AUTHOR
    assert submission["image_url"]["maxLength"] == unitok_requests.MAX_IMAGE_URL_CHARS
    assert submission["unicorn_color"]["enum"] == list(unitok_requests.UNICORN_COLORS)
    assert submission["unicorn_color"]["default"] == unitok_requests.DEFAULT_COLOR
    for text in (properties("Decision")["content"], submission["content"]):
        assert f"{messages.MAX_CONTENT_BYTES:,} bytes" in text["description"]
    limit, _ = DOCUMENT["paths"]["/operator/approvals"]["get"]["parameters"]
    assert limit["schema"]["default"] == operator_requests.DEFAULT_LIMIT
    of_posts = DOCUMENT["components"]["parameters"]["posts_limit"]
    assert of_posts["schema"]["default"] == unitok_handler.POSTS_PER_ANSWER
    assert f"than {unitok_handler.MAX_POSTS_PER_ANSWER} " in of_posts["description"]
    for number in (limit["schema"]["minimum"], limit["schema"]["maximum"]):
        assert operator_requests.LIMIT_PATTERN.fullmatch(str(number))
    assert not operator_requests.LIMIT_PATTERN.fullmatch(str(limit["schema"]["maximum"] + 1))


def test_the_ids_have_the_patterns_of_the_code() -> None:
    patterns = {
        "session_id": messages.SESSION_ID_PATTERN,
        "tool_use_id": messages.TOOL_USE_ID_PATTERN,
    }
    for schema in ("OpenApproval", "DecidedApproval", "ClosedApproval", "RecordedApproval",
                   "WholeApproval", "Cancellation", "SignedDecision", "Extension",
                   "NamedApproval"):  # fmt: skip
        for name, pattern in patterns.items():
            assert properties(schema)[name]["pattern"] == f"^{pattern.pattern}$"
    before = DOCUMENT["components"]["parameters"]["before"]["schema"]["pattern"]
    assert before == f"^{unitok_requests.POST_ID_PATTERN.pattern}$"
    (key,) = DOCUMENT["paths"]["/posts"]["post"]["parameters"]
    assert key["schema"]["pattern"] == f"^{unitok_requests.IDEMPOTENCY_KEY_PATTERN.pattern}$"


def test_the_headers_are_those_that_the_code_sends() -> None:
    headers = {name: header["schema"] for name, header in DOCUMENT["components"]["headers"].items()}
    sent = answers.allowed_methods()["headers"]
    for name in set(sent) - {"content-type", "content-security-policy"}:
        assert headers[name]["const"] == sent[name], name
    assert re.search(headers["content-security-policy"]["pattern"], sent["content-security-policy"])
    assert headers["retry-after"]["const"] == str(operator_handler.RETRY_AFTER_SECONDS)
    assert headers["retry-after"]["const"] == str(answers.RETRY_AFTER_SECONDS)


def test_every_reference_leads_somewhere_and_nothing_is_left_over() -> None:
    text = json.dumps(DOCUMENT)
    named = set(re.findall(r'"#/components/(\w+)/([\w-]+)"', text))
    there = {
        (kind, name)
        for kind, entries in DOCUMENT["components"].items()
        for name in entries
        if kind != "securitySchemes"
    }
    assert named == there


def test_the_version_is_the_changelogs() -> None:
    versions = re.findall(r"^## \[(\d+\.\d+\.\d+)\]", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert DOCUMENT["info"]["version"] == versions[0]
