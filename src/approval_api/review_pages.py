"""The pages: no script, no other file, nothing to fetch; the templates stand under `pages/`."""

import html

from effect_words import next_step, trouble, verdict
from form_parts import choices, editor
from longrunning.http import MAX_COMMENT_CHARS
from longrunning.waits.item import Status, Wait
from page_parts import (
    alert,
    arguments,
    deadline,
    decision_rows,
    fill,
    page,
    shown,
    table,
    text_section,
    withdrawal_rows,
)
from people_parts import footer, votes, who_must_agree
from review_request import Choice
from viewer import Viewer

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
    403: "Not yours to decide",
    404: "Nothing here",
    405: "That does not work here",
    410: "Too late",
    503: "Please try again",
}
WITHDRAWN = "Withdrawn"
ENDING = "How it ended"


def review_page(
    approval: Wait,
    now: int,
    preselected: str | None,
    draft: Choice | None,
    problem: str,
    viewer: Viewer,
) -> str:
    """Shows what waits for a decision, and the form that decides it.

    Args:
        approval: What waits.
        now: Epoch seconds.
        preselected: The decision whose button comes first; None for no preference.
        draft: What was sent and could not be taken; the form keeps it.
        problem: Why it could not be taken, or nothing.
        viewer: Who looks.
    """
    main = fill(
        "review.html",
        problem=alert(problem),
        agent=shown(approval.agent_name),
        action=shown(approval.asked.action),
        followed=FOLLOWED.get(preselected or "", ""),
        deadline=deadline(approval, now),
        what=_what(approval),
        who=who_must_agree(approval, viewer),
        text=_text(approval),
        arguments=_arguments(approval) + votes(approval, viewer),
        seen=_seen(approval),
        comment=html.escape(draft.comment or "") if draft else "",
        max_comment=str(MAX_COMMENT_CHARS),
        editor=editor(approval, draft),
        choices=choices(approval, preselected),
    )
    return page(
        f"{approval.agent_name} asks for your approval", main, footer=footer(approval, viewer)
    )


def counted_page(approval: Wait, viewer: Viewer) -> str:
    """Says that a vote is counted, and who is still to agree.

    Args:
        approval: What several people must agree to.
        viewer: Who has voted.
    """
    main = fill(
        "counted.html",
        count=str(len(approval.approved_by)),
        needed=str(approval.needed),
        who=who_must_agree(approval, viewer),
        text=_text(approval),
        arguments=_arguments(approval) + votes(approval, viewer),
    )
    return page("Your approval is counted", main, tone="yes")


def decided_page(approval: Wait, outcome: str, viewer: Viewer) -> str:
    """Shows what was decided, by whom and when, and what happens next; there is no button.

    Args:
        approval: What was decided.
        outcome: What this request did: `decided`, `repeated`, `conflict`, or `shown` for nothing.
        viewer: Who looks.
    """
    word, mark, tone = verdict(approval)
    late = f"This was {approval.decision} before you answered: the first decision stands."
    main = fill(
        "decided.html",
        problem=alert(late if outcome == "conflict" else "") + alert(trouble(approval)),
        mark=mark,
        word=word,
        next=LEADS[outcome] + next_step(approval),
        text=_text(approval),
        arguments=_arguments(approval) + votes(approval, viewer),
        rows=decision_rows(approval, viewer),
    )
    return page(word, main, tone=tone)


def closed_page(approval: Wait, reason: str, viewer: Viewer) -> str:
    """Says how something ended that nobody has decided, and what it was about.

    Args:
        approval: What is over.
        reason: How it ended.
        viewer: Who looks.
    """
    is_withdrawn = approval.status == Status.CANCELLED
    heading = WITHDRAWN if is_withdrawn else HEADINGS[410]
    main = fill(
        "closed.html",
        heading=heading,
        text=shown(reason),
        agent=shown(approval.agent_name),
        action=shown(approval.asked.action),
        how=table(ENDING, withdrawal_rows(approval, viewer)) if is_withdrawn else "",
    )
    return page(heading, main)


def refused_page(status: int, reason: str) -> str:
    """Says why a request was refused. The same status and reason give the same page."""
    return _notice(HEADINGS.get(status, "That did not work"), reason)


def unavailable_page(reason: str, again: dict[str, str] | None) -> str:
    """Says that something failed behind the page, with a button where it sends all there is."""
    if again is None:
        return _notice(HEADINGS[503], reason)
    fields = "".join(
        f'<input type="hidden" name="{name}" value="{html.escape(value)}">\n'
        for name, value in again.items()
        if name != "decision"
    )
    form = f"""\
<form method="post" action="?">
{fields}<button class="first" name="decision" value="{again["decision"]}">Send it again</button>
</form>"""
    return _notice(HEADINGS[503], reason, form)


def _notice(heading: str, text: str, form: str = "") -> str:
    main = fill("notice.html", heading=shown(heading), text=shown(text), form=form)
    return page(heading, main)


def _seen(approval: Wait) -> str:
    """Where several must agree, the form says which version of the call was read."""
    digest = approval.in_force.digest
    return f'<input type="hidden" name="seen" value="{digest}">' if approval.needed else ""


def _what(approval: Wait) -> str:
    if approval.asked.content is not None:
        return "the text below"
    return "the values below" if approval.in_force.arguments else "nothing else"


def _text(approval: Wait) -> str:
    """Returns the text in force, and what an approver has changed of it."""
    text, asked = approval.in_force.content, approval.asked.content
    if text is None:
        return ""
    if approval.edited_content is None:
        return text_section("The text", text)
    return text_section("The text, as it was edited", text, asked)


def _arguments(approval: Wait) -> str:
    heading = "The values" if approval.asked.content is None else "What goes with it"
    return arguments(heading, approval)
