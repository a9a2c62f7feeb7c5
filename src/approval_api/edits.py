"""An approver's edit: what was changed of text and arguments, and whether it is taken."""

from typing import Any

from longrunning.deciding import check_texts, read_typed
from longrunning.http import RefusedError, check_sendable, shown_name
from longrunning.messages import MAX_ARGUMENTS_BYTES, MAX_CONTENT_BYTES
from longrunning.people import forms
from longrunning.text import normalise_newlines
from longrunning.waits.item import Call, Edit, Wait, as_json
from review_request import Choice

MAX_TEXTS_BYTES = 296_000
"""Content and edit together, in UTF-8: both stand in one DynamoDB item of at most 400 KB."""


def edit_of(choice: Choice, approval: Wait) -> Edit:
    """Returns what the call is to be, measured on what was asked; what was not sent stays.

    Browsers send text areas with CRLF, whatever was in them: newlines alone are no edit.

    Raises:
        RefusedError: 400 for what cannot be changed, read or passed on, 413 for more than can be
            stored, 422 for what the tool would not accept.
    """
    edit = Edit(_wanted_content(choice.content, approval), _wanted_arguments(choice, approval))
    if _size(as_json(approval.edited(edit).arguments)) > MAX_ARGUMENTS_BYTES:
        raise RefusedError(413, f"arguments: expected at most {MAX_ARGUMENTS_BYTES} bytes in all")
    return edit


def is_untouched(choice: Choice, approval: Wait) -> bool:
    """Whether all that was sent is what is in force or what was asked, but for its newlines."""
    calls, sent = (approval.in_force, approval.asked), choice.arguments or {}
    is_same_text = choice.content is None or any(_is_text(choice.content, c.content) for c in calls)
    return is_same_text and all(
        any(_is_as_in(name, value, call) for call in calls) for name, value in sent.items()
    )


def obstacle(approval: Wait) -> str | None:
    """Returns the key of why an approval's text cannot be edited at all, or None."""
    if not _takes_text(approval.content_schema):
        return "edit.no_text"
    if not _fits(approval, approval.in_force.content or ""):
        return "edit.too_long"
    return None


def _wanted_content(submitted: str | None, approval: Wait) -> str | None:
    """Returns the text that is to be used, if it is another one than was asked."""
    asked = approval.asked.content
    if submitted is None:
        return approval.edited_content
    if _is_text(submitted, asked):
        return None
    if asked is None:
        raise RefusedError(400, "content: expected none: this call has no text")
    edited = normalise_newlines(submitted)
    check_sendable("content", edited)
    if _size(edited) > MAX_CONTENT_BYTES:
        raise RefusedError(413, f"content: expected at most {MAX_CONTENT_BYTES} bytes of UTF-8")
    if not _fits(approval, edited):
        raise RefusedError(413, f"content: {_room(approval)}")
    if problem := _problem(edited, approval.content_schema):
        raise RefusedError(422, f"content: {problem}")
    return edited


def _wanted_arguments(choice: Choice, approval: Wait) -> dict[str, Any]:
    """Returns the values that are to be others than those asked for."""
    asked, in_force = approval.asked, approval.in_force
    wanted = dict(approval.edit.arguments)
    for name, sent in (choice.arguments or {}).items():
        if _is_as_in(name, sent, in_force):
            continue  # A field of a form cannot hold every value: it stays as it is.
        if _is_as_in(name, sent, asked):
            wanted.pop(name, None)
            continue
        if name not in (approval.editable or {}):
            where, can = f"arguments.{shown_name(name)}", ", ".join(approval.editable or ())
            reason = f"{where}: cannot be changed; {can or 'none of the arguments'} can"
            raise RefusedError(400, reason, "an argument that cannot be changed")
        wanted[name] = _value(name, sent, approval)
    return {name: v for name, v in wanted.items() if not _is_same(name, v, asked)}


def _is_text(submitted: str, text: str | None) -> bool:
    return text is not None and normalise_newlines(submitted) == _as_browsers_return(text)


def _is_as_in(name: str, sent: Any, call: Call) -> bool:
    """Whether a value came back as it went: in a form as a text, and empty where there was none."""
    if isinstance(sent, str):
        there = _as_browsers_return(forms.written(call.arguments.get(name)))
        if normalise_newlines(sent) == there:
            return True
    return _is_same(name, sent, call)


def _is_same(name: str, value: Any, call: Call) -> bool:
    """As JSON compares: `true` is not 1, and a value that is missing is none of them."""
    if name not in call.arguments:
        return False
    mine, theirs = ({name: v} for v in (value, call.arguments[name]))
    return Call("", None, mine).digest == Call("", None, theirs).digest


def _value(name: str, sent: Any, approval: Wait) -> Any:
    """Reads and checks one changed argument; a text is read as a form's."""
    schema, where = (approval.editable or {})[name], f"arguments.{name}"
    value = read_typed(where, sent, schema) if isinstance(sent, str) else sent
    check_texts(where, value)
    if problem := forms.problem_of(value, schema):
        raise RefusedError(422, f"{where}: {problem}")
    return value


def _fits(approval: Wait, edited: str) -> bool:
    """Whether content and edit fit one item, and the edit what its turn has room for."""
    size_bytes = _size(edited)
    if approval.max_edit_bytes is not None and size_bytes > approval.max_edit_bytes:
        return False
    return _size(approval.asked.content or "") + size_bytes <= MAX_TEXTS_BYTES


def _takes_text(schema: dict[str, Any]) -> bool:
    """Whether a content may be a text: what is edited is one, and would be run as one."""
    kinds = schema.get("type", "string")
    return "string" in ([kinds] if isinstance(kinds, str) else kinds)


def _room(approval: Wait) -> str:
    room_bytes = MAX_TEXTS_BYTES - _size(approval.asked.content or "")
    if approval.max_edit_bytes is not None:
        room_bytes = min(room_bytes, approval.max_edit_bytes)
    return f"expected at most {max(0, room_bytes)} bytes of UTF-8: there is no room for more here"


def _as_browsers_return(content: str) -> str:
    """HTML has no NUL: what a browser shows and sends in its place is U+FFFD."""
    return normalise_newlines(content).replace("\0", "\ufffd")


def _problem(text: str, schema: dict[str, Any]) -> str | None:
    """Checks a text against the schema of the content; the first problem, or None."""
    if not _takes_text(schema):
        return "it cannot be edited: its tool takes no text there"
    if not text.strip():
        return "expected a text that says something"
    return forms.problem_of(text, {**schema, "type": "string"})


def _size(text: str) -> int:
    return len(text.encode())
