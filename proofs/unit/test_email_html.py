"""The HTML of an e-mail: what a person sees, and what nobody can make it look like."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hostile_contents
import page_samples
from approval_api_driver import CONTENT, pending
from longrunning.people.directory import Person
from longrunning.people.email_html import MAX_HTML_BYTES, sign_in_email, turn_email
from longrunning.people.emails import ASKED, REMINDER, Question

ANN = Person("ann", "Ann <Kovač>", "ann@example.com")
DORA = Person("dora", "Dora", "dora@example.com", language="de", time_zone="Europe/Berlin")
FRONT = "https://api.example.com"
VOID = {"meta", "br"}
CLIPPED_BYTES = 102 * 1024
"""Gmail shows no more of one e-mail."""


class Seen(HTMLParser):
    """What a mail program makes of it: elements, links with their words, boxes with their text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()
        self.links: list[tuple[str, str]] = []
        self.boxed: list[str] = []
        self.outside = ""
        self._open: list[tuple[str, bool]] = []
        self.feed(html)
        self.close()
        assert self._open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)
        self.attributes |= {(name, value) for name, value in attrs}
        found = dict(attrs)
        if tag == "br":
            self.handle_data("\n")
        if tag == "a":
            self.links.append((found["href"], ""))
        is_box = "border-left:5px" in found.get("style", "")
        if is_box:
            self.boxed.append("")
        if tag not in VOID:
            self._open.append((tag, is_box))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if any(is_box for _, is_box in self._open):
            self.boxed[-1] += data
        else:
            self.outside += data
        if any(tag == "a" for tag, _ in self._open):
            self.links[-1] = self.links[-1][0], self.links[-1][1] + data


def questions(*contents: str | None, **changes: Any) -> list[Question]:
    return [
        Question(
            pending(tool_use_id=f"use-{n}", content=content, **changes),
            f"{FRONT}/approvals/t{n}?decision=approved&a=b",
            f"{FRONT}/approvals/t{n}?decision=denied",
        )
        for n, content in enumerate(contents, 1)
    ]


def html_of(*contents: str | None, person: Person = ANN, occasion: str = ASKED, **more: Any) -> str:
    return turn_email(questions(*contents, **more), occasion, person).html


def test_it_says_the_case_who_asks_until_when_and_whose_it_is() -> None:
    seen = Seen(html_of(CONTENT))
    words = " ".join(seen.outside.split())
    order = [f'"{CONTENT[:30]}', "post-generator wants to run publish_post and waits for your",
             "Decide until: Sunday, 15 March 2026, 10:00 UTC", "Read and approve", "Read and deny",
             "Written by the agent, word for word:", "The call also carries:",
             "nothing is decided before you press", "They are for Ann <Kovač>"]  # fmt: skip
    places = [words.index(part) for part in order]
    assert places == sorted(places)


def test_its_buttons_are_its_only_links() -> None:
    seen = Seen(html_of(f'<a href="https://evil.example">Approve</a> {FRONT}/approvals/forged'))
    [question] = questions("x")
    assert seen.links == [
        (question.approve_url, "Read and approve"), (question.deny_url, "Read and deny")
    ]  # fmt: skip


def test_the_text_is_shown_word_for_word_in_a_box_and_the_values_in_a_table() -> None:
    text, values = Seen(html_of(CONTENT, arguments={"<b>": "<i>&", "x": None})).boxed
    assert text == CONTENT
    assert "".join(values.split()) == '<b>"<i>&"xnull'


def test_what_cannot_be_seen_is_marked_and_said() -> None:
    html = html_of("a\u202eb\u200b", arguments={"k\u2066": "\u202e"})
    assert 'pre-wrap">a<b>[U+202E]</b>b<b>[U+200B]</b></div>' in html
    assert "k<b>[U+2066]</b>" in html
    assert "Marks like [U+200B] stand for characters that cannot be seen." in html
    assert "stand for characters" not in html_of("plain", arguments={})


def test_a_question_is_answered() -> None:
    html = html_of("Which size?", action="ask_human", tool_name="ask_human", arguments={},
                   answer_schema={"type": "object", "properties": {}})  # fmt: skip
    assert [words for _, words in Seen(html).links] == ["Read and answer"]
    assert "asks a question" in html


def test_a_call_without_a_text_has_no_box_for_one() -> None:
    assert len(Seen(html_of(None, arguments={"amount": 7})).boxed) == 1
    assert Seen(html_of(None, arguments={})).boxed == []


def test_each_of_several_questions_has_its_number_and_its_own_links() -> None:
    html = html_of("First", "Second")
    one, two = html.split("<h2")[1:]
    assert "1. It wants to run" in one and "t1?decision" in one and "t2?decision" not in one
    assert "2. It wants to run" in two and "t2?decision" in two
    assert "asks 2 questions" in html


def test_it_speaks_the_persons_language_and_time() -> None:
    html = html_of("Text", person=DORA, occasion=REMINDER)
    assert '<html lang="de"' in html
    for words in ("Lesen und freigeben", "Vom Agenten geschrieben", "(Europe/Berlin)", "noch auf"):
        assert words in html


def test_its_text_part_is_that_of_sns() -> None:
    from longrunning.people import emails

    both = turn_email(questions("a", "b"), ASKED, ANN)
    plain = emails.turn_email(questions("a", "b"), ASKED, ANN)
    assert (both.subject, both.body, plain.html) == (plain.subject, plain.body, "")


ALLOWED = {
    "a", "b", "bdi", "body", "br", "div", "h1", "h2", "head", "html", "main", "meta", "p",
    "table", "td", "th", "title", "tr",
}  # fmt: skip


@pytest.mark.parametrize("person", [page_samples.EVE, page_samples.DORA])
def test_it_has_no_script_no_picture_no_style_sheet_and_nothing_from_elsewhere(
    person: Person,
) -> None:
    for html in page_samples.html_emails(person):
        seen = Seen(html)
        assert seen.tags <= ALLOWED
        names = {name for name, _ in seen.attributes}
        assert not {name for name in names if name.startswith("on")} | names & {"src", "id"}
        assert "url(" not in html and "@import" not in html
        assert {url for url, _ in seen.links} <= {"https://q7/1"}


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from([t for _, t in hostile_contents.contents()]), min_size=1))
def test_whatever_the_texts_ours_stays_ours(contents: list[str]) -> None:
    contents = contents[:4]
    html = html_of(*contents, arguments={text[:40]: text for text in contents})
    seen = Seen(html)
    assert seen.tags <= ALLOWED
    assert [url for url, _ in seen.links] == [
        url for q in questions(*contents) for url in (q.approve_url, q.deny_url)
    ]
    assert len(seen.boxed) == 2 * len(contents)
    assert html.count("<h2") == (len(contents) if len(contents) > 1 else 0)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("x" * 262_144, 1),
        ("x" * 90_000, 20),
        ("🦄" * 65_536, 3),
        ("\n" * 90_000, 1),
        ("\n" * 30_000, 9),
        ("<&" * 70_000, 3),
    ],
)
def test_long_texts_are_cut_and_say_that_the_page_shows_all(text: str, count: int) -> None:
    html = html_of(*[text] * count)
    assert len(html.encode()) < CLIPPED_BYTES
    assert html.count("; the page shows all of it]") == count
    for box in Seen(html).boxed[::2]:
        shown = box.partition("\n\n[cut here")[0]
        assert text.startswith(shown) and len(shown.encode()) >= 1_000


def test_the_largest_values_leave_room_for_the_text() -> None:
    arguments = {f"{n}" * 900: "<" * 5_000 for n in range(30)}
    html = html_of("x" * 5_000, arguments=arguments)
    assert "[and more, on the page]" in html
    assert len(html.encode()) < CLIPPED_BYTES
    assert MAX_HTML_BYTES < CLIPPED_BYTES


def test_a_text_of_a_kilobyte_is_whole_whatever_is_beside_it() -> None:
    html = html_of(*["&" * 1_024] * 20, arguments={"a": "<" * 900})
    assert all(box == "&" * 1_024 for box in Seen(html).boxed[::2])


def test_the_e_mail_of_a_sign_in_has_one_button() -> None:
    email = sign_in_email(ANN, f"{FRONT}/inbox/sign-in/a.b")
    assert Seen(email.html).links == [(f"{FRONT}/inbox/sign-in/a.b", "Sign in")]
    assert "Hello Ann &lt;Kovač&gt;," in email.html
    assert re.search(r"/inbox/sign-in/a\.b", email.body)
