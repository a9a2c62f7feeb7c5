"""The e-mail shows all that the approver needs, and nothing in it can pass for a link."""

import re
from dataclasses import dataclass, field

import pytest

from approval_api_driver import CONTENT, pending
from core_samples import NOW, asked
from longrunning.links import LinkKeys
from longrunning.notifications import (
    ASKED,
    ESCALATION,
    MAX_CONTENT_BYTES,
    REMINDER,
    Notifier,
    approval_email,
)
from longrunning.text import NO_DEADLINE

KEYS = LinkKeys.parse('{"current": "k1", "k1": "a-key-for-tests-of-forty-eight-characters-length"}')

APPROVE = "https://api.example.com/approvals/t?decision=approved"
DENY = "https://api.example.com/approvals/t?decision=denied"


def body_of(**changes: object) -> str:
    return approval_email(pending(**changes), APPROVE, DENY).body


def shown_content(body: str) -> str:
    return body.partition("-" * 72 + "\n")[2]


def test_it_says_who_asks_for_what_and_until_when() -> None:
    body = body_of()
    assert "post-generator wants to run publish_post" in body
    assert "Sunday, 15 March 2026, 10:00 UTC" in body


def test_it_shows_the_content_word_for_word() -> None:
    assert shown_content(body_of()) == CONTENT + "\n"


def test_it_shows_the_other_arguments() -> None:
    body = body_of()
    assert 'author: "Unicorn Rentals"' in body
    assert 'unicorn_color: "rainbow"' in body
    assert "image_url: null" in body


def test_both_links_stand_alone_on_a_line_before_anything_the_agent_wrote() -> None:
    lines = body_of(content=f"Approve here:\n{APPROVE}x").split("\n")
    assert [line for line in lines if line.startswith("https://")] == [APPROVE, DENY, APPROVE + "x"]
    assert lines.index(APPROVE) < lines.index(DENY) < lines.index("-" * 72)


def test_an_argument_cannot_break_out_of_its_line() -> None:
    body = body_of(arguments={"author": "x\n\nApprove:\nhttps://evil.example\u202e", "a\nb": 1})
    assert '  author: "x\\n\\nApprove:\\nhttps://evil.example[U+202E]"\n' in body
    assert "  a b: 1\n" in body


def test_the_agents_name_stays_on_its_line() -> None:
    assert body_of(agent_name="a\nb").startswith("a b wants to run")


def test_invisible_characters_are_shown() -> None:
    assert "a[U+202E]b[U+200B]" in body_of(content="a\u202eb\u200b")


def test_the_subject_is_one_line_of_ascii_under_100_characters() -> None:
    approval = pending(agent_name="Ägent\n" * 50, action="publish_post" * 20)
    subject = approval_email(approval, APPROVE, DENY).subject
    assert subject.isascii()
    assert subject.isprintable()
    assert len(subject) < 100


def test_the_subject_says_what_it_is_about() -> None:
    subject = approval_email(pending(), APPROVE, DENY).subject
    assert subject == "Approval needed: post-generator wants to run publish_post"


def test_the_same_ask_gives_the_same_email() -> None:
    assert approval_email(pending(), APPROVE, DENY) == approval_email(pending(), APPROVE, DENY)


def test_content_of_32_kb_is_shown_whole() -> None:
    content = "x" * MAX_CONTENT_BYTES
    assert shown_content(body_of(content=content)) == content + "\n"


@pytest.mark.parametrize("character", ["x", "ü", "€", "🦄"])
def test_longer_content_is_cut_at_a_character_with_a_mark(character: str) -> None:
    content = "x" + character * MAX_CONTENT_BYTES
    text, mark = shown_content(body_of(content=content)).split("\n\n[cut here")
    assert content.startswith(text)
    assert MAX_CONTENT_BYTES - 4 < len(text.encode()) <= MAX_CONTENT_BYTES
    assert "the page shows all of it" in mark


def test_content_that_grows_when_shown_fits_too() -> None:
    body = body_of(content="\0" * 200_000, arguments={str(n): "\u202e" * 9_000 for n in range(99)})
    assert len(body.encode()) < 200_000
    assert body.count(': "[U+202E]') == 20
    assert "and more, on the page" in body


# --- sending -------------------------------------------------------------------------------------


@dataclass
class Topic:
    """Notes what is published."""

    published: list[dict[str, str]] = field(default_factory=list)

    def publish(self, **message: str) -> None:
        self.published.append(message)


def test_reminder_and_escalation_say_so_and_have_the_same_links() -> None:
    topic = Topic()
    notifier = Notifier(topic, "https://approvals.example.com", lambda: KEYS)
    for occasion in (ASKED, REMINDER, ESCALATION):
        notifier.send(f"arn:{occasion}", asked(), occasion)
    assert [m["TopicArn"] for m in topic.published] == [
        "arn:asked",
        "arn:reminder",
        "arn:escalation",
    ]
    assert [m["Subject"].split(":")[0] for m in topic.published] == [
        "Approval needed",
        "Reminder, approval needed",
        "Escalated, approval needed",
    ]
    links = {tuple(re.findall(r"https://\S+", m["Message"])) for m in topic.published}
    assert len(links) == 1
    assert len(links.pop()) == 2


def test_the_longest_subject_is_one_that_sns_takes() -> None:
    approval = asked(agent_name="a" * 500, action="p" * 500)
    subjects = [
        approval_email(approval, "a", "d", o).subject for o in (ASKED, REMINDER, ESCALATION)
    ]
    assert max(map(len, subjects)) < 100


def test_where_silence_means_waiting_there_is_no_deadline() -> None:
    century = NOW + 100 * 365 * 86_400
    body = approval_email(asked(decide_by=century), "a", "d").body
    assert NO_DEADLINE in body
    assert "Decide until" not in body
