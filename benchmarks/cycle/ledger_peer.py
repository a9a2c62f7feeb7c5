"""Strands snapshots in S3 beside a ledger in DynamoDB: the least that is equal to our record.

The snapshot keeps the conversation, the ledger the approvals. Each write of the ledger returns what
the next step needs, so no call only reads.
"""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import boto3
from strands import ToolContext, tool
from strands.session import SnapshotSessionManager
from strands.storage import S3Storage

from benchmarks.cycle.contender import DIGESTS, EQUAL, Contender, Cycle, Offers
from benchmarks.cycle.conversation import (
    ASK,
    PUBLISHED,
    Conversation,
    ScriptedModel,
    answer_to,
)
from benchmarks.cycle.engine import BUCKETS
from benchmarks.cycle.ledger import Ledger
from benchmarks.cycle.meter import Meter
from benchmarks.cycle.strands_agent import make_agent


def ledger_peers(meter: Meter) -> Iterator[Contender]:
    """Makes the contenders; their clients are made once and kept."""
    storage, dynamodb = S3Storage(BUCKETS["peers"]), boto3.client("dynamodb")
    for name, keeps_text, record in (
        (EQUAL, True, "yes"),
        (DIGESTS, False, "of its digest; the text is in the conversation alone"),
    ):
        yield Contender(
            name,
            _sessions(Ledger(dynamodb, keeps_text), storage, meter),
            Offers(record, "yes", "yes"),
            is_close=True,
        )


@tool(name=ASK, context=True)
def asking(content: str, tool_context: ToolContext) -> str:
    """Asks a person, with Strands' own interrupt, and says for which call.

    Args:
        content: The text to approve.
        tool_context: Strands' own.
    """
    reason = {"content": content, "tool_use_id": tool_context.tool_use["toolUseId"]}
    answer: str = tool_context.interrupt("approval", reason=reason)
    return answer


def _sessions(ledger: Ledger, storage: S3Storage, meter: Meter) -> Callable[[Conversation], Cycle]:
    return lambda conversation: _open(ledger, storage, meter, conversation)


def _open(ledger: Ledger, storage: S3Storage, meter: Meter, conversation: Conversation) -> Cycle:
    """An agent that a snapshot manager loads and saves; the record is put before the e-mail."""
    model, session_id = ScriptedModel(conversation.post_bytes), conversation.session_id
    approved = ""

    @tool
    def publish_post(content: str) -> str:
        """Publishes a post, once for each approval.

        Args:
            content: The text.
        """
        ledger.spend(session_id, approved, content)
        return PUBLISHED

    def run(prompt: Any, messages: list[Any] | None = None) -> Any:
        manager = SnapshotSessionManager(session_id, storage=storage)
        tools = [asking, publish_post]
        result = make_agent(model, messages, tools, session_manager=manager)(prompt)
        for interrupt in result.interrupts or ():
            reason = interrupt.reason
            ledger.ask(session_id, reason["tool_use_id"], reason["content"])
        return result

    result = run(conversation.task, copy.deepcopy(conversation.earlier))

    def cycle() -> None:
        nonlocal result, approved
        (interrupt,) = result.interrupts
        approved = interrupt.reason["tool_use_id"]
        with meter.measured():
            ledger.decide(session_id, approved)
            ledger.claim(session_id, approved)
            answer = answer_to(interrupt.reason["content"])
            response = {"interruptId": interrupt.id, "response": answer}
            result = run([{"interruptResponse": response}])

    return cycle
