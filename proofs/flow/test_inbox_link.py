"""An operator's link to sign in to the inbox: who gets one, and what it opens."""

import json
from typing import Any

import pytest

import approval_handler
from inbox_browser import SITE, Browser
from sample_people import ANN, BOB, PEOPLE, set_people
from sample_world import World

ROLE = "assumed-role/Approvers/ann@example.com"
ARN = f"arn:aws:sts::123456789012:{ROLE}"


@pytest.fixture(autouse=True)
def ann_signs(world: World) -> None:
    set_people(world.monkeypatch, {**PEOPLE, "ann": ANN._replace(iam=ROLE)})


def ask(authorizer: Any) -> tuple[int, dict[str, Any]]:
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "POST /operator/inbox-link",
        "rawPath": "/operator/inbox-link",
        "rawQueryString": "",
        "headers": {"accept": "application/json"},
        "requestContext": {
            "domainName": "approvals.example.com",
            "http": {"method": "POST", "path": "/operator/inbox-link", "sourceIp": "127.0.0.1"},
        },
        "isBase64Encoded": False,
    }
    if authorizer is not None:
        event["requestContext"]["authorizer"] = authorizer
    answer = approval_handler.handler(event, None)
    assert answer["headers"]["cache-control"] == "no-store"
    return answer["statusCode"], json.loads(answer["body"])


def link_of(arn: str = ARN) -> str:
    status, document = ask({"iam": {"userArn": arn}})
    assert status == 200, document
    return str(document["url"])


def test_who_signs_with_iam_gets_in_with_a_link_of_one_minute(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    status, document = ask({"iam": {"userArn": ARN}})
    assert (status, set(document)) == (200, {"url", "expires_at"})
    assert document["expires_at"] == int(world.clock()) + 60
    assert document["url"].startswith(f"{SITE}/inbox/sign-in/")
    assert document["url"].rpartition("/")[2] not in "".join(capsys.readouterr())
    ann = Browser()
    assert "Sign in as Ann Kovač" in ann.get(document["url"]).text
    assert not ann.cookies, "a look signs nobody in"
    assert ann.post(document["url"]).url == f"{SITE}/inbox"
    assert set(ann.cookies) == {"__Host-approver"}
    late = Browser()
    world.step(60)
    assert late.post(document["url"]).status == 403
    assert not late.cookies


@pytest.mark.parametrize("authorizer", [
    None, {}, {"iam": None}, {"iam": {}}, {"iam": {"userArn": ""}}, {"iam": {"userArn": None}},
    {"jwt": {"claims": {"email": "ann@example.com", "email_verified": "true"}}},
    {"iam": {"userArn": "arn:aws:sts::123456789012:assumed-role/Approvers/bob"}},
    {"iam": {"userArn": ARN.upper()}}, {"iam": {"userArn": f"{ARN}/"}}, {"iam": {"userArn": "ann"}},
    {"iam": {"userArn": "arn:aws:iam::123456789012:root"}},
])  # fmt: skip
def test_nobody_else_gets_one(world: World, authorizer: Any) -> None:
    before = world.snapshot()
    status, document = ask(authorizer)
    assert (status, set(document)) == (403, {"error"})
    assert world.snapshot() == before


def test_whoever_has_left_gets_none_and_one_of_before_opens_nothing(world: World) -> None:
    link = link_of()
    set_people(world.monkeypatch, {"bob": BOB})
    assert ask({"iam": {"userArn": ARN}})[0] == 403
    assert Browser().post(link).status == 403


def test_it_opens_the_inbox_where_people_sign_in_elsewhere(world: World) -> None:
    """The way in that is left when the issuer is down."""
    world.monkeypatch.setenv("OIDC_ISSUER", "https://issuer.example.com")
    set_people(world.monkeypatch, {**PEOPLE, "ann": ANN._replace(iam=ROLE)})
    ann = Browser()
    assert ann.post(link_of()).url == f"{SITE}/inbox"
    assert "__Host-approver" in ann.cookies


def test_a_fault_behind_it_is_told_and_says_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from botocore.exceptions import EndpointConnectionError

    import inbox_link

    def fail(*_: object) -> None:
        raise EndpointConnectionError(endpoint_url="secretsmanager")

    monkeypatch.setattr(inbox_link, "_person", fail)
    status, document = ask({"iam": {"userArn": ARN}})
    assert (status, document) == (503, {"error": approval_handler.UNAVAILABLE})
