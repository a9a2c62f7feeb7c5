"""The pages: no script, no other file, nothing to fetch; the templates stand under `pages/`."""

import html

from longrunning.approvals import DENIED, SPENT, Approval
from longrunning.http import MAX_COMMENT_CHARS
from page_parts import (
    alert,
    arguments,
    choices,
    deadline,
    decision_rows,
    editor,
    fill,
    legend,
    page,
    shown,
)
from review_request import Choice

LEADS = {
    "shown": "",
    "decided": "Thank you. ",
    "repeated": "You or somebody else decided this before; nothing changes. ",
    "conflict": "",
}
FOLLOWED = {
    "approved": "You came to approve. Nothing is decided before you press the button below.",
    "denied": "You came to deny. Nothing is decided before you press the button below.",
}
HEADINGS = {
    404: "Nothing here",
    405: "That does not work here",
    410: "Too late",
    503: "Please try again",
}


def review_page(
    approval: Approval, now: int, preselected: str | None, draft: Choice | None, problem: str
) -> str:
    """Shows what waits for a decision, and the form that decides it.

    Args:
        approval: What waits.
        now: Epoch seconds.
        preselected: The decision whose button comes first; None for no preference.
        draft: What was sent and could not be taken; the form keeps it.
        problem: Why it could not be taken, or nothing.
    """
    main = fill(
        "review.html",
        problem=alert(problem),
        agent=shown(approval.agent_name),
        action=shown(approval.action),
        followed=FOLLOWED.get(preselected or "", ""),
        deadline=deadline(approval, now),
        content=shown(approval.content),
        legend=legend(approval.content),
        arguments=arguments(approval.arguments),
        comment=html.escape(draft.comment or "") if draft else "",
        max_comment=str(MAX_COMMENT_CHARS),
        editor=editor(approval, draft),
        choices=choices(approval, preselected),
    )
    footer = (
        "<footer><p>Anyone who has this link can decide: please do not pass it on.</p>"
        f"<p>Session <code>{shown(approval.session_id)}</code></p></footer>"
    )
    return page(f"{approval.agent_name} asks for your approval", main, footer=footer)


def decided_page(approval: Approval, outcome: str) -> str:
    """Shows what was decided, by whom and when, and what happens next; there is no button.

    Args:
        approval: What was decided.
        outcome: What this request did: `decided`, `repeated`, `conflict`, or `shown` for nothing.
    """
    denied = approval.status == DENIED
    word = "Denied" if denied else "Approved"
    late = f"This was {word.lower()} before you answered: the first decision stands."
    main = fill(
        "decided.html",
        problem=alert(late if outcome == "conflict" else ""),
        mark="✕" if denied else "✓",
        word=word,
        next=LEADS[outcome] + _next(approval),
        text_heading=_text_heading(approval),
        content=shown(approval.text),
        legend=legend(approval.text),
        arguments=arguments(approval.arguments),
        rows=decision_rows(approval),
    )
    return page(word, main, tone="no" if denied else "yes")


def refused_page(status: int, reason: str) -> str:
    """Says why a request was refused. The same status and reason give the same page."""
    return _notice(HEADINGS.get(status, "That did not work"), reason)


def unavailable_page(reason: str, resend: str | None) -> str:
    """Says that something failed behind the page, with a button where it sends all there is."""
    form = f"""\
<form method="post" action="?">
<button class="first" name="decision" value="{resend}">Send it again</button>
</form>"""
    return _notice(HEADINGS[503], reason, form if resend else "")


def _notice(heading: str, text: str, form: str = "") -> str:
    main = fill("notice.html", heading=shown(heading), text=shown(text), form=form)
    return page(heading, main)


def _next(approval: Approval) -> str:
    agent, action = shown(approval.agent_name), f"<code>{shown(approval.action)}</code>"
    if approval.status == DENIED:
        return (
            f"{action} does not run. {agent} is told so, with the comment, and may come back with "
            "another text in a new e-mail."
        )
    if approval.status == SPENT:
        return f"{agent} went on with it: {action} was given exactly this text."
    return f"{agent} goes on now and runs {action} with exactly this text."


def _text_heading(approval: Approval) -> str:
    return "The text" if approval.edited_content is None else "The text, as it was edited"
