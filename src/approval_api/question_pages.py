"""The pages of a question: the form that answers it, and what was answered."""

import html

from form_parts import field
from longrunning.http import MAX_COMMENT_CHARS
from longrunning.waits.item import Wait
from page_parts import (
    alert,
    deadline,
    decision_rows,
    fill,
    page,
    row,
    shown,
    table,
    text_section,
    title_of,
    value_cell,
)
from people_parts import footer
from questions import answer_of
from review_request import ANSWER, Choice
from viewer import Viewer

LEADS = {
    "shown": "",
    "decided": "Thank you. ",
    "repeated": "You answered this before; nothing changes. ",
    "conflict": "",
}


def question_page(
    question: Wait, now: int, draft: Choice | None, problem: str, viewer: Viewer
) -> str:
    """Shows a question that waits, and the form that answers it.

    Args:
        question: What waits.
        now: Epoch seconds.
        draft: What was sent and could not be taken; the form keeps it.
        problem: Why it could not be taken, or nothing.
        viewer: Who looks.
    """
    typed = (draft.answer if draft else None) or {}
    fields = (question.answer_schema or {})["properties"]
    main = fill(
        "question.html",
        problem=alert(problem),
        agent=shown(question.agent_name),
        deadline=deadline(question, now),
        text=text_section("The question", question.asked.content or ""),
        fields="\n".join(
            field(f"{ANSWER}{name}", name, schema, str(typed.get(name, "")))
            for name, schema in fields.items()
        ),
        comment=html.escape(draft.comment or "") if draft else "",
        max_comment=str(MAX_COMMENT_CHARS),
    )
    return page(f"{question.agent_name} asks you a question", main, footer=footer(question, viewer))


def answered_page(question: Wait, outcome: str, viewer: Viewer) -> str:
    """Shows what was answered, by whom and when.

    Args:
        question: What was answered.
        outcome: What this request did: `decided`, `repeated`, `conflict`, or `shown` for nothing.
        viewer: Who looks.
    """
    answer = answer_of(question)
    fields = (question.answer_schema or {}).get("properties", {})
    rows = "\n".join(
        row(title_of(name, fields.get(name, {})), value_cell(value))
        for name, value in (answer or {}).items()
    )
    late = "This was answered before you did: the first answer stands."
    agent = shown(question.agent_name)
    main = fill(
        "answered.html",
        problem=alert(late if outcome == "conflict" else ""),
        word="Declined" if answer is None else "Answered",
        next=f"{LEADS[outcome]}{agent} goes on now.",
        rows=decision_rows(question, viewer),
        answer=table("The answer", rows) if rows else "",
        text=text_section("The question", question.asked.content or ""),
    )
    return page("Answered", main, tone="yes")
