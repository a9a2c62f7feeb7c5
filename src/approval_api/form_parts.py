"""The form of a page: the fields in which an approver may change something, and the buttons."""

import html

from edits import obstacle
from effect_words import thing_of
from longrunning.people import forms
from longrunning.people.words import ENGLISH, Words
from longrunning.waits.item import Wait
from page_parts import code, fill, shown, title_of
from review_request import ARGUMENT, Choice

MAX_LINE_CHARS = 100
"""A text that may be longer gets more than one line; so does one with a line break, which a browser
would take out. A field of a kind of its own is for what is of that kind: a browser empties others.
"""

_INPUTS = {"integer": ("number", "1"), "number": ("number", "any")}


def editor(approval: Wait, draft: Choice | None, words: Words = ENGLISH) -> str:
    """Offers to edit the text, and the arguments that may be changed.

    The text has no field where a change of its length cannot be stored.

    Args:
        approval: What waits.
        draft: What was sent and could not be taken; the form keeps it.
        words: What it says.
    """
    text, fields = _text_field(approval, draft, words), _argument_fields(approval, draft, words)
    why = obstacle(approval) if approval.asked.content is not None else None
    note = f'<p class="soft">{words.say(why)}</p>' if why else ""
    if not text and not fields:
        return note
    return note + fill(
        "editor.html",
        words,
        open=" open" if draft and draft.has_edit else "",
        summary=words.say(_summary(bool(text), bool(fields))),
        fields="\n".join(filter(None, (text, fields))),
    )


def _summary(has_text: bool, has_fields: bool) -> str:
    if has_text:
        return "edit.both" if has_fields else "edit.text"
    return "edit.values"


def _text_field(approval: Wait, draft: Choice | None, words: Words) -> str:
    now = approval.in_force.content
    if now is None or obstacle(approval):
        return ""
    edited = draft.content if draft else None
    return fill("edit_text.html", words, text=html.escape(now if edited is None else edited))


def _argument_fields(approval: Wait, draft: Choice | None, words: Words) -> str:
    now, typed = approval.in_force.arguments, (draft.arguments if draft else None) or {}
    return "\n".join(
        field(
            f"{ARGUMENT}{name}", name, schema, forms.written(typed.get(name, now.get(name))), words
        )
        for name, schema in (approval.editable or {}).items()
    )


def choices(approval: Wait, preselected: str | None, words: Words = ENGLISH) -> str:
    """Returns the two buttons; the preselected one comes first and stands out."""
    looks = {"approved": ("yes", "approve"), "denied": ("no", "deny")}
    order = sorted(looks, key=lambda decision: decision != (preselected or "approved"))
    buttons = []
    for decision in order:
        tone, verb = looks[decision]
        effect = words.say(
            f"review.{verb}_{thing_of(approval)}", action=code(approval.asked.action)
        )
        label = words.say(f"review.{verb}")
        buttons.append(_choice(decision, tone, label, effect, decision == preselected))
    return "\n".join(buttons)


def field(
    field_name: str, name: str, schema: forms.Schema, value: str, words: Words = ENGLISH
) -> str:
    """Returns the field for one value, by its schema, with its label.

    Args:
        field_name: Under which the form sends it.
        name: Of the value; shown where its schema has no title.
        schema: The JSON schema of the value.
        value: What stands in it.
        words: What is said beside it.
    """
    place = html.escape(field_name)
    named = f'id="{place}" name="{place}" aria-describedby="edit-hint"'
    label = f'<label for="{place}">{shown(title_of(name, schema))}</label>'
    return f"{label}\n{_control(named, schema, value, words)}"


def _control(named: str, schema: forms.Schema, value: str, words: Words) -> str:
    kind = forms.kind_of(schema)
    if "enum" in schema or kind == "boolean":
        options = [forms.written(one) for one in schema.get("enum", (True, False))]
        return _select(named, options, value, forms.may_be_empty(schema), words)
    if kind in _INPUTS and forms.is_number(value):
        return _number(named, schema, value)
    if kind == "string" and schema.get("format") == "date" and forms.is_date(value):
        return _input(named, "date", value)
    is_short = "format" in schema or schema.get("maxLength", MAX_LINE_CHARS + 1) <= MAX_LINE_CHARS
    if kind != "array" and is_short and len(value.splitlines()) < 2:
        return _input(named, "text", value)
    hint = "" if kind == "string" else f"\n<small>{words.say('edit.list')}</small>"
    return f'<textarea {named} rows="4" dir="auto">\n{html.escape(value)}</textarea>{hint}'


def _select(named: str, options: list[str], value: str, may_be_empty: bool, words: Words) -> str:
    said = {"true": "page.yes", "false": "page.no", "": "page.none"}
    first = [] if value in options and not may_be_empty else [""]
    lines = "\n".join(
        f'<option value="{html.escape(one)}"{" selected" if one == value else ""}>'
        f"{words.say(said[one]) if one in said else shown(one)}</option>"
        for one in dict.fromkeys([*first, *options])
    )
    return f"<select {named}>\n{lines}\n</select>"


def _number(named: str, schema: forms.Schema, value: str) -> str:
    kind, step = _INPUTS[forms.kind_of(schema) or "number"]
    bounds = {"min": schema.get("minimum"), "max": schema.get("maximum"), "step": step}
    more = "".join(f' {name}="{bound}"' for name, bound in bounds.items() if bound is not None)
    return _input(named + more, kind, value)


def _input(named: str, kind: str, value: str) -> str:
    return f'<input type="{kind}" {named} value="{html.escape(value)}">'


def _choice(decision: str, tone: str, label: str, effect: str, first: bool) -> str:
    look = f"{tone} first" if first else tone
    unchecked = " formnovalidate" if decision == "denied" else ""
    return (
        f'<div><button class="{look}" name="decision" value="{decision}"{unchecked} '
        f'aria-describedby="{decision}-effect">{label}</button>\n'
        f'<p class="soft" id="{decision}-effect">{effect}</p></div>'
    )
