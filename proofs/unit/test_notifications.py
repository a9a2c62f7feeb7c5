"""The e-mail shows all that the approver needs, and nothing in it can pass for a link."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError
from hypothesis import given, settings
from hypothesis import strategies as st
from local.mail import find_questions

import hostile_contents
from approval_api_driver import CONTENT, pending
from core_samples import NOW, asked
from longrunning.people.directory import Person
from longrunning.people.emails import MAX_EMAIL_BYTES, Question, turn_email
from longrunning.people.links import LinkKeys
from longrunning.people.notifications import (
    ASKED,
    ESCALATION,
    MAX_BATCH_BYTES,
    MAX_CONTENT_BYTES,
    REMINDER,
    NobodyToAskError,
    Notifier,
    NotPublishedError,
    RefusedEmailError,
    approval_email,
)
from longrunning.people.pace import TooEarlyError, Unpaced
from longrunning.people.words import languages
from longrunning.waits.item import Wait

KEYS = LinkKeys.parse('{"current": "k1", "k1": "a-key-for-tests-of-forty-eight-characters-length"}')

APPROVE = "https://api.example.com/approvals/t?decision=approved"
DENY = "https://api.example.com/approvals/t?decision=denied"


def body_of(**changes: object) -> str:
    return approval_email(pending(**changes), APPROVE, DENY).body


def subject_of(**changes: object) -> str:
    return approval_email(pending(**changes), APPROVE, DENY).subject


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
    assert body_of(agent_name="a\nb").split("\n")[1].startswith("a b wants to run")


def test_its_first_line_is_the_case_in_the_agents_own_words() -> None:
    """That is what a phone's list of e-mails shows."""
    hostile = 'Pay "now"\nat https://evil.example/x or www.evil.example.'
    assert body_of(content=hostile).startswith("\"Pay 'now' at [link] or [link]\"\n")
    long = body_of(content="word " * 100).split("\n")[0]
    assert long.startswith('"word word')
    assert len(long) == 160 + len('"..."')
    assert body_of(content=None, arguments={"order": 7, "amount": 40.5}).startswith(
        '"order: 7, amount: 40.5"\n'
    )


def test_invisible_characters_are_shown() -> None:
    body = body_of(content="a\u202eb\u200b")
    assert body.count("a[U+202E]b[U+200B]") > 1, "in the first line, and in the text below"
    assert not {"\u202e", "\u200b"} & set(body)


def test_the_subject_is_one_line_of_ascii_under_100_characters() -> None:
    approval = pending(agent_name="Ägent\n" * 50, action="publish_post" * 20)
    subject = approval_email(approval, APPROVE, DENY).subject
    assert subject.isascii()
    assert subject.isprintable()
    assert len(subject) < 100


def test_the_subject_says_what_it_is_about() -> None:
    subject = subject_of(content="Rides for two")
    assert subject == 'Approval needed: post-generator wants to run publish_post: "Rides for two"'


@pytest.mark.parametrize(
    ("content", "case"),
    [
        ("Über\n\tunicorns\nand more", ': "Uber unicorns and more"'),
        ("🦄 Summer sale", ': "Summer sale"'),
        ("x" * 300, f': "{"x" * 35}..."'),
        ('He said "yes"', ": \"He said 'yes'\""),
        ("a\u202eb\0", ': "a[U+202E]b[U+0000]"'),
        ("Go HTTPS://evil.example/approve now", ': "Go [link] now"'),
        ("www.evil.example", ': "[link]"'),
        ("夏のセール、ユニコーン", ""),
        ("夏のセール、全商品 5% 引き", ""),
        ("", ""),
    ],
)
def test_the_subject_ends_with_how_the_text_begins_where_ascii_can_say_it(
    content: str, case: str
) -> None:
    fixed = "Approval needed: post-generator wants to run publish_post"
    assert subject_of(content=content) == fixed + case


def test_no_text_comes_before_the_fixed_words_of_a_subject() -> None:
    long = subject_of(agent_name="a" * 50, action="p" * 50, content="Approved already, no need")
    assert long.startswith(f"Approval needed: {'a' * 24} wants to run {'p' * 24}")
    assert len(long) < 100


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


# --- several questions ---------------------------------------------------------------------------

FRONT = "https://api.example.com"
RULE = "-" * 72


def questions(*contents: str, **changes: object) -> list[Question]:
    """Questions of one turn, with links of their own."""
    return [
        Question(
            pending(tool_use_id=f"use-{n}", content=content, **changes),
            f"{FRONT}/approvals/t{n}?decision=approved",
            f"{FRONT}/approvals/t{n}?decision=denied",
        )
        for n, content in enumerate(contents, 1)
    ]


def urls(body: str) -> list[str]:
    return re.findall(r"https://\S+", body)


def test_a_turn_of_one_question_reads_as_ever() -> None:
    (question,) = questions(CONTENT)
    email = turn_email([question])
    assert email == approval_email(question.approval, question.approve_url, question.deny_url)


def test_each_question_has_its_own_links_and_its_own_part_under_its_number() -> None:
    body = turn_email(questions("First", "Second")).body
    assert body.startswith("post-generator asks 2 questions and waits for your decision.")
    links, _, parts = body.partition(f"{RULE}\n")
    one, two = links.split("1. It")[1].split("2. It")
    assert [urls(one), urls(two)] == [
        [question.approve_url, question.deny_url] for question in questions("First", "Second")
    ]
    assert "Decide until: Sunday, 15 March 2026, 10:00 UTC" in one
    assert parts.startswith(
        f"""\
1. It wants to run publish_post.

The call also carries:
  author: "Unicorn Rentals"
  unicorn_color: "rainbow"
  image_url: null

This is the text, word for word:
{RULE}
> First

2. It wants to run publish_post.
"""
    )


def test_the_subject_counts_the_questions_and_names_the_first() -> None:
    several = questions("Rides for two", "Another", "A third")
    assert turn_email(several).subject == (
        'Approval needed (3): post-generator wants to run publish_post: "Rides for two"'
    )
    other = questions("Rides for two") + questions("x", action="send_reply")
    assert turn_email(other).subject == (
        'Approval needed (2): post-generator wants to run publish_post and more: "Rides for two"'
    )


def test_the_same_turn_gives_the_same_email() -> None:
    assert turn_email(questions("a", "b")) == turn_email(questions("a", "b"))


FORGED = f"""\
2. It wants to run publish_post.

Read and approve:
{FRONT}/approvals/forged?decision=approved

Read and deny:
{FRONT}/approvals/forged?decision=denied
{RULE}
Something harmless"""


def test_no_text_can_pass_for_a_link_or_for_another_question() -> None:
    several = questions(FORGED, FORGED)
    body = turn_email(several).body
    lines = body.split("\n")
    own = [line for line in lines if line.startswith("https://")]
    assert own == [url for q in several for url in (q.approve_url, q.deny_url)]
    assert len([line for line in lines if line.startswith("2. ")]) == 2, "links, and its part"
    assert body.index(several[-1].deny_url) < body.index("Something harmless")
    found = find_questions(body, FRONT)
    assert [[link.url for link in question.links] for question in found] == [
        [q.approve_url, q.deny_url] for q in several
    ]
    assert all(question.body.endswith(f"{RULE}\n{FORGED}\n") for question in found[1:])


HOSTILE = [text for _, text in hostile_contents.contents()]


@settings(max_examples=10)
@given(st.lists(st.sampled_from(HOSTILE), min_size=2, max_size=9))
def test_whatever_the_texts_the_links_come_first_and_sns_takes_the_e_mail(
    contents: list[str],
) -> None:
    several = questions(*contents)
    email = turn_email(several)
    assert len(email.body.encode()) <= MAX_EMAIL_BYTES
    assert email.subject.isascii() and email.subject.isprintable() and len(email.subject) < 100
    found = find_questions(email.body, FRONT)
    assert [tuple(link.url for link in question.links) for question in found] == [
        (q.approve_url, q.deny_url) for q in several
    ]


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (2, "x" * 262_144),
        (5, "\n" * 262_144),
        (20, "x" * 65_536),
        (20, "🦄" * 16_384),
        (20, "x\n" * 32_768),
        (20, "\0" * 16_384),
    ],
)
def test_long_texts_share_the_e_mail_and_each_says_that_the_page_shows_all(
    text: str, count: int
) -> None:
    arguments: dict[str, Any] = {str(n): "\u202e" * 200 for n in range(99)}
    several = questions(*[text] * count, arguments=arguments)
    body = turn_email(several).body
    assert len(body.encode()) <= MAX_EMAIL_BYTES
    found = find_questions(body, FRONT)
    assert len(found) == count
    for question in found:
        assert "and more, on the page" in question.body
        assert "; the page shows all of it]" in question.body
        shown = question.body.partition(f"{RULE}\n")[2].partition("\n\n[cut here")[0]
        assert len(shown) > 400


def test_short_texts_beside_a_long_one_are_shown_whole() -> None:
    body = turn_email(questions("Short", "x" * 262_144)).body
    assert "\n> Short\n" in body
    assert "shows the first 32 KB of 256 KB" in body


# --- sending -------------------------------------------------------------------------------------


@dataclass
class Topic:
    """Notes what is published; fails as told, once each."""

    published: list[dict[str, str]] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)

    def publish(self, **message: str) -> None:
        self.published.append(message)
        if self.failures:
            raise self.failures.pop(0)


@dataclass
class Waits(Unpaced):
    """Notes what waited."""

    waited: list[str] = field(default_factory=list)
    until: float = 0

    def wait(self, key: str) -> None:
        self.waited.append(key)
        if self.until:
            raise TooEarlyError(self.until)


def notifier_of(topic: Topic, pace: Unpaced | None = None) -> Notifier:
    return Notifier(topic, "https://approvals.example.com", lambda: KEYS, pace or Unpaced())


def refused(status: int) -> ClientError:
    answer: Any = {"Error": {"Code": "x"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "Publish")


def test_a_turn_is_one_e_mail_that_waits_for_its_pace_once() -> None:
    topic, pace = Topic(), Waits()
    turn: list[Wait] = [asked(tool_use_id="use-1"), asked(tool_use_id="use-2")]
    notifier_of(topic, pace).send("arn:topic", turn)
    (sent,) = topic.published
    assert len(set(urls(sent["Message"]))) == 4
    assert pace.waited == [turn[0].key]


@pytest.mark.parametrize("error", [ConnectionClosedError(endpoint_url="x"), refused(500)])
def test_a_connection_that_broke_is_tried_once_more_in_the_pace(error: Exception) -> None:
    """What failed may have arrived: its repeat counts as another e-mail."""
    topic, pace = Topic(failures=[error]), Waits()
    notifier_of(topic, pace).send("arn:topic", [asked()])
    assert len(topic.published) == len(pace.waited) == 2
    topic.failures = [error, error]
    with pytest.raises(type(error)):
        notifier_of(topic, pace).send("arn:topic", [asked()])


@pytest.mark.parametrize("failure", [lambda: refused(403), lambda: refused(404)])
def test_what_sns_refuses_is_not_sent_again(failure: Callable[[], Exception]) -> None:
    topic = Topic(failures=[failure()])
    with pytest.raises(ClientError):
        notifier_of(topic).send("arn:topic", [asked()])
    assert len(topic.published) == 1


def test_what_may_not_go_yet_is_not_sent() -> None:
    topic = Topic()
    with pytest.raises(TooEarlyError):
        notifier_of(topic, Waits(until=NOW)).send("arn:topic", [asked()])
    assert topic.published == []


def test_reminder_and_escalation_say_so_and_have_the_same_links() -> None:
    topic = Topic()
    notifier = notifier_of(topic)
    for occasion in (ASKED, REMINDER, ESCALATION):
        notifier.send(f"arn:{occasion}", [asked()], occasion)
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


@pytest.mark.parametrize("language", languages())
def test_the_longest_subject_of_a_turn_is_under_100_characters(language: str) -> None:
    person = Person("ann", "Ann", "ann@example.com", language=language)
    both = [
        Question(asked(agent_name="a" * 30, action=action * 30), APPROVE, DENY) for action in "pq"
    ]
    for occasion in (ASKED, REMINDER, ESCALATION):
        assert len(turn_email(both * 10, occasion, person).subject) < 100


@pytest.mark.parametrize("language", languages())
def test_the_questions_of_an_e_mail_are_told_apart_in_every_language(language: str) -> None:
    person = Person("ann", "Ann", "ann@example.com", language=language)
    several = questions(FORGED, "Something harmless", FORGED)
    found = find_questions(turn_email(several, ASKED, person).body, FRONT)
    assert [[link.url for link in question.links] for question in found] == [
        [q.approve_url, q.deny_url] for q in several
    ]


def test_where_silence_means_waiting_there_is_no_deadline() -> None:
    century = NOW + 100 * 365 * 86_400
    body = approval_email(asked(decide_by=century), "a", "d").body
    assert "There is no deadline: it waits until somebody decides." in body
    assert "Decide until" not in body


# --- people by name ------------------------------------------------------------------------------

PEOPLE = {f"p{n}": Person(f"p{n}", f"P {n}", f"p{n}@example.com") for n in range(25)}


def person_of(message: dict[str, Any]) -> str | None:
    """Whom an e-mail is for."""
    found = message.get("MessageAttributes", {}).get("approver")
    return found and str(found["StringValue"])


@dataclass
class PeopleTopic:
    """Takes e-mails, by one or in batches; refuses the first time what `fails` names."""

    batches: list[list[dict[str, Any]]] = field(default_factory=list)
    fails: set[str] = field(default_factory=set)
    always: bool = False

    def publish(self, *, TopicArn: str, **message: Any) -> None:
        self.batches.append([message])

    def publish_batch(
        self, *, TopicArn: str, PublishBatchRequestEntries: list[dict[str, Any]]
    ) -> dict[str, Any]:
        self.batches.append(PublishBatchRequestEntries)
        failed = [
            entry["Id"] for entry in PublishBatchRequestEntries if person_of(entry) in self.fails
        ]
        if not self.always:
            self.fails = set()
        return {"Failed": [{"Id": id_, "Code": "InternalError"} for id_ in failed]}

    def people(self) -> list[list[str | None]]:
        return [[person_of(message) for message in batch] for batch in self.batches]


def send_to_people(topic: PeopleTopic, *approvals: Wait, occasion: str = ASKED) -> None:
    base_url = "https://api.example.com"
    notifier = Notifier(topic, base_url, lambda: KEYS, Unpaced(), PEOPLE)
    notifier.send("arn:topic", approvals, occasion)


def named(*people: str, **changes: Any) -> Wait:
    return replace(pending(**changes), approvers=list(people))


def test_ten_people_at_a_time_get_their_e_mails() -> None:
    topic = PeopleTopic()
    send_to_people(topic, named(*PEOPLE))
    assert [len(batch) for batch in topic.people()] == [10, 10, 5]
    assert [person for batch in topic.people() for person in batch] == list(PEOPLE)


def test_a_batch_has_no_more_than_sns_takes() -> None:
    topic = PeopleTopic()
    send_to_people(topic, *(named("p0", "p1", "p2", content="x" * 33_000) for _ in range(6)))
    sizes = [sum(len(m["Message"].encode()) for m in batch) for batch in topic.batches]
    assert len(topic.batches) == 3
    assert max(sizes) <= MAX_BATCH_BYTES


def test_only_those_whose_e_mail_failed_get_another_try() -> None:
    topic = PeopleTopic(fails={"p1", "p2"})
    send_to_people(topic, named("p0", "p1", "p2"))
    assert topic.people() == [["p0", "p1", "p2"], ["p1", "p2"]]


def test_what_fails_twice_is_a_fault() -> None:
    topic = PeopleTopic(fails={"p1", "p2"}, always=True)
    with pytest.raises(NotPublishedError, match="2 e-mails: InternalError"):
        send_to_people(topic, named("p0", "p1", "p2"))


def test_a_turn_asks_each_person_all_that_is_for_them_and_nothing_else() -> None:
    topic = PeopleTopic()
    ours = named("p0", "p1", tool_use_id="a", content="OURS")
    hers = named("p1", tool_use_id="b", content="HERS")
    free = pending(tool_use_id="c", content="FREE")
    send_to_people(topic, ours, hers, free)
    told = {person_of(m): m["Message"] for batch in topic.batches for m in batch}
    assert told.keys() == {None, "p0", "p1"}
    words = {who: [w for w in ("OURS", "HERS", "FREE") if w in text] for who, text in told.items()}
    assert words == {None: ["FREE"], "p0": ["OURS"], "p1": ["OURS", "HERS"]}


def test_a_turn_whose_people_have_left_is_a_fault() -> None:
    with pytest.raises(NobodyToAskError):
        send_to_people(PeopleTopic(), named("gone"))


def test_to_ask_nobody_is_a_fault_where_all_have_agreed() -> None:
    asked = named("p0", needed=2)
    vote = {"by": "p0", "decision": "approved", "digest": asked.in_force.digest, "comment": None}
    agreed = replace(asked, votes=[vote])
    assert agreed.to_be_asked == ()
    with pytest.raises(NobodyToAskError):
        send_to_people(PeopleTopic(), agreed)


@dataclass
class Post:
    """Stands in for `Letters`: notes whom it writes to, and refuses some."""

    refuses: tuple[str, ...] = ()
    wrote_to: list[str] = field(default_factory=list)

    def write(self, asked: Any, occasion: str, person: Person) -> Any:
        return turn_email(asked, occasion, person)

    def send(self, letters: list[Any]) -> list[str]:
        self.wrote_to += [person.id for person, _ in letters]
        return [id_ for id_ in self.wrote_to if id_ in self.refuses]


def send_by_post(post: Any, topic: PeopleTopic, *approvals: Wait, occasion: str = ASKED) -> None:
    notifier = Notifier(topic, FRONT, lambda: KEYS, Unpaced(), PEOPLE, post)
    notifier.send("arn:topic", approvals, occasion)


def test_where_there_are_letters_sns_gets_only_what_is_for_nobody_by_name() -> None:
    topic, post = PeopleTopic(), Post()
    send_by_post(post, topic, named("p0", "p1", tool_use_id="a"), pending(tool_use_id="c"))
    assert (topic.people(), post.wrote_to) == ([[None]], ["p0", "p1"])
    send_by_post(post, topic, named("p0"), occasion=ESCALATION)
    assert (topic.people(), post.wrote_to) == ([[None], [None]], ["p0", "p1"])


def test_as_many_must_be_reached_as_must_agree() -> None:
    post = Post(refuses=("p1",))
    send_by_post(post, PeopleTopic(), named("p0", "p1"))
    for asked_of, needed in ((("p0", "p1"), 2), (("p1",), None)):
        with pytest.raises(RefusedEmailError):
            send_by_post(post, PeopleTopic(), replace(named(*asked_of), needed=needed))
    agreed = {"by": "p1", "via": "link", "at": NOW, "decision": "approved", "comment": None}
    wait = named("p0", "p1")
    vote = {**agreed, "digest": wait.in_force.digest}
    send_by_post(Post(refuses=("p1",)), PeopleTopic(), replace(wait, needed=2, votes=[vote]))
