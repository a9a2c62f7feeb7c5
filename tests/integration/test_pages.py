"""The walk in a real browser, through the front door: from the task to the feed."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from local_stack import LocalStack

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
PHONE = {"width": 360, "height": 740}


@pytest.fixture
def page() -> Iterator[Any]:
    """A page of a phone's size, without JavaScript; any request elsewhere fails the test."""
    if not os.access(CHROMIUM, os.X_OK):
        pytest.skip(f"no Chromium at {CHROMIUM}: install it, or set CHROMIUM to one")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"], headless=True
        )
        context = browser.new_context(viewport=PHONE, java_script_enabled=False)
        context.set_default_timeout(60_000)
        yield context.new_page()
        browser.close()


def test_a_person_walks_from_the_task_to_the_feed(stack: LocalStack, page: Any, task: str) -> None:
    page.goto(stack.front_url)
    page.get_by_label("What shall the agent write about?").fill(f"{task}\n<i>& more</i>")
    page.get_by_role("button", name="Send the task").click()
    assert page.get_by_role("status").inner_text().startswith("Sent, as local-")
    stack.wait_for_mail(task)
    page.get_by_role("link", name="the approver's e-mail").click()
    mail = page.get_by_role("article").filter(has_text=task)
    assert "<i>& more</i>" in mail.inner_text()
    mail.get_by_role("link", name="Approve").click()
    assert task in page.locator("pre").first.inner_text()
    # The page sends no referrer, so the form's Origin is null: the front door must take it.
    page.get_by_role("button", name="Approve").click()
    assert page.get_by_role("heading", level=1).inner_text().endswith("Approved")
    session_id = next(
        item["session_id"]["S"]
        for item in stack.dynamodb.scan(TableName=stack.description["tables"]["sessions"])["Items"]
        if task in str(item)
    )
    stack.wait_until_completed(session_id)
    page.goto(f"{stack.front_url}/feed")
    assert f"{task}\n<i>& more</i>" in page.get_by_role("article").first.inner_text()


@pytest.mark.parametrize("path", ["/", "/local/mail", "/nothing"])
def test_pages_fit_a_phone(stack: LocalStack, page: Any, task: str, path: str) -> None:
    stack.ask(f"{task} {'x' * 300}")
    page.goto(stack.front_url + path)
    box = page.locator("body").bounding_box()
    assert box["width"] <= PHONE["width"]
    for element in page.locator("main *").all():
        inner = element.bounding_box()
        assert inner is None or inner["x"] + inner["width"] <= PHONE["width"]
