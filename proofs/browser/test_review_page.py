"""A person with a phone, a keyboard or a hostile text decides on the real page in Chromium."""

import re
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import chromium
import sample_refund
from approval_api_driver import pending
from approval_site import Site
from core_samples import changed
from longrunning.text import visible
from longrunning.waits.item import Edit, Wait
from sample_people import ANN

WORD_OF_5000 = "Unicorn" * 714 + "!!"
HOSTILE = {
    "script": "<script>document.title='owned'</script>",
    "end of the block": "</pre><script>document.title='owned'</script><pre>",
    "end of the editor": "</textarea><img src=x onerror=\"document.title='owned'\">",
    "image": "<img src=x onerror=\"document.title='owned'\">",
    "svg": "<svg onload=\"document.title='owned'\"><style>*{display:none}</style>",
    "link": "<a href=\"javascript:document.title='owned'\">free unicorns</a>",
    "form": '</form><form action="https://evil.example"><button>Approve</button></form>',
    "meta": '<meta http-equiv="refresh" content="0;url=https://evil.example">',
    "base": '<base href="https://evil.example/">',
    "style": "</style><style>pre{display:none}</style>",
    "comment": "<!-- hidden --><!--[if IE]>x<![endif]-->",
    "entities": "&lt;b&gt; &amp;amp; &#x202e; &nbsp;",
    "template": "$main ${content} {content} %s",
    "bidi": "Pay \u202emoc.live\u202c and \u2067mirror\u2069 now",
    "zero width": "un\u200bsub\u200cscribe\u200d\ufeff now",
    "tags": "hello" + "".join(chr(0xE0000 + ord(c)) for c in "ignore the above"),
    "fillers": "\u3164\u2800\u115f\u034f\u00ad",
    "controls": "a\x00b\x07c\x1b[31md\x7fe\x85f",
    "newlines": "\n\n\nthree lines down\n\n",
    "carriage returns": "one\r\ntwo\rthree",
    "spaces": "  two  spaces\tand a tab  ",
    "right to left": "שלום עולם, unicorn!",
    "stacked accents": "z" + "\u0301" * 300 + " fine",
    "one word": WORD_OF_5000,
    "200 KB": "unicorn " * 25_000,
}


def wide(page: Any) -> int:
    """By how many pixels the page is wider than the screen."""
    over: int = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return over


def shown(page: Any) -> str:
    text: str = page.locator("pre").evaluate("element => element.textContent")
    return text


def open_approval(**changes: Any) -> Wait:
    """As `pending`, by the real clock."""
    now = int(time.time())
    return pending(requested_at=now - 3_600, decide_by=now + 86_400, **changes)


def withdrawn() -> Wait:
    """Cancelled by an operator with a long name, for a long reason."""
    facts = {"decided_by": f"iam:assumed-role/Operators/{'a' * 150}", "decided_at": 1}
    return open_approval(status="CANCELLED", comment=WORD_OF_5000, **facts)


@pytest.fixture
def approval() -> Wait:
    return open_approval()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone_even_with_a_word_of_5000_characters(
    page: Any, site: Site, scheme: str
) -> None:
    approval = open_approval(
        content=WORD_OF_5000,
        agent_name="agent" * 20,
        arguments={"author": WORD_OF_5000, "a_name_of_many_characters" * 9: 1},
    )
    page.emulate_media(color_scheme=scheme)
    page.goto(site.link(approval))
    assert wide(page) == 0
    page.get_by_text("Edit the text before you approve it").click()
    assert wide(page) == 0
    page.locator("button[value=approved]").click()
    assert page.locator("h1").inner_text().endswith("Approved")
    assert wide(page) == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("decision", ["approved", "denied"])
def test_all_text_has_enough_contrast(
    page: Any, site: Site, approval: Wait, scheme: str, decision: str
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(site.link(changed(approval, content="a\u200bb"), decision))
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (luminance(background) < 0.2) is (scheme == "dark")
    assert contrasts(page) >= 4.5
    with page.expect_navigation():
        page.locator(f"button[value={decision}]").click()
    assert contrasts(page) >= 4.5


@pytest.mark.parametrize("decision", ["approved", "denied"])
def test_the_links_answer_is_the_first_button(
    page: Any, site: Site, approval: Wait, decision: str
) -> None:
    page.goto(site.link(approval, decision))
    buttons = page.locator("button")
    assert buttons.count() == 2
    first, second = (buttons.nth(n) for n in range(2))
    assert first.get_attribute("value") == decision
    color = "element => getComputedStyle(element).backgroundColor"
    assert first.evaluate(color) != second.evaluate(color) == "rgba(0, 0, 0, 0)"
    assert all(button.bounding_box()["height"] >= 44 for button in (first, second))


def test_a_click_approves(page: Any, site: Site, approval: Wait) -> None:
    page.goto(site.link(approval))
    assert site.stored(approval).status == "PENDING"
    page.locator("button[value=approved]").click()
    assert "goes on now and runs publish_post" in page.locator("main").inner_text()
    stored = site.stored(approval)
    assert (stored.status, stored.comment, stored.edited_content) == ("APPROVED", None, None)
    assert len(site.queue.bodies) == 1
    assert page.locator("button").count() == 0


def test_a_click_denies_with_a_comment(page: Any, site: Site, approval: Wait) -> None:
    page.goto(site.link(approval, "denied"))
    page.get_by_label("Comment to the agent").fill("Too long.\nAnd no emoji – bitte!")
    page.get_by_role("button", name="Deny").click()
    assert "may come back with another text" in page.locator("main").inner_text()
    stored = site.stored(approval)
    assert (stored.status, stored.comment) == ("DENIED", "Too long.\nAnd no emoji – bitte!")


def test_a_text_is_edited_and_approved(page: Any, site: Site, approval: Wait) -> None:
    page.goto(site.link(approval))
    page.get_by_text("Edit the text before you approve it").click()
    editor = page.get_by_label("Your text")
    assert editor.input_value() == approval.asked.content
    editor.fill("Mine.\n\nWith two paragraphs & <b>marks</b>.\n")
    page.get_by_role("button", name="Approve").click()
    assert (
        site.stored(approval).in_force.content == "Mine.\n\nWith two paragraphs & <b>marks</b>.\n"
    )
    assert shown(page) == "Mine.\n\nWith two paragraphs & <b>marks</b>.\n"
    assert "as it was edited" in page.locator("main").inner_text()


def test_an_edit_that_is_refused_is_not_lost(page: Any, site: Site, approval: Wait) -> None:
    page.goto(site.link(replace(approval, content_schema={"maxLength": 50})))
    page.get_by_text("Add a comment").click()
    page.get_by_label("Comment to the agent").fill("shorter")
    page.get_by_text("Edit the text before you approve it").click()
    page.get_by_label("Your text").fill("x" * 51)
    page.get_by_role("button", name="Approve").click()
    assert "at most 50 characters" in page.get_by_role("alert").inner_text()
    assert page.get_by_label("Comment to the agent").input_value() == "shorter"
    assert site.stored(approval).status == "PENDING"
    page.get_by_label("Your text").fill("x" * 50)
    page.get_by_role("button", name="Approve").click()
    assert site.stored(approval).in_force.content == "x" * 50


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("kind", ["a text", "a call"])
def test_the_buttons_of_a_short_case_are_on_a_phones_first_screen(
    page: Any, site: Site, kind: str, language: str
) -> None:
    site.people = {"ann": ANN._replace(language=language)}
    short = {"content": "Rides from Saturday on.", "arguments": {"author": "Unicorn Rentals"}}
    given = {"order_id": "4711", "amount": 60, "reason": "late"}
    asked = open_approval(**short)
    if kind == "a call":
        asked = changed(refund_call(), arguments=given)
    page.goto(site.link(replace(asked, approvers=["ann"]), person="ann"))
    for decision in ("approved", "denied"):
        box = page.locator(f"button[value={decision}]").bounding_box()
        assert box["y"] + box["height"] <= chromium.PHONE["height"]


def test_the_keyboard_is_enough(page: Any, site: Site, approval: Wait) -> None:
    page.goto(site.link(approval, "denied"))
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("No emoji.")
    page.keyboard.press("Enter")
    page.keyboard.type("Thanks.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == "content"
    page.keyboard.press("Tab")
    focused = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate("document.activeElement.value") == "denied"
    assert page.evaluate(focused) == "solid"
    page.keyboard.press("Space")
    page.wait_for_selector("text=Denied")
    assert site.stored(approval).comment == "No emoji.\nThanks."


def test_every_field_and_button_has_a_name_for_screen_readers(
    page: Any, site: Site, approval: Wait
) -> None:
    page.goto(site.link(approval))
    page.get_by_text("Edit the text before you approve it").click()
    page.get_by_text("Add a comment").click()
    tree = page.locator("body").aria_snapshot()
    for line in ('heading "post-generator asks for your approval" [level=1]',
                 'textbox "Comment to the agent (optional)"', 'button "Approve"', 'button "Deny"',
                 'textbox "Your text (if you change it, yours is what you approve)"',
                 'rowheader "unicorn color"', 'region "The text"'):  # fmt: skip
        assert line in tree
    assert page.locator("html").get_attribute("lang") == "en"
    effect = page.locator("#denied-effect").inner_text()
    assert page.get_by_role("button", name="Deny", description=effect).count() == 1


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_nothing_in_a_hostile_text_executes_hides_or_changes(
    page: Any, site: Site, content: str
) -> None:
    approval = open_approval(content=content)
    troubles: list[str] = []
    page.on("dialog", lambda dialog: (troubles.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: troubles.append(request.url))
    link = site.link(approval)
    page.goto(link)
    assert troubles == [link]
    assert page.title() == "post-generator asks for your approval"
    assert shown(page) == visible(content)
    assert page.locator("form").count() == page.locator("pre").count() == 1
    assert page.locator("script, img, svg, a, base, iframe").count() == 0
    block, button = (page.locator(name).first.bounding_box() for name in ("pre", "button"))
    assert 0 < block["width"] <= chromium.PHONE["width"]
    assert block["y"] + block["height"] < button["y"]
    assert wide(page) == 0
    page.locator("button[value=approved]").click()
    page.wait_for_selector("text=Thank you.")
    stored = site.stored(approval)
    assert stored.status == "APPROVED"
    assert stored.edited_content is None  # what the editor held came back as it went
    assert shown(page) == visible(content)


def test_no_character_that_a_text_can_hold_turns_into_an_edit(page: Any, site: Site) -> None:
    content = "".join(map(chr, range(0x3000))) + "".join(map(chr, range(0xFE00, 0x10000)))
    approval = open_approval(content=content + "\U0001f984\U000e0041\U0010ffff")
    page.goto(site.link(approval))
    page.locator("button[value=approved]").click()
    page.wait_for_selector("text=Thank you.")
    assert site.stored(approval).edited_content is None


def test_the_page_needs_nothing_but_itself(page: Any, site: Site, approval: Wait) -> None:
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.goto(site.link(approval))
    page.locator("button[value=approved]").click()
    page.wait_for_selector("text=Thank you.")
    assert problems == []
    assert [(method, path.partition("/approvals/")[0]) for method, path, _ in site.requests] == [
        ("GET", ""),
        ("POST", ""),
    ]


def test_the_browser_tells_no_other_page_where_it_was(
    page: Any, site: Site, approval: Wait
) -> None:
    page.goto(site.link(approval))
    page.locator("button[value=approved]").click()
    page.wait_for_selector("text=Thank you.")
    headers = {name.lower(): value for name, value in site.requests[1][2].items()}
    assert "referer" not in headers
    assert headers["origin"] == "null"


def test_the_page_is_readable_without_styles(browser: Any, site: Site) -> None:
    approval = open_approval(content="A long line. " * 40)
    context = browser.new_context(viewport=chromium.PHONE, bypass_csp=True)
    plain = context.new_page()
    plain.goto(site.link(approval))
    plain.evaluate("document.querySelector('style').remove()")
    assert wide(plain) == 0
    for words in ("The text", "A long line.", "unicorn color", "Decide until", "Approve", "Deny"):
        assert words in plain.locator("body").inner_text()
    context.close()


@pytest.mark.parametrize(
    ("made", "heading"),
    [
        (lambda site: f"{site.url}/approvals/unknown", "Nothing here"),
        (lambda site: site.link(open_approval(status="EXPIRED")), "Too late"),
        (lambda site: site.link(pending(decide_by=1)), "Too late"),
        (lambda site: site.link(withdrawn()), "Withdrawn"),
    ],
    ids=["unknown", "expired", "expired link", "cancelled"],
)
def test_a_link_that_opens_nothing_says_so_on_a_page_of_its_own(
    page: Any, site: Site, made: Callable[[Site], str], heading: str
) -> None:
    page.goto(made(site))
    assert page.locator("h1").inner_text() == heading
    assert page.locator("button").count() == 0
    assert wide(page) == 0


def refund_call(**changes: Any) -> Wait:
    """A call without a text, each of whose arguments is of another kind."""
    arguments = {
        "order_id": "4711 <b>", "amount": 60, "reason": "late", "notify": True, "pay_on": None,
        "items": ["a mug", "a lamp"], "note": "Two\nlines & more", "who": "ann@example.com",
    }  # fmt: skip
    schemas = sample_refund.refund_tool(sample_refund.Refunds()).schemas
    schemas |= {"note": {"type": "string"}, "who": {"type": "string", "format": "email"}}
    return open_approval(
        content=None, content_schema={}, action="send_refund", arguments=arguments,
        editable=schemas, **changes,
    )  # fmt: skip


def test_a_form_that_is_sent_untouched_edits_nothing(page: Any, site: Site) -> None:
    approval = refund_call()
    page.goto(site.link(approval))
    assert page.locator("pre").count() == 0
    page.get_by_role("button", name="Approve").click()
    page.wait_for_selector("text=Thank you.")
    assert site.stored(approval).edit == Edit()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_argument_is_changed_in_a_field_of_its_kind(
    page: Any, site: Site, scheme: str
) -> None:
    page.emulate_media(color_scheme=scheme)
    approval = refund_call()
    page.goto(site.link(approval))
    page.get_by_text("Change something before you approve").click()
    page.get_by_label("Amount in EUR").fill("40.5")
    page.get_by_label("reason").select_option("broken")
    page.get_by_label("notify").select_option("no")
    page.get_by_label("pay on").fill("2026-04-01")
    page.get_by_label("items").fill("a mug")
    page.get_by_label("note").fill("One line")
    page.get_by_label("who").fill("bob@example.com")
    assert wide(page) == 0
    page.get_by_role("button", name="Approve").click()
    page.wait_for_selector("text=Thank you.")
    assert site.stored(approval).edit == Edit(None, {
        "amount": 40.5, "reason": "broken", "notify": False, "pay_on": "2026-04-01",
        "items": ["a mug"], "note": "One line", "who": "bob@example.com",
    })  # fmt: skip
    assert page.locator("del").count() == page.locator("ins").count() == 7
    assert wide(page) == 0


def test_the_browser_itself_refuses_what_is_out_of_bounds(page: Any, site: Site) -> None:
    approval = refund_call()
    page.goto(site.link(approval))
    page.get_by_text("Change something before you approve").click()
    page.get_by_label("Amount in EUR").fill("501")
    page.get_by_role("button", name="Approve").click()
    assert page.get_by_label("Amount in EUR").evaluate("e => e.validity.rangeOverflow")
    assert site.stored(approval).status == "PENDING"


def test_what_was_typed_and_refused_stands_there_again(page: Any, site: Site) -> None:
    approval = refund_call()
    page.goto(site.link(approval))
    page.get_by_text("Change something before you approve").click()
    page.get_by_label("items").fill("a\nb\nc\nd")
    page.get_by_role("button", name="Approve").click()
    assert "expected 3 or less, got 4" in page.get_by_role("alert").inner_text()
    assert page.get_by_label("items").input_value() == "a\nb\nc\nd"
    assert site.stored(approval).status == "PENDING"


NO = {"status": "error", "text": WORD_OF_5000[:300]}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("changes", "heading"),
    [
        ({"status": "SPENT", "answer": {"status": "success", "text": "x"}}, "✓ Approved and done"),
        ({"status": "SPENT", "refused": True, "answer": NO}, "✕ Approved, not done"),
        ({"not_done": "guardrail_intervened"}, "✕ Approved, not done"),
    ],
    ids=["done", "refused", "not done"],
)
def test_what_became_of_an_approval_is_told_on_a_phone(
    page: Any, site: Site, changes: dict[str, Any], heading: str, scheme: str
) -> None:
    page.emulate_media(color_scheme=scheme)
    decided = {"status": "APPROVED", "decision": "approved", "decided_by": "link"}
    page.goto(site.link(open_approval(**decided | {"decided_at": 1} | changes)))
    assert page.locator("h1").inner_text() == heading
    assert "goes on now" not in page.locator("main").inner_text()
    assert wide(page) == 0
    assert contrasts(page) >= 4.5


def test_the_opposite_click_in_a_second_tab_is_told_what_stands(
    page: Any, site: Site, approval: Wait
) -> None:
    link = site.link(approval)
    page.goto(link)
    other = page.context.new_page()
    other.goto(link)
    page.locator("button[value=denied]").click()
    page.wait_for_selector("text=Thank you.")
    other.locator("button[value=approved]").click()
    assert "the first decision stands" in other.get_by_role("alert").inner_text()
    assert site.stored(approval).status == "DENIED"


def luminance(color: str) -> float:
    """Relative luminance of a CSS colour. Source: WCAG 2.2."""
    channels = [int(number) / 255 for number in re.findall(r"\d+", color)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(c * weight for c, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


def contrasts(page: Any) -> float:
    """The lowest contrast of a text on the page."""
    pairs = page.evaluate("""() => {
        const background = (element) => {
            const color = getComputedStyle(element).backgroundColor;
            return color === 'rgba(0, 0, 0, 0)' ? background(element.parentElement) : color;
        };
        return [...document.body.querySelectorAll('*')]
            .filter((element) => [...element.childNodes].some(
                (node) => node.nodeType === Node.TEXT_NODE && node.data.trim()))
            .map((element) => [getComputedStyle(element).color, background(element)]);
    }""")
    lowest = 21.0
    for pair in pairs:
        dark, light = sorted(map(luminance, pair))
        lowest = min(lowest, (light + 0.05) / (dark + 0.05))
    assert len(pairs) > 10
    return lowest
