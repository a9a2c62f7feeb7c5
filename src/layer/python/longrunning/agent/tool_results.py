"""Builds what the model reads once a waiting tool use has its answer.

One JSON text per decision, so that a person reading the conversation and a model find the same
fields:

    {"decision": "approved", "decided_by": "link", "comment": null, "content": "…",
     "edited": false, "next": "Call publish_post with exactly this content …"}
"""

import json
from itertools import pairwise
from typing import Any

from longrunning import human_approval
from longrunning.agent.conversation import record_id, tool_results
from longrunning.agent.effects import Effects
from longrunning.messages import tool_result
from longrunning.sessions import CorruptedStateError, Message
from longrunning.waits.item import Status, Wait

ToolResult = dict[str, Any]

_NO_RESULT = {
    Status.EXPIRED: "No result came in time. Whatever comes later is ignored.",
    Status.CANCELLED: "This was cancelled. Whatever comes later is ignored.",
}
_NO_ANSWER = {
    Status.EXPIRED: "Nobody answered in time. Go on without an answer, or stop and say so.",
    Status.CANCELLED: "The question was withdrawn. Go on without an answer, or stop and say so.",
}
_NOT_APPROVED = {
    Status.DENIED: (
        "Not {done}. Revise it as the comment asks and ask again, or stop. Exactly the same "
        "would be refused without asking anybody."
    ),
    Status.EXPIRED: "Nobody decided in time. Nothing was {done}. Stop, and say so.",
    Status.CANCELLED: "The request was withdrawn. Nothing was {done}. Stop, and say so.",
}


def result_of(wait: Wait, effects: Effects, expired: str | None = None) -> ToolResult:
    """Builds the tool result of an answered wait; an effect that is due happens here.

    An approved gated call is performed before the model runs: the saved call, not whatever the
    model says next. So is the effect of an approval already SPENT, whose worker may have died
    before it happened.

    Args:
        wait: A wait that this worker has claimed.
        effects: What spends and performs in this run.
        expired: The tool's own words where no result came in time.

    Returns:
        A Converse `toolResult` for the wait's tool use.
    """
    if wait.status == Status.RESOLVED:
        return {**(wait.result or {}), "toolUseId": wait.tool_use_id}
    if wait.call is None:
        words = {**_NO_RESULT, **({Status.EXPIRED: expired} if expired else {})}
        return _answer(wait, "error", next=words[wait.status])
    if wait.is_question:
        return _answer(wait, "error", next=_NO_ANSWER[wait.status])
    done = effects.done_word(wait.call.action)
    if wait.status in _NOT_APPROVED:
        shown = _approved(wait) if wait.is_edited else {}  # Somebody had, and others did not agree.
        return _answer(wait, "error", **shown, next=_NOT_APPROVED[wait.status].format(done=done))
    is_gated_call = wait.tool_name != human_approval.TOOL_SPEC["name"]
    if not is_gated_call and wait.status == Status.APPROVED:
        return _answer(wait, "success", **_approved(wait), next=_call_now(wait))
    status, text = effects.perform(wait)
    after = f"Not {done}."
    if status == "success":
        after = f"{done[:1].upper()}{done[1:]}; do not do it again."
    return _answer(wait, status, **_approved(wait), result=text, next=after)


def fill_placeholders(messages: list[Message], results: dict[str, ToolResult]) -> set[str]:
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
    return correct_earlier_results(messages[-2:], results)


def correct_earlier_results(messages: list[Message], results: dict[str, ToolResult]) -> set[str]:
    """Replaces results of earlier turns that no longer tell what became of their approvals.

    An approval that an earlier turn was told of as approved may be spent by a worker that dies: the
    redo performs it, and the model must not read that it still has to call the tool.

    Args:
        messages: The conversation, changed in place; what was trimmed of it is left out.
        results: Results by our tool use id.

    Returns:
        The ids that the conversation has for those that were replaced.
    """
    replaced = set()
    for asks, answers in pairwise(messages):
        for earlier in tool_results(answers):
            given = earlier["toolUseId"]
            if (result := results.get(record_id(asks, given))) is not None:
                earlier.clear()
                earlier.update({**result, "toolUseId": given})
                replaced.add(given)
    return replaced


def _approved(approval: Wait) -> dict[str, Any]:
    """Says what was approved; of what a person has edited also what was asked."""
    call, asked, edit = approval.in_force, approval.asked, approval.edit
    facts: dict[str, Any] = {} if call.content is None else {"content": call.content}
    facts["edited"] = approval.is_edited
    if edit.content is not None:
        facts["content_asked"] = asked.content
    if call.content is None or edit.arguments:
        facts["arguments"] = call.arguments
    if edit.arguments:
        facts["arguments_asked"] = {name: asked.arguments.get(name) for name in edit.arguments}
    return facts


def _call_now(approval: Wait) -> str:
    call, edit = approval.in_force, approval.edit
    edited = "The person edited the text. " if edit.content is not None else ""
    if call.action == approval.tool_name:
        return f"{edited}Go on with exactly this content."
    if edit.arguments:
        edited += f"The person changed {', '.join(edit.arguments)}. "
    arguments = json.dumps(call.arguments, ensure_ascii=False)
    return f"{edited}Call {call.action} with exactly this content and {arguments}."


def _answer(wait: Wait, status: str, **facts: Any) -> ToolResult:
    """Builds the JSON text. A decision stays `approved` however far its effect has come."""
    decision = wait.decision or wait.status.lower()
    known = {"decision": decision, "decided_by": wait.decided_by, "comment": wait.comments}
    text = json.dumps({**known, **facts}, ensure_ascii=False)
    return tool_result(wait.tool_use_id, status, text)
