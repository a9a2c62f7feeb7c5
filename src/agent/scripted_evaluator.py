"""The example's script: how the evaluator judges a draft, where no model is configured."""

import json

from strands.types.content import ContentBlock, Messages
from strands.types.tools import ToolSpec

from longrunning.agent.scripted.reading import say, task_index, text_of

MIN_CHARS, MAX_CHARS = 40, 1_000


ASKED = "Check this draft against the brand's rules:"


def play(messages: Messages, specs: list[ToolSpec]) -> list[ContentBlock] | None:
    """Plays the one turn of the evaluator, which has no tools: its verdict, as JSON."""
    task = text_of(messages[task_index(messages)])
    if specs or not task.startswith(ASKED):
        return None
    draft = task.partition("\n")[2].strip()
    why = problem_of(draft)
    return say(json.dumps({"ok": not why, "why": why}))


def problem_of(draft: str) -> str:
    """Returns which of the brand's rules a draft breaks; "" if it keeps them all."""
    if len(draft) < MIN_CHARS:
        return f"It is too short: {len(draft)} characters, at least {MIN_CHARS}."
    if len(draft) > MAX_CHARS:
        return f"It is too long: {len(draft)} characters, at most {MAX_CHARS}."
    if "unicorn rentals" not in draft.lower():
        return "It does not name Unicorn Rentals."
    return "It promises something for free." if "for free" in draft.lower() else ""
