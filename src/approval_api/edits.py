"""An approver's edit: when a submitted text is one, and whether it may replace the content."""

import re
from typing import Any

from longrunning.http import RefusedError, check_sendable
from longrunning.messages import MAX_CONTENT_BYTES
from longrunning.text import normalise_newlines
from longrunning.waits.item import Wait

MAX_TEXTS_BYTES = 350_000
"""Content and edit together, in UTF-8: both stand in one DynamoDB item of at most 400 KB."""


def edit_of(submitted: str, approval: Wait) -> str | None:
    """Returns the approver's own text, or None where the submitted one is untouched.

    Browsers send text areas with CRLF, whatever was in them: newlines alone are no edit.

    Raises:
        RefusedError: 400 for characters that cannot be passed on, 413 for more than can be
            stored, 422 for what the tool would not accept.
    """
    if is_untouched(submitted, approval):
        return None
    edited = normalise_newlines(submitted)
    check_sendable("content", edited)
    if len(edited.encode()) > MAX_CONTENT_BYTES:
        raise RefusedError(413, f"content: expected at most {MAX_CONTENT_BYTES} bytes of UTF-8")
    if not _fits(approval, edited):
        raise RefusedError(413, f"content: {_room(approval)}")
    problem = _problem(edited, approval.content_schema)
    if problem:
        raise RefusedError(422, f"content: {problem}")
    return edited


def is_untouched(submitted: str, approval: Wait) -> bool:
    """Whether a text is what was asked, but for its newlines."""
    return normalise_newlines(submitted) == _as_browsers_return(approval.asked.content)


def obstacle(approval: Wait) -> str | None:
    """Returns why an approval's text cannot be edited at all, or None."""
    if not _takes_text(approval.content_schema):
        return "This cannot be edited here: it is no text."
    if not _fits(approval, approval.asked.content):
        return "This text is too long to be edited here."
    return None


def _fits(approval: Wait, edited: str) -> bool:
    """Whether content and edit fit one item, and the edit what its turn has room for."""
    size_bytes = len(edited.encode())
    if approval.max_edit_bytes is not None and size_bytes > approval.max_edit_bytes:
        return False
    return len(approval.asked.content.encode()) + size_bytes <= MAX_TEXTS_BYTES


def _takes_text(schema: dict[str, Any]) -> bool:
    """Whether a content may be a text: what is edited is one, and would be run as one."""
    kinds = schema.get("type", "string")
    return "string" in ([kinds] if isinstance(kinds, str) else kinds)


def _room(approval: Wait) -> str:
    room_bytes = MAX_TEXTS_BYTES - len(approval.asked.content.encode())
    if approval.max_edit_bytes is not None:
        room_bytes = min(room_bytes, approval.max_edit_bytes)
    return f"expected at most {max(0, room_bytes)} bytes of UTF-8: there is no room for more here"


def _as_browsers_return(content: str) -> str:
    """HTML has no NUL: what a browser shows and sends in its place is U+FFFD."""
    return normalise_newlines(content).replace("\0", "\ufffd")


def _problem(text: str, schema: dict[str, Any]) -> str | None:
    """Checks a text against the JSON Schema keywords for strings; the first problem, or None."""
    if not _takes_text(schema):
        return "it cannot be edited: its tool takes no text there"
    if not text.strip():
        return "expected a text that says something"
    length = len(text)
    at_least, at_most = schema.get("minLength", 0), schema.get("maxLength", length)
    if length < at_least:
        return f"expected at least {_characters(at_least)}, got {length}"
    if length > at_most:
        return f"expected at most {_characters(at_most)}, got {length}"
    if "pattern" in schema and not re.search(schema["pattern"], text):
        return f"expected a text that matches {schema['pattern']}"
    if "enum" in schema and text not in schema["enum"]:
        return f"expected one of {', '.join(map(repr, schema['enum']))}"
    return None


def _characters(count: int) -> str:
    return "1 character" if count == 1 else f"{count} characters"
