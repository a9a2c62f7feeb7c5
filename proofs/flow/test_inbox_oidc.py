"""Signing in to the inbox at an issuer of OpenID Connect: each check, and each way around it."""

import json
import re
import ssl
from collections.abc import Iterator
from http.client import HTTPResponse
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

import oidc_issuer
from inbox_browser import SITE, Browser, Page
from longrunning.people import passes
from longrunning.people.directory import Person
from longrunning.people.links import LinkKeys, make_callback_token, make_token
from longrunning.waits.item import Status
from longrunning_testkit.worlds import LINK_KEYS, forget_environments
from oidc_stand_in import CLIENT_ID, LEFT_OUT, StandInIssuer, serve_issuer
from sample_people import ANN, BOB, CYD, PEOPLE, set_people, use_people
from sample_refund import Refunds, refund_tool
from sample_world import World
from test_inbox import ask, of_ann_and_bob, record, ref_of, url_of

HERE = "http://localhost:3000"
OTHERS = (BOB, CYD)


@pytest.fixture
def issuer(world: World) -> Iterator[StandInIssuer]:
    """An issuer, and a stack on the same machine whose people sign in there."""
    use_people(world, of_ann_and_bob, refund_tool(Refunds()))
    with serve_issuer() as served:
        configure(world, served.url)
        yield served


def configure(world: World, issuer_url: str, base_url: str = HERE, secret: str = "") -> None:
    arn = world.pocket.secretsmanager.add_secret("oidc", secret) if secret else ""
    for name, value in {
        "APPROVAL_BASE_URL": base_url,
        "OIDC_ISSUER": issuer_url,
        "OIDC_CLIENT_ID": CLIENT_ID,
        "OIDC_CLIENT_SECRET_ARN": arn,
    }.items():
        world.monkeypatch.setenv(name, value)
    forget_environments()


def a_browser() -> Browser:
    return Browser(origin=HERE)


def leave(browser: Browser, to: str = "") -> str:
    """Presses the button of the page where one signs in; returns where it leads."""
    page = browser.get(f"{HERE}/inbox/sign-in{f'?to={to}' if to else ''}")
    gone = browser.send("GET", page.link("Go and sign in"))
    assert gone.status == 303
    return gone.headers["location"]


def sign_in(browser: Browser, issuer: StandInIssuer, to: str = "") -> Page:
    return browser.get(issuer.authorize(leave(browser, to)))


def is_signed_in(browser: Browser) -> bool:
    return "__Host-approver" in browser.cookies


def logged(capsys: pytest.CaptureFixture[str]) -> str:
    return "".join(capsys.readouterr())


def refused(page: Page, browser: Browser, status: int, words: str) -> None:
    assert (page.status, words in page.text) == (status, True), page.text
    assert browser.cookies == {}, "neither a session, nor what was kept for this sign-in"
    assert page.link("Go and sign in").startswith(f"{HERE}/inbox/oidc")


# --- the way in ----------------------------------------------------------------------------------


def test_a_person_signs_in_there_comes_back_to_the_approval_and_decides_it(
    world: World, issuer: StandInIssuer
) -> None:
    session_id = ask(world)
    ann = a_browser()
    assert "Go and sign in" in ann.get(f"{HERE}{url_of(world, session_id)}").text
    page = sign_in(ann, issuer, ref_of(world, session_id))
    assert page.url == f"{HERE}{url_of(world, session_id)}"
    assert set(ann.cookies) == {"__Host-approver"}
    assert ann.post(page.url, decision="approved").status == 200
    found = record(world, session_id)
    assert (found.status, found.decided_by, found.via) == (Status.APPROVED, "ann", "signed-in")


def test_what_is_sent_along_is_not_what_the_browser_keeps(
    world: World, issuer: StandInIssuer
) -> None:
    first, second = a_browser(), a_browser()
    sent = [dict(parse_qsl(urlsplit(leave(b)).query)) for b in (first, second)]
    for browser, query in zip((first, second), sent, strict=True):
        assert query["redirect_uri"] == f"{HERE}/inbox/oidc/callback"
        secret = browser.cookies["__Host-gone"]
        unguessable = [query[name] for name in ("state", "nonce", "code_challenge")]
        assert len({*unguessable, secret}) == 4
        assert all(len(value) == 43 for value in unguessable)
    assert not {*sent[0].values()} & {sent[1][n] for n in ("state", "nonce", "code_challenge")}


def test_a_client_with_a_secret_shows_it_and_a_wrong_one_is_not_the_persons_fault(
    world: World, issuer: StandInIssuer
) -> None:
    issuer.client_secret = "a-secret~of-the_client"
    configure(world, issuer.url, secret=f"{issuer.client_secret}\n")
    ann = a_browser()
    sign_in(ann, issuer)
    assert is_signed_in(ann)
    configure(world, issuer.url, secret="another")
    eve = a_browser()
    refused(sign_in(eve, issuer), eve, 503, "Your organisation does not answer")


def test_where_people_sign_in_elsewhere_no_e_mail_signs_in(
    world: World, issuer: StandInIssuer
) -> None:
    ann = a_browser()
    assert 'name="email"' not in ann.get(f"{HERE}/inbox").body
    page = ann.post(f"{HERE}/inbox/sign-in", email="ann@example.com")
    refused(page, ann, 403, "Signing in by e-mail is off here.")
    assert not world.pocket.sns.topics[world.env["APPROVAL_TOPIC_ARN"]].published


def test_without_an_issuer_nobody_is_sent_anywhere(world: World) -> None:
    use_people(world, of_ann_and_bob, refund_tool(Refunds()))
    for path in ("oidc", "oidc/callback?code=x&state=y"):
        page = Browser().get(f"/inbox/{path}")
        assert page.url.startswith(f"{SITE}/inbox/sign-in")
        assert 'name="email"' in page.body


def test_it_leads_back_to_approvals_alone(world: World, issuer: StandInIssuer) -> None:
    for to in ("https://evil.example/", "//evil.example/x", "../x", "x"):
        ann = a_browser()
        gone = ann.send("GET", f"{HERE}/inbox/oidc?to={to}")
        assert ann.get(issuer.authorize(gone.headers["location"])).url == f"{HERE}/inbox"


# --- who it is -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("iss", "https://evil.example"), ("iss", "{url}/"), ("iss", LEFT_OUT),
        ("aud", "another-client"), ("aud", [CLIENT_ID, "another-client"]), ("aud", []),
        ("aud", LEFT_OUT), ("azp", "another-client"), ("azp", None),
        ("exp", 0), ("exp", "{now}"), ("exp", "9999999999"), ("exp", True), ("exp", LEFT_OUT),
        ("nonce", "another"), ("nonce", LEFT_OUT),
        ("sub", ""), ("sub", 7), ("sub", LEFT_OUT),
    ],
)  # fmt: skip
def test_a_token_of_another_issuer_client_sign_in_or_time_signs_nobody_in(
    world: World,
    issuer: StandInIssuer,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: Any,
) -> None:
    if value == "{url}/":
        value = f"{issuer.url}/"
    if value == "{now}":
        value = int(world.clock())
    issuer.claims = {name: value}
    ann = a_browser()
    refused(sign_in(ann, issuer), ann, 403, "does not prove who you are")
    assert f"a token with the wrong {name}" in logged(capsys)


@pytest.mark.parametrize("claims", [
    {"aud": [CLIENT_ID]}, {"azp": CLIENT_ID}, {"email": "ANN@Example.COM"}, {"exp": 2e10},
])  # fmt: skip
def test_what_an_issuer_may_say_otherwise(
    world: World, issuer: StandInIssuer, claims: dict[str, Any]
) -> None:
    issuer.claims = claims
    ann = a_browser()
    sign_in(ann, issuer)
    assert is_signed_in(ann)


@pytest.mark.parametrize("is_verified", [False, "true", 1, None, LEFT_OUT])
def test_an_address_that_is_not_verified_is_nobodys(
    world: World, issuer: StandInIssuer, is_verified: Any
) -> None:
    issuer.claims = {"email_verified": is_verified}
    eve = a_browser()
    refused(sign_in(eve, issuer), eve, 403, "Your e-mail address is not verified there")


@pytest.mark.parametrize("email", [
    "eve@example.com", "ann@example.com.evil", "ann", "", None, ["ann@example.com"],
])  # fmt: skip
def test_somebody_who_is_not_in_the_file_is_told_so_and_learns_of_nobody(
    world: World, issuer: StandInIssuer, capsys: pytest.CaptureFixture[str], email: Any
) -> None:
    issuer.claims = {"email": email, "sub": "sub-of-eve<script>"}
    eve = a_browser()
    page = sign_in(eve, issuer)
    refused(page, eve, 403, "Nobody here has this account.")
    assert "sub-of-eve<script>" in page.text and "<script>" not in page.body
    assert not [p for p in OTHERS if p.name in page.text or p.email in page.text]
    said = logged(capsys)
    assert "refused" in said
    assert "sub-of-eve" not in said and "eve@" not in said


def test_letters_that_only_fold_alike_are_others(world: World, issuer: StandInIssuer) -> None:
    set_people(world.monkeypatch, {"kim": Person("kim", "Kim", "kim@example.com")})
    issuer.claims = {"email": "\u212aim@example.com"}
    assert "\u212aim".lower() == "kim"
    eve = a_browser()
    refused(sign_in(eve, issuer), eve, 403, "Nobody here has this account.")


def test_who_has_a_sub_in_the_file_is_found_by_it_and_by_no_address(
    world: World, issuer: StandInIssuer
) -> None:
    set_people(world.monkeypatch, {**PEOPLE, "ann": ANN._replace(oidc="sub-of-ann")})
    ann, eve, other = a_browser(), a_browser(), a_browser()
    issuer.claims = {"email": LEFT_OUT, "email_verified": LEFT_OUT}
    assert "Ann Kovač" in sign_in(ann, issuer).text
    issuer.claims = {"sub": "sub-of-eve"}
    refused(sign_in(eve, issuer), eve, 403, "Nobody here has this account.")
    issuer.claims = {"sub": "SUB-of-ann"}
    refused(sign_in(other, issuer), other, 403, "Nobody here has this account.")
    issuer.claims = {"email": "bob@example.com"}
    assert "Ann Kovač" in sign_in(ann, issuer).text, "the sub says who it is"


def test_whoever_has_left_does_not_come_back(world: World, issuer: StandInIssuer) -> None:
    ann, later = a_browser(), a_browser()
    sign_in(ann, issuer)
    back = issuer.authorize(leave(later))
    set_people(world.monkeypatch, {"bob": BOB})
    assert ann.get(f"{HERE}/inbox").url == f"{HERE}/inbox/sign-in"
    refused(later.get(back), later, 403, "Nobody here has this account.")


# --- the way back --------------------------------------------------------------------------------


def test_a_way_back_is_gone_once(world: World, issuer: StandInIssuer) -> None:
    ann = a_browser()
    back = issuer.authorize(leave(ann))
    kept = dict(ann.cookies)
    ann.get(back)
    assert is_signed_in(ann)
    again = a_browser()
    refused(again.get(back), again, 403, "was not begun in this browser")
    thief = Browser(cookies=kept, origin=HERE)
    refused(thief.get(back), thief, 403, "does not prove who you are")


def test_the_way_back_of_another_browser_signs_nobody_in(
    world: World, issuer: StandInIssuer
) -> None:
    """Or Ann would decide what Eve reads, in Eve's name, and not know it."""
    eve, ann = a_browser(), a_browser()
    leave(ann)
    issuer.claims = {"email": "bob@example.com", "sub": "sub-of-bob"}
    back = issuer.authorize(leave(eve))
    refused(ann.get(back), ann, 403, "was not begun in this browser")
    assert "/token" not in issuer.requests, "nor is the code used up"
    eve.get(back)
    assert is_signed_in(eve)


@pytest.mark.parametrize("state", ["", "&state=", "&state=x", "&state=%C3%A4"])
def test_without_its_state_nobody_comes_back(
    world: World, issuer: StandInIssuer, state: str
) -> None:
    ann = a_browser()
    back = re.sub("&state=[^&]*", state, issuer.authorize(leave(ann)))
    refused(ann.get(back), ann, 403, "was not begun in this browser")


def test_what_a_browser_keeps_meanwhile_is_of_its_own_kind(
    world: World, issuer: StandInIssuer
) -> None:
    """A token that says as many things is none, though its state would fit."""
    keys, end = LinkKeys.parse(json.dumps(LINK_KEYS)), int(world.clock()) + 500
    state = passes.Gone("s-1", "pay-1", end).made("state")
    for token in (make_token(keys, "s-1", "pay-1", end), make_callback_token(keys, "s", "p", end),
                  passes.make_sign_in(keys, "s-1", "pay-1", end), "x"):  # fmt: skip
        eve = Browser({"__Host-gone": token}, HERE)
        page = eve.get(f"{HERE}/inbox/oidc/callback?code=x&state={state}")
        refused(page, eve, 403, "was not begun in this browser")


def test_a_code_of_somebody_elses_does_not_fit_this_browsers_state(
    world: World, issuer: StandInIssuer
) -> None:
    """PKCE: the code that Eve slips in was asked for with another verifier."""
    ann, eve = a_browser(), a_browser()
    own, foreign = (dict(parse_qsl(urlsplit(issuer.authorize(leave(b))).query)) for b in (ann, eve))
    url = f"{HERE}/inbox/oidc/callback?code={foreign['code']}&state={own['state']}"
    refused(ann.get(url), ann, 403, "does not prove who you are")


def test_a_sign_in_takes_ten_minutes_at_most(world: World, issuer: StandInIssuer) -> None:
    ann, late = a_browser(), a_browser()
    backs = [issuer.authorize(leave(b)) for b in (ann, late)]
    world.step(599)
    ann.get(backs[0])
    assert is_signed_in(ann)
    world.step(1)
    refused(late.get(backs[1]), late, 403, "more than ten minutes ago")


@pytest.mark.parametrize(("error", "status", "words"), [
    ("access_denied", 403, "You were not signed in there."),
    ("server_error", 503, "Your organisation does not answer"),
    ("temporarily_unavailable", 503, "Your organisation does not answer"),
    ("Eve was here", 503, "Your organisation does not answer"),
])  # fmt: skip
def test_who_is_sent_back_with_an_error_is_told(
    world: World,
    issuer: StandInIssuer,
    capsys: pytest.CaptureFixture[str],
    error: str,
    status: int,
    words: str,
) -> None:
    issuer.error = error
    ann = a_browser()
    refused(sign_in(ann, issuer), ann, status, words)
    said = logged(capsys)
    assert str(status) in said and "Eve" not in said
    assert "/token" not in issuer.requests


# --- the issuer's answers ------------------------------------------------------------------------

TOKENS, DOCUMENT = "/token", "/.well-known/openid-configuration"
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize("answer", [
    (500, JSON, b"{}"), (401, JSON, b'{"error": "invalid_client"}'), (400, JSON, b"{}"),
    (302, {"location": "/elsewhere"}, b"{}"), (307, {"location": "/token"}, b"{}"),
    (200, JSON, b" " * (oidc_issuer.MAX_ANSWER_BYTES + 1)), (204, {}, b""),
], ids=range(7))  # fmt: skip
@pytest.mark.parametrize("path", [TOKENS, DOCUMENT])
def test_an_issuer_that_answers_otherwise_signs_nobody_in(
    world: World,
    issuer: StandInIssuer,
    capsys: pytest.CaptureFixture[str],
    path: str,
    answer: Any,
) -> None:
    ann = a_browser()
    back = issuer.authorize(leave(ann))
    oidc_issuer.endpoints.cache_clear()
    issuer.answers = {path: answer}
    refused(ann.get(back), ann, 503, "Your organisation does not answer")
    assert "the issuer does not answer as it must" in logged(capsys)
    assert "/elsewhere" not in issuer.requests
    assert issuer.requests.count(path) == 1 + (path == DOCUMENT)
    issuer.answers = {}
    sign_in(ann, issuer)
    assert is_signed_in(ann), "the next try may succeed"


def test_of_an_answer_no_more_is_read_than_it_may_have(world: World, issuer: StandInIssuer) -> None:
    sizes, read = [], HTTPResponse.read

    def note(self: HTTPResponse, amt: int | None = None) -> bytes:
        sizes.append(amt)
        return read(self, amt)

    world.monkeypatch.setattr(HTTPResponse, "read", note)
    ann = a_browser()
    sign_in(ann, issuer)
    assert is_signed_in(ann)
    assert sizes == [oidc_issuer.MAX_ANSWER_BYTES + 1] * 2


@pytest.mark.parametrize("answer", [b"", b"[]", b"{", b"{}", b'{"id_token": 7}', b"\xff",
    b'{"id_token": "a"}', b'{"id_token": "a.b.c"}', b'{"id_token": "a.W10.c"}', b"[" * 50_000,
    b'{"id_token": "a.\xc3\xa4.c"}'])  # fmt: skip
def test_what_is_no_token_signs_nobody_in(
    world: World, issuer: StandInIssuer, answer: bytes
) -> None:
    ann = a_browser()
    back = issuer.authorize(leave(ann))
    issuer.answers = {TOKENS: (200, JSON, answer)}
    refused(ann.get(back), ann, 403, "does not prove who you are")


@pytest.mark.parametrize("document", [
    {"issuer": "https://evil.example"}, {"issuer": "{url}/"}, {"issuer": None},
    {"authorization_endpoint": "http://evil.example/"}, {"token_endpoint": "http://evil.example/"},
    {"token_endpoint": None}, {"token_endpoint": "/token"}, {"authorization_endpoint": ""},
    {"authorization_endpoint": "javascript:alert(1)"}, {"token_endpoint": "file:///etc/passwd"},
    {"token_endpoint": "https://x:99999999/"}, {"token_endpoint": "https://[/"},
    {"token_endpoint": "https://user@evil.example/"}, {"token_endpoint": "https://"},
])  # fmt: skip
def test_a_document_of_another_issuer_or_that_leads_astray_is_not_followed(
    world: World, issuer: StandInIssuer, document: dict[str, Any]
) -> None:
    is_longer = document.get("issuer") == "{url}/"
    issuer.document = {"issuer": f"{issuer.url}/"} if is_longer else document
    ann = a_browser()
    refused(ann.get(f"{HERE}/inbox/oidc"), ann, 503, "Your organisation does not answer")
    issuer.document = {}
    sign_in(ann, issuer)
    assert is_signed_in(ann)


def test_a_document_with_an_error_is_none(world: World, issuer: StandInIssuer) -> None:
    issuer.answers = {DOCUMENT: (500, JSON, json.dumps(issuer.discovery()).encode())}
    ann = a_browser()
    refused(ann.get(f"{HERE}/inbox/oidc"), ann, 503, "Your organisation does not answer")


def test_an_issuer_that_is_not_there_is_said_to_be_away(world: World) -> None:
    use_people(world, of_ann_and_bob, refund_tool(Refunds()))
    configure(world, "http://localhost:9")
    ann = a_browser()
    refused(ann.get(f"{HERE}/inbox/oidc"), ann, 503, "Your organisation does not answer")


@pytest.mark.parametrize("base_url", [
    "", "https://approvals.example.com", "http://approvals.example.com",
    "http://localhost.example.com", "http://localhost@example.com",
])  # fmt: skip
def test_only_a_stack_on_the_same_machine_asks_an_issuer_without_encryption(
    world: World, issuer: StandInIssuer, base_url: str
) -> None:
    configure(world, issuer.url, base_url)
    page = a_browser().get(f"{HERE}/inbox/oidc")
    assert page.status == 503
    assert issuer.requests == []


def test_a_stack_on_this_machine_asks_no_other_without_encryption() -> None:
    local = oidc_issuer.Issuer("http://localhost", CLIENT_ID, is_local=True)
    for url in ("http://example.com", "http://localhost.example.com", "http://10.0.0.1", 7, None):
        with pytest.raises(oidc_issuer.IssuerError):
            oidc_issuer.check_url(local, url)
    oidc_issuer.check_url(local, "http://127.0.0.1:3000/x")
    oidc_issuer.check_url(local._replace(is_local=False), "https://example.com/x")


def test_an_issuers_certificate_is_looked_at() -> None:
    connection: Any = oidc_issuer._connect("https", "example.com", None)
    context = connection._context
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert connection.timeout == oidc_issuer.TIMEOUT_SECONDS < 10


# --- what is logged ------------------------------------------------------------------------------


def test_neither_code_nor_token_nor_what_is_kept_is_logged(
    world: World,
    issuer: StandInIssuer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kept = []
    for claims in ({}, {"nonce": "x"}, {"email": "eve@example.com"}):
        issuer.claims = claims
        browser = a_browser()
        back = issuer.authorize(leave(browser))
        kept += [browser.cookies["__Host-gone"], *dict(parse_qsl(urlsplit(back).query)).values()]
        browser.get(back)
        kept += browser.cookies.values()
        browser.get(back)
    said = logged(capsys)
    assert not [secret for secret in (*kept, *issuer.issued) if secret in said]
