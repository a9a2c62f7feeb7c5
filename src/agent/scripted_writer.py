"""The example's script: how the post's writer goes on, where no model is configured.

1. a task arrives: it drafts a post that carries the task's text as it came, and asks for approval;
2. approved: it publishes exactly the text in force, the approver's edit included;
3. denied: it drafts again, shorter and with the approver's comment, and asks again; after three
   denials it gives up;
4. published, refused, expired or cancelled: it says so and ends.

Its one whim: the first colour word of the task (pink, blue, purple, green, yellow or rainbow) is
the unicorn's colour.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any

from strands.types.content import ContentBlock, Messages
from strands.types.tools import ToolResult, ToolSpec

import scripted_evaluator
from longrunning.agent.scripted.reading import (
    MAX_DRAFTS,
    Made,
    call,
    calls_made,
    decision_in,
    result_text,
    results_of,
    say,
    task_index,
    text_of,
    uses_of,
)

EXAMPLE = {"human_approval", "publish_post"}
"""The tools of the example; `publish_post` as it is there, with nothing required but the text."""

EVALUATOR = "brand-evaluator"
SKETCH = "Sale at the stable!"
MAX_CHECKS = 5

LONG = {"wait_until", "run_job", "ask_agent"}
"""Its long-running tools, for a task that asks for what they do."""

CHECKED = re.compile(r"\bchecked\b", re.IGNORECASE)
PICTURE = re.compile(r"\bpicture\b", re.IGNORECASE)
AT = re.compile(r"\bat (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d))")
_WISHES = {"ask_agent": CHECKED, "run_job": PICTURE, "wait_until": AT}

OPENINGS = (
    "Fresh from the stable at Unicorn Rentals:",
    "The herd has news, and could not keep it to itself:",
    "Saddle up! A word from Unicorn Rentals:",
)
ANSWER_OPENING = "You asked, and the unicorns put their heads together:"
"""For a task that is a question."""

CLOSINGS = (
    "Every ride comes with a brushed mane, a polished horn and a carrot for the road. "
    "Rent a unicorn today!",
    "Our unicorns are rested, fed and looking forward to meeting you. Rent one today!",
    "No licence needed, good manners welcome. Rent a unicorn today!",
)
BY_A_SCRIPT = (
    "(The words in quotation marks are the task. A script wrote this post; a model writes more.)"
)
COLOR_PATTERN = re.compile(r"\b(pink|blue|purple|green|yellow|rainbow)\b", re.IGNORECASE)


def is_example(tool_specs: Sequence[ToolSpec]) -> bool:
    """Tells whether the example's tools are all there is, as the example has them."""
    schemas = {spec["name"]: spec["inputSchema"].get("json", {}) for spec in tool_specs}
    if not EXAMPLE <= schemas.keys() <= EXAMPLE | LONG:
        return False
    return bool(schemas["publish_post"].get("required") == ["content"])


def play(messages: Messages, specs: list[ToolSpec]) -> list[ContentBlock] | None:
    """Plays the next turn, where the example's tools are all there is."""
    if not is_example(specs):
        return None
    names = {spec["name"] for spec in specs}
    return long_turn(messages, names) or next_turn(messages)


def long_turn(messages: Messages, names: set[str]) -> list[ContentBlock] | None:
    """Plays a turn that one of the long-running tools takes; None if none of them is due.

    A task says so itself: "checked" has each draft checked by the evaluator, "picture" has one
    drawn, and "at 2027-03-01T09:00:00Z" holds the post until then.
    """
    start = task_index(messages)
    task = text_of(messages[start])
    made = calls_made(messages[start:])
    last = made[-1] if made else None
    wants = {name for name, pattern in _WISHES.items() if name in names and pattern.search(task)}
    if last is None or last.verdict == "denied":
        return _check(messages, task, made) if "ask_agent" in wants else None
    if last.name == "ask_agent":
        if not _is_good(last):
            return _check(messages, task, made)
        if "run_job" in wants and not any(m.name == "run_job" for m in made):
            return _draw(messages, task)
    if last.name in ("ask_agent", "run_job"):
        return _ask_for(messages, task, _checked_draft(made), _image_url(made))
    if last.verdict == "approved" and "wait_until" in wants:
        return [
            {"text": "Approved. I wait until it is time."},
            call(messages, "wait_until", {"time": AT.findall(task)[0]}),
        ]
    if last.name == "wait_until" or (last.verdict == "approved" and _image_url(made)):
        return _publish_approved(messages, task, made)
    return None


def _check(messages: Messages, task: str, made: list[Made]) -> list[ContentBlock]:
    """Asks the evaluator about the next draft; the very first one is a sketch, and too short."""
    denials = sum(m.verdict == "denied" for m in made)
    if denials >= MAX_DRAFTS or sum(m.name == "ask_agent" for m in made) > MAX_CHECKS:
        return say("I stopped: no draft was good enough. Nothing was published.")
    comment = next((m.decision["comment"] for m in reversed(made) if m.decision), None)
    draft = SKETCH if not made else _signed(draft_post(task.partition(",")[0], denials, comment))
    asked = {"name": EVALUATOR, "task": f"{scripted_evaluator.ASKED}\n{draft}"}
    return [{"text": "The evaluator should see it first."}, call(messages, "ask_agent", asked)]


def _signed(draft: str) -> str:
    """Names Unicorn Rentals, as the evaluator wants it."""
    return draft if "Unicorn Rentals" in draft else f"{draft}\n\nYours, Unicorn Rentals"


def _draw(messages: Messages, task: str) -> list[ContentBlock]:
    given = {"job": "picture", "given": {"unicorn_color": _color(task) or "rainbow"}}
    return [{"text": "The draft is good. It needs a picture."}, call(messages, "run_job", given)]


def _ask_for(
    messages: Messages, task: str, draft: str, image_url: str | None
) -> list[ContentBlock]:
    arguments = {"unicorn_color": _color(task), "image_url": image_url}
    given = {name: value for name, value in arguments.items() if value}
    tool_input = {"content": draft, **({"arguments": given} if given else {})}
    return [
        {"text": "A person should see it before it is published."},
        call(messages, "human_approval", tool_input),
    ]


def _publish_approved(messages: Messages, task: str, made: list[Made]) -> list[ContentBlock]:
    approved = next((m for m in reversed(made) if m.verdict == "approved"), None)
    if approved is None or approved.decision is None:
        return say("I stopped: nothing was approved. Nothing was published.")
    arguments = {"unicorn_color": _color(task), "image_url": _image_url(made)}
    given = {name: value for name, value in arguments.items() if value}
    post = {"content": approved.decision["content"], **given}
    return [{"text": "It is time."}, call(messages, "publish_post", post)]


def _is_good(checked: Made) -> bool:
    """Tells what the evaluator said of a draft."""
    try:
        return json.loads(json.loads(checked.text)["said"])["ok"] is True
    except (ValueError, KeyError, TypeError):
        return False


def _checked_draft(made: list[Made]) -> str:
    checked = next(m for m in reversed(made) if m.name == "ask_agent")
    return str(checked.tool_input["task"]).partition("\n")[2]


def _image_url(made: list[Made]) -> str | None:
    """Returns the address of the picture that was drawn, if one was."""
    drawn = next((m for m in reversed(made) if m.name == "run_job"), None)
    try:
        return str(json.loads(drawn.text)["image_url"]) if drawn else None
    except (ValueError, KeyError, TypeError):
        return None


def next_turn(messages: Messages) -> list[ContentBlock]:
    """Returns the content of the assistant's next message in the walk of the example.

    Args:
        messages: The conversation; the last message is the user's task or holds tool results.
    """
    start = task_index(messages)
    task = text_of(messages[start])
    results = results_of(messages[-1]) if start < len(messages) - 1 else []
    if not results:
        return _ask(messages, task, denials=0, comment=None)
    outcome = _outcome(messages, results[-1])
    match outcome:
        case {"published": str(text)}:
            return say(f"Done. {text}")
        case {"failed": str(text)}:
            return say(f"I could not finish this task. {text}")
        case {"decision": "approved", "content": str(content)}:
            return _publish(messages, task, content, edited=outcome.get("edited") is True)
        case {"decision": "denied"}:
            denials = _denials(messages[start:])
            if denials >= MAX_DRAFTS:
                return say(
                    f"I drafted this post {denials} times and each draft was denied, so I "
                    "stopped. Nothing was published."
                )
            return _ask(messages, task, denials, outcome.get("comment"))
        case {"decision": "expired" | "cancelled" as decision}:
            why = "nobody decided in time" if decision == "expired" else "the task was cancelled"
            return say(f"I stopped because {why}. Nothing was published.")
    return say("I could not read the decision, so I stopped. Nothing was published.")


def draft_post(task: str, denials: int = 0, comment: str | None = None) -> str:
    """Returns a draft for a task, after so many denials the last of which had this comment.

    No two drafts of a task are alike: the same text is not asked about twice.
    """
    pick = int(hashlib.sha256(task.encode()).hexdigest(), 16) % len(OPENINGS)
    opening = ANSWER_OPENING if task.rstrip().endswith("?") else OPENINGS[pick]
    if denials == 0:
        return f"{opening}\n\n“{task}”\n\n{BY_A_SCRIPT}\n\n{CLOSINGS[pick]}"
    revised = "revised" if denials == 1 else "revised again"
    note = f"({revised}: {comment})" if comment else f"({revised})"
    return f"{opening}\n\n{task}\n\n{note}" if denials == 1 else f"{task}\n\n{note}"


def _ask(messages: Messages, task: str, denials: int, comment: str | None) -> list[ContentBlock]:
    draft = draft_post(task, denials, comment)
    tool_input: dict[str, Any] = {"content": draft}
    if color := _color(task):
        tool_input["arguments"] = {"unicorn_color": color}
    text = "I have a draft. " if denials == 0 else "I have changed the draft. "
    return [
        {"text": f"{text}A person should see it before it is published."},
        call(messages, "human_approval", tool_input),
    ]


def _publish(messages: Messages, task: str, content: str, edited: bool) -> list[ContentBlock]:
    tool_input = {"content": content}
    if color := _color(task):
        tool_input["unicorn_color"] = color
    text = "It was approved with an edit, and I publish it as edited." if edited else "Approved."
    return [{"text": text}, call(messages, "publish_post", tool_input)]


def _outcome(messages: Messages, result: ToolResult) -> dict[str, Any]:
    """Reads a tool result: a decision as JSON, or what became of the post.

    A decision with a `result` has been acted on already, by the gate.
    """
    decision = decision_in(result)
    if decision and "result" not in decision:
        return decision
    text = str(decision["result"]) if decision else result_text(result)
    if result["status"] == "error":
        return {"failed": text}
    is_post = decision or _tool_name(messages, result["toolUseId"]) == "publish_post"
    return {"published": text} if is_post else {}


def _denials(messages: Messages) -> int:
    decisions = (decision_in(result) for message in messages for result in results_of(message))
    return sum(1 for decision in decisions if decision and decision["decision"] == "denied")


def _tool_name(messages: Messages, tool_use_id: str) -> str:
    uses = (use for message in messages for use in uses_of(message))
    return next((use["name"] for use in uses if use["toolUseId"] == tool_use_id), "")


def _color(task: str) -> str | None:
    found = COLOR_PATTERN.search(task)
    return found.group().lower() if found else None
