"""The tool `human_approval`: asks a person, and stops the agent until there is an answer.

The tool does not wait. It leaves a placeholder as its result and stops the loop; the handler saves
the conversation, and a decision puts the real result in the placeholder's place.

Source: Strands, "Python tools: module based": name of the module, of the tool and of the function
agree.
"""

from datetime import timedelta
from inspect import signature
from typing import Any

from longrunning.messages import MAX_CONTENT_BYTES, tool_result
from longrunning.waits import timeouts

MAX_WAITS = 20
"""Tool uses of one turn that wait: one transaction claims them and what is left of earlier ones."""

TOO_MANY = f"Too much at once: {MAX_WAITS} tools wait already. Call this again after those."

DEFAULT_MAX_WAITS = 500
"""Waits of one session, all its turns together: an agent that never ends must end."""

ToolUse = dict[str, Any]
ToolResult = dict[str, Any]

TOOL_SPEC: dict[str, Any] = {
    "name": "human_approval",
    "description": (
        "Asks a person to approve a text before anything is done with it. Give the complete final "
        "text: what is done must be exactly what was approved. The answer can take days; you are "
        "stopped and continue when it is there. The person may approve, deny with a comment, or "
        "edit the text."
    ),
    "inputSchema": {
        "json": {
            "type": "object",
            "properties": {
                "content": {
                    "type": "string",
                    "minLength": 1,
                    "description": "The complete text to approve, exactly as it will be used.",
                },
                "arguments": {
                    "type": "object",
                    "description": (
                        "The other arguments of the call that uses it, if they differ from its "
                        "defaults. The person sees them too."
                    ),
                },
            },
            "required": ["content"],
        }
    },
}


def human_approval(tool: ToolUse, **kwargs: Any) -> ToolResult:
    """Asks a person: notes the tool use and stops the agent.

    Args:
        tool: The Converse tool use: `{"toolUseId": …, "name": …, "input": {"content": …}}`.
        **kwargs: Strands' invocation state: `request_state`, `agent`, `session_id`, …

    Returns:
        A placeholder result; or an error result at once, and no pause, for content that nobody
        could decide on.
    """
    given = tool.get("input")
    if problem := _problem(given.get("content") if isinstance(given, dict) else None):
        return tool_result(tool["toolUseId"], "error", problem)
    return pause(tool, "Waiting for a person's decision.", **kwargs)


def pause(
    tool: ToolUse,
    placeholder: str,
    *,
    within: timedelta | None = None,
    look_at: int | None = None,
    most: int | None = None,
    by_callback: bool = False,
    **kwargs: Any,
) -> ToolResult:
    """Stops the agent after this turn, to wait for the result of a tool use.

    Any tool that takes longer than a function may run returns this.

    Args:
        tool: The tool use that waits.
        placeholder: The result until the real one comes; the model never reads it.
        within: How long the result may take, a minute to five years; 30 days where it is not said.
            After that the model is told that none came. An approval has the stack's own time.
        look_at: When its source is asked for the result first, in epoch seconds; None: never.
        most: How often the session may wait for this tool.
        by_callback: Whether only `POST /callbacks/{token}` answers it.
        **kwargs: Strands' invocation state.

    Returns:
        The placeholder as a Converse `toolResult`; or an error result at once, and no pause, where
        nobody could go on later: inside another agent, with a time that is out of bounds, or too
        often.
    """
    request_state = kwargs["request_state"]
    if problem := _no_pause(within, request_state, kwargs):
        return tool_result(tool["toolUseId"], "error", problem)
    waiting = request_state.setdefault("waiting", [])
    noted = {"tool_use_id": tool["toolUseId"], "tool_name": tool["name"]}
    if within is not None:
        noted["within_seconds"] = int(within.total_seconds())
    if look_at is not None:
        noted["look_at"] = look_at
    if by_callback:
        noted["by_callback"] = True
    waiting.append(noted)  # Before they are counted: tools of a turn run side by side.
    if problem := _too_often(tool["name"], most, request_state):
        waiting.remove(noted)
        return tool_result(tool["toolUseId"], "error", problem)
    request_state.setdefault("session_id", kwargs.get("session_id"))
    _stop(request_state, kwargs.get("agent"))
    return tool_result(tool["toolUseId"], "success", placeholder)


def _stop(request_state: dict[str, Any], agent: Any) -> None:
    """Ends the run after this turn: by the flag of Strands 1.54, or by what 1.62 has instead."""
    request_state["stop_event_loop"] = True
    if agent and "after_current_tools" in signature(agent.cancel).parameters:
        agent.cancel(after_current_tools=True)


def _no_pause(
    within: timedelta | None, request_state: dict[str, Any], kwargs: dict[str, Any]
) -> str | None:
    """Returns why nobody could go on later.

    Only the session's own agent is saved. An agent that a tool of it runs has another state, or
    got its state handed on.
    """
    agent, own = kwargs.get("agent"), kwargs.get("session_agent")
    is_in_session = request_state.get("session_id") or kwargs.get("session_id")
    if agent is not None and not (is_in_session and (own is None or own is agent)):
        return "This agent cannot wait, only the one that was given the task. Answer that one."
    if within is not None and not (
        timeouts.MIN_WITHIN_SECONDS <= within.total_seconds() <= timeouts.MAX_WITHIN_SECONDS
    ):
        return "within: expected a minute to 1826 days."
    return None


def _too_often(name: str, most: int | None, request_state: dict[str, Any]) -> str | None:
    """Returns why this turn or this session can wait for nothing more."""
    waiting, before = request_state["waiting"], request_state.get("waits_before", {})
    if len(waiting) > MAX_WAITS:
        return TOO_MANY
    if most is not None and before.get(name, 0) + _count(waiting, name) > most:
        return f"No more of {name}: one session may wait for it {most} times."
    most_in_all = request_state.get("max_waits", DEFAULT_MAX_WAITS)
    if sum(before.values()) + len(waiting) > most_in_all:
        return f"No more waits: this session has waited {most_in_all} times. Come to an end."
    return None


def _count(waiting: list[dict[str, Any]], name: str) -> int:
    return sum(noted["tool_name"] == name for noted in waiting)


def _problem(content: Any) -> str | None:
    if not isinstance(content, str) or not content.strip():
        return "content: expected the text to approve."
    try:
        size = len(content.encode())
    except UnicodeEncodeError:
        return "content: expected valid Unicode."
    if size > MAX_CONTENT_BYTES:
        return f"content: {size} bytes of UTF-8, at most {MAX_CONTENT_BYTES} can be approved."
    return None
