"""Signing in to the inbox at the emulator's Cognito: its page, its codes, its tokens.

The emulator calls itself by Cognito's real address, as AWS does, and answers on this machine: what
would go to that address is sent to it. All else is as it comes. The client is a public one: the
guard before the emulator lets no `Authorization` through that is no signature.
"""

import html
import http.client
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

import oidc_issuer
from inbox_browser import Browser
from local_stack import LocalStack
from sample_people import PEOPLE, set_people
from world import World, forget_environments, make_world

HERE = "http://localhost:3000"
PASSWORD = "Correct-horse-1"


@pytest.fixture
def pool(stack: LocalStack) -> Iterator[dict[str, str]]:
    """A user pool in which Ann, and Eve whose address nobody has verified, have accounts."""
    cognito = stack.client("cognito-idp")
    made = cognito.create_user_pool(PoolName="approvers", AutoVerifiedAttributes=["email"])
    pool_id = made["UserPool"]["Id"]
    for name, is_verified in (("ann", "true"), ("eve", "false")):
        attributes = {"email": "ann@example.com", "email_verified": is_verified}
        cognito.admin_create_user(
            UserPoolId=pool_id,
            Username=name,
            MessageAction="SUPPRESS",
            UserAttributes=[{"Name": n, "Value": value} for n, value in attributes.items()],
        )
        cognito.admin_set_user_password(
            UserPoolId=pool_id, Username=name, Password=PASSWORD, Permanent=True
        )
    found = cognito.create_user_pool_client(
        UserPoolId=pool_id,
        ClientName="inbox",
        SupportedIdentityProviders=["COGNITO"],
        AllowedOAuthFlowsUserPoolClient=True,
        AllowedOAuthFlows=["code"],
        AllowedOAuthScopes=["openid", "email"],
        CallbackURLs=[f"{HERE}/inbox/oidc/callback"],
    )["UserPoolClient"]
    cognito.create_user_pool_domain(UserPoolId=pool_id, Domain="approvers")
    yield {"id": pool_id, "client": found["ClientId"]}
    cognito.delete_user_pool_domain(UserPoolId=pool_id, Domain="approvers")
    cognito.delete_user_pool(UserPoolId=pool_id)
    cognito.close()


@pytest.fixture
def world(
    stack: LocalStack, pool: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """An approval API whose people sign in there."""
    world = make_world(monkeypatch, "https://receiver.example.com")
    region = stack.description["region"]
    for name, value in {
        "APPROVAL_BASE_URL": HERE,
        "OIDC_ISSUER": f"https://cognito-idp.{region}.amazonaws.com/{pool['id']}",
        "OIDC_CLIENT_ID": pool["client"],
    }.items():
        monkeypatch.setenv(name, value)
    port = urlsplit(stack.description["endpoint_url"]).port

    def connect(scheme: str, host: str, _: int | None) -> http.client.HTTPConnection:
        # The emulator's document says https: loopback stands in for TLS here.
        assert (scheme, host in ("localhost", f"cognito-idp.{region}.amazonaws.com")) == (
            "https", True,
        )  # fmt: skip
        return http.client.HTTPConnection("localhost", port, timeout=10)

    monkeypatch.setattr(oidc_issuer, "_connect", connect)
    oidc_issuer.endpoints.cache_clear()
    set_people(monkeypatch, PEOPLE)
    yield world
    oidc_issuer.endpoints.cache_clear()
    forget_environments()


def sign_in_there(url: str, name: str) -> str:
    """What a person does on Cognito's page; returns where the browser is sent back to."""
    parts = urlsplit(url)
    page = _send(parts, "GET", f"{parts.path}?{parts.query}")
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
    form = {n: html.unescape(value) for n, value in fields.items()}
    (action,) = set(re.findall(r'<form method="POST" action="([^"]+)"', page.text))
    done = _send(parts, "POST", action, form | {"username": name, "password": PASSWORD})
    return str(done.headers["location"])


class Sent:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.text = response.read().decode()


def _send(parts: Any, method: str, target: str, form: dict[str, str] | None = None) -> Sent:
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    headers = {"content-type": "application/x-www-form-urlencoded"} if form else {}
    connection.request(method, target, urlencode(form) if form else None, headers)
    sent = Sent(connection.getresponse())
    connection.close()
    return sent


def test_a_person_of_a_user_pool_signs_in_and_only_with_a_verified_address(world: World) -> None:
    ann, eve = Browser(origin=HERE), Browser(origin=HERE)
    back = sign_in_there(ann.send("GET", f"{HERE}/inbox/oidc").headers["location"], "ann")
    assert ann.get(back).url == f"{HERE}/inbox"
    assert set(ann.cookies) == {"__Host-approver"}
    refused = eve.get(
        sign_in_there(eve.send("GET", f"{HERE}/inbox/oidc").headers["location"], "eve")
    )
    assert (refused.status, "is not verified there" in refused.text) == (403, True)
    assert not eve.cookies


def test_a_code_of_cognito_is_used_once(world: World) -> None:
    ann = Browser(origin=HERE)
    url = ann.send("GET", f"{HERE}/inbox/oidc").headers["location"]
    kept, back = dict(ann.cookies), sign_in_there(url, "ann")
    ann.get(back)
    again = Browser(kept, HERE)
    page = again.get(back)
    assert (page.status, "does not prove who you are" in page.text) == (403, True)
    assert not again.cookies
