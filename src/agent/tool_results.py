"""What the model is told once a waiting tool use has its answer.

One JSON text per decision, so that a person reading the conversation and a model find the same
fields:

    {"decision": "approved", "decided_by": "link", "comment": null, "content": "…",
     "edited": false, "next": "Call publish_post with exactly this content …"}
"""

import json
from itertools import pairwise
from typing import Any

from conversation import record_id, tool_results
from gate import Gate
from longrunning import approvals, human_approval
from longrunning.approvals import Approval
from longrunning.messages import tool_result
from longrunning.sessions import CorruptedStateError, Message

ToolResult = dict[str, Any]

_NO_RESULT = {
    approvals.EXPIRED: "No result came in time. Whatever comes later is ignored.",
    approvals.CANCELLED: "This was cancelled. Whatever comes later is ignored.",
}
_NEXT = {
    approvals.DENIED: (
        "Not published. Revise it as the comment asks and ask again, or stop. Exactly the same "
        "text would be refused without asking anybody."
    ),
    approvals.EXPIRED: "Nobody decided in time. Nothing was published. Stop, and say so.",
    approvals.CANCELLED: "The request was withdrawn. Nothing was published. Stop, and say so.",
}


def result_of(approval: Approval, gate: Gate) -> ToolResult:
    """Builds the tool result that a decided item stands for.

    An approved gated call is performed here, before the model runs: the saved call, not whatever
    the model says next. So is the effect of an item already SPENT, whose worker may have died
    before it happened.

    Args:
        approval: An item claimed by this worker.
        gate: The gate of this run, which spends and performs.

    Returns:
        A Converse `toolResult` for the item's tool use.
    """
    if approval.status == approvals.RESOLVED:
        return {**(approval.result or {}), "toolUseId": approval.tool_use_id}
    if not approval.is_approval:
        return _answer(approval, "error", next=_NO_RESULT[approval.status])
    if approval.status in _NEXT:
        return _answer(approval, "error", next=_NEXT[approval.status])
    is_gated_call = approval.tool_name != human_approval.TOOL_SPEC["name"]
    if not is_gated_call and approval.status == approvals.APPROVED:
        return _answer(approval, "success", **_approved(approval), next=_call_now(approval))
    status, text = gate.spend_and_perform(approval)
    published = "Published; do not publish it again." if status == "success" else "Not published."
    return _answer(approval, status, **_approved(approval), result=text, next=published)


def put_in_place(messages: list[Message], results: dict[str, ToolResult]) -> set[str]:
    """Replaces the placeholders of the last turn by their results, in their order.

    Args:
        messages: The conversation; its last message is changed.
        results: Results by our tool use id.

    Returns:
        The ids that the conversation has for them.

    Raises:
        CorruptedStateError: The last turn has no placeholder for one of them.
    """
    asks, answers = messages[-2:]
    answered = {record_id(asks, result["toolUseId"]) for result in tool_results(answers)}
    if missing := results.keys() - answered:
        raise CorruptedStateError(f"the last turn has no tool use {sorted(missing)}")
    return put_right(messages[-2:], results)


def put_right(messages: list[Message], results: dict[str, ToolResult]) -> set[str]:
    """Replaces results of earlier turns that no longer tell what became of their approvals.

    An approval that an earlier turn was told of as approved may be spent by a worker that dies: the
    redo performs it, and the model must not read that it still has to publish.

    Args:
        messages: The conversation, changed in place; what was trimmed of it is left out.
        results: Results by our tool use id.

    Returns:
        The ids that the conversation has for those that were replaced.
    """
    replaced = set()
    for asks, answers in pairwise(messages):
        for told in tool_results(answers):
            given = told["toolUseId"]
            if (result := results.get(record_id(asks, given))) is not None:
                told.clear()
                told.update({**result, "toolUseId": given})
                replaced.add(given)
    return replaced


def _approved(approval: Approval) -> dict[str, Any]:
    edited = approval.edited_content is not None
    told = {"content": approval.text, "edited": edited}
    return {**told, "content_asked": approval.content} if edited else told


def _call_now(approval: Approval) -> str:
    edited = "The person edited the text. " if approval.edited_content is not None else ""
    if approval.action == approval.tool_name:
        return f"{edited}Go on with exactly this content."
    arguments = json.dumps(approval.arguments, ensure_ascii=False)
    return f"{edited}Call {approval.action} with exactly this content and {arguments}."


def _answer(approval: Approval, status: str, **told: Any) -> ToolResult:
    """An approval's decision stays `approved` however far its effect has come."""
    decision = approval.decision or approval.status.lower()
    facts = {"decision": decision, "decided_by": approval.decided_by, "comment": approval.comment}
    text = json.dumps({**facts, **told}, ensure_ascii=False)
    return tool_result(approval.tool_use_id, status, text)
