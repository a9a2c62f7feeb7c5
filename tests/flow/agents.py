"""Agents as adopters make them: with tools, hooks and settings of their own."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from strands import Agent
from strands.tools.tools import PythonAgentTool

import agent_definition
from longrunning.human_approval import pause


def give_tools(monkeypatch: pytest.MonkeyPatch, *tools: Any) -> None:
    """Gives the agent further tools that need no approval."""
    monkeypatch.setattr(agent_definition, "OTHER_TOOLS", list(tools))


def change_agent(monkeypatch: pytest.MonkeyPatch, change: Callable[[Agent], Any]) -> None:
    """Makes the agent as an adopter would who adds something in `make_agent`."""
    make_agent = agent_definition.make_agent

    def changed(*given: Any) -> Agent:
        agent = make_agent(*given)
        change(agent)
        return agent

    monkeypatch.setattr(agent_definition, "make_agent", changed)


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


def _spec(name: str, schema: dict[str, Any] | None) -> dict[str, Any]:
    given = schema or {"type": "object", "properties": {}}
    return {"name": name, "description": name, "inputSchema": {"json": given}}
