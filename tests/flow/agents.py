"""Agents as adopters make them: with tools, hooks and settings of their own."""

import functools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from strands import Agent
from strands.tools.tools import PythonAgentTool

import agent_handler
from longrunning.agent.long_running import LongTool, long_running
from longrunning.human_approval import pause


def definition() -> Any:
    """The module that defines the agents of the world that there is."""
    return agent_handler.agent_definition


def give_tools(monkeypatch: pytest.MonkeyPatch, *tools: Any) -> None:
    """Gives the agent further tools that need no approval."""
    monkeypatch.setattr(definition(), "OTHER_TOOLS", list(tools))


def change_agent(monkeypatch: pytest.MonkeyPatch, change: Callable[[Agent], Any]) -> None:
    """Makes the agent as an adopter would who adds something in `make_agent`."""
    make_agent = definition().make_agent

    def changed(*given: Any) -> Agent:
        agent = make_agent(*given)
        change(agent)
        return agent

    monkeypatch.setattr(definition(), "make_agent", changed)


def a_tool(name: str, result: Any = "ok", schema: dict[str, Any] | None = None) -> PythonAgentTool:
    """A tool that answers at once: with a text, or with Converse's content blocks."""
    content = [{"text": result}] if isinstance(result, str) else result

    def run(tool: Any, **_: Any) -> Any:
        return {"toolUseId": tool["toolUseId"], "status": "success", "content": content}

    return PythonAgentTool(name, _spec(name, schema), run)  # type: ignore[arg-type]


def a_job(
    name: str = "render", within: timedelta | None = None, schema: dict[str, Any] | None = None
) -> PythonAgentTool:
    """A tool whose result comes later, by a message."""

    def wait(tool: Any, **state: Any) -> Any:
        return pause(tool, "Wait.", within=within, **state)

    return PythonAgentTool(name, _spec(name, schema), wait)  # type: ignore[arg-type]


def a_long_tool(
    start: Callable[..., None] = lambda wait: None, within: timedelta = timedelta(days=30)
) -> LongTool:
    """A long-running tool `render` without `look`: a message brings its result.

    Args:
        start: Called with the wait, and with the input that it names.
        within: How long its result may take.
    """

    @functools.wraps(start)
    def render(*given: Any, **more: Any) -> None:
        start(*given, **more)

    render.__name__ = "render"
    return long_running(within=within)(render)


def give_long_tools(monkeypatch: pytest.MonkeyPatch, *tools: LongTool) -> None:
    """Gives the agent these long-running tools and no others."""
    monkeypatch.setattr(definition(), "LONG_TOOLS", tools)
    monkeypatch.setattr(definition(), "make_long_tools", lambda *_: ())


def _spec(name: str, schema: dict[str, Any] | None) -> dict[str, Any]:
    given = schema or {"type": "object", "properties": {}}
    return {"name": name, "description": name, "inputSchema": {"json": given}}
