"""EDIT ME: the agent. Its name, prompt, model, tools, and which tools need an approval.

This file and `publish_post.py` are the two to change for an agent of your own; the rest is how it
pauses, and does not know what it is about. `docs/adapt.md` walks through both.
"""

from collections.abc import Callable
from typing import Any

from botocore.config import Config
from strands import Agent, ModelRetryStrategy
from strands.models.model import Model

import publish_post
from conversation_window import BlockwiseWindow
from gate import Gate, ProtectedTool
from longrunning import human_approval

AGENT_NAME = "post-generator"

SYSTEM_PROMPT = """\
You write posts for UniTok, the social network of unicorn lovers, on behalf of Unicorn Rentals.
Given a task, write one short, friendly post. Then ask for approval of its complete text with
human_approval. When it is approved, call publish_post with exactly the approved text. When it is
denied, revise it as the comment asks and ask again, or stop. Never publish what was not approved.
"""

MAX_TURNS = 30
"""Model calls in one run. A run that needs more is ended, and its session is marked as failed."""

MAX_WINDOW_MESSAGES, TRIMMED_WINDOW_MESSAGES = 1_000, 800
"""Beyond the one the conversation is trimmed to the other; its first message, the task, stays."""

OTHER_TOOLS: list[Any] = []
"""Tools that need no approval: what they do may happen more than once, after a crash."""

STARTERS: dict[str, Callable[[str, str, dict[str, Any]], None]] = {}
"""What starts the work behind a long-running tool that is no approval, by tool name.

Called with session id, tool use id and the tool's input, after the pause is saved; possibly more
than once, so pass the tool use id on as the job's idempotency key. Whatever it starts sends an
`existing` message to the task queue when it is done.
"""


def make_model(model_id: str, region: str) -> Model:
    """Makes the model: `scripted`, or a Bedrock model by its id.

    Any other provider of Strands is one line here: import it and return it.
    """
    if model_id == "scripted":
        from scripted_model import ScriptedModel

        return ScriptedModel()
    from strands.models.bedrock import BedrockModel

    # Seconds; both attempts together end before the run does, so that a stall is a fault like any
    # other and not the end of the process.
    timeouts = Config(connect_timeout=5, read_timeout=40, retries={"total_max_attempts": 2})
    return BedrockModel(model_id=model_id, region_name=region, boto_client_config=timeouts)


def make_protected_tools(publisher: publish_post.Publish) -> tuple[ProtectedTool, ...]:
    """Names the tools that need an approval.

    `human_approval` asks for a call of the first one; every other one pauses by itself when the
    model calls it.
    """
    publish = ProtectedTool(
        spec=publish_post.TOOL_SPEC,
        function=publisher,
        refused=publish_post.PublishRefusedError,
    )
    return (publish,)


def make_agent(model: Model, messages: list[Any], gate: Gate) -> Agent:
    """Makes the agent for one queue message; nothing of it outlives the message.

    Args:
        model: As `make_model` made it.
        messages: The conversation so far; empty for a new task.
        gate: The gate of this run; it must stay among the hooks.
    """
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
