"""The tests' own definition of an agent, of the same form as `src/agent/agent_definition.py`.

The tests of the library run with this one, so that they stay when you replace the project's own.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from strands import Agent, ModelRetryStrategy
from strands.models.model import Model

import sample_post
from longrunning import human_approval
from longrunning.agent.calls import ProtectedTool
from longrunning.agent.conversation_window import BlockwiseWindow
from longrunning.agent.definition import AgentDefinition
from longrunning.agent.gate import Gate
from longrunning.agent.long_running import LongTool
from longrunning.agent.scripted.model import ScriptedModel

AGENT_NAME = "post-generator"
SYSTEM_PROMPT = "You write posts. You ask for approval with human_approval, then publish."
MAX_TURNS = 30
MAX_WINDOW_MESSAGES, TRIMMED_WINDOW_MESSAGES = 1_000, 800
SCRIPT = Path(__file__).with_name("script.json")
"""Is not there: the scripted model plays the tools that it finds."""

OTHER_TOOLS: list[Any] = []
LONG_TOOLS: tuple[LongTool, ...] = ()


def make_agents(session: Any, settings: Mapping[str, str]) -> Iterator[AgentDefinition]:
    """Makes the one agent, as the project's definition makes its first one."""
    model = make_model(settings["MODEL_ID"], session)
    yield AgentDefinition(
        name=AGENT_NAME,
        make_agent=partial(make_agent, model),
        protected_tools=make_protected_tools(sample_post.make_publisher()),
        long_tools=(*LONG_TOOLS, *make_long_tools(session, settings)),
        max_turns=MAX_TURNS,
    )


def make_long_tools(_: Any, __: Mapping[str, str]) -> tuple[LongTool, ...]:
    """Makes the long-running tools that need a client: none, until a test gives some."""
    return ()


def make_model(_: str, __: Any) -> Model:
    """Makes the scripted model; `World.play` puts a model with a test's own script in its place."""
    return ScriptedModel(SCRIPT, [])


def make_protected_tools(publisher: Callable[..., str]) -> tuple[ProtectedTool, ...]:
    """Names the tools that need an approval."""
    publish = ProtectedTool(
        spec=sample_post.TOOL_SPEC,
        function=publisher,
        refused=sample_post.PublishRefusedError,
        done="published",
    )
    return (publish,)


def make_agent(model: Model, messages: list[Any], gate: Gate) -> Agent:
    """Makes the agent for one queue message."""
    return Agent(
        name=AGENT_NAME,
        model=model,
        system_prompt=SYSTEM_PROMPT,
        messages=messages,
        tools=[human_approval, *gate.agent_tools(), *OTHER_TOOLS],
        hooks=[gate],
        callback_handler=None,
        conversation_manager=BlockwiseWindow(MAX_WINDOW_MESSAGES, TRIMMED_WINDOW_MESSAGES),
        retry_strategy=ModelRetryStrategy(max_attempts=3, initial_delay=1, max_delay=8),
    )
