"""The e-mails of `emails` and `sign_in_email` with an HTML part, for those that go to a person.

Its buttons are links to the page; nothing is decided by an e-mail. It has no script, no picture, no
style sheet and nothing from elsewhere: styles stand in the elements, since many mail programs keep
no others. No colour is set but where a background is too, so that light and dark are both read.

All that the agent wrote is escaped, in quotes or in boxes with a border; ours never has one. What
looks like a link there is text: some mail programs make one of it, but no button.
"""

import re
from collections.abc import Sequence
from html import escape

from longrunning.people import emails
from longrunning.people import sign_in_email as plain
from longrunning.people.directory import Person
from longrunning.people.email_parts import argument_lines, case, deadline, one_line
from longrunning.people.emails import Email, Question
from longrunning.people.words import Words
from longrunning.text import visible

MAX_HTML_BYTES = 96 * 1024
"""Shared among the questions of a turn; of each text a KB is shown at least. Gmail cuts one of
more than 102 KB: what is behind it is one click away."""

_FRAME_BYTES = 2_600
"""More than a question takes beside its text and its values."""

_KB = 1024
_MARK = re.compile(r"\[U\+[0-9A-F]{4,6}\]")
_A_MARK = "[U+200B]"

_PAGE = """\
<!doctype html>
<html lang="{language}" style="color-scheme:light dark">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>{title}</title></head>
<body style="margin:0;overflow-wrap:anywhere;\
font:16px/1.5 -apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0">
<tr><td align="center" style="padding:20px 16px">
<table role="presentation" width="600" cellpadding="0" cellspacing="0" \
style="max-width:600px;width:100%;text-align:left"><tr><td>
<main>
{main}
</main>
</td></tr></table>
</td></tr></table>
</body></html>
"""
_P = '<p style="margin:0 0 14px">{}</p>\n'
_SMALL = '<p style="margin:18px 0 6px;font-size:14px">{}</p>\n'
_CASE = '<p dir="auto" style="margin:0 0 10px;font-size:14px">{}</p>\n'
_H1 = '<h1 style="margin:0 0 10px;font-size:21px;line-height:1.3">{}</h1>\n'
_H2 = """\
<h2 style="margin:34px 0 8px;padding-top:18px;border-top:2px solid #86867f;font-size:18px;\
line-height:1.3">{}</h2>
"""
_BUTTON = """\
<a href="{}" style="display:inline-block;margin:4px 8px 8px 0;padding:13px 24px;{};\
border-radius:8px;font-weight:700;text-decoration:none">{}</a>
"""
_FILLED = "background:#14673c;border:2px solid #14673c;color:#ffffff"
_OUTLINED = "border:2px solid #c8414e;color:inherit"
_BOX = "border:1px solid #86867f;border-left:5px solid #7a78d8"
_TEXT = f"""\
<div dir="auto" style="margin:0 0 14px;padding:12px 16px;{_BOX};white-space:pre-wrap">{{}}</div>
"""
_TABLE = f"""\
<table cellpadding="0" cellspacing="0" style="width:100%;margin:0 0 14px;{_BOX};\
border-collapse:collapse;font-size:14px;table-layout:fixed">
{{}}</table>
"""
_ROW = """\
<tr><th scope="row" style="width:34%;padding:6px 10px 6px 16px;text-align:left;vertical-align:top">\
<bdi>{}</bdi></th><td dir="auto" style="padding:6px 10px;vertical-align:top">{}</td></tr>
"""
_MORE = '<tr><td colspan="2" style="padding:6px 16px">{}</td></tr>\n'
_CODE = "<b>{}</b>"
_FOOT = """\
<p style="margin:26px 0 0;padding-top:14px;border-top:1px solid #86867f;font-size:14px">{}</p>
"""


def turn_email(questions: Sequence[Question], occasion: str, person: Person) -> Email:
    """Writes one e-mail for all questions of a turn, as text and as HTML.

    Args:
        questions: At least one, in the order of the turn.
        occasion: `asked` or `reminder`.
        person: Whom it is for.
    """
    words, count = person.words, len(questions)
    share = MAX_HTML_BYTES // count - _FRAME_BYTES
    parts = [
        _part(question, occasion, words, share, f"{number}. " if count > 1 else "")
        for number, question in enumerate(questions, 1)
    ]
    head = _several(questions, occasion, words) if count > 1 else ""
    links = "email.all_links" if count > 1 else "email.two_links"
    if count == 1 and questions[0].approval.is_question:
        links = "email.one_link"
    whose = words.say("email.for_person", person=one_line(person.name))
    foot = _FOOT.format(f"{_said(words.say(links))} {_said(whose)}")
    main = head + "".join(parts)
    if _MARK.search(main):
        main += _SMALL.format(_said(words.say("page.marks", mark=_A_MARK)))
    text = emails.turn_email(questions, occasion, person)
    return Email(text.subject, text.body, _page(text.subject, main + foot, words))


def sign_in_email(person: Person, url: str) -> Email:
    """Writes the e-mail of a sign-in; the arguments are those of `sign_in_email.sign_in_email`."""
    words, text = person.words, plain.sign_in_email(person, url)
    main = (
        _H1.format(_said(text.subject))
        + _P.format(_said(words.say("email.sign_in_hello", person=one_line(person.name))))
        + _P.format(_said(words.say("email.sign_in_open")))
        + _P.format(_button(url, _FILLED, words.say("email.sign_in_button")))
        + _FOOT.format(_said(words.say("email.sign_in_leave")))
    )
    return Email(text.subject, text.body, _page(text.subject, main, words))


def _several(questions: Sequence[Question], occasion: str, words: Words) -> str:
    agent = one_line(questions[0].approval.agent_name)
    return _H1.format(
        _said(words.say(f"email.several_{occasion}", agent=agent, count=len(questions)))
    )


def _part(question: Question, occasion: str, words: Words, max_bytes: int, number: str) -> str:
    """Says one question: the case, who asks, until when, the buttons, then what the agent wrote."""
    approval = question.approval
    kind, action = "question" if approval.is_question else "call", emails.tool_of(approval)
    if number:
        title = _H2.format(_said(number + words.say(f"email.heading_{kind}", action=action)))
        start = title + _CASE.format(_agents(case(approval.in_force.summary)))
    else:
        agent = one_line(approval.agent_name)
        said = words.say(f"email.{kind}_{occasion}", agent=agent, action=action)
        start = _CASE.format(_agents(case(approval.in_force.summary))) + _H1.format(_said(said))
    facts = f"{deadline(approval, words)}{emails.who_else(approval, words)}"
    return (
        start
        + _P.format(_said(facts, "<br>"))
        + _P.format(_buttons(question, words))
        + _written(question, words, max_bytes)
    )


def _buttons(question: Question, words: Words) -> str:
    if question.approval.is_question:
        return _button(question.approve_url, _FILLED, words.say("email.button_answer"))
    return _button(question.approve_url, _FILLED, words.say("email.button_approve")) + _button(
        question.deny_url, _OUTLINED, words.say("email.button_deny")
    )


def _button(url: str, style: str, label: str) -> str:
    return _BUTTON.format(escape(url), style, _said(label))


def _written(question: Question, words: Words, max_bytes: int) -> str:
    """Shows what the agent wrote: the text in a box, the other values in a table."""
    call, shown = question.approval.in_force, ""
    rows = [
        _MORE.format(_said(value)) if name is None else _ROW.format(_agents(name), _agents(value))
        for name, value in argument_lines(question.approval, max_bytes // 6, words)
    ]
    if call.content is not None:
        text = _cut(call.content, max_bytes - len("".join(rows).encode()), words)
        shown = _SMALL.format(_said(words.say("email.written"))) + _TEXT.format(text)
    if rows:
        has_text = question.approval.asked.content is not None
        said = words.say("email.other_arguments" if has_text else "email.arguments")
        shown += _SMALL.format(_said(said)) + _TABLE.format("".join(rows))
    return shown


def _cut(text: str, max_bytes: int, words: Words) -> str:
    """Returns a text as HTML, word for word; what is cut of it is said."""
    data = visible(text).encode()
    whole = _agents(data.decode())
    if len(whole.encode()) <= max_bytes or len(data) <= _KB:
        return whole
    size = min(len(data), max(_KB, max_bytes * len(data) // len(whole.encode())) // _KB * _KB)
    while True:
        shown = _agents(data[:size].decode(errors="ignore"))
        if size == _KB or len(shown.encode()) <= max_bytes:
            break
        size -= _KB
    sizes = {"shown": size // _KB, "all": -(-len(data) // _KB)}
    return f"{shown}<br><br>{_said(words.say('email.text_cut', **sizes))}"


def _agents(text: str) -> str:
    """Escapes what the agent wrote, and sets off the marks of invisible characters."""
    shown = _MARK.sub(lambda mark: _CODE.format(mark[0]), escape(text, quote=False))
    return shown.replace("\n", "<br>")


def _said(text: str, line_break: str = " ") -> str:
    """Escapes a sentence of ours."""
    return escape(text, quote=False).replace("\n", line_break)


def _page(title: str, main: str, words: Words) -> str:
    return _PAGE.format(language=escape(words.language), title=escape(title), main=main)
