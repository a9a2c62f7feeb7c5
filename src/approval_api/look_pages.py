"""The page of an approval that is open, and is not decided here."""

from longrunning.people.words import Words
from longrunning.waits.item import Wait
from page_parts import deadline, fill, page, shown
from people_parts import context, footer, votes, who_must_agree
from review_pages import arguments_section, text_shown
from viewer import Viewer


def look_page(approval: Wait, now: int, viewer: Viewer, *, is_asked: bool) -> str:
    """Shows what waits for a decision, without a form.

    Args:
        approval: What waits.
        now: Epoch seconds.
        viewer: Who looks.
        is_asked: Whether this person is asked, and must sign in first.
    """
    words, agent = viewer.words, shown(approval.agent_name)
    is_question = approval.is_question
    main = fill(
        "look.html",
        words,
        kicker=words.say("page.question" if is_question else "page.approval"),
        heading=words.say("look.question" if is_question else "look.heading", agent=agent),
        why=_sign_in(approval, words) if is_asked else words.say("look.not_asked"),
        deadline=deadline(approval, now, words),
        who=who_must_agree(approval, viewer),
        text=text_shown(approval, words),
        arguments=arguments_section(approval, words)
        + votes(approval, viewer)
        + context(approval, words),
    )
    title = words.say("look.title", agent=approval.agent_name)
    return page(title, main, footer=footer(approval, viewer), words=words)


def _sign_in(approval: Wait, words: Words) -> str:
    url = f"../inbox/approvals/{approval.session_id}/{approval.tool_use_id}"
    return f'{words.say("look.sign_in")} <a href="{url}">{words.say("signin.heading")}</a>'
