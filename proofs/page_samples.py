"""Every page and e-mail that a person may see, made of values that are words of no language."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import effect_words
import inbox_pages
import look_pages
import question_pages
import review_pages
from approval_api_driver import NOW, pending
from inbox_list import DECIDED as DECIDED_VIEW
from inbox_list import VIEWS, Listed, Wanted, row_of
from longrunning.people import email_html
from longrunning.people.directory import Person
from longrunning.people.emails import ASKED, ESCALATION, REMINDER, Question, turn_email
from longrunning.people.sign_in_email import sign_in_email
from longrunning.waits.item import Wait
from page_parts import framed, page
from review_request import Choice
from viewer import Viewer

DORA = Person("dora", "Dora Q7", "d@q7.q7", language="de", time_zone="Europe/Berlin")
EVE = Person("eve", "Eve Q7", "e@q7.q7")
PEOPLE = {"dora": DORA, "eve": EVE}
GERMAN = Viewer("dora", PEOPLE)

FIELDS: dict[str, Any] = {
    "q7_aa": {"type": "number", "minimum": 1},
    "q7_bb": {"type": "boolean"},
    "q7_cc": {"type": ["string", "null"], "enum": ["q71", "q72", None]},
    "q7_dd": {"type": "array", "items": {"type": "string"}},
}
VALUES = {"q7_aa": 60, "q7_bb": True, "q7_cc": None, "q7_dd": ["q7", "q7"]}
DECIDED: dict[str, Any] = {"decided_by": "eve", "decided_at": NOW, "comment": None, "via": "link"}
ENDS = [
    {"decided_by": "link"},
    {"decided_by": "rule:q7", "via": "rule"},
    {"status": "SPENT"},
    {"status": "SPENT", "answer": {"status": "success", "text": "q7"}},
    {"status": "SPENT", "refused": True},
    {"status": "SPENT", "answer": {"status": "error", "text": "q7"}},
    *({"not_done": reason} for reason in ("", "q7", *effect_words.WHY_NOT_DONE)),
]


def text(**changes: Any) -> Wait:
    parts: dict[str, Any] = {
        "session_id": "q7",
        "agent_name": "q7",
        "action": "q7_act",
        "content": "q7 q7 q7",
        "arguments": {"q7_aa": 60},
    }
    return pending(**parts | changes)


def call(**changes: Any) -> Wait:
    parts = {"content": None, "content_schema": {}, "arguments": VALUES, "editable": FIELDS}
    return text(**parts | changes)


def question(**changes: Any) -> Wait:
    schema = {"type": "object", "properties": FIELDS, "required": ["q7_aa"]}
    return text(tool_name="ask_human", action="ask_human", answer_schema=schema, arguments={},
                **changes)  # fmt: skip


def voted() -> Wait:
    """Two must agree: one has, and others had said something of an earlier version."""
    ids, edit = ["dora", "eve"], {"edited_arguments": {"q7_aa": 40}}
    digest = call(**edit).in_force.digest
    said = [("dora", "denied", "old"), ("dora", "denied", digest),
            ("eve", "approved", "old"), ("eve", "approved", digest)]  # fmt: skip
    votes = [{"by": by, "via": "link", "at": NOW, "decision": decision, "digest": of,
              "comment": "q7"} for by, decision, of in said]  # fmt: skip
    return call(approvers=ids, needed=2, votes=votes, **edit)


def answered(said: str) -> Wait:
    result = {"toolUseId": "q7", "status": "success", "content": [{"text": said}]}
    return question(status="RESOLVED", result=result, **DECIDED)


def asking() -> Iterator[Wait]:
    """What waits."""
    yield text()
    yield text(editable=FIELDS, edited_content="q7 q7 zz")
    yield text(content="q7\u202eq7", content_schema={"type": "object"})
    yield text(content="q" * 200_000)
    yield text(decide_by=NOW + 4_000_000_000)
    yield text(decide_by=NOW + 250_000)
    yield text(decide_by=NOW + 300)
    yield text(decide_by=NOW + 60)
    yield text(context={"task": "q7", "said": "q7"})
    yield call()
    yield call(arguments={}, editable=None)
    yield call(approvers=["dora", "eve"], needed=2)
    yield voted()
    yield question()


def ended() -> Iterator[Wait]:
    """What was decided or is over."""
    for make in (text, call):
        yield make(status="DENIED", decision="denied", **DECIDED)
        for via in ("link", "signed-in", "iam"):
            named = {**DECIDED, "via": via, "approvers": ["dora", "eve"]}
            yield make(status="APPROVED", decision="approved", **named)
        for end in ENDS:
            yield make(**({"status": "APPROVED", "decision": "approved"} | DECIDED | end))


def pages(viewer: Viewer) -> Iterator[str]:
    """Every page."""
    for wait in asking():
        draft = Choice("approved", comment="q7")
        if wait.is_question:
            yield question_pages.question_page(wait, NOW, draft, "q7", viewer)
        else:
            for preselected in ("approved", "denied", None):
                yield review_pages.review_page(wait, NOW, preselected, draft, "q7", viewer)
            if wait.needed:
                yield review_pages.counted_page(wait, viewer)
    for outcome in ("shown", "decided", "repeated", "conflict"):
        for wait in ended():
            yield review_pages.decided_page(wait, outcome, viewer)
        for said in ('{"answer": {"q7_aa": 3, "q7_bb": false}}', '{"declined": true}'):
            yield question_pages.answered_page(answered(said), outcome, viewer)
    for by in ("sweeper", "eve"):
        over = text(status="CANCELLED", **DECIDED | {"decided_by": by})
        yield review_pages.closed_page(over, "q7", viewer)
    yield review_pages.closed_page(text(status="EXPIRED"), "q7", viewer)
    for status in (400, 403, 404, 405, 410):
        yield review_pages.refused_page(status, "q7", viewer.words)
    yield review_pages.unavailable_page("q7", None, viewer.words)
    yield review_pages.unavailable_page("q7", {"decision": "approved"}, viewer.words)
    yield from inbox(viewer)


def inbox(viewer: Viewer) -> Iterator[str]:
    """Every page of the inbox."""
    words, waits = viewer.words, [*asking(), text(requested_by="q7"), text(decide_by=NOW + 90_000)]
    statuses = ("CANCELLED", "DENIED", "APPROVED", "RESOLVED")
    over = [text(status="EXPIRED"), text(decided_by="rule:q7", via="rule")]
    over += [text(status=status, **DECIDED) for status in statuses]
    bare = replace(call(arguments={}), editable=None)
    open_rows = [row_of(wait, is_mine) for wait in (*waits, bare) for is_mine in (True, False)]
    over_rows = [row_of(wait, is_mine=False) for wait in over]
    for view in VIEWS:
        rows = over_rows if view == DECIDED_VIEW else open_rows
        few = [(some, typed) for some in (rows[:2], rows[:1], []) for typed in ("", "q7")]
        for some, typed in ((rows, ""), *few):
            for is_all, next_ in ((True, ""), (False, "q7")):
                listed = Listed(some, {"q7"}, 1, 2, is_all, next_)
                wanted = Wanted(view, words=typed)
                yield inbox_pages.list_page(listed, wanted, viewer, NOW)
    for end in (NOW, None):
        yield page("q7", inbox_pages.actions(text(), end, words), words=words)
    for count in (1, 2):
        yield inbox_pages.batch_page([voted(), text()][:count], 2 - count, viewer, NOW)
        became = [("q7/q7", "q7", words.say(key)) for key in inbox_pages.BECAME.values()]
        yield inbox_pages.done_page(became, count, viewer)
    yield inbox_pages.done_page([], 0, viewer)
    for wait in (question(), text()):
        for is_asked in (True, False):
            looked = look_pages.look_page(wait, NOW, viewer, is_asked=is_asked)
            for listed in (Listed(open_rows[:1]), Listed()):
                strips = inbox_pages.next_strip(listed, words, "") + inbox_pages.resent_strip(words)
                bar = inbox_pages.bar(listed, VIEWS[0], viewer, "", strips)
                yield framed(looked, bar, inbox_pages.STYLE)
    yield inbox_pages.sign_in_page(words, "q7", "q7/q7")
    for who in ("", "q7"):
        yield inbox_pages.sign_in_oidc_page(words, "q7", "q7", who)
    yield inbox_pages.sent_page(words)
    yield inbox_pages.sign_in_button_page(viewer.people.get(viewer.id or "", EVE))


def emails(person: Person | None) -> Iterator[tuple[str, str]]:
    """Every e-mail: subject and body."""
    long = {f"q7_{n}": "q" * 2_000 for n in range(30)}
    waits = [*asking(), call(arguments=long)]
    for occasion in (ASKED, REMINDER, ESCALATION):
        for wait in waits:
            sent = turn_email([Question(wait, "https://q7/1", "https://q7/2")], occasion, person)
            yield sent.subject, sent.body
        several = [Question(wait, "https://q7/1", "https://q7/2") for wait in waits]
        sent = turn_email(several, occasion, person)
        yield sent.subject, sent.body
    sent = sign_in_email(person or EVE, "https://q7/1")
    yield sent.subject, sent.body


def html_emails(person: Person) -> Iterator[str]:
    """Every e-mail that goes to a person by SES: its HTML."""
    url = "https://q7/1"
    waits = [*asking(), call(arguments={f"q7_{n}": "q\u200b" * 2_000 for n in range(30)})]
    waits += [text(content="q" * 300_000)]
    several = [Question(wait, url, url) for wait in waits]
    for occasion in (ASKED, REMINDER):
        for questions in (*([question] for question in several), several):
            yield email_html.turn_email(questions, occasion, person).html
    yield email_html.sign_in_email(person, url).html
