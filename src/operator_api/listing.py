"""Shows operators approvals: their facts and first characters, or one whole; never a link."""

from collections.abc import Iterator
from typing import Any

from longrunning.deciding import answer_of
from longrunning.waits import outcomes as effects
from longrunning.waits.item import Wait
from longrunning.waits.open_pages import read_page, written
from longrunning.waits.open_waits import OpenEntry, OpenWaits
from operator_requests import Page

PREVIEW_CHARS = 200
"""Enough to know it again."""

ASKED_FIELDS = (
    "session_id", "tool_use_id", "agent_name", "tool_name", "status", "requested_at",
    "decide_by", "due_at", "first_decide_by", "asked_again_by",
)  # fmt: skip
DECIDED_FIELDS = ("decision", "decided_by", "decided_at", "via", "comment")
PEOPLE_FIELDS = ("requested_by", "approvers", "needed", "votes")

Document = dict[str, Any]


def document(approval: Wait) -> Document:
    """Returns what was asked, who decided what, what came of it, and the digest of the call."""
    names = ASKED_FIELDS + DECIDED_FIELDS + PEOPLE_FIELDS
    facts = {name: getattr(approval, name) for name in names}
    return (
        facts
        | effects.facts_of(approval)
        | {
            "action": approval.call.action if approval.call else "",
            "edited": approval.call is not None and approval.is_edited,
            "digest": approval.in_force.digest if approval.call else None,
            "preview": approval.in_force.summary[:PREVIEW_CHARS] if approval.call else "",
        }
    )


def whole(approval: Wait) -> Document:
    """Returns the same with all that a person reads: the call as asked and in force, the form."""
    asked = approval.call
    in_force = approval.in_force if asked else None
    return document(approval) | {
        "content": in_force.content if in_force else None,
        "arguments": in_force.arguments if in_force else None,
        "asked_content": asked.content if asked else None,
        "asked_arguments": asked.arguments if asked else None,
        "editable": approval.editable,
        "answer_schema": approval.answer_schema,
        "answer": answer_of(approval) if approval.is_question else None,
    }


def history(approvals: list[Wait], sessions: list[Document]) -> Document:
    """Returns what became of a session, and all its approvals in the order of asking.

    Args:
        approvals: All of the session.
        sessions: Its facts, by agent; shown are those of the agent that asked last.
    """
    in_order = sorted(approvals, key=lambda a: (a.requested_at, a.tool_use_id))
    asked_last = in_order[-1].agent_name if in_order else None
    by_agent = {facts["agent_name"]: facts for facts in sessions}
    return {
        "session": by_agent.get(asked_last) or next(iter(sessions), None),
        "approvals": [document(approval) for approval in in_order],
    }


def open_page(table: OpenWaits, page: Page) -> Document:
    """Returns a page of what is open, the earliest due first, and where the next one starts.

    The index is a moment behind: what a worker has claimed since is left out, so a page may be
    shorter than its limit, and only `next` tells whether there are more.
    """
    found = read_page(table, page.limit, page.after)
    return {
        "approvals": list(_documents(table, found.entries)),
        "next": None if found.next is None else written(found.next),
    }


def _documents(table: OpenWaits, entries: list[OpenEntry]) -> Iterator[Document]:
    for entry in entries:
        approval = table.get(entry.session_id, entry.tool_use_id)
        if approval and approval.due_at is not None:
            yield document(approval)
