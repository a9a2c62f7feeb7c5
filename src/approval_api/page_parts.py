"""The parts that pages are made of. Only this module and the templates under `pages/` write markup.

Whatever comes from the agent or an approver goes through `shown`, which also marks what cannot be
seen, or, inside a text area, through `html.escape`.
"""

import base64
import hashlib
import html
import os
import time
from collections.abc import Mapping
from functools import cache
from string import Template
from typing import Any

from longrunning.text import NO_DEADLINE, code_points, has_deadline, utc, visible
from longrunning.waits.item import Wait, as_json
from viewer import Viewer

LEGEND = (
    '<p class="soft">Marks like <mark>[U+200B]</mark> stand for characters that cannot be seen.</p>'
)
DECIDERS = {"link": "Somebody with the link from the e-mail"}
WITHDRAWERS = {"sweeper": "Nobody: its agent no longer waits for it"}
_PARTS = {
    "same": "{}",
    "removed": '<del><span class="unseen">removed: </span>{}</del>',
    "added": '<ins><span class="unseen">added: </span>{}</ins>',
}
_PAGES = os.path.join(os.path.dirname(__file__), "pages")
_UNITS = ((86_400, "days"), (3_600, "hours"), (60, "minutes"))


@cache
def content_security_policy() -> str:
    """Forbids everything but the one style sheet in the page, by its hash, and its own form."""
    digest = base64.b64encode(hashlib.sha256(_file("page.css").encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    )


def page(title: str, main: str, *, tone: str = "", footer: str = "") -> str:
    """Returns a whole page around `main`."""
    return fill(
        "layout.html",
        title=html.escape(visible(title)),
        style=_file("page.css"),
        tone=tone,
        main=main,
        footer=footer,
    )


def fill(name: str, **parts: str) -> str:
    """Returns a template with its parts in place. A part that is left out is a KeyError."""
    return Template(_file(name)).substitute(parts)


def shown(text: str) -> str:
    """Escapes a text for HTML; what is invisible becomes a mark with its code points."""
    return visible(html.escape(text), lambda run: f"<mark>{code_points(run)}</mark>")


def legend(text: str) -> str:
    """Explains the marks, if the text has any."""
    return "" if visible(text) == text else LEGEND


def alert(problem: str) -> str:
    """Returns a sentence that screen readers say first; nothing for an empty one."""
    return f'<p class="problem" role="alert">{shown(problem)}</p>' if problem else ""


def text_section(heading: str, text: str, before: str | None = None) -> str:
    """Shows a text word for word; beside it what an approver has changed of it.

    Args:
        heading: What it is.
        text: The text.
        before: The text as it was asked, if it is another one.
    """
    return fill(
        "text.html",
        heading=heading,
        content=shown(text),
        legend=legend(text),
        changes="" if before is None else difference(before, text),
    )


def difference(before: str, after: str) -> str:
    """Shows what was taken out of a text and what was put in."""
    from differences import parts_of  # Few approvals are edited.

    parts = "".join(_PARTS[kind].format(shown(text)) for kind, text in parts_of(before, after))
    return f'<h3>What was changed</h3>\n<p class="changes" dir="auto">{parts}</p>'


def arguments(heading: str, approval: Wait) -> str:
    """Shows the arguments of the call in force, each value as it is; of an edited one both."""
    asked, edit = approval.asked.arguments, approval.edit.arguments
    rows = "\n".join(
        row(
            title_of(name, (approval.editable or {}).get(name, {})),
            _change(asked.get(name), value) if name in edit else value_cell(value),
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
    by = approval.decided_by or ""
    if approval.via == "rule":
        names = {by: f"The rule {by.partition(':')[2]}: nobody was asked"}
    at = approval.decided_at or 0
    rows = [
        row("By", shown(names.get(by) or viewer.name_of(by))),
        row("At", f'<time datetime="{iso(at)}">{utc(at)}</time>'),
        row("Comment", shown(approval.comment) if approval.comment else "<em>none</em>"),
    ]
    return "\n".join(rows)


def deadline(approval: Wait, now: int) -> str:
    """Says until when to decide, and how long that is from now (epoch seconds)."""
    end = approval.decide_by
    if not has_deadline(approval.requested_at, end):
        return NO_DEADLINE
    left = duration(end - now)
    return f'Decide until <time datetime="{iso(end)}">{utc(end)}</time> ({left} left).'


def duration(seconds: int) -> str:
    """Returns a time in words, rounded down: `6 days`, `47 hours`, `less than 2 minutes`."""
    for unit_seconds, unit in _UNITS:
        if seconds >= 2 * unit_seconds:
            return f"{seconds // unit_seconds} {unit}"
    return "less than 2 minutes"


def iso(epoch_seconds: int) -> str:
    """Returns a time for machines, such as `2026-03-14T10:00:00Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch_seconds))


def _change(before: Any, after: Any) -> str:
    old, new = value_cell(before), value_cell(after)
    return f"{_PARTS['removed'].format(old)} {_PARTS['added'].format(new)}"


def value_cell(value: Any) -> str:
    """Returns a value as HTML, by its kind."""
    match value:
        case None:
            return "<em>none</em>"
        case str():
            return shown(value)
        case bool():
            return "yes" if value else "no"
        case list() if value and not any(isinstance(item, dict | list) for item in value):
            return f"<ul>{''.join(f'<li>{value_cell(item)}</li>' for item in value)}</ul>"
    return shown(as_json(value))


@cache
def _file(name: str) -> str:
    with open(os.path.join(_PAGES, name), encoding="utf-8") as file:
        return file.read()
