"""The local stack's pages in Chromium: a phone, light and dark, without script."""

import base64
import json
import time
from typing import Any

import pytest
from local import mail_page, pages, session_page
from local.address import Address
from local.mail import Link, Mail, Question
from local.problems import Problem
from local.records import Record
from local.timeline import timeline
from local.traces import Span
from local.view import SessionRow
from local.waiting import waiting

import chromium
from longrunning.people import links
from longrunning.waits.item import Call, Status, Wait

NOW = int(time.time())
LONG = "x" * 300
CHILD = "ab" * 32
HOSTILE = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
URL = "http://localhost:3000"


def wait_of(tool_name: str, tool_use_id: str, **fields: Any) -> Wait:
    return Wait("s-1", tool_use_id, "post-generator", tool_name, NOW, NOW + 60, **fields)


WAITS = (
    wait_of("publish_post", "t-1", call=Call("publish_post", f"{HOSTILE} {LONG}\n" * 20)),
    wait_of("wait_until", "t-2", remind_at=NOW + 50),
    wait_of("run_job", "t-3", status=Status.RESOLVED, result={"content": [{"text": LONG}]}),
    wait_of("ask_agent", "t-4", status=Status.CANCELLED, decided_by="iam:root", comment=LONG),
    wait_of("publish_post", "t-5", call=Call("publish_post", LONG), status=Status.EXPIRED),
    wait_of("publish_post", "t-6", call=Call("publish_post", LONG), status=Status.SPENT,
            decision="approved", claimed_by="m-1/x"),
)  # fmt: skip


def failure_of(_: str) -> Problem:
    return Problem(NOW, f"{LONG} {HOSTILE}")


def row(session_id: str, **fields: Any) -> SessionRow:
    known = {"task": f"{HOSTILE} {LONG}", "status": "waiting", "outcome": "", "reason": ""}
    return SessionRow(session_id, **{**known, "last_words": LONG, "changed_at": NOW, **fields})


def landing() -> bytes:
    waits = tuple(waiting(wait.tool_name, {"job": LONG}, wait) for wait in WAITS)
    children = [row(CHILD, parent_id="s-1"), row("cd" * 32, parent_id=CHILD)]
    more = [row(f"{n}" * 64, status="completed", outcome="published") for n in range(30)]
    return pages.landing(
        [row("s-1", waits=waits), *children, *more],
        (1, 1),
        2,
        is_scripted=True,
        problem=HOSTILE,
        decided_at={("s-1", "t-1"): f"{URL}/approvals/{LONG}"},
        failure_of=failure_of,
    )


def question(tool_use_id: str) -> Question:
    """A question whose links name session and tool use, as the real ones do."""
    ids = json.dumps([links.FOR_APPROVALS[0], "s-1", tool_use_id]).encode()
    url = f"{URL}/approvals/{base64.urlsafe_b64encode(ids).decode().rstrip('=')}.{LONG}"
    return Question(f"{HOSTILE} {LONG}", (Link("approve", url), Link("deny", url)))


def mail(*tool_use_ids: str, html: str = "") -> Mail:
    asked = tuple(map(question, tool_use_ids)) or (Question(LONG, ()),)
    return Mail(f"{HOSTILE} {LONG}", LONG, "2026-11-29T14:57:31.000Z", asked, LONG, html)


def mailbox() -> bytes:
    """Open, folded, of several questions, asking nothing, with HTML, on pages."""
    html = "<!doctype html><html lang='en'><head><title>M</title></head><body>Hi</body></html>"
    mails = [mail("t-2"), mail("t-1", "t-2"), mail(), mail("t-1", html=html)]
    ended = {("s-1", "t-2"): f"Approved by {LONG}, {HOSTILE}"}
    return mail_page.mailbox(mails * 8, ended, Address("/local/mail", page=1, reloads=True))


def session() -> bytes:
    use = {"toolUse": {"toolUseId": LONG, "name": LONG, "input": {LONG: [LONG, HOSTILE]}}}
    messages = ({"role": "user", "content": [{"text": HOSTILE}]}, {"role": LONG, "content": [use]})
    children = {"t-4": row(CHILD, parent_id="s-1")}
    record = Record(row("s-1", parent_id=CHILD), messages, waits=WAITS, children=children,
                    unsaved=frozenset({"t-6"}))  # fmt: skip
    span = Span(LONG, "GetItem", NOW - 1, NOW, "t", "1", "0", {"session_id": "s-1"})
    return session_page.session(
        record, timeline(record, [span], failure_of), [span], [], 2, problem=LONG
    )


@pytest.mark.parametrize("width", [390, 320])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("shown", [landing, session, mailbox])
def test_nothing_runs_and_nothing_is_wider_than_a_phone(
    browser: Any, shown: Any, scheme: Any, width: int
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 844}, color_scheme=scheme, base_url=URL
    )
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    body = shown()
    headers = mail_page.HEADERS if shown is mailbox else pages.HEADERS
    page.route("**/*", lambda route: route.fulfill(headers=dict(headers), body=body))
    page.goto("/")
    page.locator("summary").evaluate_all("all => all.forEach(one => one.parentNode.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.title() != "owned" and page.locator("script, img").count() == 0
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, background[4:-1].split(","))) < 200) == (scheme == "dark")
    assert said == []
    context.close()


def test_the_button_sends_the_wait_without_script(browser: Any) -> None:
    context = browser.new_context(viewport=chromium.PHONE, java_script_enabled=False, base_url=URL)
    page = context.new_page()
    sent: list[tuple[str, str, str]] = []

    def answer(route: Any) -> None:
        request = route.request
        sent.append((request.method, request.url, request.post_data or ""))
        route.fulfill(headers=dict(pages.HEADERS), body=session())

    page.route("**/*", answer)
    page.goto("/local/sessions/s-1")
    buttons = page.get_by_role("button", name="Cancel this wait")
    assert buttons.count() == 2
    assert buttons.first.bounding_box()["height"] >= 44
    buttons.nth(1).click()
    assert sent[-1] == ("POST", f"{URL}/local/sessions/s-1/cancel", "tool_use_id=t-2")
    context.close()


def test_a_whole_row_is_a_link_and_what_stands_in_it_has_its_own(browser: Any) -> None:
    context = browser.new_context(viewport=chromium.PHONE, java_script_enabled=False, base_url=URL)
    page = context.new_page()
    page.route("**/*", lambda route: route.fulfill(headers=dict(pages.HEADERS), body=landing()))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(URL)))
    for click, url in (
        (
            lambda: page.get_by_text("publish_post, asked: the approver").first.click(force=True),
            "s-1",
        ),
        (lambda: page.locator("code", has_text=CHILD).click(force=True), CHILD),
    ):
        page.goto("/")
        click()
        assert asked[-1] == f"/local/sessions/{url}"
    page.goto("/")
    page.get_by_role("link", name="Read and decide").click()
    assert asked[-1] == f"/approvals/{LONG}"
    context.close()


def test_what_was_decided_unfolds_without_script(browser: Any) -> None:
    context = browser.new_context(viewport=chromium.PHONE, java_script_enabled=False, base_url=URL)
    page = context.new_page()
    page.route("**/*", lambda route: route.fulfill(headers=dict(pages.HEADERS), body=mailbox_of()))
    page.goto("/local/mail")
    way = page.get_by_role("link", name="Its page")
    assert not way.is_visible()
    page.get_by_text("Approved by ann").first.click()
    assert way.is_visible() and page.get_by_role("link", name="Approve").count() == 0
    context.close()


def mailbox_of() -> bytes:
    """One e-mail, which is decided."""
    return mail_page.mailbox([mail("t-1")], {("s-1", "t-1"): "Approved by ann"})


def test_a_page_that_shall_reload_does_so_by_itself(browser: Any) -> None:
    context = browser.new_context(viewport=chromium.PHONE, java_script_enabled=False, base_url=URL)
    page = context.new_page()
    asked: list[str] = []

    def answer(route: Any) -> None:
        asked.append(route.request.url.removeprefix(URL))
        address = Address("/", page=2, reloads="reload" in asked[-1])
        headers = dict([*pages.HEADERS, *address.headers])
        route.fulfill(headers=headers, body=pages.landing([], (0, 0), 0, address=address))

    page.route("**/*", answer)
    page.goto("/?page=2")
    page.get_by_role("link", name="Auto-reload").click()
    until = time.monotonic() + 60
    while len(asked) < 3 and time.monotonic() < until:
        page.wait_for_timeout(200)  # Nobody does anything.
    assert asked[:3] == ["/?page=2", "/?page=2&reload=1", "/?page=2&reload=1"]
    page.get_by_role("link", name="Stop reloading").click()
    assert asked[-1] == "/?page=2"
    context.close()
