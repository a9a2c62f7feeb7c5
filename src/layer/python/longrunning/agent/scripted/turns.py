"""An adopter's own script: the turns of the scripted model, from `script.json` in this folder.

    [
        [{"tool": "lookup_order", "input": {"order_id": "A-17"}}],
        ["The customer is right.", {"tool": "send_refund", "input": {"order_id": "A-17",
                                                                     "amount": 25}}],
        "Done: {task}"
    ]

A list of turns. A turn is a text, which ends the task, or a list of calls, with texts between them
if you like; `{task}` in any text is the task. The turns are played in order, whatever the tools
answer. A script that ends too early or cannot be played says so in the agent's last words.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strands.types.content import ContentBlock, Messages

from longrunning.agent.scripted.player import last_words
from longrunning.agent.scripted.reading import call, calls_made, say, task_index, text_of

NAME = "src/agent/script.json"


@dataclass(frozen=True)
class Turns:
    """A script as it was read: its turns, or what is wrong with it."""

    turns: tuple[Any, ...] = ()
    problem: str = ""


def read(path: Path) -> Turns | None:
    """Reads a script; None where there is none."""
    try:
        turns = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        return Turns(problem=f"it is no JSON: {error}")
    if not isinstance(turns, list) or not turns:
        return Turns(problem="expected a list of turns")
    problems = (_problem(turn, number, len(turns)) for number, turn in enumerate(turns, 1))
    return Turns(tuple(turns), next(filter(None, problems), ""))


def play(messages: Messages, script: Turns, tool_names: list[str]) -> list[ContentBlock]:
    """Returns the content of the assistant's next message.

    Args:
        messages: The conversation; the last message is the user's task or holds tool results.
        script: The turns.
        tool_names: The tools that there are.
    """
    start = task_index(messages)
    number = sum(message["role"] == "assistant" for message in messages[start:])
    task = text_of(messages[start])
    if script.problem:
        return say(f"I could not play {NAME}: {script.problem}.")
    if number >= len(script.turns):
        told = last_words(calls_made(messages[start:]))
        return say(f"{NAME} has no turn {number + 1}, so I end here. {told}")
    turn = _filled(script.turns[number], task)
    if isinstance(turn, str):
        return say(turn)
    if unknown := [block["tool"] for block in _calls(turn) if block["tool"] not in tool_names]:
        return say(
            f"I could not play {NAME}: turn {number + 1} calls {unknown[0]}, and there is no "
            f"such tool. There are: {', '.join(tool_names)}."
        )
    return [
        {"text": block}
        if isinstance(block, str)
        else call(messages, block["tool"], block.get("input", {}), place)
        for place, block in enumerate(turn)
    ]


def _problem(turn: Any, number: int, count: int) -> str:
    """Returns what is wrong with a turn, or ""."""
    where = f"turn {number}"
    if isinstance(turn, str):
        ends = number == count
        if not turn.strip():
            return f"{where}: expected a text that is not empty"
        return "" if ends else f"{where} is a text, which ends the task, and turns follow it"
    if not isinstance(turn, list) or not all(_is_block(block) for block in turn):
        return f'{where}: expected a text, or a list of {{"tool": "…", "input": {{…}}}}'
    return "" if _calls(turn) else f"{where}: expected a call in it, or a text alone"


def _is_block(block: Any) -> bool:
    if isinstance(block, str):
        return bool(block.strip())
    is_call = isinstance(block, dict) and block.keys() <= {"tool", "input"}
    return (
        is_call and isinstance(block.get("tool"), str) and isinstance(block.get("input", {}), dict)
    )


def _calls(turn: list[Any]) -> list[dict[str, Any]]:
    return [block for block in turn if isinstance(block, dict)]


def _filled(value: Any, task: str) -> Any:
    """Puts the task in the place of `{task}`, however deep."""
    match value:
        case str():
            return value.replace("{task}", task)
        case list():
            return [_filled(inner, task) for inner in value]
        case dict():
            return {key: _filled(inner, task) for key, inner in value.items()}
    return value
