"""The pages of a question: the form that answers it, and what was answered."""

import html

from form_parts import field
from longrunning.http import MAX_COMMENT_CHARS
from longrunning.people.words import Words
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
from people_parts import context, footer, what_else
from questions import answer_of
from review_request import ANSWER, Choice
from viewer import Viewer

LEADS = {"decided": "decided.thanks", "repeated": "question.repeated"}
"""What a page says first, by what its request did."""


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
    words = viewer.words
    typed = (draft.answer if draft else None) or {}
    fields = (question.answer_schema or {})["properties"]
    main = fill(
        "question.html",
        words,
        problem=alert(problem),
        heading=words.say("question.heading", agent=shown(question.agent_name)),
        deadline=deadline(question, now, words),
        text=_text(question, words) + context(question, words),
        fields="\n".join(
            field(f"{ANSWER}{name}", name, schema, str(typed.get(name, "")), words)
            for name, schema in fields.items()
        ),
        comment=html.escape(draft.comment or "") if draft else "",
        max_comment=str(MAX_COMMENT_CHARS),
    )
    title = words.say("question.heading", agent=question.agent_name)
    return page(title, main, footer=footer(question, viewer), words=words)


def answered_page(question: Wait, outcome: str, viewer: Viewer) -> str:
    """Shows what was answered, by whom and when.

    Args:
        question: What was answered.
        outcome: What this request did: `decided`, `repeated`, `conflict`, or `shown` for nothing.
        viewer: Who looks.
    """
    answer, words = answer_of(question), viewer.words
    fields = (question.answer_schema or {}).get("properties", {})
    rows = "\n".join(
        row(title_of(name, fields.get(name, {})), value_cell(value, words))
        for name, value in (answer or {}).items()
    )
    goes_on = words.say("question.next", agent=shown(question.agent_name))
    main = fill(
        "answered.html",
        words,
        problem=alert(words.say("question.late") if outcome == "conflict" else ""),
        word=words.say("question.declined" if answer is None else "question.answered"),
        next=f"{words.say(LEADS[outcome])} {goes_on}" if outcome in LEADS else goes_on,
        rows=decision_rows(question, viewer),
        answer=table(words.say("question.answer"), rows) if rows else "",
        text=_text(question, words),
    )
    title = words.say("question.answered")
    return page(title, main, tone="yes", footer=what_else(viewer), words=words)


def _text(question: Wait, words: Words) -> str:
    return text_section(words.say("question.text"), question.asked.content or "", words=words)
