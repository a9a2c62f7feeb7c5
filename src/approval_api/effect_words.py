"""Says on the page what became of a decision, in plain words for people who approve."""

from longrunning.waits import outcomes as effects
from longrunning.waits.item import Status, Wait
from page_parts import shown

CAME_TO_ITS_END = "the agent came to its end without making the call"
WHY_NOT_DONE = {
    "end_turn": CAME_TO_ITS_END,
    "stop_sequence": CAME_TO_ITS_END,
    "tool_use": CAME_TO_ITS_END,
    "max_tokens": "an answer of the model was longer than it may be",
    "guardrail_intervened": "a guardrail stopped the model",
    "content_filtered": "the model's provider withheld its answer",
    "malformed_model_output": "an answer of the model could not be read",
    "malformed_tool_use": "an answer of the model could not be read",
    "model_context_window_exceeded": "the conversation was too long for the model",
    "limit_turns": "the agent had used up its turns",
    "limit_output_tokens": "the agent had used up its tokens",
    "limit_total_tokens": "the agent had used up its tokens",
    "cancelled": "the agent was stopped",
    "interrupt": "the agent stopped for something else",
}
"""By the stop reason of the run that ended the session. Source: Strands, `StopReason`; Bedrock,
"Converse", `stopReason`."""


def verdict(approval: Wait) -> tuple[str, str, str]:
    """Returns the heading of a decided page, its mark, and its tone: `yes` or `no`."""
    if approval.status == Status.DENIED:
        return "Denied", "✕", "no"
    match effects.effect_of(approval):
        case effects.NOT_DONE | effects.REFUSED:
            return "Approved, not done", "✕", "no"
        case effects.DONE if approval.answer:
            return "Approved and done", "✓", "yes"
    return "Approved", "✓", "yes"


def trouble(approval: Wait) -> str:
    """Returns why what was approved is not done, as a sentence; nothing where it is, or may be."""
    match effects.effect_of(approval):
        case effects.REFUSED:
            return "Approved, not done: the receiver refused it."
        case effects.NOT_DONE:
            return f"Approved, not done: {_why(approval.not_done or '')}."
    return ""


def next_step(approval: Wait) -> str:
    """Returns what happens next, or has happened, as HTML."""
    agent, action = shown(approval.agent_name), f"<code>{shown(approval.asked.action)}</code>"
    if approval.status == Status.DENIED:
        return (
            f"{action} does not run. {agent} is told so, with the comment, and may come back with "
            f"another {thing_of(approval)} in a new e-mail."
        )
    thing = thing_of(approval)
    match effects.effect_of(approval):
        case effects.DONE:
            return f"{agent} went on with it: {action} was given exactly this {thing}."
        case effects.REFUSED:
            told = f"{action} was given exactly this {thing}, and {agent} was told the answer"
            return told + _answer(approval)
        case effects.NOT_DONE:
            return f"{action} was not run, and nothing more comes of this approval."
    return f"{agent} goes on now and runs {action} with exactly this {thing}."


def thing_of(approval: Wait) -> str:
    """Returns the word for what was approved."""
    return "call" if approval.asked.content is None else "text"


def _why(stop_reason: str) -> str:
    unknown = f"the agent's session ended ({stop_reason})" if stop_reason else ""
    return WHY_NOT_DONE.get(stop_reason, unknown or "the agent's session ended")


def _answer(approval: Wait) -> str:
    said = effects.reason_of(approval)
    return f": <q>{shown(said)}</q>" if said else "."
