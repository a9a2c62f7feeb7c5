"""What the approver is sent: one plain-text e-mail per ask, with two links to the same page."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from longrunning.text import utc, visible

if TYPE_CHECKING:
    from longrunning.approvals import Approval

MAX_CONTENT_BYTES = 32 * 1024
"""Shown in the e-mail; SNS takes 256 KiB in all, mail readers cut earlier. The page shows all."""

_MAX_NAME_CHARS = 24
"""Two such names fit a subject. Source: SNS, "Publish": less than 100 characters, of ASCII."""

_MAX_ARGUMENT_CHARS = 1_000
_MAX_ARGUMENTS = 20


@dataclass(frozen=True)
class Email:
    """One notification: `subject` is a line of ASCII, `body` plain text."""

    subject: str
    body: str


def approval_email(approval: "Approval", approve_url: str, deny_url: str) -> Email:
    """Writes the e-mail that asks for a decision. The same input gives the same e-mail.

    The real links come first and the agent's words last, so that nothing the agent writes can pass
    for one of the links.

    Args:
        approval: What waits for the decision.
        approve_url: The page with approval preselected.
        deny_url: The page with denial preselected.
    """
    who, what = _one_line(approval.agent_name), _one_line(approval.action)
    subject = f"Approval needed: {who[:_MAX_NAME_CHARS]} wants to run {what[:_MAX_NAME_CHARS]}"
    body = f"""\
{who} wants to run {what} and waits for your decision.

Read and approve:
{approve_url}

Read and deny:
{deny_url}

Both links open a page first; nothing is decided before you press a button there.
Anyone who has them can decide, so please do not forward this e-mail.

Decide until: {utc(approval.decide_by)}
{_arguments(approval)}
Everything below this line was written by the agent. This is the text, word for word:
{"-" * 72}
{_content(approval.content)}
"""
    return Email(subject.encode("ascii", "replace").decode(), body)


def _arguments(approval: "Approval") -> str:
    """Lists the call's other arguments as JSON, so that none of them can break out of its line."""
    if not approval.arguments:
        return ""
    shown = list(approval.arguments.items())[:_MAX_ARGUMENTS]
    lines = [f"  {_one_line(name)}: {_json(value)}" for name, value in shown]
    if len(approval.arguments) > _MAX_ARGUMENTS:
        lines.append("  [and more, on the page]")
    return "\nThe call also carries:\n" + "\n".join(lines) + "\n"


def _json(value: object) -> str:
    text = visible(json.dumps(value, ensure_ascii=False))
    if len(text) <= _MAX_ARGUMENT_CHARS:
        return text
    return f"{text[:_MAX_ARGUMENT_CHARS]} [cut here; the page shows all of it]"


def _one_line(name: str) -> str:
    return " ".join(visible(name).split())[:_MAX_ARGUMENT_CHARS]


def _content(content: str) -> str:
    data = visible(content).encode()
    if len(data) <= MAX_CONTENT_BYTES:
        return data.decode()
    shown = data[:MAX_CONTENT_BYTES].decode(errors="ignore")
    return (
        f"{shown}\n\n[cut here: this e-mail shows the first {MAX_CONTENT_BYTES // 1024} KB of "
        f"{-(-len(data) // 1024)} KB; the page shows all of it]"
    )
