"""The parts that pages are made of. Only this module and the templates under `pages/` write markup.

Whatever comes from the agent or an approver goes through `shown`, which also marks what cannot be
seen, or, inside a text area, through `html.escape`.
"""

import base64
import hashlib
import html
import os
import time
from collections.abc import Iterator, Mapping
from functools import cache
from string import Template
from typing import Any

from longrunning.people.words import ENGLISH, Words
from longrunning.text import code_points, has_deadline, visible
from longrunning.waits.item import Wait, as_json
from viewer import Viewer

DECIDERS = {"link": "decided.by_link"}
VIAS = {
    "link": "decided.via_link",
    "signed-in": "decided.via_sign_in",
    "iam": "decided.via_signature",
}
DIGEST_CHARS = 12
"""Shown of the digest of a call: enough to tell it from others of one approval."""

WITHDRAWERS = {"sweeper": "decided.by_sweeper"}
_CHANGES = {"removed": ("del", "review.removed"), "added": ("ins", "review.added")}
_PAGES = os.path.join(os.path.dirname(__file__), "pages")
_UNITS = ((86_400, "time.days"), (3_600, "time.hours"), (60, "time.minutes"))


class _Parts(dict[str, str]):
    """The parts of a template; what is none of them is a sentence: `$page_close` is `page.close`.

    (A template class of its own, for names with dots, would cost every cold start a millisecond.)
    """

    def __init__(self, parts: Mapping[str, str], words: Words) -> None:
        super().__init__(parts)
        self._words = words

    def __missing__(self, name: str) -> str:
        return self._words.say(name.replace("_", ".", 1))


@cache
def content_security_policy(*more_styles: str) -> str:
    """Forbids everything but the style sheets in the page, by their hashes, and its own forms."""
    styles = " ".join(map(_hash_of, ("page.css", *more_styles)))
    return (
        f"default-src 'none'; style-src {styles}; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    )


def page(title: str, main: str, *, tone: str = "", footer: str = "", words: Words = ENGLISH) -> str:
    """Returns a whole page around `main`."""
    return fill(
        "layout.html",
        lang=html.escape(words.language),
        title=html.escape(visible(title)),
        style=_file("page.css"),
        tone=tone,
        main=main,
        footer=footer,
    )


def framed(page: str, bar: str, style: str, below: str = "") -> str:
    """Returns a page with a bar above it, something below, and one more style sheet.

    Args:
        page: As `page` has made it.
        bar: HTML.
        style: The name of the style sheet; the answer's policy names it, too.
        below: HTML, for the end of its main part.
    """
    styled = page.replace("</style>", f"</style>\n<style>{_file(style)}</style>", 1)
    before, end, after = styled.rpartition("</main>")
    styled = f"{before}{below}{end}{after}"
    return styled.replace("<body>\n<main ", f'<body>\n{bar}<main id="main" ', 1)


def fill(name: str, words: Words = ENGLISH, /, **parts: str) -> str:
    """Returns a template with its parts in place. A part that is left out is a KeyError.

    Args:
        name: Of the file.
        words: What the template says by itself.
        parts: What it is given, as HTML.
    """
    return Template(_file(name)).substitute(_Parts(parts, words))


def shown(text: str) -> str:
    """Escapes a text for HTML; what is invisible becomes a mark with its code points."""
    return visible(html.escape(text), lambda run: f"<mark>{code_points(run)}</mark>")


def code(text: str) -> str:
    """Shows a name that programs know, such as that of a tool."""
    return f"<code>{shown(text)}</code>"


def legend(text: str, words: Words = ENGLISH) -> str:
    """Explains the marks, if the text has any."""
    if visible(text) == text:
        return ""
    return f'<p class="soft">{words.say("page.marks", mark="<mark>[U+200B]</mark>")}</p>'


def alert(problem: str) -> str:
    """Returns a sentence that screen readers say first; nothing for an empty one."""
    return f'<p class="problem" role="alert">{shown(problem)}</p>' if problem else ""


def text_section(heading: str, text: str, before: str | None = None, words: Words = ENGLISH) -> str:
    """Shows a text word for word; beside it what an approver has changed of it.

    Args:
        heading: What it is.
        text: The text.
        before: The text as it was asked, if it is another one.
        words: What is said beside it.
    """
    return fill(
        "text.html",
        heading=heading,
        content=shown(text),
        legend=legend(text, words),
        changes="" if before is None else difference(before, text, words),
    )


def difference(before: str, after: str, words: Words = ENGLISH) -> str:
    """Shows what was taken out of a text and what was put in."""
    from differences import parts_of  # Few approvals are edited.

    parts = "".join(_part(kind, shown(text), words) for kind, text in parts_of(before, after))
    heading = words.say("review.changes")
    return f'<h3>{heading}</h3>\n<p class="changes" dir="auto">{parts}</p>'


def arguments(heading: str, approval: Wait, words: Words = ENGLISH) -> str:
    """Shows the arguments of the call in force, each value as it is; of an edited one both."""
    asked, edit = approval.asked.arguments, approval.edit.arguments
    rows = "\n".join(
        row(
            title_of(name, (approval.editable or {}).get(name, {})),
            _change(asked.get(name), value, words) if name in edit else value_cell(value, words),
        )
        for name, value in approval.in_force.arguments.items()
    )
    return table(heading, rows) if rows else ""


def title_of(name: str, schema: Mapping[str, Any]) -> str:
    """Returns how an argument is called on the page."""
    return str(schema.get("title") or name.replace("_", " "))


def table(heading: str, rows: str) -> str:
    """Returns a section with a table; both are HTML already."""
    place = heading.lower().replace(" ", "-")
    return (
        f'<section aria-labelledby="{place}">\n<h2 id="{place}">{heading}</h2>\n'
        f"<table>\n{rows}\n</table>\n</section>"
    )


def row(name: str, cell: str) -> str:
    """Returns a table row; `cell` is HTML already."""
    return f'<tr><th scope="row">{shown(name)}</th><td>{cell}</td></tr>'


def decision_rows(approval: Wait, viewer: Viewer) -> str:
    """Tells who decided, when, and with which comment."""
    return _who_when_why(approval, DECIDERS, viewer)


def withdrawal_rows(approval: Wait, viewer: Viewer) -> str:
    """Tells who withdrew it, when, and with which comment."""
    return _who_when_why(approval, WITHDRAWERS, viewer)


def _who_when_why(approval: Wait, names: dict[str, str], viewer: Viewer) -> str:
    by, words = approval.decided_by or "", viewer.words
    who = words.say(names[by]) if by in names else viewer.name_of(by)
    if approval.via == "rule":
        who = words.say("decided.by_rule", rule=by.partition(":")[2])
    rows = [
        row(words.say("decided.by"), shown(who)),
        row(words.say("decided.at"), moment(approval.decided_at or 0, words)),
        row(words.say("decided.comment"), value_cell(approval.comment or None, words)),
    ]
    return "\n".join([*rows, *_by_name(approval, viewer)])


def _by_name(approval: Wait, viewer: Viewer) -> Iterator[str]:
    """Tells who was asked by name, how it was decided, and of which call."""
    words = viewer.words
    if approval.approvers is None:
        return
    yield row(words.say("decided.asked"), shown(", ".join(map(viewer.name_of, approval.approvers))))
    if approval.via in VIAS:
        yield row(words.say("decided.via"), words.say(VIAS[approval.via]))
    yield row(words.say("decided.digest"), code(approval.in_force.digest[:DIGEST_CHARS]))


def deadline(approval: Wait, now: int, words: Words = ENGLISH) -> str:
    """Says until when to decide, and how long that is from now (epoch seconds)."""
    end = approval.decide_by
    if not has_deadline(approval.requested_at, end):
        return words.say("deadline.none")
    left = duration(end - now, words)
    return words.say("deadline.page", time=moment(end, words), left=left)


def duration(seconds: int, words: Words = ENGLISH) -> str:
    """Returns a time in words, rounded down: `6 days`, `47 hours`, `less than 2 minutes`."""
    for unit_seconds, unit in _UNITS:
        if seconds >= 2 * unit_seconds:
            return words.say(unit, count=seconds // unit_seconds)
    return words.say("time.short")


def moment(epoch_seconds: int, words: Words = ENGLISH) -> str:
    """Shows a time in the reader's zone; beside it, for machines, in UTC."""
    return f'<time datetime="{iso(epoch_seconds)}">{words.time(epoch_seconds)}</time>'


def iso(epoch_seconds: int) -> str:
    """Returns a time for machines, such as `2026-03-14T10:00:00Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch_seconds))


def _hash_of(style: str) -> str:
    digest = base64.b64encode(hashlib.sha256(_file(style).encode()).digest()).decode()
    return f"'sha256-{digest}'"


def _part(kind: str, content: str, words: Words) -> str:
    if kind not in _CHANGES:
        return content
    tag, key = _CHANGES[kind]
    return f'<{tag}><span class="unseen">{words.say(key)} </span>{content}</{tag}>'


def _change(before: Any, after: Any, words: Words) -> str:
    old, new = value_cell(before, words), value_cell(after, words)
    return f"{_part('removed', old, words)} {_part('added', new, words)}"


def value_cell(value: Any, words: Words = ENGLISH) -> str:
    """Returns a value as HTML, by its kind."""
    match value:
        case None:
            return f"<em>{words.say('page.none')}</em>"
        case str():
            return shown(value)
        case bool():
            return words.say("page.yes" if value else "page.no")
        case list() if value and not any(isinstance(item, dict | list) for item in value):
            return f"<ul>{''.join(f'<li>{value_cell(item, words)}</li>' for item in value)}</ul>"
    return shown(as_json(value))


@cache
def _file(name: str) -> str:
    with open(os.path.join(_PAGES, name), encoding="utf-8") as file:
        return file.read()
