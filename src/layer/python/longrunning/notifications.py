"""What the approver is sent: one plain-text e-mail per ask, with two links to the same page."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from longrunning import links
from longrunning.text import NO_DEADLINE, has_deadline, utc, visible

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
class Notifier:
    """Sends what asks for a decision; the same links each time, however often it is sent."""

    sns: Any
    """A low-level SNS client."""
    base_url: str
    """The approval API, where the links lead."""
    read_keys: Callable[[], links.LinkKeys]

    def send(self, topic_arn: str, approval: "Approval", occasion: str = ASKED) -> None:
        """Publishes an e-mail to everyone who is subscribed to a topic.

        Args:
            topic_arn: The topic.
            approval: What waits for the decision.
            occasion: `asked`, `reminder` or `escalation`.

        Raises:
            Exception: It was not published. Nothing is swallowed: nobody waits unnoticed.
        """
        token = links.make_token(
            self.read_keys(), approval.session_id, approval.tool_use_id, approval.decide_by
        )
        email = approval_email(
            approval,
            links.review_url(self.base_url, token, "approved"),
            links.review_url(self.base_url, token, "denied"),
            occasion,
        )
        self.sns.publish(TopicArn=topic_arn, Subject=email.subject, Message=email.body)


def approval_email(
    approval: "Approval", approve_url: str, deny_url: str, occasion: str = ASKED
) -> Email:
    """Writes the e-mail that asks for a decision. The same input gives the same e-mail.

    The real links come first and the agent's words last, so that nothing the agent writes can pass
    for one of the links.

    Args:
        approval: What waits for the decision.
        approve_url: The page with approval preselected.
        deny_url: The page with denial preselected.
        occasion: `asked`, `reminder` or `escalation`.
    """
    who, what = _one_line(approval.agent_name), _one_line(approval.action)
    names = f"{who[:_MAX_NAME_CHARS]} wants to run {what[:_MAX_NAME_CHARS]}"
    body = f"""\
{who} wants to run {what} and {_OPENINGS[occasion]}

Read and approve:
{approve_url}

Read and deny:
{deny_url}

Both links open a page first; nothing is decided before you press a button there.
Anyone who has them can decide, so please do not forward this e-mail.

{_deadline(approval)}
{_arguments(approval)}
Everything below this line was written by the agent. This is the text, word for word:
{"-" * 72}
{_content(approval.content)}
"""
    subject = f"{_SUBJECTS[occasion]}: {names}"
    return Email(subject.encode("ascii", "replace").decode(), body)


def _deadline(approval: "Approval") -> str:
    if not has_deadline(approval.requested_at, approval.decide_by):
        return NO_DEADLINE
    return f"Decide until: {utc(approval.decide_by)}"


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
