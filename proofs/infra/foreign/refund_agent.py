"""An agent of another project: it has the library as a package, and nothing else of this one."""

from collections.abc import Iterator
from typing import Any

from strands import Agent
from strands.models.model import Model

from longrunning.agent.calls import ProtectedTool
from longrunning.agent.definition import AgentDefinition

ORDER = {"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]}
SPEC: Any = {"name": "refund", "description": "Pays back.", "inputSchema": {"json": ORDER}}
paid: dict[str, str] = {}


class RefundRefusedError(Exception):
    """The bank says no for good."""


def refund(order: str, *, idempotency_key: str) -> str:
    """Pays an order back; the same key pays once."""
    paid.setdefault(idempotency_key, order)
    return f"{len(paid)} paid."


def make_agents(model: Model) -> Iterator[AgentDefinition]:
    """Makes the one agent."""
    tool = ProtectedTool(SPEC, refund, RefundRefusedError, content_field=None, done="refunded")

    def make_agent(messages: list[Any], gate: Any) -> Agent:
        tools = gate.agent_tools()
        return Agent(
            model=model, messages=messages, tools=tools, hooks=[gate], callback_handler=None
        )

    yield AgentDefinition("refunds", make_agent, protected_tools=(tool,))
