"""Every page of people and of the local stack has no finding of axe-core.

Those of people are walked by keyboard alone.

At the size of a phone and of a desk, light and dark.
"""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from local import pages
from test_local_pages import URL, landing, mailbox, session
from test_review_page import open_approval, refund_call

import chromium
from approval_site import Site
from longrunning.waits.item import Edit, Wait
from sample_people import PEOPLE

DESKTOP = {"width": 1280, "height": 900}
FORM = {
    "type": "object",
    "properties": {
        "size": {"type": "string", "title": "Your size", "enum": ["s", "m"]},
        "count": {"type": "integer", "minimum": 1, "maximum": 9},
        "by": {"type": "string", "format": "date"},
        "gift": {"type": "boolean"},
        "names": {"type": "array", "items": {"type": "string"}},
        "note": {"type": ["string", "null"]},
    },
    "required": ["size"],
}


def voted() -> Wait:
    """Two of three must agree; one has, with an edit, and another had before."""
    approval = refund_call(approvers=["ann", "bob", "cyd"], needed=2)
    old, edit = approval.in_force.digest, {"edited_arguments": {"amount": 40}}
    new = approval.edited(Edit(None, {"amount": 40})).digest
    vote = {"via": "link", "at": 1_773_482_400, "decision": "approved"}
    votes = [
        {**vote, "by": "ann", "digest": old, "comment": None},
        {**vote, "by": "bob", "digest": new, "comment": "Forty is enough."},
    ]
    return refund_call(approvers=["ann", "bob", "cyd"], needed=2, votes=votes, **edit)


def question(**changes: Any) -> Wait:
    return open_approval(
        content="Which size, and for whom?", action="ask_human", tool_name="ask_human",
        arguments={}, answer_schema=FORM, **changes,
    )  # fmt: skip


def answered() -> Wait:
    said = {"toolUseId": "tooluse_1", "status": "success",
            "content": [{"text": '{"answer": {"size": "m", "names": ["A", "B"]}}'}]}  # fmt: skip
    return question(status="RESOLVED", result=said, decided_by="ann", decided_at=1_773_482_400)


DECIDED = {"decided_by": "link", "decided_at": 1_773_482_400, "comment": "Fine."}
PAGES: dict[str, Callable[[], Wait]] = {
    "a text": open_approval,
    "a call without a text": refund_call,
    "a call with votes": voted,
    "approved": lambda: open_approval(status="APPROVED", decision="approved", **DECIDED),
    "edited": lambda: open_approval(
        status="APPROVED",
        decision="approved",
        edited_content="Meet our quickest unicorn.",
        **DECIDED,
    ),
    "denied": lambda: open_approval(status="DENIED", decision="denied", **DECIDED),
    "withdrawn": lambda: open_approval(status="CANCELLED", **DECIDED),
    "expired": lambda: open_approval(status="EXPIRED"),
    "a question": question,
    "an answer": answered,
}


def findings(page: Any) -> list[str]:
    """What axe-core finds, and where."""
    found = Axe().run(page).response["violations"]
    return [f"{v['id']}: {v['help']}: {v['nodes'][0]['html'][:120]}" for v in found]


def open_all(page: Any) -> None:
    """Unfolds what is folded, so that it is looked at as well."""
    page.evaluate("document.querySelectorAll('details').forEach(e => e.open = true)")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [chromium.PHONE, DESKTOP], ids=["phone", "desktop"])
def test_axe_finds_nothing_on_any_page(page: Any, site: Site, scheme: str, size: Any) -> None:
    site.people = PEOPLE
    page.set_viewport_size(size)
    page.emulate_media(color_scheme=scheme)
    for name, make in PAGES.items():
        page.goto(site.link(make()))
        open_all(page)
        assert findings(page) == [], name
        over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert over == 0, name
    page.goto(f"{site.url}/approvals/unknown")
    assert findings(page) == []
    page.goto(site.link(open_approval()))
    page.get_by_role("button", name="Approve").click()
    page.wait_for_selector("text=Thank you.")
    assert findings(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [chromium.PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("shown", [landing, mailbox, session])
def test_axe_finds_nothing_on_the_local_pages(
    browser: Any, shown: Any, scheme: Any, size: Any
) -> None:
    # Without the policy, which would keep axe out.
    context = browser.new_context(viewport=size, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    page.route("**/*", lambda route: route.fulfill(headers=dict(pages.HEADERS), body=shown()))
    page.goto(URL)
    open_all(page)
    assert findings(page) == []
    context.close()


def test_axe_finds_what_is_wrong(page: Any) -> None:
    page.set_content("<html><body><img src='x'><button></button></body></html>")
    assert {line.partition(":")[0] for line in findings(page)} >= {"image-alt", "button-name"}


def press_to(page: Any, name: str, most: int = 30) -> None:
    """Goes by the tab key to what has a name."""
    for _ in range(most):
        page.keyboard.press("Tab")
        label = page.evaluate(
            "(e => e.labels?.[0]?.innerText || e.innerText || '')(document.activeElement)"
        )
        if label.strip().startswith(name):
            return
    raise AssertionError(f"no way to {name} by the keyboard")


def test_a_refund_is_changed_and_approved_by_keyboard_alone(page: Any, site: Site) -> None:
    approval = refund_call()
    page.goto(site.link(approval))
    press_to(page, "Change something")
    page.keyboard.press("Enter")
    press_to(page, "Amount in EUR")
    page.keyboard.press("Control+A")
    page.keyboard.type("41.5")
    press_to(page, "reason")
    page.keyboard.press("ArrowDown")
    press_to(page, "Approve")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Thank you.")
    assert site.stored(approval).edit == Edit(None, {"amount": 41.5, "reason": "broken"})


def test_a_denial_goes_by_keyboard_alone_and_says_why(page: Any, site: Site) -> None:
    approval = open_approval()
    page.goto(site.link(approval, "denied"))
    press_to(page, "Comment to the agent")
    page.keyboard.type("Not like this.")
    press_to(page, "Deny")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=does not run")
    stored = site.stored(approval)
    assert (stored.status, stored.comment) == ("DENIED", "Not like this.")


def test_a_denial_is_taken_whatever_stands_in_the_fields(page: Any, site: Site) -> None:
    """What a field does not take keeps nobody from denying."""
    approval = refund_call()
    page.goto(site.link(approval))
    page.get_by_text("Change something before you approve").click()
    page.get_by_label("Amount in EUR").fill("501")
    page.get_by_role("button", name="Deny").click()
    page.wait_for_selector("text=does not run")
    assert site.stored(approval).status == "DENIED"


def test_a_question_is_answered_by_keyboard_alone(page: Any, site: Site) -> None:
    asked = question()
    page.goto(site.link(asked))
    press_to(page, "Your size")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    press_to(page, "count")
    page.keyboard.type("3")
    press_to(page, "Send the answer")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Thank you.")
    assert site.answers == [{"size": "m", "count": 3}]
