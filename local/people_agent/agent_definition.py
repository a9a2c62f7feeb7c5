"""The support agent of `make demo STORY=people`: refunds need two of three, small ones a rule.

It stands in the place of the example's file of this name; `script.json` beside it is its model, and
`people.toml` says who there is. Nobody is paid: there is no bank.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import boto3
from strands import Agent

from longrunning import ask_human, human_approval
from longrunning.agent.calls import ProtectedTool
from longrunning.agent.definition import AgentDefinition
from longrunning.agent.gate import Gate
from longrunning.agent.scripted.model import ScriptedModel
from longrunning.people.policy import Policy
from longrunning.waits.item import Call

AGENT_NAME = "support"
SCRIPT = Path(__file__).with_name("script.json")

REFUND_SPEC: dict[str, Any] = {
    "name": "send_refund",
    "description": "Pays money back for an order.",
    "inputSchema": {
        "json": {
            "type": "object",
            "properties": {
                "order_id": {"type": "string", "pattern": "^[0-9]{4}$"},
                "amount": {
                    "type": "number",
                    "title": "Amount in EUR",
                    "exclusiveMinimum": 0,
                    "maximum": 500,
                },
                "reason": {"type": "string", "enum": ["late", "broken", "other"]},
            },
            "required": ["order_id", "amount", "reason"],
        }
    },
}


class RefundRefusedError(Exception):
    """The bank will never make this refund."""


def send_refund(order_id: str, amount: float, reason: str, *, idempotency_key: str) -> str:
    """Pays nothing, and says what it would have paid."""
    return f"Paid {amount:.2f} EUR for order {order_id} ({reason})."


def policy(call: Call, requested_by: str | None) -> Policy:
    """Two of three agree to a refund, but never the one who wants it; small ones pass."""
    if call.action == "send_refund" and call.arguments["amount"] <= 50:
        return Policy.decide("approved", rule="small-refund")
    if call.action == "send_refund":
        people = ("ann", "bob", "cyd", "dan")
        return Policy(people=people, needed=2, self_approval=False)
    return Policy(people=("cyd",))


def make_agents(session: boto3.Session, settings: Mapping[str, str]) -> Iterator[AgentDefinition]:
    """Makes the agent."""
    yield AgentDefinition(
        name=AGENT_NAME,
        make_agent=partial(make_agent, ScriptedModel(SCRIPT)),
        protected_tools=(
            ProtectedTool(
                REFUND_SPEC,
                send_refund,
                RefundRefusedError,
                content_field=None,
                done="refunded",
                editable=("amount", "reason"),
            ),
        ),
        policy=policy,
    )


def make_agent(model: ScriptedModel, messages: list[Any], gate: Gate) -> Agent:
    """Makes the agent for one queue message."""
    return Agent(
        name=AGENT_NAME,
        model=model,
        messages=messages,
        tools=[human_approval, ask_human, *gate.agent_tools()],
        hooks=[gate],
        callback_handler=None,
    )
