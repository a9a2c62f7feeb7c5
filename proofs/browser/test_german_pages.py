"""The pages in German, whose words are longer: axe finds nothing, and all fits a phone."""

import re
from typing import Any

import pytest
from test_accessibility import DESKTOP, PAGES, findings, open_all
from test_review_page import open_approval, refund_call

import chromium
from approval_site import Site
from longrunning.waits.item import Wait
from sample_people import ANN, BOB, CYD

PEOPLE = {
    "ann": ANN._replace(language="de", time_zone="Europe/Berlin"),
    "bob": BOB,
    "cyd": CYD,
}
SIZES = pytest.mark.parametrize("size", [chromium.PHONE, DESKTOP], ids=["phone", "desktop"])


def german_link(site: Site, approval: Wait) -> str:
    """Stores an approval and returns the link of the one who reads German."""
    site.people = PEOPLE
    return site.link(approval, person="ann").partition("?")[0]


def fits(page: Any) -> bool:
    """Whether nothing is wider than the screen, and no button's words are wider than it."""
    return bool(
        page.evaluate(
            "document.documentElement.scrollWidth === window.innerWidth && "
            "[...document.querySelectorAll('button, th, summary')]"
            ".every(e => e.scrollWidth <= e.clientWidth)"
        )
    )


@SIZES
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_german_page_and_all_fits(
    page: Any, site: Site, scheme: str, size: Any
) -> None:
    page.set_viewport_size(size)
    page.emulate_media(color_scheme=scheme)
    for name, make in PAGES.items():
        page.goto(german_link(site, make()))
        open_all(page)
        assert page.locator("html").get_attribute("lang") == "de", name
        assert findings(page) == [], name
        assert fits(page), name


def test_a_german_approves_with_a_comment_and_an_edit(page: Any, site: Site) -> None:
    approval = refund_call()
    page.goto(german_link(site, approval))
    page.get_by_text("Vor der Freigabe etwas ändern").click()
    page.get_by_label("Amount in EUR").fill("41.5")
    page.get_by_text("Kommentar hinzufügen").click()
    page.get_by_label("Kommentar an den Agenten").fill("Passt so.")
    page.get_by_role("button", name="Freigeben").click()
    page.wait_for_selector("text=Vielen Dank.")
    stored = site.stored(approval)
    assert (stored.status, stored.comment) == ("APPROVED", "Passt so.")
    assert stored.edit.arguments == {"amount": 41.5}


def test_the_times_are_in_the_persons_zone(page: Any, site: Site) -> None:
    approval = open_approval()
    page.goto(german_link(site, approval))
    shown = page.locator("time").inner_text()
    assert re.fullmatch(
        r"(\w+tag|Mittwoch), \d+\. \w+ \d{4}, \d\d:\d\d Uhr \(Europe/Berlin\)", shown
    )
    assert page.locator("time").get_attribute("datetime").endswith("Z")
