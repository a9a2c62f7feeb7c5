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
    arguments,
    asked_of,
    beginning,
    case,
    content,
    deadline,
    one_line,
    quoted,
)

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
_THE_TEXT = "This is the text, word for word:"

ASKED, REMINDER, ESCALATION = "asked", "reminder", "escalation"

_SUBJECTS = {
    ASKED: "Approval needed",
    REMINDER: "Reminder, approval needed",
    ESCALATION: "Escalated, approval needed",
}
_OPENINGS = {
    ASKED: "waits for your decision.",
    REMINDER: "still waits for a decision.",
    ESCALATION: "waits for a decision that those asked first have not made.",
}


@dataclass(frozen=True)
class Email:
    """One notification: `subject` is a line of ASCII, `body` plain text."""

    subject: str
    body: str


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
        person: Whom it is for; None: whoever is subscribed.
    """
    body = (
        _one(questions[0], occasion, person)
        if len(questions) == 1
        else _several(questions, occasion, person)
    )
    return Email(_subject([question.approval for question in questions], occasion), body)


def approval_email(
    approval: "Wait", approve_url: str, deny_url: str, occasion: str = ASKED
) -> Email:
    """Writes the e-mail of one question; the arguments are those of `Question`."""
    return turn_email([Question(approval, approve_url, deny_url)], occasion)


def escalation_email(approvals: Sequence["Wait"], people: People) -> Email:
    """Tells others of what those asked by name have not decided. It has no links.

    Args:
        approvals: At least one, each asked by name.
        people: Who there is.
    """
    parts = "\n".join(
        f"{_heading(number, a)}\n{deadline(a)}\n{asked_of(a, people)}\n"
        f"Session {one_line(a.session_id)}, tool use {one_line(a.tool_use_id)}\n"
        for number, a in enumerate(approvals, 1)
    )
    body = f"""\
{one_line(approvals[0].agent_name)} {_OPENINGS[ESCALATION]}

{parts}
Only those who are named can decide. Ask them, or have an operator cancel it.
"""
    return Email(_subject(approvals, ESCALATION), body)


def _one(question: Question, occasion: str, person: Person | None) -> str:
    approval, call = question.approval, question.approval.in_force
    opens = "The link opens" if approval.is_question else "Both links open"
    return f"""\
{case(call.summary)}
{one_line(approval.agent_name)} {_wants(approval)} and {_OPENINGS[occasion]}

{_links(question)}
{opens} a page first; nothing is decided before you press a button there.
{_whose(person)}

{deadline(approval)}{_who_else(approval)}
{arguments(approval, MAX_EMAIL_BYTES)}{_text(call.content)}"""


def _text(text: str | None) -> str:
    """Ends an e-mail with the text, if the call has one."""
    if text is None:
        return ""
    return f"""
Everything below this line was written by the agent. {_THE_TEXT}
{_RULE}
{content(text, MAX_CONTENT_BYTES)}
"""


def _whose(person: Person | None) -> str:
    if person is None:
        return "Anyone who has them can decide, so please do not forward this e-mail."
    return (
        f"They are for {one_line(person.name)}: whoever uses them decides in that name, so please "
        "do not forward\nthis e-mail."
    )


def _who_else(approval: "Wait") -> str:
    """Says who must agree, and what has been changed since it was asked."""
    lines = ""
    if approval.needed:
        lines += f"\n{approval.needed} of {len(approval.approvers or ())} people must approve it."
    if approval.approved_by:
        lines += f" Approved so far by {len(approval.approved_by)}."
    if approval.is_edited:
        lines += "\nIt was edited since it was asked: the page shows what was changed."
    return lines


def _several(questions: Sequence[Question], occasion: str, person: Person | None) -> str:
    numbered = list(enumerate(questions, 1))
    asked = "\n".join(
        f"{_heading(number, q.approval)}\n{case(q.approval.in_force.summary)}\n"
        f"{deadline(q.approval)}{_who_else(q.approval)}\n\n{_links(q)}"
        for number, q in numbered
    )
    head = f"""\
{one_line(questions[0].approval.agent_name)} asks {len(questions)} questions and \
{_OPENINGS[occasion]} Each has links of its own.

{asked}
All links open a page first; nothing is decided before you press a button there.
{_whose(person)}

Everything below this line was written by the agent, each line of a text behind "> ".
{_RULE}
"""
    share = (MAX_EMAIL_BYTES - len(head.encode())) // len(questions)
    return head + "\n".join(_part(number, q.approval, share) for number, q in numbered)


def _part(number: int, approval: "Wait", max_bytes: int) -> str:
    """Says what one of several questions is about."""
    start = f"{_heading(number, approval)}\n{arguments(approval, max_bytes // 2)}"
    text = approval.in_force.content
    if text is None:
        return start
    start += f"\n{_THE_TEXT}\n{_RULE}\n"
    room = max_bytes - len(start.encode())
    return f"{start}{quoted(text, MAX_CONTENT_BYTES, room)}\n"


def _heading(number: int, approval: "Wait") -> str:
    return f"{number}. It {_wants(approval)}."


def _wants(approval: "Wait") -> str:
    return "asks a question" if approval.is_question else f"wants to run {_tool(approval)}"


def _tool(approval: "Wait") -> str:
    return one_line(approval.asked.action)


def _links(question: Question) -> str:
    if question.approval.is_question:
        return f"""\
Read and answer:
{question.approve_url}
"""
    return f"""\
Read and approve:
{question.approve_url}

Read and deny:
{question.deny_url}
"""


def _subject(approvals: Sequence["Wait"], occasion: str) -> str:
    """Says in fixed words what is asked, then in quotes how the first text begins."""
    first = approvals[0]
    who = one_line(first.agent_name)[:_MAX_NAME_CHARS]
    what = _tool(first)[:_MAX_NAME_CHARS]
    count = f" ({len(approvals)})" if len(approvals) > 1 else ""
    more = " and more" if len({a.asked.action for a in approvals}) > 1 else ""
    wants = "asks a question" if first.is_question else f"wants to run {what}"
    fixed = f"{_SUBJECTS[occasion]}{count}: {who} {wants}{more}"
    what = beginning(first.in_force.summary, MAX_SUBJECT_CHARS - len(f'{fixed}: ""'))
    subject = f'{fixed}: "{what}"' if what else fixed
    return subject.encode("ascii", "replace").decode()
