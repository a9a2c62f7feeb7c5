"""The walk in a real browser, through the front door: from the task to the feed."""

from collections.abc import Iterator
from typing import Any

import pytest

import chromium
from local_stack import LocalStack


@pytest.fixture
def page(stack: LocalStack, browser: Any) -> Iterator[Any]:
    """A page of a phone's size, without JavaScript; any request elsewhere fails the test."""
    context = browser.new_context(viewport=chromium.PHONE, java_script_enabled=False)
    context.set_default_timeout(60_000)
    requested: list[str] = []
    context.on("request", lambda request: requested.append(request.url))
    yield context.new_page()
    context.close()
    assert [url for url in requested if not url.startswith(f"{stack.front_url}/")] == []
    assert requested


def test_a_person_walks_from_the_task_to_the_feed(stack: LocalStack, page: Any, task: str) -> None:
    page.goto(stack.front_url)
    page.get_by_label("What shall the agent do?").fill(f"{task}\n<i>& more</i>")
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
    assert box["width"] <= chromium.PHONE["width"]
    for element in page.locator("main *").all():
        inner = element.bounding_box()
        assert inner is None or inner["x"] + inner["width"] <= chromium.PHONE["width"]
