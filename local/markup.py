"""Texts, times and addresses as the pages show them: nothing invisible, nothing that is HTML."""

import time
from datetime import datetime
from html import escape
from urllib.parse import quote

from local.layer import has_deadline, visible

SHOWN_CHARACTERS = 400
"""A longer text is folded: its beginning is shown, all of it is a tap away."""
SHOWN_LINES = 8


def shown(text: str) -> str:
    """Returns a text as HTML; what is invisible in it is shown by its code points."""
    return escape(visible(text))


def moment(at: float) -> str:
    """Returns a time as all local pages have it, such as `30 Nov 2026, 15:14:02 UTC`."""
    there = time.gmtime(at)
    return f"{there.tm_mday} {time.strftime('%b %Y, %H:%M:%S', there)} UTC"


def moment_of(text: str) -> str:
    """Returns a time that stands in ISO 8601, such as `2026-11-30T15:14:02.000Z`, likewise."""
    try:
        return moment(datetime.fromisoformat(text).timestamp())
    except ValueError:
        return text


def deadline(requested_at: int, decide_by: int) -> str:
    """Returns until when a wait lasts, or that it has no end."""
    if not has_deadline(requested_at, decide_by):
        return "no deadline"
    return f"until {moment(decide_by)}"


def folded(text: str) -> str:
    """Returns a text in a block of its own; a long one behind its beginning."""
    block = f'<pre dir="auto">\n{shown(text)}</pre>\n'
    start = _beginning(text)
    if start == text:
        return block if text else ""
    return (
        f'<details><summary><span dir="auto">{shown(start)} …</span> '
        f'<span class="soft">({len(text):,} characters)</span></summary>\n{block}</details>\n'
    )


def session_url(session_id: str) -> str:
    """Returns the address of a session's page."""
    return f"/local/sessions/{quote(session_id, safe='')}"


def session_link(session_id: str) -> str:
    """Returns a link to a session's page that shows its id."""
    return f'<a href="{session_url(session_id)}"><code>{shown(session_id)}</code></a>'


def _beginning(text: str) -> str:
    if len(text) <= SHOWN_CHARACTERS and text.count("\n") < SHOWN_LINES:
        return text
    return " ".join(text[:SHOWN_CHARACTERS].split())[: SHOWN_CHARACTERS // 3]
