"""The pages: no script, no other file, nothing to fetch; the templates stand under `pages/`."""

import html

from effect_words import next_step, trouble, verdict
from form_parts import choices, editor
from longrunning.http import MAX_COMMENT_CHARS
from longrunning.people.words import ENGLISH, Words
from longrunning.waits.item import Status, Wait
from page_parts import (
    alert,
    arguments,
    code,
    deadline,
    decision_rows,
    fill,
    page,
    shown,
    table,
    text_section,
    withdrawal_rows,
)
from people_parts import context, footer, votes, what_else, who_must_agree
from review_request import Choice
from viewer import Viewer

LEADS = {"decided": "decided.thanks", "repeated": "decided.repeated"}
"""What a page says first, by what its request did."""
LATE = {"approved": "decided.late_approved", "denied": "decided.late_denied"}
FOLLOWED = {"approved": "review.came_approved", "denied": "review.came_denied"}
HEADINGS = {
    403: "refused.not_yours",
    404: "refused.nothing_here",
    405: "refused.not_that_way",
    410: "closed.too_late",
    503: "refused.again",
}
WITHDRAWN = "closed.withdrawn"


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
    words = viewer.words
    main = fill(
        "review.html",
        words,
        problem=alert(problem),
        heading=words.say("review.heading", agent=shown(approval.agent_name)),
        wants=words.say(_wants(approval), action=code(approval.asked.action)),
        deadline=deadline(approval, now, words),
        who=who_must_agree(approval, viewer),
        text=text_shown(approval, words),
        arguments=arguments_section(approval, words)
        + votes(approval, viewer)
        + context(approval, words),
        seen=_seen(approval),
        parts=_form(approval, preselected, draft, words),
    )
    title = words.say("review.heading", agent=approval.agent_name)
    return page(title, main, footer=footer(approval, viewer), words=words)


def counted_page(approval: Wait, viewer: Viewer) -> str:
    """Says that a vote is counted, and who is still to agree.

    Args:
        approval: What several people must agree to.
        viewer: Who has voted.
    """
    words, needed = viewer.words, approval.needed
    main = fill(
        "counted.html",
        words,
        heading=words.say("counted.heading", count=len(approval.approved_by), needed=needed),
        next=words.say("counted.next", needed=needed),
        who=who_must_agree(approval, viewer),
        text=text_shown(approval, words),
        arguments=arguments_section(approval, words) + votes(approval, viewer),
    )
    title = words.say("counted.title")
    return page(title, main, tone="yes", footer=what_else(viewer), words=words)


def decided_page(approval: Wait, outcome: str, viewer: Viewer) -> str:
    """Shows what was decided, by whom and when, and what happens next; there is no button.

    Args:
        approval: What was decided.
        outcome: What this request did: `decided`, `repeated`, `conflict`, or `shown` for nothing.
        viewer: Who looks.
    """
    words = viewer.words
    word, mark, tone = verdict(approval, words)
    late = words.say(LATE[approval.decision or "denied"]) if outcome == "conflict" else ""
    next_ = next_step(approval, words)
    main = fill(
        "decided.html",
        words,
        problem=alert(late) + alert(trouble(approval, words)),
        mark=mark,
        word=word,
        next=f"{words.say(LEADS[outcome])} {next_}" if outcome in LEADS else next_,
        text=text_shown(approval, words),
        arguments=arguments_section(approval, words) + votes(approval, viewer),
        rows=decision_rows(approval, viewer),
    )
    return page(word, main, tone=tone, footer=what_else(viewer), words=words)


def closed_page(approval: Wait, reason: str, viewer: Viewer) -> str:
    """Says how something ended that nobody has decided, and what it was about.

    Args:
        approval: What is over.
        reason: How it ended, in English.
        viewer: Who looks.
    """
    words, is_withdrawn = viewer.words, approval.status == Status.CANCELLED
    heading = words.say(WITHDRAWN if is_withdrawn else HEADINGS[410])
    agent, action = shown(approval.agent_name), code(approval.asked.action)
    how = withdrawal_rows(approval, viewer) if is_withdrawn else ""
    main = fill(
        "closed.html",
        words,
        heading=heading,
        text=shown(words.reason(reason)),
        asked=words.say("closed.asked", agent=agent, action=action),
        how=table(words.say("closed.ending"), how) if how else "",
    )
    return page(heading, main, words=words)


def refused_page(status: int, reason: str, words: Words = ENGLISH) -> str:
    """Says why a request was refused. The same status and reason give the same page."""
    return _notice(HEADINGS.get(status, "refused.other"), reason, words)


def unavailable_page(reason: str, again: dict[str, str] | None, words: Words = ENGLISH) -> str:
    """Says that something failed behind the page, with a button where it sends all there is."""
    if again is None:
        return _notice(HEADINGS[503], reason, words)
    fields = "".join(
        f'<input type="hidden" name="{name}" value="{html.escape(value)}">\n'
        for name, value in again.items()
        if name != "decision"
    )
    label = words.say("refused.send_again")
    form = f"""\
<form method="post" action="?">
{fields}<button class="first" name="decision" value="{again["decision"]}">{label}</button>
</form>"""
    return _notice(HEADINGS[503], reason, words, form)


def _notice(heading: str, reason: str, words: Words, form: str = "") -> str:
    title, text = words.say(heading), shown(words.reason(reason))
    main = fill("notice.html", words, heading=title, text=text, form=form)
    return page(title, main, words=words)


def _form(approval: Wait, preselected: str | None, draft: Choice | None, words: Words) -> str:
    """Returns the buttons, and what may be said or changed with them.

    The buttons come first, where a thumb finds them; for who came to deny, or has begun to write,
    what is typed comes before them.
    """
    came = words.say(FOLLOWED[preselected]) if preselected in FOLLOWED else ""
    buttons = fill(
        "review_choices.html",
        choices=choices(approval, preselected, words),
        followed=f'<p class="soft">{came}</p>' if came else "",
    )
    is_begun = preselected == "denied" or bool(draft and draft.comment)
    comment = fill(
        "review_comment.html",
        words,
        open=" open" if is_begun else "",
        comment=html.escape(draft.comment or "") if draft else "",
        max_comment=str(MAX_COMMENT_CHARS),
    )
    typed = comment + editor(approval, draft, words)
    is_begun = is_begun or bool(draft and draft.has_edit)
    return typed + buttons if is_begun else buttons + typed


def _seen(approval: Wait) -> str:
    """Where several must agree, the form says which version of the call was read."""
    digest = approval.in_force.digest
    return f'<input type="hidden" name="seen" value="{digest}">' if approval.needed else ""


def _wants(approval: Wait) -> str:
    if approval.asked.content is not None:
        return "review.wants_text"
    return "review.wants_values" if approval.in_force.arguments else "review.wants_nothing"


def text_shown(approval: Wait, words: Words) -> str:
    """Returns the text in force, and what an approver has changed of it."""
    text, asked = approval.in_force.content, approval.asked.content
    if text is None:
        return ""
    if approval.edited_content is None:
        return text_section(words.say("review.text"), text, words=words)
    return text_section(words.say("review.text_edited"), text, asked, words)


def arguments_section(approval: Wait, words: Words) -> str:
    """Returns the arguments of the call in force, each value as it is."""
    has_text = approval.asked.content is not None
    heading = words.say("review.other_values" if has_text else "review.values")
    return arguments(heading, approval, words)
