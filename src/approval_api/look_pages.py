"""The page of an approval that is open, and is not decided here."""

from longrunning.waits.item import Wait
from page_parts import deadline, fill, page, shown
from people_parts import footer, votes, who_must_agree
from review_pages import arguments_section, text_shown
from viewer import Viewer

NOT_ASKED, SIGN_IN = "not asked", "sign in"
_WHY = {
    NOT_ASKED: "You are not asked for this: you can look at it, and decide nothing.",
    SIGN_IN: 'This link shows it. To decide it, <a href="{url}">sign in</a>.',
}


def look_page(approval: Wait, now: int, why: str, viewer: Viewer) -> str:
    """Shows what waits for a decision, without a form.

    Args:
        approval: What waits.
        now: Epoch seconds.
        why: `NOT_ASKED` or `SIGN_IN`.
        viewer: Who looks.
    """
    agent, ids = shown(approval.agent_name), f"{approval.session_id}/{approval.tool_use_id}"
    kicker, heading = "Approval request", f"{agent} asks for an approval"
    if approval.is_question:
        kicker, heading = "Question", f"{agent} asks a question"
    main = fill(
        "look.html",
        kicker=kicker,
        heading=heading,
        why=_WHY[why].format(url=f"../inbox/approvals/{ids}"),
        deadline=deadline(approval, now),
        who=who_must_agree(approval, viewer),
        text=text_shown(approval),
        arguments=arguments_section(approval) + votes(approval, viewer),
    )
    return page(f"{approval.agent_name} waits", main, footer=footer(approval, viewer))
