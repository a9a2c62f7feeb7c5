"""The local stack's pages of sessions in Chromium: a phone, light and dark, without script."""

import time
from typing import Any

import pytest
from local import pages, session_page
from local.records import Record
from local.timeline import timeline
from local.traces import Span
from local.view import SessionRow
from local.waiting import waiting

import chromium
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
)


def row(session_id: str, **fields: Any) -> SessionRow:
    known = {"task": f"{HOSTILE} {LONG}", "status": "waiting", "outcome": "", "reason": ""}
    return SessionRow(session_id, **{**known, "last_words": LONG, "changed_at": NOW, **fields})


def landing() -> bytes:
    waits = tuple(waiting(wait.tool_name, {"job": LONG}, wait) for wait in WAITS)
    children = [row(CHILD, parent_id="s-1"), row("cd" * 32, parent_id=CHILD)]
    return pages.landing([row("s-1", waits=waits), *children], (1, 1), 2, problem=HOSTILE)


def session() -> bytes:
    use = {"toolUse": {"toolUseId": LONG, "name": LONG, "input": {LONG: [LONG, HOSTILE]}}}
    messages = ({"role": "user", "content": [{"text": HOSTILE}]}, {"role": LONG, "content": [use]})
    children = {"t-4": row(CHILD, parent_id="s-1")}
    record = Record(row("s-1", parent_id=CHILD), messages, waits=WAITS, children=children)
    span = Span(LONG, "GetItem", NOW - 1, NOW, "t", "1", "0", {"session_id": "s-1"})
    return session_page.session(record, timeline(record, [span]), [span], [], 2, problem=LONG)


@pytest.mark.parametrize("width", [390, 320])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("shown", [landing, session])
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
    page.route("**/*", lambda route: route.fulfill(headers=dict(pages.HEADERS), body=body))
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
