"""Plays any tools: each in turn, with an input made from its schema, until all have had their turn.

    no result yet        it calls the next tool, the task's text in the field that holds a text
    denied               it calls once more, with the comment behind the text; after three denials,
                         or where nothing in the call can change, it leaves that tool
    expired, cancelled   it stops
    anything else        it goes on with the next tool

Its last words say what came of each. Which tools need an approval it cannot know and need not: the
gate stops those by itself. So `human_approval` is called only where there is nothing else to call.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from strands.types.content import ContentBlock, Messages
from strands.types.tools import ToolSpec

from longrunning.agent.scripted.reading import (
    MAX_DRAFTS,
    Made,
    call,
    calls_made,
    say,
    task_index,
    text_of,
)
from longrunning.agent.scripted.values import NoValueError, make_input

ASKS = "human_approval"

LOOKS = re.compile(
    r"(check|count|describe|fetch|find|get|has|is|list|look_?up|query|read|search|show)(?![a-z])"
)
"""How the names of tools begin that only look: they come first, as with a real agent."""

STOPS = {"expired": "nobody decided in time", "cancelled": "it was cancelled"}
MAX_TOLD_CHARS = 300


def play(messages: Messages, tool_specs: Sequence[ToolSpec]) -> list[ContentBlock]:
    """Returns the content of the assistant's next message.

    Args:
        messages: The conversation; the last message is the user's task or holds tool results.
        tool_specs: The tools, as the model sees them.
    """
    start = task_index(messages)
    task, calls = text_of(messages[start]), calls_made(messages[start:])
    specs = in_order(tool_specs)
    if not any(made.verdict in STOPS for made in calls):
        for spec in specs:
            earlier = [made for made in calls if made.name == spec["name"]]
            tool_input = _next_input(spec, task, earlier)
            if tool_input is not None:
                again = f"I change the call of {spec['name']}." if earlier else ""
                words = again or f"The script calls {spec['name']}."
                return [{"text": words}, call(messages, spec["name"], tool_input)]
    return say(last_words(calls, list(_never_called(specs, task, calls))))


def in_order(tool_specs: Sequence[ToolSpec]) -> list[ToolSpec]:
    """Returns the tools to play: those that only look first, else as they are."""
    others = [spec for spec in tool_specs if spec["name"] != ASKS]
    return sorted(others, key=lambda spec: not LOOKS.match(spec["name"])) or list(tool_specs)


def last_words(calls: Sequence[Made], never_called: Sequence[str] = ()) -> str:
    """Returns what came of each tool, what went wrong first.

    Args:
        calls: What was called, in order.
        never_called: A line for each tool that was not.
    """
    by_name = {made.name: [m for m in calls if m.name == made.name] for made in calls}
    bad = [_told(name, made) for name, made in by_name.items() if made[-1].status == "error"]
    good = [_told(name, made) for name, made in by_name.items() if made[-1].status != "error"]
    opening = "I could not finish this task." if bad or never_called else "Done."
    if not calls and not never_called:
        opening = "I could not finish this task. There is no tool to call."
    return "\n".join([opening, *bad, *never_called, *good])


def _next_input(spec: ToolSpec, task: str, earlier: list[Made]) -> dict[str, Any] | None:
    """Returns the input of the next call of a tool; None where there is none to make."""
    denials = sum(made.verdict == "denied" for made in earlier)
    if earlier and (earlier[-1].verdict != "denied" or denials >= MAX_DRAFTS):
        return None
    note = ""
    if denials:
        comment = (earlier[-1].decision or {}).get("comment")
        revised = "revised" if denials == 1 else "revised again"
        note = f"\n\n({revised}: {comment})" if comment else f"\n\n({revised})"
    try:
        tool_input = make_input(_schema(spec), task, note)
    except NoValueError:
        return None
    is_new = all(made.tool_input != tool_input for made in earlier)
    return tool_input if is_new else None


def _never_called(specs: Sequence[ToolSpec], task: str, calls: list[Made]) -> Iterator[str]:
    called = {made.name for made in calls}
    for spec in specs:
        if spec["name"] not in called:
            try:
                make_input(_schema(spec), task)
                yield f"{spec['name']}: not called."
            except NoValueError as error:
                yield (
                    f"{spec['name']}: not called, for I can make no input that fits. {error} "
                    "Give me the calls in src/agent/script.json."
                )


def _schema(spec: ToolSpec) -> dict[str, Any]:
    schema: dict[str, Any] = spec["inputSchema"].get("json", {})
    return schema


def _told(name: str, made: list[Made]) -> str:
    """Says what came of a tool."""
    last, denials = made[-1], sum(m.verdict == "denied" for m in made)
    decision = last.decision or {}
    said = decision.get("result", "") if decision else last.text
    text = f": {' '.join(str(said).split()):.{MAX_TOLD_CHARS}}" if said else ""
    edited = " with an edit" if decision.get("edited") is True else ""
    match last.verdict, last.status:
        case "denied", _:
            times = f"{denials} times" if denials > 1 else "and I have nothing to change in it"
            return f"{name}: denied {times}, so I stopped. It was not done."
        case ("expired" | "cancelled") as verdict, _:
            return f"{name}: {STOPS[verdict]}, so I stopped. It was not done."
        case "approved", "error":
            return f"{name}: approved, and not done{text}"
        case "approved", _:
            return f"{name}: approved{edited}{' and done' if said else ''}{text}"
    return f"{name}: {'failed' if last.status == 'error' else 'done'}{text}"
