"""The HTML of e-mails in Chromium: on a phone and on a desk, light and dark, and in the mailbox."""

from typing import Any

import pytest
from local import mail_page
from local.mail import Mail, Question
from test_accessibility import DESKTOP, findings

import chromium
import page_samples

ASKED = Question("Body", ())
URL = "http://localhost:3000"
PHONE = chromium.PHONE


def samples() -> list[str]:
    """One by one, all of a turn, and a sign-in."""
    *asked, sign_in = page_samples.html_emails(page_samples.DORA)
    return [*asked[:3], *asked[-1:], sign_in]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_an_e_mail_has_no_finding_and_is_no_wider_than_its_screen(
    browser: Any, size: dict[str, int], scheme: Any
) -> None:
    context = browser.new_context(viewport=size, color_scheme=scheme)
    page, asked = context.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    for html in samples():
        page.set_content(html)
        assert findings(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        heights = page.locator("a").evaluate_all("all => all.map(a => a.offsetHeight)")
        assert min(heights) >= 44
    assert asked == [], "nothing is loaded from anywhere"
    context.close()


def test_the_mailbox_shows_it_in_a_frame_whose_buttons_leave_it(browser: Any) -> None:
    hostile = "<script>parent.document.title = 'owned'</script>"
    html = samples()[0].replace("https://q7/1", f"{URL}/approvals/t").replace("<main>", hostile)
    mail = Mail("Subject", "Body", "2026-01-31T09:30:00.000Z", (ASKED,), "dora", html)
    page = browser.new_context(viewport=PHONE, base_url=URL).new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    body = mail_page.mailbox([mail])
    page.route("**/*", lambda route: route.fulfill(headers=dict(mail_page.HEADERS), body=body))
    page.goto("/local/mail")
    frame = page.frame_locator("iframe")
    button = frame.get_by_role("link", name="Lesen und freigeben")
    assert button.evaluate("a => getComputedStyle(a).backgroundColor") == "rgb(20, 103, 60)"
    assert page.title() != "owned"
    assert all("Blocked script" in text for text in said), said
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    button.click()
    page.wait_for_url("**/approvals/t")
    page.context.close()
