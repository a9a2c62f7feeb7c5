"""The e-mail that asks for decisions, as plain text: the case in a line, the links, then all of it.

Nothing that the agent writes can pass for a link, or for another question of the same e-mail: of
its words only one line in quotes, without links, stands before ours, and where there are several
questions, each line of a text begins with `> `.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from longrunning.people.directory import People, Person
from longrunning.people.email_parts import (
    QUOTE,
    arguments,
    asked_of,
    beginning,
    case,
    content,
    deadline,
    one_line,
    quoted,
)
from longrunning.people.words import ENGLISH, Words

if TYPE_CHECKING:
    from longrunning.waits.item import Wait

MAX_CONTENT_BYTES = 32 * 1024
"""Shown of one text at most; mail readers cut an e-mail early. The page shows all."""

MAX_EMAIL_BYTES = 240 * 1024
"""Shared among the questions of a turn. Source: SNS, "Publish": 256 KiB, with the subject."""

MAX_SUBJECT_CHARS = 99
"""Source: SNS, "Publish": less than 100 characters, of ASCII."""

_MAX_NAME_CHARS = 24
"""Two such names fit a subject."""

_RULE = "-" * 72

ASKED, REMINDER, ESCALATION = "asked", "reminder", "escalation"


@dataclass(frozen=True)
class Email:
    """One notification: `subject` is a line of ASCII, `body` plain text."""

    subject: str
    body: str
    html: str = ""
    """The same once more, where it goes to a person by SES; SNS takes none."""


@dataclass(frozen=True)
class Question:
    """An approval that waits, and the page with either answer preselected."""

    approval: "Wait"
    approve_url: str
    """Of what `ask_human` asks: where it is answered."""
    deny_url: str


def turn_email(
    questions: Sequence[Question], occasion: str = ASKED, person: Person | None = None
) -> Email:
    """Writes one e-mail for all questions of a turn. The same questions give the same e-mail.

    Args:
        questions: At least one, in the order of the turn.
        occasion: `asked`, `reminder` or `escalation`.
        person: Whom it is for, in whose language; None: whoever is subscribed, in English.
    """
    words = person.words if person else ENGLISH
    body = (
        _one(questions[0], occasion, person, words)
        if len(questions) == 1
        else _several(questions, occasion, person, words)
    )
    return Email(_subject([question.approval for question in questions], occasion, words), body)


def approval_email(
    approval: "Wait", approve_url: str, deny_url: str, occasion: str = ASKED
) -> Email:
    """Writes the e-mail of one question; the arguments are those of `Question`."""
    return turn_email([Question(approval, approve_url, deny_url)], occasion)


def escalation_email(approvals: Sequence["Wait"], people: People) -> Email:
    """Tells others of what those asked by name have not decided. It has no links.

    It is in English: whoever gets it is not named.

    Args:
        approvals: At least one, each asked by name.
        people: Who there is.
    """
    parts = "\n".join(
        f"{_heading(number, a, ENGLISH)}\n{deadline(a)}\n{asked_of(a, people)}\n"
        f"Session {one_line(a.session_id)}, tool use {one_line(a.tool_use_id)}\n"
        for number, a in enumerate(approvals, 1)
    )
    body = f"""\
{one_line(approvals[0].agent_name)} waits for a decision that those asked first have not made.

{parts}
Only those who are named can decide. Ask them, or have an operator cancel it.
"""
    return Email(_subject(approvals, ESCALATION, ENGLISH), body)


def _one(question: Question, occasion: str, person: Person | None, words: Words) -> str:
    approval, call = question.approval, question.approval.in_force
    kind, agent = "question" if approval.is_question else "call", one_line(approval.agent_name)
    return f"""\
{case(call.summary)}
{words.say(f"email.{kind}_{occasion}", agent=agent, action=tool_of(approval))}

{_links(question, words)}
{words.say("email.one_link" if approval.is_question else "email.two_links")}
{_whose(person, words)}

{deadline(approval, words)}{who_else(approval, words)}
{arguments(approval, MAX_EMAIL_BYTES, words)}{_text(call.content, words)}"""


def _text(text: str | None, words: Words) -> str:
    """Ends an e-mail with the text, if the call has one."""
    if text is None:
        return ""
    return f"""
{words.say("email.below")} {words.say("email.the_text")}
{_RULE}
{content(text, MAX_CONTENT_BYTES, words=words)}
"""


def _whose(person: Person | None, words: Words) -> str:
    if person is None:
        return words.say("email.for_anyone")
    return words.say("email.for_person", person=one_line(person.name))


def who_else(approval: "Wait", words: Words) -> str:
    """Says who must agree, and what has been changed since it was asked."""
    lines, people = "", len(approval.approvers or ())
    if approval.needed:
        lines += f"\n{words.say('email.needed', needed=approval.needed, all=people)}"
    if approval.approved_by:
        lines += f" {words.say('email.so_far', count=len(approval.approved_by))}"
    if approval.is_edited:
        lines += f"\n{words.say('email.edited')}"
    return lines


def _several(
    questions: Sequence[Question], occasion: str, person: Person | None, words: Words
) -> str:
    numbered = list(enumerate(questions, 1))
    agent = one_line(questions[0].approval.agent_name)
    asked = "\n".join(
        f"{_heading(number, q.approval, words)}\n{case(q.approval.in_force.summary)}\n"
        f"{deadline(q.approval, words)}{who_else(q.approval, words)}\n\n{_links(q, words)}"
        for number, q in numbered
    )
    head = f"""\
{words.say(f"email.several_{occasion}", agent=agent, count=len(questions))}

{asked}
{words.say("email.all_links")}
{_whose(person, words)}

{words.say("email.below_quoted", quote=QUOTE)}
{_RULE}
"""
    share = (MAX_EMAIL_BYTES - len(head.encode())) // len(questions)
    return head + "\n".join(_part(number, q.approval, share, words) for number, q in numbered)


def _part(number: int, approval: "Wait", max_bytes: int, words: Words) -> str:
    """Says what one of several questions is about."""
    start = f"{_heading(number, approval, words)}\n{arguments(approval, max_bytes // 2, words)}"
    text = approval.in_force.content
    if text is None:
        return start
    start += f"\n{words.say('email.the_text')}\n{_RULE}\n"
    room = max_bytes - len(start.encode())
    return f"{start}{quoted(text, MAX_CONTENT_BYTES, room, words)}\n"


def _heading(number: int, approval: "Wait", words: Words) -> str:
    """The number begins a paragraph in every language: that is how the parts are told apart."""
    if approval.is_question:
        return f"{number}. {words.say('email.heading_question')}"
    return f"{number}. {words.say('email.heading_call', action=tool_of(approval))}"


def tool_of(approval: "Wait") -> str:
    """Returns what it is that the agent wants to run, on one line."""
    return one_line(approval.asked.action)


def _links(question: Question, words: Words) -> str:
    if question.approval.is_question:
        return f"""\
{words.say("email.answer")}
{question.approve_url}
"""
    return f"""\
{words.say("email.approve")}
{question.approve_url}

{words.say("email.deny")}
{question.deny_url}
"""


def _subject(approvals: Sequence["Wait"], occasion: str, words: Words) -> str:
    """Says in fixed words what is asked, then in quotes how the first text begins."""
    first = approvals[0]
    who = one_line(first.agent_name)[:_MAX_NAME_CHARS]
    what = tool_of(first)[:_MAX_NAME_CHARS]
    count = f" ({len(approvals)})" if len(approvals) > 1 else ""
    kind = "question" if first.is_question else "call"
    fixed = f"{words.say(f'email.subject_{occasion}')}{count}: "
    fixed += words.say(f"email.subject_{kind}", who=who, action=what)
    if len({a.asked.action for a in approvals}) > 1:
        fixed += f" {words.say('email.subject_more')}"
    what = beginning(first.in_force.summary, MAX_SUBJECT_CHARS - len(f'{fixed}: ""'))
    subject = f'{fixed}: "{what}"' if what else fixed
    return subject.encode("ascii", "replace").decode()[:MAX_SUBJECT_CHARS]
