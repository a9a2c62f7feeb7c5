"""Says on the page what became of a decision, in plain words for people who approve."""

from longrunning.people.words import ENGLISH, Words
from longrunning.waits import outcomes as effects
from longrunning.waits.item import Status, Wait
from page_parts import code, shown

WHY_NOT_DONE = {
    "end_turn": "why.came_to_its_end",
    "stop_sequence": "why.came_to_its_end",
    "tool_use": "why.came_to_its_end",
    "max_tokens": "why.answer_too_long",
    "guardrail_intervened": "why.guardrail",
    "content_filtered": "why.filtered",
    "malformed_model_output": "why.answer_unreadable",
    "malformed_tool_use": "why.answer_unreadable",
    "model_context_window_exceeded": "why.conversation_too_long",
    "limit_turns": "why.turns",
    "limit_output_tokens": "why.tokens",
    "limit_total_tokens": "why.tokens",
    "cancelled": "why.stopped",
    "interrupt": "why.interrupted",
}
"""By the stop reason of the run that ended the session. Source: Strands, `StopReason`; Bedrock,
"Converse", `stopReason`."""


def verdict(approval: Wait, words: Words = ENGLISH) -> tuple[str, str, str]:
    """Returns the heading of a decided page, its mark, and its tone: `yes` or `no`."""
    if approval.status == Status.DENIED:
        return words.say("decided.denied"), "✕", "no"
    match effects.effect_of(approval):
        case effects.NOT_DONE | effects.REFUSED:
            return words.say("decided.not_done"), "✕", "no"
        case effects.DONE if approval.answer:
            return words.say("decided.done"), "✓", "yes"
    return words.say("decided.approved"), "✓", "yes"


def trouble(approval: Wait, words: Words = ENGLISH) -> str:
    """Returns why what was approved is not done, as a sentence; nothing where it is, or may be."""
    match effects.effect_of(approval):
        case effects.REFUSED:
            return words.say("decided.trouble_refused")
        case effects.NOT_DONE:
            return words.say("decided.trouble_why", why=_why(approval.not_done or "", words))
    return ""


def next_step(approval: Wait, words: Words = ENGLISH) -> str:
    """Returns what happens next, or has happened, as HTML."""
    names = {"agent": shown(approval.agent_name), "action": code(approval.asked.action)}
    thing = thing_of(approval)
    if approval.status == Status.DENIED:
        return words.say(f"decided.next_denied_{thing}", **names)
    match effects.effect_of(approval):
        case effects.DONE:
            return words.say(f"decided.next_done_{thing}", **names)
        case effects.REFUSED:
            if answer := _answer(approval):
                return words.say(f"decided.next_answered_{thing}", answer=answer, **names)
            return words.say(f"decided.next_refused_{thing}", **names)
        case effects.NOT_DONE:
            return words.say("decided.next_not_done", action=names["action"])
    return words.say(f"decided.next_approved_{thing}", **names)


def thing_of(approval: Wait) -> str:
    """Returns how the keys of sentences end that name what was approved: `text` or `call`."""
    return "call" if approval.asked.content is None else "text"


def _why(stop_reason: str, words: Words) -> str:
    if stop_reason in WHY_NOT_DONE:
        return words.say(WHY_NOT_DONE[stop_reason])
    return words.say("why.ended_as", reason=stop_reason) if stop_reason else words.say("why.ended")


def _answer(approval: Wait) -> str:
    said = effects.reason_of(approval)
    return f"<q>{shown(said)}</q>" if said else ""
