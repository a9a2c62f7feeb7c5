"""The tool `human_approval`: asks a person, and stops the agent until there is an answer.

The tool does not wait. It leaves a placeholder as its result and stops the loop; the handler saves
the conversation, and a decision puts the real result in the placeholder's place.

Source: Strands, "Python tools: module based": name of the module, of the tool and of the function
agree.
"""

from datetime import timedelta
from typing import Any

from longrunning import timeouts
from longrunning.messages import MAX_CONTENT_BYTES, tool_result

MAX_WAITS = 20
"""Tool uses of one turn that wait: one transaction claims them and what is left of earlier ones."""

TOO_MANY = f"Too much at once: {MAX_WAITS} tools wait already. Call this again after those."

ToolUse = dict[str, Any]
ToolResult = dict[str, Any]

TOOL_SPEC: dict[str, Any] = {
    "name": "human_approval",
    "description": (
        "Asks a person to approve a text before it is published. Give the complete final text: "
        "what is published must be exactly what was approved. The answer can take days; you are "
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
                    "description": "The complete text to approve, exactly as it will be published.",
                },
                "arguments": {
                    "type": "object",
                    "description": (
                        "The other arguments of the call that publishes, if they differ from its "
                        "defaults. The person sees them too."
                    ),
                },
            },
            "required": ["content"],
        }
    },
}


class CannotStartError(Exception):
    """What a starter raises for what will never work; its text is the model's answer."""


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
    tool: ToolUse, placeholder: str, *, within: timedelta | None = None, **kwargs: Any
) -> ToolResult:
    """Stops the agent after this turn, to wait for the result of a tool use.

    Any tool that takes longer than a function may run returns this.

    Args:
        tool: The tool use that waits.
        placeholder: The result until the real one comes; the model never reads it.
        within: How long the result may take, a minute to five years; 30 days where it is not said.
            After that the model is told that none came. An approval has the stack's own time.
        **kwargs: Strands' invocation state.

    Returns:
        The placeholder as a Converse `toolResult`; or an error result at once, and no pause, where
        nobody could go on later: inside another agent, or with a time that is out of bounds.
    """
    request_state = kwargs["request_state"]
    if problem := _no_pause(within, request_state, kwargs):
        return tool_result(tool["toolUseId"], "error", problem)
    waiting = request_state.setdefault("waiting", [])
    noted = {"tool_use_id": tool["toolUseId"], "tool_name": tool["name"]}
    if within is not None:
        noted["within_seconds"] = int(within.total_seconds())
    waiting.append(noted)
    if len(waiting) > MAX_WAITS:  # Counted after it was added: tools of a turn run side by side.
        waiting.remove(noted)
        return tool_result(tool["toolUseId"], "error", TOO_MANY)
    request_state.setdefault("session_id", kwargs.get("session_id"))
    request_state["stop_event_loop"] = True
    if agent := kwargs.get("agent"):
        agent.cancel(after_current_tools=True)  # The flag's successor: the SDK may drop the flag.
    return tool_result(tool["toolUseId"], "success", placeholder)


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
