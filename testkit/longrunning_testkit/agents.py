"""An agent made of the tools that a test gives it, and the script that is its model."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from strands import Agent
from strands.models.model import Model

from longrunning import ask_human, human_approval
from longrunning.agent.calls import ProtectedTool
from longrunning.agent.definition import AgentDefinition
from longrunning.agent.gate import Gate
from longrunning.agent.long_running import LongTool

MakeAgents = Callable[[Model], Iterable[AgentDefinition]]
"""From the model that plays the script to the agents; the first one gets the tasks."""


def an_agent(model: Model, *tools: Any, name: str = "tested-agent") -> AgentDefinition:
    """Makes an agent of some tools: protected ones, long-running ones and any other of Strands.

    Args:
        model: What plays the script.
        *tools: In the order in which the model is told of them, each kind by itself.
        name: The agent's name.
    """
    protected = tuple(tool for tool in tools if isinstance(tool, ProtectedTool))
    long = tuple(tool for tool in tools if isinstance(tool, LongTool))
    others = [tool for tool in tools if not isinstance(tool, ProtectedTool | LongTool)]

    def make_agent(messages: list[Any], gate: Gate) -> Agent:
        return Agent(
            name=name,
            model=model,
            system_prompt="You do what the script says.",
            messages=messages,
            tools=[human_approval, ask_human, *gate.agent_tools(), *others],
            hooks=[gate],
            callback_handler=None,
        )

    return AgentDefinition(
        name=name, make_agent=make_agent, protected_tools=protected, long_tools=long
    )


def no_script(*_: str) -> Model:
    """Says that a script is missing."""
    raise AssertionError("the model has no script: call world.play first")


@dataclass
class Definition:
    """What stands in the place of the module `agent_definition`."""

    make: MakeAgents
    make_model: Callable[..., Model] = no_script

    def make_agents(self, *_: Any) -> Iterable[AgentDefinition]:
        """Makes the agents, once for each Lambda environment."""
        return self.make(self.make_model("", ""))
