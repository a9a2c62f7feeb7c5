"""A second agent: it checks a draft against the brand's rules before a person is bothered."""

from typing import Any

from strands import Agent
from strands.models.model import Model

from longrunning.agent.definition import AgentDefinition
from longrunning.agent.gate import Gate

AGENT_NAME = "brand-evaluator"

SYSTEM_PROMPT = """\
You check drafts of posts for Unicorn Rentals. A draft is good if it
1. has at least 40 characters,
2. has at most 1,000 characters,
3. names Unicorn Rentals,
4. promises nothing for free.
Answer with JSON alone: {"ok": true, "why": ""}, or {"ok": false, "why": "which rule, and how"}.
"""


def make_evaluator(model: Model) -> AgentDefinition:
    """Makes the definition; it has no tools, so it ends with its first answer."""

    def make_agent(messages: list[Any], gate: Gate) -> Agent:
        return Agent(
            name=AGENT_NAME,
            model=model,
            system_prompt=SYSTEM_PROMPT,
            messages=messages,
            hooks=[gate],
            callback_handler=None,
        )

    return AgentDefinition(name=AGENT_NAME, make_agent=make_agent, max_turns=3)
