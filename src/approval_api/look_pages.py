"""The page of an approval that is open, and is not decided here."""

from longrunning.waits.item import Wait
from page_parts import deadline, fill, page, shown
from people_parts import footer, votes, who_must_agree
from review_pages import arguments_section, text_shown
from viewer import Viewer

NOT_ASKED = "You are not asked for this: you can look at it, and decide nothing."
SIGN_IN = 'This link shows it. To decide it, <a href="../inbox/approvals/{}">sign in</a>.'


def look_page(approval: Wait, now: int, viewer: Viewer, *, is_asked: bool) -> str:
    """Shows what waits for a decision, without a form.

    Args:
        approval: What waits.
        now: Epoch seconds.
        viewer: Who looks.
        is_asked: Whether this person is asked, and must sign in first.
    """
    agent, ids = shown(approval.agent_name), f"{approval.session_id}/{approval.tool_use_id}"
    kicker, heading = "Approval request", f"{agent} asks for an approval"
    if approval.is_question:
        kicker, heading = "Question", f"{agent} asks a question"
    main = fill(
        "look.html",
        kicker=kicker,
        heading=heading,
        why=SIGN_IN.format(ids) if is_asked else NOT_ASKED,
        deadline=deadline(approval, now),
        who=who_must_agree(approval, viewer),
        text=text_shown(approval),
        arguments=arguments_section(approval) + votes(approval, viewer),
    )
    return page(f"{approval.agent_name} waits", main, footer=footer(approval, viewer))
