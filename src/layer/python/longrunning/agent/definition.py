"""The adopter's definition of an agent. The library is handed it and imports nothing of it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from longrunning import ask_human, human_approval
from longrunning.agent.calls import ProtectedTool
from longrunning.agent.gate import Gate
from longrunning.agent.long_running import LongTool
from longrunning.people.policy import Decider

ASKING_TOOLS: tuple[str, ...] = (human_approval.TOOL_SPEC["name"], ask_human.NAME)
"""The library's own tools that ask a person."""


class UnknownAgentError(LookupError):
    """There is no agent of this name."""


@dataclass(frozen=True)
class AgentDefinition:
    """One agent: its name, how it is made for a message, and the tools that make it wait."""

    name: str
    """Its sessions are stored under it, and messages name it."""
    make_agent: Callable[[list[Any], Gate], Any]
    """Given the conversation so far and the gate of the run, makes a `strands.Agent`."""
    protected_tools: tuple[ProtectedTool, ...] = ()
    """`human_approval` asks for a call of the first one; the others pause by themselves."""
    long_tools: tuple[LongTool, ...] = ()
    max_turns: int = 30
    """Model calls in one run. A run that needs more ends, and its session is marked as failed."""
    policy: Decider | None = None
    """Who must agree to a call; None: whoever has the link may decide it."""
    max_waits: int = human_approval.DEFAULT_MAX_WAITS
    """How often one session may wait."""

    def __post_init__(self) -> None:
        """Refuses two tools of one name.

        Raises:
            ValueError: There are.
        """
        names = [*ASKING_TOOLS, *(t.name for t in self._all_tools)]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{self.name}: more than one tool is called {', '.join(twice)}")

    @property
    def _all_tools(self) -> tuple[ProtectedTool | LongTool, ...]:
        return (*self.protected_tools, *self.long_tools)

    @cached_property
    def person_tools(self) -> frozenset[str]:
        """Names of the tools whose results only a person's decision makes."""
        return frozenset((*ASKING_TOOLS, *(tool.name for tool in self.protected_tools)))

    @cached_property
    def long_tools_by_name(self) -> dict[str, LongTool]:
        """The long-running tools."""
        return {tool.name: tool for tool in self.long_tools}


class Agents:
    """All agents of a stack; the first one gets the tasks that name none."""

    def __init__(self, definitions: Iterable[AgentDefinition]) -> None:
        """Takes the definitions.

        Raises:
            ValueError: There is none, or two have one name.
        """
        self._all = tuple(definitions)
        self._by_name = {agent.name: agent for agent in self._all}
        if not self._all or len(self._by_name) < len(self._all):
            raise ValueError("agents: expected one or more, each with a name of its own")

    def named(self, name: str | None) -> AgentDefinition:
        """Returns the agent of a name, or the first one.

        Raises:
            UnknownAgentError: There is none; the text has the names that there are.
        """
        if name is None:
            return self._all[0]
        if name not in self._by_name:
            raise UnknownAgentError(f"agent_name: expected one of {', '.join(self._by_name)}")
        return self._by_name[name]

    def long_tool(self, name: str) -> LongTool | None:
        """Returns the long-running tool of a name, whichever agent has it."""
        return next((a.long_tools_by_name[name] for a in self._all if name in a.long_tools_by_name),
                    None)  # fmt: skip
