"""The inbox in a browser: signing in, the lists, several at once, without script or mouse."""

import html
import os
import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from test_accessibility import DESKTOP, findings, open_all, press_to, question, voted

import chromium
import sample_people
from approval_site import Site
from converse_stand_in import tool_use
from inbox_browser import Browser, sign_in_link
from inbox_site import serve_world
from longrunning.people.policy import Policy
from longrunning.waits.item import Call
from oidc_stand_in import CLIENT_ID, StandInIssuer, serve_issuer
from sample_people import PEOPLE, set_people
from sample_refund import Refunds, refund_tool
from world import World, forget_environments

each_rendering = pytest.mark.parametrize(
    ("size", "scheme", "language"),
    [
        (chromium.PHONE, "light", "de"),
        (chromium.PHONE, "dark", "en"),
        (DESKTOP, "light", "en"),
        (DESKTOP, "dark", "de"),
    ],
    ids=["phone-light-de", "phone-dark-en", "desktop-light-en", "desktop-dark-de"],
)
"""Each two of size, colours and language together; all three take twice the time."""


@pytest.fixture
def url(world: World) -> Iterator[str]:
    """An inbox in which four things wait for Ann, and one for others."""
    use_people(world)
    with serve_world(world) as served:
        ask(world, "4711", 60, reason="late")
        ask(world, "4712", 480, reason="broken")
        ask(world, "4713", 12.5, reason="other")
        ask(world, "4999", 20, reason="other")
        yield served


def use_people(world: World, language: str = "en") -> None:
    def policy(call: Call, requested_by: str | None) -> Policy:
        if call.arguments.get("order_id") == "4999":
            return Policy(people=("bob",))
        return Policy(people=("ann", "bob"), needed=2 if call.arguments["amount"] > 100 else 1)

    sample_people.use_people(world, policy, refund_tool(Refunds()))
    people = {id_: replace_language(person, language) for id_, person in PEOPLE.items()}
    set_people(world.monkeypatch, people)


def replace_language(person: Any, language: str) -> Any:
    return person._replace(language=language)


def ask(world: World, order_id: str, amount: float, **more: Any) -> str:
    given = {"order_id": order_id, "amount": amount, **more}
    world.play([[tool_use(f"pay-{order_id}", "send_refund", given)]])
    return world.start(f"Refund {order_id}", requested_by="shop@example.com")


def sign_in(page: Any, url: str, world: World) -> None:
    page.goto(f"{url}/inbox")
    page.get_by_label("Your e-mail address").fill("ann@example.com")
    page.get_by_role("button", name="Send me the e-mail").click()
    page.goto(sign_in_link(world))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_selector("text=3 wait for you")


def status_of(world: World, order_id: str) -> str:
    items = world.aws["dynamodb"].scan(TableName=world.env["APPROVALS_TABLE_NAME"])["Items"]
    (found,) = [i for i in items if i["tool_use_id"]["S"] == f"pay-{order_id}"]
    return str(found["status"]["S"])


def test_a_person_signs_in_and_decides_by_keyboard_alone(page: Any, url: str, world: World) -> None:
    page.goto(f"{url}/inbox")
    press_to(page, "Your e-mail address")
    page.keyboard.type("ann@example.com")
    press_to(page, "Send me the e-mail")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Look into your mailbox")
    page.goto(sign_in_link(world))
    press_to(page, "Sign in")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=3 wait for you")
    press_to(page, "order_id: 4711", most=40)
    page.keyboard.press("Enter")
    page.wait_for_selector("text=asks for your approval")
    press_to(page, "Approve", most=40)
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Thank you.")
    assert status_of(world, "4711") == "APPROVED"
    page.get_by_role("link", name="Next:").click()
    page.wait_for_selector("text=asks for your approval")


def test_several_are_ticked_seen_once_more_and_decided(page: Any, url: str, world: World) -> None:
    sign_in(page, url, world)
    button = page.get_by_role("button", name="Decide those ticked")
    assert not button.is_visible()
    for order_id in ("4711", "4713"):
        page.get_by_role("checkbox", name=re.compile(order_id)).check()
    assert button.is_visible()
    button.click()
    page.wait_for_selector("text=Decide 2 together")
    assert page.get_by_text("4713").count() and not page.get_by_text("4712").count()
    page.get_by_label("Comment to the agents").fill("Both are fine.")
    page.get_by_role("button", name="Approve all 2").click()
    page.wait_for_selector("text=What became of them")
    assert page.get_by_text("Approved.").count() == 2
    assert [status_of(world, o) for o in ("4711", "4712", "4713")] == [
        "APPROVED", "PENDING", "APPROVED",
    ]  # fmt: skip


def test_words_find_and_the_lists_are_a_click_away(page: Any, url: str, world: World) -> None:
    sign_in(page, url, world)
    page.get_by_role("searchbox", name="Words").fill("broken")
    page.get_by_role("button", name="Find").click()
    page.wait_for_selector("text=Found: 1 of yours")
    page.get_by_role("link", name="All open").click()
    page.wait_for_selector("text=4999")
    page.get_by_role("link", name=re.compile("4999")).click()
    page.wait_for_selector("text=You are not asked for this")
    page.get_by_role("link", name="Decided", exact=True).click()
    page.wait_for_selector("text=Nothing was decided yet.")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_selector("text=Your e-mail address")
    page.goto(f"{url}/inbox")
    page.wait_for_selector("text=Your e-mail address")


def test_an_e_mails_link_signs_nobody_in_elsewhere(
    page: Any, browser: Any, url: str, world: World
) -> None:
    page.goto(f"{url}/inbox")
    page.get_by_label("Your e-mail address").fill("ann@example.com")
    page.get_by_role("button", name="Send me the e-mail").click()
    page.wait_for_selector("text=Look into your mailbox")
    context = browser.new_context()
    other = context.new_page()
    other.goto(sign_in_link(world))
    assert other.get_by_text("This link does not work here").count()
    assert context.cookies() == []
    context.close()


def test_a_form_of_another_site_comes_without_the_cookie_and_is_refused(
    page: Any, url: str, world: World
) -> None:
    sign_in(page, url, world)
    elsewhere = url.replace("localhost", "127.0.0.1")
    form = f"<form method=post action='{url}/inbox/sign-out'><button>x</button></form>"
    page.route(f"{elsewhere}/evil", lambda route: route.fulfill(
        body=form, content_type="text/html"))  # fmt: skip
    page.goto(f"{elsewhere}/evil")
    page.get_by_role("button").click()
    page.wait_for_selector("text=This came from another site")
    page.goto(f"{url}/inbox")
    page.wait_for_selector("text=3 wait for you")


@each_rendering
def test_axe_finds_nothing_in_the_inbox(
    page: Any, url: str, world: World, language: str, scheme: str, size: Any
) -> None:
    use_people(world, language)
    page.set_viewport_size(size)
    page.emulate_media(color_scheme=scheme)
    console: list[str] = []
    page.on("console", lambda message: console.append(message.text))
    seen = 0

    def look() -> None:
        nonlocal seen
        seen += 1
        assert findings(page) == [], page.url
        over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert over == 0, page.url

    def press(place: str) -> None:
        with page.expect_navigation():
            page.locator(place).first.click()

    page.goto(f"{url}/inbox")
    look()
    page.locator("#email").fill("ann@example.com")
    press("button.first")
    look()
    page.goto(sign_in_link(world))
    look()
    press("button.first")
    look()
    page.locator("[name=pick]").first.check()
    look()
    press(".together button")
    look()
    press("button.no")
    look()
    for path in ("?view=open", "?view=decided", "?q=nothing", "/nothing"):
        page.goto(f"{url}/inbox{path}")
        look()
    page.goto(f"{url}/inbox")
    press(".case a")
    open_all(page)
    look()
    press("button[value=denied]")
    look()
    assert (seen, page.locator("html").get_attribute("lang")) == (13, language)
    refused = [line for line in console if "404" not in line]
    assert refused == [], "a policy of the page was broken"


@pytest.fixture
def issuer(url: str, world: World) -> Iterator[StandInIssuer]:
    """An issuer on the name that is another site for the browser; people sign in there."""
    with serve_issuer("127.0.0.1") as served:
        world.monkeypatch.setenv("OIDC_ISSUER", served.url)
        world.monkeypatch.setenv("OIDC_CLIENT_ID", CLIENT_ID)
        forget_environments()
        yield served


def test_a_person_signs_in_elsewhere_and_comes_back_by_keyboard_alone(
    page: Any, url: str, world: World, issuer: StandInIssuer
) -> None:
    console: list[str] = []
    page.on("console", lambda message: console.append(message.text))
    page.goto(f"{url}/inbox")
    press_to(page, "Go and sign in")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=3 wait for you")
    assert page.url == f"{url}/inbox"
    assert [cookie["name"] for cookie in page.context.cookies()] == ["__Host-approver"]
    assert console == []
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_selector("text=Go and sign in")


def test_another_site_signs_nobody_in_with_its_own_account(
    page: Any, url: str, issuer: StandInIssuer
) -> None:
    """Its own way back, opened in Ann's browser, which is on its way to the issuer as well."""
    eve = Browser(origin=url)
    back = issuer.authorize(eve.send("GET", f"{url}/inbox/oidc").headers["location"])
    link = f"<a href='{html.escape(back)}'>Come back</a>".encode()
    issuer.answers = {"/authorize": (200, {"content-type": "text/html"}, link)}
    page.goto(f"{url}/inbox/oidc")
    assert [cookie["name"] for cookie in page.context.cookies()] == ["__Host-gone"]
    page.get_by_role("link", name="Come back").click()
    page.wait_for_selector("text=was not begun in this browser")
    assert page.context.cookies() == []
    assert "/token" not in issuer.requests


@each_rendering
def test_axe_finds_nothing_on_the_way_to_an_issuer_and_back(
    browser: Any, url: str, issuer: StandInIssuer, language: str, scheme: str, size: Any
) -> None:
    context = browser.new_context(locale=language, color_scheme=scheme, viewport=size)
    page = context.new_page()
    issuer.claims = {"email": "somebody.with.a.rather.long.address@subsidiary.example.com"}
    for path, words in (("", ""), ("/oidc", "somebody.with.a"), ("/oidc/callback", "")):
        page.goto(f"{url}/inbox{path}")
        assert words in page.content()
        assert page.locator("html").get_attribute("lang") == language
        assert findings(page) == [], page.url
        over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert over == 0, page.url
        assert page.locator("a.go").bounding_box()["height"] >= 44
    context.close()


# --- the pictures of the guide -------------------------------------------------------------------

IMAGES = Path(__file__).parents[2] / "docs/images"
PICTURES = {
    "people-inbox.png": (780, 780),
    "people-review.png": (390, 1290),
    "people-several.png": (390, 1000),
    "people-question.png": (390, 700),
}
"""Each with its size, in pixels. PICTURES=1 makes them anew."""


@pytest.fixture
def take(page: Any, tmp_path: Path) -> Callable[[str], None]:
    """Takes a picture, and holds that the guide has it in this size."""
    folder = IMAGES if os.environ.get("PICTURES") == "1" else tmp_path

    def take(name: str) -> None:
        width, height = PICTURES[name]
        page.set_viewport_size({"width": width, "height": height})
        page.screenshot(path=folder / name)
        assert f"images/{name}" in (IMAGES.parent / "people.md").read_text()
        for place in (folder, IMAGES):
            assert struct.unpack(">II", (place / name).read_bytes()[16:24]) == PICTURES[name]

    return take


def test_the_guide_shows_the_inbox_as_it_is(
    page: Any, url: str, world: World, take: Callable[[str], None]
) -> None:
    sign_in(page, url, world)
    take("people-inbox.png")
    for order_id in ("4711", "4713"):
        page.get_by_role("checkbox", name=re.compile(order_id)).check()
    page.get_by_role("button", name="Decide those ticked").click()
    page.wait_for_selector("text=Decide 2 together")
    take("people-several.png")


def test_the_guide_shows_what_a_link_opens_as_it_is(
    page: Any, site: Site, take: Callable[[str], None]
) -> None:
    site.people = PEOPLE
    page.goto(site.link(voted(), person="cyd"))
    take("people-review.png")
    page.goto(site.link(question(approvers=["ann"]), person="ann"))
    take("people-question.png")
