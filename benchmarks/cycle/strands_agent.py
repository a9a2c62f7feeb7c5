"""The agent that every contender of Strands runs."""

from typing import Any

from strands import Agent
from strands.agent.conversation_manager import NullConversationManager

from agent_definition import AGENT_NAME, SYSTEM_PROMPT
from benchmarks.cycle.conversation import ScriptedModel


def make_agent(
    model: ScriptedModel, messages: list[Any] | None, tools: list[Any], **options: Any
) -> Agent:
    """Makes the agent that all of them run."""
    return Agent(
        name=AGENT_NAME,
        agent_id=AGENT_NAME,
        model=model,
        system_prompt=SYSTEM_PROMPT,
        messages=messages,
        tools=tools,
        callback_handler=None,
        conversation_manager=NullConversationManager(),
        **options,
    )
